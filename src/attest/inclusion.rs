//! Proofs that one object's evidence line is among those that an attestation commits to.
use super::commitment::{DigestPosition, METHOD, Place};
use super::line::{DayId, Head};
use super::merkle::{PATH, Position};
use super::strict_json;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use trailproof_core::bytes::content::Hash;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::location::{ObjectLocation, excerpt};

const FORMAT: &str = "trailproof-inclusion-proof";
const SCHEMA: u64 = 1;

/// The proof document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    format: String,
    schema: u64,
    method: String,
    bucket: String,
    key: String,
    places: Vec<PlaceFields>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlaceFields {
    line: String,
    line_in_digest: PositionFields,
    digest_line: String,
    digest_in_digest: PositionFields,
    digest_end: String,
    digest_in_day: PositionFields,
    day: DayId,
    day_in_all: PositionFields,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PositionFields {
    index: u64,
    size: u64,
    path: Vec<String>,
}

impl From<&Position> for PositionFields {
    fn from(at: &Position) -> Self {
        Self { index: at.index, size: at.size, path: at.path.iter().map(hex::encode).collect() }
    }
}

impl PositionFields {
    fn read(&self) -> Result<Position, String> {
        if self.path.len() > PATH {
            return Err("it has a path that is too long".to_owned());
        }
        let hash = |text: &String| {
            let mut hash: Hash = [0; 32];
            hex::decode_to_slice(text, &mut hash).map(|()| hash)
        };
        let path = self.path.iter().map(hash).collect::<Result<_, _>>();
        let path = path.map_err(|_| "it has an invalid hash".to_owned())?;
        Ok(Position { index: self.index, size: self.size, path })
    }
}

impl Proof {
    /// Returns the proof for an object with these positions.
    ///
    /// # Errors
    ///
    /// A line is not UTF-8, which no record has.
    pub fn new(at: &ObjectLocation, places: &[Place]) -> Result<Self, String> {
        let fields = |place: &Place| {
            let text = |line: &[u8]| {
                let text = std::str::from_utf8(line).map(str::to_owned);
                text.map_err(|_| "a line of the record is not UTF-8".to_owned())
            };
            let DigestPosition { line, at, digest_line, digest_at, end } = &place.in_digest;
            Ok(PlaceFields {
                line: text(line)?,
                line_in_digest: at.into(),
                digest_line: text(digest_line)?,
                digest_in_digest: digest_at.into(),
                digest_end: end.clone(),
                digest_in_day: (&place.in_day).into(),
                day: place.day.clone(),
                day_in_all: (&place.in_all).into(),
            })
        };
        Ok(Self {
            format: FORMAT.to_owned(),
            schema: SCHEMA,
            method: METHOD.to_owned(),
            bucket: at.bucket.clone(),
            key: at.key.clone(),
            places: places.iter().map(fields).collect::<Result<_, String>>()?,
        })
    }

    /// Reads the document.
    ///
    /// # Errors
    ///
    /// Returns why it is not a proof, in words that are safe to show.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let value = strict_json::parse(bytes)?;
        if value.get("format").and_then(Value::as_str) != Some(FORMAT) {
            return Err("it is not an inclusion proof of trailproof".to_owned());
        }
        let schema = value.get("schema").and_then(Value::as_u64);
        if schema != Some(SCHEMA) {
            return Err(format!(
                "its schema is {}, but this version reads {SCHEMA}",
                schema.map_or_else(|| "no number".to_owned(), |number| number.to_string())
            ));
        }
        let method = value.get("method").and_then(Value::as_str).unwrap_or_default();
        if method != METHOD {
            let shown = excerpt(method, budget::SHOWN);
            return Err(format!("its method is `{shown}`, but this version knows `{METHOD}`"));
        }
        let read: Self = serde_json::from_value(value)
            .map_err(|error| excerpt(&error.to_string(), budget::SHOWN))?;
        if read.places.is_empty() || read.places.len() > budget::PLACES {
            return Err(format!(
                "it has {} places, but must have 1 to {}",
                read.places.len(),
                budget::PLACES
            ));
        }
        Ok(read)
    }

    /// Returns the document as text.
    ///
    /// # Errors
    ///
    /// It cannot be encoded, which would be a bug.
    pub fn to_text(&self) -> Result<String, String> {
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        Ok(format!("{text}\n"))
    }

    /// Returns the object that the proof is about.
    pub fn object(&self) -> ObjectLocation {
        ObjectLocation::new(self.bucket.clone(), self.key.clone())
    }

    /// Checks every position against a commitment, and returns the lines that are thereby proven to
    /// be in the record.
    ///
    /// # Errors
    ///
    /// Returns the check that failed, in words that are safe to show.
    pub fn check(&self, root: &Hash, days: u64) -> Result<Vec<ProvenLine>, String> {
        self.places.iter().map(|place| self.check_place(place, root, days)).collect()
    }

    fn check_place(
        &self,
        fields: &PlaceFields,
        root: &Hash,
        days: u64,
    ) -> Result<ProvenLine, String> {
        let place = Place {
            in_digest: DigestPosition {
                line: fields.line.clone().into_bytes(),
                at: fields.line_in_digest.read()?,
                digest_line: fields.digest_line.clone().into_bytes(),
                digest_at: fields.digest_in_digest.read()?,
                end: fields.digest_end.clone(),
            },
            in_day: fields.digest_in_day.read()?,
            day: fields.day.clone(),
            in_all: fields.day_in_all.read()?,
        };
        if place.in_all.size != days || place.root() != Some(*root) {
            return Err("its line is not among those that the attestation commits to".to_owned());
        }
        // The lines are now known to be signed. A proof with the line of a different object must
        // fail nevertheless.
        let line = object_line(&fields.line)?;
        let digest = object_line(&fields.digest_line)?;
        if line.at != self.object() {
            return Err(format!("its line is about `{}`, not about this object", line.at));
        }
        if digest.event != "digest-judged"
            || (line.event == "digest-judged") != (fields.line == fields.digest_line)
        {
            return Err("its digest line is not that of a digest".to_owned());
        }
        Ok(ProvenLine { line: line.value, digest: digest.value, day: fields.day.clone() })
    }
}

/// A line that is proven to be in the attested record.
#[derive(Clone, Debug, PartialEq)]
pub struct ProvenLine {
    /// Line of the object.
    pub line: Value,
    /// Line of the digest that names it; for a digest, its own line.
    pub digest: Value,
    /// Chain and day of the digest.
    pub day: DayId,
}

struct ObjectLine {
    event: String,
    at: ObjectLocation,
    value: Value,
}

fn object_line(text: &str) -> Result<ObjectLine, String> {
    let head = Head::read(text.as_bytes()).map_err(|why| format!("its line {why}"))?;
    let (Some(bucket), Some(key)) = (head.bucket, head.key) else {
        return Err("its line is not about an object".to_owned());
    };
    let value = strict_json::parse(text.as_bytes()).map_err(|why| format!("its line: {why}"))?;
    let at = ObjectLocation::new(bucket, key);
    Ok(ObjectLine { event: head.event.into_owned(), at, value })
}
