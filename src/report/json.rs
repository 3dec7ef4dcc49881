//! `--format json`: one document that sums the run up. Its schema is
//! `docs/verify-summary.schema.json`.
use super::RunReporter;
use super::collect::{Collected, Unread};
use serde::Serialize;
use serde_json::{Map, Value, json, to_value};
use std::io::{self, Write};
use trailproof_core::event::RunEvent;
use trailproof_core::event::wire::{
    ChainFinishedShape, ChainShape, ExplainingShape, FailureShape, FindingShape, RunFinishedShape,
    SCHEMA, SegmentShape, Time,
};

/// See the module's words.
#[derive(Debug)]
pub struct Json<W> {
    out: W,
    collected: Collected,
}

impl<W: Write> Json<W> {
    /// The document onto `out`, once the run is finished.
    pub fn new(out: W) -> Self {
        Self { out, collected: Collected::default() }
    }
}

impl<W: Write + Send> RunReporter for Json<W> {
    fn event(&mut self, event: &RunEvent) -> io::Result<()> {
        self.collected.take(event);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut self.out, &document(&self.collected)?)?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}

fn document(run: &Collected) -> serde_json::Result<Value> {
    let mut value = match &run.summary {
        Some(summary) => object(RunFinishedShape::from(summary))?,
        None => Map::new(),
    };
    value.insert("schema".into(), SCHEMA.into());
    value.insert("tool".into(), "trailproof".into());
    // A run that was cut short has no verdict, and says so.
    value.insert("complete".into(), run.summary.is_some().into());
    if let Some(start) = &run.start {
        value.insert("version".into(), start.tool.version.clone().into());
        value.insert("location".into(), start.location.clone().into());
        value.insert("end_was_future".into(), start.end_was_future.into());
        value.insert("complete_copy_asserted".into(), start.complete_copy.into());
        value.insert("from".into(), to_value(Time(start.period.start))?);
        value.insert("to".into(), to_value(Time(start.period.end))?);
    }
    value.insert("trails_left_out".into(), json!(run.left_out));
    value.insert("chain_summaries".into(), list(&run.chains, ChainFinishedShape::from)?);
    let mut findings = Vec::new();
    for told in &run.findings.entries {
        findings.push(json!({
            "chain": to_value(ChainShape::from(&told.chain))?,
            "bucket": told.at.bucket,
            "key": told.at.key,
            "finding": to_value(FindingShape::from(&told.finding))?,
            "lifecycle_rule_looks_the_same": told.lifecycle,
        }));
    }
    value.insert("findings".into(), findings.into());
    let mut unread = Vec::new();
    for Unread { at, why, .. } in &run.unread.entries {
        let why = to_value(FailureShape::from(why))?;
        unread.push(json!({ "bucket": at.bucket, "key": at.key, "read_failure": why }));
    }
    value.insert("unverified".into(), unread.into());
    let mut listings = Vec::new();
    for (folder, why) in &run.listings_unread.entries {
        let why = to_value(FailureShape::from(why))?;
        listings.push(json!({ "folder": folder, "read_failure": why }));
    }
    value.insert("unread_listings".into(), listings.into());
    let mut gaps = Vec::new();
    for gap in &run.gaps.entries {
        gaps.push(json!({
            "chain": to_value(ChainShape::from(&gap.chain))?,
            "segment": to_value(SegmentShape::from(&gap.segment))?,
            "explained_by": list(&gap.explained, ExplainingShape::from)?,
        }));
    }
    value.insert("uncovered".into(), gaps.into());
    let unlisted =
        run.unlisted.entries.iter().map(|at| json!({ "bucket": at.bucket, "key": at.key }));
    value.insert("unlisted".into(), unlisted.collect());
    value.insert("logs_without_digests".into(), json!(run.without_digests.entries));
    let notices: Map<String, Value> =
        run.notices.iter().map(|(notice, count)| (notice.code().into(), (*count).into())).collect();
    value.insert("notices".into(), notices.into());
    let left_out = json!({
        "findings": run.findings.left_out(),
        "unverified": run.unread.left_out(),
        "uncovered": run.gaps.left_out(),
        "unlisted": run.unlisted.left_out(),
        "logs_without_digests": run.without_digests.left_out(),
    });
    value.insert("left_out".into(), left_out);
    let checks = run.not_performed.iter().map(|(check, why)| json!({ "check": check, "why": why }));
    value.insert("checks_not_performed".into(), checks.collect());
    Ok(Value::Object(value))
}

/// The fields of a shape, to which others are added.
fn object(shape: impl Serialize) -> serde_json::Result<Map<String, Value>> {
    serde_json::from_value(to_value(shape)?)
}

fn list<'a, T, S: Serialize>(
    entries: &'a [T],
    shape: impl Fn(&'a T) -> S,
) -> serde_json::Result<Value> {
    entries.iter().map(|entry| to_value(shape(entry))).collect()
}
