//! The facts about a run that an attestation states, collected while the record is read.
use super::line::{Head, LineError};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::vocab::budget;
use trailproof_core::vocab::location::excerpt;

/// A list that keeps only its first entries and counts the others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bounded {
    listed: Vec<Value>,
    left_out: u64,
}

impl Bounded {
    fn push(&mut self, value: Value, limit: usize) {
        if self.listed.len() < limit {
            self.listed.push(value);
        } else {
            self.left_out += 1;
        }
    }

    /// Returns the list in the form of the predicate.
    pub fn value(&self) -> Value {
        json!({ "listed": self.listed, "leftOut": self.left_out })
    }

    /// Returns the entries that were kept.
    pub fn listed(&self) -> &[Value] {
        &self.listed
    }
}

/// Everything in a record that the predicate states. Names are those of the record, in the camel
/// case of in-toto.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// `run-started`.
    pub started: Map<String, Value>,
    /// `run-circumstances`, if the record has it.
    pub circumstances: Option<Map<String, Value>>,
    /// `run-ended`, if the record has it.
    pub ended: Option<Map<String, Value>>,
    /// `run-finished`.
    pub finished: Map<String, Value>,
    /// `public-key`, in the order of the record.
    pub keys: Bounded,
    /// Objects that were contradicted or could not be read.
    pub exceptions: Bounded,
    /// Stretches that no digest covers, with what explains them.
    pub gaps: Bounded,
    /// `exceptions-judged`, if the run has accepted exceptions.
    pub accepted: Option<Map<String, Value>>,
    /// `check-not-performed`.
    pub not_performed: Bounded,
    /// Buckets to which evidence was delivered.
    pub buckets: BTreeSet<String>,
    /// Accounts with a chain.
    pub accounts: BTreeSet<String>,
    /// Regions with a chain.
    pub regions: BTreeSet<String>,
    /// Trails with a chain, by name and home region.
    pub trails: BTreeSet<(String, String)>,
    /// Trails that were out of scope.
    pub left_out: Value,
    /// Whether the status of a trail was requested.
    pub asked_status: bool,
    chain: Value,
    /// Index of the listed gaps, by chain and start, because the events that explain them come
    /// later.
    open_gaps: BTreeMap<(String, String), usize>,
    /// Number of listed events that explain gaps.
    explaining: usize,
    /// Bytes of the lines of which something is kept.
    bytes: u64,
}

impl Facts {
    /// Takes the next line.
    ///
    /// # Errors
    ///
    /// The line cannot be parsed.
    pub fn take(&mut self, head: &Head<'_>, line: &[u8]) -> Result<(), LineError> {
        if self.keeps(head) {
            self.bytes = self.bytes.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX));
        }
        if self.bytes > budget::ATTESTED_LINES {
            return Err(LineError::new("makes what is to be attested longer than an attestation"));
        }
        match &*head.event {
            "digest-judged" | "log-judged" => {
                if let Some(bucket) = head.bucket.as_deref()
                    && !self.buckets.contains(bucket)
                    && self.buckets.len() < budget::ATTESTED
                {
                    self.buckets.insert(bucket.to_owned());
                }
                // Valid ones may be millions; they are counted and in the commitment.
                if head.outcome.as_deref() != Some("valid") {
                    self.exception(fields(line)?);
                }
            }
            "run-started" => self.started = fields(line)?,
            "run-circumstances" => self.circumstances = Some(fields(line)?),
            "run-ended" => self.ended = Some(fields(line)?),
            "exceptions-judged" => self.accepted = Some(fields(line)?),
            "run-finished" => self.finished = fields(line)?,
            "public-key" => self.keys.push(Value::Object(fields(line)?), budget::ATTESTED_KEYS),
            "bucket-listed" => {
                self.left_out = fields(line)?.remove("trailsLeftOut").unwrap_or_default();
            }
            "chain-started" => self.chain(fields(line)?),
            "chain-finished" => {
                self.coverage(&fields(line)?);
                // Later lines belong to no chain.
                self.chain = Value::Null;
            }
            "gap-explained" => self.explain(fields(line)?),
            "trail-status" => {
                self.asked_status = true;
                let fields = fields(line)?;
                if !fields.get("finding").is_none_or(Value::is_null) {
                    self.exception(fields);
                }
            }
            "seam-judged" => {
                let fields = fields(line)?;
                if fields.get("joined") != Some(&Value::Bool(true)) {
                    self.exception(fields);
                }
            }
            "listing-unread" | "log-unlisted" | "logs-without-digests" | "place-in-doubt" => {
                self.exception(fields(line)?);
            }
            "check-not-performed" => {
                self.not_performed.push(Value::Object(fields(line)?), budget::ATTESTED);
            }
            _ => {}
        }
        Ok(())
    }

    /// Returns whether something of a line is kept that may be as long as the line.
    fn keeps(&self, head: &Head<'_>) -> bool {
        let has_room = self.exceptions.listed.len() < budget::ATTESTED;
        match &*head.event {
            "digest-judged" | "log-judged" => has_room && head.outcome.as_deref() != Some("valid"),
            "trail-status"
            | "seam-judged"
            | "listing-unread"
            | "log-unlisted"
            | "logs-without-digests"
            | "place-in-doubt" => has_room,
            "gap-explained" => self.explaining < budget::ATTESTED_EVENTS,
            "public-key" => self.keys.listed.len() < budget::ATTESTED_KEYS,
            "check-not-performed" => self.not_performed.listed.len() < budget::ATTESTED,
            "run-started" | "run-circumstances" | "run-ended" | "exceptions-judged"
            | "run-finished" | "bucket-listed" => true,
            _ => false,
        }
    }

    fn chain(&mut self, mut fields: Map<String, Value>) {
        self.chain = of_chain(fields.remove("chain"));
        let name = |field: &str| {
            let text = self.chain.get(field).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let trail = (name("trail"), name("homeRegion"));
        let (account, region) = (name("account"), name("sourceRegion"));
        self.accounts.insert(account);
        self.regions.insert(region);
        self.trails.insert(trail);
    }

    fn exception(&mut self, mut fields: Map<String, Value>) {
        // The other fields of a digest are in the record.
        for beside in ["previous", "fingerprint", "proofs", "isLogging"] {
            fields.remove(beside);
        }
        let is_of_chain = fields.get("bucket").is_some() && !fields.contains_key("chain");
        if is_of_chain && !self.chain.is_null() {
            fields.insert("chain".to_owned(), self.chain.clone());
        }
        self.exceptions.push(Value::Object(fields), budget::ATTESTED);
    }

    fn coverage(&mut self, fields: &Map<String, Value>) {
        self.chain = Value::Null;
        let chain = of_chain(fields.get("chain").cloned());
        let segments = fields.get("coverage").and_then(Value::as_array);
        for segment in segments.map(Vec::as_slice).unwrap_or_default() {
            let known = ["verified", "contradicted", "unverified"].map(Some);
            if known.contains(&segment.get("coverage").and_then(Value::as_str)) {
                continue;
            }
            let gap = json!({
                "chain": chain,
                "from": segment.get("from"),
                "to": segment.get("to"),
                "reason": segment.get("coverage"),
                "explainedBy": [],
                "explainedByLeftOut": 0,
            });
            if self.gaps.listed.len() < budget::ATTESTED {
                self.open_gaps.insert(gap_id(&gap), self.gaps.listed.len());
            }
            self.gaps.push(gap, budget::ATTESTED);
        }
    }

    fn explain(&mut self, mut fields: Map<String, Value>) {
        let event = fields.remove("explainedBy").unwrap_or_default();
        let gap = self.open_gaps.get(&gap_id(&Value::Object(fields)));
        let gap = gap.and_then(|at| self.gaps.listed.get_mut(*at));
        let Some(Value::Object(gap)) = gap else { return };
        match gap.get_mut("explainedBy") {
            Some(Value::Array(events)) if self.explaining < budget::ATTESTED_EVENTS => {
                events.push(event);
                self.explaining += 1;
            }
            _ => {
                let before = gap.get("explainedByLeftOut").and_then(Value::as_u64);
                let more = before.unwrap_or_default() + 1;
                gap.insert("explainedByLeftOut".to_owned(), more.into());
            }
        }
    }
}

/// Returns a chain without fields that do not belong to it: it is kept many times.
fn of_chain(chain: Option<Value>) -> Value {
    let known = ["account", "sourceRegion", "trail", "homeRegion", "organization"];
    let Some(Value::Object(mut fields)) = chain else { return Value::Null };
    fields.retain(|name, _| known.contains(&name.as_str()));
    Value::Object(fields)
}

fn gap_id(gap: &Value) -> (String, String) {
    let text = |name: &str| gap.get(name).map(Value::to_string).unwrap_or_default();
    (text("chain"), text("from"))
}

/// Events whose name an exception states, because no other field identifies them.
const NAMED: [&str; 6] = [
    "listing-unread",
    "log-unlisted",
    "logs-without-digests",
    "place-in-doubt",
    "seam-judged",
    "trail-status",
];

/// Returns a line's fields without the event's name, in camel case: `readFailure`.
fn fields(line: &[u8]) -> Result<Map<String, Value>, LineError> {
    match super::strict_json::parse(line) {
        Ok(Value::Object(mut fields)) => {
            let event = fields.remove("event").unwrap_or_default();
            let mut fields = camel_fields(fields);
            if event.as_str().is_some_and(|event| NAMED.contains(&event)) {
                fields.insert("event".to_owned(), event);
            }
            Ok(fields)
        }
        Ok(_) => Err(LineError::new("is not a JSON object")),
        Err(why) => Err(LineError::new(format!("cannot be read: {}", excerpt(&why, 200)))),
    }
}

fn camel_fields(fields: Map<String, Value>) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (camel(&name), camel_value(value))).collect()
}

fn camel_value(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(camel_fields(fields)),
        Value::Array(items) => items.into_iter().map(camel_value).collect(),
        other => other,
    }
}

/// Turns `read_failure` into `readFailure`.
fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let mut spelt = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut letters = part.chars();
        spelt.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        spelt.push_str(letters.as_str());
    }
    spelt
}

/// Turns the names of a value of the predicate into those of the record: `readFailure` into
/// `read_failure`.
pub fn snake_value(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields.iter().map(|(name, value)| (snake(name), snake_value(value))).collect(),
        ),
        Value::Array(items) => items.iter().map(snake_value).collect(),
        other => other.clone(),
    }
}

fn snake(name: &str) -> String {
    let mut spelt = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            spelt.push('_');
        }
        spelt.push(letter.to_ascii_lowercase());
    }
    spelt
}
