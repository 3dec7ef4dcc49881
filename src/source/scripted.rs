//! A source that follows a script, for the tests of layers.
use super::{BoxFuture, ListPage, ListRequest, ObjectMetadata, ObjectReader, ObjectSource};
use super::{ReadError, ReadFrom};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Mutex;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::vocab::location::ObjectLocation;

/// Returns the object that every test requests.
pub(super) fn at() -> ObjectLocation {
    ObjectLocation::new("bucket", "key")
}

/// One response.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// The complete body from the requested offset.
    Whole,
    /// This number of bytes of it, then this failure.
    Break(usize, ReadFailureKind),
    /// No reader, only this failure.
    Fail(ReadFailureKind),
    /// The store's response that the object does not exist.
    Missing,
    /// The complete body, reported with a different size.
    Resized,
}

/// Plays one act for each request, and repeats the last one.
#[derive(Debug)]
pub(super) struct Scripted {
    pub(super) body: &'static [u8],
    pub(super) etag: Option<&'static str>,
    acts: Mutex<VecDeque<Act>>,
    /// The requests so far.
    pub(super) asked: Mutex<Vec<ReadFrom>>,
}

impl Scripted {
    pub(super) fn new(body: &'static [u8], acts: impl IntoIterator<Item = Act>) -> Self {
        Self {
            body,
            etag: Some("e"),
            acts: Mutex::new(acts.into_iter().collect()),
            asked: Mutex::default(),
        }
    }

    pub(super) fn whole(body: &'static [u8]) -> Self {
        Self::new(body, [Act::Whole])
    }

    pub(super) fn missing() -> Self {
        Self::new(b"", [Act::Missing])
    }

    fn act(&self) -> Act {
        let mut acts = self.acts.lock().unwrap();
        if acts.len() > 1 { acts.pop_front().unwrap() } else { acts[0].clone() }
    }
}

impl ObjectSource for Scripted {
    fn list<'a>(
        &'a self,
        _request: &'a ListRequest,
    ) -> BoxFuture<'a, Result<ListPage, ReadFailure>> {
        Box::pin(async move {
            self.asked.lock().unwrap().push(ReadFrom::default());
            match self.act() {
                Act::Fail(kind) | Act::Break(_, kind) => Err(ReadFailure::new(kind, "scripted")),
                _ => Ok(ListPage::default()),
            }
        })
    }

    fn open<'a>(
        &'a self,
        _at: &'a ObjectLocation,
        from: &'a ReadFrom,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ReadError>> {
        Box::pin(async move {
            self.asked.lock().unwrap().push(from.clone());
            let offset = usize::try_from(from.offset).unwrap();
            let rest = &self.body[offset..];
            let (part, end, size) = match self.act() {
                Act::Missing => return Err(ReadError::Missing),
                Act::Fail(kind) => {
                    return Err(ReadError::Failure(ReadFailure::new(kind, "scripted")));
                }
                Act::Whole => (rest, None, self.body.len()),
                Act::Resized => (rest, None, self.body.len() + 1),
                Act::Break(after, kind) => (&rest[..after], Some(kind), self.body.len()),
            };
            let metadata = ObjectMetadata {
                size: u64::try_from(size).ok(),
                etag: self.etag.map(str::to_owned),
                ..ObjectMetadata::default()
            };
            // One byte at a time, so that every boundary is tested.
            let reader: Box<dyn ObjectReader> =
                Box::new(ScriptedReader { metadata, part: part.iter(), end });
            Ok(reader)
        })
    }
}

struct ScriptedReader {
    metadata: ObjectMetadata,
    part: std::slice::Iter<'static, u8>,
    end: Option<ReadFailureKind>,
}

impl ObjectReader for ScriptedReader {
    fn metadata(&self) -> &ObjectMetadata {
        &self.metadata
    }

    fn chunk(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, ReadFailure>> {
        Box::pin(async move {
            match (self.part.next(), self.end) {
                (Some(byte), _) => Ok(Some(Bytes::from(vec![*byte]))),
                (None, Some(kind)) => Err(ReadFailure::new(kind, "scripted")),
                (None, None) => Ok(None),
            }
        })
    }
}
