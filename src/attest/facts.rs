//! What an attestation says of a run, gathered while its record goes by.
use super::line::{Head, LineError};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::vocab::budget;
use trailproof_core::vocab::location::excerpt;

/// A list of which only the first entries are kept, and the others counted.
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

    /// As a predicate has it.
    pub fn value(&self) -> Value {
        json!({ "listed": self.listed, "leftOut": self.left_out })
    }

    /// The entries that were kept.
    pub fn listed(&self) -> &[Value] {
        &self.listed
    }
}

/// Everything of a record that the predicate tells. Names are the record's, in the spelling of
/// in-toto.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// `run-started`.
    pub started: Map<String, Value>,
    /// `run-circumstances`, where the record has it.
    pub circumstances: Option<Map<String, Value>>,
    /// `run-ended`, where the record has it.
    pub ended: Option<Map<String, Value>>,
    /// `run-finished`.
    pub finished: Map<String, Value>,
    /// `public-key`, in the order of the record.
    pub keys: Bounded,
    /// What was contradicted or could not be read.
    pub exceptions: Bounded,
    /// Stretches that no digest covers, with what explains them.
    pub gaps: Bounded,
    /// `check-not-performed`.
    pub not_performed: Bounded,
    /// Buckets that evidence was delivered to.
    pub buckets: BTreeSet<String>,
    /// Accounts with a chain.
    pub accounts: BTreeSet<String>,
    /// Regions with a chain.
    pub regions: BTreeSet<String>,
    /// Trails with a chain, by name and home region.
    pub trails: BTreeSet<(String, String)>,
    /// Trails that the scope left out.
    pub left_out: Value,
    /// Whether CloudTrail was asked what it delivered.
    pub asked_status: bool,
    chain: Value,
    /// Where the listed gaps stand, by chain and start: what explains them comes later.
    open_gaps: BTreeMap<(String, String), usize>,
    /// Events that explain them and are listed.
    explaining: usize,
}

impl Facts {
    /// Takes the next line.
    ///
    /// # Errors
    ///
    /// That it cannot be read.
    pub fn take(&mut self, head: &Head<'_>, line: &[u8]) -> Result<(), LineError> {
        match &*head.event {
            "digest-judged" | "log-judged" => {
                if let Some(bucket) = head.bucket.as_deref()
                    && !self.buckets.contains(bucket)
                    && self.buckets.len() < budget::ATTESTED
                {
                    self.buckets.insert(bucket.to_owned());
                }
                // The millions of valid ones are in the commitment, and counted.
                if head.outcome.as_deref() != Some("valid") {
                    self.exception(fields(line)?);
                }
            }
            "run-started" => self.started = fields(line)?,
            "run-circumstances" => self.circumstances = Some(fields(line)?),
            "run-ended" => self.ended = Some(fields(line)?),
            "run-finished" => self.finished = fields(line)?,
            "public-key" => self.keys.push(Value::Object(fields(line)?), budget::ATTESTED_KEYS),
            "bucket-listed" => {
                self.left_out = fields(line)?.remove("trailsLeftOut").unwrap_or_default();
            }
            "chain-started" => self.chain(fields(line)?),
            "chain-finished" => {
                self.coverage(&fields(line)?);
                // What follows is of no chain.
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

    fn chain(&mut self, mut fields: Map<String, Value>) {
        self.chain = fields.remove("chain").unwrap_or_default();
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
        // What a digest says beside its judgement stands in the record.
        for beside in ["previous", "fingerprint", "proofs", "isLogging"] {
            fields.remove(beside);
        }
        let of_chain = fields.get("bucket").is_some() && !fields.contains_key("chain");
        if of_chain && !self.chain.is_null() {
            fields.insert("chain".to_owned(), self.chain.clone());
        }
        self.exceptions.push(Value::Object(fields), budget::ATTESTED);
    }

    fn coverage(&mut self, fields: &Map<String, Value>) {
        self.chain = Value::Null;
        let segments = fields.get("coverage").and_then(Value::as_array);
        for segment in segments.map(Vec::as_slice).unwrap_or_default() {
            let known = ["verified", "contradicted", "unverified"].map(Some);
            if known.contains(&segment.get("coverage").and_then(Value::as_str)) {
                continue;
            }
            let gap = json!({
                "chain": fields.get("chain"),
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

fn gap_id(gap: &Value) -> (String, String) {
    let text = |name: &str| gap.get(name).map(Value::to_string).unwrap_or_default();
    (text("chain"), text("from"))
}

/// Events that an exception names, as nothing else in it tells what it is.
const NAMED: [&str; 6] = [
    "listing-unread",
    "log-unlisted",
    "logs-without-digests",
    "place-in-doubt",
    "seam-judged",
    "trail-status",
];

/// A line's fields without the event's name, in the spelling of in-toto: `readFailure`.
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

/// `read_failure` as `readFailure`.
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
