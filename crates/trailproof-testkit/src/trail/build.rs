//! Builds trails: each chain independently, on all available threads, and with the same result on
//! every machine.
#![expect(clippy::expect_used, reason = "a panic of a building thread must stop the test")]
use super::built::{BuiltChain, BuiltTrail};
use super::chain_builder::{ChainBuilder, HOUR, Objects};
use super::commit;
use super::key_ring::{Demand, KeyRing};
use super::spec::TrailSpec;
use crate::world::{Bucket, Trail, TrailStatus, World};
use std::collections::{BTreeMap, BTreeSet};

/// Builds one or several trails in one world.
#[derive(Clone, Debug, Default)]
pub struct TrailBuilder {
    specs: Vec<TrailSpec>,
    reuse_keys: bool,
}

impl TrailBuilder {
    /// Creates a builder without trails.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a trail. Trails with the same bucket and prefix share the folders there.
    #[must_use]
    pub fn trail(mut self, spec: TrailSpec) -> Self {
        self.specs.push(spec);
        self
    }

    /// Lets regions share keys, which AWS never does, for worlds with more regions than the pool
    /// has keys.
    #[must_use]
    pub fn reuse_keys(mut self) -> Self {
        self.reuse_keys = true;
        self
    }

    /// Builds the world. Panics if a specification is impossible.
    pub fn build(self) -> BuiltTrail {
        let ring = self.ring();
        let mut jobs = Vec::new();
        for spec in &self.specs {
            for account in &spec.accounts {
                jobs.extend(spec.regions.iter().map(|region| (spec, account, region)));
            }
        }
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = jobs.len().div_ceil(threads).max(1);
        let built: Vec<(BuiltChain, Objects)> = std::thread::scope(|scope| {
            let ring = &ring;
            let work = |jobs| -> Vec<_> {
                let build = |&(spec, account, region): &(&TrailSpec, &String, &String)| {
                    ChainBuilder::new(spec, account, region, ring).build()
                };
                <[_]>::iter(jobs).map(build).collect()
            };
            let threads: Vec<_> =
                jobs.chunks(share).map(|jobs| scope.spawn(move || work(jobs))).collect();
            let joined = threads.into_iter().map(|thread| thread.join().expect("a chain builds"));
            joined.flatten().collect()
        });
        self.assemble(ring, built)
    }

    fn ring(&self) -> KeyRing {
        let mut regions = Vec::new();
        for region in self.specs.iter().flat_map(|spec| &spec.regions) {
            if !regions.contains(region) {
                regions.push(region.clone());
            }
        }
        let rotations = self.specs.iter().flat_map(|spec| {
            spec.rotations.iter().map(|&hour| spec.start + i64::from(hour) * HOUR)
        });
        let ends = self.specs.iter().map(|spec| {
            let late = spec.backfills.iter().map(|backfill| backfill.hour + backfill.hours_later);
            let hours = late.max().unwrap_or(0).max(spec.hours);
            // Individual phases and the delay of delivery come on top.
            spec.start + i64::from(hours + 3) * HOUR
        });
        KeyRing::deal(&Demand {
            regions: &regions,
            from: self.specs.iter().map(|spec| spec.start - HOUR).min().unwrap_or(0),
            until: ends.max().unwrap_or(0),
            rotations: &rotations.collect::<Vec<_>>(),
            spki: self.specs.iter().any(|spec| spec.spki_keys),
            reuse: self.reuse_keys,
        })
    }

    fn assemble(self, ring: KeyRing, built: Vec<(BuiltChain, Objects)>) -> BuiltTrail {
        let mut world = World { public_keys: ring.listed(), ..World::default() };
        let mut versioned = BTreeSet::new();
        for spec in &self.specs {
            let moved = spec.relocations.iter().map(|place| (&place.bucket, &place.bucket_region));
            for (bucket, region) in [(&spec.bucket, &spec.bucket_region)].into_iter().chain(moved) {
                world.buckets.entry(bucket.clone()).or_insert_with(|| Bucket::new(region));
                if spec.versioned {
                    versioned.insert(bucket.clone());
                }
            }
            world.organization_id = world.organization_id.or_else(|| spec.organization.clone());
            world.trails.push(trail(spec, &built));
        }
        let mut chains = Vec::new();
        for (chain, objects) in built {
            chains.push(chain);
            for (bucket, key, version) in objects {
                if let Some(objects) = world.buckets.get_mut(&bucket) {
                    let twice = objects.objects.contains_key(&key);
                    assert!(!twice, "two objects have the key {key}");
                    commit::put(objects, versioned.contains(&bucket), &key, version);
                }
            }
        }
        chains.sort_by(|one, other| one.id.cmp(&other.id));
        BuiltTrail { world, chains, versioned, planted: Vec::new(), ring }
    }
}

fn trail(spec: &TrailSpec, built: &[(BuiltChain, Objects)]) -> Trail {
    let mut status = BTreeMap::new();
    let owner = spec.accounts.first();
    for (chain, _) in built {
        let own = (&chain.id.trail, &chain.id.home_region) == (&spec.trail, &spec.home_region);
        if own && Some(&chain.id.account) == owner {
            let logs = chain.digests.iter().flat_map(|digest| &digest.logs);
            let trail_status = TrailStatus {
                is_logging: !spec.pauses.iter().any(|pause| pause.start.is_none()),
                latest_digest_delivery: chain.digests.iter().map(|digest| digest.delivered).max(),
                latest_digest_error: None,
                latest_delivery: logs.map(|log| log.delivered).max(),
            };
            status.insert(chain.id.region.clone(), trail_status);
        }
    }
    let last = spec.relocations.last();
    Trail {
        arn: spec.arn(),
        name: spec.trail.clone(),
        bucket: last.map_or(&spec.bucket, |place| &place.bucket).clone(),
        prefix: last.map_or(&spec.prefix, |place| &place.prefix).clone(),
        multi_region: spec.regions.len() > 1,
        organization: spec.organization.is_some(),
        validates: true,
        status,
    }
}
