//! Containers of looked-up files: zip archives with one member, and zstd and gzip files.
use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive};
use std::io::{ErrorKind, Read};
use trailproof_core::codes::lookup::LookupNotice;
use trailproof_core::vocab::budget;

/// The largest window for which a zstd file may request memory, as a power of two: 64 MiB, as much
/// content as is held. Content that fits into less needs no larger one.
const WINDOW: u32 = 26;

/// Longest data descriptor behind a member of a zip archive, in bytes: signature, CRC-32 and two sizes of
/// eight bytes, as the format says.
const DESCRIPTOR: u64 = 24;

/// Members of a zip archive up to which it is read: folders, with one file in them.
const MEMBERS: usize = 1_000;

/// First bytes of a zstd frame with content.
const ZSTD_FRAME: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Number of bytes that are read at a time.
const PIECE: usize = 64 << 10;

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

/// Unpacks an archive that holds one file and nothing else. What only a different reader would find in
/// it (a member that the directory does not list, something between or behind the members) was not
/// delivered, so that such an archive is not unpacked.
fn zip(bytes: &[u8]) -> Option<(Vec<u8>, Option<String>)> {
    let archive = ZipArchive::from_slice(bytes).ok()?;
    let mut entries = archive.entries();
    let (mut only, mut spans) = (None, Vec::new());
    while let Some(entry) = entries.next_entry().ok()? {
        let member = archive.get_entry(entry.wayfinder()).ok()?;
        let (from, to) = (entry.local_header_offset(), member.compressed_data_range().1);
        let after = if member.data_descriptor().ok()?.is_some() { DESCRIPTOR } else { 0 };
        spans.push((from, to, after));
        let is_empty_folder = entry.is_dir() && member.data().is_empty();
        if spans.len() > MEMBERS || (!is_empty_folder && only.replace(entry).is_some()) {
            return None;
        }
    }
    spans.sort_unstable();
    let mut end = (0, 0);
    for (from, to, after) in spans {
        if !fits(end, from) {
            return None;
        }
        end = (to, after);
    }
    let length = u64::try_from(bytes.len()).ok()?;
    if !fits(end, archive.directory_offset()) || archive.end_offset() != length {
        return None;
    }
    let entry = only?;
    let name = String::from_utf8_lossy(entry.file_path().as_ref()).into_owned();
    let member = archive.get_entry(entry.wayfinder()).ok()?;
    let mut rest = member.data();
    let content = match entry.compression_method() {
        CompressionMethod::STORE => limited(member.verifying_reader(&mut rest))?,
        CompressionMethod::DEFLATE => {
            limited(member.verifying_reader(DeflateDecoder::new(&mut rest)))?
        }
        _ => return None,
    };
    rest.is_empty().then_some((content, Some(name)))
}

/// Returns whether a part of an archive begins where the one before ends. Its data descriptor may be
/// between them.
fn fits((end, after): (u64, u64), from: u64) -> bool {
    from.checked_sub(end).is_some_and(|between| between <= after)
}

/// Unpacks frames of content. A frame that readers skip may hold anything.
fn zstd(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut rest = bytes;
    while !rest.is_empty() {
        if !rest.starts_with(ZSTD_FRAME) {
            return None;
        }
        rest = rest.get(zstd::zstd_safe::find_frame_compressed_size(rest).ok()?..)?;
    }
    let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes).ok()?;
    decoder.window_log_max(WINDOW).ok()?;
    limited(decoder)
}

/// Reads everything, unless it is more than is held.
fn limited(mut from: impl Read) -> Option<Vec<u8>> {
    let most = usize::try_from(budget::LOOKUP_HELD).ok()?;
    let mut content = Vec::new();
    let mut piece = vec![0; PIECE];
    loop {
        let read = match from.read(&mut piece) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read.ok()?,
        };
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        if content.len() + bytes.len() > most {
            return None;
        }
        // A vector that grows by itself takes up to twice of what is held.
        if content.capacity() < content.len() + bytes.len() {
            content.reserve_exact((content.len().max(PIECE)).min(most - content.len()));
        }
        content.extend_from_slice(bytes);
    }
    Some(content)
}
