//! Reports the results of a chain in the order of the walk.
use super::job::ChainJob;
use super::log::Log;
use super::message::{ChainSays, Saying};
use crate::verify::schedule::ordered::InOrder;
use crate::verify::unlisted::named_logs::Names;
use tokio::sync::mpsc;
use trailproof_core::record::{
    ChainTally, DigestJudged, LogNamed, PublicKeyTold, RunEvent, SeamJudged,
};

/// Maximum number of digest messages that wait to be reported together with log files.
const WAITING: usize = 16;

/// One result in the order of the walk.
pub(crate) enum Item {
    Key(PublicKeyTold),
    Digest { judged: Box<DigestJudged>, names: Names },
    Logs(Vec<Log>),
    Named(LogNamed),
    Seam(SeamJudged),
}

/// Reports results in the order of the walk, and summarizes them.
pub(crate) async fn tell(
    job: &ChainJob,
    mut results: InOrder<Item>,
    to: &mpsc::Sender<Saying>,
) -> ChainTally {
    let mut tally = ChainTally::new(job.period, job.tail_allowed_from);
    let started = RunEvent::ChainStarted { chain: job.chain.clone() };
    let mut open = to.send(Saying::of(started)).await.is_ok();
    let mut says = Vec::new();
    let mut last_key = None;
    while open && let Some((item, place)) = results.next_in_place().await {
        // A digest is sent together with its log files, because each message wakes the receiver.
        let waits = matches!(item, Item::Key(_) | Item::Digest { .. }) && says.len() < WAITING;
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
                for Log { judged, causes, kms_key } in logs {
                    tally.log(&judged);
                    says.push(ChainSays::Log(judged));
                    if !causes.is_empty() {
                        says.push(ChainSays::Explains(causes));
                    }
                    // A trail rarely changes its key.
                    if let Some(key) = kms_key.filter(|key| last_key.as_ref() != Some(key)) {
                        says.push(ChainSays::EncryptedWith(key.clone()));
                        last_key = Some(key);
                    }
                }
            }
        }
        if !waits {
            open = to.send(Saying::new(std::mem::take(&mut says), place)).await.is_ok();
        }
    }
    if open && !says.is_empty() {
        // The receiver is gone only if the run was abandoned.
        let _ = to.send(Saying::new(says, None)).await;
    }
    tally
}
