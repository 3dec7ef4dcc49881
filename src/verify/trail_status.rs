//! What CloudTrail itself says of a trail's delivery, held against what the bucket has.
use super::chain_job::ChainJob;
use crate::trust::TrailService;
use std::sync::Arc;
use trailproof_core::chain_id::{Scope, TrailFilter};
use trailproof_core::event::RunEvent;
use trailproof_core::finding::Finding;
use trailproof_core::ids::TrailArn;
use trailproof_core::time::HOUR;

/// How long after a digest's end it may be delivered and still be the one that is listed: real
/// digests come up to an hour and a half after their end, and the next one an hour later.
const DELIVERY: i64 = 3 * HOUR;

/// A trail whose status is asked.
#[derive(Clone, Debug)]
pub struct StatusOf {
    /// The trail.
    pub arn: TrailArn,
    /// Who is asked.
    pub service: Arc<dyn TrailService>,
}

impl StatusOf {
    /// Asks for the status in the region of a chain of the trail, and tells what follows from it.
    pub(super) async fn ask(&self, job: &ChainJob) -> Option<RunEvent> {
        let filter = TrailFilter::Arn(self.arn.clone());
        let scope = Scope { trails: vec![filter], ..Scope::default() };
        // The status speaks of the account that owns the trail; of member accounts it says nothing.
        if !scope.names_trail(&job.chain) || job.chain.account != self.arn.account {
            return None;
        }
        let region = &job.chain.source_region;
        let status = match self.service.status(&self.arn, Some(region)).await {
            Ok(status) => status,
            Err(error) => {
                return Some(RunEvent::CheckNotPerformed {
                    check: "digest-delivered-then-gone".to_owned(),
                    why: format!("GetTrailStatus in `{region}`: {error}"),
                });
            }
        };
        let newest = job.listed.newest().or(job.older);
        let contradicted = status.latest_digest_delivery.filter(|delivered| {
            // Digests that end long after the period are not all listed.
            let listed_to_the_end = newest.is_none_or(|end| end <= job.period.end);
            listed_to_the_end && newest.is_none_or(|end| *delivered > end.plus(DELIVERY))
        });
        Some(RunEvent::TrailStatus {
            chain: job.chain.clone(),
            is_logging: status.is_logging,
            latest_digest_delivery: status.latest_digest_delivery,
            latest_digest_error: status.latest_digest_error,
            finding: contradicted
                .map(|delivered| Finding::DigestDeliveredThenGone { delivered, newest }),
        })
    }
}
