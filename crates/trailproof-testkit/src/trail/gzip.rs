//! Gzip members as AWS writes them, and a strict reader that reports exactly how a body deviates.
//!
//! The reader is not the one under test: it inflates raw deflate and checks header and trailer
//! itself, so that the two can disagree.
#![expect(clippy::expect_used, reason = "writing into memory cannot fail")]
use flate2::{Compression, Crc, Decompress, FlushDecompress, GzBuilder, Status};
use std::io::{Read, Write};

/// Maximum number of bytes that the reader inflates. Longer bodies are bombs, which the model does
/// not follow.
pub const LARGEST: usize = 64 << 20;

/// Compresses into one member at level 6 with modification time 0, so that the same input gives the
/// same bytes.
pub fn member(bytes: &[u8]) -> Vec<u8> {
    let mut writer = GzBuilder::new()
        .mtime(0)
        .operating_system(0)
        .write(Vec::with_capacity(bytes.len() / 4 + 64), Compression::new(6));
    writer.write_all(bytes).expect("writing to memory cannot fail");
    writer.finish().expect("writing to memory cannot fail")
}

/// Creates one small member that inflates to `size` zero bytes.
pub fn bomb(size: usize) -> Vec<u8> {
    let mut writer =
        GzBuilder::new().mtime(0).operating_system(0).write(Vec::new(), Compression::best());
    let block = vec![0; 1 << 16];
    let mut left = size;
    while left > 0 {
        let count = left.min(block.len());
        writer.write_all(block.get(..count).unwrap_or(&[])).expect("writing to memory cannot fail");
        left -= count;
    }
    writer.finish().expect("writing to memory cannot fail")
}

/// Compresses into two members, as copiers do that compress in blocks.
pub fn members(bytes: &[u8]) -> Vec<u8> {
    let (one, other) = bytes.split_at(bytes.len() / 2);
    [member(one), member(other)].concat()
}

/// Returns the content of all members of `body`, if it consists of whole members and nothing else.
#[expect(clippy::disallowed_methods, reason = "the model shares no reader with what it judges")]
pub fn joined(body: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(LARGEST).unwrap_or(u64::MAX);
    flate2::read::MultiGzDecoder::new(body).take(most).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The form of a body, read as gzip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// It does not begin with a gzip header.
    NotGzip,
    /// The deflate stream does not end, or is damaged.
    Broken,
    /// The member inflates to more than [`LARGEST`] bytes.
    Bomb,
    /// The deflate stream ends.
    Inflated {
        /// Content of the first member.
        bytes: Vec<u8>,
        /// Whether a correct checksum and length follow it.
        trailer: bool,
        /// Whether anything follows the member.
        more: bool,
    },
}

/// Reads `body` as one member.
pub fn read(body: &[u8]) -> Body {
    // A ten-byte header without optional fields: the builder writes no other, and a flipped flag
    // makes it a header that AWS never wrote.
    let (Some([0x1f, 0x8b, 8, 0]), Some(deflated)) = (body.get(..4), body.get(10..)) else {
        return Body::NotGzip;
    };
    let mut inflater = Decompress::new(false);
    let mut bytes = Vec::with_capacity(deflated.len().saturating_mul(8).clamp(1 << 12, LARGEST));
    loop {
        let read = usize::try_from(inflater.total_in()).unwrap_or(usize::MAX);
        let before = (inflater.total_in(), inflater.total_out());
        let rest = deflated.get(read..).unwrap_or(&[]);
        let Ok(status) = inflater.decompress_vec(rest, &mut bytes, FlushDecompress::None) else {
            return Body::Broken;
        };
        if status == Status::StreamEnd {
            break;
        }
        if bytes.len() > LARGEST {
            return Body::Bomb;
        }
        let full = bytes.len() == bytes.capacity();
        if full {
            bytes.reserve(bytes.len().max(1 << 12));
        } else if before == (inflater.total_in(), inflater.total_out()) {
            return Body::Broken;
        }
    }
    let end = usize::try_from(inflater.total_in()).unwrap_or(usize::MAX);
    let after = deflated.get(end..).unwrap_or(&[]);
    let mut crc = Crc::new();
    crc.update(&bytes);
    let mut trailer = crc.sum().to_le_bytes().to_vec();
    trailer.extend(crc.amount().to_le_bytes());
    let right = after.starts_with(&trailer);
    Body::Inflated { bytes, trailer: right, more: after.len() > 8 }
}
