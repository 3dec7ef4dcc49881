//! Joins the parts of one chain that are under several paths.
//!
//! A trail that becomes an organization trail, or an account trail again, continues under a
//! different path: the keys of its digests then have the organization's id, or lose it. In a
//! listing these are two chains. They are one chain if the digest at the change links to the other
//! path, or begins a new chain right there. Two trails of the same name that run side by side are
//! not one chain.
//!
//! This only decides which digests are walked together and proves nothing. The walk judges the
//! digest at the change like any other, and a forged one is a finding.
use crate::locate::discover::FoundChain;
use crate::source::fetch::{DigestFetch, fetch_digest};
use crate::source::many::in_order;
use crate::source::{BoxFuture, ObjectSource};
use std::collections::BTreeMap;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::key_layout::{DigestKey, DigestKind};
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::Timestamp;

/// Maximum number of path changes within a period. With more changes, each path is its own chain.
const CHANGES: usize = 8;

/// Digests of one chain at which the path changes, each with the path that it must link to.
struct Changes {
    /// The paths; the current path of the trail is last.
    paths: Vec<ChainId>,
    at: Vec<(ObjectLocation, ChainId)>,
}

/// Joins the chains of one trail, account and region that follow each other in the period. The
/// joined chain has the name of its newest digest's path.
pub(crate) async fn join_paths(
    source: &dyn ObjectSource,
    bucket: &str,
    chains: &mut BTreeMap<ChainId, FoundChain>,
) {
    let candidates = candidates(bucket, chains);
    let read = candidates.iter().map(|changes| -> BoxFuture<'_, bool> {
        Box::pin(async move {
            for (at, from) in &changes.at {
                if !goes_on_from(source, at, from).await {
                    return false;
                }
            }
            true
        })
    });
    let joined = in_order(read).await;
    for (changes, _) in candidates.into_iter().zip(joined).filter(|(_, joined)| *joined) {
        let Some((now, before)) = changes.paths.split_last() else { continue };
        let parts: Vec<_> = before.iter().filter_map(|path| chains.remove(path)).collect();
        let Some(chain) = chains.get_mut(now) else { continue };
        for part in parts {
            chain.listed.join(part.listed);
            chain.older = chain.older.max(part.older);
        }
        chain.also = before.to_vec();
        chain.also.sort();
    }
}

/// Returns paths of one chain that have digests in the period and follow each other. The paths of
/// one chain are adjacent in canonical order.
fn candidates(bucket: &str, chains: &BTreeMap<ChainId, FoundChain>) -> Vec<Changes> {
    let mut found = Vec::new();
    let mut together: Vec<(&ChainId, &FoundChain)> = Vec::new();
    for (id, chain) in chains.iter().filter(|(_, chain)| chain.listed.newest().is_some()) {
        if together.first().is_some_and(|(other, _)| !other.differs_only_in_path(id)) {
            found.extend(changes(bucket, &std::mem::take(&mut together)));
        }
        together.push((id, chain));
    }
    found.extend(changes(bucket, &together));
    found
}

fn changes(bucket: &str, paths: &[(&ChainId, &FoundChain)]) -> Option<Changes> {
    if paths.len() < 2 {
        return None;
    }
    let mut ends: Vec<(Timestamp, usize)> = Vec::new();
    for (index, (_, chain)) in paths.iter().enumerate() {
        ends.extend(chain.listed.ends_of(DigestKind::Standard).map(|end| (end, index)));
    }
    ends.sort_unstable();
    let mut at = Vec::new();
    let mut last: Option<(usize, Timestamp)> = None;
    for (end, index) in ends {
        if let Some((before, before_end)) =
            last.replace((index, end)).filter(|(before, _)| *before != index)
        {
            // A new chain leaves time uncovered. If it began in the second in which the other
            // ended, no time would be uncovered, which could hide that the rest of the other path
            // was deleted.
            if before_end == end {
                return None;
            }
            let (_, chain) = paths.get(index)?;
            let (from, _) = paths.get(before)?;
            at.push((chain.listed.place_of(end, bucket)?, (*from).clone()));
            if at.len() > CHANGES {
                return None;
            }
        }
    }
    let (now, _) = last?;
    let others = paths.iter().enumerate().filter(|(index, _)| *index != now);
    let mut ids: Vec<ChainId> = others.map(|(_, (id, _))| (*id).clone()).collect();
    ids.push(paths.get(now)?.0.clone());
    Some(Changes { paths: ids, at })
}

/// Returns whether the digest at `at` begins a chain or links to a digest of the chain `from`.
async fn goes_on_from(source: &dyn ObjectSource, at: &ObjectLocation, from: &ChainId) -> bool {
    let DigestFetch::Read(read, ..) = fetch_digest(source, at).await else { return false };
    let Ok(claim) = &read.claim else { return false };
    match claim.previous() {
        Some(previous) => {
            DigestKey::parse(&previous.key).is_some_and(|key| ChainId::from(&key.chain) == *from)
        }
        None => true,
    }
}
