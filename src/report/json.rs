//! `--format json`: one document that sums the run up. Its schema is
//! `docs/verify-summary.schema.json`.
use super::collect::Collected;
use super::{RunReporter, wire};
use crate::event::RunEvent;
use serde_json::{Map, Value, json};
use std::io::{self, Write};

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
        serde_json::to_writer_pretty(&mut self.out, &document(&self.collected))?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}

fn document(run: &Collected) -> Value {
    let mut value = run.summary.as_ref().map_or_else(Map::new, wire::run_summary);
    value.insert("schema".into(), wire::SCHEMA.into());
    value.insert("tool".into(), "trailproof".into());
    value.insert("version".into(), env!("CARGO_PKG_VERSION").into());
    // A run that was cut short has no verdict, and says so.
    value.insert("complete".into(), run.summary.is_some().into());
    value.insert("location".into(), run.location.clone().into());
    value.insert("end_was_future".into(), run.end_was_future.into());
    if let Some(period) = run.period {
        value.insert("from".into(), wire::time(period.start));
        value.insert("to".into(), wire::time(period.end));
    }
    value.insert("trails_left_out".into(), json!(run.left_out));
    let chains = run.chains.iter().map(|chain| Value::Object(wire::chain_summary(chain)));
    value.insert("chain_summaries".into(), chains.collect());
    let findings = run.findings.entries.iter().map(|told| {
        json!({
            "chain": wire::chain(&told.chain),
            "bucket": told.at.bucket,
            "key": told.at.key,
            "finding": wire::finding(&told.finding),
            "lifecycle_rule_looks_the_same": told.lifecycle,
        })
    });
    value.insert("findings".into(), findings.collect());
    let unread = run.unread.entries.iter().map(|unread| {
        let at = &unread.at;
        json!({ "bucket": at.bucket, "key": at.key, "read_failure": wire::failure(&unread.why) })
    });
    value.insert("unverified".into(), unread.collect());
    let listings = run
        .listings_unread
        .entries
        .iter()
        .map(|(folder, why)| json!({ "folder": folder, "read_failure": wire::failure(why) }));
    value.insert("unread_listings".into(), listings.collect());
    let gaps = run.gaps.entries.iter().map(|gap| {
        json!({
            "chain": wire::chain(&gap.chain),
            "segment": wire::segment(&gap.segment),
            "explained_by": gap.explained.iter().map(wire::explaining).collect::<Vec<_>>(),
        })
    });
    value.insert("uncovered".into(), gaps.collect());
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
    Value::Object(value)
}
