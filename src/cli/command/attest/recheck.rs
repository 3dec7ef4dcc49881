//! `attest verify --recheck`: verifies the evidence again, with the public keys and the scope that
//! the attestation holds.
use super::again::Again;
use super::files::shown;
use crate::attest::facts::snake_value;
use crate::attest::line_comparison::{LineComparison, is_of_missing};
use crate::attest::predicate::{Declared, predicate};
use crate::attest::record::Summarizer;
use crate::attest::statement::Statement;
use crate::cli::args::attest::VerifyAttestationArgs;
use crate::cli::args::console::GlobalArgs;
use crate::cli::args::request::located;
use crate::cli::terminal::progress::Progress;
use crate::console::refusal::Refusal;
use crate::files::record_file::open_record;
use crate::session::environment::now;
use crate::session::location::{Location, LocationScope};
use crate::session::open::{CallerLookup, Session};
use crate::session::period::RequestedPeriod;
use crate::session::request::{Expect, ExpectedAccounts, VerifyRequest, narrow, trail_filter};
use crate::source::layer::count::Counts;
use crate::trust::KeyRecord;
use crate::trust::bundle::Bundle;
use crate::verify::run::verify;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use trailproof_core::record::wire::{read_accepted_exceptions, write_event};
use trailproof_core::record::{AcceptedExceptions, ReadKind, ReadVersions, RunEvent};
use trailproof_core::vocab::chain_id::{ChainId, Scope};
use trailproof_core::vocab::location::escape;
use trailproof_core::vocab::time::Timestamp;

/// Tells the lines that the attested run could have had from those of digests that came later.
#[derive(Debug, Default)]
struct Then {
    /// The end of the newest digest of then, of each chain of which time was still to come.
    newest: BTreeMap<ChainId, Timestamp>,
    /// The same of the current chain.
    of_chain: Option<Timestamp>,
    /// Whether the current digest came later.
    is_later: bool,
}

/// Runs `verify` again. With the path of the attested record, its lines are compared one by one.
pub(crate) async fn recheck(
    global: &GlobalArgs,
    args: &VerifyAttestationArgs,
    place: &str,
    statement: &Statement,
    record: Option<&Path>,
) -> Result<Again, Refusal> {
    let scope = statement.predicate.get("scope").unwrap_or(&Value::Null);
    let time = |name: &str| {
        let text = scope.get(name).and_then(Value::as_str).unwrap_or_default();
        Timestamp::parse(text).ok_or_else(|| unattested(name))
    };
    let (start, end, began) = (time("from")?, time("to")?, now());
    if end > began {
        return Err(Refusal::not_started(format!(
            "cannot verify the evidence again: the attested period ends at {end}, and by this \
             machine's clock it is {began}"
        )));
    }
    let period = RequestedPeriod::From(start, Some(end));
    let attested = scope_of(scope)?;
    let mut request = VerifyRequest::new(Some(within(place, &attested)?), period, attested, began)?;
    let of_bucket = scope.pointer("/deliveredTo/bucket").and_then(Value::as_str);
    request.copy(&[], of_bucket, args.complete_copy)?;
    request.expect = expected_of(scope)?;
    request.unlisted = flag(&statement.predicate, "/method/searchedUnlisted");
    request.keys = Some((keys(&statement.predicate)?, String::new()));
    request.accepted = accepted(&statement.predicate, end);
    let expiry_stated = expiry_stated(&statement.predicate, request.accepted.as_ref(), began);
    request.versions = versions(scope).filter(|_| place.starts_with("s3://"));
    let counts = Arc::new(Counts::default());
    let mut progress = Progress::start(&global.console, Arc::clone(&counts));
    let mut run =
        Session::open(&global.aws.access(), request, &counts, CallerLookup::Skipped, None)
            .await
            // The attestation shows that the bucket existed: if it is gone, the recheck cannot be made.
            .map_err(Refusal::with_missing_bucket_not_started)?;
    run.plan.workload = progress.workload();
    let (mut summing, mut summing_then) = (Summarizer::default(), Summarizer::default());
    let mut lines = match record {
        Some(path) => Some(compared_with(path)?),
        None => None,
    };
    let mut missing = 0;
    let mut then = Then::of(&statement.predicate);
    let mut wrong = None;
    let mut line = Vec::new();
    let (source, keys) = (Arc::clone(&run.source), Arc::clone(&run.keys));
    let summary = verify(&run.plan, source, keys, &mut |event| {
        progress.note(event);
        missing += u64::from(is_of_missing(event));
        line.clear();
        let written = write_event(event, &mut line).map_err(|error| error.to_string());
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let had = then.had(event);
        let taken = written.and_then(|()| {
            summing.take(text).map_err(|why| format!("a line {why}"))?;
            if let Some(lines) = &mut lines {
                lines.take(event, text)?;
            }
            match had {
                true => summing_then.take(text).map_err(|why| format!("a line {why}")),
                false => Ok(()),
            }
        });
        wrong = wrong.take().or(taken.err());
    })
    .await;
    progress.stop();
    run.remarks();
    let not_compared =
        |why: String| Refusal::not_started(format!("cannot compare what was read again: {why}"));
    if let Some(why) = wrong {
        return Err(not_compared(why));
    }
    let lines = lines.map(LineComparison::finish).transpose().map_err(not_compared)?;
    let (commitment, facts) = summing.finish();
    let predicate = predicate(&facts, &commitment, &Declared::default());
    Ok(Again {
        place: escape(place).into_owned(),
        summary,
        commitment,
        then: summing_then.finish().0,
        lines,
        missing,
        predicate,
        complete_copy: run.plan.complete_copy,
        expiry_stated,
    })
}

/// Reads the location. That a mirror was made of a part of the bucket narrows nothing but the search,
/// so that part counts only if the attested run was limited to it.
fn within(place: &str, attested: &Scope) -> Result<(Location, Option<LocationScope>), Refusal> {
    let (place, within) = located(place)?;
    let is_attested = |within: &LocationScope| {
        let mut scope = attested.clone();
        narrow(&mut scope, within).is_ok() && scope == *attested
    };
    let is_directory = matches!(place, Location::Directory(_));
    let within = within.filter(|within| !is_directory || is_attested(within));
    Ok((place, within))
}

/// Opens the attested record to compare its lines.
fn compared_with(path: &Path) -> Result<LineComparison, Refusal> {
    let record = open_record(path).map_err(|why| why.to_string());
    record.and_then(LineComparison::new).map_err(|why| {
        Refusal::not_started(format!("cannot use the record `{}`: {why}", shown(path)))
    })
}

impl Then {
    /// Returns what the attestation says of time that was still to come, as far as it can.
    fn of(predicate: &Map<String, Value>) -> Self {
        let scope = predicate.get("scope").unwrap_or(&Value::Null);
        let allowed = scope.get("tailAllowedFrom").and_then(Value::as_str);
        let allowed = allowed.and_then(Timestamp::parse);
        let gaps = predicate.get("gaps").and_then(|gaps| gaps.get("listed")?.as_array());
        let newest = gaps.into_iter().flatten().filter_map(|gap| {
            let is_pending = gap.get("reason")?.as_str()? == "pending";
            let from = Timestamp::parse(gap.get("from")?.as_str()?)?;
            let is_allowed = allowed.is_some_and(|allowed| from >= allowed);
            (is_pending && is_allowed).then_some((chain(gap.get("chain")?)?, from))
        });
        Self { newest: newest.collect(), ..Self::default() }
    }

    /// Returns whether the attested run could have had the line of this event.
    fn had(&mut self, event: &RunEvent) -> bool {
        match event {
            RunEvent::ChainStarted { chain } => {
                self.of_chain = self.newest.get(chain).copied();
                self.is_later = false;
            }
            RunEvent::DigestJudged(judged) => {
                self.is_later = self.of_chain.is_some_and(|newest| judged.end > newest);
            }
            _ => {}
        }
        let of_digest = matches!(event, RunEvent::DigestJudged(_) | RunEvent::LogJudged(_));
        !(of_digest && self.is_later)
    }
}

/// Returns the chain that a gap names.
fn chain(of: &Value) -> Option<ChainId> {
    let text = |name: &str| of.get(name).and_then(Value::as_str);
    Some(ChainId {
        account: text("account")?.parse().ok()?,
        source_region: text("sourceRegion")?.parse().ok()?,
        trail: text("trail")?.parse().ok()?,
        home_region: text("homeRegion")?.parse().ok()?,
        organization: text("organization").map(str::parse).transpose().ok()?,
    })
}

/// Returns the accepted exceptions of the attested run. One that ended before the period did, or
/// before the run is said to have begun, was expired, whatever the attestation says. If they cannot be
/// read, there are none, which is a difference.
fn accepted(predicate: &Map<String, Value>, end: Timestamp) -> Option<AcceptedExceptions> {
    let stated = snake_value(predicate.get("acceptedExceptions")?);
    let mut file = Map::new();
    file.insert("file_sha256".to_owned(), stated.get("file_sha256")?.clone());
    file.insert("entries".to_owned(), stated.get("listed")?.clone());
    let mut accepted = read_accepted_exceptions(&Value::Object(file).to_string()).ok()?;
    let began = started_at(predicate).map_or(end, |began| began.max(end));
    for entry in &mut accepted.entries {
        entry.expired |= entry.until <= began;
    }
    Some(accepted)
}

/// Returns when the attested run began, as the signer states it.
fn started_at(predicate: &Map<String, Value>) -> Option<Timestamp> {
    let began = predicate.get("invocation")?.get("startedAt")?;
    Timestamp::parse(began.as_str()?)
}

/// Returns the number of accepted exceptions that have expired by now, and of which only the signer
/// states that they had not when the run began.
fn expiry_stated(
    predicate: &Map<String, Value>,
    accepted: Option<&AcceptedExceptions>,
    now: Timestamp,
) -> usize {
    let entries = accepted.into_iter().flat_map(|accepted| &accepted.entries);
    let ended = entries.filter(|entry| !entry.expired && entry.until <= now);
    if started_at(predicate).is_some() { 0 } else { ended.count() }
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
        ..Expect::default()
    })
}

fn flag(predicate: &serde_json::Map<String, Value>, pointer: &str) -> bool {
    let mut parts = pointer.split('/').skip(1);
    let first = parts.next().and_then(|name| predicate.get(name));
    let value = first.and_then(|first| parts.try_fold(first, |value, part| value.get(part)));
    value.and_then(Value::as_bool).unwrap_or(false)
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
