//! Compares what GetTrailStatus reports about deliveries with what the bucket holds.
use super::chain::job::ChainJob;
use crate::locate::place::Place;
use crate::source::{ListRequest, ObjectSource, Pages};
use crate::trust::{ServiceError, TrailService};
use std::sync::Arc;
use trailproof_core::codes::check::{Check, SkipReason, SkippedCheck};
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::codes::finding::Finding;
use trailproof_core::record::{EvidencePlace, RunEvent};
use trailproof_core::vocab::chain_id::{ChainId, Scope, TrailFilter};
use trailproof_core::vocab::ids::{Region, TrailArn};
use trailproof_core::vocab::key_layout::{DigestKey, KeyRoot};
use trailproof_core::vocab::time::{HOUR, Timestamp};

/// Maximum difference between CloudTrail's time of a delivery and the store's time of the object.
/// Both times are of one event, by two clocks of AWS; digests are delivered once an hour.
const SAME_MOMENT: i64 = HOUR / 4;

/// A trail whose status is requested.
#[derive(Clone, Debug)]
pub struct StatusOf {
    /// The trail.
    pub arn: TrailArn,
    /// The service to ask.
    pub service: Arc<dyn TrailService>,
}

/// A trail that delivers to the place where the evidence is read, so its status applies to it.
#[derive(Clone, Debug)]
pub(crate) struct DeliversHere {
    status: StatusOf,
    /// Its prefix, from DescribeTrails.
    prefix: String,
}

impl StatusOf {
    /// Finds out whether the trail's status applies to the evidence that is read. It applies only
    /// if the evidence is read from the original bucket, and the trail currently delivers there,
    /// below one of these prefixes.
    ///
    /// # Errors
    ///
    /// Returns the reason why the status does not apply.
    pub(crate) async fn delivers_here(
        &self,
        place: &EvidencePlace,
        roots: &[String],
    ) -> Result<DeliversHere, SkippedCheck> {
        if place.versions().is_some() {
            return Err(not_made(SkipReason::PastVersions, None, String::new()));
        }
        if !place.is_original() {
            return Err(not_made(SkipReason::CopyRead, None, String::new()));
        }
        let trail = self.service.trail(&self.arn).await.map_err(|error| failed(&error, None))?;
        let trail = trail.ok_or_else(|| not_made(SkipReason::TrailUnknown, None, String::new()))?;
        let prefix = trail.prefix.unwrap_or_default();
        let prefix = prefix.trim_end_matches('/').to_owned();
        if trail.bucket != place.delivered_to.bucket || !roots.contains(&prefix) {
            return Err(not_made(SkipReason::DeliversElsewhere, None, String::new()));
        }
        Ok(DeliversHere { status: self.clone(), prefix })
    }
}

impl DeliversHere {
    /// Returns the trail that was found to deliver below this prefix.
    pub(crate) fn new(status: StatusOf, prefix: String) -> Self {
        Self { status, prefix }
    }

    /// Returns its prefix.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Requests the status in the region of a chain of the trail, and returns the resulting event.
    pub(super) async fn ask(&self, job: &ChainJob, source: &dyn ObjectSource) -> Option<RunEvent> {
        let StatusOf { arn, service } = &self.status;
        let filter = TrailFilter::Arn(arn.clone());
        let scope = Scope { trails: vec![filter], ..Scope::default() };
        // The status is about the account that owns the trail, not about member accounts.
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

    /// Returns whether no digest in the bucket was written as late as the newest delivery. The
    /// bucket is listed after the status was received, so everything delivered until then is there,
    /// whatever our clock shows.
    async fn contradicted(
        &self,
        job: &ChainJob,
        source: &dyn ObjectSource,
        delivered: Timestamp,
    ) -> Result<Option<Finding>, SkippedCheck> {
        let listed = job.listed.newest().or(job.older);
        // A digest that ends after the period shows that the trail continued.
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
        // Last days first: the most recently delivered backfill digest may be of any day.
        for after in [listed.map(|end| format!("{folder}{}", end.date_folder())), None] {
            let last_days = after.is_some();
            let seen = newest_written(source, &job.bucket, &folder, after, &job.chain).await;
            let region = Some(&job.chain.source_region);
            newest = match seen {
                Ok(newest) => newest,
                Err(Unseen::Unread(why)) => {
                    return Err(not_made(SkipReason::ListingUnread, region, why.to_string()));
                }
                Err(Unseen::NotTold) => {
                    return Err(not_made(SkipReason::NoLastModified, region, String::new()));
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

/// The reason why it is not known when the newest digest was written.
enum Unseen {
    Unread(ReadFailure),
    NotTold,
}

/// Returns when the newest digest of a chain in this folder was written, of both kinds.
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

fn failed(error: &ServiceError, region: Option<&Region>) -> SkippedCheck {
    let code = error.code.as_deref().map(|code| format!("{code}: ")).unwrap_or_default();
    let detail = format!("{}: {code}{}", error.operation, error.message);
    not_made(SkipReason::ServiceFailed, region, detail)
}

fn not_made(why: SkipReason, region: Option<&Region>, detail: String) -> SkippedCheck {
    SkippedCheck { check: Check::TrailStatus, why, region: region.cloned(), detail }
}
