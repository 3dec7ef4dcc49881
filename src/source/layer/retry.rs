//! Retries requests where that may help.
use super::retry_policy::RetryPolicy;
use crate::source::version::{VersionListRequest, VersionPage, VersionSource, Versioning};
use crate::source::{BoxFuture, ListPage, ListRequest, ObjectMetadata, ObjectReader, ObjectSource};
use crate::source::{ReadError, ReadFrom, TakePiece};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::vocab::location::ObjectLocation;

/// Refusals of one request that cause no wait of its own: it is repeated when its turn comes at the
/// common rate.
const IN_TURN: u32 = 3;

/// Retries listings, opening and bodies of the source below.
///
/// A body that breaks off is continued from the byte reached, and only if it is the very same
/// object: the caller sees one body or a failure. If the store reports that the object changed,
/// there is no retry; the caller reads it again from the start.
#[derive(Debug)]
pub struct Retrying<S> {
    below: Arc<S>,
    policy: RetryPolicy,
}

impl<S: ObjectSource> Retrying<S> {
    /// Wraps `below`.
    pub fn new(below: S, policy: RetryPolicy) -> Self {
        Self { below: Arc::new(below), policy }
    }
}

/// The attempts for one page or object.
#[derive(Debug)]
struct Attempts {
    policy: RetryPolicy,
    /// Attempts that failed.
    failed: u32,
    /// The failed attempts that the store throttled.
    refused: u32,
}

impl Attempts {
    /// Waits and returns if another attempt is due; otherwise returns the failure with the number
    /// of attempts made.
    async fn after(&mut self, mut failure: ReadFailure) -> Result<(), ReadFailure> {
        if failure.attempts == 0 {
            // The store did not receive a request.
            failure.attempts = self.failed;
            return Err(failure);
        }
        self.failed = self.failed.saturating_add(1);
        let refused = failure.kind == ReadFailureKind::Throttled;
        self.refused = self.refused.saturating_add(u32::from(refused));
        let (made, allowed) = match refused {
            true => (self.refused, self.policy.refusals),
            false => (self.failed.saturating_sub(self.refused), self.policy.attempts),
        };
        if !is_worth_another(failure.kind) || made >= allowed {
            failure.attempts = self.failed;
            return Err(failure);
        }
        // Seeded by the clock and the thread, so that machines started together do not retry together.
        let dice = fastrand::u64(..);
        let wait = match (refused, made) {
            (true, made) if made <= IN_TURN => Duration::ZERO,
            (true, made) => self.policy.wait(made - IN_TURN, failure.kind, dice),
            (false, made) => self.policy.wait(made, failure.kind, dice),
        };
        // A zero wait must not cost a tick of the timer.
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }
}

/// Returns whether a retry may help. An object that has changed cannot be continued.
fn is_worth_another(kind: ReadFailureKind) -> bool {
    kind.is_transient() && kind != ReadFailureKind::ChangedWhileReading
}

/// Makes a request again where that may help.
///
/// # Errors
///
/// The failure of the last attempt.
pub(crate) async fn repeated<'a, T: Send>(
    policy: RetryPolicy,
    request: impl Fn() -> BoxFuture<'a, Result<T, ReadFailure>> + Send,
) -> Result<T, ReadFailure> {
    let mut attempts = Attempts { policy, failed: 0, refused: 0 };
    loop {
        match request().await {
            Ok(answer) => return Ok(answer),
            Err(failure) => attempts.after(failure).await?,
        }
    }
}

impl<S> Retrying<S> {
    fn attempts(&self) -> Attempts {
        Attempts { policy: self.policy, failed: 0, refused: 0 }
    }
}

/// How to open an object, or the version of it with this id.
type Open<S> = for<'a> fn(
    &'a S,
    &'a ObjectLocation,
    &'a str,
    &'a ReadFrom,
) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ReadError>>;

impl<S: ObjectSource + 'static> Retrying<S> {
    async fn repeat<'a, T: Send>(
        &self,
        request: impl Fn() -> BoxFuture<'a, Result<T, ReadFailure>> + Send,
    ) -> Result<T, ReadFailure> {
        repeated(self.policy, request).await
    }

    async fn reader(
        &self,
        at: &ObjectLocation,
        version_id: &str,
        from: &ReadFrom,
        open: Open<S>,
    ) -> Result<Box<dyn ObjectReader>, ReadError> {
        let mut attempts = self.attempts();
        let reader = loop {
            match open(&self.below, at, version_id, from).await {
                Ok(reader) => break reader,
                Err(ReadError::Missing) => return Err(ReadError::Missing),
                Err(ReadError::Failure(failure)) => {
                    attempts.after(failure).await.map_err(ReadError::Failure)?;
                }
            }
        };
        Ok(Box::new(RetryingReader {
            below: self.below.clone(),
            at: at.clone(),
            version_id: version_id.to_owned(),
            open,
            if_etag: from.if_etag.clone(),
            reached: from.offset,
            started: false,
            metadata: reader.metadata().clone(),
            reader: Some(reader),
            attempts,
        }))
    }
}

impl<S: VersionSource + 'static> VersionSource for Retrying<S> {
    fn list_versions<'a>(
        &'a self,
        request: &'a VersionListRequest,
    ) -> BoxFuture<'a, Result<VersionPage, ReadFailure>> {
        Box::pin(self.repeat(|| self.below.list_versions(request)))
    }

    fn open_version<'a>(
        &'a self,
        at: &'a ObjectLocation,
        version_id: &'a str,
        from: &'a ReadFrom,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ReadError>> {
        let open: Open<S> = |below, at, version_id, from| below.open_version(at, version_id, from);
        Box::pin(self.reader(at, version_id, from, open))
    }

    fn versioning<'a>(&'a self, bucket: &'a str) -> BoxFuture<'a, Result<Versioning, ReadFailure>> {
        Box::pin(self.repeat(|| self.below.versioning(bucket)))
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S: ObjectSource + 'static> ObjectSource for Retrying<S> {
    fn list<'a>(
        &'a self,
        request: &'a ListRequest,
    ) -> BoxFuture<'a, Result<ListPage, ReadFailure>> {
        Box::pin(self.repeat(|| self.below.list(request)))
    }

    fn open<'a>(
        &'a self,
        at: &'a ObjectLocation,
        from: &'a ReadFrom,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ReadError>> {
        Box::pin(self.reader(at, "", from, |below, at, _, from| below.open(at, from)))
    }

    /// Retries wait, so nothing is read in place.
    fn passed_over(&self) -> Vec<ObjectLocation> {
        self.below.passed_over()
    }

    fn is_local(&self, _at: &ObjectLocation) -> bool {
        false
    }

    fn read_in_place(
        &self,
        _at: &ObjectLocation,
        _take: &mut TakePiece<'_>,
    ) -> Option<Result<ObjectMetadata, ReadError>> {
        None
    }
}

struct RetryingReader<S> {
    below: Arc<S>,
    at: ObjectLocation,
    /// The version; empty for the current object.
    version_id: String,
    open: Open<S>,
    /// The caller's condition. It is the only one until something has been returned.
    if_etag: Option<String>,
    reached: u64,
    /// Whether the caller has bytes, or metadata that the next response must agree with.
    started: bool,
    metadata: ObjectMetadata,
    /// Dropped before the next one is opened: the layer below may be a limit that it still counts
    /// against.
    reader: Option<Box<dyn ObjectReader>>,
    attempts: Attempts,
}

impl<S: ObjectSource> RetryingReader<S> {
    async fn next(&mut self) -> Result<Option<Bytes>, ReadFailure> {
        loop {
            let Some(reader) = &mut self.reader else {
                self.reopen().await?;
                continue;
            };
            match reader.chunk().await {
                Ok(Some(bytes)) => {
                    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                    self.reached = self.reached.saturating_add(length);
                    self.started = true;
                    return Ok(Some(bytes));
                }
                Ok(None) => return Ok(None),
                Err(failure) => {
                    self.reader = None;
                    if self.started && self.metadata.etag.is_none() {
                        return Err(self.last(failure));
                    }
                    self.attempts.after(failure).await?;
                }
            }
        }
    }

    async fn reopen(&mut self) -> Result<(), ReadFailure> {
        // The metadata was returned with the reader. So even a body of which nothing was read is
        // continued only for the same object, if the store identifies it.
        let if_etag = self.metadata.etag.clone().or_else(|| self.if_etag.clone());
        let from = ReadFrom { offset: self.reached, if_etag };
        match (self.open)(&self.below, &self.at, &self.version_id, &from).await {
            Ok(reader) => {
                let now = reader.metadata();
                // A partial response may report the size that the whole response did not.
                let sizes = now.size.zip(self.metadata.size);
                let other_size = sizes.is_some_and(|(now, before)| now != before);
                if other_size || now.version_id != self.metadata.version_id {
                    return Err(self.last(changed("it was replaced")));
                }
                self.reader = Some(reader);
                Ok(())
            }
            Err(ReadError::Missing) => Err(self.last(changed("it was deleted"))),
            Err(ReadError::Failure(failure)) => self.attempts.after(failure).await,
        }
    }

    /// Returns `failure` as the result of all attempts.
    fn last(&self, mut failure: ReadFailure) -> ReadFailure {
        failure.attempts = self.attempts.failed.saturating_add(1);
        failure
    }
}

impl<S: ObjectSource> ObjectReader for RetryingReader<S> {
    fn metadata(&self) -> &ObjectMetadata {
        &self.metadata
    }

    fn chunk(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, ReadFailure>> {
        Box::pin(self.next())
    }
}

fn changed(how: &str) -> ReadFailure {
    ReadFailure::new(
        ReadFailureKind::ChangedWhileReading,
        format!("{how} between two parts of one read"),
    )
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
