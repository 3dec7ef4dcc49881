//! What must be found, in a form that a test can hold a run against.
use super::built::{BuiltChain, ChainId};
use std::collections::BTreeSet;

/// The state of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It is what CloudTrail wrote, and that is proved.
    Valid,
    /// It is contradicted, with this code.
    Invalid(&'static str),
    /// It was not proved and not contradicted.
    Unverified,
    /// Nothing proved leads to it, so nothing is said of it.
    Unreached,
}

/// The verdict of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Everything is proved for the whole period.
    Proven,
    /// There was nothing to check.
    NothingFound,
    /// Something was not proved, nothing contradicted.
    NotProven,
    /// Something is contradicted.
    Contradicted,
}

/// What is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its start.
    pub from: i64,
    /// Its end.
    pub to: i64,
    /// The time of the run. A period that ended long before it has no allowance for late digests.
    pub now: i64,
    /// The one trail that the run is about, by name; without it everything in the buckets.
    pub trail: Option<String>,
    /// Whether the run asks GetTrailStatus.
    pub trail_status: bool,
    /// Whether the run reads a copy that nobody asserts to be complete: what is absent from it is
    /// not proven, and contradicts nothing.
    pub copy: bool,
}

impl Period {
    /// A period that ended thirty days before the run, about every trail.
    pub fn new(from: i64, to: i64) -> Self {
        Self { from, to, now: to + 30 * 86_400, trail: None, trail_status: false, copy: false }
    }

    /// The same period, of a run at `now`.
    #[must_use]
    pub fn now(self, now: i64) -> Self {
        Self { now, ..self }
    }

    /// The same period, about one trail.
    #[must_use]
    pub fn of_trail(self, name: &str) -> Self {
        Self { trail: Some(name.to_owned()), ..self }
    }

    /// The same period, of a run over a copy that nobody asserts to be complete.
    #[must_use]
    pub fn of_copy(self) -> Self {
        Self { copy: true, ..self }
    }

    /// The same period, of a run that asks GetTrailStatus.
    #[must_use]
    pub fn with_trail_status(self) -> Self {
        Self { trail_status: true, ..self }
    }

    pub(super) fn is_about(&self, chain: &BuiltChain) -> bool {
        self.trail.as_ref().is_none_or(|name| *name == chain.id.trail)
    }
}

/// What may be said of one digest or log file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectExpectation {
    /// Bucket.
    pub bucket: String,
    /// Key.
    pub key: String,
    /// The states that a right verifier may come to; one where there is no doubt.
    pub allowed: BTreeSet<State>,
    /// Whether the run must come to it: it belongs to a digest of the period.
    pub in_period: bool,
}

impl ObjectExpectation {
    /// The one state that is allowed, where there is no doubt.
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

/// What must be found in one chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainExpectation {
    /// The chain.
    pub id: ChainId,
    /// Its digests, as in [`super::BuiltChain::digests`].
    pub digests: Vec<ObjectExpectation>,
    /// Its log files, digest by digest.
    pub logs: Vec<ObjectExpectation>,
    /// The parts of the period that are certainly not verified: no digest can be proved for them,
    /// or their digest names a log file that certainly is not valid.
    pub not_verified: Vec<(i64, i64)>,
    /// The parts of the period that must be verified: their digest and every log file that it names
    /// are certainly valid. What lies in neither may be verified or not.
    pub verified: Vec<(i64, i64)>,
    /// The parts that a right verifier may leave open: neither verified nor still to come.
    pub maybe_open: Vec<(i64, i64)>,
}

/// A finding that must be reported, under one of several keys with one of several codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// Keys.
    pub keys: BTreeSet<String>,
    /// Codes.
    pub codes: BTreeSet<&'static str>,
}

/// Everything that must be found in a run over one period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    /// By chain in scope.
    pub chains: Vec<ChainExpectation>,
    /// Findings that must be reported.
    pub required: Vec<Requirement>,
    /// Findings, as key and code, that may be reported. They include all that are required.
    pub permitted: BTreeSet<(String, &'static str)>,
    /// Keys under which any finding may be reported: forged digests at keys of their own.
    pub rogue_keys: BTreeSet<String>,
    /// Codes that may be reported about a whole chain, whatever the key.
    pub chain_codes: BTreeSet<&'static str>,
    /// Log files that must be reported as `log-unlisted`.
    pub unlisted: BTreeSet<String>,
    /// Log files that may be reported as `log-unlisted`. They include the former.
    pub maybe_unlisted: BTreeSet<String>,
    /// The verdicts that a right verifier may come to; one where there is no doubt.
    pub verdicts: BTreeSet<Verdict>,
}

impl Expectation {
    /// Holds a run's verdict and findings (key, code) against what must be found. The error says
    /// what is wrong, line by line.
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
                wrong.push(format!("found without reason: {code} {key}"));
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    }

    /// Holds the log files that a run reported as `log-unlisted` against what must be.
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
        Err(format!("log-unlisted: not reported {absent:?}, reported without reason {extra:?}"))
    }

    /// Holds the segments of one chain that a run calls verified, oldest first, against what must
    /// be verified and what certainly is not.
    pub fn check_verified(&self, id: &ChainId, verified: &[(i64, i64)]) -> Result<(), String> {
        self.check_not_too_much_verified(id, verified)?;
        for &(from, to) in &self.chain(id)?.verified {
            // Stretches that are called verified may end where others begin.
            let mut at = from;
            for &(start, end) in verified {
                if start <= at {
                    at = at.max(end);
                }
            }
            if at < to {
                return Err(format!("{from}..{to} is verified, and not called so from {at} on"));
            }
        }
        Ok(())
    }

    /// Holds segments of one chain that are called verified against what certainly is not. More
    /// may be verified than is named here.
    pub fn check_not_too_much_verified(
        &self,
        id: &ChainId,
        verified: &[(i64, i64)],
    ) -> Result<(), String> {
        for &(from, to) in verified {
            for &(start, end) in &self.chain(id)?.not_verified {
                if from < end && start < to {
                    return Err(format!("{from}..{to} is called verified, {start}..{end} is not"));
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
