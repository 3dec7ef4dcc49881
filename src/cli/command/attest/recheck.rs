//! `attest verify --recheck`: verifies the evidence again, with the public keys and the scope that
//! the attestation holds.
use super::checks::{CheckOutcome, Checks};
use crate::attest::agreement::{Comparison, compare};
use crate::attest::commitment::Commitment;
use crate::attest::facts::snake_value;
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
use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;
use trailproof_core::coverage::is_tail_of;
use trailproof_core::record::wire::{read_accepted_exceptions, write_event};
use trailproof_core::record::{AcceptedExceptions, ReadKind, ReadVersions, RunEvent, RunSummary};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::chain_id::{ChainId, Scope};
use trailproof_core::vocab::location::{escape, excerpt};
use trailproof_core::vocab::time::{Period, Timestamp};

/// Number of differences that are listed.
const LISTED: usize = 10;

/// Parts of the predicate that differ if digests that were still to come have not come.
const OF_TAIL: [&str; 5] = [
    "acceptedExceptions",
    "gaps",
    "invocation/exitStatus",
    "result/coverageSeconds",
    "result/exitStatus",
];

/// The results of the second run.
#[derive(Debug)]
pub(crate) struct Again {
    place: String,
    summary: RunSummary,
    /// Over all lines.
    lines: Lines,
    /// Over the lines that the attested run could have had, if time was still to come then.
    then: Lines,
    predicate: Map<String, Value>,
    complete_copy: bool,
}

/// Commitments over lines, and over their comparable parts.
#[derive(Debug)]
struct Lines(Commitment, Option<Commitment>);

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
    let (start, end, began) = (time("from")?, time("to")?, now());
    if end > began {
        return Err(Refusal::not_started(format!(
            "cannot verify the evidence again: the attested period ends at {end}, and by this \
             machine's clock it is {began}"
        )));
    }
    let period = RequestedPeriod::From(start, Some(end));
    let attested = scope_of(scope)?;
    let mut request = VerifyRequest::new(Some(location(place)?), period, attested, began)?;
    let of_bucket = scope.pointer("/deliveredTo/bucket").and_then(Value::as_str);
    request.copy(&[], of_bucket, args.complete_copy)?;
    request.expect = expected_of(scope)?;
    request.unlisted = flag(&statement.predicate, "/method/searchedUnlisted");
    request.keys = Some((keys(&statement.predicate)?, String::new()));
    request.accepted = accepted(&statement.predicate, end);
    request.versions = versions(scope).filter(|_| place.starts_with("s3://"));
    let counts = Arc::new(Counts::default());
    let mut progress = Progress::start(&global.console, Arc::clone(&counts));
    let mut run =
        Session::open(&global.aws.access(), request, &counts, CallerLookup::Skipped, None)
            .await
            // The attestation shows that the bucket existed: if it is gone, the recheck cannot be made.
            .map_err(Refusal::with_missing_bucket_not_started)?;
    run.plan.workload = progress.workload();
    let summarizer = || match record {
        Some(_) => Summarizer::with_comparable(),
        None => Summarizer::default(),
    };
    let (mut summing, mut summing_then) = (summarizer(), summarizer());
    let mut then = Then::of(&statement.predicate);
    let mut wrong = None;
    let mut line = Vec::new();
    let (source, keys) = (Arc::clone(&run.source), Arc::clone(&run.keys));
    let summary = verify(&run.plan, source, keys, &mut |event| {
        progress.note(event);
        line.clear();
        let written = write_event(event, &mut line).map_err(|error| error.to_string());
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let had = then.had(event);
        let taken = written.and_then(|()| {
            summing.take(text).map_err(|why| why.to_string())?;
            match had {
                true => summing_then.take(text).map_err(|why| why.to_string()),
                false => Ok(()),
            }
        });
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
    let lines = Lines(commitment, comparable_line);
    let (commitment, comparable_line, _) = summing_then.finish();
    let then = Lines(commitment, comparable_line);
    Ok(Again { place, summary, lines, then, predicate, complete_copy })
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

/// Returns the accepted exceptions of the attested run. One that had ended before the period did was
/// expired, whatever the attestation says. If they cannot be read, there are none, which is a
/// difference.
fn accepted(predicate: &Map<String, Value>, end: Timestamp) -> Option<AcceptedExceptions> {
    let stated = snake_value(predicate.get("acceptedExceptions")?);
    let mut file = Map::new();
    file.insert("file_sha256".to_owned(), stated.get("file_sha256")?.clone());
    file.insert("entries".to_owned(), stated.get("listed")?.clone());
    let mut accepted = read_accepted_exceptions(&Value::Object(file).to_string()).ok()?;
    for entry in &mut accepted.entries {
        entry.expired |= entry.until <= end;
    }
    Some(accepted)
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
        let compared = compare(&statement.predicate, &self.predicate);
        let (outcome, words) = self.evidence(&compared, statement, committed, record);
        checks.add(outcome, format!("evidence: {words}"));
        self.tail(&compared, statement, checks);
        self.statement(&compared, statement, checks);
        if self.complete_copy {
            checks.add(CheckOutcome::NotAsked, format!("copy: {COMPLETE_COPY}"));
        }
        checks.add(
            CheckOutcome::NotAsked,
            "trust: the public keys are those in the attestation; to confirm that they are \
             CloudTrail's, compare them with AWS's or with another copy",
        );
    }

    /// Checks the time that the attested run allowed for digests that were still to come. Whether they
    /// have come is decided by the clock of this run.
    fn tail(&self, compared: &Comparison, statement: &Statement, checks: &mut Checks) {
        let scope = statement.predicate.get("scope").unwrap_or(&Value::Null);
        let text = |name: &str| scope.get(name).and_then(Value::as_str);
        let allowed = text("tailAllowedFrom");
        let times =
            (text("from").and_then(Timestamp::parse), text("to").and_then(Timestamp::parse));
        let is_possible = match (allowed, times) {
            (None, _) => compared.arrived == 0,
            (Some(from), (Some(start), Some(end))) => {
                Timestamp::parse(from).is_some_and(|from| is_tail_of(Period { start, end }, from))
            }
            _ => false,
        };
        if !is_possible {
            let from = excerpt(allowed.unwrap_or("no time"), SHOWN);
            let words = format!(
                "tail: no run over this period can have allowed for digests to come from {from} on"
            );
            checks.add(CheckOutcome::Failed, words);
        }
        let seconds = compared.arrived;
        if seconds > 0 && self.is_late(compared) {
            let words =
                format!("tail: {seconds} seconds were still to come, and are not verified now");
            checks.add(CheckOutcome::Open, words);
        } else if seconds > 0 {
            let words = format!("tail: {seconds} seconds were still to come, and are verified now");
            checks.add(CheckOutcome::Passed, words);
        }
    }

    /// Returns whether time that was still to come is not verified now.
    fn is_late(&self, compared: &Comparison) -> bool {
        let differs = |path: &String| path.starts_with("result/coverageSeconds");
        compared.arrived > 0 && compared.differs.iter().any(differs)
    }

    /// Compares everything that the predicate states and that this run computed anew, and reports what
    /// it could not compute.
    fn statement(&self, compared: &Comparison, statement: &Statement, checks: &mut Checks) {
        let same_verdict = statement.verdict() == Ok(self.summary.verdict);
        let is_late = self.is_late(compared);
        let of_tail = |path: &str| OF_TAIL.iter().any(|of| path.starts_with(of));
        let is_open = self.unread() > 0 || is_unsure(statement, compared);
        // The verdict is compared by itself.
        let differs = compared.differs.iter().filter(|path| same_verdict || !is_exit_status(path));
        let mut differs = differs.map(|path| {
            let outcome = match is_open || is_late && of_tail(path) {
                true => CheckOutcome::Open,
                false => CheckOutcome::Failed,
            };
            (outcome, path)
        });
        let mut listed: Vec<_> = differs.by_ref().take(LISTED).collect();
        let rest: Vec<_> = differs.collect();
        if listed.is_empty() {
            checks.add(
                CheckOutcome::Passed,
                "statement: scope, counts, coverage, keys, exceptions and gaps match what was read \
                 again",
            );
        }
        // The worst of those that are not listed is.
        if let (Some(worst), Some(last)) = (rest.iter().max(), listed.last_mut())
            && worst.0 > last.0
        {
            *last = *worst;
        }
        for (outcome, path) in listed {
            let path = shown(path);
            let words = format!("statement: {path} differs from what was read again");
            checks.add(outcome, words);
        }
        if !rest.is_empty() {
            let words = format!("statement: {} more differ", rest.len());
            checks.add(CheckOutcome::NotAsked, words);
        }
        let not_compared: Vec<String> =
            compared.not_compared.iter().map(|path| shown(path)).collect();
        if !not_compared.is_empty() {
            let words =
                format!("circumstances: only the signer states {}", not_compared.join(", "));
            checks.add(CheckOutcome::NotAsked, words);
        }
    }

    /// Returns the number of objects and listings that could not be read again.
    fn unread(&self) -> u64 {
        self.summary.counts.unverified() + self.summary.listings_unread
    }

    fn evidence(
        &self,
        compared: &Comparison,
        statement: &Statement,
        committed: &Committed,
        record: Option<&Record>,
    ) -> (CheckOutcome, String) {
        let Lines(Commitment { root, days, lines, .. }, comparable_line) =
            if compared.arrived > 0 { &self.then } else { &self.lines };
        if (*root, *days) == (committed.root, committed.days) {
            return (
                CheckOutcome::Passed,
                format!("all {lines} lines are identical to those attested"),
            );
        }
        let before = record.and_then(|record| record.comparable_line.as_ref());
        if before.is_some() && before == comparable_line.as_ref() {
            return (
                CheckOutcome::Passed,
                format!(
                    "{lines} digests and log files have the same outcomes, hashes and intervals as \
                     in the record; ETags, versions, sizes or ways of proof differ"
                ),
            );
        }
        let unread = self.unread();
        if unread > 0 {
            return (
                CheckOutcome::Open,
                format!("{unread} objects or listings could not be read again"),
            );
        }
        let gaps = statement.predicate.get("gaps").and_then(|gaps| gaps.get("leftOut")?.as_u64());
        if compared.arrived > 0 && gaps.unwrap_or_default() > 0 {
            return (
                CheckOutcome::Open,
                "the attestation does not list all of the time that was still to come".to_owned(),
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

/// Returns whether what the attested run said may have changed without fault: it could not read
/// something, it continued another run, or AWS's word of then counts in it.
fn is_unsure(statement: &Statement, compared: &Comparison) -> bool {
    let result = statement.predicate.get("result").unwrap_or(&Value::Null);
    let number = |pointer: &str| result.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let unread = ["backfillDigests", "digests", "logFiles"]
        .map(|kind| number(&format!("/counts/{kind}/unverified")));
    let of_then = |path: &String| path == "scope/follows" || path.starts_with("exceptions/");
    unread.iter().any(|count| *count > 0)
        || number("/listingsUnread") > 0
        || compared.not_compared.iter().any(of_then)
}

fn is_exit_status(path: &str) -> bool {
    matches!(path, "invocation/exitStatus" | "result/exitStatus")
}

/// Returns a path as it is shown: `` `result.chains` ``.
fn shown(path: &str) -> String {
    format!("`{}`", excerpt(&path.replace('/', "."), SHOWN))
}
