//! A key service that keeps its responses, for a bundle of the keys that a run trusted.
use super::coverage::{Stretch, joined};
use super::document::RegionKeys;
use crate::trust::{BoxFuture, KeyRecord, KeyService, ServiceError};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use trailproof_core::vocab::ids::Region;
use trailproof_core::vocab::time::Timestamp;

/// Asks the service below and keeps its responses.
#[derive(Debug)]
pub struct RecordedKeys {
    below: Arc<dyn KeyService>,
    /// The time of the run. No service has all keys of the time after it, so that time is not
    /// recorded as covered.
    now: Timestamp,
    kept: Mutex<BTreeMap<Region, RegionKeys>>,
}

impl RecordedKeys {
    /// Wraps `below`; `now` is the time of the run.
    pub fn new(below: Arc<dyn KeyService>, now: Timestamp) -> Self {
        Self { below, now, kept: Mutex::default() }
    }

    /// Returns all responses so far: each key once, and the time for which they are complete.
    pub fn kept(&self) -> BTreeMap<Region, RegionKeys> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, region: &Region, asked: Stretch, keys: &[KeyRecord]) {
        // A bundle itself states the time for which it is complete.
        let covered = match self.below.covered(Some(region)) {
            Some(covered) => covered,
            None => vec![(asked.0, asked.1.min(self.now))],
        };
        let all_since = match self.below.covered(Some(region)) {
            Some(_) => self.below.all_since(Some(region)),
            None => Some((asked.0, self.now)).filter(|_| asked.1 >= self.now),
        };
        let covered = covered.into_iter().filter(|(from, to)| from <= to);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.entry(region.clone()).or_default();
        for key in keys {
            if !kept.keys.contains(key) {
                kept.keys.push(key.clone());
            }
        }
        kept.asked_since(all_since);
        kept.covered = joined(kept.covered.drain(..).chain(covered).collect());
    }
}

#[deny(clippy::missing_trait_methods)]
impl KeyService for RecordedKeys {
    fn keys<'a>(
        &'a self,
        region: Option<&'a Region>,
        from: Timestamp,
        to: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<KeyRecord>, ServiceError>> {
        Box::pin(async move {
            // Requests all keys until now: a reader of the bundle cannot ask again before it
            // reports a contradiction.
            let to = to.max(self.now);
            let keys = self.below.keys(region, from, to).await?;
            if let Some(region) = region {
                self.keep(region, (from, to), &keys);
            }
            Ok(keys)
        })
    }

    fn source(&self) -> String {
        self.below.source()
    }

    fn covered(&self, region: Option<&Region>) -> Option<Vec<Stretch>> {
        self.below.covered(region)
    }

    fn all_since(&self, region: Option<&Region>) -> Option<Stretch> {
        self.below.all_since(region)
    }
}
