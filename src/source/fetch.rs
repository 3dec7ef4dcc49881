//! Reads one object to its end and says what its bytes amount to.
//!
//! Hashing runs in the task that received the bytes, or on the thread that read them. A small body is
//! gathered first and then goes through a reader that each thread keeps; only a large one that is
//! waited for has a reader of its own for so long.
use super::stream::{Care, GATHERED, Held, Stream, held, hold, hold_large, room_of, try_held};
use crate::source::{
    ObjectMetadata, ObjectReader, ObjectSource, ReadError, ReadFrom, RecordedBytes,
};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::cell::RefCell;
use std::ops::ControlFlow;
use trailproof_core::bytes::content::{Content, Form, Hash, OverBudget};
use trailproof_core::bytes::whole::WholeReader;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::codes::finding::{Finding, Outcome};
use trailproof_core::compat::judge::DigestRead;
use trailproof_core::digest::document::DigestClaim;
use trailproof_core::log_file::{LogProof, check_first_member, check_log};
use trailproof_core::record::Seen;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::location::{ObjectLocation, excerpt};

/// How often an object that changes while it is being read is begun anew.
const RESTARTS: u32 = 3;

/// What of an object is read at most.
#[derive(Clone, Copy, Debug)]
struct Allowed {
    stored: u64,
    inflated: u64,
}

/// A digest as most are: this much may be read for many walks at once.
const SMALL_DIGEST: Allowed = Allowed { stored: GATHERED, inflated: 512 << 10 };

/// Any digest. One at a time.
const DIGEST: Allowed =
    Allowed { stored: budget::DIGEST_STORED, inflated: budget::DIGEST_INFLATED };

/// A log file that is searched, and so kept for a moment.
const SEARCHED: Allowed = Allowed { stored: budget::DIGEST_STORED, inflated: budget::LOG_SEARCHED };

/// A log file.
const LOG: Allowed = Allowed { stored: budget::LOG_STORED, inflated: budget::LOG_INFLATED };

/// A digest, as far as it could be read.
#[derive(Debug)]
pub enum DigestFetch {
    /// It was read whole, and looked so. It counts as held until the last is dropped.
    Read(Box<DigestRead>, Seen, Held),
    /// There is no such key.
    Missing,
    /// It could not be read.
    Unreadable(ReadFailure),
}

thread_local! {
    static WHOLE: RefCell<WholeReader> = RefCell::default();
}

/// Reads the digest at `at`. One that is larger than nearly all waits until no other such is held:
/// whoever calls must hold none.
pub async fn fetch_digest(source: &dyn ObjectSource, at: &ObjectLocation) -> DigestFetch {
    match read_digest(source, at, SMALL_DIGEST, Held::default()).await {
        DigestFetch::Unreadable(why) if why.kind == ReadFailureKind::OverBudget => {
            let alone = hold_large().await;
            read_digest(source, at, DIGEST, alone).await
        }
        fetched => fetched,
    }
}

/// The same, ahead of the walk, where so much more may be held: `None` where it must be read when it
/// is asked for. `guess` is what it is likely to hold.
pub(crate) async fn fetch_digest_ahead(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    guess: u64,
) -> Option<DigestFetch> {
    let held = hold(guess)?;
    match read_digest(source, at, SMALL_DIGEST, held).await {
        DigestFetch::Unreadable(why) if why.kind == ReadFailureKind::OverBudget => None,
        DigestFetch::Read(read, seen, held) => {
            let held = held.grown_to(read.content.inflated)?;
            Some(DigestFetch::Read(read, seen, held))
        }
        fetched => Some(fetched),
    }
}

/// The same, with a digest that is not there asked for once more: what a store says once accuses
/// nobody.
pub(crate) async fn unless_there_now(
    read: DigestFetch,
    source: &dyn ObjectSource,
    at: &ObjectLocation,
) -> DigestFetch {
    match read {
        DigestFetch::Missing => fetch_digest(source, at).await,
        read => read,
    }
}

async fn read_digest(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    allowed: Allowed,
    held: Held,
) -> DigestFetch {
    let mut bytes = Vec::new();
    match read_object(source, at, allowed, Some(&mut bytes)).await {
        Ok((content, metadata)) => {
            let claim = DigestClaim::parse(&content, &bytes);
            if metadata.end_unknown && claim.is_err() && content.may_be_cut() {
                return DigestFetch::Unreadable(end_unknown());
            }
            let user = |name: &str| metadata.user.get(name).cloned();
            let seen = seen(&content, &metadata, None);
            let read = DigestRead {
                content,
                claim,
                signature: user("signature"),
                signature_algorithm: user("signature-algorithm"),
                backfill_generated: user("backfill-generation-timestamp"),
            };
            DigestFetch::Read(Box::new(read), seen, held)
        }
        Err(ReadError::Missing) => DigestFetch::Missing,
        Err(ReadError::Failure(why)) => DigestFetch::Unreadable(why),
    }
}

/// How a log file is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JudgeLog {
    /// By all that its members hold.
    Whole,
    /// As the AWS CLI does.
    AsTheAwsCli,
}

impl JudgeLog {
    fn judge(self, expected: &Hash, content: &Content) -> Outcome<LogProof> {
        match self {
            Self::Whole => check_log(expected, content),
            Self::AsTheAwsCli => check_first_member(expected, content),
        }
    }
}

/// Reads and judges the log file at `at` by the hash that its proven digest records. One that
/// reads but does not prove is read once more: a byte lost in transit is not tampering.
pub(crate) async fn fetch_log(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    expected: &Hash,
    judge: JudgeLog,
) -> (Outcome<LogProof>, Seen) {
    let is_contradicted = |judged: &Judged| matches!(&judged.outcome, Outcome::Invalid(why) if *why != Finding::LogMissing);
    let mut judged = judge_log(source, at, expected, judge).await;
    // What a store says once accuses nobody. The AWS CLI believes it that an object is not there.
    let believed = judge == JudgeLog::AsTheAwsCli;
    if is_contradicted(&judged) || (!believed && matches!(judged.outcome, Outcome::Invalid(_))) {
        judged = judge_log(source, at, expected, judge).await;
    }
    if is_contradicted(&judged)
        && let Some(why) = copy_damage(source, at).await
    {
        judged.outcome = Outcome::Unverified(why);
    }
    match (&judged.outcome, judged.may_be_cut) {
        // A body that was cut off accuses nobody.
        (Outcome::Invalid(_), true) => (Outcome::Unverified(end_unknown()), judged.seen),
        _ => (judged.outcome, judged.seen),
    }
}

/// A log file that is proven, for being searched.
pub struct Searched {
    /// Its inflated content.
    pub content: Vec<u8>,
    /// ARN of the KMS key with which it is encrypted, where the store says so.
    pub kms_key: Option<String>,
}

/// Whether what lies at `at` is a copy that changed since its manifest recorded it, and how. Asked
/// before the object accuses anybody: then it is the copy that is damaged, and not the bucket.
pub(crate) async fn copy_damage(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
) -> Option<ReadFailure> {
    let mut object = source.open(at, &ReadFrom::default()).await.ok()?;
    let RecordedBytes { size, sha256 } = object.metadata().recorded.clone()?;
    let recorded = format!("sha256 {}, {size} bytes", excerpt(&sha256, budget::SHOWN));
    let mut hash = Sha256::new();
    let mut length = 0;
    while let Some(bytes) = object.chunk().await.ok()? {
        hash.update(&bytes);
        length += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if length > budget::LOG_INFLATED {
            break;
        }
    }
    let found = hex::encode(hash.finalize());
    if length <= budget::LOG_INFLATED && found == sha256 {
        return None;
    }
    let found = match length > budget::LOG_INFLATED {
        true => format!("more than {} bytes", budget::LOG_INFLATED),
        false => format!("sha256 {found}, {length} bytes"),
    };
    Some(ReadFailure::new(
        ReadFailureKind::CopyDamaged,
        format!("the stored bytes were {recorded} when they were copied; now {found}"),
    ))
}

/// As [`fetch_log`], and gives the inflated content of a log file that is proven, so that it can be
/// searched without a second download. One that is too large to be kept is judged and not given.
pub(crate) async fn fetch_log_and_search(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    expected: &Hash,
) -> (Outcome<LogProof>, Seen, Option<Searched>) {
    let mut content = Vec::new();
    match read_object(source, at, SEARCHED, Some(&mut content)).await {
        Ok((read, metadata)) => {
            let outcome = check_log(expected, &read);
            if matches!(outcome, Outcome::Valid(_)) {
                let seen = seen(&read, &metadata, Some(expected));
                return (outcome, seen, Some(Searched { content, kms_key: metadata.kms_key }));
            }
        }
        Err(ReadError::Missing | ReadError::Failure(_)) => {}
    }
    drop(content);
    let (outcome, seen) = fetch_log(source, at, expected, JudgeLog::Whole).await;
    (outcome, seen, None)
}

/// How one reading of a log file was judged.
struct Judged {
    outcome: Outcome<LogProof>,
    seen: Seen,
    /// Whether more may have followed what was read.
    may_be_cut: bool,
}

async fn judge_log(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    expected: &Hash,
    judge: JudgeLog,
) -> Judged {
    let unread = |outcome| Judged { outcome, seen: Seen::default(), may_be_cut: false };
    match read_object(source, at, LOG, None).await {
        Ok((content, metadata)) => Judged {
            outcome: judge.judge(expected, &content),
            seen: seen(&content, &metadata, Some(expected)),
            may_be_cut: metadata.end_unknown && content.may_be_cut(),
        },
        Err(ReadError::Missing) => unread(Outcome::Invalid(Finding::LogMissing)),
        Err(ReadError::Failure(why)) => unread(Outcome::Unverified(why)),
    }
}

/// The hash of an object's inflated content, where it reads as a log file that is small enough to be
/// one of CloudTrail's.
pub(crate) async fn content_hash(source: &dyn ObjectSource, at: &ObjectLocation) -> Option<Hash> {
    let (content, _) = read_object(source, at, SEARCHED, None).await.ok()?;
    matches!(check_log(&content.hash, &content), Outcome::Valid(_)).then_some(content.hash)
}

/// What is told of an object that was read whole, beside how it is judged.
fn seen(content: &Content, metadata: &ObjectMetadata, expected: Option<&Hash>) -> Seen {
    let name = |text: &Option<String>| text.clone().filter(|it| it.len() <= budget::STORE_NAME);
    // How much comes out of a broken member depends on the pieces in which it came.
    let whole = !matches!(content.form, Form::GzipBroken(_));
    Seen {
        stored: Some(content.stored),
        found: Some(content.whole_hash()).filter(|hash| whole && Some(hash) != expected),
        etag: name(&metadata.etag),
        version_id: name(&metadata.version_id),
    }
}

/// Reads an object whole, `keep`ing its inflated bytes where asked to.
///
/// Bytes that are all there are summed up by a reader that says the exact thing. In a stream of
/// pieces a quick one goes first; where its word does not count, the object is read once more.
async fn read_object(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    allowed: Allowed,
    mut keep: Option<&mut Vec<u8>>,
) -> Result<(Content, ObjectMetadata), ReadError> {
    let mut restarts = 0;
    let mut care = Care::Quick;
    loop {
        match read_once(source, at, allowed, keep.as_deref_mut(), care).await {
            Ok((Some(content), metadata)) => return Ok((content, metadata)),
            Ok((None, _)) => care = Care::Exact,
            Err(ReadError::Failure(why))
                if why.kind == ReadFailureKind::ChangedWhileReading && restarts < RESTARTS =>
            {
                restarts += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Reads an object once; gives no content where only an exact reader could tell what it is.
async fn read_once(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    allowed: Allowed,
    mut keep: Option<&mut Vec<u8>>,
    care: Care,
) -> Result<(Option<Content>, ObjectMetadata), ReadError> {
    if let Some(read) = read_here(source, at, allowed, keep.as_deref_mut(), care) {
        return read;
    }
    let mut object = source.open(at, &ReadFrom::default()).await?;
    let size = object.metadata().size;
    let need = room_of(size, keep.as_ref().map(|_| allowed.inflated));
    let mut _held = try_held(need);
    if _held.is_none() {
        // What waits here must not keep its request: those that hold room may be waiting for one.
        drop(object);
        _held = held(need).await;
        object = source.open(at, &ReadFrom::default()).await?;
        if object.metadata().size != size {
            let words = "its size changed while it was waited for";
            let why = ReadFailure::new(ReadFailureKind::ChangedWhileReading, words);
            return Err(ReadError::Failure(why));
        }
    }
    let metadata = object.metadata().clone();
    check_stored(metadata.size.unwrap_or(0), allowed)?;
    let large = metadata.size.is_some_and(|size| size > GATHERED);
    let (pieces, mut stored) = match large {
        true => (Vec::new(), 0),
        false => gather(object.as_mut()).await.map_err(ReadError::Failure)?,
    };
    let limit = allowed.inflated;
    let content = if !large && stored <= GATHERED {
        check_stored(stored, allowed)?;
        WHOLE.with_borrow_mut(|reader| reader.read(&pieces, limit, keep)).map(Some)
    } else {
        let mut sum = Stream::new(care, limit, keep);
        let mut pieces = pieces.into_iter();
        loop {
            let piece = match pieces.next() {
                Some(gathered) => gathered,
                None => match object.chunk().await.map_err(ReadError::Failure)? {
                    Some(piece) => {
                        stored += u64::try_from(piece.len()).unwrap_or(u64::MAX);
                        check_stored(stored, allowed)?;
                        piece
                    }
                    None => break,
                },
            };
            if sum.push(&piece).is_err() {
                break;
            }
        }
        sum.finish()
    };
    Ok((content.map_err(|OverBudget| inflates_beyond(limit))?, metadata))
}

type ReadHere = Option<Result<(Option<Content>, ObjectMetadata), ReadError>>;

/// As [`read_once`], of an object that this thread reads itself.
fn read_here(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    allowed: Allowed,
    mut keep: Option<&mut Vec<u8>>,
    care: Care,
) -> ReadHere {
    let limit = allowed.inflated;
    let mut within = Ok(());
    let mut whole = None;
    let mut stream: Option<Stream<'_>> = None;
    let metadata = source.read_here(at, &mut |piece| {
        within = check_stored(piece.size, allowed);
        if within.is_err() {
            return ControlFlow::Break(());
        }
        if stream.is_none() && piece.last {
            let keep = keep.take();
            whole = Some(WHOLE.with_borrow_mut(|it| it.read(&[piece.bytes], limit, keep)));
            return ControlFlow::Continue(());
        }
        let sum = stream.get_or_insert_with(|| Stream::new(care, limit, keep.take()));
        match sum.push(piece.bytes) {
            Ok(()) => ControlFlow::Continue(()),
            Err(OverBudget) => ControlFlow::Break(()),
        }
    })?;
    let content = match (whole, stream) {
        (Some(whole), _) => whole.map(Some),
        (None, Some(stream)) => stream.finish(),
        // Nothing came: why is in what the source says.
        (None, None) => return Some(Err(within.and(metadata).err().unwrap_or_else(nothing_came))),
    };
    Some(within.and(metadata).and_then(|metadata| match content {
        Ok(content) => Ok((content, metadata)),
        Err(OverBudget) => Err(inflates_beyond(limit)),
    }))
}

/// The pieces of an object to its end, or until they are more than is gathered; and how many bytes
/// they have.
async fn gather(object: &mut dyn ObjectReader) -> Result<(Vec<Bytes>, u64), ReadFailure> {
    let (mut pieces, mut stored) = (Vec::new(), 0);
    while stored <= GATHERED
        && let Some(piece) = object.chunk().await?
    {
        stored += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        pieces.push(piece);
    }
    Ok((pieces, stored))
}

fn check_stored(size: u64, allowed: Allowed) -> Result<(), ReadError> {
    match size > allowed.stored {
        true => Err(over_budget(&format!("more than {} bytes stored", allowed.stored))),
        false => Ok(()),
    }
}

fn end_unknown() -> ReadFailure {
    let words = "the store told neither the length nor the end of the object, and what came is not \
                 all of it or is another's";
    ReadFailure::new(ReadFailureKind::Truncated, words)
}

fn nothing_came() -> ReadError {
    let words = "the source told of no end";
    ReadError::Failure(ReadFailure::new(ReadFailureKind::Truncated, words))
}

fn inflates_beyond(limit: u64) -> ReadError {
    over_budget(&format!("inflates to more than {limit} bytes"))
}

fn over_budget(detail: &str) -> ReadError {
    ReadError::Failure(ReadFailure::new(ReadFailureKind::OverBudget, detail))
}
