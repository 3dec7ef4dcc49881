//! One gzip member, inflated in blocks, with an exact account of how it ends.
//!
//! Ready-made readers hide what matters here: some silently accept bytes after the member, some
//! join members, some ignore a missing trailer. A raw decoder does the work; the header and the
//! trailer, 18 bytes in all, are read here so that nothing about them is lost.
use super::deflate::{Deflate, Then};
use crate::vocab::budget;
use crc_fast::{CrcAlgorithm, Digest as Crc};
use strum::{EnumIter, EnumString, IntoStaticStr};

const MAGIC: [u8; 2] = [0x1f, 0x8b];
const FIXED_HEADER: usize = 10;
const TRAILER: usize = 8;

const FLAG_HEADER_CRC: u8 = 0x02;
const FLAG_EXTRA: u8 = 0x04;
const FLAG_NAME: u8 = 0x08;
const FLAG_COMMENT: u8 = 0x10;
const FLAGS_RESERVED: u8 = 0xe0;

/// Why bytes are not a gzip member, or why inflating stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum InflateFault {
    /// The first two bytes are not those of gzip.
    NotGzip,
    /// The header is not a valid gzip header.
    #[strum(serialize = "gzip-header")]
    Header,
    /// The deflate stream is corrupt.
    #[strum(serialize = "gzip-data")]
    Data,
    /// The CRC-32 in the trailer is not that of the inflated bytes.
    #[strum(serialize = "gzip-crc")]
    Crc,
    /// The length in the trailer is not that of the inflated bytes.
    #[strum(serialize = "gzip-length")]
    Length,
    /// The output exceeded its allowance, or the header its own.
    #[strum(serialize = "gzip-over-budget")]
    OverBudget,
}

/// How the input ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InflateEnd {
    /// The member is whole, and `trailing` bytes follow it.
    Whole {
        /// Number of bytes after the member. A reader such as zcat or Athena would go on reading
        /// them.
        trailing: u64,
    },
    /// The input ended inside the member.
    CutShort,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Header,
    Body,
    Trailer,
    After,
}

/// Inflates one member, pushed to it in pieces of any size. Reused between objects, as creating a
/// new state costs more than inflating a small log file.
pub struct Inflater {
    raw: Deflate,
    crc: Crc,
    part: Part,
    /// Header or trailer bytes so far.
    held: Vec<u8>,
    inflated: u64,
    trailing: u64,
    limit: u64,
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflater").field("part", &self.part).finish_non_exhaustive()
    }
}

impl Inflater {
    /// Creates an inflater that stops after `limit` inflated bytes.
    pub fn new(limit: u64) -> Self {
        Self::with(Deflate::exact(), limit)
    }

    /// Creates a quick inflater. A member that it reports as whole is whole; any other result only
    /// means that one made by [`new`](Self::new) must decide.
    pub fn quick(limit: u64) -> Self {
        Self::with(Deflate::quick(), limit)
    }

    fn with(raw: Deflate, limit: u64) -> Self {
        Self {
            raw,
            crc: Crc::new(CrcAlgorithm::Crc32IsoHdlc),
            part: Part::Header,
            held: Vec::new(),
            inflated: 0,
            trailing: 0,
            limit,
        }
    }

    /// Resets the inflater for the next object.
    pub fn reset(&mut self, limit: u64) {
        self.raw.reset();
        self.crc.reset();
        self.part = Part::Header;
        self.held.clear();
        self.inflated = 0;
        self.trailing = 0;
        self.limit = limit;
    }

    /// Returns the number of bytes after the member so far.
    pub(crate) fn trailing(&self) -> u64 {
        self.trailing
    }

    /// Returns the number of inflated bytes so far.
    pub fn inflated(&self) -> u64 {
        self.inflated
    }

    /// Reads the next bytes and passes the output to `sink`.
    ///
    /// # Errors
    ///
    /// Returns an error if the member is malformed or its allowance is used up. After an error,
    /// call [`reset`](Self::reset) before pushing again.
    pub fn push(&mut self, input: &[u8], sink: &mut dyn FnMut(&[u8])) -> Result<(), InflateFault> {
        self.take(input, false, sink)
    }

    /// Reads the last bytes of the input, like [`push`](Self::push).
    ///
    /// # Errors
    ///
    /// Same as [`push`](Self::push).
    pub fn push_last(
        &mut self,
        input: &[u8],
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<(), InflateFault> {
        self.take(input, true, sink)
    }

    fn take(
        &mut self,
        mut input: &[u8],
        last: bool,
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<(), InflateFault> {
        while !input.is_empty() {
            input = match self.part {
                Part::Header => self.header(input)?,
                Part::Body => self.body(input, last, sink)?,
                Part::Trailer => self.trailer(input)?,
                Part::After => {
                    self.trailing = self
                        .trailing
                        .saturating_add(u64::try_from(input.len()).unwrap_or(u64::MAX));
                    &[]
                }
            };
        }
        Ok(())
    }

    /// Returns how the input ended, once all of it has been pushed.
    pub fn end(&self) -> InflateEnd {
        match self.part {
            Part::After => InflateEnd::Whole { trailing: self.trailing },
            _ => InflateEnd::CutShort,
        }
    }

    fn header<'i>(&mut self, input: &'i [u8]) -> Result<&'i [u8], InflateFault> {
        // Headers are ten bytes except for names and comments, which AWS does not write: collecting
        // them byte by byte has no measurable cost and keeps the parser in one piece.
        for (at, byte) in input.iter().enumerate() {
            self.held.push(*byte);
            match header_length(&self.held)? {
                Some(length) if length == self.held.len() => {
                    self.held.clear();
                    self.part = Part::Body;
                    return Ok(input.get(at + 1..).unwrap_or_default());
                }
                _ if self.held.len() >= budget::GZIP_HEADER => {
                    return Err(InflateFault::OverBudget);
                }
                _ => {}
            }
        }
        Ok(&[])
    }

    fn body<'i>(
        &mut self,
        mut input: &'i [u8],
        last: bool,
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<&'i [u8], InflateFault> {
        loop {
            let inflated = self.raw.inflate(input, last).map_err(|_| InflateFault::Data)?;
            let made = u64::try_from(inflated.bytes.len()).unwrap_or(u64::MAX);
            self.inflated = self.inflated.saturating_add(made);
            if self.inflated > self.limit {
                return Err(InflateFault::OverBudget);
            }
            self.crc.update(inflated.bytes);
            sink(inflated.bytes);
            input = input.get(inflated.used..).unwrap_or_default();
            match inflated.then {
                Then::Ended => {
                    self.part = Part::Trailer;
                    return Ok(input);
                }
                Then::MoreInput => return Ok(input),
                Then::Again => {}
            }
        }
    }

    fn trailer<'i>(&mut self, input: &'i [u8]) -> Result<&'i [u8], InflateFault> {
        let (mine, rest) = input.split_at(input.len().min(TRAILER - self.held.len()));
        self.held.extend_from_slice(mine);
        let Ok(bytes) = <[u8; TRAILER]>::try_from(self.held.as_slice()) else {
            return Ok(rest);
        };
        let [a, b, c, d, e, f, g, h] = bytes;
        if u64::from(u32::from_le_bytes([a, b, c, d])) != self.crc.finalize() {
            return Err(InflateFault::Crc);
        }
        // The trailer holds the length modulo 2^32.
        if u64::from(u32::from_le_bytes([e, f, g, h])) != self.inflated & 0xffff_ffff {
            return Err(InflateFault::Length);
        }
        self.part = Part::After;
        Ok(rest)
    }
}

/// Returns the length of the header that begins with `held`, or `None` if that is not known yet.
fn header_length(held: &[u8]) -> Result<Option<usize>, InflateFault> {
    if held.iter().zip(MAGIC).any(|(byte, magic)| *byte != magic) {
        return Err(InflateFault::NotGzip);
    }
    let [_, _, method, flags, ..] = held else { return Ok(None) };
    if *method != 8 || flags & FLAGS_RESERVED != 0 {
        return Err(InflateFault::Header);
    }
    let mut at = FIXED_HEADER;
    if flags & FLAG_EXTRA != 0 {
        let Some([low, high]) = held.get(at..at + 2) else { return Ok(None) };
        at += 2 + usize::from(u16::from_le_bytes([*low, *high]));
    }
    for flag in [FLAG_NAME, FLAG_COMMENT] {
        if flags & flag != 0 {
            let Some(rest) = held.get(at..) else { return Ok(None) };
            let Some(end) = rest.iter().position(|byte| *byte == 0) else { return Ok(None) };
            at += end + 1;
        }
    }
    if flags & FLAG_HEADER_CRC != 0 {
        at += 2;
    }
    Ok((held.len() >= at).then_some(at))
}
