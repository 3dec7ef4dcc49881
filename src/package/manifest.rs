//! The manifests of a bag: lines of a SHA-256 and a path, as `sha256sum` writes them.
use std::collections::BTreeMap;
use trailproof_core::bytes::content::Hash;
use trailproof_core::vocab::budget::{PACKAGE_FILES, PACKAGE_LINE, SHOWN};
use trailproof_core::vocab::location::excerpt;

/// Declares the version of BagIt and the encoding.
pub(super) const BAGIT: &str = "bagit.txt";
/// Describes the bag.
pub(super) const INFO: &str = "bag-info.txt";
/// Lists the files below `data`.
pub(super) const MANIFEST: &str = "manifest-sha256.txt";
/// Lists the other files.
pub(super) const TAG_MANIFEST: &str = "tagmanifest-sha256.txt";
/// Who made the package, when, where and with what.
pub(super) const CIRCUMSTANCES: &str = "circumstances.json";
/// The signed statement about the package.
pub(super) const SIGNATURE: &str = "package.intoto.jsonl";
/// The document of the package.
pub(super) const DOCUMENT: &str = "data/package.json";

/// Content of `bagit.txt`.
pub(super) const DECLARATION: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";

/// The hashes of files by their paths.
pub(crate) type Sums = BTreeMap<String, Hash>;

/// Returns a manifest. BagIt wants some characters of names encoded; ours have none of them.
pub(crate) fn write(sums: &Sums) -> Vec<u8> {
    let line = |(path, hash): (&String, &Hash)| format!("{}  {path}\n", hex::encode(hash));
    sums.iter().map(line).collect::<String>().into_bytes()
}

/// Returns whether this is a path that a package may have: parts of lower-case letters, digits, `.`, `_`
/// and `-` that do not begin with `.`. It cannot lead out of the package, or be taken for anything else.
pub(super) fn is_ours(path: &str) -> bool {
    let letter = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b"._-".contains(&it);
    let part =
        |part: &str| !part.is_empty() && !part.starts_with(['.', '-']) && part.bytes().all(letter);
    path.len() < PACKAGE_LINE && path.split('/').all(part)
}

/// A manifest that was read.
#[derive(Debug, Default)]
pub(crate) struct Manifest {
    /// The files that it names.
    pub(crate) sums: Sums,
    /// Lines that name no file of a package, each with its number and what is wrong with it.
    pub(crate) wrong: Vec<(usize, String)>,
    /// Whether it has more lines than are read.
    pub(crate) cut: bool,
}

/// Reads a manifest. `payload` tells whether it is the one of files below `data`.
pub(crate) fn read(bytes: &[u8], payload: bool) -> Manifest {
    let mut manifest = Manifest::default();
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    for (at, line) in lines.filter(|(_, line)| !line.is_empty()) {
        if at >= PACKAGE_FILES {
            manifest.cut = true;
            break;
        }
        match entry(line, payload) {
            Ok((path, _)) if manifest.sums.contains_key(&path) => {
                manifest.wrong.push((at + 1, format!("it names `{path}` twice")));
            }
            Ok((path, hash)) => {
                manifest.sums.insert(path, hash);
            }
            Err(why) => manifest.wrong.push((at + 1, why)),
        }
    }
    manifest
}

fn entry(line: &[u8], payload: bool) -> Result<(String, Hash), String> {
    if line.len() > PACKAGE_LINE {
        return Err(format!("it is longer than {PACKAGE_LINE} bytes"));
    }
    let text = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
    let malformed = || format!("it is not a SHA-256 and a path: `{}`", excerpt(text, SHOWN));
    let (hash, path) = text.split_once("  ").ok_or_else(malformed)?;
    let mut sum = Hash::default();
    hex::decode_to_slice(hash, &mut sum).map_err(|_| malformed())?;
    let in_payload = path.starts_with("data/");
    if !is_ours(path) || in_payload != payload {
        return Err(format!("no file of a package has the path `{}`", excerpt(path, SHOWN)));
    }
    Ok((path.to_owned(), sum))
}

/// Returns the name that a copy of a file gets: its number, and of its own name what a path may have.
pub(super) fn copied_name(number: usize, name: &str) -> String {
    let plain = |it: char| match it.to_ascii_lowercase() {
        it if it.is_ascii_lowercase() || it.is_ascii_digit() || "._".contains(it) => it,
        _ => '-',
    };
    let name: String = name.chars().map(plain).collect();
    // The end of a long name tells what kind of file it is.
    let from = name.len().saturating_sub(80);
    format!("{number:02}-{}", name.get(from..).unwrap_or_default())
}

/// Returns `bag-info.txt`.
pub(super) fn info(fields: &[(&str, String)]) -> Vec<u8> {
    let line = |(name, value): &(&str, String)| {
        // A value of several lines would be continued; ours has one.
        format!("{name}: {}\n", trailproof_core::vocab::location::escape(value))
    };
    fields.iter().map(line).collect::<String>().into_bytes()
}

/// Returns the value of a field of `bag-info.txt`.
pub(super) fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUM: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn what_is_written_is_read() {
        let sums = Sums::from([
            ("data/index.html".to_owned(), [1; 32]),
            ("data/2-integrity/record.jsonl.zst".to_owned(), [2; 32]),
        ]);
        let manifest = read(&write(&sums), true);
        assert_eq!((manifest.sums, manifest.wrong.len(), manifest.cut), (sums, 0, false));
    }

    #[test]
    fn a_name_that_could_lead_out_or_be_taken_for_another_is_refused() {
        for path in [
            "data/../x",
            "data/..",
            "/etc/passwd",
            "../x",
            "data//x",
            "data/",
            "data/x\0",
            "data/.x",
            "data/%2e%2e/x",
            "data/x%0Ay",
            "data\\x",
            "./data/x",
            "data/x y",
            "data/\u{1b}[2J",
            "data/X",
            "C:/x",
            "-rf",
            "data/-x",
            "manifest-md5.txt",
        ] {
            let manifest = read(format!("{SUM}  {path}\n").as_bytes(), true);
            assert_eq!((manifest.sums.len(), manifest.wrong.len()), (0, 1), "{path}");
        }
        for line in ["", "x", SUM, &format!("{SUM} data/x"), &format!("{SUM}x  data/x")] {
            assert!(read(line.as_bytes(), true).sums.is_empty(), "{line}");
        }
        let twice = read(format!("{SUM}  data/x\n{SUM}  data/x\n").as_bytes(), true);
        assert_eq!(twice.wrong, [(2, "it names `data/x` twice".to_owned())]);
        let tag = read(format!("{SUM}  data/x\n").as_bytes(), false);
        assert_eq!(tag.wrong.len(), 1);
    }

    #[test]
    fn budgets_end_a_manifest_that_does_not() {
        let long = format!("{SUM}  data/{}\n", "x".repeat(PACKAGE_LINE));
        assert_eq!(read(long.as_bytes(), true).wrong.len(), 1);
        let line = |at: usize| format!("{SUM}  data/{at}\n");
        let many: String = (0..PACKAGE_FILES + 5).map(line).collect();
        let manifest = read(many.as_bytes(), true);
        assert_eq!((manifest.sums.len(), manifest.cut), (PACKAGE_FILES, true));
    }

    #[test]
    fn every_name_can_be_copied() {
        for (name, expected) in [
            ("Tickets Q1.csv", "01-tickets-q1.csv"),
            ("../../etc/passwd", "01-..-..-etc-passwd"),
            ("\u{1b}[2J", "01---2j"),
            ("", "01-"),
        ] {
            let copied = copied_name(1, name);
            assert_eq!(copied, expected);
            assert!(is_ours(&format!("data/4-review/{copied}")), "{copied}");
        }
        let long = copied_name(7, &format!("{}.json", "ü".repeat(500)));
        assert!(long.ends_with(".json") && is_ours(&format!("data/{long}")), "{long}");
    }
}
