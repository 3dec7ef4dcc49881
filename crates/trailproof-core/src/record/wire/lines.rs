//! The shape of each event's line.
use super::exceptions::{AcceptedExceptionsShape, ExceptionsJudgedShape};
use super::finding::FindingShape;
use super::parts::{
    ChainShape, DeliveredToShape, ExplainingShape, FailureShape, FollowsShape, Hex, PlaceShape,
    ReadPlaceShape, SkippedCheckShape, Text, Time,
};
use super::stored_as::StoredAsShape;
use super::sums::{ChainFinishedShape, RunFinishedShape};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A line as written: the event's name and its fields.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "one line is held at a time, and never moved far")]
pub(crate) enum Line<'a> {
    RunStarted(RunStartedLine<'a>),
    BucketListed(BucketListedLine<'a>),
    ListingUnread(ListingUnreadLine<'a>),
    ChainStarted(ChainStartedLine<'a>),
    PublicKey(PublicKeyLine<'a>),
    DigestJudged(Box<DigestJudgedLine<'a>>),
    LogJudged(Box<LogJudgedLine<'a>>),
    LogNamed(Box<LogNamedLine<'a>>),
    TrailStatus(Box<TrailStatusLine<'a>>),
    SeamJudged(Box<SeamJudgedLine<'a>>),
    ChainFinished(ChainFinishedShape<'a>),
    GapExplained(Box<GapExplainedLine<'a>>),
    LogUnlisted(LogUnlistedLine<'a>),
    CopyOf(CopyOfLine<'a>),
    LogsWithoutDigests(LogsWithoutDigestsLine<'a>),
    PlaceInDoubt(PlaceInDoubtLine<'a>),
    PlacesAnswered(PlacesAnsweredLine),
    CheckNotPerformed(SkippedCheckShape<'a>),
    ExceptionsJudged(ExceptionsJudgedShape),
    RunFinished(RunFinishedShape<'a>),
}

#[derive(Serialize, Deserialize)]
pub(crate) struct RunStartedLine<'a> {
    pub(crate) schema: u32,
    #[serde(borrow)]
    pub(crate) tool: Text<'a>,
    #[serde(borrow)]
    pub(crate) version: Text<'a>,
    pub(crate) build: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) built: Option<BuiltShape<'a>>,
    #[serde(borrow)]
    pub(crate) delivered_to: DeliveredToShape<'a>,
    #[serde(borrow)]
    pub(crate) read_from: Vec<ReadPlaceShape<'a>>,
    pub(crate) from: Time,
    pub(crate) to: Time,
    pub(crate) end_was_future: bool,
    pub(crate) tail_allowed_from: Option<Time>,
    pub(crate) trails: Vec<Text<'a>>,
    pub(crate) accounts: Vec<Text<'a>>,
    pub(crate) regions: Vec<Text<'a>>,
    pub(crate) organization: Option<Text<'a>>,
    pub(crate) expected_accounts: Option<Vec<Text<'a>>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) account_names: BTreeMap<Text<'a>, Text<'a>>,
    pub(crate) expected_regions: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(crate) known_ends: Vec<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) accepted_exceptions: Option<AcceptedExceptionsShape<'a>>,
    pub(crate) search_unlisted: bool,
    #[serde(default)]
    pub(crate) complete_copy_asserted: bool,
    #[serde(borrow)]
    pub(crate) follows: Option<FollowsShape<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct BuiltShape<'a> {
    pub(crate) committed: Option<Time>,
    #[serde(borrow)]
    pub(crate) tree: Text<'a>,
    #[serde(borrow)]
    pub(crate) target: Text<'a>,
    #[serde(borrow)]
    pub(crate) rustc: Text<'a>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct BucketListedLine<'a> {
    pub(crate) chains: u64,
    pub(crate) digests: u64,
    pub(crate) trails_left_out: Vec<Text<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ListingUnreadLine<'a> {
    #[serde(borrow)]
    pub(crate) folder: Text<'a>,
    #[serde(borrow)]
    pub(crate) read_failure: FailureShape<'a>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ChainStartedLine<'a> {
    #[serde(borrow)]
    pub(crate) chain: ChainShape<'a>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct PublicKeyLine<'a> {
    #[serde(borrow)]
    pub(crate) region: Text<'a>,
    #[serde(borrow)]
    pub(crate) fingerprint: Text<'a>,
    #[serde(borrow)]
    pub(crate) der: Text<'a>,
    pub(crate) valid_from: Option<Time>,
    pub(crate) valid_to: Option<Time>,
    #[serde(borrow)]
    pub(crate) source: Text<'a>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct DigestJudgedLine<'a> {
    #[serde(borrow)]
    pub(crate) bucket: Text<'a>,
    #[serde(borrow)]
    pub(crate) key: Text<'a>,
    #[serde(borrow)]
    pub(crate) outcome: Text<'a>,
    #[serde(borrow)]
    pub(crate) kind: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start: Option<Time>,
    pub(crate) end: Time,
    pub(crate) counts: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sha256: Option<Hex>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) log_files: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proofs: Option<Vec<Text<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fingerprint: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) previous: Option<LinkShape<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) finding: Option<FindingShape<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) read_failure: Option<FailureShape<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) notices: Vec<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) found_sha256: Option<Hex>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stored_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) etag: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version_id: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) stored_as: Option<StoredAsShape<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct LinkShape<'a> {
    #[serde(borrow)]
    pub(crate) bucket: Text<'a>,
    #[serde(borrow)]
    pub(crate) key: Text<'a>,
    pub(crate) sha256: Option<Hex>,
    pub(crate) end: Option<Time>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct LogJudgedLine<'a> {
    #[serde(borrow)]
    pub(crate) bucket: Text<'a>,
    #[serde(borrow)]
    pub(crate) key: Text<'a>,
    #[serde(borrow)]
    pub(crate) outcome: Text<'a>,
    pub(crate) sha256: Hex,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) inflated_bytes: Option<u64>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) finding: Option<FindingShape<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) read_failure: Option<FailureShape<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) notices: Vec<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) found_sha256: Option<Hex>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stored_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) etag: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version_id: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) stored_as: Option<StoredAsShape<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct LogNamedLine<'a> {
    #[serde(borrow)]
    pub(crate) bucket: Text<'a>,
    #[serde(borrow)]
    pub(crate) key: Text<'a>,
    pub(crate) sha256: Hex,
    #[serde(borrow)]
    pub(crate) digest: PlaceShape<'a>,
    pub(crate) start: Time,
    pub(crate) end: Time,
    #[serde(borrow)]
    pub(crate) fingerprint: Text<'a>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct TrailStatusLine<'a> {
    #[serde(borrow)]
    pub(crate) chain: ChainShape<'a>,
    pub(crate) is_logging: bool,
    pub(crate) latest_digest_delivery: Option<Time>,
    pub(crate) latest_digest_error: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) finding: Option<FindingShape<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct SeamJudgedLine<'a> {
    #[serde(borrow)]
    pub(crate) bucket: Text<'a>,
    #[serde(borrow)]
    pub(crate) key: Text<'a>,
    pub(crate) end: Time,
    pub(crate) sha256: Hex,
    pub(crate) joined: bool,
    #[serde(borrow)]
    pub(crate) finding: Option<FindingShape<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct GapExplainedLine<'a> {
    #[serde(borrow)]
    pub(crate) chain: ChainShape<'a>,
    pub(crate) from: Time,
    pub(crate) to: Time,
    #[serde(borrow)]
    pub(crate) explained_by: ExplainingShape<'a>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct LogUnlistedLine<'a> {
    #[serde(borrow)]
    pub(crate) bucket: Text<'a>,
    #[serde(borrow)]
    pub(crate) key: Text<'a>,
    pub(crate) last_modified: Option<Time>,
    #[serde(borrow)]
    pub(crate) reason: Text<'a>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct CopyOfLine<'a> {
    #[serde(borrow)]
    pub(crate) bucket: Text<'a>,
    #[serde(borrow)]
    pub(crate) key: Text<'a>,
    pub(crate) sha256: Hex,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct LogsWithoutDigestsLine<'a> {
    #[serde(borrow)]
    pub(crate) folder: Text<'a>,
    #[serde(borrow)]
    pub(crate) reason: Text<'a>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct PlaceInDoubtLine<'a> {
    #[serde(borrow)]
    pub(crate) why: Text<'a>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) folder: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) folders: Option<u64>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) trail: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) home_region: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) organization: Option<Text<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct PlacesAnsweredLine {
    pub(crate) found: u64,
    pub(crate) covered: u64,
    pub(crate) empty: u64,
    pub(crate) ended: u64,
    pub(crate) doubtful: u64,
    pub(crate) left_out: u64,
}
