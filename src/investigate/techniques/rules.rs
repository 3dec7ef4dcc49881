//! Applies all rules.
use super::index::Evidence;
use super::ledger::{Judge, Judged};

/// Judges everything.
pub(crate) fn judge(facts: &Evidence<'_>) -> Judged {
    let mut judge = Judge::new(facts);
    judge.spans();
    judge.objects();
    judge.planted();
    judge.narrowed();
    judge.alone();
    judge.finish()
}
