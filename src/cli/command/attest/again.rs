//! The results of a recheck, compared with what was attested.
//!
//! Only what the evidence contradicts is `WRONG`. Evidence that was deleted since, or that was
//! missing then and is there now, shows nothing about what the attested run found: that is `OPEN`.
//! Evidence that was delivered since takes nothing away from what was attested.
use super::checks::{CheckOutcome, Checks};
use crate::attest::agreement::{Comparison, compare};
use crate::attest::commitment::Commitment;
use crate::attest::line_comparison::LineDifferences;
use crate::attest::statement::{Committed, Statement};
use crate::report::numbers::grouped;
use crate::report::words::COMPLETE_COPY;
use serde_json::{Map, Value};
use trailproof_core::coverage::is_tail_of;
use trailproof_core::record::RunSummary;
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::location::excerpt;
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

/// Parts of the predicate that follow from the evidence as it lies there.
const OF_EVIDENCE: [&str; 10] = [
    "acceptedExceptions",
    "commitment/",
    "exceptions/",
    "gaps/",
    "invocation/exitStatus",
    "method/checksNotMade",
    "method/publicKeys",
    "result/",
    "scope/found",
    "scope/trailsLeftOut",
];

/// The results of the second run.
#[derive(Debug)]
pub(crate) struct Again {
    pub(crate) place: String,
    pub(crate) summary: RunSummary,
    /// Over all lines.
    pub(crate) commitment: Commitment,
    /// Over the lines that the attested run could have had, if time was still to come then.
    pub(crate) then: Commitment,
    /// How the lines differ from those of the attested record, if it was given.
    pub(crate) lines: Option<LineDifferences>,
    /// Number of lines that say only that an object is not there.
    pub(crate) missing: u64,
    pub(crate) predicate: Map<String, Value>,
    pub(crate) complete_copy: bool,
    /// Number of accepted exceptions of which only the signer states that they had not expired.
    pub(crate) expiry_stated: usize,
}

/// How the evidence differs from that which was attested.
#[derive(Clone, Copy, Debug, Default)]
struct Change {
    /// The lines are the attested ones, byte for byte.
    is_identical: bool,
    /// The lines have the attested outcomes, hashes and intervals.
    is_same: bool,
    /// Some of it is gone.
    is_gone: bool,
    /// There is more of it.
    has_more: bool,
    /// Some of it was missing or unread then.
    is_settled: bool,
    /// Something contradicts what was attested.
    contradicts: bool,
    /// Objects that no line is about were reported then, and are gone.
    is_cleared: bool,
}

impl Again {
    /// Adds the results to the checks.
    pub(crate) fn emit(&self, statement: &Statement, committed: &Committed, checks: &mut Checks) {
        let compared = compare(&statement.predicate, &self.predicate);
        let change = self.change(&compared, committed);
        let attested = statement.predicate.get("result").and_then(|all| all.get("verdict"));
        let attested = excerpt(attested.and_then(Value::as_str).unwrap_or_default(), SHOWN);
        let (place, verdict) = (&self.place, self.summary.verdict);
        if attested == verdict.words() {
            let words = format!("verdict: `{place}` was verified again and is {attested}");
            checks.add(CheckOutcome::Passed, words);
        } else {
            let is_gone = change.is_gone && !change.contradicts;
            let outcome = match verdict {
                Verdict::Contradicted if !is_gone => CheckOutcome::Failed,
                _ => CheckOutcome::Open,
            };
            let words = verdict.words();
            checks.add(outcome, format!("verdict: `{place}` is {words} now, and was {attested}"));
        }
        let (outcome, words) = self.evidence(change, &compared);
        checks.add(outcome, format!("evidence: {words}"));
        self.tail(&compared, statement, checks);
        self.statement(change, &compared, statement, checks);
        if self.expiry_stated > 0 {
            let words = format!(
                "exceptions: only the signer states that {} of the accepted exceptions had not \
                 expired when the run began; they ended after the period did",
                self.expiry_stated
            );
            checks.add(CheckOutcome::NotAsked, words);
        }
        if self.complete_copy {
            checks.add(CheckOutcome::NotAsked, format!("copy: {COMPLETE_COPY}"));
        }
        checks.add(
            CheckOutcome::NotAsked,
            "trust: the public keys are those in the attestation; to confirm that they are \
             CloudTrail's, compare them with AWS's or with another copy",
        );
    }

    /// Returns how the evidence differs from that which was attested: from the lines of the record,
    /// or as far as the numbers show.
    fn change(&self, compared: &Comparison, committed: &Committed) -> Change {
        let made = if compared.arrived > 0 { &self.then } else { &self.commitment };
        let is_same = (made.root, made.days) == (committed.root, committed.days);
        let is_cleared = compared.is_cleared;
        let change = Change { is_identical: is_same, is_same, is_cleared, ..Change::default() };
        if is_same {
            return change;
        }
        let counts = &compared.counts;
        match &self.lines {
            Some(lines) => Change {
                is_same: lines.is_none(),
                is_gone: lines.gone > 0 || lines.unread > 0,
                has_more: lines.added > 0,
                is_settled: lines.settled > 0,
                contradicts: lines.contradicting > 0,
                ..change
            },
            None => Change {
                is_gone: self.missing > counts.missing_then || counts.has_shrunk,
                has_more: !compared.grown.is_empty(),
                is_settled: self.missing < counts.missing_then,
                contradicts: counts.invalid_now.saturating_sub(self.missing)
                    > counts.invalid_then.saturating_sub(counts.missing_then),
                ..change
            },
        }
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
    fn statement(
        &self,
        change: Change,
        compared: &Comparison,
        statement: &Statement,
        checks: &mut Checks,
    ) {
        let same_verdict = statement.verdict() == Ok(self.summary.verdict);
        let is_late = self.is_late(compared);
        let of_tail = |path: &str| OF_TAIL.iter().any(|of| path.starts_with(of));
        let is_open = self.unread() > 0 || is_unsure(statement, compared);
        // More lines than the attested ones take nothing away from them.
        let has_more = change.has_more && !change.contradicts && self.lines.is_some();
        let is_more = |path: &String| has_more && compared.grown.contains(path);
        // The verdict is compared by itself.
        let differs = compared.differs.iter().filter(|path| same_verdict || !is_exit_status(path));
        let mut differs = differs.filter(|path| !is_more(path)).map(|path| {
            let outcome =
                match is_open || is_late && of_tail(path) || change.explains(path, compared) {
                    true => CheckOutcome::Open,
                    false => CheckOutcome::Failed,
                };
            (outcome, path)
        });
        let mut listed: Vec<_> = differs.by_ref().take(LISTED).collect();
        let rest: Vec<_> = differs.collect();
        if listed.is_empty() {
            let words = match has_more {
                true => {
                    "statement: everything matches what was read again, except that there is more \
                     evidence now"
                }
                false => {
                    "statement: scope, counts, coverage, keys, exceptions and gaps match what was \
                     read again"
                }
            };
            checks.add(CheckOutcome::Passed, words);
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

    fn evidence(&self, change: Change, compared: &Comparison) -> (CheckOutcome, String) {
        let made = if compared.arrived > 0 { &self.then } else { &self.commitment };
        let unread = self.unread();
        let could_not = || {
            let words = format!("{unread} objects or listings could not be read again");
            (CheckOutcome::Open, words)
        };
        let lines = match &self.lines {
            _ if change.is_identical => {
                let words = format!("all {} lines are identical to those attested", made.lines);
                return (CheckOutcome::Passed, words);
            }
            Some(lines) => lines,
            None if unread > 0 => return could_not(),
            None if change.is_gone && !change.contradicts => {
                let words = "less of it is there than was attested; give `--record` to find out \
                             what is gone";
                return (CheckOutcome::Open, words.to_owned());
            }
            None => {
                let words = "the lines differ from those attested, perhaps only in ETags or \
                             versions; give `--record` to find out";
                return (CheckOutcome::Open, words.to_owned());
            }
        };
        let [same, gone, settled, added, contradicting] =
            [lines.same, lines.gone, lines.settled, lines.added, lines.contradicting].map(grouped);
        if lines.is_none() {
            let words = format!(
                "{same} digests and log files have the same outcomes, hashes and intervals as in \
                 the record; ETags, versions, sizes or ways of proof differ"
            );
            (CheckOutcome::Passed, words)
        } else if lines.contradicting > 0 {
            let words = format!("{contradicting} digests or log files contradict the record");
            (CheckOutcome::Failed, words)
        } else if unread > 0 {
            could_not()
        } else if lines.gone > 0 {
            let words = format!(
                "{gone} digests or log files are no longer there, so what was attested of them \
                 cannot be checked; {same} are as in the record"
            );
            (CheckOutcome::Open, words)
        } else if lines.settled > 0 {
            let words = format!(
                "{settled} digests or log files that were missing or unread then are proven now; \
                 {same} are as in the record"
            );
            (CheckOutcome::Open, words)
        } else {
            let words = format!(
                "all {same} digests and log files of the record have the same outcomes, hashes and \
                 intervals; {added} more are there now"
            );
            (CheckOutcome::Passed, words)
        }
    }
}

impl Change {
    /// Returns whether the change of the evidence explains that this part of the predicate differs.
    fn explains(self, path: &str, compared: &Comparison) -> bool {
        if self.contradicts || !OF_EVIDENCE.iter().any(|of| path.starts_with(of)) {
            return false;
        }
        let is_worse = compared.worse.iter().any(|worse| worse == path);
        match self {
            Self { is_same: true, is_cleared, .. } => is_cleared && !is_worse,
            Self { is_gone: true, .. } => true,
            _ => (self.has_more || self.is_settled || self.is_cleared) && !is_worse,
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
