//! Says what was found out of a chain, in the order of the walk.
use super::chain_job::ChainJob;
use super::chain_says::{ChainSays, Saying};
use super::judge_log::Log;
use super::ordered::InOrder;
use crate::event::{ChainTally, DigestJudged, LogNamed, PublicKeyTold, RunEvent, SeamJudged};
use tokio::sync::mpsc;

/// One thing in the order of the walk.
pub(super) enum Item {
    Key(PublicKeyTold),
    Digest { judged: Box<DigestJudged>, names: Vec<u64> },
    Logs(Vec<Log>),
    Named(LogNamed),
    Seam(SeamJudged),
}

/// Says what comes in the order of the walk, and sums it up.
pub(super) async fn tell(
    job: &ChainJob,
    mut results: InOrder<Item>,
    to: &mpsc::Sender<Saying>,
) -> ChainTally {
    let mut tally = ChainTally::new(job.period);
    let started = RunEvent::ChainStarted { chain: job.chain.clone() };
    let mut open = to.send(Saying::of(started)).await.is_ok();
    while open && let Some((item, place)) = results.next_in_place().await {
        let mut says = Vec::new();
        let mut event = |event| says.push(ChainSays::Event(Box::new(event)));
        match item {
            Item::Key(key) => says.push(ChainSays::Key(Box::new(key))),
            Item::Digest { judged, names } => {
                tally.digest(&judged);
                event(RunEvent::DigestJudged(*judged));
                if !names.is_empty() {
                    says.push(ChainSays::Names(names));
                }
            }
            Item::Seam(seam) => {
                if seam.finding.is_some() {
                    tally.chain_finding();
                }
                event(RunEvent::SeamJudged(seam));
            }
            Item::Named(named) => event(RunEvent::LogNamed(named)),
            Item::Logs(logs) => {
                says.reserve(logs.len());
                for Log { judged, events } in logs {
                    tally.log(&judged);
                    says.push(ChainSays::Log(judged));
                    if !events.is_empty() {
                        says.push(ChainSays::Explains(events));
                    }
                }
            }
        }
        open = to.send(Saying::new(says, place)).await.is_ok();
    }
    tally
}
