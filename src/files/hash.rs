//! The hash of a file.
use sha2::{Digest as _, Sha256};
use std::io::{self, Read};
use trailproof_core::bytes::content::Hash;

/// Bytes that are read at once.
const BLOCK: usize = 256 << 10;

/// Returns the SHA-256 and the length of everything that is left to read.
pub(crate) fn sha256_of(file: &mut impl Read) -> io::Result<(Hash, u64)> {
    let (mut hash, mut length, mut block) = (Sha256::new(), 0_u64, vec![0; BLOCK]);
    loop {
        let count = file.read(&mut block)?;
        if count == 0 {
            return Ok((hash.finalize().into(), length));
        }
        hash.update(block.get(..count).unwrap_or_default());
        length = length.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }
}
