//! JSON that is safe to show: characters that control a terminal, or hide in one, are escaped. A
//! parser reads the same values.
use crate::vocab::location::is_unsafe;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};
use std::io::{self, Write};

/// Writes `value` on one line.
///
/// # Errors
///
/// Returns an error if the writer fails.
pub fn write_json(to: impl Write, value: &impl Serialize) -> io::Result<()> {
    Ok(value.serialize(&mut Serializer::with_formatter(to, Shown(CompactFormatter)))?)
}

/// Writes `value` with line breaks, for people.
///
/// # Errors
///
/// Returns an error if the writer fails.
pub fn write_json_pretty(to: impl Write, value: &impl Serialize) -> io::Result<()> {
    let formatter = Shown(PrettyFormatter::new());
    Ok(value.serialize(&mut Serializer::with_formatter(to, formatter))?)
}

/// Returns JSON text with the same values that is safe to show.
pub fn shown_json(text: String) -> String {
    if !text.chars().any(is_unsafe) {
        return text;
    }
    let mut shown = Vec::with_capacity(text.len() + 64);
    // Writing to a vector does not fail.
    let _ = write_fragment(&mut shown, &text);
    String::from_utf8(shown).unwrap_or_default()
}

fn write_fragment<W: ?Sized + Write>(to: &mut W, fragment: &str) -> io::Result<()> {
    // Most text is ASCII. serde_json itself escapes the ASCII that needs it, except for DEL.
    let mut from = 0;
    if !fragment.bytes().any(|byte| byte >= 0x7f) {
        return to.write_all(fragment.as_bytes());
    }
    for (at, character) in fragment.char_indices() {
        if !is_unsafe(character) {
            continue;
        }
        to.write_all(fragment.get(from..at).unwrap_or_default().as_bytes())?;
        for unit in character.encode_utf16(&mut [0; 2]) {
            write!(to, "\\u{unit:04x}")?;
        }
        from = at + character.len_utf8();
    }
    to.write_all(fragment.get(from..).unwrap_or_default().as_bytes())
}

/// A formatter that writes strings that are safe to show.
struct Shown<F>(F);

impl<F: Formatter> Formatter for Shown<F> {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        to: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        write_fragment(to, fragment)
    }

    fn begin_array<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.begin_array(to)
    }

    fn end_array<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_array(to)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(to, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_array_value(to)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.begin_object(to)
    }

    fn end_object<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_object(to)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(to, first)
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_object_key(to)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.begin_object_value(to)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_object_value(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn terminal_control_characters_are_escaped_and_values_are_unchanged() {
        let marks: String = ('\0'..='\u{ffff}').chain('\u{e0000}'..='\u{e0100}').collect();
        for value in [json!({ &marks: [marks, 1, [], {}] }), json!("plain \u{e9} \u{1f600}")] {
            for pretty in [false, true] {
                let mut out = Vec::new();
                match pretty {
                    true => write_json_pretty(&mut out, &value).unwrap(),
                    false => write_json(&mut out, &value).unwrap(),
                }
                let text = String::from_utf8(out).unwrap();
                let raw = text.chars().find(|it| is_unsafe(*it) && *it != '\n');
                assert_eq!(raw, None);
                assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
            }
        }
    }
}
