//! The shape of each event's line.
use super::finding::FindingShape;
use super::parts::{
    ChainShape, DeliveredToShape, ExplainingShape, FailureShape, FollowsShape, Hex, NotMadeShape,
    PlaceShape, ReadPlaceShape, Text, Time,
};
use super::sums::{ChainFinishedShape, RunFinishedShape};
use serde::{Deserialize, Serialize};

/// A line as it is written: the event's name and its fields.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "one line is held at a time, and never moved far")]
pub(super) enum Line<'a> {
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
    CheckNotPerformed(NotMadeShape<'a>),
    RunFinished(RunFinishedShape<'a>),
}

#[derive(Serialize, Deserialize)]
pub(super) struct RunStartedLine<'a> {
    pub(super) schema: u32,
    #[serde(borrow)]
    pub(super) tool: Text<'a>,
    #[serde(borrow)]
    pub(super) version: Text<'a>,
    pub(super) build: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) delivered_to: DeliveredToShape<'a>,
    #[serde(borrow)]
    pub(super) read_from: Vec<ReadPlaceShape<'a>>,
    pub(super) from: Time,
    pub(super) to: Time,
    pub(super) end_was_future: bool,
    pub(super) tail_allowed_from: Option<Time>,
    pub(super) trails: Vec<Text<'a>>,
    pub(super) accounts: Vec<Text<'a>>,
    pub(super) regions: Vec<Text<'a>>,
    pub(super) organization: Option<Text<'a>>,
    pub(super) expected_accounts: Option<Vec<Text<'a>>>,
    pub(super) expected_regions: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(super) known_ends: Vec<Text<'a>>,
    pub(super) search_unlisted: bool,
    #[serde(default)]
    pub(super) complete_copy_asserted: bool,
    #[serde(borrow)]
    pub(super) follows: Option<FollowsShape<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct BucketListedLine<'a> {
    pub(super) chains: u64,
    pub(super) digests: u64,
    pub(super) trails_left_out: Vec<Text<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ListingUnreadLine<'a> {
    #[serde(borrow)]
    pub(super) folder: Text<'a>,
    #[serde(borrow)]
    pub(super) read_failure: FailureShape<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ChainStartedLine<'a> {
    #[serde(borrow)]
    pub(super) chain: ChainShape<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct PublicKeyLine<'a> {
    #[serde(borrow)]
    pub(super) region: Text<'a>,
    #[serde(borrow)]
    pub(super) fingerprint: Text<'a>,
    #[serde(borrow)]
    pub(super) der: Text<'a>,
    pub(super) valid_from: Option<Time>,
    pub(super) valid_to: Option<Time>,
    #[serde(borrow)]
    pub(super) source: Text<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct DigestJudgedLine<'a> {
    #[serde(borrow)]
    pub(super) bucket: Text<'a>,
    #[serde(borrow)]
    pub(super) key: Text<'a>,
    #[serde(borrow)]
    pub(super) outcome: Text<'a>,
    #[serde(borrow)]
    pub(super) kind: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start: Option<Time>,
    pub(super) end: Time,
    pub(super) counts: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<Hex>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) log_files: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) proofs: Option<Vec<Text<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fingerprint: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) previous: Option<LinkShape<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) finding: Option<FindingShape<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) read_failure: Option<FailureShape<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) notices: Vec<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) found_sha256: Option<Hex>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stored_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) etag: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version_id: Option<Text<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct LinkShape<'a> {
    #[serde(borrow)]
    pub(super) bucket: Text<'a>,
    #[serde(borrow)]
    pub(super) key: Text<'a>,
    pub(super) sha256: Option<Hex>,
    pub(super) end: Option<Time>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct LogJudgedLine<'a> {
    #[serde(borrow)]
    pub(super) bucket: Text<'a>,
    #[serde(borrow)]
    pub(super) key: Text<'a>,
    #[serde(borrow)]
    pub(super) outcome: Text<'a>,
    pub(super) sha256: Hex,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inflated_bytes: Option<u64>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) finding: Option<FindingShape<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) read_failure: Option<FailureShape<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) notices: Vec<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) found_sha256: Option<Hex>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stored_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) etag: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version_id: Option<Text<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct LogNamedLine<'a> {
    #[serde(borrow)]
    pub(super) bucket: Text<'a>,
    #[serde(borrow)]
    pub(super) key: Text<'a>,
    pub(super) sha256: Hex,
    #[serde(borrow)]
    pub(super) digest: PlaceShape<'a>,
    pub(super) start: Time,
    pub(super) end: Time,
    #[serde(borrow)]
    pub(super) fingerprint: Text<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct TrailStatusLine<'a> {
    #[serde(borrow)]
    pub(super) chain: ChainShape<'a>,
    pub(super) is_logging: bool,
    pub(super) latest_digest_delivery: Option<Time>,
    pub(super) latest_digest_error: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) finding: Option<FindingShape<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SeamJudgedLine<'a> {
    #[serde(borrow)]
    pub(super) bucket: Text<'a>,
    #[serde(borrow)]
    pub(super) key: Text<'a>,
    pub(super) end: Time,
    pub(super) sha256: Hex,
    pub(super) joined: bool,
    #[serde(borrow)]
    pub(super) finding: Option<FindingShape<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct GapExplainedLine<'a> {
    #[serde(borrow)]
    pub(super) chain: ChainShape<'a>,
    pub(super) from: Time,
    pub(super) to: Time,
    #[serde(borrow)]
    pub(super) explained_by: ExplainingShape<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct LogUnlistedLine<'a> {
    #[serde(borrow)]
    pub(super) bucket: Text<'a>,
    #[serde(borrow)]
    pub(super) key: Text<'a>,
    pub(super) last_modified: Option<Time>,
    #[serde(borrow)]
    pub(super) reason: Text<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct CopyOfLine<'a> {
    #[serde(borrow)]
    pub(super) bucket: Text<'a>,
    #[serde(borrow)]
    pub(super) key: Text<'a>,
    pub(super) sha256: Hex,
}

#[derive(Serialize, Deserialize)]
pub(super) struct LogsWithoutDigestsLine<'a> {
    #[serde(borrow)]
    pub(super) folder: Text<'a>,
    #[serde(borrow)]
    pub(super) reason: Text<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct PlaceInDoubtLine<'a> {
    #[serde(borrow)]
    pub(super) why: Text<'a>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) folder: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) folders: Option<u64>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) account: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) region: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) trail: Option<Text<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct PlacesAnsweredLine {
    pub(super) found: u64,
    pub(super) covered: u64,
    pub(super) empty: u64,
    pub(super) ended: u64,
    pub(super) doubtful: u64,
    pub(super) left_out: u64,
}
