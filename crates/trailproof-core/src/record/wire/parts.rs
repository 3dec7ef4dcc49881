//! Text that is borrowed when written, and when read without escapes.
use super::unreadable::Unreadable;
use crate::bytes::content::{Hash, parse_hash};
use crate::codes::check::SkippedCheck;
use crate::codes::failure::ReadFailure;
use crate::coverage::{Coverage, Segment};
use crate::record::event::Follows;
use crate::record::place::{DeliveredTo, ReadPlace};
use crate::trail_event::ExplainingEvent;
use crate::vocab::chain_id::ChainId;
use crate::vocab::location::ObjectLocation;
use crate::vocab::time::{Period, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;

/// Text that is borrowed where it is written, and where it is read without escapes.
pub(crate) type Text<'a> = Cow<'a, str>;

/// A point in time in RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time(pub Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(from)?;
        Timestamp::parse(&text)
            .map(Self)
            .ok_or_else(|| de::Error::invalid_value(de::Unexpected::Str(&text), &"a time"))
    }
}

/// A SHA-256 in lower-case hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hex(pub(crate) Hash);

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut digits = [0; 64];
        let written = hex::encode_to_slice(self.0, &mut digits);
        let text = written.ok().and_then(|()| std::str::from_utf8(&digits).ok());
        to.serialize_str(text.ok_or_else(|| serde::ser::Error::custom("no hex"))?)
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(from)?;
        parse_hash(&text)
            .map(Self)
            .ok_or_else(|| de::Error::invalid_value(de::Unexpected::Str(&text), &"a SHA-256"))
    }
}

/// Bucket and key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PlaceShape<'a> {
    #[serde(borrow)]
    pub(crate) bucket: Text<'a>,
    #[serde(borrow)]
    pub(crate) key: Text<'a>,
}

impl<'a> From<&'a ObjectLocation> for PlaceShape<'a> {
    fn from(at: &'a ObjectLocation) -> Self {
        Self { bucket: Cow::Borrowed(&at.bucket), key: Cow::Borrowed(&at.key) }
    }
}

impl From<PlaceShape<'_>> for ObjectLocation {
    fn from(shape: PlaceShape<'_>) -> Self {
        Self { bucket: shape.bucket.into_owned(), key: shape.key.into_owned() }
    }
}

/// Identity of a chain.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChainShape<'a> {
    #[serde(borrow)]
    account: Text<'a>,
    #[serde(borrow)]
    source_region: Text<'a>,
    #[serde(borrow)]
    trail: Text<'a>,
    #[serde(borrow)]
    home_region: Text<'a>,
    organization: Option<Text<'a>>,
}

impl<'a> From<&'a ChainId> for ChainShape<'a> {
    fn from(id: &'a ChainId) -> Self {
        Self {
            account: id.account.as_str().into(),
            source_region: id.source_region.as_str().into(),
            trail: id.trail.as_str().into(),
            home_region: id.home_region.as_str().into(),
            organization: id.organization.as_ref().map(|id| id.as_str().into()),
        }
    }
}

impl TryFrom<ChainShape<'_>> for ChainId {
    type Error = Unreadable;

    fn try_from(shape: ChainShape<'_>) -> Result<Self, Unreadable> {
        let wrong = |field| move |_| Unreadable::value("chain", field);
        Ok(Self {
            account: shape.account.parse().map_err(wrong("account"))?,
            source_region: shape.source_region.parse().map_err(wrong("source_region"))?,
            trail: shape.trail.parse().map_err(wrong("trail"))?,
            home_region: shape.home_region.parse().map_err(wrong("home_region"))?,
            organization: shape
                .organization
                .map(|text| text.parse().map_err(wrong("organization")))
                .transpose()?,
        })
    }
}

/// Why something could not be read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FailureShape<'a> {
    #[serde(borrow)]
    code: Text<'a>,
    #[serde(borrow)]
    detail: Text<'a>,
    attempts: u32,
    request_id: Option<Text<'a>>,
}

impl<'a> From<&'a ReadFailure> for FailureShape<'a> {
    fn from(why: &'a ReadFailure) -> Self {
        Self {
            code: why.kind.code().into(),
            detail: Cow::Borrowed(&why.detail),
            attempts: why.attempts,
            request_id: why.request_id.as_deref().map(Cow::Borrowed),
        }
    }
}

impl FailureShape<'_> {
    /// Returns the failure without the values that a store may return differently each time.
    #[must_use]
    pub fn reproducible(self) -> Self {
        Self { attempts: 0, request_id: None, ..self }
    }
}

impl TryFrom<FailureShape<'_>> for ReadFailure {
    type Error = Unreadable;

    fn try_from(shape: FailureShape<'_>) -> Result<Self, Unreadable> {
        let kind =
            shape.code.parse().map_err(|_| Unreadable::unknown("read failure", &shape.code))?;
        Ok(Self {
            kind,
            attempts: shape.attempts,
            detail: shape.detail.into_owned(),
            request_id: shape.request_id.map(Cow::into_owned),
        })
    }
}

/// An event in a verified log file that explains a gap.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExplainingShape<'a> {
    #[serde(borrow)]
    event_name: Text<'a>,
    #[serde(borrow)]
    event_id: Text<'a>,
    event_time: Time,
    #[serde(borrow)]
    principal: Text<'a>,
    #[serde(borrow)]
    source_address: Text<'a>,
    #[serde(borrow)]
    log_file: PlaceShape<'a>,
}

impl<'a> From<&'a ExplainingEvent> for ExplainingShape<'a> {
    fn from(event: &'a ExplainingEvent) -> Self {
        Self {
            event_name: Cow::Borrowed(&event.name),
            event_id: Cow::Borrowed(&event.id),
            event_time: Time(event.time),
            principal: Cow::Borrowed(&event.principal),
            source_address: Cow::Borrowed(&event.address),
            log_file: (&event.log).into(),
        }
    }
}

impl From<ExplainingShape<'_>> for ExplainingEvent {
    fn from(shape: ExplainingShape<'_>) -> Self {
        Self {
            time: shape.event_time.0,
            name: shape.event_name.into_owned(),
            id: shape.event_id.into_owned(),
            principal: shape.principal.into_owned(),
            address: shape.source_address.into_owned(),
            log: shape.log_file.into(),
        }
    }
}

/// A stretch of a chain's period.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SegmentShape<'a> {
    from: Time,
    to: Time,
    seconds: i64,
    #[serde(borrow)]
    coverage: Text<'a>,
}

impl From<&Segment> for SegmentShape<'_> {
    fn from(segment: &Segment) -> Self {
        Self {
            from: Time(segment.from),
            to: Time(segment.to),
            seconds: segment.seconds(),
            coverage: segment.coverage.code().into(),
        }
    }
}

impl TryFrom<SegmentShape<'_>> for Segment {
    type Error = Unreadable;

    fn try_from(shape: SegmentShape<'_>) -> Result<Self, Unreadable> {
        let coverage = Coverage::from_code(&shape.coverage)
            .ok_or_else(|| Unreadable::unknown("coverage", &shape.coverage))?;
        let segment = Self { from: shape.from.0, to: shape.to.0, coverage };
        if segment.seconds() != shape.seconds {
            return Err(Unreadable::value("coverage", "seconds"));
        }
        Ok(segment)
    }
}

/// A delivery bucket.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeliveredToShape<'a> {
    #[serde(borrow)]
    bucket: Text<'a>,
    #[serde(borrow)]
    prefix: Text<'a>,
}

impl<'a> From<&'a DeliveredTo> for DeliveredToShape<'a> {
    fn from(at: &'a DeliveredTo) -> Self {
        Self { bucket: Cow::Borrowed(&at.bucket), prefix: Cow::Borrowed(&at.prefix) }
    }
}

impl From<DeliveredToShape<'_>> for DeliveredTo {
    fn from(shape: DeliveredToShape<'_>) -> Self {
        Self { bucket: shape.bucket.into_owned(), prefix: shape.prefix.into_owned() }
    }
}

/// A place from which evidence was read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReadPlaceShape<'a> {
    #[serde(borrow)]
    kind: Text<'a>,
    #[serde(borrow)]
    place: Text<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    as_of: Option<Time>,
}

impl<'a> From<&'a ReadPlace> for ReadPlaceShape<'a> {
    fn from(at: &'a ReadPlace) -> Self {
        let as_of = at.as_of.map(Time);
        Self { kind: at.kind.code().into(), place: Cow::Borrowed(&at.place), as_of }
    }
}

impl TryFrom<ReadPlaceShape<'_>> for ReadPlace {
    type Error = Unreadable;

    fn try_from(shape: ReadPlaceShape<'_>) -> Result<Self, Unreadable> {
        let kind = shape
            .kind
            .parse()
            .ok()
            .ok_or_else(|| Unreadable::unknown("kind of place", &shape.kind))?;
        Ok(Self { kind, place: shape.place.into_owned(), as_of: shape.as_of.map(|at| at.0) })
    }
}

/// The preceding record that a run continues.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FollowsShape<'a> {
    #[serde(borrow)]
    sha256: Text<'a>,
    #[serde(borrow)]
    verdict: Text<'a>,
    #[serde(borrow)]
    bucket: Text<'a>,
    from: Time,
    to: Time,
    trails: Vec<Text<'a>>,
    accounts: Vec<Text<'a>>,
    regions: Vec<Text<'a>>,
}

impl<'a> From<&'a Follows> for FollowsShape<'a> {
    fn from(follows: &'a Follows) -> Self {
        let texts =
            |texts: &'a [String]| texts.iter().map(|text| Cow::Borrowed(text.as_str())).collect();
        Self {
            sha256: Cow::Borrowed(&follows.sha256),
            verdict: follows.verdict.words().into(),
            bucket: Cow::Borrowed(&follows.bucket),
            from: Time(follows.period.start),
            to: Time(follows.period.end),
            trails: texts(&follows.trails),
            accounts: texts(&follows.accounts),
            regions: texts(&follows.regions),
        }
    }
}

impl TryFrom<FollowsShape<'_>> for Follows {
    type Error = Unreadable;

    fn try_from(shape: FollowsShape<'_>) -> Result<Self, Unreadable> {
        let owned = |texts: Vec<Text<'_>>| texts.into_iter().map(Cow::into_owned).collect();
        Ok(Self {
            verdict: shape
                .verdict
                .parse()
                .map_err(|_| Unreadable::unknown("verdict", &shape.verdict))?,
            sha256: shape.sha256.into_owned(),
            bucket: shape.bucket.into_owned(),
            period: Period { start: shape.from.0, end: shape.to.0 },
            trails: owned(shape.trails),
            accounts: owned(shape.accounts),
            regions: owned(shape.regions),
        })
    }
}

/// A check that was not performed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SkippedCheckShape<'a> {
    #[serde(borrow)]
    check: Text<'a>,
    #[serde(borrow)]
    why: Text<'a>,
    region: Option<Text<'a>>,
    #[serde(borrow)]
    detail: Text<'a>,
}

impl<'a> From<&'a SkippedCheck> for SkippedCheckShape<'a> {
    fn from(not_made: &'a SkippedCheck) -> Self {
        Self {
            check: not_made.check.code().into(),
            why: not_made.why.code().into(),
            region: not_made.region.as_ref().map(|region| region.as_str().into()),
            detail: Cow::Borrowed(&not_made.detail),
        }
    }
}

impl TryFrom<SkippedCheckShape<'_>> for SkippedCheck {
    type Error = Unreadable;

    fn try_from(shape: SkippedCheckShape<'_>) -> Result<Self, Unreadable> {
        let wrong = |_| Unreadable::value("check-not-performed", "region");
        Ok(Self {
            check: shape
                .check
                .parse()
                .ok()
                .ok_or_else(|| Unreadable::unknown("check", &shape.check))?,
            why: shape
                .why
                .parse()
                .ok()
                .ok_or_else(|| Unreadable::unknown("check-not-performed's `why`", &shape.why))?,
            region: shape.region.map(|text| text.parse().map_err(wrong)).transpose()?,
            detail: shape.detail.into_owned(),
        })
    }
}
