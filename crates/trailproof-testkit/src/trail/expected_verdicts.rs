//! The verdicts that a correct verifier may reach.
use super::expectation::{Expectation, Verdict};
use std::collections::BTreeSet;

/// How much of the verdict is certain.
#[derive(Default)]
pub(super) struct Doubts {
    pub(super) maybe_contradicted: bool,
    pub(super) not_proven: bool,
    pub(super) maybe_not_proven: bool,
}

/// Returns the possible verdicts, from the required findings and the doubts.
pub(super) fn verdicts(
    expectation: &Expectation,
    doubts: &Doubts,
    found: bool,
) -> BTreeSet<Verdict> {
    if !expectation.required.is_empty() {
        return BTreeSet::from([Verdict::Contradicted]);
    }
    let mut verdicts = BTreeSet::new();
    if doubts.maybe_contradicted {
        verdicts.insert(Verdict::Contradicted);
    }
    if doubts.not_proven || doubts.maybe_not_proven {
        verdicts.insert(Verdict::NotProven);
    }
    if !doubts.not_proven && found {
        verdicts.insert(Verdict::Proven);
    }
    if !found {
        verdicts.extend([Verdict::NothingFound, Verdict::NotProven]);
    }
    verdicts
}
