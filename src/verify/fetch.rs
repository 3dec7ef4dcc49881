//! Reads one object to its end and says what its bytes amount to.
//!
//! Hashing runs in the task that received the bytes. A small body is gathered first and then goes
//! through a reader that each thread keeps; only a large one has a reader of its own, as that must
//! live on while the task waits.
use crate::core::aws_judge::DigestRead;
use crate::core::budget;
use crate::core::content::{Content, ContentReader, Form, Hash, OverBudget};
use crate::core::digest::DigestClaim;
use crate::core::failure::{ReadFailure, ReadFailureKind};
use crate::core::finding::{Finding, Outcome};
use crate::core::location::ObjectLocation;
use crate::core::log_check::{LogProof, check_log};
use crate::event::Seen;
use crate::source::{ObjectMetadata, ObjectReader, ObjectSource, ReadError, ReadFrom};
use bytes::Bytes;
use std::cell::RefCell;

/// Bodies up to this size are gathered whole. Nearly all log files are far below it (95th
/// percentile 23 KB); gathering costs at most this times the requests in flight.
const GATHERED: u64 = 256 << 10;

/// How often an object that changes while it is being read is begun anew.
const RESTARTS: u32 = 3;

/// A digest, as far as it could be read.
#[derive(Clone, Debug)]
pub enum DigestFetch {
    /// It was read whole, and looked so.
    Read(Box<DigestRead>, Seen),
    /// There is no such key.
    Missing,
    /// It could not be read.
    Unreadable(ReadFailure),
}

thread_local! {
    static READER: RefCell<ContentReader> = RefCell::new(ContentReader::new(0));
}

/// Reads the digest at `at`.
pub async fn fetch_digest(source: &dyn ObjectSource, at: &ObjectLocation) -> DigestFetch {
    let mut bytes = Vec::new();
    match read_object(source, at, budget::DIGEST_INFLATED, Some(&mut bytes)).await {
        Ok((content, metadata)) => {
            let claim = DigestClaim::parse(&content, &bytes);
            let user = |name: &str| metadata.user.get(name).cloned();
            let seen = seen(&content, &metadata, None);
            let read = DigestRead {
                content,
                claim,
                signature: user("signature"),
                signature_algorithm: user("signature-algorithm"),
                backfill_generated: user("backfill-generation-timestamp"),
            };
            DigestFetch::Read(Box::new(read), seen)
        }
        Err(ReadError::Missing) => DigestFetch::Missing,
        Err(ReadError::Failure(why)) => DigestFetch::Unreadable(why),
    }
}

/// Reads and judges the log file at `at` by the hash that its proven digest records. One that
/// reads but does not prove is read once more: a byte lost in transit is not tampering.
pub async fn fetch_log(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    expected: &Hash,
) -> (Outcome<LogProof>, Seen) {
    let judged = judge_log(source, at, expected).await;
    if matches!(&judged.0, Outcome::Invalid(finding) if *finding != Finding::LogMissing) {
        return judge_log(source, at, expected).await;
    }
    judged
}

/// As [`fetch_log`], and gives the inflated content of a log file that is proven, so that it can be
/// searched without a second download. One that is too large to be kept is judged and not given.
pub async fn fetch_log_and_search(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    expected: &Hash,
) -> (Outcome<LogProof>, Seen, Option<Vec<u8>>) {
    let mut content = Vec::new();
    match read_object(source, at, budget::LOG_SEARCHED, Some(&mut content)).await {
        Ok((read, metadata)) => {
            let outcome = check_log(expected, &read);
            if matches!(outcome, Outcome::Valid(_)) {
                return (outcome, seen(&read, &metadata, Some(expected)), Some(content));
            }
        }
        Err(ReadError::Missing) => {
            return (Outcome::Invalid(Finding::LogMissing), Seen::default(), None);
        }
        Err(ReadError::Failure(_)) => {}
    }
    drop(content);
    let (outcome, seen) = fetch_log(source, at, expected).await;
    (outcome, seen, None)
}

async fn judge_log(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    expected: &Hash,
) -> (Outcome<LogProof>, Seen) {
    match read_object(source, at, budget::LOG_INFLATED, None).await {
        Ok((content, metadata)) => {
            (check_log(expected, &content), seen(&content, &metadata, Some(expected)))
        }
        Err(ReadError::Missing) => (Outcome::Invalid(Finding::LogMissing), Seen::default()),
        Err(ReadError::Failure(why)) => (Outcome::Unverified(why), Seen::default()),
    }
}

/// What is told of an object that was read whole, beside how it is judged.
fn seen(content: &Content, metadata: &ObjectMetadata, expected: Option<&Hash>) -> Seen {
    // How much comes out of a broken member depends on the pieces in which it came.
    let whole = !matches!(content.form, Form::GzipBroken(_));
    Seen {
        stored: Some(content.stored),
        found: Some(content.hash).filter(|hash| whole && Some(hash) != expected),
        etag: metadata.etag.clone(),
        version_id: metadata.version_id.clone(),
    }
}

/// Reads an object whole, `keep`ing its inflated bytes where asked to.
async fn read_object(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    limit: u64,
    mut keep: Option<&mut Vec<u8>>,
) -> Result<(Content, ObjectMetadata), ReadError> {
    let mut restarts = 0;
    loop {
        if let Some(kept) = keep.as_deref_mut() {
            kept.clear();
        }
        match read_once(source, at, limit, keep.as_deref_mut()).await {
            Err(ReadError::Failure(why))
                if why.kind == ReadFailureKind::ChangedWhileReading && restarts < RESTARTS =>
            {
                restarts += 1;
            }
            result => return result,
        }
    }
}

async fn read_once(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    limit: u64,
    mut keep: Option<&mut Vec<u8>>,
) -> Result<(Content, ObjectMetadata), ReadError> {
    let mut object = source.open(at, &ReadFrom::default()).await?;
    let metadata = object.metadata().clone();
    let size = metadata.size.unwrap_or(u64::MAX);
    // Digests are parsed whole, so their stored size is bounded as well.
    if keep.is_some() && metadata.size.is_some_and(|size| size > budget::DIGEST_STORED) {
        return Err(over_budget(&format!("{size} bytes stored")));
    }
    let content = if size <= GATHERED {
        let pieces = gather(object.as_mut()).await.map_err(ReadError::Failure)?;
        READER.with_borrow_mut(|reader| {
            reader.reset(limit);
            for piece in &pieces {
                reader.push(piece, keep.as_deref_mut())?;
            }
            Ok(reader.finish())
        })
    } else {
        stream(object.as_mut(), limit, keep).await.map_err(ReadError::Failure)?
    };
    match content {
        Ok(content) => Ok((content, metadata)),
        Err(OverBudget) => Err(over_budget(&format!("inflates to more than {limit} bytes"))),
    }
}

async fn gather(object: &mut dyn ObjectReader) -> Result<Vec<Bytes>, ReadFailure> {
    let mut pieces = Vec::new();
    while let Some(piece) = object.chunk().await? {
        pieces.push(piece);
    }
    Ok(pieces)
}

async fn stream(
    object: &mut dyn ObjectReader,
    limit: u64,
    mut keep: Option<&mut Vec<u8>>,
) -> Result<Result<Content, OverBudget>, ReadFailure> {
    let mut reader = ContentReader::new(limit);
    while let Some(piece) = object.chunk().await? {
        if reader.push(&piece, keep.as_deref_mut()).is_err() {
            return Ok(Err(OverBudget));
        }
    }
    Ok(Ok(reader.finish()))
}

fn over_budget(detail: &str) -> ReadError {
    ReadError::Failure(ReadFailure::new(ReadFailureKind::OverBudget, detail))
}
