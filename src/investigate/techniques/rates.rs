//! Trails that record less while their chains go on, and events that are deeds by themselves.
use super::index::{EXAMINED, TOGETHER};
use super::ledger::{Cause, Effect, Judge};
use crate::investigate::facts::RecordFacts;
use serde_json::Value;
use std::collections::BTreeMap;
use trailproof_core::codes::technique::{Confidence, Raise, Technique, Witness};
use trailproof_core::trail_event::{Deed, EventRate, LockChange, TrailEvent};
use trailproof_core::vocab::time::{HOUR, Timestamp};

/// Hours without log files, after hours with some, from which on a trail may be narrowed.
const QUIET: i64 = 6;

impl Judge<'_> {
    pub(super) fn narrowed(&mut self) {
        let record = self.facts.record;
        let all = self.facts.events.iter().enumerate();
        let puts: Vec<(usize, &Deed, Option<Timestamp>, [Value; 2])> = all
            .filter_map(|(at, event)| {
                let deed = event.done().filter(|_| event.event.name == "PutEventSelectors")?;
                Some((at, deed, event.event.time, selectors(&event.event)))
            })
            .take(EXAMINED)
            .collect();
        for chain in &record.chains {
            let id = &chain.summary.chain;
            let of_trail = puts
                .iter()
                .filter(|(_, deed, ..)| deed.trail.as_ref().is_some_and(|trail| trail.owns(id)));
            let of_trail: Vec<_> = of_trail.collect();
            // Each call replaces the one before: what it did ends with the next one.
            let until = |put: Timestamp| {
                let times = of_trail.iter().filter_map(|(_, _, at, _)| *at);
                times.filter(|at| *at > put).min()
            };
            let writes = self.facts.rates.get(id).map(writes).unwrap_or_default();
            let drops = |put: Option<Timestamp>| {
                put.is_some_and(|put| {
                    is_less_after(&chain.named, put, until(put))
                        || is_less_after(&writes, put, until(put))
                })
            };
            // Whoever puts the selectors that are in force changes nothing.
            let before = std::iter::once(None).chain(of_trail.iter().map(|(.., put)| Some(put)));
            let changes =
                of_trail.iter().zip(before).filter(|((.., put), last)| *last != Some(put));
            let narrowing = changes
                .map(|(put, _)| put)
                .filter(|(_, deed, ..)| deed.technique == Some(Technique::TrailNarrowed));
            let of_trail: Vec<_> =
                narrowing.map(|(at, _, put, _)| (*at, *put, drops(*put))).collect();
            let event = of_trail.iter().find(|(.., less)| *less).or(of_trail.first()).copied();
            let quiet = quiet_since(&chain.named).or_else(|| quiet_since(&writes));
            let (confidence, cause, time) = match (event, quiet) {
                (Some((at, put, less)), quiet) => {
                    // Without a drop, the trail may have recorded the same as before.
                    let confidence = if less { self.sure_of(at, id) } else { Confidence::Possible };
                    let event = self.facts.events.get(at);
                    let id = event.map(|event| event.event.id.clone()).unwrap_or_default();
                    (confidence, Cause::Event(id), put.or(quiet))
                }
                (None, Some(since)) => (
                    Confidence::Possible,
                    Cause::Unknown(since.unix().div_euclid(TOGETHER)),
                    Some(since),
                ),
                (None, None) => continue,
            };
            let last = chain.named.first().map(|(end, _)| *end);
            let event = event.map(|(at, ..)| at);
            let raise = match event {
                Some(_) => Vec::new(),
                None => vec![Raise::EventHistory, Raise::LostLogs],
            };
            self.add(Effect {
                technique: Technique::TrailNarrowed,
                confidence,
                witness: Witness::Proven,
                cause,
                event,
                chain: Some(id),
                time: time.zip(last),
                object: None,
                alternatives: &[],
                raise,
            });
        }
    }

    pub(super) fn alone(&mut self) {
        let mut locks = Locks::default();
        for (at, event) in self.facts.events.iter().enumerate() {
            let Some(deed) = event.done() else { continue };
            let confidence = match deed.technique {
                // The state before the call decides whether it weakened anything.
                _ if deed.lock.is_some() => {
                    let weaker = locks.weakened(deed, event.event.time, self.facts.record);
                    let bypassed = deed.key.is_some() && deed.technique.is_some();
                    match weaker {
                        Some(true) => Confidence::Shown,
                        // Only a call that shortens a retention has to bypass it.
                        None if bypassed => Confidence::Likely,
                        _ => continue,
                    }
                }
                // Whether there was a legal hold before is not known.
                Some(Technique::LockWeakened) => Confidence::Likely,
                // These succeed over a setting that is off already.
                Some(Technique::ReplicaCut | Technique::WatchersOff)
                    if SUCCEED_ANYWAY.contains(&event.event.name.as_str()) =>
                {
                    Confidence::Likely
                }
                Some(Technique::ReplicaCut | Technique::WatchersOff) => Confidence::Shown,
                _ => continue,
            };
            if self.used.contains(&at) {
                continue;
            }
            let technique = match deed.lock {
                Some(_) => Technique::LockWeakened,
                None => deed.technique.unwrap_or(Technique::LockWeakened),
            };
            let time = event.event.time.map(|time| (time, time));
            self.add(Effect {
                technique,
                confidence,
                witness: Witness::Proven,
                cause: Cause::Caller(event.event.principal.clone()),
                event: Some(at),
                chain: None,
                time,
                object: None,
                alternatives: &[],
                raise: Vec::new(),
            });
        }
    }
}

/// Calls that turn a setting off and succeed as well if it is off already.
const SUCCEED_ANYWAY: [&str; 7] = [
    "DeleteBucketReplication",
    "DisableAlarmActions",
    "DisableRule",
    "PutBucketLogging",
    "PutBucketReplication",
    "RemoveTargets",
    "StopConfigurationRecorder",
];

/// Returns the selectors that a call puts.
fn selectors(event: &TrailEvent) -> [Value; 2] {
    let json: Value = serde_json::from_str(&event.json).unwrap_or_default();
    let of = |name: &str| json.pointer(&format!("/requestParameters/{name}")).cloned();
    ["eventSelectors", "advancedEventSelectors"].map(|name| of(name).unwrap_or_default())
}

/// What calls made of Object Lock so far.
#[derive(Default)]
struct Locks<'a> {
    /// The days of the default retention, if a call set it; the inner `None` is no default.
    default: Option<Option<u32>>,
    /// The time until which an object is retained, by its key.
    until: BTreeMap<&'a str, Timestamp>,
}

impl<'a> Locks<'a> {
    /// Takes a call, and returns whether it protects less than what was before it; `None` if that is not known.
    fn weakened(
        &mut self,
        deed: &'a Deed,
        at: Option<Timestamp>,
        record: &RecordFacts,
    ) -> Option<bool> {
        match deed.lock {
            Some(LockChange::Default(days)) => {
                // Nobody but the bucket's default puts a retention on what CloudTrail delivers.
                let locked = record.locked_since.zip(at).is_some_and(|(locked, at)| locked < at);
                let before = self.default.replace(days);
                Some(match (before, days) {
                    (Some(Some(before)), days) => days.is_none_or(|days| days < before),
                    (None, None) => locked,
                    (Some(None) | None, _) => false,
                })
            }
            Some(LockChange::Retention(until)) => {
                let key = deed.key.as_deref()?;
                let before = match until {
                    Some(until) => self.until.insert(key, until),
                    None => self.until.remove(key),
                };
                before.map(|before| until.is_none_or(|until| until < before))
            }
            None => None,
        }
    }
}

/// Returns the numbers of events that write, newest first, of the digests whose log files have events: where
/// there is none, a trail that records nothing else is as quiet as one that records no writes.
fn writes(rates: &BTreeMap<Timestamp, EventRate>) -> Vec<(Timestamp, u64)> {
    let rates = rates.iter().rev().filter(|(_, rate)| rate.reads + rate.writes > 0);
    rates.map(|(end, rate)| (*end, rate.writes)).collect()
}

/// Returns since when a chain that named log files, or recorded writes, does so no more. `named` is newest
/// first. A chain that is often quiet is not narrowed.
fn quiet_since(named: &[(Timestamp, u64)]) -> Option<Timestamp> {
    let quiet = i64::try_from(named.iter().take_while(|(_, logs)| *logs == 0).count()).ok()?;
    let before = named.get(usize::try_from(quiet).ok()?..)?;
    let (mut longest, mut now) = (0_i64, 0_i64);
    for (_, logs) in before {
        now = if *logs == 0 { now + 1 } else { 0 };
        longest = longest.max(now);
    }
    // The first digest of a chain names nothing.
    let busy = before.iter().filter(|(_, logs)| *logs > 0).count();
    (quiet >= QUIET.max(3 * longest) && i64::try_from(busy).ok()? >= QUIET)
        .then(|| before.first().map(|(end, _)| *end))
        .flatten()
}

/// Hours before a call with which what follows it is compared: a drop that began earlier is not its effect.
const BEFORE: i64 = 6;

/// Returns whether a chain names fewer log files, or records fewer writes, an hour after a time, `until` the next call, than in the
/// hours before it: less than a half.
fn is_less_after(named: &[(Timestamp, u64)], time: Timestamp, until: Option<Timestamp>) -> bool {
    // The digest that holds the event itself still names log files of before.
    let after = named
        .iter()
        .filter(|(end, _)| *end > time.plus(2 * HOUR) && until.is_none_or(|until| *end <= until));
    let before = named.iter().filter(|(end, _)| *end <= time && *end > time.plus(-BEFORE * HOUR));
    let rate = |(logs, hours): (u64, u64)| (hours > 0).then(|| logs.saturating_mul(1_000) / hours);
    let sum = |digests: &mut dyn Iterator<Item = &(Timestamp, u64)>| {
        digests.fold((0_u64, 0_u64), |(logs, hours), (_, more)| (logs + more, hours + 1))
    };
    let (mut after, mut before) = (after, before);
    match (rate(sum(&mut before)), rate(sum(&mut after))) {
        (Some(before), Some(after)) => after.saturating_mul(2) < before,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Digests of each hour, newest first, of which those that end after `drops` name one log file, and the
    /// others four.
    fn named(hours: i64, drops: i64) -> Vec<(Timestamp, u64)> {
        let at = |hour: i64| Timestamp::from_unix(hour * HOUR);
        (1..=hours).rev().map(|hour| (at(hour), if hour > drops { 1 } else { 4 })).collect()
    }

    #[test]
    fn a_drop_follows_the_call_and_ends_with_the_next_one() {
        let at = |hour: i64| Timestamp::from_unix(hour * HOUR);
        assert!(is_less_after(&named(48, 20), at(20), None));
        // It began twelve hours before the call.
        assert!(!is_less_after(&named(48, 8), at(20), None));
        // Nothing happened until the next call, which is the cause.
        assert!(!is_less_after(&named(48, 40), at(20), Some(at(40))));
        assert!(is_less_after(&named(48, 40), at(40), None));
        // The next call came at once, so that no digest shows the effect of this one.
        assert!(!is_less_after(&named(48, 20), at(20), Some(at(21))));
    }
}
