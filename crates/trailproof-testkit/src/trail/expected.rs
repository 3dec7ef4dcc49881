//! The model: what a verifier must find according to section 1 of the design, computed from the
//! truth.
//!
//! Two runs through each chain represent everything that a correct verifier may do. The careful run
//! uses only proofs that a verifier must use (successors no further than the first digest after the
//! period, keys exactly as listed); the bold run uses every proof there is. If the two agree, the
//! expectation is one state; if not, a set.
//!
//! Limits: a chain that changes its bucket is judged over all its buckets. Faults in digests
//! outside of the period loosen the expected verdict, but never tighten it. A chain that is
//! completely gone may be missed.
use super::built::{BuiltChain, BuiltDigest, BuiltTrail, DigestKind, Oddity, PlantedKind};
use super::end_state::{DigestContent, OwnSignature, states};
use super::expectation::{
    ChainExpectation, Expectation, ObjectExpectation, Period, Requirement, State,
};
use super::expected_verdicts::{Doubts, verdicts};
use super::judge::Judged;
use std::collections::BTreeSet;

// Time after the newest digest is pending if that digest is no older than this, in seconds.
const YOUNG: i64 = 2 * 3600;

// The time in a log file's key has a resolution of five minutes, and the file is delivered within
// minutes: this close to the edge of proven time, no report is required. In seconds.
const LEEWAY: i64 = 900;

impl BuiltTrail {
    /// Returns the period that the trail was built for, from the end of the first digest to the end
    /// of the last one.
    pub fn whole(&self) -> Period {
        let (from, to) = self.span();
        Period::new(from, to)
    }

    /// Returns what `verify` must find in `period`.
    pub fn expected_for_verify(&self, period: &Period) -> Expectation {
        let mut expectation = Expectation::default();
        let mut doubts = Doubts::default();
        let kept = self.kept_signatures();
        let judged: Vec<_> =
            self.chains.iter().map(|chain| self.judge(chain, period, &kept)).collect();
        let mut found = false;
        let in_scope = self.chains.iter().zip(&judged).filter(|(chain, _)| period.is_about(chain));
        for (chain, digests) in in_scope {
            found |= present_in_period(chain, digests);
            let expected = self.tell(chain, digests, period);
            let objects = || expected.digests.iter().chain(&expected.logs);
            objects().for_each(|object| expectation.permit(object));
            for (object, (index, digest)) in
                expected.digests.iter().zip(chain.digests.iter().enumerate())
            {
                if digest.oddity == Oddity::Loop {
                    require_loop(&mut expectation, chain, index, digests, object.in_period);
                }
            }
            for object in objects() {
                let settled = |wanted: fn(&State) -> bool| object.allowed.iter().any(wanted);
                doubts.maybe_contradicted |= settled(|state| matches!(state, State::Invalid(_)));
                let other = |state: &State| matches!(state, State::Unverified | State::Unreached);
                doubts.maybe_not_proven |= object.allowed.iter().any(other);
                doubts.maybe_not_proven |=
                    !object.in_period && object.certain() != Some(State::Valid);
                doubts.not_proven |= object.in_period
                    && object.allowed.iter().all(|state| *state == State::Unverified);
            }
            let siblings = self.siblings_go_on(chain, &judged);
            self.cover(chain, digests, &expected, siblings, &mut doubts);
            expectation.chains.push(expected);
        }
        self.unlisted(&judged, period, &mut expectation);
        doubts.not_proven |= !expectation.unlisted.is_empty();
        doubts.maybe_not_proven |= !expectation.maybe_unlisted.is_empty();
        self.rogues(&mut expectation, &mut doubts);
        if period.trail_status {
            self.status_doubts(period, &mut expectation, &mut doubts);
        }
        expectation.verdicts = verdicts(&expectation, &doubts, found);
        expectation
    }

    fn tell(&self, chain: &BuiltChain, judged: &[Judged], period: &Period) -> ChainExpectation {
        let (mut digests, mut logs) = (Vec::new(), Vec::new());
        let (mut verified, mut maybe_verified) = (Vec::new(), Vec::new());
        for (digest, own) in chain.digests.iter().zip(judged) {
            digests.push(ObjectExpectation {
                bucket: digest.bucket.clone(),
                key: digest.key.clone(),
                allowed: own.allowed.clone(),
                in_period: own.in_period,
            });
            // The log files of a digest that crosses an edge of the period may be checked or not.
            let whole = period.from <= digest.start && digest.end <= period.to;
            let valid = own.allowed.contains(&State::Valid);
            let only_valid = valid && own.allowed.len() == 1;
            let (mut sure, mut possible) = (only_valid, valid);
            for log in &digest.logs {
                let mut allowed = BTreeSet::new();
                if valid && digest.oddity != Oddity::NoLogFiles {
                    allowed.extend(self.log_states_in(log, period));
                }
                possible &= allowed.contains(&State::Valid);
                sure &= possible && allowed.len() == 1;
                if !only_valid || allowed.is_empty() {
                    allowed.insert(State::Unreached);
                }
                logs.push(ObjectExpectation {
                    bucket: log.bucket.clone(),
                    key: log.key.clone(),
                    allowed,
                    in_period: own.in_period && whole,
                });
            }
            // A starting digest covers nothing, and a backfill digest covers time that a standard
            // one covers.
            let covers = matches!(digest.kind, DigestKind::Standard | DigestKind::Final);
            let hour = || clip(digest, period).filter(|_| covers);
            verified.extend(hour().filter(|_| sure));
            maybe_verified.extend(hour().filter(|_| possible));
        }
        // The age is that of the newest digest, whether it ends in the period or before it.
        let pending = |by: fn(&BTreeSet<State>) -> bool| {
            let standard = chain.standard().iter().zip(judged);
            let before =
                standard.filter(|(digest, own)| digest.end <= period.to && by(&own.allowed));
            before.map(|(digest, _)| digest.end).max().is_some_and(|end| end >= period.now - YOUNG)
        };
        let may_be_pending = pending(|allowed| allowed.contains(&State::Valid));
        let is_pending = pending(|allowed| allowed.iter().all(|state| *state == State::Valid));
        let not_verified = rest(&maybe_verified, period, may_be_pending);
        let maybe_open = rest(&verified, period, is_pending);
        let id = chain.id.clone();
        ChainExpectation { id, digests, logs, not_verified, verified, maybe_open }
    }

    /// Adds the effect of the chain's coverage on the verdict.
    fn cover(
        &self,
        chain: &BuiltChain,
        judged: &[Judged],
        expected: &ChainExpectation,
        siblings: bool,
        doubts: &mut Doubts,
    ) {
        if present_in_period(chain, judged) {
            doubts.not_proven |= !expected.not_verified.is_empty();
            doubts.maybe_not_proven |= !expected.maybe_open.is_empty();
            return;
        }
        let anything = judged.iter().any(|own| own.content != DigestContent::Absent);
        // No digest in the period: certainly uncovered if the chain is known and its siblings
        // continue; otherwise it may count as ended or as not yet begun, or not be seen at all.
        doubts.not_proven |= anything && siblings && !expected.not_verified.is_empty();
        doubts.maybe_not_proven = true;
    }

    fn siblings_go_on(&self, chain: &BuiltChain, judged: &[Vec<Judged>]) -> bool {
        self.chains.iter().zip(judged).any(|(other, digests)| {
            let same = (&other.id.trail, &other.id.home_region, &other.id.organization)
                == (&chain.id.trail, &chain.id.home_region, &chain.id.organization);
            same && other.id != chain.id && present_in_period(other, digests)
        })
    }

    /// Finds the log files that no verified digest names.
    fn unlisted(&self, judged: &[Vec<Judged>], period: &Period, expectation: &mut Expectation) {
        let proves = |digest: &BuiltDigest, own: &Judged| {
            let whole =
                || digest.logs.iter().all(|log| self.log_states(log) == states(&[State::Valid]));
            own.certain && digest.kind != DigestKind::Starting && whole()
        };
        // The whole interval of every digest that touches the period is searched, and also that of
        // the first digest after it if that one continues proven time of the period.
        let covers = |chain: &BuiltChain, judged: &[Judged], [time, put]: [i64; 2]| {
            // An hour with a log file that the copy lacks is not verified, and near its edges no
            // report about the next hour is required.
            let lacks = |time: i64| {
                period.copy
                    && chain.standard().iter().any(|digest| {
                        let near = digest.start < time + 1_800 && time - 1_800 < digest.end;
                        let absent = |key| self.current(&digest.bucket, key).is_none();
                        near && (absent(&digest.key)
                            || digest.logs.iter().any(|log| absent(&log.key)))
                    })
            };
            let standard: Vec<_> = chain.standard().iter().zip(judged).collect();
            [time - LEEWAY, time, time + LEEWAY, put].into_iter().all(|time| {
                !lacks(time)
                    && standard.iter().enumerate().any(|(at, (digest, own))| {
                        let before = at.checked_sub(1).and_then(|before| standard.get(before));
                        let goes_on = before.is_some_and(|(before, own)| {
                            own.in_period && before.end == digest.start && proves(before, own)
                        });
                        digest.start < time
                            && time < digest.end
                            && proves(digest, own)
                            && (own.in_period || (own.visited && goes_on))
                    })
            })
        };
        for planted in &self.planted {
            if let PlantedKind::UnlistedLog { chain, time, put } = planted.kind {
                if self.current(&planted.bucket, &planted.key).is_none() {
                    continue;
                }
                expectation.maybe_unlisted.insert(planted.key.clone());
                let own = self.chains.get(chain).zip(judged.get(chain));
                if own.is_some_and(|(chain, digests)| {
                    period.is_about(chain) && covers(chain, digests, [time, put])
                }) {
                    expectation.unlisted.insert(planted.key.clone());
                }
            }
        }
        for (chain, digests) in self.chains.iter().zip(judged) {
            for (digest, own) in chain.digests.iter().zip(digests) {
                let lost =
                    !own.allowed.contains(&State::Valid) || digest.oddity == Oddity::NoLogFiles;
                if own.certain && own.allowed.len() == 1 && !lost {
                    continue;
                }
                let present =
                    digest.logs.iter().filter(|log| self.current(&log.bucket, &log.key).is_some());
                for log in present {
                    expectation.maybe_unlisted.insert(log.key.clone());
                    let backfill = digest.kind == DigestKind::Backfill;
                    if lost
                        && backfill
                        && period.is_about(chain)
                        && covers(chain, digests, [log.time, log.delivered])
                    {
                        expectation.unlisted.insert(log.key.clone());
                    }
                }
            }
        }
    }

    fn rogues(&self, expectation: &mut Expectation, doubts: &mut Doubts) {
        for planted in
            self.planted.iter().filter(|planted| planted.kind == PlantedKind::RogueDigest)
        {
            if self.current(&planted.bucket, &planted.key).is_some() {
                expectation.rogue_keys.insert(planted.key.clone());
                // Its forged link may be followed only after it is proven, so there are no further
                // effects.
                doubts.maybe_contradicted = true;
                doubts.maybe_not_proven = true;
            }
        }
    }

    /// Allows for GetTrailStatus reporting a later digest than any that is left.
    fn status_doubts(&self, period: &Period, expectation: &mut Expectation, doubts: &mut Doubts) {
        let gone = self.chains.iter().any(|chain| {
            let newest = chain.digests.iter().max_by_key(|digest| digest.delivered);
            period.is_about(chain)
                && newest.is_some_and(|digest| self.current(&digest.bucket, &digest.key).is_none())
        });
        if gone {
            expectation.chain_codes.insert("digest-delivered-then-gone");
            doubts.maybe_contradicted = true;
        }
    }
}

fn require_loop(
    expectation: &mut Expectation,
    chain: &BuiltChain,
    index: usize,
    judged: &[Judged],
    in_period: bool,
) {
    let to = chain.digests.get(index).and_then(|digest| digest.previous);
    let ends = [Some(index), to].into_iter().flatten().filter_map(|at| chain.digests.get(at));
    let keys: BTreeSet<_> = ends.map(|digest| digest.key.clone()).collect();
    let codes = BTreeSet::from(["digest-out-of-order", "digest-link-mismatch"]);
    for key in &keys {
        expectation.permitted.extend(codes.iter().map(|code| (key.clone(), *code)));
    }
    let own = judged.get(index);
    let signed = own
        .is_some_and(|own| own.content == DigestContent::Intact && own.own == OwnSignature::Proves);
    if signed && in_period {
        expectation.required.push(Requirement { keys, codes });
    }
}

fn present_in_period(chain: &BuiltChain, judged: &[Judged]) -> bool {
    let standard = judged.iter().take(chain.standard);
    standard.into_iter().any(|own| own.in_period && own.content != DigestContent::Absent)
}

fn clip(digest: &BuiltDigest, period: &Period) -> Option<(i64, i64)> {
    let (from, to) = (digest.start.max(period.from), digest.end.min(period.to));
    (from < to).then_some((from, to))
}

/// Returns what the intervals in `covered`, in order, leave of the period, without the time after
/// the last of them if that is `pending`.
fn rest(covered: &[(i64, i64)], period: &Period, pending: bool) -> Vec<(i64, i64)> {
    let (mut at, mut left) = (period.from, Vec::new());
    for &(from, to) in covered {
        if at < from {
            left.push((at, from));
        }
        at = at.max(to);
    }
    if at < period.to && !pending {
        left.push((at, period.to));
    }
    left
}
