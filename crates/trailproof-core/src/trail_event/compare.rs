//! Compares the events of two contents of one log file: what CloudTrail wrote, which a digest proves,
//! and what lies there instead.
//!
//! Events are compared as multisets by `eventID`. The order of events and of fields, blanks and the
//! way in which letters are escaped count as equal; different digits of a number do not. Secrets are
//! compared, and never returned.
use super::contents::{Scan, events, without_secrets};
use super::search::{TrailEvent, event_of};
use crate::record::wire::shown_json;
use crate::vocab::budget::{DIFF_EVENTS, DIFF_FIELDS, DIFF_VALUE};
use serde::Deserialize;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// How the events of the current content differ from those of the proven one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Number of events that both contents have.
    pub same: u64,
    /// Number of events that only the current content has.
    pub added: u64,
    /// Number of events that only the proven content has.
    pub removed: u64,
    /// Number of events whose fields differ.
    pub changed: u64,
    /// Number of events of either content that cannot be compared: they are not JSON, are nested too
    /// deeply, or have a field twice.
    pub not_compared: u64,
    /// The changes, by `eventID`, up to a limit.
    pub changes: Vec<EventChange>,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Only the current content has it: nothing proves it.
    Added,
    /// Only the proven content has it.
    Removed,
    /// The proven content has it with different fields.
    Changed,
}

impl Change {
    /// Returns the stable code for machines; never renamed once released.
    pub fn code(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

/// An event that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventChange {
    /// What became of it.
    pub change: Change,
    /// The event: as the proven content has it, unless it was added.
    pub event: TrailEvent,
    /// The fields that differ, if it was changed, up to a limit.
    pub fields: Vec<FieldChange>,
    /// Number of fields beyond that limit.
    pub fields_left_out: u64,
}

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    /// JSON pointer to it.
    pub pointer: String,
    /// Its value in the proven content, as JSON without secrets; `None` if it is not there.
    pub old: Option<String>,
    /// Its value in the current content.
    pub new: Option<String>,
    /// Whether one of the values is longer than is kept.
    pub cut: bool,
}

#[derive(Deserialize)]
struct Id {
    #[serde(rename = "eventID")]
    event_id: Option<String>,
}

/// The texts of the events with one id: of the proven content, and of the current one.
type Sides<'c> = (Vec<&'c [u8]>, Vec<&'c [u8]>);

/// Compares the contents. Returns `None` if one of them does not have the form of a log file.
pub fn compare(proven: &[u8], current: &[u8]) -> Option<Comparison> {
    let (proven, current) = (events(proven)?, events(current)?);
    let mut compared = Comparison::default();
    let mut by_id: BTreeMap<String, Sides<'_>> = BTreeMap::new();
    let texts = proven.into_iter().map(|text| (text, true));
    for (text, is_proven) in texts.chain(current.into_iter().map(|text| (text, false))) {
        let Ok(Id { event_id }) = serde_json::from_slice(text) else {
            compared.not_compared += 1;
            continue;
        };
        let sides = by_id.entry(event_id.unwrap_or_default()).or_default();
        if is_proven { &mut sides.0 } else { &mut sides.1 }.push(text);
    }
    for (id, (old, new)) in by_id {
        compared.of_one_id(id.is_empty(), old, new);
    }
    Some(compared)
}

impl Comparison {
    /// Compares the events with one id. Events without an id are not the same event changed.
    fn of_one_id(&mut self, is_without_id: bool, old: Vec<&[u8]>, new: Vec<&[u8]>) {
        // What is the same to the byte needs no look into it.
        let (old, new, same) = without_pairs(old, new, Ord::cmp);
        self.same += same;
        let (old, new) = (self.parsed(old), self.parsed(new));
        let (old, new, same) = without_pairs(old, new, |one, other| one.0.cmp(&other.0));
        self.same += same;
        let pairs = if is_without_id { 0 } else { old.len().min(new.len()) };
        for ((old, text), (new, of_new)) in old.iter().zip(&new).take(pairs) {
            self.changed += 1;
            self.push(Change::Changed, text, Some((old, new, of_new)));
        }
        for (_, text) in old.iter().skip(pairs) {
            self.removed += 1;
            self.push(Change::Removed, text, None);
        }
        for (_, text) in new.iter().skip(pairs) {
            self.added += 1;
            self.push(Change::Added, text, None);
        }
    }

    fn parsed<'c>(&mut self, texts: Vec<&'c [u8]>) -> Vec<(Node<'c>, &'c [u8])> {
        let mut parsed = Vec::new();
        for text in texts {
            match parse(text) {
                Some(node) => parsed.push((node, text)),
                None => self.not_compared += 1,
            }
        }
        parsed
    }

    fn push(&mut self, change: Change, text: &[u8], values: Option<(&Node<'_>, &Node<'_>, &[u8])>) {
        if self.changes.len() >= DIFF_EVENTS {
            return;
        }
        let Some(event) = event_of(text) else {
            // Its fields do not have the types of an event's.
            let json = without_secrets(text);
            let (json, redacted) = json.unwrap_or_default();
            let event = TrailEvent { json, redacted, ..TrailEvent::default() };
            return self.changes.push(EventChange {
                change,
                event,
                fields: Vec::new(),
                fields_left_out: 0,
            });
        };
        let mut fields = Fields::default();
        if let Some((old, new, of_new)) = values {
            let shown = |text| without_secrets(text).map(|(json, _)| json).unwrap_or_default();
            let (old_shown, new_shown) = (shown(text), shown(of_new));
            let (old_shown, new_shown) = (parse(old_shown.as_bytes()), parse(new_shown.as_bytes()));
            let sides = [(Some(old), old_shown.as_ref()), (Some(new), new_shown.as_ref())];
            fields.compare(&mut String::new(), sides);
        }
        let Fields { found, left_out } = fields;
        self.changes.push(EventChange { change, event, fields: found, fields_left_out: left_out });
    }
}

/// Returns both lists, sorted, without the pairs of equal elements, and the number of pairs.
fn without_pairs<T>(
    mut old: Vec<T>,
    mut new: Vec<T>,
    order: impl Fn(&T, &T) -> Ordering,
) -> (Vec<T>, Vec<T>, u64) {
    old.sort_by(&order);
    new.sort_by(&order);
    let (mut only_old, mut only_new, mut pairs) = (Vec::new(), Vec::new(), 0);
    let mut new = new.into_iter().peekable();
    for one in old {
        while let Some(less) = new.next_if(|other| order(other, &one).is_lt()) {
            only_new.push(less);
        }
        match new.next_if(|other| order(other, &one).is_eq()) {
            Some(_) => pairs += 1,
            None => only_old.push(one),
        }
    }
    only_new.extend(new);
    (only_old, only_new, pairs)
}

/// A JSON value with the digits of its numbers as they are written.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Node<'c> {
    /// A number, `true`, `false` or `null`.
    Plain(&'c str),
    Text(Cow<'c, str>),
    List(Vec<Node<'c>>),
    Map(BTreeMap<Cow<'c, str>, Node<'c>>),
}

/// Returns the value; `None` if it is not JSON, is nested too deeply, or has a field twice.
fn parse(text: &[u8]) -> Option<Node<'_>> {
    // The scan accepts some texts that are not JSON.
    serde_json::from_slice::<serde_json::Value>(text).ok()?;
    let mut scan = Scan::of(text);
    let node = node(&mut scan, 0)?;
    scan.is_at_end().then_some(node)
}

fn node<'c>(scan: &mut Scan<'c>, depth: usize) -> Option<Node<'c>> {
    scan.blank();
    Some(match scan.peek()? {
        b'{' => {
            let mut map = BTreeMap::new();
            scan.object(depth, |scan, name| {
                let name = scan.text(name);
                let value = node(scan, depth + 1)?;
                map.insert(name, value).is_none().then_some(())
            })?;
            Node::Map(map)
        }
        b'[' => {
            let mut list = Vec::new();
            scan.list(depth, |scan| {
                list.push(node(scan, depth + 1)?);
                Some(())
            })?;
            Node::List(list)
        }
        b'"' => {
            let quoted = scan.string()?;
            Node::Text(scan.text(&quoted))
        }
        _ => {
            let plain = scan.plain()?;
            Node::Plain(std::str::from_utf8(scan.bytes(plain)?).ok()?)
        }
    })
}

impl Node<'_> {
    /// Appends the value as JSON, until there are more bytes than are kept.
    fn write(&self, to: &mut String) {
        if to.len() > DIFF_VALUE {
            return;
        }
        match self {
            Self::Plain(text) => to.push_str(text),
            Self::Text(text) => to.push_str(&serde_json::to_string(text).unwrap_or_default()),
            Self::List(list) => {
                to.push('[');
                for (at, value) in list.iter().enumerate() {
                    to.push_str(if at > 0 { "," } else { "" });
                    value.write(to);
                    if to.len() > DIFF_VALUE {
                        return;
                    }
                }
                to.push(']');
            }
            Self::Map(map) => {
                to.push('{');
                for (at, (name, value)) in map.iter().enumerate() {
                    to.push_str(if at > 0 { "," } else { "" });
                    to.push_str(&serde_json::to_string(name).unwrap_or_default());
                    to.push(':');
                    value.write(to);
                    if to.len() > DIFF_VALUE {
                        return;
                    }
                }
                to.push('}');
            }
        }
    }
}

/// A value as it is compared, and as it is shown, without secrets.
type Side<'n, 'c, 's> = (Option<&'n Node<'c>>, Option<&'n Node<'s>>);

#[derive(Default)]
struct Fields {
    found: Vec<FieldChange>,
    left_out: u64,
}

impl Fields {
    fn compare(&mut self, pointer: &mut String, [old, new]: [Side<'_, '_, '_>; 2]) {
        if old.0 == new.0 {
            return;
        }
        let above = pointer.len();
        match (old, new) {
            (
                (Some(Node::Map(a)), Some(Node::Map(sa))),
                (Some(Node::Map(b)), Some(Node::Map(sb))),
            ) => {
                let names: BTreeSet<&str> = a.keys().chain(b.keys()).map(AsRef::as_ref).collect();
                for name in names {
                    pointer.push('/');
                    pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                    self.compare(
                        pointer,
                        [(a.get(name), sa.get(name)), (b.get(name), sb.get(name))],
                    );
                    pointer.truncate(above);
                }
            }
            (
                (Some(Node::List(a)), Some(Node::List(sa))),
                (Some(Node::List(b)), Some(Node::List(sb))),
            ) => {
                for at in 0..a.len().max(b.len()) {
                    pointer.push_str(&format!("/{at}"));
                    self.compare(pointer, [(a.get(at), sa.get(at)), (b.get(at), sb.get(at))]);
                    pointer.truncate(above);
                }
            }
            _ => self.push(pointer, old, new),
        }
    }

    fn push(&mut self, pointer: &str, old: Side<'_, '_, '_>, new: Side<'_, '_, '_>) {
        if self.found.len() >= DIFF_FIELDS {
            self.left_out += 1;
            return;
        }
        let mut cut = false;
        let mut kept = |text: String| {
            let text = shown_json(text);
            let end = text.floor_char_boundary(DIFF_VALUE);
            cut |= end < text.len();
            text.get(..end).unwrap_or_default().to_owned()
        };
        let mut value = |(value, shown): Side<'_, '_, '_>| {
            value?;
            let mut text = String::new();
            match shown {
                Some(shown) => shown.write(&mut text),
                None => text.push_str("\"[redacted]\""),
            }
            Some(kept(text))
        };
        let (old, new) = (value(old), value(new));
        let pointer = kept(pointer.to_owned());
        self.found.push(FieldChange { pointer, old, new, cut });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn content(events: &[Value]) -> Vec<u8> {
        json!({ "Records": events }).to_string().into_bytes()
    }

    fn event(id: &str, name: &str) -> Value {
        json!({"eventID": id, "eventName": name, "eventTime": "2026-03-01T00:00:00Z"})
    }

    fn told(compared: &Comparison) -> Vec<(&'static str, &str, &str)> {
        let changes = compared.changes.iter();
        changes.map(|it| (it.change.code(), &*it.event.id, &*it.event.name)).collect()
    }

    fn counts(it: &Comparison) -> [u64; 5] {
        [it.same, it.added, it.removed, it.changed, it.not_compared]
    }

    #[test]
    fn events_are_compared_as_multisets() {
        let (a, b, c) = (event("a", "A"), event("b", "B"), event("c", "C"));
        let other = event("b", "Other");
        for (old, new, expected, changes) in [
            (vec![a.clone(), b.clone()], vec![b.clone(), a.clone()], [2, 0, 0, 0, 0], vec![]),
            (
                vec![a.clone(), b.clone()],
                vec![other.clone(), c.clone()],
                [0, 1, 1, 1, 0],
                vec![("removed", "a", "A"), ("changed", "b", "B"), ("added", "c", "C")],
            ),
            // The same event twice is one more than once.
            (
                vec![a.clone()],
                vec![a.clone(), a.clone()],
                [1, 1, 0, 0, 0],
                vec![("added", "a", "A")],
            ),
            (
                vec![b.clone(), b.clone()],
                vec![b.clone(), other.clone()],
                [1, 0, 0, 1, 0],
                vec![("changed", "b", "B")],
            ),
            // Without an id, nothing says which event became which.
            (
                vec![json!({"eventName": "A"})],
                vec![json!({"eventName": "B"})],
                [0, 1, 1, 0, 0],
                vec![("removed", "", "A"), ("added", "", "B")],
            ),
        ] {
            let compared = compare(&content(&old), &content(&new)).unwrap();
            assert_eq!(counts(&compared), expected, "{old:?} {new:?}");
            assert_eq!(told(&compared), changes);
        }
        assert_eq!(compare(b"{}", &content(&[])), None);
        assert_eq!(compare(&content(&[]), b"not a log file"), None);
    }

    #[test]
    fn how_json_is_written_is_no_difference_and_digits_are() {
        let of = |text: &str| format!("{{\"Records\":[{text}]}}").into_bytes();
        let one = of(r#"{"eventID":"a","x":{"b":1,"c":"<é"},"n":1.0}"#);
        for (text, changed) in [
            (r#"{ "n" : 1.0, "x":{"c":"\u003c\u00e9","b":1}, "eventID":"a" }"#, 0),
            (r#"{"eventID":"a","x":{"b":1,"c":"<é"},"n":1.00}"#, 1),
            (r#"{"eventID":"a","x":{"b":"1","c":"<é"},"n":1.0}"#, 1),
        ] {
            let compared = compare(&one, &of(text)).unwrap();
            assert_eq!((compared.changed, compared.not_compared), (changed, 0), "{text}");
        }
        let large =
            |digit: u8| of(&format!(r#"{{"eventID":"a","n":1234567890123456789012{digit}}}"#));
        assert_eq!(compare(&large(1), &large(2)).unwrap().changed, 1);
    }

    /// A reader that takes the first of two fields and one that takes the last see different events.
    #[test]
    fn an_event_with_a_field_twice_is_never_the_same() {
        let of = |text: &str| format!("{{\"Records\":[{text}]}}").into_bytes();
        let one = of(r#"{"eventID":"a","x":{"y":1}}"#);
        for (text, expected) in [
            (r#"{"eventID":"a","x":{"y":2,"y":1}}"#, [0, 0, 1, 0, 1]),
            (r#"{"eventID":"b","eventID":"a","x":{"y":1}}"#, [0, 0, 1, 0, 1]),
            (r#"{"eventID":"a","x":+1}"#, [0, 0, 1, 0, 1]),
        ] {
            assert_eq!(counts(&compare(&one, &of(text)).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn changed_fields_are_named_by_pointer_and_secrets_are_not_shown() {
        let with = |more: Value| {
            let mut event = event("a", "AssumeRole");
            event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            event
        };
        let old = with(json!({
            "requestParameters": {"a/b": {"~c": [1, 2]}, "kept": true, "gone": null},
            "responseElements": {"credentials": {"sessionToken": "OLD-SECRET"}},
        }));
        let new = with(json!({
            "requestParameters": {"a/b": {"~c": [1, 3, "\u{1b}[2J"]}, "kept": true},
            "responseElements": {"credentials": {"sessionToken": {"x": "NEW-SECRET"}}},
            "userAgent": "u",
        }));
        let compared = compare(&content(&[old]), &content(&[new])).unwrap();
        let fields = &compared.changes[0].fields;
        let told: Vec<_> = fields
            .iter()
            .map(|it| (it.pointer.as_str(), it.old.as_deref(), it.new.as_deref()))
            .collect();
        let redacted = Some("\"[redacted]\"");
        assert_eq!(
            told,
            [
                ("/requestParameters/a~1b/~0c/1", Some("2"), Some("3")),
                ("/requestParameters/a~1b/~0c/2", None, Some("\"\\u001b[2J\"")),
                ("/requestParameters/gone", Some("null"), None),
                ("/responseElements/credentials/sessionToken", redacted, redacted),
                ("/userAgent", None, Some("\"u\"")),
            ]
        );
        assert!(!format!("{compared:?}").contains("SECRET"), "{compared:?}");
    }

    #[test]
    fn what_is_listed_is_bounded_and_what_is_counted_is_not() {
        let many = |from: usize, to: usize| -> Vec<u8> {
            content(&(from..to).map(|id| event(&id.to_string(), "A")).collect::<Vec<_>>())
        };
        let compared = compare(&many(0, DIFF_EVENTS), &many(DIFF_EVENTS, 3 * DIFF_EVENTS)).unwrap();
        let number = u64::try_from(DIFF_EVENTS).unwrap();
        assert_eq!(counts(&compared), [0, 2 * number, number, 0, 0]);
        assert_eq!(compared.changes.len(), DIFF_EVENTS);
        // One id for all of them takes no longer.
        let same = |name: &str| content(&vec![event("a", name); 20_000]);
        assert_eq!(counts(&compare(&same("A"), &same("B")).unwrap()), [0, 0, 0, 20_000, 0]);
        let list = |from: usize| {
            json!({"eventID": "a", "x": (from..from + 500).collect::<Vec<_>>(),
            "y": "z".repeat(2 * DIFF_VALUE + from)})
        };
        let compared = compare(&content(&[list(0)]), &content(&[list(1)])).unwrap();
        let change = &compared.changes[0];
        assert_eq!(change.fields.len(), DIFF_FIELDS);
        assert_eq!(change.fields_left_out, 501 - u64::try_from(DIFF_FIELDS).unwrap());
        let long = |from: usize| json!({"eventID": "a", "y": "z".repeat(2 * DIFF_VALUE + from)});
        let compared = compare(&content(&[long(0)]), &content(&[long(1)])).unwrap();
        let field = &compared.changes[0].fields[0];
        assert!(field.cut && field.old.as_ref().unwrap().len() <= DIFF_VALUE);
    }
}
