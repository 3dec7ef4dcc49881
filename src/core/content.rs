//! What an object's bytes amount to: their hash, their form and how they end.
//!
//! Both kinds of object are stored as gzip and hashed inflated. A copier may have inflated them on
//! the way; such bytes are hashed as they are.
use super::budget;
use super::inflate::{InflateEnd, InflateFault, Inflater};
use sha2::{Digest as _, Sha256};

/// A SHA-256.
pub type Hash = [u8; 32];

/// How the bytes were stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One gzip member and nothing else.
    Gzip,
    /// A whole gzip member with bytes after it.
    GzipAndMore {
        /// How many bytes follow the member.
        trailing: u64,
    },
    /// A gzip member that the object's end cuts short.
    GzipCutShort,
    /// It begins as gzip and goes wrong.
    GzipBroken(InflateFault),
    /// Not gzip at all.
    Plain,
}

impl Form {
    /// Whether a quick reader's word on it counts: a member that is whole and alone, and bytes that
    /// are none.
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Gzip | Self::Plain)
    }
}

/// The sum of what was pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// SHA-256 of the inflated bytes; of the bytes as they are where they are not gzip; of what
    /// came out until then where the member is broken or cut short.
    pub hash: Hash,
    /// How they were stored.
    pub form: Form,
    /// Bytes as stored.
    pub stored: u64,
    /// Bytes that were hashed.
    pub inflated: u64,
}

/// Takes an object's bytes in pieces and sums them up. Reused between objects.
#[derive(Debug)]
pub struct ContentReader {
    inflater: Inflater,
    hasher: Sha256,
    /// The first byte, held back until the second tells whether this is gzip.
    first: Option<u8>,
    plain: bool,
    fault: Option<InflateFault>,
    stored: u64,
    plain_limit: u64,
}

impl ContentReader {
    /// A reader of objects that inflate to at most `limit` bytes.
    pub fn new(limit: u64) -> Self {
        Self::with(Inflater::new(limit), limit)
    }

    /// A quick one. What it says counts where the form [is settled](Form::is_settled); otherwise
    /// [`new`](Self::new) must be asked.
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
        }
    }

    /// Forgets what was pushed.
    pub fn reset(&mut self, limit: u64) {
        self.inflater.reset(limit);
        self.hasher = Sha256::new();
        self.first = None;
        self.plain = false;
        self.fault = None;
        self.stored = 0;
        self.plain_limit = limit;
    }

    /// Takes the next bytes. `keep`, where given, also gets every inflated byte.
    ///
    /// # Errors
    ///
    /// [`OverBudget`] once the allowance is used up; the object was then not judged.
    pub fn push(&mut self, bytes: &[u8], keep: Option<&mut Vec<u8>>) -> Result<(), OverBudget> {
        self.take(bytes, false, keep)
    }

    /// As [`push`](Self::push), of bytes that nothing follows.
    ///
    /// # Errors
    ///
    /// As there.
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
            Ok(()) => Ok(()),
            Err(InflateFault::OverBudget) => Err(OverBudget),
            Err(fault) => {
                self.fault = Some(fault);
                Ok(())
            }
        }
    }

    /// The sum, once every byte was pushed.
    pub fn finish(&mut self) -> Content {
        if let Some(first) = self.first.take() {
            // One byte alone is no gzip member.
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
        Content { hash, form, stored: self.stored, inflated }
    }
}

/// The allowance for an object was used up before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverBudget;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The sum of bytes that are all there.
///
/// # Errors
///
/// [`OverBudget`] where they inflate to more than `limit`.
pub fn read_whole(
    bytes: &[u8],
    limit: u64,
    keep: Option<&mut Vec<u8>>,
) -> Result<Content, OverBudget> {
    let mut reader = ContentReader::new(limit);
    reader.push(bytes, keep)?;
    Ok(reader.finish())
}

/// Reads a SHA-256 as digests spell it: 64 hex digits.
pub fn parse_hash(text: &str) -> Option<Hash> {
    let mut hash = Hash::default();
    hex::decode_to_slice(text, &mut hash).ok()?;
    Some(hash)
}

/// The allowance for a log file, for callers that make readers.
pub const LOG_LIMIT: u64 = budget::LOG_INFLATED;

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn sum(stored: &[u8]) -> Content {
        read_whole(stored, 1 << 20, None).unwrap()
    }

    fn sha(bytes: &[u8]) -> Hash {
        Sha256::digest(bytes).into()
    }

    #[test]
    fn a_whole_member_hashes_inflated() {
        let text = b"{\"Records\":[]}".repeat(40_000);
        let mut kept = Vec::new();
        let content = read_whole(&gzip(&text), 1 << 20, Some(&mut kept)).unwrap();
        assert_eq!((content.hash, content.form), (sha(&text), Form::Gzip));
        assert_eq!((content.inflated, kept), (560_000, text));
    }

    #[test]
    fn every_cut_is_seen_and_is_never_whole() {
        let stored = gzip(b"some bytes that are worth cutting");
        for cut in 2..stored.len() {
            assert_eq!(sum(&stored[..cut]).form, Form::GzipCutShort, "cut at {cut}");
        }
    }

    #[test]
    fn bytes_after_the_member_are_counted_not_read() {
        let text = b"first";
        let mut stored = gzip(text);
        stored.extend(gzip(b"second"));
        let content = sum(&stored);
        assert_eq!(content.hash, sha(text));
        assert_eq!(
            content.form,
            Form::GzipAndMore { trailing: u64::try_from(stored.len()).unwrap() - 25 }
        );
        let mut padded = gzip(text);
        padded.push(0);
        assert_eq!(sum(&padded).form, Form::GzipAndMore { trailing: 1 });
    }

    #[test]
    fn a_wrong_trailer_is_broken_though_the_bytes_hash_right() {
        let stored = gzip(b"content");
        let crc = stored.len() - 8;
        for (at, fault) in [(crc, InflateFault::Crc), (crc + 4, InflateFault::Length)] {
            let mut stored = stored.clone();
            stored[at] ^= 1;
            let content = sum(&stored);
            assert_eq!((content.hash, content.form), (sha(b"content"), Form::GzipBroken(fault)));
        }
    }

    #[test]
    fn piece_sizes_do_not_matter() {
        let mut random = 7_u32;
        let text: Vec<u8> = (0..300_000)
            .map(|_| {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                b'a' + random.to_le_bytes()[3] % 16
            })
            .collect();
        let mut with_more = gzip(&text);
        with_more.extend([1, 2, 3]);
        for stored in [gzip(&text), with_more, text.clone(), vec![], vec![0x1f], vec![b'{']] {
            let whole = sum(&stored);
            for size in [1, 2, 3, 7, 9, 10, 11, 4_096, 131_072] {
                let mut reader = ContentReader::new(1 << 20);
                let mut kept = Vec::new();
                for piece in stored.chunks(size) {
                    reader.push(piece, Some(&mut kept)).unwrap();
                }
                assert_eq!(reader.finish(), whole, "pieces of {size}");
                // A single byte is held back until the end, when there is nowhere to keep it; no
                // object of one byte means anything.
                if stored.len() != 1 {
                    assert_eq!(sha(&kept), whole.hash);
                }
            }
        }
    }

    #[test]
    fn a_header_with_every_field_is_read() {
        let mut stored = vec![0x1f, 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 0xff, 2, 0, 9, 9];
        stored.extend(b"name\0comment\0\x12\x34");
        stored.extend(&gzip(b"x")[10..]);
        assert_eq!((sum(&stored).hash, sum(&stored).form), (sha(b"x"), Form::Gzip));
        stored[3] |= 0x20;
        assert_eq!(sum(&stored).form, Form::GzipBroken(InflateFault::Header));
    }

    #[test]
    fn a_bomb_and_an_endless_header_stop_at_their_budgets() {
        let bomb = gzip(&vec![0; 4 << 20]);
        assert_eq!(read_whole(&bomb, 1 << 20, None), Err(OverBudget));
        let mut header = vec![0x1f, 0x8b, 8, FLAG_NAME, 0, 0, 0, 0, 0, 0];
        header.extend(vec![b'a'; 1 << 20]);
        assert_eq!(read_whole(&header, 1 << 20, None), Err(OverBudget));
        assert_eq!(read_whole(&vec![b'a'; 2 << 20], 1 << 20, None), Err(OverBudget));
    }

    const FLAG_NAME: u8 = 0x08;

    #[test]
    fn a_reader_is_as_new_after_reset() {
        let mut reader = ContentReader::new(1 << 20);
        for stored in [gzip(b"one"), b"plain".to_vec(), vec![0x1f, 0x8b, 9], gzip(b"two")] {
            reader.reset(1 << 20);
            reader.push(&stored, None).unwrap();
            assert_eq!(reader.finish(), sum(&stored));
        }
    }
}
