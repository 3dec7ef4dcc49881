//! The content of a file to look up, unpacked, and the other forms in which it may have been
//! delivered.
use super::layout::Layout;
use super::unpack::Container;
use std::io::{self, Read};
use trailproof_core::bytes::content::{Content, ContentReader, Form, Hash, Joined, read_whole};
use trailproof_core::codes::lookup::LookupNotice;
use trailproof_core::vocab::budget;

/// Number of bytes that are read and hashed at a time. They inflate to at most a thousand times as
/// many.
const CHUNK: usize = 64 << 10;

/// The content of a file.
#[derive(Debug)]
pub(crate) struct FileContent {
    /// The innermost content.
    pub(crate) content: Content,
    /// The name that a container has for it.
    pub(crate) member: Option<String>,
    /// What is worth knowing whatever the answer is.
    pub(crate) notices: Vec<LookupNotice>,
    /// The hashes of other forms of the content, each with the changes that led from it to the
    /// content.
    pub(crate) forms: Vec<(Hash, Vec<LookupNotice>)>,
    /// What explains that no form matches.
    pub(crate) unmatched: Option<LookupNotice>,
}

/// Why a file cannot be looked up.
#[derive(Debug)]
pub(crate) enum Unreadable {
    Io(io::Error),
    /// It inflates to more than a log file can have.
    Inflated,
    /// It has more bytes than a log file can have.
    Stored,
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads, hashes and unpacks a file.
pub(crate) fn read(from: &mut dyn Read) -> Result<FileContent, Unreadable> {
    let (content, held) = read_outermost(from)?;
    let mut file = FileContent {
        content,
        member: None,
        notices: Vec::new(),
        forms: Vec::new(),
        unmatched: None,
    };
    if file.content.inflated == 0 && matches!(file.content.form, Form::Plain | Form::Gzip) {
        file.notices.push(LookupNotice::Empty);
        return Ok(file);
    }
    let Some(held) = held else {
        file.notices.push(LookupNotice::FormsNotTried);
        return Ok(file);
    };
    let held = file.unpack(held);
    if is_whole(&file.content) && Container::of(&held).is_none() {
        let layout = Layout::of(&held);
        file.forms = layout.forms;
        file.unmatched = layout.unmatched;
        if layout.digest {
            file.notices.push(LookupNotice::Digest);
        }
    }
    Ok(file)
}

/// Reads and hashes a file. Its content is returned too unless it is larger than what is held.
fn read_outermost(from: &mut dyn Read) -> Result<(Content, Option<Vec<u8>>), Unreadable> {
    let mut reader = ContentReader::new(budget::LOG_INFLATED);
    let mut chunk = vec![0; CHUNK];
    let mut held = Some(Vec::new());
    let mut stored: u64 = 0;
    loop {
        let length = match from.read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        let Some(bytes) = chunk.get(..length).filter(|bytes| !bytes.is_empty()) else { break };
        reader.push(bytes, held.as_mut()).map_err(|_| Unreadable::Inflated)?;
        stored = stored.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        // Of what follows the gzip member, no number of bytes is too much for the reader.
        if stored > budget::LOG_STORED {
            return Err(Unreadable::Stored);
        }
        held = held.filter(|held| is_held(held.len()));
    }
    Ok((reader.finish(), held))
}

fn is_held(length: usize) -> bool {
    u64::try_from(length).is_ok_and(|length| length <= budget::LOOKUP_HELD)
}

/// Returns whether everything that the object holds is content.
fn is_whole(content: &Content) -> bool {
    match content.form {
        Form::Plain | Form::Gzip => true,
        Form::GzipAndMore { .. } => matches!(content.joined, Joined::Members { .. }),
        Form::GzipCutShort | Form::GzipBroken(_) => false,
    }
}

impl FileContent {
    /// Unpacks containers until there is none, and returns the innermost content.
    fn unpack(&mut self, mut held: Vec<u8>) -> Vec<u8> {
        for _ in 0..budget::LOOKUP_CONTAINERS {
            if !is_whole(&self.content) {
                return held;
            }
            let Some(container) = Container::of(&held) else { return held };
            let mut inner = Vec::new();
            let unpacked = container.unpack(held).and_then(|(bytes, member)| {
                let content = read_whole(&bytes, budget::LOOKUP_HELD, Some(&mut inner)).ok()?;
                Some((content, member))
            });
            let Some((content, member)) = unpacked else {
                self.notices.push(LookupNotice::NotUnpacked);
                return Vec::new();
            };
            self.notices.push(container.notice());
            self.content = content;
            self.member = member.or(self.member.take());
            held = inner;
            if held.is_empty() {
                self.notices.push(LookupNotice::Empty);
            }
        }
        if Container::of(&held).is_some() {
            self.notices.push(LookupNotice::NotUnpacked);
        }
        held
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::read::GzEncoder;
    use rawzip::{CompressionMethod, ZipArchiveWriter};
    use std::io::Write as _;

    const LOG: &[u8] = br#"{"Records":[]}"#;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        GzEncoder::new(bytes, Compression::fast()).read_to_end(&mut out).unwrap();
        out
    }

    fn zip(members: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut archive = ZipArchiveWriter::new(&mut out);
        archive.new_dir("folder/").create().unwrap();
        for (number, member) in members.iter().enumerate() {
            let name = format!("folder/{number}.json");
            let method = CompressionMethod::DEFLATE;
            let (mut entry, config) =
                archive.new_file(&name).compression_method(method).start().unwrap();
            let deflate = flate2::write::DeflateEncoder::new(&mut entry, Compression::fast());
            let mut writer = config.wrap(deflate);
            writer.write_all(member).unwrap();
            let (deflate, descriptor) = writer.finish().unwrap();
            deflate.finish().unwrap();
            entry.finish(descriptor).unwrap();
        }
        archive.finish().unwrap();
        out
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 1).unwrap()
    }

    fn read_bytes(bytes: &[u8]) -> FileContent {
        read(&mut &*bytes).unwrap()
    }

    #[test]
    fn containers_are_unpacked_up_to_their_number() {
        use LookupNotice::{Empty, GzipTwice, NotUnpacked, Zip, Zstd};
        let log = read_bytes(LOG).content.hash;
        let (plain, zipped) = (gzip(LOG), gzip(&gzip(LOG)));
        for (file, notices) in [
            (plain.clone(), vec![]),
            (zstd(LOG), vec![Zstd]),
            (zstd(&plain), vec![Zstd]),
            (zip(&[LOG]), vec![Zip]),
            (zip(&[&plain]), vec![Zip]),
            (zipped.clone(), vec![GzipTwice]),
            (zip(&[&zstd(&zipped)]), vec![Zip, Zstd, GzipTwice]),
        ] {
            let read = read_bytes(&file);
            assert_eq!((read.content.hash, read.notices.clone()), (log, notices), "{read:?}");
            assert_eq!(read.member.is_some(), read.notices.contains(&Zip));
        }
        for (file, notices) in [
            (zip(&[LOG, LOG]), vec![NotUnpacked]),
            (zip(&[]), vec![NotUnpacked]),
            (zstd(LOG).split_last().unwrap().1.to_vec(), vec![NotUnpacked]),
            (b"BZh91AY".to_vec(), vec![NotUnpacked]),
            (gzip(&[&[0; 257][..], b"ustar"].concat()), vec![NotUnpacked]),
            (zstd(&zstd(&zstd(&zstd(LOG)))), vec![Zstd, Zstd, Zstd, NotUnpacked]),
            (zstd(b""), vec![Zstd, Empty]),
            (Vec::new(), vec![Empty]),
            (gzip(b""), vec![Empty]),
        ] {
            assert_eq!(read_bytes(&file).notices, notices);
        }
    }

    fn size(bytes: &[u8]) -> [u8; 4] {
        u32::try_from(bytes.len()).unwrap().to_le_bytes()
    }

    /// An archive with a deflated member. The directory does not list the one before it.
    fn archive(before: &[u8], behind_the_content: &[u8]) -> Vec<u8> {
        let local = |content: &[u8], more: &[u8]| {
            let mut deflated = Vec::new();
            let mut deflate =
                flate2::write::DeflateEncoder::new(&mut deflated, Compression::fast());
            deflate.write_all(content).unwrap();
            deflate.finish().unwrap();
            deflated.extend_from_slice(more);
            let mut crc = flate2::Crc::new();
            crc.update(content);
            let sizes = [crc.sum().to_le_bytes(), size(&deflated), size(content)].concat();
            let head = [&[20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0][..], &sizes, &[1, 0, 0, 0]].concat();
            ([b"PK\x03\x04", &head[..], b"x", &deflated].concat(), head)
        };
        let (first, _) = local(before, b"");
        let first = if before.is_empty() { Vec::new() } else { first };
        let (member, head) = local(LOG, behind_the_content);
        let at = size(&first);
        let entry = [b"PK\x01\x02\x14\0", &head[..], &[0; 10], &at, b"x"].concat();
        let directory = size(&[&first[..], &member].concat());
        let length = size(&entry);
        let end = [b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &length[..], &directory, &[0, 0]];
        [first, member, entry, end.concat()].concat()
    }

    #[test]
    fn an_archive_that_hides_something_is_not_unpacked() {
        use LookupNotice::{NotUnpacked, Zip};
        let evil = br#"{"Records":[{"eventName":"Evil"}]}"#;
        // Without anything hidden, it is unpacked.
        assert_eq!(read_bytes(&archive(b"", b"")).notices, [Zip]);
        assert_eq!(read_bytes(&archive(b"", b"")).content.hash, read_bytes(LOG).content.hash);
        let skipped = [&0x184d_2a50_u32.to_le_bytes()[..], &34_u32.to_le_bytes(), evil].concat();
        let mut folder = Vec::new();
        let mut writer = ZipArchiveWriter::new(&mut folder);
        for name in ["0.json", "evil.json/"] {
            let (mut entry, config) = writer.new_file(name).start().unwrap();
            let mut content = config.wrap(&mut entry);
            content.write_all(if name == "0.json" { LOG } else { evil }).unwrap();
            let (_, descriptor) = content.finish().unwrap();
            entry.finish(descriptor).unwrap();
        }
        writer.finish().unwrap();
        for (what, file) in [
            ("a member that the directory does not list", archive(evil, b"")),
            ("bytes behind the deflated content", archive(b"", evil)),
            ("bytes behind the archive", [archive(b"", b""), gzip(evil)].concat()),
            ("a folder with content", folder),
            ("a frame that is skipped", [zstd(LOG), skipped].concat()),
        ] {
            assert_eq!(read_bytes(&file).notices, [NotUnpacked], "{what}");
        }
    }

    #[test]
    fn a_bomb_in_a_container_is_not_unpacked() {
        let zeros = vec![0; (64 << 20) + 1];
        for file in [zstd(&zeros), zip(&[&zeros]), zstd(&gzip(&zeros))] {
            let read = read_bytes(&file);
            assert_eq!(read.notices, [LookupNotice::NotUnpacked]);
        }
        let read = read_bytes(&gzip(&zeros));
        assert_eq!((read.notices, read.forms.len()), (vec![LookupNotice::FormsNotTried], 0));
    }

    /// Neither what follows a gzip member nor what follows a fault in it is without a limit.
    #[test]
    fn endless_input_is_refused() {
        for begin in [gzip(LOG), b"\x1f\x8b\x08\x00\xff\xff\xff\xff\xff\xff\xff".to_vec()] {
            let mut endless = begin.chain(io::repeat(b'x'));
            assert!(matches!(read(&mut endless), Err(Unreadable::Stored)));
        }
        assert!(matches!(read(&mut io::repeat(b'x')), Err(Unreadable::Inflated)));
    }

    /// Damaged containers are read without a panic, whatever byte is changed.
    #[test]
    fn damaged_containers_do_not_panic() {
        for whole in [zip(&[LOG]), zstd(LOG), gzip(&gzip(LOG))] {
            for at in 0..whole.len() {
                let _ = read_bytes(&whole[..at]);
                for change in [0x01, 0x80, 0xff] {
                    let mut damaged = whole.clone();
                    damaged[at] ^= change;
                    let _ = read_bytes(&damaged);
                }
            }
        }
    }
}
