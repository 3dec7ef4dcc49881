//! Trails that record less while their chains go on, and events that are deeds by themselves.
use super::index::TOGETHER;
use super::ledger::{Cause, Effect, Judge};
use trailproof_core::codes::technique::{Confidence, Raise, Technique, Witness};
use trailproof_core::vocab::time::{HOUR, Timestamp};

/// Hours without log files, after hours with some, from which on a trail may be narrowed.
const QUIET: i64 = 6;

impl Judge<'_> {
    pub(super) fn narrowed(&mut self) {
        let record = self.facts.record;
        let selectors: Vec<usize> = (0..self.facts.events.len())
            .filter(|at| {
                self.facts.events.get(*at).is_some_and(|event| {
                    event.event.name == "PutEventSelectors"
                        && !event.is_attempt()
                        && event
                            .deed
                            .as_ref()
                            .is_some_and(|deed| deed.technique == Some(Technique::TrailNarrowed))
                })
            })
            .collect();
        for chain in &record.chains {
            let id = &chain.summary.chain;
            let of_trail = |at: &&usize| {
                let names = |name: &str| {
                    name == id.trail.as_str() || name.ends_with(&format!("/{}", id.trail))
                };
                self.facts.events.get(**at).is_some_and(|event| {
                    serde_json::from_str::<serde_json::Value>(&event.event.json).is_ok_and(|json| {
                        json.pointer("/requestParameters/trailName")
                            .and_then(serde_json::Value::as_str)
                            .is_some_and(names)
                    })
                })
            };
            let quiet = quiet_since(&chain.named);
            let event = selectors.iter().find(of_trail).copied();
            let (confidence, cause, time) = match (event, quiet) {
                (Some(at), quiet) => {
                    let event = self.facts.events.get(at);
                    let put = event.and_then(|event| event.event.time);
                    let less = put.is_some_and(|put| is_less_after(&chain.named, put));
                    let confidence = if less { Confidence::Shown } else { Confidence::Likely };
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
        for (at, event) in self.facts.events.iter().enumerate() {
            if self.used.contains(&at) || event.is_attempt() {
                continue;
            }
            let Some(technique) = event.deed.as_ref().and_then(|deed| deed.technique) else {
                continue;
            };
            let by_itself = matches!(
                technique,
                Technique::LockWeakened
                    | Technique::ReplicaCut
                    | Technique::WatchersOff
                    | Technique::EventStarved
            );
            if !by_itself {
                continue;
            }
            let time = event.event.time.map(|time| (time, time));
            self.add(Effect {
                technique,
                confidence: Confidence::Shown,
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

/// Returns since when a chain that named log files names none any more. `named` is newest first. A
/// chain that is often quiet is not narrowed.
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

/// Returns whether a chain names fewer log files an hour after a time than before it: less than a
/// half.
fn is_less_after(named: &[(Timestamp, u64)], time: Timestamp) -> bool {
    // The digest that holds the event itself still names log files of before.
    let after = named.iter().filter(|(end, _)| *end > time.plus(2 * HOUR));
    let before = named.iter().filter(|(end, _)| *end <= time);
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
