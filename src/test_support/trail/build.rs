//! Builds trails: every chain by itself, on as many threads as there are, the same on each machine.
#![expect(clippy::expect_used, reason = "a panic of a building thread must stop the test")]
use super::built::{BuiltChain, BuiltDigest, BuiltLog, BuiltTrail, ChainId, DigestKind, Oddity};
use super::commit;
use super::dice::Dice;
use super::event::EventSpec;
use super::key_ring::{Demand, KeyRing};
use super::location::{day_folder, digest_name, folder, log_name};
use super::log_file::{LogContent, Scene, log_file};
use super::spec::{LogPlan, LogSizes, TrailSpec};
use crate::test_support::world::{Bucket, Trail, TrailStatus, Version, World};
use bytes::Bytes;
use std::collections::BTreeMap;

const HOUR: i64 = 3600;

/// Builds one or several trails into one world.
#[derive(Clone, Debug, Default)]
pub struct TrailBuilder {
    specs: Vec<TrailSpec>,
    reuse_keys: bool,
}

struct Slot {
    hour: u32,
    start: i64,
    end: i64,
    kind: DigestKind,
}

type Objects = Vec<(String, String, Version)>;

impl TrailBuilder {
    /// No trail yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more trail. Trails with one bucket and prefix share the folders there.
    #[must_use]
    pub fn trail(mut self, spec: TrailSpec) -> Self {
        self.specs.push(spec);
        self
    }

    /// Lets regions share keys, which AWS never does, for worlds that have more regions than the
    /// pool has keys.
    #[must_use]
    pub fn reuse_keys(mut self) -> Self {
        self.reuse_keys = true;
        self
    }

    /// Builds the world. Panics on specifications that cannot be.
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
            // Own phases and the lag of delivery come on top.
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
        let mut versioned = std::collections::BTreeSet::new();
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
                    assert!(!twice, "two objects want the key {key}");
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
            let told = TrailStatus {
                is_logging: !spec.pauses.iter().any(|pause| pause.start.is_none()),
                latest_digest_delivery: chain.digests.iter().map(|digest| digest.delivered).max(),
                latest_digest_error: None,
                latest_delivery: logs.map(|log| log.delivered).max(),
            };
            status.insert(chain.id.region.clone(), told);
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
        status,
    }
}

struct ChainBuilder<'a> {
    spec: &'a TrailSpec,
    ring: &'a KeyRing,
    dice: Dice,
    chain: BuiltChain,
    objects: Objects,
    repeated: Vec<LogContent>,
}

impl<'a> ChainBuilder<'a> {
    fn new(spec: &'a TrailSpec, account: &str, region: &str, ring: &'a KeyRing) -> Self {
        let id = ChainId {
            organization: spec.organization.clone(),
            account: account.to_owned(),
            region: region.to_owned(),
            trail: spec.trail.clone(),
            home_region: spec.home_region.clone(),
        };
        let dice = Dice::new(spec.seed, &format!("{id:?}"));
        let chain = BuiltChain {
            id,
            digests: Vec::new(),
            standard: 0,
            escaped_slashes: spec.escaped_slashes,
            sign_with: spec.sign_with,
        };
        Self { spec, ring, dice, chain, objects: Vec::new(), repeated: Vec::new() }
    }

    fn build(mut self) -> (BuiltChain, Objects) {
        let phase = if self.spec.own_phases { i64::from(self.dice.below(3600)) } else { 0 };
        for slot in timeline(self.spec, phase) {
            let count = self.log_count(&slot);
            let events = self.events(&slot);
            let count = if events.is_empty() { count } else { count.max(1) };
            let mut logs = Vec::new();
            for number in 0..count {
                let told = if number == 0 { events.as_slice() } else { &[] };
                logs.push(self.log(&slot, told, None));
            }
            // `logFiles` is in no order: neither that of names nor that of times.
            let turn = usize::try_from(self.dice.below(count.max(1))).unwrap_or(0);
            let turn = turn.min(logs.len());
            logs.rotate_left(turn);
            let lag = 1800 + i64::from(self.dice.below(300));
            let previous = self.chain.digests.len().checked_sub(1);
            let previous = previous.filter(|_| slot.kind != DigestKind::Starting);
            self.digest(&slot, logs, previous, (slot.end + lag, None));
        }
        self.chain.standard = self.chain.digests.len();
        let mut linked = None;
        for backfill in &self.spec.backfills {
            let covered =
                |slot: &Slot| slot.hour == backfill.hour && slot.kind != DigestKind::Starting;
            let Some(hour) = timeline(self.spec, phase).into_iter().find(covered) else { continue };
            let slot = Slot { kind: DigestKind::Backfill, ..hour };
            let generated = slot.end + i64::from(backfill.hours_later) * HOUR;
            let logs = (0..backfill.logs).map(|_| self.log(&slot, &[], Some(generated - 600)));
            let logs = logs.collect();
            let previous = linked.filter(|_| self.spec.backfills_linked);
            self.digest(&slot, logs, previous, (generated + 60, Some(generated)));
            linked = self.chain.digests.len().checked_sub(1);
        }
        (self.chain, self.objects)
    }

    fn log_count(&mut self, slot: &Slot) -> u32 {
        if slot.kind == DigestKind::Starting || self.spec.empty_hours.contains(&slot.hour) {
            return 0;
        }
        match self.spec.logs {
            LogPlan::Constant(count) => count,
            LogPlan::Every { hours, logs } if slot.hour.checked_rem(hours) == Some(0) => logs,
            LogPlan::Every { .. } => 0,
            LogPlan::Mean(mean) => self.dice.poisson(mean),
        }
    }

    fn events(&self, slot: &Slot) -> Vec<EventSpec> {
        let spec = self.spec;
        let home = spec.regions.iter().find(|&region| *region == spec.home_region);
        let here = |account: Option<&String>, region: Option<&String>| {
            let account = account.or(spec.accounts.first());
            let region = region.or(home).or(spec.regions.first());
            (account, region) == (Some(&self.chain.id.account), Some(&self.chain.id.region))
        };
        if slot.kind == DigestKind::Starting {
            return Vec::new();
        }
        let placed = spec.events.iter().filter(|placed| placed.hour == slot.hour);
        let placed = placed.filter(|placed| here(placed.account.as_ref(), placed.region.as_ref()));
        let mut events: Vec<_> = placed.map(|placed| placed.event.clone()).collect();
        for pause in spec.pauses.iter().filter(|pause| pause.explained && here(None, None)) {
            if pause.stop == slot.hour + 1 {
                events.push(EventSpec::stop_logging(&spec.arn()).at(slot.end - 120));
            }
            if pause.start == Some(slot.hour) {
                events.push(EventSpec::start_logging(&spec.arn()).at(slot.start));
            }
        }
        events
    }

    fn place(&self, hour: u32) -> (String, Option<String>) {
        let moved = self.spec.relocations.iter().rev().find(|place| place.hour <= hour);
        moved.map_or_else(
            || (self.spec.bucket.clone(), self.spec.prefix.clone()),
            |place| (place.bucket.clone(), place.prefix.clone()),
        )
    }

    fn log(&mut self, slot: &Slot, events: &[EventSpec], delivered: Option<i64>) -> BuiltLog {
        let id = &self.chain.id;
        // Names bear multiples of five minutes; a minute is left for delivery inside the interval.
        let first = slot.start.div_euclid(300) * 300 + 300;
        let choices = u32::try_from((slot.end - 60 - first).div_euclid(300) + 1).unwrap_or(0);
        let time = first + 300 * i64::from(self.dice.below(choices));
        let delivered = delivered.unwrap_or(time + 5 + i64::from(self.dice.below(50)));
        let scene = Scene { account: &id.account, region: &id.region, time };
        let sizes = self.spec.sizes;
        let content = if sizes == LogSizes::Repeated && events.is_empty() {
            while self.repeated.len() < 16 {
                self.repeated.push(log_file(&mut self.dice, sizes, scene, &[]));
            }
            let at = usize::try_from(self.dice.below(16)).unwrap_or(0);
            self.repeated.get(at).cloned()
        } else {
            None
        };
        let content = content.unwrap_or_else(|| log_file(&mut self.dice, sizes, scene, events));
        let (bucket, prefix) = self.place(slot.hour);
        let organization = id.organization.as_deref();
        let folder = folder(prefix.as_deref(), organization, &id.account, "CloudTrail", &id.region);
        let name = log_name(&id.account, &id.region, time, &self.dice.letters(16));
        let key = format!("{folder}{}/{name}", day_folder(time));
        let version = commit::version(content.body, delivered);
        self.objects.push((bucket.clone(), key.clone(), version));
        let LogContent { hash, newest, oldest, .. } = content;
        BuiltLog { bucket, key, hash, time, delivered, newest, oldest }
    }

    fn digest(
        &mut self,
        slot: &Slot,
        logs: Vec<BuiltLog>,
        previous: Option<usize>,
        (delivered, generated): (i64, Option<i64>),
    ) {
        let id = &self.chain.id;
        let suffix = if slot.kind == DigestKind::Backfill { "_backfill" } else { "" };
        let (bucket, prefix) = self.place(slot.hour);
        let organization = id.organization.as_deref();
        let folder =
            folder(prefix.as_deref(), organization, &id.account, "CloudTrail-Digest", &id.region);
        let name =
            digest_name(&id.account, &id.region, &id.trail, &id.home_region, slot.end, suffix);
        let key = format!("{folder}{}/{name}", day_folder(slot.end));
        self.chain.digests.push(BuiltDigest {
            kind: slot.kind,
            bucket,
            key,
            start: slot.start,
            end: slot.end,
            delivered,
            logs,
            previous,
            json: Bytes::new(),
            hash: String::new(),
            signature: String::new(),
            fingerprint: String::new(),
            slot: 0,
            generated,
            oddity: Oddity::None,
        });
        let index = self.chain.digests.len() - 1;
        commit::sign(&mut self.chain, index, self.ring);
        if let Some(digest) = self.chain.digests.get(index) {
            let version = commit::digest_version(digest);
            self.objects.push((digest.bucket.clone(), digest.key.clone(), version));
        }
    }
}

fn timeline(spec: &TrailSpec, phase: i64) -> Vec<Slot> {
    let mut slots = Vec::new();
    let mut segment = |first: u32, end: u32, phase: i64, stopped: bool| {
        let time = |hour: u32| spec.start + phase + i64::from(hour) * HOUR;
        let start = time(first);
        let kind = DigestKind::Starting;
        slots.push(Slot { hour: first, start: start - HOUR, end: start, kind });
        for hour in first..end {
            let last = stopped && hour + 1 == end;
            let kind = if last { DigestKind::Final } else { DigestKind::Standard };
            slots.push(Slot { hour, start: time(hour), end: time(hour) + HOUR, kind });
        }
    };
    let (mut first, mut phase) = (Some(0), phase);
    for pause in &spec.pauses {
        let Some(begin) = first else { break };
        assert!(begin < pause.stop && pause.stop <= spec.hours, "pauses must be in order");
        segment(begin, pause.stop, phase, true);
        first = pause.start;
        phase += i64::from(pause.phase);
    }
    if let Some(begin) = first {
        segment(begin, spec.hours, phase, false);
    }
    slots
}
