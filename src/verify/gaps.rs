//! Which events explain a stretch without digests.
use std::collections::BTreeSet;
use trailproof_core::chain_id::ChainId;
use trailproof_core::coverage::Segment;
use trailproof_core::explain::{ExplainingEvent, can_explain};

/// Events that are cited for one gap. More would not explain more.
const CITED: usize = 8;

/// The events that can explain why `chain` has no digests in `gap`, nearest to its start first.
///
/// Events of the chain's own account count, and those of the trail's siblings: a trail is stopped
/// in its home region, and an organization's trail in the account that owns it.
pub(super) fn explained(
    chain: &ChainId,
    gap: &Segment,
    events: &BTreeSet<(ChainId, ExplainingEvent)>,
) -> Vec<ExplainingEvent> {
    let mut cited: Vec<ExplainingEvent> = events
        .iter()
        .filter(|(of, event)| {
            (of.account == chain.account || of.is_sibling(chain))
                && can_explain(event.time, gap.from, gap.to)
        })
        .map(|(_, event)| event.clone())
        .collect();
    // The same event can stand in two log files, and in the log files of two trails.
    cited.sort_by(|one, other| {
        let far = |event: &ExplainingEvent| (event.time.unix() - gap.from.unix()).abs();
        (far(one), one).cmp(&(far(other), other))
    });
    let mut seen = BTreeSet::new();
    cited.retain(|event| seen.insert(event.id.clone()));
    cited.truncate(CITED);
    cited
}
