//! Two deflate decoders behind one interface: a quick one, and an exact one that decides when
//! something is wrong.
//!
//! Whatever the quick decoder accepts as whole, the exact one accepts too: each accepts what zlib
//! accepts and nothing else, and the fuzz target `inflate` checks this. Any other result of the
//! quick decoder only means that the exact one must decide.
use flate2::{Decompress, FlushDecompress, Status};

/// Size of the block that is inflated into, in bytes. It is hashed while it is still in a core's
/// cache. Most log files fit, so that they are decoded in one call; larger blocks are no faster.
const BLOCK: usize = 256 << 10;

/// A deflate stream that is being inflated. Reused between streams.
pub(crate) struct Deflate {
    decoder: Decoder,
    block: Box<[u8]>,
}

enum Decoder {
    /// zlib-rs.
    Exact(Decompress),
    /// sirocco, and whether its block is full: it copies from what the block holds.
    Quick(Box<sirocco::inflate::Decoder>, bool),
}

/// The result of one call.
pub(crate) struct Inflated<'b> {
    /// Number of input bytes that were consumed.
    pub(crate) used: usize,
    /// The output.
    pub(crate) bytes: &'b [u8],
    pub(crate) then: Then,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Nothing: the stream has ended.
    Ended,
    /// Call again with the rest of the input, even if none is left.
    Again,
    /// Call again with more input.
    MoreInput,
}

/// The stream is corrupt. From the quick decoder: the exact one must decide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Corrupt;

impl Deflate {
    /// Creates a stream with the exact decoder.
    pub(crate) fn exact() -> Self {
        Self::with(Decoder::Exact(Decompress::new(false)))
    }

    /// Creates a stream with the quick decoder.
    pub(crate) fn quick() -> Self {
        let decoder = sirocco::inflate::Decoder::new(sirocco::Format::Deflate);
        Self::with(Decoder::Quick(Box::new(decoder), false))
    }

    fn with(decoder: Decoder) -> Self {
        Self { decoder, block: vec![0; BLOCK].into_boxed_slice() }
    }

    /// Resets it for the next stream.
    pub(crate) fn reset(&mut self) {
        match &mut self.decoder {
            Decoder::Exact(raw) => raw.reset(false),
            Decoder::Quick(raw, full) => {
                raw.reset();
                *full = false;
            }
        }
    }

    /// Inflates one block's worth of `input`. `last` means that nothing follows it, which makes the
    /// quick decoder quicker.
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
        // If the output filled the block, there may be more, even with no input left.
        _ if made == block.len() => Then::Again,
        _ if used >= input.len() => Then::MoreInput,
        // There is input and space left, and no progress: the stream cannot continue.
        _ if used == 0 && made == 0 => return Err(Corrupt),
        _ => Then::Again,
    };
    Ok(Inflated { used, bytes: block.get(..made).unwrap_or_default(), then })
}
