//! Which news of a step is an alert. What was reported is not reported again while it holds.
//!
//! There are two reasons for an alert. Something **new** forbids `proven`: that is reported at once. Or
//! the proof is too **old**: a store that did not answer for an hour is no news, because the next step
//! covers the hour; one that does not answer for longer than the limit is.
use super::latest::Reported;
use super::step::{StepFacts, name};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::coverage::TAIL_ALLOWANCE;
use trailproof_core::record::wire::Time;
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::location::escape;
use trailproof_core::vocab::time::{HOUR, Timestamp};

/// Chains that one line of text names.
const NAMED: usize = 3;

/// One alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "alert", rename_all = "kebab-case")]
pub(crate) enum Alert {
    /// The evidence contradicts something that was not reported before.
    Contradicted {
        /// Number of new objections, by code.
        objections: BTreeMap<&'static str, u64>,
    },
    /// Something that was not reported before forbids `proven`.
    NotProven {
        /// Number of new objections, by code.
        objections: BTreeMap<&'static str, u64>,
    },
    /// Nothing is left that could be verified.
    NothingFound,
    /// The newest proven digest of chains is too old.
    Stale {
        /// The limit, in seconds.
        limit_seconds: i64,
        /// The chains: name and end of the newest proven digest.
        chains: Vec<StaleChain>,
    },
    /// For too long, no step has proven its whole period.
    Behind {
        /// The limit, in seconds.
        limit_seconds: i64,
        /// End of the time that is proven as a whole.
        proven_to: Time,
    },
}

/// A chain without a recent proven digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct StaleChain {
    chain: String,
    newest_proven_digest: Time,
}

/// What the ages of a step are measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ages {
    /// The time of the step.
    pub(crate) now: Timestamp,
    /// End of the time that the chain of records proves as a whole; before the first record, the
    /// beginning of the period.
    pub(crate) proven_to: Timestamp,
    /// The limit, in seconds.
    pub(crate) limit: i64,
}

/// Returns the alerts of a step, and what is reported from then on. `before` has the newest proven
/// digests of the chain of records.
pub(crate) fn alerts(
    step: &StepFacts,
    before: &BTreeMap<ChainId, Timestamp>,
    ages: Ages,
    reported: &Reported,
) -> (Vec<Alert>, Reported) {
    let mut alerts = Vec::new();
    let mut now = Reported::default();
    let mut objections: BTreeMap<&'static str, u64> = BTreeMap::new();
    for (identity, code) in &step.objections {
        if !reported.objections.contains(identity) {
            *objections.entry(code).or_default() += 1;
        }
        now.objections.insert(identity.clone());
    }
    // What could not be read now may still be there.
    if step.unread
        || !matches!(
            step.verdict,
            Some(Verdict::Proven | Verdict::NotProven | Verdict::Contradicted)
        )
    {
        now.objections.extend(reported.objections.iter().cloned());
    }
    let kept = u64::try_from(now.objections.len()).unwrap_or(u64::MAX);
    now.total = kept.saturating_add(step.more);
    // Where the list of what was reported is cut off, only a larger number shows that there is more.
    let is_new = now.total > reported.total || (reported.is_complete() && !objections.is_empty());
    if is_new && step.verdict == Some(Verdict::Contradicted) {
        alerts.push(Alert::Contradicted { objections });
    } else if is_new {
        alerts.push(Alert::NotProven { objections });
    }
    now.nothing_found = match step.verdict {
        Some(verdict) => verdict == Verdict::NothingFound,
        None => reported.nothing_found,
    };
    if now.nothing_found && !reported.nothing_found {
        alerts.push(Alert::NothingFound);
    }
    stale(step, before, ages, reported, &mut now, &mut alerts);
    // A step that proves everything ends the allowance before now.
    let due = ages.now.plus(-ages.limit - TAIL_ALLOWANCE);
    let behind = ages.proven_to < due && !step.settled;
    // Whoever was told what is wrong knows that time is not proven.
    let explained = now.total > 0 || now.nothing_found || !now.stale.is_empty();
    now.behind = behind && (reported.behind || !explained);
    if now.behind && !reported.behind {
        let proven_to = Time(ages.proven_to);
        alerts.push(Alert::Behind { limit_seconds: ages.limit, proven_to });
    }
    (alerts, now.bounded())
}

/// Adds the chains whose newest proven digest is too old.
fn stale(
    step: &StepFacts,
    before: &BTreeMap<ChainId, Timestamp>,
    ages: Ages,
    reported: &Reported,
    now: &mut Reported,
    alerts: &mut Vec<Alert>,
) {
    let limit = ages.now.plus(-ages.limit);
    let mut chains = Vec::new();
    let known: BTreeSet<&ChainId> =
        before.keys().chain(step.newest.keys()).chain(&step.living).collect();
    for chain in known.into_iter().filter(|chain| !step.ended.contains(*chain)) {
        // A chain that never had a proven digest is uncovered, which is reported as that.
        let newest = step.newest.get(chain).max(before.get(chain)).copied();
        let Some(newest) = newest.filter(|newest| *newest < limit) else { continue };
        let name = name(chain);
        if !reported.stale.contains(&name) {
            chains.push(StaleChain { chain: name.clone(), newest_proven_digest: Time(newest) });
        }
        now.stale.insert(name);
    }
    if !chains.is_empty() {
        alerts.push(Alert::Stale { limit_seconds: ages.limit, chains });
    }
}

impl Alert {
    /// Returns the alert as one line for people.
    pub(crate) fn line(&self) -> String {
        match self {
            Self::Contradicted { objections } => {
                format!("alert: contradicted: {}", counted(objections))
            }
            Self::NotProven { objections } => format!("alert: not proven: {}", counted(objections)),
            Self::NothingFound => {
                "alert: nothing found: nothing is left that could be verified".to_owned()
            }
            Self::Stale { limit_seconds, chains } => {
                let named = chains.iter().take(NAMED).map(|one| {
                    let chain = escape(&one.chain);
                    format!("`{chain}` since {}", one.newest_proven_digest.0)
                });
                let named = named.collect::<Vec<_>>().join(", ");
                let more = match chains.len().saturating_sub(NAMED) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let hours = hours(*limit_seconds);
                format!("alert: no proven digest for more than {hours}: {named}{more}")
            }
            Self::Behind { limit_seconds, proven_to } => {
                let (hours, to) = (hours(*limit_seconds), proven_to.0);
                format!("alert: not everything is proven for more than {hours}: since {to}")
            }
        }
    }
}

fn counted(objections: &BTreeMap<&'static str, u64>) -> String {
    let all = objections.iter().map(|(code, number)| format!("{number} {code}"));
    let all = all.collect::<Vec<_>>().join(", ");
    if all.is_empty() { "more than can be listed".to_owned() } else { format!("new: {all}") }
}

fn hours(seconds: i64) -> String {
    format!("{} h", seconds / HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailproof_core::vocab::budget::ALERTS_REPORTED;

    fn step(objections: usize, more: u64) -> StepFacts {
        let identities = (0..objections).map(|number| (format!("{number:08}"), "log-missing"));
        let objections = identities.collect();
        let verdict = Some(Verdict::Contradicted);
        StepFacts { verdict, objections, more, ..StepFacts::default() }
    }

    fn news(step: &StepFacts, reported: &Reported) -> (usize, Reported) {
        let now = Timestamp::from_unix(0);
        let ages = Ages { now, proven_to: now, limit: HOUR };
        let (alerts, reported) = alerts(step, &BTreeMap::new(), ages, reported);
        (alerts.len(), reported)
    }

    #[test]
    fn more_objections_than_can_be_listed_are_news_if_they_become_more() {
        let all = ALERTS_REPORTED + 5;
        let (alerts, reported) = news(&step(all, 7), &Reported::default());
        assert_eq!((alerts, reported.objections.len()), (1, ALERTS_REPORTED));
        assert_eq!(news(&step(all, 7), &reported), (0, reported.clone()));
        assert_eq!(news(&step(all, 8), &reported).0, 1);
        // They become fewer, and more again.
        let (alerts, fewer) = news(&step(3, 0), &reported);
        assert_eq!((alerts, fewer.total), (0, 3));
        assert_eq!(news(&step(3, 0), &fewer).0, 0);
        assert_eq!(news(&step(4, 0), &fewer).0, 1);
    }

    #[test]
    fn what_could_not_be_read_again_is_not_forgotten() {
        let (_, reported) = news(&step(2, 0), &Reported::default());
        let unread = StepFacts { unread: true, ..step(0, 0) };
        let (alerts, kept) = news(&unread, &reported);
        assert_eq!((alerts, &kept), (0, &reported));
        assert_eq!(news(&step(2, 0), &kept).0, 0);
        let (_, gone) = news(&step(0, 0), &kept);
        assert_eq!(news(&step(2, 0), &gone).0, 1);
    }
}
