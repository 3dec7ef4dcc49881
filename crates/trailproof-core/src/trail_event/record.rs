//! Extracts explaining events from log files.
use super::facts::{Facts, Record, Recorded, without_arn};
use super::{Cause, Effect, ExplainingEvent, Subject, TrailEvent, operations};
use crate::vocab::time::Timestamp;
use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// Maximum number of events of one name that one log file contributes. A file full of them would
/// explain no more than the first, and must not hide events of other names.
const MOST: usize = 16;

/// The same of settings, of which most are harmless and say so only for each place.
const MOST_SETTINGS: usize = 256;

/// Maximum number of bytes of an event's text that are kept. CloudTrail itself truncates most of
/// them to less.
const TEXT: usize = 2_048;

/// Extracts the events that explain a gap, or a chain's end, from a verified log file.
///
/// A log file that is not JSON from CloudTrail explains nothing; it is proven nevertheless.
pub fn causes(content: &[u8], recorded: Recorded<'_>) -> Vec<Cause> {
    if !may_explain(content) {
        return Vec::new();
    }
    let mut found = Found { recorded, causes: Vec::new(), by_name: BTreeMap::new() };
    let mut document = serde_json::Deserializer::from_slice(content);
    let read = Document(&mut found).deserialize(&mut document);
    if read.and_then(|()| document.end()).is_err() {
        return Vec::new();
    }
    found.causes
}

/// Extracts the events that explain a gap, or a chain's end, from one event of a verified log file.
pub fn causes_of(event: &TrailEvent, recorded: Recorded<'_>) -> Vec<Cause> {
    if !operations::is_known(event.name.as_bytes()) {
        return Vec::new();
    }
    let mut found = Found { recorded, causes: Vec::new(), by_name: BTreeMap::new() };
    if let Ok(record) = serde_json::from_str(&event.json) {
        found.take(record);
    }
    found.causes
}

/// Returns whether any event has the name of an explaining operation, or a name that is not spelled
/// as AWS spells names. Most log files have neither, and this search takes a tenth of the time of
/// parsing them as JSON.
fn may_explain(content: &[u8]) -> bool {
    const FIELD: &[u8] = b"\"eventName\"";
    memchr::memmem::find_iter(content, FIELD).any(|at| {
        let value = content.get(at + FIELD.len()..).and_then(|rest| rest.strip_prefix(b":\""));
        let end = value.and_then(|value| memchr::memchr2(b'"', b'\\', value));
        match value.zip(end).and_then(|(value, end)| value.split_at_checked(end)) {
            Some((name, [b'"', ..])) => operations::is_known(name),
            _ => true,
        }
    })
}

struct Found<'a> {
    recorded: Recorded<'a>,
    causes: Vec<Cause>,
    by_name: BTreeMap<String, usize>,
}

impl Found<'_> {
    fn take(&mut self, record: Record) {
        let (Some(name), Some(source)) = (&record.event_name, &record.event_source) else {
            return;
        };
        // A rejected call changed nothing.
        if record.error_code.as_ref().is_some_and(|code| !code.is_null()) {
            return;
        }
        let Some(judge) = operations::judge_of(source, name) else { return };
        let Some(time) = record.event_time.as_deref().and_then(Timestamp::parse) else { return };
        let most = match name.as_str() {
            "PutBucketPolicy" | "UpdateTrail" => MOST_SETTINGS,
            _ => MOST,
        };
        if self.by_name.get(name).is_some_and(|count| *count >= most) {
            return;
        }
        let mut effects: Vec<(Subject, Effect)> = judge(&Facts::new(&record, self.recorded));
        effects.retain(|(_, effect)| *effect != Effect::MayStop);
        if effects.is_empty() {
            return;
        }
        *self.by_name.entry(name.clone()).or_default() += 1;
        let who = record
            .user_identity
            .map(|who| {
                let named = who.arn.or(who.invoked_by);
                let (account, id) = (who.account_id.as_deref(), who.principal_id.as_deref());
                named.unwrap_or_else(|| without_arn(account, id))
            })
            .unwrap_or_default();
        let event = ExplainingEvent {
            time,
            name: name.clone(),
            id: cut(record.event_id.unwrap_or_default()),
            principal: cut(who),
            address: cut(record.source_ip_address.unwrap_or_default()),
            log: self.recorded.log.clone(),
        };
        let recorded_in = &self.recorded.chain.account;
        self.causes.extend(effects.into_iter().map(|(subject, effect)| Cause {
            subject,
            effect,
            event: event.clone(),
            recorded_in: recorded_in.clone(),
        }));
    }
}

fn cut(mut text: String) -> String {
    if text.len() > TEXT {
        text.truncate(text.floor_char_boundary(TEXT));
    }
    text
}

/// The whole file; only one event at a time is held in memory.
struct Document<'f, 'a>(&'f mut Found<'a>);

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a log file of CloudTrail's")
    }

    fn visit_map<M: serde::de::MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(name) = map.next_key::<String>()? {
            if name == "Records" {
                map.next_value_seed(Records(self.0))?;
            } else {
                map.next_value::<serde::de::IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

struct Records<'f, 'a>(&'f mut Found<'a>);

impl<'de> DeserializeSeed<'de> for Records<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Records<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of events")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<(), S::Error> {
        while let Some(record) = list.next_element::<Record>()? {
            self.0.take(record);
        }
        Ok(())
    }
}
