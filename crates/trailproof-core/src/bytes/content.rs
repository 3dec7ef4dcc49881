//! The content of an object's bytes: their hash, their form and how they end.
//!
//! Both kinds of object are stored as gzip and hashed inflated. A copier may have inflated them on
//! the way; such bytes are hashed unchanged.
use super::inflate::{InflateEnd, InflateFault, Inflater};
pub use super::members::Joined;
use super::members::Rest;
use crate::vocab::budget;
use sha2::{Digest as _, Sha256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The form in which the bytes were stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One gzip member and nothing else.
    Gzip,
    /// A whole gzip member, followed by more bytes.
    GzipAndMore {
        /// Number of bytes after the member.
        trailing: u64,
    },
    /// A gzip member that is cut short by the end of the object.
    GzipCutShort,
    /// Begins as gzip and then goes wrong.
    GzipBroken(InflateFault),
    /// Not gzip at all.
    Plain,
}

impl Form {
    /// Returns whether a quick reader's result is final: a single whole member, or bytes that are
    /// not gzip.
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Gzip | Self::Plain)
    }
}

/// The result of reading an object's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// SHA-256 of the inflated bytes; of the stored bytes if they are not gzip; of the output so
    /// far if the member is broken or cut short.
    pub hash: Hash,
    /// Form in which the bytes were stored.
    pub form: Form,
    /// Number of bytes as stored.
    pub stored: u64,
    /// Number of bytes that were hashed.
    pub inflated: u64,
    /// What the bytes after the first member are, if there are any: content is what all members
    /// hold (RFC 1952).
    pub joined: Joined,
}

impl Content {
    /// Returns the hash of everything that the object holds if only members follow the first one,
    /// and otherwise [`Self::hash`].
    pub fn whole_hash(&self) -> Hash {
        match self.joined {
            Joined::Members { hash, .. } => hash,
            _ => self.hash,
        }
    }

    /// Removes from the kept bytes what came out of members that are not part of the content: how much
    /// that is depends on how the input was split.
    pub(super) fn trim(&self, kept: Option<&mut Vec<u8>>) {
        let is_whole = matches!(self.joined, Joined::Members { .. });
        if let (Form::GzipAndMore { .. }, false, Some(kept)) = (self.form, is_whole, kept) {
            kept.truncate(usize::try_from(self.inflated).unwrap_or(usize::MAX));
        }
    }

    /// Returns whether a longer object could look like this if it were cut off unnoticed.
    pub fn may_be_cut(&self) -> bool {
        match self.form {
            Form::Gzip | Form::Plain | Form::GzipCutShort => true,
            Form::GzipAndMore { .. } => {
                matches!(self.joined, Joined::Members { .. } | Joined::CutShort)
            }
            Form::GzipBroken(_) => false,
        }
    }
}

/// Reads an object's bytes in pieces and hashes them. Reused between objects.
#[derive(Debug)]
pub struct ContentReader {
    inflater: Inflater,
    hasher: Sha256,
    /// The first byte, held back until the second one shows whether this is gzip.
    first: Option<u8>,
    plain: bool,
    fault: Option<InflateFault>,
    stored: u64,
    plain_limit: u64,
    /// What follows the first member; only in an exact reader.
    rest: Option<Rest>,
    exact: bool,
}

impl ContentReader {
    /// Creates a reader of objects that inflate to at most `limit` bytes.
    pub fn new(limit: u64) -> Self {
        Self { exact: true, ..Self::with(Inflater::new(limit), limit) }
    }

    /// Creates a quick reader. Its result is final if the form [is settled](Form::is_settled);
    /// otherwise read the object with a reader made by [`new`](Self::new).
    pub fn quick(limit: u64) -> Self {
        Self::with(Inflater::quick(limit), limit)
    }

    fn with(inflater: Inflater, limit: u64) -> Self {
        Self {
            inflater,
            hasher: Sha256::new(),
            first: None,
            plain: false,
            fault: None,
            stored: 0,
            plain_limit: limit,
            rest: None,
            exact: false,
        }
    }

    /// Resets the reader for the next object.
    pub fn reset(&mut self, limit: u64) {
        self.inflater.reset(limit);
        self.hasher = Sha256::new();
        self.first = None;
        self.plain = false;
        self.fault = None;
        self.stored = 0;
        self.plain_limit = limit;
        self.rest = None;
    }

    /// Reads the next bytes. `keep`, if given, also receives every inflated byte.
    ///
    /// # Errors
    ///
    /// Returns [`OverBudget`] if the allowance is used up; the object has then not been judged.
    pub fn push(&mut self, bytes: &[u8], keep: Option<&mut Vec<u8>>) -> Result<(), OverBudget> {
        self.take(bytes, false, keep)
    }

    /// Reads the last bytes of the object, like [`push`](Self::push).
    ///
    /// # Errors
    ///
    /// Same as [`push`](Self::push).
    pub fn push_last(
        &mut self,
        bytes: &[u8],
        keep: Option<&mut Vec<u8>>,
    ) -> Result<(), OverBudget> {
        self.take(bytes, true, keep)
    }

    fn take(
        &mut self,
        bytes: &[u8],
        last: bool,
        mut keep: Option<&mut Vec<u8>>,
    ) -> Result<(), OverBudget> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let begins = self.stored == 0;
        self.stored = self.stored.saturating_add(length);
        if self.fault.is_some() || bytes.is_empty() {
            return Ok(());
        }
        let Self { inflater, hasher, .. } = self;
        let mut sink = |block: &[u8]| {
            hasher.update(block);
            if let Some(kept) = &mut keep {
                kept.extend_from_slice(block);
            }
        };
        if begins {
            if let [only] = bytes {
                self.first = Some(*only);
                return Ok(());
            }
            self.plain = !bytes.starts_with(&GZIP_MAGIC);
        }
        let held = self.first.take();
        if let Some(first) = held {
            self.plain = [Some(first), bytes.first().copied()] != GZIP_MAGIC.map(Some);
        }
        if self.plain {
            if self.stored > self.plain_limit {
                return Err(OverBudget);
            }
            if let Some(first) = held {
                sink(&[first]);
            }
            sink(bytes);
            return Ok(());
        }
        let result = match held {
            Some(first) => inflater.push(&[first], &mut sink),
            None => Ok(()),
        };
        let result = result.and_then(|()| match last {
            true => inflater.push_last(bytes, &mut sink),
            false => inflater.push(bytes, &mut sink),
        });
        match result {
            Ok(()) => {
                self.take_rest(bytes, keep);
                Ok(())
            }
            Err(InflateFault::OverBudget) => Err(OverBudget),
            Err(fault) => {
                self.fault = Some(fault);
                Ok(())
            }
        }
    }

    /// Passes on the part of the `bytes` just pushed that follows the first member.
    fn take_rest(&mut self, bytes: &[u8], keep: Option<&mut Vec<u8>>) {
        let InflateEnd::Whole { trailing: 1.. } = self.inflater.end() else { return };
        if !self.exact {
            return;
        }
        let before = self.rest.as_ref().map_or(0, Rest::stored);
        let first = (self.inflater.inflated(), &self.hasher);
        let rest = self.rest.get_or_insert_with(|| Rest::after(first.0, first.1, self.plain_limit));
        let new = self.inflater.trailing().saturating_sub(before);
        let new = usize::try_from(new).unwrap_or(usize::MAX).min(bytes.len());
        rest.push(bytes.get(bytes.len() - new..).unwrap_or_default(), keep);
    }

    /// Returns the result, once every byte has been pushed.
    pub fn finish(&mut self) -> Content {
        if let Some(first) = self.first.take() {
            // A single byte is not a gzip member.
            self.plain = true;
            self.hasher.update([first]);
        }
        let form = match (self.fault, self.inflater.end()) {
            (Some(fault), _) => Form::GzipBroken(fault),
            (None, _) if self.plain || self.stored == 0 => Form::Plain,
            (None, InflateEnd::CutShort) => Form::GzipCutShort,
            (None, InflateEnd::Whole { trailing: 0 }) => Form::Gzip,
            (None, InflateEnd::Whole { trailing }) => Form::GzipAndMore { trailing },
        };
        let hash = std::mem::take(&mut self.hasher).finalize().into();
        let inflated = if self.plain { self.stored } else { self.inflater.inflated() };
        let joined = self.rest.take().map_or(Joined::No, Rest::finish);
        Content { hash, form, stored: self.stored, inflated, joined }
    }
}

/// The allowance for an object was used up before the object ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverBudget;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Reads an object whose bytes are all in memory.
///
/// # Errors
///
/// Returns [`OverBudget`] if they inflate to more than `limit`.
pub fn read_whole(
    bytes: &[u8],
    limit: u64,
    mut keep: Option<&mut Vec<u8>>,
) -> Result<Content, OverBudget> {
    let mut reader = ContentReader::new(limit);
    reader.push(bytes, keep.as_deref_mut())?;
    let content = reader.finish();
    content.trim(keep);
    Ok(content)
}

/// Parses a SHA-256 as digests spell it: 64 hex digits.
pub fn parse_hash(text: &str) -> Option<Hash> {
    let mut hash = Hash::default();
    hex::decode_to_slice(text, &mut hash).ok()?;
    Some(hash)
}

/// The allowance for a log file, for callers that create readers.
pub const LOG_LIMIT: u64 = budget::LOG_INFLATED;

#[cfg(test)]
#[path = "content_tests.rs"]
mod tests;
