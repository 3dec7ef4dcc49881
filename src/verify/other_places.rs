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
use trailproof_core::vocab::key_layout::DigestKey;
use trailproof_core::vocab::location::ObjectLocation;

/// Maximum number of places that are reported one by one. A trail rarely moves.
const REPORTED: usize = 16;

/// The places, by bucket and prefix.
#[derive(Clone, Debug, Default)]
pub(crate) struct OtherPlaces {
    /// The first places, in the order in which chains lead to them.
    first: Vec<String>,
    more: bool,
}

impl OtherPlaces {
    /// Notes the place of a proven digest of the period, if it is outside the location.
    pub(crate) fn note(&mut self, plan: &VerifyPlan, judged: &DigestJudged) {
        if !judged.counts || !matches!(judged.outcome, Outcome::Valid(_)) {
            return;
        }
        let ObjectLocation { bucket, key } = &judged.at;
        // A proven digest is where it was delivered, so its key is that of a digest.
        let Some(DigestKey { chain, .. }) = DigestKey::parse(key) else { return };
        let root = chain.root;
        let is_root = *bucket == plan.bucket && plan.roots.contains(&root.prefix);
        let only = plan.scope.organization.as_ref();
        let narrower = only.is_some_and(|only| *only != root.organization);
        let place = match (is_root, narrower, root.prefix.as_str()) {
            (true, false, _) => return,
            // The location names a folder below `AWSLogs`, so the place is one too.
            (true, true, _) => format!("s3://{bucket}/{}", root.folder()),
            (false, _, "") => format!("s3://{bucket}"),
            (false, _, prefix) => format!("s3://{bucket}/{prefix}"),
        };
        self.add(place);
    }

    fn add(&mut self, place: String) {
        match self.first.contains(&place) {
            true => {}
            false if self.first.len() < REPORTED => self.first.push(place),
            false => self.more = true,
        }
    }

    /// Returns what was noted of a different part of the run.
    pub(crate) fn of(first: Vec<String>, more: bool) -> Self {
        Self { first, more }
    }

    /// Returns the first places, and whether there are more.
    pub(crate) fn first(&self) -> (&[String], bool) {
        (&self.first, self.more)
    }

    /// Adds the places of chains that come after those noted so far.
    pub(crate) fn join(&mut self, other: Self) {
        other.first.into_iter().for_each(|place| self.add(place));
        self.more |= other.more;
    }

    /// Reports the places, which were not searched.
    pub(crate) fn emit(&self, emit: &mut (dyn FnMut(&RunEvent) + Send)) {
        let first: BTreeSet<&String> = self.first.iter().collect();
        let more = self.more.then(|| format!("more than {REPORTED} places"));
        for detail in first.into_iter().cloned().chain(more) {
            emit(&RunEvent::CheckNotPerformed(SkippedCheck {
                check: Check::OtherPlaces,
                why: SkipReason::OutsideLocation,
                region: None,
                detail,
            }));
        }
    }
}
