//! Chains that ended before the period, and what explains their end.
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::record::{PlaceDoubt, Presence, RunEvent};
use trailproof_core::trail_event::ExplainingEvent;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::location::escape;
use trailproof_core::vocab::time::Timestamp;

/// The end of one chain.
#[derive(Clone, Debug)]
pub(super) struct End {
    /// End of its last digest.
    pub(super) last: Timestamp,
    /// Verified event that explains it, if there is one.
    pub(super) explained: Option<ExplainingEvent>,
}

/// The ends of a run's chains.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    by_chain: BTreeMap<ChainId, End>,
    /// Chains whose end nothing explains.
    doubted: BTreeSet<ChainId>,
}

impl Ends {
    /// Takes the next event of the run.
    pub(super) fn take(&mut self, event: &RunEvent) {
        match event {
            RunEvent::ChainFinished(summary) => {
                if let Presence::Ended { last } = summary.presence {
                    let end = End { last, explained: None };
                    self.by_chain.insert(summary.chain.clone(), end);
                }
            }
            RunEvent::GapExplained { chain, from, event, .. } => {
                if let Some(end) = self.by_chain.get_mut(chain).filter(|end| end.last == *from) {
                    end.explained = Some(event.clone());
                }
            }
            RunEvent::PlaceInDoubt(place) if place.why == PlaceDoubt::EndedUnexplained => {
                self.doubted.extend(place.as_chain());
            }
            _ => {}
        }
    }

    /// Returns all ends in canonical order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&ChainId, &End)> {
        self.by_chain.iter()
    }

    /// Returns whether the chain's end is unexplained and therefore in doubt.
    pub(super) fn is_doubted(&self, chain: &ChainId) -> bool {
        self.by_chain.contains_key(chain) && self.doubted.contains(chain)
    }

    /// Returns when the chain ended, and why.
    pub(super) fn words(&self, chain: &ChainId) -> String {
        let Some(End { last, explained }) = self.by_chain.get(chain) else { return String::new() };
        let why = match explained {
            _ if self.is_doubted(chain) => "no verified event explains why".to_owned(),
            None => "as stated by the caller".to_owned(),
            Some(event) => format!(
                "{} ({}) at {} by {}, in {}",
                escape(&event.name),
                escape(&event.id),
                event.time,
                escape(&event.principal),
                event.log
            ),
        };
        format!("ended before the period, at {last}: {why}")
    }
}
