//! Bundles as a key service.
use super::coverage::{Stretch, joined};
use super::document::{Bundle, RegionKeys};
use crate::trust::{BoxFuture, KeyRecord, KeyService, ServiceError};
use trailproof_core::vocab::ids::Region;
use trailproof_core::vocab::time::Timestamp;

/// The keys of bundles that the user named. Makes no requests.
#[derive(Debug)]
pub struct BundleKeys {
    bundle: Bundle,
    source: String,
}

impl BundleKeys {
    /// Uses all keys of a bundle; `source` names the files that it was read from.
    pub fn new(bundle: Bundle, source: String) -> Self {
        Self { bundle, source }
    }

    fn of(&self, region: Option<&Region>) -> Option<&RegionKeys> {
        self.bundle.regions.get(region?)
    }
}

#[deny(clippy::missing_trait_methods)]
impl KeyService for BundleKeys {
    /// Returns every key of the region, of any time, since all are in memory.
    fn keys<'a>(
        &'a self,
        region: Option<&'a Region>,
        _: Timestamp,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<KeyRecord>, ServiceError>> {
        Box::pin(async move {
            let mut keys = self.bundle.of_any_region.clone();
            keys.extend(self.of(region).into_iter().flat_map(|region| region.keys.clone()));
            Ok(keys)
        })
    }

    fn source(&self) -> String {
        self.source.clone()
    }

    fn covered(&self, region: Option<&Region>) -> Option<Vec<Stretch>> {
        Some(self.of(region).map(|region| joined(region.covered.clone())).unwrap_or_default())
    }

    fn all_since(&self, region: Option<&Region>) -> Option<Stretch> {
        self.of(region)?.all_since
    }
}

/// No keys at all, for a run that has no bundle and may not ask AWS.
#[derive(Debug)]
pub struct NoKeys;

#[deny(clippy::missing_trait_methods)]
impl KeyService for NoKeys {
    fn keys<'a>(
        &'a self,
        _: Option<&'a Region>,
        _: Timestamp,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<KeyRecord>, ServiceError>> {
        Box::pin(async {
            Err(ServiceError {
                operation: "ListPublicKeys",
                code: None,
                message: "no key bundle was given with `--public-keys`".to_owned(),
                no_credentials: false,
            })
        })
    }

    fn source(&self) -> String {
        String::new()
    }

    fn covered(&self, _: Option<&Region>) -> Option<Vec<Stretch>> {
        None
    }

    fn all_since(&self, _: Option<&Region>) -> Option<Stretch> {
        None
    }
}
