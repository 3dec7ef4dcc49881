//! Two decoders of deflate behind one face: a quick one, and an exact one whose word counts where
//! something is wrong.
//!
//! What the quick one calls whole, the exact one does too: each takes what zlib takes and nothing
//! else, and the fuzz target `inflate` holds them to it. What else the quick one says is only that
//! the exact one must be asked.
use flate2::{Decompress, FlushDecompress, Status};

/// Bytes of the block that is inflated into, at a time. It is hashed while it is still in a core's
/// cache. Most log files fit, so that they are decoded in one go; larger blocks bring nothing more.
const BLOCK: usize = 256 << 10;

/// One deflate stream being inflated. Reused from one to the next.
pub(crate) struct Deflate {
    decoder: Decoder,
    block: Box<[u8]>,
}

enum Decoder {
    /// zlib-rs.
    Exact(Decompress),
    /// sirocco, and whether its block is full: it copies from what stands there.
    Quick(Box<sirocco::inflate::Decoder>, bool),
}

/// What came of some input.
pub(crate) struct Inflated<'b> {
    /// Bytes of the input that were used.
    pub(crate) used: usize,
    /// What came out.
    pub(crate) bytes: &'b [u8],
    pub(crate) then: Then,
}

/// How it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// The stream has ended.
    Ended,
    /// With the rest of the input, even where none is left.
    Again,
    /// With more input.
    MoreInput,
}

/// The stream is none. Of the quick decoder: the exact one must say what is wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Corrupt;

impl Deflate {
    /// With the decoder whose word counts.
    pub(crate) fn exact() -> Self {
        Self::with(Decoder::Exact(Decompress::new(false)))
    }

    /// With the quick decoder.
    pub(crate) fn quick() -> Self {
        let decoder = sirocco::inflate::Decoder::new(sirocco::Format::Deflate);
        Self::with(Decoder::Quick(Box::new(decoder), false))
    }

    fn with(decoder: Decoder) -> Self {
        Self { decoder, block: vec![0; BLOCK].into_boxed_slice() }
    }

    /// Makes it as new, for the next stream.
    pub(crate) fn reset(&mut self) {
        match &mut self.decoder {
            Decoder::Exact(raw) => raw.reset(false),
            Decoder::Quick(raw, full) => {
                raw.reset();
                *full = false;
            }
        }
    }

    /// Inflates a block's worth of `input`. `last` says that nothing follows it, which the quick
    /// decoder is quicker for.
    pub(crate) fn inflate(&mut self, input: &[u8], last: bool) -> Result<Inflated<'_>, Corrupt> {
        let Self { decoder, block } = self;
        match decoder {
            Decoder::Exact(raw) => exact(raw, input, block),
            Decoder::Quick(raw, full) => {
                if std::mem::take(full) {
                    raw.make_room(block);
                }
                let progress = raw.decompress(input, block, last).map_err(|_| Corrupt)?;
                *full = progress.full;
                let then = match (progress.done, progress.full) {
                    (true, _) => Then::Ended,
                    (false, true) => Then::Again,
                    (false, false) => Then::MoreInput,
                };
                Ok(Inflated { used: progress.consumed, bytes: progress.output, then })
            }
        }
    }
}

fn exact<'b>(
    raw: &mut Decompress,
    input: &[u8],
    block: &'b mut [u8],
) -> Result<Inflated<'b>, Corrupt> {
    let (read, written) = (raw.total_in(), raw.total_out());
    let status = raw.decompress(input, block, FlushDecompress::None).map_err(|_| Corrupt)?;
    let used = usize::try_from(raw.total_in() - read).unwrap_or(usize::MAX);
    let made = usize::try_from(raw.total_out() - written).unwrap_or(usize::MAX);
    let then = match status {
        Status::StreamEnd => Then::Ended,
        // Output that filled the block may have more behind it, even with no input left.
        _ if made == block.len() => Then::Again,
        _ if used >= input.len() => Then::MoreInput,
        // Input is left, room is left, and nothing moves: the stream cannot go on.
        _ if used == 0 && made == 0 => return Err(Corrupt),
        _ => Then::Again,
    };
    Ok(Inflated { used, bytes: block.get(..made).unwrap_or_default(), then })
}
