//! Trails that the scope leaves out and that deliver into the same folders: their digests are walked
//! for the names of their log files alone, so that these are not taken for added ones.
use crate::locate::discover::Found;
use crate::verify::chain::job::ChainJob;
use crate::verify::plan::VerifyPlan;
use std::collections::BTreeSet;
use trailproof_core::record::Presence;

/// The jobs with those of left-out trails among them, in canonical order. Where no chain of the scope
/// lies there is nothing to search, and nothing to know the names for.
pub(crate) fn with_trails_beside(
    plan: &VerifyPlan,
    found: &mut Found,
    mut jobs: Vec<ChainJob>,
) -> Vec<ChainJob> {
    let here: BTreeSet<_> = jobs
        .iter()
        .map(|job| (job.chain.account.clone(), job.chain.source_region.clone()))
        .collect();
    for (chain, beside) in std::mem::take(&mut found.beside) {
        if !here.contains(&(chain.account.clone(), chain.source_region.clone())) {
            continue;
        }
        jobs.push(ChainJob {
            bucket: plan.bucket.clone(),
            period: plan.period,
            tail_allowed_from: None,
            listed: beside.listed,
            older: beside.older,
            older_key: beside.older_key,
            presence: Presence::Present,
            only: None,
            known: None,
            seam: None,
            names_only: true,
            also: beside.also,
            chain,
        });
    }
    jobs.sort_by(|one, other| one.chain.cmp(&other.chain));
    jobs
}
