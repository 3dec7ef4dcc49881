//! Containers of looked-up files: zip archives with one member, and zstd and gzip files.
use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive};
use std::io::Read;
use trailproof_core::codes::lookup::LookupNotice;
use trailproof_core::vocab::budget;

/// The largest window for which a zstd file may request memory, as a power of two: 128 MiB, the
/// window of `zstd --long`. It is allocated as far as content fills it.
const WINDOW: u32 = 27;

/// What begins with these bytes is an archive or a compressed file that is not unpacked: 7-Zip, xz,
/// bzip2, RAR.
const NOT_UNPACKED: &[&[u8]] = &[b"7z\xbc\xaf\x27\x1c", b"\xfd7zXZ\0", b"BZh", b"Rar!\x1a\x07"];

/// The name of the format in a tar archive, and where it stands.
const TAR: (usize, &[u8]) = (257, b"ustar");

/// The kinds of containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    Zip,
    Zstd,
    Gzip,
    /// One that is recognised and not unpacked.
    Other,
}

impl Container {
    /// Returns the kind of container that begins with these bytes.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let (at, tar) = TAR;
        let is_other = NOT_UNPACKED.iter().any(|magic| bytes.starts_with(magic))
            || bytes.get(at..).is_some_and(|rest| rest.starts_with(tar));
        match bytes {
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Self::Zip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            _ => is_other.then_some(Self::Other),
        }
    }

    /// Returns the notice for a container that was unpacked.
    pub(super) fn notice(self) -> LookupNotice {
        match self {
            Self::Zip => LookupNotice::Zip,
            Self::Zstd => LookupNotice::Zstd,
            Self::Gzip => LookupNotice::GzipTwice,
            Self::Other => LookupNotice::NotUnpacked,
        }
    }

    /// Unpacks the container. Returns its content and the name that it has for it; `None` if it is
    /// damaged, is encrypted, has several members or exceeds the limit. The content of gzip is
    /// returned as it is: it is inflated wherever content is read.
    pub(super) fn unpack(self, bytes: Vec<u8>) -> Option<(Vec<u8>, Option<String>)> {
        match self {
            Self::Zip => zip(&bytes),
            Self::Zstd => zstd(&bytes).map(|content| (content, None)),
            Self::Gzip => Some((bytes, None)),
            Self::Other => None,
        }
    }
}

fn zip(bytes: &[u8]) -> Option<(Vec<u8>, Option<String>)> {
    let archive = ZipArchive::from_slice(bytes).ok()?;
    let mut entries = archive.entries();
    let mut only = None;
    while let Some(entry) = entries.next_entry().ok()? {
        if !entry.is_dir() && only.replace(entry).is_some() {
            return None;
        }
    }
    let entry = only?;
    let name = String::from_utf8_lossy(entry.file_path().as_ref()).into_owned();
    let member = archive.get_entry(entry.wayfinder()).ok()?;
    let content = match entry.compression_method() {
        CompressionMethod::STORE => limited(member.verifying_reader(member.data()))?,
        CompressionMethod::DEFLATE => {
            limited(member.verifying_reader(DeflateDecoder::new(member.data())))?
        }
        _ => return None,
    };
    Some((content, Some(name)))
}

fn zstd(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes).ok()?;
    decoder.window_log_max(WINDOW).ok()?;
    limited(decoder)
}

/// Reads everything, unless it is more than is held.
fn limited(from: impl Read) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    from.take(budget::LOOKUP_HELD + 1).read_to_end(&mut content).ok()?;
    let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
    (length <= budget::LOOKUP_HELD).then_some(content)
}
