//! The expected result of a run, in a form that a test can compare with an actual one.
use super::built::{BuiltChain, ChainId};
use std::collections::BTreeSet;

/// The state of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It is what CloudTrail wrote, and that is proven.
    Valid,
    /// It is contradicted, with this code.
    Invalid(&'static str),
    /// It is neither proven nor contradicted.
    Unverified,
    /// No proven digest leads to it, so nothing is reported about it.
    Unreached,
}

/// The verdict of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Everything is proven for the whole period.
    Proven,
    /// There was nothing to check.
    NothingFound,
    /// Something is not proven, nothing is contradicted.
    NotProven,
    /// Something is contradicted.
    Contradicted,
}

/// The period and the other parameters of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its start.
    pub from: i64,
    /// Its end.
    pub to: i64,
    /// Time of the run. A period that ended long before it has no allowance for late digests.
    pub now: i64,
    /// Name of the only trail to verify; `None` for everything in the buckets.
    pub trail: Option<String>,
    /// Whether the run uses GetTrailStatus.
    pub trail_status: bool,
    /// Whether the run reads a copy that is not asserted to be complete: what is absent from it is
    /// not proven, and contradicts nothing.
    pub copy: bool,
}

impl Period {
    /// Creates a period that ended thirty days before the run, for every trail.
    pub fn new(from: i64, to: i64) -> Self {
        Self { from, to, now: to + 30 * 86_400, trail: None, trail_status: false, copy: false }
    }

    /// Sets the time of the run.
    #[must_use]
    pub fn now(self, now: i64) -> Self {
        Self { now, ..self }
    }

    /// Restricts the run to one trail.
    #[must_use]
    pub fn of_trail(self, name: &str) -> Self {
        Self { trail: Some(name.to_owned()), ..self }
    }

    /// Makes the run read a copy that is not asserted to be complete.
    #[must_use]
    pub fn of_copy(self) -> Self {
        Self { copy: true, ..self }
    }

    /// Makes the run use GetTrailStatus.
    #[must_use]
    pub fn with_trail_status(self) -> Self {
        Self { trail_status: true, ..self }
    }

    pub(super) fn is_about(&self, chain: &BuiltChain) -> bool {
        self.trail.as_ref().is_none_or(|name| *name == chain.id.trail)
    }
}

/// The possible results for one digest or log file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectExpectation {
    /// Bucket.
    pub bucket: String,
    /// Key.
    pub key: String,
    /// The states that a correct verifier may report; a single one if there is no doubt.
    pub allowed: BTreeSet<State>,
    /// Whether the run must reach it: it belongs to a digest of the period.
    pub in_period: bool,
}

impl ObjectExpectation {
    /// Returns the only allowed state, if there is no doubt.
    pub fn certain(&self) -> Option<State> {
        let mut states = self.allowed.iter();
        states.next().copied().filter(|_| states.next().is_none())
    }

    fn codes(&self) -> impl Iterator<Item = &'static str> {
        self.allowed.iter().filter_map(|state| match state {
            State::Invalid(code) => Some(*code),
            _ => None,
        })
    }
}

/// The expected results for one chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainExpectation {
    /// The chain.
    pub id: ChainId,
    /// Its digests, as in [`super::BuiltChain::digests`].
    pub digests: Vec<ObjectExpectation>,
    /// Its log files, digest by digest.
    pub logs: Vec<ObjectExpectation>,
    /// The parts of the period that are certainly not verified: no digest can be proven for them,
    /// or their digest names a log file that is certainly not valid.
    pub not_verified: Vec<(i64, i64)>,
    /// The parts of the period that must be verified: their digest and every log file that it names
    /// are certainly valid. What is in neither list may be verified or not.
    pub verified: Vec<(i64, i64)>,
    /// The parts that a correct verifier may leave open: neither verified nor still to come.
    pub maybe_open: Vec<(i64, i64)>,
}

/// A finding that must be reported, under one of several keys and with one of several codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// Keys.
    pub keys: BTreeSet<String>,
    /// Codes.
    pub codes: BTreeSet<&'static str>,
}

/// The expected results of a run over one period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    /// The chains in scope.
    pub chains: Vec<ChainExpectation>,
    /// Findings that must be reported.
    pub required: Vec<Requirement>,
    /// Findings, as key and code, that may be reported. They include all required ones.
    pub permitted: BTreeSet<(String, &'static str)>,
    /// Keys under which any finding may be reported: forged digests at their own keys.
    pub rogue_keys: BTreeSet<String>,
    /// Codes that may be reported for a whole chain, whatever the key.
    pub chain_codes: BTreeSet<&'static str>,
    /// Log files that must be reported as `log-unlisted`.
    pub unlisted: BTreeSet<String>,
    /// Log files that may be reported as `log-unlisted`. They include those that must be.
    pub maybe_unlisted: BTreeSet<String>,
    /// The verdicts that a correct verifier may reach; a single one if there is no doubt.
    pub verdicts: BTreeSet<Verdict>,
}

impl Expectation {
    /// Compares a run's verdict and findings (key, code) with the expected ones. The error lists
    /// the differences, one on each line.
    pub fn check<'a>(
        &self,
        verdict: Verdict,
        findings: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), String> {
        let findings: Vec<_> = findings.into_iter().collect();
        let mut wrong = Vec::new();
        if !self.verdicts.contains(&verdict) {
            wrong.push(format!("verdict {verdict:?}, expected one of {:?}", self.verdicts));
        }
        for requirement in &self.required {
            let met = |&(key, code): &(&str, &str)| {
                requirement.keys.contains(key) && requirement.codes.contains(code)
            };
            if !findings.iter().any(met) {
                wrong.push(format!("not found: {requirement:?}"));
            }
        }
        for &(key, code) in &findings {
            let object =
                self.permitted.iter().any(|(known, may)| (known.as_str(), *may) == (key, code));
            if !object && !self.rogue_keys.contains(key) && !self.chain_codes.contains(code) {
                wrong.push(format!("unexpected finding: {code} {key}"));
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    }

    /// Compares the log files that a run reported as `log-unlisted` with the expected ones.
    pub fn check_unlisted<'a>(
        &self,
        keys: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), String> {
        let keys: BTreeSet<_> = keys.into_iter().map(str::to_owned).collect();
        let absent: Vec<_> = self.unlisted.difference(&keys).collect();
        let extra: Vec<_> = keys.difference(&self.maybe_unlisted).collect();
        if absent.is_empty() && extra.is_empty() {
            return Ok(());
        }
        Err(format!("log-unlisted: missing {absent:?}, unexpected {extra:?}"))
    }

    /// Compares the segments of one chain that a run reported as verified, oldest first, with what
    /// must be verified and what certainly is not.
    pub fn check_verified(&self, id: &ChainId, verified: &[(i64, i64)]) -> Result<(), String> {
        self.check_not_too_much_verified(id, verified)?;
        for &(from, to) in &self.chain(id)?.verified {
            // A verified stretch may end where the next one begins.
            let mut at = from;
            for &(start, end) in verified {
                if start <= at {
                    at = at.max(end);
                }
            }
            if at < to {
                return Err(format!(
                    "{from}..{to} is verified, but not reported as such from {at} on"
                ));
            }
        }
        Ok(())
    }

    /// Compares segments of one chain that were reported as verified with what certainly is not.
    /// More may be verified than is listed here.
    pub fn check_not_too_much_verified(
        &self,
        id: &ChainId,
        verified: &[(i64, i64)],
    ) -> Result<(), String> {
        for &(from, to) in verified {
            for &(start, end) in &self.chain(id)?.not_verified {
                if from < end && start < to {
                    return Err(format!(
                        "{from}..{to} is reported as verified, but {start}..{end} is not"
                    ));
                }
            }
        }
        Ok(())
    }

    fn chain(&self, id: &ChainId) -> Result<&ChainExpectation, String> {
        let chain = self.chains.iter().find(|chain| chain.id == *id);
        chain.ok_or_else(|| format!("no such chain in scope: {id:?}"))
    }

    pub(super) fn permit(&mut self, object: &ObjectExpectation) {
        self.permitted.extend(object.codes().map(|code| (object.key.clone(), code)));
        let only = |state: &State| matches!(state, State::Invalid(_));
        if object.in_period && object.allowed.iter().all(only) {
            let keys = BTreeSet::from([object.key.clone()]);
            self.required.push(Requirement { keys, codes: object.codes().collect() });
        }
    }
}
