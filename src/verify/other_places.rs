//! Places outside the location to which the links of chains lead: a trail that moved to a different
//! bucket or prefix has its earlier digests there.
//!
//! Those digests and their log files are verified. Nothing else there is searched: the location
//! does not name it, and permission to read the objects does not include permission to list them.
use super::plan::VerifyPlan;
use std::collections::BTreeSet;
use trailproof_core::codes::check::{Check, SkipReason, SkippedCheck};
use trailproof_core::codes::finding::Outcome;
use trailproof_core::record::{DigestJudged, RunEvent};
use trailproof_core::vocab::ids::OrganizationId;
use trailproof_core::vocab::key_layout::DigestKey;
use trailproof_core::vocab::location::ObjectLocation;

/// Maximum number of places that are reported one by one. A trail rarely moves.
const REPORTED: usize = 16;

/// The places, by bucket and prefix.
#[derive(Debug)]
pub(super) struct OtherPlaces {
    bucket: String,
    roots: BTreeSet<String>,
    /// The organization to which the location is narrowed; `Some(None)` for accounts outside any.
    organization: Option<Option<OrganizationId>>,
    first: BTreeSet<String>,
    more: bool,
}

impl OtherPlaces {
    /// Returns an empty collection.
    pub(super) fn new(plan: &VerifyPlan) -> Self {
        Self {
            bucket: plan.bucket.clone(),
            roots: plan.roots.iter().cloned().collect(),
            organization: plan.scope.organization.clone(),
            first: BTreeSet::new(),
            more: false,
        }
    }

    /// Notes the place of a proven digest of the period, if it is outside the location.
    pub(super) fn note(&mut self, judged: &DigestJudged) {
        if !judged.counts || !matches!(judged.outcome, Outcome::Valid(_)) {
            return;
        }
        let ObjectLocation { bucket, key } = &judged.at;
        // A proven digest is where it was delivered, so its key is that of a digest.
        let Some(DigestKey { chain, .. }) = DigestKey::parse(key) else { return };
        let root = chain.root;
        let is_root = *bucket == self.bucket && self.roots.contains(&root.prefix);
        let narrower = self.organization.as_ref().is_some_and(|only| *only != root.organization);
        let place = match (is_root, narrower, root.prefix.as_str()) {
            (true, false, _) => return,
            // The location names a folder below `AWSLogs`, so the place is one too.
            (true, true, _) => format!("s3://{bucket}/{}", root.folder()),
            (false, _, "") => format!("s3://{bucket}"),
            (false, _, prefix) => format!("s3://{bucket}/{prefix}"),
        };
        if self.first.len() < REPORTED {
            self.first.insert(place);
        } else {
            self.more |= !self.first.contains(&place);
        }
    }

    /// Reports the places, which were not searched.
    pub(super) fn emit(&self, emit: &mut (dyn FnMut(&RunEvent) + Send)) {
        let Self { first, more, .. } = self;
        let more = more.then(|| format!("more than {REPORTED} places"));
        for detail in first.iter().cloned().chain(more) {
            emit(&RunEvent::CheckNotPerformed(SkippedCheck {
                check: Check::OtherPlaces,
                why: SkipReason::OutsideLocation,
                region: None,
                detail,
            }));
        }
    }
}
