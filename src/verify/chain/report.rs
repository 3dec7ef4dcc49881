//! Reports the results of a chain in the order of the walk.
use super::job::ChainJob;
use super::log::Log;
use super::message::{ChainBatch, ChainMessage};
use crate::verify::schedule::ordered::InOrder;
use crate::verify::unlisted::named_logs::Names;
use tokio::sync::mpsc;
use trailproof_core::record::{
    ChainTally, DigestJudged, LogNamed, PublicKeyUsed, RunEvent, SeamJudged,
};

/// Maximum number of digest messages that wait to be reported together with log files.
const WAITING: usize = 16;

/// One result in the order of the walk.
pub(crate) enum Item {
    Key(PublicKeyUsed),
    Digest { judged: Box<DigestJudged>, names: Names },
    Logs(Vec<Log>),
    Named(LogNamed),
    Seam(SeamJudged),
}

/// Reports results in the order of the walk, and summarizes them.
pub(crate) async fn emit(
    job: &ChainJob,
    mut results: InOrder<Item>,
    to: &mpsc::Sender<ChainBatch>,
) -> ChainTally {
    let mut tally = ChainTally::new(job.period, job.tail_allowed_from);
    let started = RunEvent::ChainStarted { chain: job.chain.clone() };
    let mut open = to.send(ChainBatch::of(started)).await.is_ok();
    let mut messages = Vec::new();
    let mut last_key = None;
    while open && let Some((item, place)) = results.next_in_place().await {
        // A digest is sent together with its log files, because each message wakes the receiver.
        let waits = matches!(item, Item::Key(_) | Item::Digest { .. }) && messages.len() < WAITING;
        let mut event = |event| messages.push(ChainMessage::Event(Box::new(event)));
        match item {
            Item::Key(key) => messages.push(ChainMessage::Key(Box::new(key))),
            Item::Digest { judged, names } => {
                tally.digest(&judged);
                event(RunEvent::DigestJudged(*judged));
                if !names.is_empty() {
                    messages.push(ChainMessage::Names(names));
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
                messages.reserve(logs.len());
                for Log { judged, causes, kms_key } in logs {
                    tally.log(&judged);
                    messages.push(ChainMessage::Log(judged));
                    if !causes.is_empty() {
                        messages.push(ChainMessage::Explains(causes));
                    }
                    // A trail rarely changes its key.
                    if let Some(key) = kms_key.filter(|key| last_key.as_ref() != Some(key)) {
                        messages.push(ChainMessage::EncryptedWith(key.clone()));
                        last_key = Some(key);
                    }
                }
            }
        }
        if !waits {
            open = to.send(ChainBatch::new(std::mem::take(&mut messages), place)).await.is_ok();
        }
    }
    if open && !messages.is_empty() {
        // The receiver is gone only if the run was abandoned.
        let _ = to.send(ChainBatch::new(messages, None)).await;
    }
    tally
}
