//! The few fields of a record that a listing needs: pages are made from them without reading the
//! rest.
use super::lines::{is_place, object};
use super::merged::Told;
use super::record::{Order, Record};
use serde::Deserialize;
use std::borrow::Cow;
use std::io;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::time::Timestamp;

/// An object or a folder as it appears in a listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::source::mirror) struct Entry {
    /// The size and time of the object as it was listed.
    listed: Option<Listed>,
    /// The bytes of the copy.
    copied: Option<u64>,
    unlisted: bool,
    seen: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Listed {
    size: u64,
    last_modified: Option<Timestamp>,
}

impl Entry {
    /// Returns whether the bucket was seen to have it.
    pub(in crate::source::mirror) fn is_there(self) -> bool {
        self.seen || self.listed.is_some() || self.copied.is_some()
    }

    /// Returns the bytes of the object; 0 for a folder.
    pub(in crate::source::mirror) fn size(self) -> u64 {
        self.listed.map(|listed| listed.size).or(self.copied).unwrap_or(0)
    }

    /// Returns when the object was written, according to the listing.
    pub(in crate::source::mirror) fn last_modified(self) -> Option<Timestamp> {
        self.listed.and_then(|listed| listed.last_modified)
    }
}

/// The fields of an entry in a line.
#[derive(Deserialize)]
struct Line<'l> {
    #[serde(borrow)]
    bucket: Cow<'l, str>,
    #[serde(borrow)]
    key: Cow<'l, str>,
    #[serde(default, borrow)]
    listed: Option<ListedLine<'l>>,
    #[serde(default)]
    copied: Option<Size>,
    #[serde(default)]
    unlisted: bool,
    #[serde(default)]
    folder: Option<Folder>,
}

#[derive(Deserialize)]
struct ListedLine<'l> {
    size: u64,
    #[serde(default, borrow)]
    last_modified: Option<Cow<'l, str>>,
}

#[derive(Deserialize)]
struct Size {
    size: u64,
}

#[derive(Deserialize)]
struct Folder {
    #[serde(default)]
    seen: bool,
}

/// Parses a line in its most common spelling: an object that was listed and copied, and nothing
/// more. Complete mirrors are listed, and this takes a fifth of the time of parsing the whole line.
fn usual(line: &[u8]) -> Option<(Order, Entry)> {
    let (bucket, rest) = text(line.strip_prefix(b"{\"bucket\":\"")?)?;
    let (key, rest) = text(rest.strip_prefix(b",\"key\":\"")?)?;
    if bucket.len() + key.len() > budget::KEY_LENGTH {
        return None;
    }
    let (size, rest) = number(rest.strip_prefix(b",\"listed\":{\"size\":")?)?;
    let rest = match rest.strip_prefix(b",\"etag\":\"") {
        Some(rest) => text(rest)?.1,
        None => rest,
    };
    let (last_modified, rest) = match rest.strip_prefix(b",\"last_modified\":\"") {
        Some(rest) => text(rest).map(|(time, rest)| (str::from_utf8(time).ok(), rest))?,
        None => (None, rest),
    };
    let last_modified = last_modified.and_then(Timestamp::parse);
    let (copied, rest) = number(rest.strip_prefix(b"},\"copied\":{\"size\":")?)?;
    // Nothing follows the copy if the two closing braces at the end are those of the copy and of the
    // line: there is no further opening one, or only that of `stored_as`, which closes before them.
    let is_last = rest.starts_with(b",")
        && match memchr::memchr2(b'{', b'\\', rest).map(|at| rest.split_at(at)) {
            None => rest.ends_with(b"\"}}"),
            Some((before, after)) => {
                before.ends_with(b",\"stored_as\":")
                    && after.ends_with(b"}}}")
                    && memchr::memchr2(b'{', b'\\', after.get(1..)?).is_none()
                    && after.starts_with(b"{")
            }
        };
    let path = String::from_utf8([bucket, key].join(&b'/')).ok().filter(|_| is_last)?;
    let listed = Listed { size, last_modified };
    let entry = Entry { listed: Some(listed), copied: Some(copied), ..Entry::default() };
    Some((Order::at(path), entry))
}

/// Returns the text up to the quotation mark, if nothing in it is escaped, and what follows.
fn text(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr2(b'"', b'\\', line)?;
    let rest = line.get(end..)?.strip_prefix(b"\"")?;
    Some((line.get(..end)?, rest))
}

fn number(line: &[u8]) -> Option<(u64, &[u8])> {
    let end = line.iter().position(|byte| !byte.is_ascii_digit())?;
    let (digits, rest) = line.split_at_checked(end)?;
    Some((str::from_utf8(digits).ok()?.parse().ok()?, rest))
}

impl Told for Entry {
    fn parse(line: &[u8]) -> io::Result<(Order, Self)> {
        if let Some(entry) = usual(line) {
            return Ok(entry);
        }
        let line: Line<'_> = object(line)?;
        is_place(&line.bucket, &line.key)?;
        let mut path = String::with_capacity(line.bucket.len() + 1 + line.key.len());
        path.push_str(&line.bucket);
        path.push('/');
        path.push_str(&line.key);
        let entry = Self {
            listed: line.listed.map(|listed| Listed {
                size: listed.size,
                last_modified: listed.last_modified.as_deref().and_then(Timestamp::parse),
            }),
            copied: line.copied.map(|copied| copied.size),
            unlisted: line.unlisted,
            seen: line.folder.as_ref().is_some_and(|folder| folder.seen),
        };
        Ok((Order { path, folder: line.folder.is_some() }, entry))
    }

    fn of(record: &Record) -> Self {
        Self {
            listed: record.listed.as_ref().map(|listed| Listed {
                size: listed.size,
                last_modified: listed.last_modified.as_deref().and_then(Timestamp::parse),
            }),
            copied: record.copied.as_ref().map(|copied| copied.size),
            unlisted: record.unlisted,
            seen: record.folder.as_ref().is_some_and(|folder| folder.seen),
        }
    }

    fn absorb(&mut self, later: Self) {
        if later.unlisted {
            self.listed = None;
            self.unlisted = true;
        }
        if later.listed.is_some() {
            self.listed = later.listed;
            self.unlisted = false;
        }
        self.copied = later.copied.or(self.copied);
        self.seen |= later.seen;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::mirror::ledger::{Copied, FailedAs, FolderAs, ListedAs};

    /// An entry must equal the one of its full record: in a line, alone, and after a different
    /// record.
    #[test]
    fn an_entry_agrees_with_its_record() {
        let base = Record::new("b", "k/\u{1}\"\\x");
        let last_modified = Some("2026-03-01T00:04:11Z".to_owned());
        let listed = |size| {
            let (etag, last_modified) = (Some("e".to_owned()), last_modified.clone());
            Some(ListedAs { size, etag, last_modified })
        };
        let copied = |size| Some(Copied { size, file: Some("f".to_owned()), ..Copied::default() });
        let folder = |seen| Some(FolderAs { seen, ..FolderAs::default() });
        let records = [
            base.clone(),
            Record { listed: listed(1), ..base.clone() },
            Record { listed: listed(2), copied: copied(3), ..base.clone() },
            Record {
                listed: listed(5),
                copied: Some(Copied { size: 6, sha256: "00".to_owned(), ..Copied::default() }),
                ..Record::new("b", "k/\u{fc}")
            },
            Record { copied: copied(4), unlisted: true, ..base.clone() },
            Record { absent: true, unlisted: true, ..base.clone() },
            Record { failed: Some(FailedAs::default()), listed: listed(0), ..base.clone() },
            Record { folder: folder(true), ..base.clone() },
            Record { folder: folder(false), ..base },
        ];
        let mut quickly = 0;
        for first in &records {
            let line = serde_json::to_vec(first).unwrap();
            assert_eq!(Entry::parse(&line).unwrap(), (first.order(), Entry::of(first)));
            if let Some(told) = usual(&line) {
                assert_eq!(told, (first.order(), Entry::of(first)));
                quickly += 1;
            }
            for later in &records {
                let (mut record, mut entry) = (first.clone(), Entry::of(first));
                record.absorb(later.clone());
                entry.absorb(Entry::of(later));
                assert_eq!(entry, Entry::of(&record), "{first:?} {later:?}");
            }
        }
        assert_eq!(quickly, 1, "exactly one of them has the common spelling");
        // Almost the common spelling.
        let copy = "\"copied\":{\"size\":2,\"sha256\":\"00\"}";
        let line = |rest: &str| {
            format!("{{\"bucket\":\"b\",\"key\":\"k\",\"listed\":{{\"size\":1}},{rest}}}")
        };
        let is_usual = |line: &str| usual(line.as_bytes()).is_some();
        assert!(is_usual(&line(copy)));
        for rest in [
            format!("{copy},\"unlisted\":true"),
            format!("{copy},\"folder\":{{\"seen\":true}}"),
            format!("{copy},\"x\":{{\"y\":\"z\"}}"),
            copy.replace("2,", "2e1,"),
            copy.replace("00", "\\u0030"),
            copy.replace("copied", "other"),
        ] {
            assert!(!is_usual(&line(&rest)), "{rest}");
        }
        assert!(!is_usual(&line(copy).replace("\"k\"", "\"\\u006b\"")));
        assert!(!is_usual(&line(copy).replace("\"size\":1", "\"size\":-1")));
        for line in ["", "[]", "{}", "{\"bucket\":\"b\",\"key\":\"k\",\"listed\":{}}"] {
            assert!(Entry::parse(line.as_bytes()).is_err(), "{line}");
        }
    }
}
