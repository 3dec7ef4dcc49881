//! `attest verify --recheck`: verifies the evidence again, with the public keys and the scope that
//! the attestation holds.
use super::checks::{CheckOutcome, Checks};
use crate::attest::commitment::Commitment;
use crate::attest::predicate::{Declared, predicate};
use crate::attest::record::{Record, Summarizer};
use crate::attest::statement::{Committed, Statement};
use crate::cli::args::attest::VerifyAttestationArgs;
use crate::cli::args::console::GlobalArgs;
use crate::cli::terminal::progress::Progress;
use crate::console::refusal::Refusal;
use crate::report::words::COMPLETE_COPY;
use crate::session::environment::now;
use crate::session::location::location;
use crate::session::open::{CallerLookup, Session};
use crate::session::period::RequestedPeriod;
use crate::session::request::{Expect, ExpectedAccounts, VerifyRequest, trail_filter};
use crate::source::layer::count::Counts;
use crate::trust::KeyRecord;
use crate::trust::bundle::Bundle;
use crate::verify::run::verify;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use std::str::FromStr;
use std::sync::Arc;
use trailproof_core::coverage::TAIL_ALLOWANCE;
use trailproof_core::record::wire::write_event;
use trailproof_core::record::{ReadKind, ReadVersions, RunSummary};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::chain_id::Scope;
use trailproof_core::vocab::location::{escape, excerpt};
use trailproof_core::vocab::time::Timestamp;

/// The results of the second run.
#[derive(Debug)]
pub(crate) struct Again {
    place: String,
    summary: RunSummary,
    commitment: Commitment,
    comparable_line: Option<Commitment>,
    predicate: Map<String, Value>,
    complete_copy: bool,
}

/// Runs `verify` again.
pub(crate) async fn recheck(
    global: &GlobalArgs,
    args: &VerifyAttestationArgs,
    place: &str,
    statement: &Statement,
    record: Option<&Record>,
) -> Result<Again, Refusal> {
    let scope = statement.predicate.get("scope").unwrap_or(&Value::Null);
    let time = |name: &str| {
        let text = scope.get(name).and_then(Value::as_str).unwrap_or_default();
        Timestamp::parse(text).ok_or_else(|| unattested(name))
    };
    let period = RequestedPeriod::From(time("from")?, Some(time("to")?));
    let attested = scope_of(scope)?;
    let mut request = VerifyRequest::new(Some(location(place)?), period, attested, now())?;
    let of_bucket = scope.pointer("/deliveredTo/bucket").and_then(Value::as_str);
    request.copy(&[], of_bucket, args.complete_copy)?;
    request.expect = expected_of(scope)?;
    request.unlisted = flag(&statement.predicate, "/method/searchedUnlisted");
    request.keys = Some((keys(&statement.predicate)?, String::new()));
    // A run up to its own time allowed for digests that were not due yet; so does this one.
    let was_cut = scope.get("endWasFuture").and_then(Value::as_bool) == Some(true);
    request.repeats = Some((time_of_run(scope, time("to")?), was_cut));
    request.versions = versions(scope).filter(|_| place.starts_with("s3://"));
    let counts = Arc::new(Counts::default());
    let mut progress = Progress::start(&global.console, Arc::clone(&counts));
    let mut run =
        Session::open(&global.aws.access(), request, &counts, CallerLookup::Skipped, None)
            .await
            // The attestation shows that the bucket existed: if it is gone, the recheck cannot be made.
            .map_err(Refusal::with_missing_bucket_not_started)?;
    run.plan.workload = progress.workload();
    let mut summing = match record {
        Some(_) => Summarizer::with_comparable(),
        None => Summarizer::default(),
    };
    let mut wrong = None;
    let mut line = Vec::new();
    let (source, keys) = (Arc::clone(&run.source), Arc::clone(&run.keys));
    let summary = verify(&run.plan, source, keys, &mut |event| {
        progress.note(event);
        line.clear();
        let written = write_event(event, &mut line).map_err(|error| error.to_string());
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let taken = written.and_then(|()| summing.take(text).map_err(|why| why.to_string()));
        wrong = wrong.take().or(taken.err());
    })
    .await;
    progress.stop();
    run.remarks();
    if let Some(why) = wrong {
        return Err(Refusal::not_started(format!(
            "cannot compute the commitment of what was read again: a line {why}"
        )));
    }
    let (commitment, comparable_line, facts) = summing.finish();
    let predicate = predicate(&facts, &commitment, &Declared::default());
    let (place, complete_copy) = (escape(place).into_owned(), run.plan.complete_copy);
    Ok(Again { place, summary, commitment, comparable_line, predicate, complete_copy })
}

/// Returns the versions that the attested run read, if not the current ones.
fn versions(scope: &Value) -> Option<ReadVersions> {
    let read = scope.pointer("/readFrom/0")?;
    let kind: ReadKind = read.get("kind")?.as_str()?.parse().ok()?;
    let as_of = read.get("asOf").and_then(Value::as_str).and_then(Timestamp::parse);
    let is_of_versions = kind == ReadKind::Versions;
    is_of_versions.then(|| as_of.map_or(ReadVersions::Oldest, ReadVersions::AsOf))
}

fn unattested(name: &str) -> Refusal {
    Refusal::not_started(format!(
        "cannot verify the evidence again: the attestation has no `{name}`"
    ))
}

/// Returns the parsed texts of a list; `None` if there is no list.
fn list<T: FromStr>(of: &Value, pointer: &str) -> Result<Option<Vec<T>>, Refusal> {
    let Some(list) = of.pointer(pointer).and_then(Value::as_array) else { return Ok(None) };
    let read = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
    let list: Option<Vec<T>> = list.iter().map(read).collect();
    list.map(Some).ok_or_else(|| unattested(pointer.trim_start_matches('/')))
}

/// Returns the scope of the attested run.
fn scope_of(scope: &Value) -> Result<Scope, Refusal> {
    let trails: Vec<String> = list(scope, "/named/trails")?.unwrap_or_default();
    let organization = scope.pointer("/named/organization").and_then(Value::as_str);
    let organization = organization.map(|id| match id {
        "" => Ok(None),
        id => id.parse().map(Some).map_err(|_| unattested("named/organization")),
    });
    Ok(Scope {
        trails: trails.iter().map(|text| trail_filter(text)).collect::<Result<_, _>>()?,
        accounts: list(scope, "/named/accounts")?.unwrap_or_default(),
        regions: list(scope, "/named/regions")?.unwrap_or_default(),
        organization: organization.transpose()?,
    })
}

/// Returns what the attested run expected.
fn expected_of(scope: &Value) -> Result<Expect, Refusal> {
    Ok(Expect {
        accounts: list(scope, "/expected/accounts")?.map(ExpectedAccounts::These),
        regions: list(scope, "/expected/regions")?,
        known_ends: list(scope, "/expected/knownEnds")?.unwrap_or_default(),
    })
}

fn flag(predicate: &serde_json::Map<String, Value>, pointer: &str) -> bool {
    let mut parts = pointer.split('/').skip(1);
    let first = parts.next().and_then(|name| predicate.get(name));
    let value = first.and_then(|first| parts.try_fold(first, |value, part| value.get(part)));
    value.and_then(Value::as_bool).unwrap_or(false)
}

/// Returns the time of the attested run, as far as it matters: the tail allowance (two hours) after
/// the time from which that run allowed a tail, or after the end of the period.
fn time_of_run(scope: &Value, end: Timestamp) -> Timestamp {
    let allowed_from = scope.get("tailAllowedFrom").and_then(Value::as_str);
    allowed_from.and_then(Timestamp::parse).unwrap_or(end).plus(TAIL_ALLOWANCE)
}

/// Returns the public keys that the attestation holds.
fn keys(predicate: &serde_json::Map<String, Value>) -> Result<Bundle, Refusal> {
    let list = predicate.get("method").and_then(|method| method.get("publicKeys"));
    let list = list.and_then(|keys| keys.get("listed")).and_then(Value::as_array);
    let mut bundle = Bundle::default();
    for key in list.map(Vec::as_slice).unwrap_or_default() {
        let text = |name: &str| key.get(name).and_then(Value::as_str);
        let time = |name: &str| text(name).and_then(Timestamp::parse);
        let region = text("region").and_then(|region| region.parse().ok());
        let der = text("der").and_then(|der| STANDARD.decode(der).ok());
        let (Some(region), Some(der), Some(fingerprint)) = (region, der, text("fingerprint"))
        else {
            let words = "cannot verify the evidence again: the attestation has an invalid public \
                         key";
            return Err(Refusal::not_started(words));
        };
        bundle.regions.entry(region).or_default().keys.push(KeyRecord {
            fingerprint: fingerprint.to_owned(),
            der,
            valid_from: time("validFrom"),
            valid_to: time("validTo"),
        });
    }
    Ok(bundle)
}

impl Again {
    /// Adds the results to the checks.
    pub(crate) fn emit(
        &self,
        statement: &Statement,
        committed: &Committed,
        record: Option<&Record>,
        checks: &mut Checks,
    ) {
        let attested = statement.predicate.get("result").and_then(|all| all.get("verdict"));
        let attested = excerpt(attested.and_then(Value::as_str).unwrap_or_default(), SHOWN);
        let (place, verdict) = (&self.place, self.summary.verdict);
        if attested == verdict.words() {
            let words = format!("verdict: `{place}` was verified again and is {attested}");
            checks.add(CheckOutcome::Passed, words);
        } else {
            let outcome = if verdict == Verdict::Contradicted {
                CheckOutcome::Failed
            } else {
                CheckOutcome::Open
            };
            let words = verdict.words();
            checks.add(outcome, format!("verdict: `{place}` is {words} now, and was {attested}"));
        }
        let (outcome, words) = self.compared(committed, record);
        let same = matches!(outcome, CheckOutcome::Passed);
        checks.add(outcome, format!("evidence: {words}"));
        let (outcome, words) = self.beside(statement, same);
        checks.add(outcome, format!("beside it: {words}"));
        if self.complete_copy {
            checks.add(CheckOutcome::NotAsked, format!("copy: {COMPLETE_COPY}"));
        }
        checks.add(
            CheckOutcome::NotAsked,
            "trust: the public keys are those in the attestation; to confirm that they are \
             CloudTrail's, compare them with AWS's or with another copy",
        );
    }

    /// Compares unlisted log files and folders without digests, which are in no line of a digest or
    /// log file. If those lines are the `same`, coverage must be equal too.
    fn beside(&self, statement: &Statement, same: bool) -> (CheckOutcome, String) {
        let of = |predicate: &Map<String, Value>| {
            let result = predicate.get("result").unwrap_or(&Value::Null);
            let covered = same.then(|| result.get("coverageSeconds").cloned());
            let listed = predicate.get("exceptions").and_then(|all| all.get("listed"));
            let listed = listed.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let beside = listed.iter().filter(|one| {
                ["key", "folder"].iter().any(|name| one.get(name).is_some())
                    && one.get("outcome").is_none()
            });
            let mut beside: Vec<Value> = beside.cloned().collect();
            // A copy does not have these fields.
            for fields in beside.iter_mut().filter_map(Value::as_object_mut) {
                fields.remove("lastModified");
                fields.remove("reason");
            }
            (covered, result.get("logFilesUnlisted").cloned(), beside)
        };
        if of(&self.predicate) == of(&statement.predicate) {
            let words = "log files that no digest names, and folders without digests, match the \
                         attestation, as far as it lists them";
            return (CheckOutcome::Passed, words.to_owned());
        }
        let unread = self.summary.counts.unverified() + self.summary.listings_unread;
        let outcome = if unread > 0 { CheckOutcome::Open } else { CheckOutcome::Failed };
        let words = "log files that no digest names, folders without digests, or coverage differ \
                     from the attestation";
        (outcome, words.to_owned())
    }

    fn compared(&self, committed: &Committed, record: Option<&Record>) -> (CheckOutcome, String) {
        let Commitment { root, days, lines, .. } = self.commitment;
        if (root, days) == (committed.root, committed.days) {
            return (
                CheckOutcome::Passed,
                format!("all {lines} lines are identical to those attested"),
            );
        }
        let before = record.and_then(|record| record.comparable_line.as_ref());
        if before.is_some() && before == self.comparable_line.as_ref() {
            return (
                CheckOutcome::Passed,
                format!(
                    "{lines} digests and log files have the same outcomes, hashes and intervals as \
                     in the record; ETags, versions, sizes or ways of proof differ"
                ),
            );
        }
        let unread = self.summary.counts.unverified() + self.summary.listings_unread;
        if unread > 0 {
            return (
                CheckOutcome::Open,
                format!("{unread} objects or listings could not be read again"),
            );
        }
        match record {
            Some(_) => (CheckOutcome::Failed, "it differs from the record".to_owned()),
            None => (
                CheckOutcome::Open,
                "the lines differ from those attested, perhaps only in ETags or versions; give \
                 `--record` to find out"
                    .to_owned(),
            ),
        }
    }
}
