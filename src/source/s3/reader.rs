//! One object's body, which must match its header.
use super::answer;
use super::classify::{Broken, broken};
use super::framing::Framing;
use crate::source::{BoxFuture, ObjectMetadata, ObjectReader, ReadFrom};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::ObjectLockLegalHoldStatus;
use bytes::Bytes;
use std::time::{Duration, Instant};
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::record::{Encryption, LockMode, Replication, StorageClass, StoredAs};
use trailproof_core::vocab::budget;
use trailproof_core::vocab::time::Timestamp;

/// Bytes of the body, or all that remains of it, that must arrive within the time that the store
/// may be silent. A store that sends a byte a second is never silent and never done. At 30 seconds
/// this is about 35 bytes a second, below the slowest modem.
const LEAST: u64 = 1_024;

/// Returns how the object is stored, as its header says.
fn stored_as(output: &GetObjectOutput) -> Option<StoredAs> {
    let time = |at: &DateTime| Timestamp::from_unix(at.secs());
    let kms_key = output.ssekms_key_id().filter(|key| key.len() <= budget::KMS_KEY);
    let legal_hold = output.object_lock_legal_hold_status();
    let stored_as = StoredAs {
        encryption: output.server_side_encryption().map(|it| Encryption::parse(it.as_str())),
        kms_key: kms_key.map(Into::into),
        bucket_key: output.bucket_key_enabled().unwrap_or(false),
        lock_mode: output.object_lock_mode().map(|it| LockMode::parse(it.as_str())),
        retain_until: output.object_lock_retain_until_date().map(time),
        legal_hold: legal_hold.map(|it| *it == ObjectLockLegalHoldStatus::On),
        storage_class: output.storage_class().map(|it| StorageClass::parse(it.as_str())),
        replication: output.replication_status().map(|it| Replication::parse(it.as_str())),
        last_modified: output.last_modified().map(time),
    };
    Some(stored_as).filter(|stored_as| !stored_as.is_empty())
}

/// A GET whose header has arrived.
#[derive(Debug)]
pub(super) struct S3Reader {
    metadata: ObjectMetadata,
    body: ByteStream,
    /// Bytes of the body before the requested ones: a store may answer a Range request in full.
    skip: u64,
    /// Bytes of the body still to come, if the header states the length.
    left: Option<u64>,
    silence: Duration,
    /// Time spent waiting for the body since the last [`LEAST`] bytes were complete, and the bytes
    /// since.
    waited: Duration,
    came: u64,
    /// The failure that further calls return again; a silent end would look like a complete body.
    failed: Option<ReadFailure>,
}

impl S3Reader {
    /// Checks the header of `output` against the request.
    pub(super) fn new(
        output: GetObjectOutput,
        from: &ReadFrom,
        silence: Duration,
    ) -> Result<Self, ReadFailure> {
        let etag = output.e_tag().map(super::etag::unquoted);
        if let Some(wanted) = &from.if_etag
            && etag.as_ref() != Some(wanted)
        {
            // Stores that ignore If-Match return the new object.
            return Err(changed(format!(
                "the ETag was `{wanted}` and is now `{}`",
                etag.as_deref().unwrap_or("none")
            )));
        }
        let length = output.content_length().and_then(|length| u64::try_from(length).ok());
        let (size, skip, left) = match output.content_range().map(part) {
            None => (length, from.offset, length),
            Some(Some((start, total))) if start == from.offset && start <= total => {
                (Some(total), 0, total.checked_sub(start))
            }
            Some(_) => {
                let range = output.content_range().unwrap_or_default();
                let words = format!(
                    "bytes from {} were requested, but Content-Range is `{range}`",
                    from.offset
                );
                return Err(broken(Broken::Senseless, words));
            }
        };
        if let Some(size) = size
            && size < from.offset
        {
            return Err(changed(format!(
                "the object now has {size} bytes, but {} were already read",
                from.offset
            )));
        }
        let metadata = ObjectMetadata {
            size,
            etag,
            version_id: output.version_id().map(str::to_owned),
            end_unknown: false,
            stored_as: stored_as(&output).map(Box::new),
            user: output
                .metadata()
                .into_iter()
                .flatten()
                .map(|(name, value)| (name.to_lowercase(), value.clone()))
                .collect(),
            recorded: None,
        };
        Ok(Self {
            metadata,
            body: output.body,
            skip,
            left,
            silence,
            waited: Duration::ZERO,
            came: 0,
            failed: None,
        })
    }

    /// Sets whether the response marked the end of its body.
    #[must_use]
    pub(super) fn framed(mut self, framing: &Framing) -> Self {
        self.metadata.end_unknown = framing.is_none();
        self
    }

    async fn next(&mut self) -> Result<Option<Bytes>, ReadFailure> {
        loop {
            // Only waiting counts: the reader may take its time with what has arrived.
            let begun = Instant::now();
            let patience = self.silence.saturating_sub(self.waited);
            let came = match tokio::time::timeout(patience, self.body.try_next()).await {
                Err(_) => return Err(self.silent()),
                Ok(Err(error)) => return Err(answer::body_failure(&error)),
                Ok(Ok(came)) => came,
            };
            self.waited += begun.elapsed();
            self.came += came.as_ref().map_or(0, |bytes| u64::try_from(bytes.len()).unwrap_or(0));
            if self.came >= LEAST {
                (self.waited, self.came) = (Duration::ZERO, 0);
            }
            let Some(mut bytes) = came else {
                return match self.left {
                    None | Some(0) if self.skip == 0 => Ok(None),
                    left => Err(short(left)),
                };
            };
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            if let Some(left) = &mut self.left {
                *left = left.checked_sub(length).ok_or_else(|| {
                    broken(Broken::Senseless, "the body is longer than its Content-Length")
                })?;
            }
            let skipped = self.skip.min(length);
            self.skip = self.skip.saturating_sub(skipped);
            // No more than its length, which is a `usize`.
            let asked = bytes.split_off(usize::try_from(skipped).unwrap_or(bytes.len()));
            if !asked.is_empty() {
                return Ok(Some(asked));
            }
        }
    }

    fn silent(&self) -> ReadFailure {
        let words = match self.came {
            0 => format!("no byte of the body arrived for {:?}", self.silence),
            few => format!("only {few} bytes of the body arrived in {:?}", self.silence),
        };
        broken(Broken::Silent, words)
    }
}

impl ObjectReader for S3Reader {
    fn metadata(&self) -> &ObjectMetadata {
        &self.metadata
    }

    fn chunk(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, ReadFailure>> {
        Box::pin(async move {
            if let Some(failure) = &self.failed {
                return Err(failure.clone());
            }
            let came = self.next().await;
            if let Err(failure) = &came {
                self.failed = Some(failure.clone());
                // The connection is not kept for a body that will not be read to its end.
                self.body = ByteStream::default();
            }
            came
        })
    }
}

/// Returns the first byte and the size of the whole object from `bytes FIRST-LAST/SIZE`.
fn part(range: &str) -> Option<(u64, u64)> {
    let (span, size) = range.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = span.split_once('-')?;
    Some((first.parse().ok()?, size.parse().ok()?))
}

fn changed(words: String) -> ReadFailure {
    ReadFailure::new(ReadFailureKind::ChangedWhileReading, words)
}

fn short(left: Option<u64>) -> ReadFailure {
    let words = match left {
        Some(left) => format!("the body ended {left} bytes early"),
        None => "the body ended before the requested part".to_owned(),
    };
    broken(Broken::Short, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENCE: Duration = Duration::from_secs(5);

    fn output(body: &'static [u8], length: i64) -> GetObjectOutput {
        GetObjectOutput::builder()
            .body(ByteStream::from_static(body))
            .content_length(length)
            .e_tag("\"e\"")
            .build()
    }

    fn at(offset: u64) -> ReadFrom {
        ReadFrom { offset, if_etag: Some("e".to_owned()) }
    }

    async fn read(mut reader: S3Reader) -> Result<Vec<u8>, ReadFailure> {
        let mut all = Vec::new();
        while let Some(bytes) = reader.chunk().await? {
            all.extend_from_slice(&bytes);
        }
        Ok(all)
    }

    async fn kind(reader: Result<S3Reader, ReadFailure>) -> ReadFailureKind {
        match reader {
            Err(failure) => failure.kind,
            Ok(reader) => read(reader).await.unwrap_err().kind,
        }
    }

    #[tokio::test]
    async fn a_body_is_as_long_as_its_header_states() {
        let whole = S3Reader::new(output(b"abc", 3), &ReadFrom::default(), SILENCE).unwrap();
        assert_eq!(whole.metadata().size, Some(3));
        assert_eq!(read(whole).await.unwrap(), b"abc");
        let short = S3Reader::new(output(b"abc", 4), &ReadFrom::default(), SILENCE);
        assert_eq!(kind(short).await, ReadFailureKind::Truncated);
        let long = S3Reader::new(output(b"abc", 2), &ReadFrom::default(), SILENCE);
        assert_eq!(kind(long).await, ReadFailureKind::Network);
    }

    /// rclone answers a Range request with 200 and the whole body.
    #[tokio::test]
    async fn bytes_before_the_part_are_skipped() {
        let reader = S3Reader::new(output(b"abcdef", 6), &at(4), SILENCE).unwrap();
        assert_eq!(read(reader).await.unwrap(), b"ef");
        let all = S3Reader::new(output(b"abcdef", 6), &at(6), SILENCE).unwrap();
        assert_eq!(read(all).await.unwrap(), b"");
        let gone = S3Reader::new(output(b"abc", 3), &at(4), SILENCE);
        assert_eq!(kind(gone).await, ReadFailureKind::ChangedWhileReading);
    }

    #[tokio::test]
    async fn a_part_is_the_requested_part_of_the_same_object() {
        let part = |range: &str| {
            let mut output = output(b"ef", 2);
            output.content_range = Some(range.to_owned());
            S3Reader::new(output, &at(4), SILENCE)
        };
        let reader = part("bytes 4-5/6").unwrap();
        assert_eq!(reader.metadata().size, Some(6));
        assert_eq!(read(reader).await.unwrap(), b"ef");
        assert_eq!(kind(part("bytes 4-5/9")).await, ReadFailureKind::Truncated);
        for garbage in ["bytes 3-5/6", "bytes 4-5/*", "4-5/6", "bytes 4-5/3", ""] {
            assert_eq!(kind(part(garbage)).await, ReadFailureKind::Network, "{garbage}");
        }
        let mut other = output(b"ef", 2);
        other.e_tag = Some("\"f\"".to_owned());
        assert_eq!(
            kind(S3Reader::new(other, &at(4), SILENCE)).await,
            ReadFailureKind::ChangedWhileReading
        );
    }

    #[tokio::test]
    async fn a_failure_is_returned_again() {
        let mut reader = S3Reader::new(output(b"", 1), &ReadFrom::default(), SILENCE).unwrap();
        for _ in 0..3 {
            assert_eq!(reader.chunk().await.unwrap_err().kind, ReadFailureKind::Truncated);
        }
    }

    #[tokio::test]
    async fn metadata_names_are_lower_case() {
        let mut output = output(b"", 0);
        output.metadata = Some([("Signature".to_owned(), "Ab".to_owned())].into());
        let reader = S3Reader::new(output, &ReadFrom::default(), SILENCE).unwrap();
        assert_eq!(reader.metadata().user.get("signature").unwrap(), "Ab");
    }
}
