//! Findings: a code and its fields.
use super::parts::{Hex, PlaceShape, Text, Time};
use super::unreadable::Unreadable;
use crate::bytes::content::Hash;
use crate::codes::finding::{Finding, FindingCode, Malformed, SignatureFault};
use crate::vocab::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A finding.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FindingShape<'a> {
    #[serde(borrow)]
    code: Text<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    why: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    field: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    recorded: Option<PlaceShape<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    no_key_from: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    no_key_to: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected_sha256: Option<Hex>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    found_sha256: Option<Hex>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cut_short: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    successor_end: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delivered: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    newest: Option<Time>,
}

impl<'a> From<&'a Finding> for FindingShape<'a> {
    fn from(finding: &'a Finding) -> Self {
        let mut shape = Self { code: finding.code().into(), ..Self::default() };
        match finding {
            Finding::DigestMissing | Finding::LogMissing => {}
            Finding::DigestMalformed(why) | Finding::LogMalformed(why) => shape.malformed(why),
            Finding::DigestMoved { recorded } => shape.recorded = Some(recorded.into()),
            Finding::DigestSignatureInvalid(fault) => {
                shape.why = Some(fault.code().into());
                if let SignatureFault::KeyUnreadable { fingerprint } = fault {
                    shape.fingerprint = Some(Cow::Borrowed(fingerprint));
                }
            }
            Finding::DigestKeyUnknown { fingerprint, none_between } => {
                shape.fingerprint = Some(Cow::Borrowed(fingerprint));
                shape.no_key_from = none_between.map(|(from, _)| Time(from));
                shape.no_key_to = none_between.map(|(_, to)| Time(to));
            }
            Finding::DigestLinkMismatch { expected, found } => {
                shape.expected_sha256 = Some(Hex(*expected));
                shape.found_sha256 = Some(Hex(*found));
            }
            Finding::DigestOutOfOrder { end, successor_end } => {
                shape.end = Some(Time(*end));
                shape.successor_end = Some(Time(*successor_end));
            }
            Finding::DigestDeliveredThenGone { delivered, newest } => {
                shape.delivered = Some(Time(*delivered));
                shape.newest = newest.map(Time);
            }
            Finding::LogHashMismatch { expected, found, cut_short } => {
                shape.expected_sha256 = Some(Hex(*expected));
                shape.found_sha256 = Some(Hex(*found));
                shape.cut_short = Some(*cut_short);
            }
            Finding::LogTrailingData { bytes } => shape.bytes = Some(*bytes),
        }
        shape
    }
}

impl TryFrom<FindingShape<'_>> for Finding {
    type Error = Unreadable;

    fn try_from(shape: FindingShape<'_>) -> Result<Self, Unreadable> {
        let code = shape.code.parse();
        Ok(match code.map_err(|_| Unreadable::unknown("finding", &shape.code))? {
            FindingCode::DigestMissing => Self::DigestMissing,
            FindingCode::LogMissing => Self::LogMissing,
            FindingCode::DigestMalformed => Self::DigestMalformed(shape.read_malformed()?),
            FindingCode::LogMalformed => Self::LogMalformed(shape.read_malformed()?),
            FindingCode::DigestMoved => Self::DigestMoved {
                recorded: shape
                    .recorded
                    .ok_or_else(|| Unreadable::absent("finding", "recorded"))?
                    .into(),
            },
            FindingCode::DigestSignatureInvalid => {
                Self::DigestSignatureInvalid(shape.read_fault()?)
            }
            FindingCode::DigestKeyUnknown => Self::DigestKeyUnknown {
                fingerprint: shape.read_fingerprint()?,
                none_between: shape.no_key_from.zip(shape.no_key_to).map(|(f, t)| (f.0, t.0)),
            },
            FindingCode::DigestLinkMismatch => {
                let (expected, found) = shape.read_hashes()?;
                Self::DigestLinkMismatch { expected, found }
            }
            FindingCode::DigestOutOfOrder => Self::DigestOutOfOrder {
                end: time(shape.end, "end")?,
                successor_end: time(shape.successor_end, "successor_end")?,
            },
            FindingCode::DigestDeliveredThenGone => Self::DigestDeliveredThenGone {
                delivered: time(shape.delivered, "delivered")?,
                newest: shape.newest.map(|at| at.0),
            },
            FindingCode::LogHashMismatch => {
                let (expected, found) = shape.read_hashes()?;
                let cut_short =
                    shape.cut_short.ok_or_else(|| Unreadable::absent("finding", "cut_short"))?;
                Self::LogHashMismatch { expected, found, cut_short }
            }
            FindingCode::LogTrailingData => Self::LogTrailingData { bytes: shape.read_bytes()? },
        })
    }
}

impl<'a> FindingShape<'a> {
    fn malformed(&mut self, why: &'a Malformed) {
        self.why = Some(why.code().into());
        match why {
            Malformed::TrailingData { bytes } => self.bytes = Some(*bytes),
            Malformed::FieldAbsent(field) => self.field = Some((*field).into()),
            Malformed::FieldInvalid { field, value } => {
                self.field = Some((*field).into());
                self.value = Some(Cow::Borrowed(value));
            }
            Malformed::Gzip(_)
            | Malformed::CutShort
            | Malformed::Json
            | Malformed::BackfillTimeAbsent => {}
        }
    }

    fn read_malformed(self) -> Result<Malformed, Unreadable> {
        let why = self.read_why()?;
        Ok(match why {
            "cut-short" => Malformed::CutShort,
            "trailing-data" => Malformed::TrailingData { bytes: self.read_bytes()? },
            "not-json" => Malformed::Json,
            "field-absent" => Malformed::FieldAbsent(self.read_field()?),
            "field-invalid" => Malformed::FieldInvalid {
                field: self.read_field()?,
                value: self
                    .value
                    .ok_or_else(|| Unreadable::absent("finding", "value"))?
                    .into_owned(),
            },
            "backfill-time-absent" => Malformed::BackfillTimeAbsent,
            gzip => gzip
                .parse()
                .map(Malformed::Gzip)
                .map_err(|_| Unreadable::unknown("finding's `why`", gzip))?,
        })
    }

    fn read_fault(self) -> Result<SignatureFault, Unreadable> {
        Ok(match self.read_why()? {
            "mismatch" => SignatureFault::Mismatch,
            "odd-hex" => SignatureFault::OddHex,
            "not-hex" => SignatureFault::NotHex,
            "absent" => SignatureFault::Absent,
            "key-unreadable" => {
                SignatureFault::KeyUnreadable { fingerprint: self.read_fingerprint()? }
            }
            other => return Err(Unreadable::unknown("finding's `why`", other)),
        })
    }

    fn read_why(&self) -> Result<&str, Unreadable> {
        self.why.as_deref().ok_or_else(|| Unreadable::absent("finding", "why"))
    }

    fn read_bytes(&self) -> Result<u64, Unreadable> {
        self.bytes.ok_or_else(|| Unreadable::absent("finding", "bytes"))
    }

    fn read_fingerprint(&self) -> Result<String, Unreadable> {
        let text = self.fingerprint.as_ref();
        let text = text.ok_or_else(|| Unreadable::absent("finding", "fingerprint"))?;
        Ok(text.clone().into_owned())
    }

    fn read_field(&self) -> Result<&'static str, Unreadable> {
        let name = self.field.as_deref().ok_or_else(|| Unreadable::absent("finding", "field"))?;
        let known = Malformed::FIELDS.into_iter().find(|known| *known == name);
        known.ok_or_else(|| Unreadable::unknown("field of a digest", name))
    }

    fn read_hashes(&self) -> Result<(Hash, Hash), Unreadable> {
        match (self.expected_sha256, self.found_sha256) {
            (Some(expected), Some(found)) => Ok((expected.0, found.0)),
            (None, _) => Err(Unreadable::absent("finding", "expected_sha256")),
            (_, None) => Err(Unreadable::absent("finding", "found_sha256")),
        }
    }
}

fn time(at: Option<Time>, field: &'static str) -> Result<Timestamp, Unreadable> {
    at.map(|at| at.0).ok_or_else(|| Unreadable::absent("finding", field))
}
