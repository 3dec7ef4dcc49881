//! `--format json`: one document that summarizes the run. Its schema is
//! `docs/src/format/verify-summary.schema.json`.
use super::RunReporter;
use super::collect::{Collected, Unread};
use super::controls::Controls;
use super::exceptions::Exceptions;
use super::storage;
use serde::ser::{Error as _, SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json, to_value};
use std::cell::RefCell;
use std::io::{self, Write};
use trailproof_core::record::RunEvent;
use trailproof_core::record::wire::{
    AcceptedExceptionShape, ChainFinishedShape, ChainShape, DeliveredToShape,
    ExceptionsJudgedShape, ExplainingShape, FailureShape, FindingShape, FollowsShape,
    ReadPlaceShape, RunFinishedShape, SCHEMA, SegmentShape, SkippedCheckShape, Time,
    write_json_pretty,
};

/// The reporter for `--format json`.
#[derive(Debug)]
pub struct Json<W> {
    out: W,
    collected: Collected,
}

impl<W: Write> Json<W> {
    /// Returns a reporter that writes the document to `out` once the run is finished.
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
        write_json_pretty(&mut self.out, &Document::of(&self.collected)?)?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}

/// The document. The lists that grow with the number of chains are made entry by entry while they are
/// written.
struct Document<'a> {
    run: &'a Collected,
    /// The fields, of which those in [`LAZY`] stand here without their entries.
    fields: Map<String, Value>,
}

/// Fields whose entries are made while they are written.
const LAZY: [&str; 3] = ["chain_summaries", "ended", "uncovered"];

impl<'a> Document<'a> {
    fn of(run: &'a Collected) -> serde_json::Result<Self> {
        let mut fields = fields(run)?;
        fields.extend(LAZY.map(|name| (name.to_owned(), Value::Null)));
        Ok(Self { run, fields })
    }
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let run = self.run;
        let mut map = serializer.serialize_map(Some(self.fields.len()))?;
        for (name, value) in &self.fields {
            match name.as_str() {
                "chain_summaries" => {
                    let chains = run.chains.iter().zip(&run.chain_storage);
                    let chains = chains.map(|(chain, stored)| {
                        let mut entry = object(ChainFinishedShape::from(chain))?;
                        entry.insert("storage".into(), storage::json(stored));
                        Ok(entry.into())
                    });
                    map.serialize_entry(name, &Entries::of(chains))?;
                }
                "ended" => map.serialize_entry(name, &Entries::of(run.ends.iter().map(|(chain, end)| {
                    Ok(json!({
                        "chain": to_value(ChainShape::from(chain))?,
                        "last": to_value(Time(end.last))?,
                        "explained_by": to_value(end.explained.as_ref().map(ExplainingShape::from))?,
                        "doubted": run.ends.is_doubted(chain),
                    }))
                })))?,
                "uncovered" => map.serialize_entry(name, &Entries::of(run.gaps.entries.iter().map(|gap| {
                    Ok(json!({
                        "chain": to_value(ChainShape::from(&gap.chain))?,
                        "segment": to_value(SegmentShape::from(&gap.segment))?,
                        "explained_by": list(&gap.explained, ExplainingShape::from)?,
                    }))
                })))?,
                _ => map.serialize_entry(name, value)?,
            }
        }
        map.end()
    }
}

/// A list whose entries are made one by one.
struct Entries<I>(RefCell<Option<I>>);

impl<I: Iterator<Item = serde_json::Result<Value>>> Entries<I> {
    fn of(entries: I) -> Self {
        Self(RefCell::new(Some(entries)))
    }
}

impl<I: Iterator<Item = serde_json::Result<Value>>> Serialize for Entries<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for entry in self.0.take().into_iter().flatten() {
            list.serialize_element(&entry.map_err(S::Error::custom)?)?;
        }
        list.end()
    }
}

fn fields(run: &Collected) -> serde_json::Result<Map<String, Value>> {
    let mut value = match &run.summary {
        Some(summary) => object(RunFinishedShape::from(summary))?,
        None => Map::new(),
    };
    value.insert("schema".into(), SCHEMA.into());
    value.insert("tool".into(), "trailproof".into());
    value.insert("controls".into(), Controls::integrity_json()?.into());
    // An interrupted run has no verdict; `complete` is false.
    value.insert("complete".into(), run.summary.is_some().into());
    if let Some(start) = &run.start {
        value.insert("version".into(), start.tool.version.clone().into());
        let delivered_to = DeliveredToShape::from(&start.place.delivered_to);
        value.insert("delivered_to".into(), to_value(delivered_to)?);
        value.insert("read_from".into(), list(&start.place.read_from, ReadPlaceShape::from)?);
        let follows = start.follows.as_ref().map(FollowsShape::from);
        value.insert("follows".into(), to_value(follows)?);
        value.insert("end_was_future".into(), start.end_was_future.into());
        value.insert("complete_copy_asserted".into(), start.complete_copy.into());
        value.insert("organization".into(), json!(start.organization));
        value.insert("trails".into(), json!(start.trails));
        value.insert("accounts".into(), json!(start.accounts));
        value.insert("regions".into(), json!(start.regions));
        value.insert("expected_accounts".into(), json!(start.expected_accounts));
        value.insert("account_names".into(), json!(start.account_names));
        value.insert("expected_regions".into(), json!(start.expected_regions));
        let known_ends: Vec<String> = start.known_ends.iter().map(ToString::to_string).collect();
        value.insert("known_ends".into(), json!(known_ends));
        value.insert("from".into(), to_value(Time(start.period.start))?);
        value.insert("to".into(), to_value(Time(start.period.end))?);
    }
    value.insert("public_keys".into(), run.keys.total.into());
    value.insert("public_key_sources".into(), json!(run.key_sources));
    value.insert("trails_left_out".into(), json!(run.left_out));
    value.insert("accepted_exceptions".into(), accepted_exceptions(run)?);
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
    let unlisted = run.unlisted.entries.iter().zip(&run.unlisted_facts);
    let unlisted = unlisted.map(|(at, (last_modified, reason))| {
        json!({
            "bucket": at.bucket,
            "key": at.key,
            "last_modified": last_modified.map(|at| at.to_string()),
            "reason": reason.code(),
        })
    });
    value.insert("unlisted".into(), unlisted.collect());
    let copies = run.copies.entries.iter();
    let copies = copies.map(|at| json!({ "bucket": at.bucket, "key": at.key }));
    value.insert("copies".into(), copies.collect());
    let without = run.without_digests.entries.iter();
    let without =
        without.map(|(folder, reason)| json!({ "folder": folder, "reason": reason.code() }));
    value.insert("logs_without_digests".into(), without.collect());
    let mut not_joined = Vec::new();
    for (chain, at) in &run.not_joined.entries {
        let chain = to_value(ChainShape::from(chain))?;
        not_joined.push(json!({ "chain": chain, "bucket": at.bucket, "key": at.key }));
    }
    value.insert("not_joined".into(), not_joined.into());
    let mut doubts = Vec::new();
    for place in &run.places_in_doubt.entries {
        doubts.push(json!({
            "why": place.why.code(),
            "folder": place.folder,
            "folders": place.folders,
            "account": place.account.as_ref().map(|account| account.as_str()),
            "region": place.region.as_ref().map(|region| region.as_str()),
            "trail": place.trail,
            "home_region": place.home.as_ref().map(|home| home.region.as_str()),
            "organization": place
                .home
                .as_ref()
                .and_then(|home| home.organization.as_ref())
                .map(|organization| organization.as_str()),
        }));
    }
    value.insert("places_in_doubt".into(), doubts.into());
    let places = run.places.map(|places| {
        json!({
            "found": places.found,
            "covered": places.covered,
            "empty": places.empty,
            "ended": places.ended,
            "doubtful": places.doubtful,
            "left_out": places.left_out,
        })
    });
    value.insert("places".into(), places.into());
    let notices: Map<String, Value> =
        run.notices.iter().map(|(notice, count)| (notice.code().into(), (*count).into())).collect();
    value.insert("notices".into(), notices.into());
    let left_out = json!({
        "findings": run.findings.left_out(),
        "unverified": run.unread.left_out(),
        "uncovered": run.gaps.left_out(),
        "unlisted": run.unlisted.left_out(),
        "logs_without_digests": run.without_digests.left_out(),
        "not_joined": run.not_joined.left_out(),
        "places_in_doubt": run.places_in_doubt.left_out(),
        "copies": run.copies.left_out(),
        "checks_not_performed": run.not_performed.left_out(),
    });
    value.insert("left_out".into(), left_out);
    value.insert("storage".into(), storage::json(&run.storage));
    value.insert(
        "checks_not_performed".into(),
        list(&run.not_performed.entries, SkippedCheckShape::from)?,
    );
    Ok(value)
}

/// Returns the accepted exceptions and what they amount to, or null if the run has none.
fn accepted_exceptions(run: &Collected) -> serde_json::Result<Value> {
    let Some(exceptions) = Exceptions::of(run) else { return Ok(Value::Null) };
    let mut fields = object(ExceptionsJudgedShape::from(exceptions.judged))?;
    fields.remove("matches");
    fields.insert("file_sha256".into(), exceptions.sha256().into());
    let mut listed = Vec::new();
    for one in exceptions.iter() {
        let mut entry = object(AcceptedExceptionShape::from(one.exception))?;
        entry.insert("standing".into(), one.standing.code().into());
        entry.insert("matches".into(), one.matches.into());
        listed.push(Value::Object(entry));
    }
    fields.insert("listed".into(), listed.into());
    Ok(fields.into())
}

/// Returns the fields of a shape as a map, so that others can be added.
fn object(shape: impl Serialize) -> serde_json::Result<Map<String, Value>> {
    serde_json::from_value(to_value(shape)?)
}

fn list<'a, T, S: Serialize>(
    entries: &'a [T],
    shape: impl Fn(&'a T) -> S,
) -> serde_json::Result<Value> {
    entries.iter().map(|entry| to_value(shape(entry))).collect()
}
