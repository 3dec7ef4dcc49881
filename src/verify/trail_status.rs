//! What CloudTrail itself says of a trail's delivery, held against what the bucket has.
use super::chain::job::ChainJob;
use crate::locate::place::Place;
use crate::source::{ListRequest, ObjectSource, Pages};
use crate::trust::{ServiceError, TrailService};
use std::sync::Arc;
use trailproof_core::codes::check::{Check, NotMade, WhyNot};
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::codes::finding::Finding;
use trailproof_core::record::{EvidencePlace, RunEvent};
use trailproof_core::vocab::chain_id::{ChainId, Scope, TrailFilter};
use trailproof_core::vocab::ids::{Region, TrailArn};
use trailproof_core::vocab::key_layout::{DigestKey, KeyRoot};
use trailproof_core::vocab::time::{HOUR, Timestamp};

/// How far what CloudTrail calls the time of a delivery may lie behind what the store says of the
/// object. Both are of one moment, by two clocks of AWS's; digests come once an hour.
const SAME_MOMENT: i64 = HOUR / 4;

/// A trail whose status is asked.
#[derive(Clone, Debug)]
pub struct StatusOf {
    /// The trail.
    pub arn: TrailArn,
    /// Who is asked.
    pub service: Arc<dyn TrailService>,
}

/// A trail that delivers to where the evidence is read, so that its own word is about that.
#[derive(Clone, Debug)]
pub(super) struct DeliversHere {
    status: StatusOf,
    /// The prefix that DescribeTrails has for it.
    prefix: String,
}

impl StatusOf {
    /// Finds out whether what the trail says of itself is about the evidence that is read: only
    /// where that is the bucket of delivery itself, and the one that the trail delivers to now, below
    /// one of these prefixes.
    ///
    /// # Errors
    ///
    /// Why its status says nothing of this evidence.
    pub(super) async fn delivers_here(
        &self,
        place: &EvidencePlace,
        roots: &[String],
    ) -> Result<DeliversHere, NotMade> {
        if !place.is_original() {
            return Err(not_made(WhyNot::CopyRead, None, String::new()));
        }
        let trail = self.service.trail(&self.arn).await.map_err(|error| failed(&error, None))?;
        let trail = trail.ok_or_else(|| not_made(WhyNot::TrailUnknown, None, String::new()))?;
        let prefix = trail.prefix.unwrap_or_default();
        let prefix = prefix.trim_end_matches('/').to_owned();
        if trail.bucket != place.delivered_to.bucket || !roots.contains(&prefix) {
            return Err(not_made(WhyNot::DeliversElsewhere, None, String::new()));
        }
        Ok(DeliversHere { status: self.clone(), prefix })
    }
}

impl DeliversHere {
    /// Asks for the status in the region of a chain of the trail, and tells what follows from it.
    pub(super) async fn ask(&self, job: &ChainJob, source: &dyn ObjectSource) -> Option<RunEvent> {
        let StatusOf { arn, service } = &self.status;
        let filter = TrailFilter::Arn(arn.clone());
        let scope = Scope { trails: vec![filter], ..Scope::default() };
        // The status speaks of the account that owns the trail; of member accounts it says nothing.
        if !scope.names_trail(&job.chain) || job.chain.account != arn.account {
            return None;
        }
        let region = &job.chain.source_region;
        let status = match service.status(arn, Some(region)).await {
            Ok(status) => status,
            Err(error) => return Some(RunEvent::CheckNotPerformed(failed(&error, Some(region)))),
        };
        let finding = match status.latest_digest_delivery {
            Some(delivered) => match self.contradicted(job, source, delivered).await {
                Ok(finding) => finding,
                Err(not_made) => return Some(RunEvent::CheckNotPerformed(not_made)),
            },
            None => None,
        };
        Some(RunEvent::TrailStatus {
            chain: job.chain.clone(),
            is_logging: status.is_logging,
            latest_digest_delivery: status.latest_digest_delivery,
            latest_digest_error: status.latest_digest_error,
            finding,
        })
    }

    /// Whether nothing that is there was written as late as the newest delivery. Looked at after the
    /// status was told, so that what was delivered until then is there, whatever our clock says.
    async fn contradicted(
        &self,
        job: &ChainJob,
        source: &dyn ObjectSource,
        delivered: Timestamp,
    ) -> Result<Option<Finding>, NotMade> {
        let listed = job.listed.newest().or(job.older);
        // What ends after the period shows that the trail went on.
        if listed.is_some_and(|end| end > job.period.end) {
            return Ok(None);
        }
        let place = Place {
            root: KeyRoot {
                prefix: self.prefix.clone(),
                organization: job.chain.organization.clone(),
            },
            account: job.chain.account.clone(),
            region: job.chain.source_region.clone(),
        };
        let folder = place.digest_folder();
        let mut newest = None;
        // The last days first: a backfill digest that was delivered last may lie anywhere.
        for after in [listed.map(|end| format!("{folder}{}", end.date_folder())), None] {
            let last_days = after.is_some();
            let seen = newest_written(source, &job.bucket, &folder, after, &job.chain).await;
            let region = Some(&job.chain.source_region);
            newest = match seen {
                Ok(newest) => newest,
                Err(Unseen::Unread(why)) => {
                    return Err(not_made(WhyNot::ListingUnread, region, why.to_string()));
                }
                Err(Unseen::NotTold) => {
                    return Err(not_made(WhyNot::NoLastModified, region, String::new()));
                }
            };
            if newest.is_some_and(|newest: Timestamp| delivered <= newest.plus(SAME_MOMENT)) {
                return Ok(None);
            }
            if !last_days {
                break;
            }
        }
        Ok(Some(Finding::DigestDeliveredThenGone { delivered, newest }))
    }
}

/// Why it is not known when the newest digest was written.
enum Unseen {
    Unread(ReadFailure),
    NotTold,
}

/// When the newest digest of a chain in this folder was written, of both kinds.
async fn newest_written(
    source: &dyn ObjectSource,
    bucket: &str,
    folder: &str,
    after: Option<String>,
    chain: &ChainId,
) -> Result<Option<Timestamp>, Unseen> {
    let mut request = ListRequest::all(bucket, folder);
    request.start_after = after;
    let mut newest = None;
    let mut pages = Pages::new(source, request);
    while let Some(page) = pages.next().await.map_err(Unseen::Unread)? {
        for object in page.objects {
            let of_chain = DigestKey::parse(&object.key)
                .is_some_and(|key| ChainId::from(&key.chain) == *chain);
            if of_chain {
                newest = newest.max(Some(object.last_modified.ok_or(Unseen::NotTold)?));
            }
        }
    }
    Ok(newest)
}

fn failed(error: &ServiceError, region: Option<&Region>) -> NotMade {
    let code = error.code.as_deref().map(|code| format!("{code}: ")).unwrap_or_default();
    let detail = format!("{}: {code}{}", error.operation, error.message);
    not_made(WhyNot::ServiceFailed, region, detail)
}

fn not_made(why: WhyNot, region: Option<&Region>, detail: String) -> NotMade {
    NotMade { check: Check::TrailStatus, why, region: region.cloned(), detail }
}
