//! The fields of a record line that determine its position in the commitment.
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::str::FromStr;
use trailproof_core::vocab::ids::{AccountId, OrganizationId, Region, TrailName};
use trailproof_core::vocab::location::excerpt;
use trailproof_core::vocab::time::Timestamp;

/// A fault of a line, in words that follow the line's number and are safe to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LineError(String);

impl LineError {
    pub(super) fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }
}

/// The chain, kind and UTC day that the digests of one group share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DayId {
    /// Account.
    pub account: String,
    /// Region whose log files the chain covers.
    pub source_region: String,
    /// Trail.
    pub trail: String,
    /// Region of the trail.
    pub home_region: String,
    /// Organization; empty if there is none.
    pub organization: String,
    /// `standard` or `backfill`.
    pub kind: String,
    /// Day on which the digests' intervals end: `2026-07-01`.
    pub day: String,
}

impl DayId {
    /// Returns the fields in the order in which they are hashed.
    pub fn fields(&self) -> [&str; 7] {
        [
            &self.account,
            &self.source_region,
            &self.trail,
            &self.home_region,
            &self.organization,
            &self.kind,
            &self.day,
        ]
    }

    /// Returns whether no field can be taken for two fields.
    pub fn is_plain(&self) -> bool {
        self.fields().iter().all(|field| is_plain(field))
    }
}

/// Returns whether a field has no line feed or other control character.
pub(super) fn is_plain(field: &str) -> bool {
    field.len() <= 1_024 && !field.chars().any(char::is_control)
}

/// An evidence line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The line of a digest.
    Digest {
        /// Chain, kind and day of the digest.
        day: DayId,
        /// End of its interval, as written in the line.
        end: String,
    },
    /// The line of a log file, which belongs to the preceding digest.
    Log,
}

/// The fields of a line that are read; all others are ignored.
#[derive(Debug, Deserialize)]
pub struct Head<'a> {
    /// Name of the event.
    #[serde(borrow)]
    pub event: Cow<'a, str>,
    /// Bucket of the object that the line is about.
    #[serde(default, borrow)]
    pub bucket: Option<Cow<'a, str>>,
    /// Key of the object.
    #[serde(default, borrow)]
    pub key: Option<Cow<'a, str>>,
    /// `standard` or `backfill`.
    #[serde(default, borrow)]
    pub kind: Option<Cow<'a, str>>,
    /// End of a digest's interval.
    #[serde(default, borrow)]
    pub end: Option<Cow<'a, str>>,
    /// `valid`, `invalid` or `unverified`.
    #[serde(default, borrow)]
    pub outcome: Option<Cow<'a, str>>,
    /// Chain that the line is about.
    #[serde(default)]
    pub chain: Option<ChainFields>,
}

/// A chain as written in lines.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ChainFields {
    account: String,
    source_region: String,
    trail: String,
    home_region: String,
    organization: Option<String>,
}

impl<'a> Head<'a> {
    /// Reads a line.
    ///
    /// # Errors
    ///
    /// The line is not a JSON object with an `event`, or one of these fields has a different type.
    pub fn read(line: &'a [u8]) -> Result<Self, LineError> {
        serde_json::from_slice(line).map_err(|error| {
            LineError::new(format!("cannot be read: {}", excerpt(&error.to_string(), 200)))
        })
    }

    /// Returns the position of the line in the commitment, within `chain`; `None` if it is not an
    /// evidence line.
    ///
    /// # Errors
    ///
    /// Returns an error for an evidence line outside a chain or with an invalid field.
    pub fn evidence(&self, chain: Option<&ChainFields>) -> Result<Option<Evidence>, LineError> {
        match &*self.event {
            "log-judged" => Ok(Some(Evidence::Log)),
            "digest-judged" => {
                let chain = chain
                    .ok_or_else(|| LineError::new("is that of a digest but belongs to no chain"))?;
                let (kind, end) = (self.kind()?, self.end()?);
                let day = chain.day(kind, end)?;
                Ok(Some(Evidence::Digest { day, end: end.to_owned() }))
            }
            _ => Ok(None),
        }
    }

    fn kind(&self) -> Result<&str, LineError> {
        let kinds = ["standard", "backfill"];
        let kind = self.kind.as_deref().filter(|kind| kinds.contains(kind));
        kind.ok_or_else(|| LineError::new("does not state the kind of the digest"))
    }

    fn end(&self) -> Result<&str, LineError> {
        let end = self.end.as_deref().filter(|end| {
            // Each time must have its only spelling, so that one day is one group.
            Timestamp::parse(end).is_some_and(|at| at.to_string() == *end)
        });
        end.ok_or_else(|| LineError::new("does not state when the digest's interval ends"))
    }
}

impl ChainFields {
    /// Returns the group of the chain's digests of this kind that end on this day.
    fn day(&self, kind: &str, end: &str) -> Result<DayId, LineError> {
        fn of<T: FromStr>(text: &str) -> Result<String, LineError> {
            let wrong = || LineError::new("is about a chain with an invalid name");
            text.parse::<T>().map(|_| text.to_owned()).map_err(|_| wrong())
        }
        let organization = match &self.organization {
            Some(id) => of::<OrganizationId>(id)?,
            None => String::new(),
        };
        Ok(DayId {
            account: of::<AccountId>(&self.account)?,
            source_region: of::<Region>(&self.source_region)?,
            trail: of::<TrailName>(&self.trail)?,
            home_region: of::<Region>(&self.home_region)?,
            organization,
            kind: kind.to_owned(),
            day: end.chars().take(10).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAIN: &str = r#"{"event":"chain-started","chain":{"account":"111122223333",
        "source_region":"us-east-1","trail":"t","home_region":"eu-west-1","organization":null}}"#;

    #[test]
    fn a_digest_belongs_to_its_chain_and_day() {
        let chain = Head::read(CHAIN.as_bytes()).map(|head| head.chain).ok().flatten();
        let line = br#"{"event":"digest-judged","kind":"backfill","end":"2026-03-01T23:04:11Z"}"#;
        let evidence = Head::read(line).and_then(|head| head.evidence(chain.as_ref()));
        let Ok(Some(Evidence::Digest { day, end })) = evidence else { panic!("{evidence:?}") };
        let fields = ["111122223333", "us-east-1", "t", "eu-west-1", "", "backfill", "2026-03-01"];
        assert_eq!((day.fields(), end.as_str()), (fields, "2026-03-01T23:04:11Z"));
        assert_eq!(Head::read(line).and_then(|head| head.evidence(None)).ok(), None);
    }

    #[test]
    fn an_invalid_line_of_a_digest_is_rejected() {
        let chain = Head::read(CHAIN.as_bytes()).map(|head| head.chain).ok().flatten();
        for wrong in [
            r#"{"event":"digest-judged","end":"2026-03-01T23:04:11Z"}"#,
            r#"{"event":"digest-judged","kind":"other","end":"2026-03-01T23:04:11Z"}"#,
            r#"{"event":"digest-judged","kind":"standard","end":"2026-03-01T23:04:11+00:00"}"#,
            r#"{"event":"digest-judged","event":"log-judged"}"#,
            r#"{"kind":"standard"}"#,
            "[]",
        ] {
            let read = Head::read(wrong.as_bytes()).and_then(|head| head.evidence(chain.as_ref()));
            assert!(read.is_err(), "{wrong}");
        }
    }
}
