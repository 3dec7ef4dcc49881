//! Trails that are out of scope but deliver into the same folders. Their digests are walked only
//! for the names of their log files, so that these do not count as unlisted.
use crate::locate::discover::Found;
use crate::verify::chain::job::ChainJob;
use crate::verify::plan::VerifyPlan;
use std::collections::BTreeSet;
use trailproof_core::record::Presence;

/// Adds the jobs of out-of-scope trails to the jobs, in canonical order. A place without a chain in
/// scope is not searched, so its names are not needed.
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
