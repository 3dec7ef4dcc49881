//! Builds one chain: its hours, log files and digests, oldest first.
use super::built::{BuiltChain, BuiltDigest, BuiltLog, ChainId, DigestKind, Oddity};
use super::commit;
use super::dice::Dice;
use super::event::EventSpec;
use super::key_ring::KeyRing;
use super::location::{day_folder, digest_name, folder, log_name};
use super::log_file::{LogContent, Scene, log_file};
use super::spec::{LogPlan, TrailSpec};
use crate::world::Version;
use bytes::Bytes;

pub(super) const HOUR: i64 = 3600;

struct Slot {
    hour: u32,
    start: i64,
    end: i64,
    kind: DigestKind,
}

/// Objects by bucket and key.
pub(super) type Objects = Vec<(String, String, Version)>;

pub(super) struct ChainBuilder<'a> {
    spec: &'a TrailSpec,
    ring: &'a KeyRing,
    dice: Dice,
    chain: BuiltChain,
    objects: Objects,
    repeated: Vec<LogContent>,
}

impl<'a> ChainBuilder<'a> {
    pub(super) fn new(spec: &'a TrailSpec, account: &str, region: &str, ring: &'a KeyRing) -> Self {
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

    pub(super) fn build(mut self) -> (BuiltChain, Objects) {
        let phase = if self.spec.own_phases { i64::from(self.dice.below(3600)) } else { 0 };
        for slot in timeline(self.spec, phase) {
            let count = self.log_count(&slot);
            let events = self.events(&slot);
            let count = if events.is_empty() { count } else { count.max(1) };
            let mut logs = Vec::new();
            for number in 0..count {
                let in_log = if number == 0 { events.as_slice() } else { &[] };
                logs.push(self.log(&slot, in_log, None));
            }
            // `logFiles` is in no particular order, neither by name nor by time.
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

    /// Returns the bucket, prefix and organization of an hour's objects.
    fn place(&self, hour: u32) -> (String, Option<String>, Option<String>) {
        let spec = self.spec;
        let moved = spec.relocations.iter().rev().find(|place| place.hour <= hour);
        moved.map_or_else(
            || (spec.bucket.clone(), spec.prefix.clone(), spec.organization.clone()),
            |place| (place.bucket.clone(), place.prefix.clone(), place.organization.clone()),
        )
    }

    fn log(&mut self, slot: &Slot, events: &[EventSpec], delivered: Option<i64>) -> BuiltLog {
        let id = &self.chain.id;
        // Names have multiples of five minutes; one minute remains for delivery inside the
        // interval.
        let first = slot.start.div_euclid(300) * 300 + 300;
        let choices = u32::try_from((slot.end - 60 - first).div_euclid(300) + 1).unwrap_or(0);
        let time = first + 300 * i64::from(self.dice.below(choices));
        let delivered = delivered.unwrap_or(time + 5 + i64::from(self.dice.below(50)));
        let scene = Scene { account: &id.account, region: &id.region, time };
        let sizes = self.spec.sizes;
        let content = match sizes.repeats().filter(|_| events.is_empty()) {
            Some(count) => {
                while self.repeated.len() < usize::try_from(count).unwrap_or(0) {
                    self.repeated.push(log_file(&mut self.dice, sizes, scene, &[]));
                }
                let at = usize::try_from(self.dice.below(count)).unwrap_or(0);
                self.repeated.get(at).cloned()
            }
            None => None,
        };
        let content = content.unwrap_or_else(|| log_file(&mut self.dice, sizes, scene, events));
        let (bucket, prefix, organization) = self.place(slot.hour);
        let organization = organization.as_deref();
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
        let (bucket, prefix, organization) = self.place(slot.hour);
        let organization = organization.as_deref();
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
