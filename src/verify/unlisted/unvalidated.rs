//! Trails without log file validation, whose log files no digest names.
use crate::locate::place::Place;
use crate::trust::TrailRecord;
use crate::verify::trail_status::StatusOf;
use tokio::sync::OnceCell;
use trailproof_core::codes::unlisted::UnlistedReason;
use trailproof_core::vocab::ids::TrailArn;

/// Asks DescribeTrails once, when there is something to explain.
#[derive(Debug)]
pub(crate) struct Unvalidated {
    bucket: String,
    ask: Option<StatusOf>,
    trails: OnceCell<Vec<TrailRecord>>,
}

impl Unvalidated {
    /// Asks the service of `ask` about all trails.
    pub(crate) fn new(bucket: &str, ask: Option<StatusOf>) -> Self {
        Self { bucket: bucket.to_owned(), ask, trails: OnceCell::new() }
    }

    /// Returns the likely reason for unlisted log files below `prefix`, in the folder of `place` if
    /// there is one.
    pub(crate) async fn reason(&self, prefix: &str, place: Option<&Place>) -> UnlistedReason {
        let trails = self.trails.get_or_init(|| self.describe()).await;
        let delivers = |trail: &TrailRecord| {
            let own = trail.prefix.as_deref().unwrap_or_default().trim_matches('/');
            let region = trail.arn.parse::<TrailArn>().ok().map(|arn| arn.home_region);
            trail.validates == Some(false)
                && trail.bucket == self.bucket
                && own == prefix
                && (trail.multi_region
                    || place.is_none_or(|place| region == Some(place.region.clone())))
        };
        match trails.iter().any(delivers) {
            true => UnlistedReason::TrailWithoutValidation,
            false => UnlistedReason::None,
        }
    }

    /// Returns all trails, or none if there is no service to ask or the request is denied.
    async fn describe(&self) -> Vec<TrailRecord> {
        let Some(StatusOf { arn, service }) = &self.ask else { return Vec::new() };
        service.trails(Some(&arn.home_region)).await.unwrap_or_default()
    }
}
