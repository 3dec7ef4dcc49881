//! The layout of a looked-up file's content: byte order mark, line ends, white space between JSON
//! tokens, and whether it holds CloudTrail records.
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Deserializer;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fmt;
use trailproof_core::bytes::content::Hash;
use trailproof_core::codes::lookup::LookupNotice;

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// What the content looks like.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The hashes of other forms of the content, each with the changes that led from it to the
    /// content. Forms with fewer changes are first.
    pub(super) forms: Vec<(Hash, Vec<LookupNotice>)>,
    /// What explains that no form matches.
    pub(super) unmatched: Option<LookupNotice>,
    /// Whether it is a digest.
    pub(super) digest: bool,
}

impl Layout {
    pub(super) fn of(content: &[u8]) -> Self {
        let mut forms = Vec::new();
        let (text, changed) = match content.strip_prefix(UTF8_MARK) {
            Some(rest) => (rest.to_vec(), Some(LookupNotice::ByteOrderMarkAdded)),
            None => match from_utf16(content) {
                Some(text) => (text, Some(LookupNotice::ConvertedToUtf16)),
                None => (content.to_vec(), None),
            },
        };
        let changed: Vec<LookupNotice> = changed.into_iter().collect();
        let with = |more: &[LookupNotice]| [&changed[..], more].concat();
        if !changed.is_empty() {
            forms.push((hash(&[&text]), changed.clone()));
        }
        let ends = |text: &[u8], before: &[LookupNotice], forms: &mut Vec<_>| {
            let ended = without_line_ends(text);
            if ended.len() < text.len() {
                let notices = [before, &[LookupNotice::LineEndAdded]].concat();
                forms.push((hash(&[ended]), notices));
            }
            let notices = [before, &[LookupNotice::LineEndRemoved]].concat();
            forms.push((hash(&[text, b"\n"]), notices));
        };
        ends(&text, &changed, &mut forms);
        if text.windows(2).any(|two| two == b"\r\n") {
            let unix = without_carriage_returns(&text);
            let notices = with(&[LookupNotice::LineEndsChanged]);
            forms.push((hash(&[&unix]), notices.clone()));
            ends(&unix, &notices, &mut forms);
        }
        let mut layout = Self { forms, unmatched: None, digest: is_document(&text, DIGEST) };
        if !layout.digest && serde_json::from_slice::<IgnoredAny>(&text).is_err() {
            if is_events(&text) {
                layout.unmatched = Some(LookupNotice::SingleRecords);
            }
            return layout;
        }
        let tokens = without_white_space(&text);
        let has_white_space = tokens.len() < without_line_ends(&text).len();
        if has_white_space {
            let notices = with(&[LookupNotice::WhiteSpaceAdded]);
            layout.forms.push((hash(&[&tokens]), notices));
        }
        if is_events(&text) {
            layout.unmatched = Some(LookupNotice::SingleRecords);
        } else if is_document(&text, LOG) && has_white_space {
            layout.unmatched = Some(LookupNotice::Reformatted);
        }
        layout
    }
}

fn hash(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

/// Returns as UTF-8 what begins with a UTF-16 byte order mark.
fn from_utf16(content: &[u8]) -> Option<Vec<u8>> {
    let (rest, unit): (_, fn([u8; 2]) -> u16) = match content {
        [0xff, 0xfe, rest @ ..] => (rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => (rest, u16::from_be_bytes),
        _ => return None,
    };
    let (pairs, []) = rest.as_chunks::<2>() else { return None };
    let text: Result<String, _> = char::decode_utf16(pairs.iter().copied().map(unit)).collect();
    text.ok().map(String::into_bytes)
}

/// Returns the text without the line ends at its end.
fn without_line_ends(text: &[u8]) -> &[u8] {
    let last = text.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n'));
    text.get(..last.map_or(0, |last| last + 1)).unwrap_or_default()
}

/// Returns the text with LF in place of CR LF.
fn without_carriage_returns(text: &[u8]) -> Vec<u8> {
    let next = text.iter().skip(1).copied().map(Some).chain([None]);
    let pairs = text.iter().copied().zip(next);
    pairs.filter(|pair| *pair != (b'\r', Some(b'\n'))).map(|(byte, _)| byte).collect()
}

/// Returns valid JSON without the white space between its tokens.
fn without_white_space(text: &[u8]) -> Vec<u8> {
    let (mut in_string, mut escaped) = (false, false);
    let mut tokens = text.to_vec();
    tokens.retain(|byte| {
        if in_string {
            in_string = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
            return true;
        }
        in_string = *byte == b'"';
        !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
    });
    tokens
}

/// The fields by which documents are recognised: a log file, a record, a digest.
const LOG: &[&str] = &["Records"];
const EVENT: &[&str] = &["eventName", "eventSource", "eventTime"];
const DIGEST: &[&str] = &["digestEndTime", "digestS3Object", "logFiles"];

/// The fields of a JSON object, as far as documents are recognised by them.
struct Fields(BTreeSet<&'static str>);

impl Fields {
    fn are_of(&self, document: &[&str]) -> bool {
        document.iter().all(|field| self.0.contains(field))
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Objects;

        impl<'de> Visitor<'de> for Objects {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = BTreeSet::new();
                while let Some(name) = map.next_key::<String>()? {
                    let known = [LOG, EVENT, DIGEST].concat().into_iter().find(|it| *it == name);
                    fields.extend(known);
                    map.next_value::<IgnoredAny>()?;
                }
                Ok(Fields(fields))
            }
        }

        from.deserialize_map(Objects)
    }
}

fn is_document(text: &[u8], document: &[&str]) -> bool {
    serde_json::from_slice::<Fields>(text).is_ok_and(|fields| fields.are_of(document))
}

/// Returns whether the text is one record after another, or a list of records.
fn is_events(text: &[u8]) -> bool {
    let is_event = |read: serde_json::Result<Fields>| read.is_ok_and(|it| it.are_of(EVENT));
    let mut one_by_one = Deserializer::from_slice(text).into_iter::<Fields>().peekable();
    if one_by_one.peek().is_some_and(Result::is_ok) {
        return one_by_one.all(is_event);
    }
    let list = serde_json::from_slice::<List>(text);
    list.is_ok_and(|list| list.all_events)
}

/// A list, and whether it holds records and nothing else.
struct List {
    all_events: bool,
}

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Lists;

        impl<'de> Visitor<'de> for Lists {
            type Value = List;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<List, A::Error> {
                let (mut any, mut all) = (false, true);
                while let Some(fields) = list.next_element::<Fields>()? {
                    any = true;
                    all &= fields.are_of(EVENT);
                }
                Ok(List { all_events: any && all })
            }
        }

        from.deserialize_seq(Lists)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailproof_core::codes::lookup::LookupNotice::{
        ByteOrderMarkAdded, ConvertedToUtf16, LineEndAdded, LineEndRemoved, LineEndsChanged,
        Reformatted, SingleRecords, WhiteSpaceAdded,
    };

    fn notices(delivered: &[u8], file: &[u8]) -> Option<Vec<LookupNotice>> {
        let layout = Layout::of(file);
        let expected = hash(&[delivered]);
        layout.forms.into_iter().find(|(hash, _)| *hash == expected).map(|(_, notices)| notices)
    }

    #[test]
    fn a_known_change_of_form_is_undone_and_named() {
        let log = r#"{"Records":[{"a":"b \" \\","c":[1,2]}]}"#;
        let utf16 = |unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
            let text = format!("\u{feff}{log}\r\n");
            text.encode_utf16().flat_map(unit).collect()
        };
        for (file, expected) in [
            (format!("{log}\n").into_bytes(), vec![LineEndAdded]),
            (format!("{log}\r\n").into_bytes(), vec![LineEndAdded]),
            (format!("{log}\n\n").into_bytes(), vec![LineEndAdded]),
            (format!("\u{feff}{log}").into_bytes(), vec![ByteOrderMarkAdded]),
            (format!("\u{feff}{log}\r\n").into_bytes(), vec![ByteOrderMarkAdded, LineEndAdded]),
            (utf16(u16::to_le_bytes), vec![ConvertedToUtf16, LineEndAdded]),
            (utf16(u16::to_be_bytes), vec![ConvertedToUtf16, LineEndAdded]),
            (log.replace(',', ",\r\n\t").into_bytes(), vec![WhiteSpaceAdded]),
            (format!("{log} \n").into_bytes(), vec![WhiteSpaceAdded]),
            (format!("\n{log}").replace(':', ": ").into_bytes(), vec![WhiteSpaceAdded]),
        ] {
            let shown = String::from_utf8_lossy(&file).into_owned();
            assert_eq!(notices(log.as_bytes(), &file), Some(expected), "{shown:?}");
        }
        assert_eq!(notices(b"{}\n", b"{}"), Some(vec![LineEndRemoved]));
        assert_eq!(notices(b"{\n}", b"{\r\n}"), Some(vec![LineEndsChanged]));
        assert_eq!(notices(b"{\n}", b"{\r\n}\r\n"), Some(vec![LineEndsChanged, LineEndAdded]));
        // A change within a string, or of what is no white space, is another content.
        assert_eq!(notices(log.as_bytes(), log.replace("b ", "b  ").as_bytes()), None);
        assert_eq!(notices(log.as_bytes(), log.replace(",2", ",3").as_bytes()), None);
        assert_eq!(notices(b"12", b"1 2"), None);
    }

    #[test]
    fn records_in_another_layout_are_recognised() {
        let event = r#"{"eventName":"a","eventSource":"b","eventTime":"c","d":{"e":1}}"#;
        for (file, expected) in [
            (format!(r#"{{"Records":[{event}]}}"#), None),
            (format!(r#"{{"Records": [{event}]}}"#), Some(Reformatted)),
            (event.to_owned(), Some(SingleRecords)),
            (format!("{event}\n{event}\n"), Some(SingleRecords)),
            (format!("[{event}, {event}]"), Some(SingleRecords)),
            (format!("{event}\n{event}x"), None),
            ("[]".to_owned(), None),
            ("[1,2,3]".to_owned(), None),
            ("[[1,2,3]]".to_owned(), None),
            ("{ }".to_owned(), None),
            (String::new(), None),
            ("[".repeat(100_000), None),
        ] {
            assert_eq!(Layout::of(file.as_bytes()).unmatched, expected, "{file:.80}");
        }
        assert!(Layout::of(br#"{"digestEndTime":1,"digestS3Object":2,"logFiles":[]}"#).digest);
    }
}
