//! `--export exceptions=FILE`: everything that forbids "proven" and that no exception accepts yet, as a
//! file for `--accept`. Whoever reviews it fills in why, by whom and until when: empty fields are
//! refused.
use super::RunReporter;
use std::io::{self, Write};
use trailproof_core::record::{
    ExceptionIndex, Objection, ObjectionCode, Objections, PlaceInDoubt, RunEvent,
};
use trailproof_core::vocab::budget::EXCEPTIONS;
use trailproof_core::vocab::chain_id::ChainHome;
use trailproof_core::vocab::location::escape;

/// The reporter for `--export exceptions=FILE`.
pub struct ExceptionsToReview<W: Write> {
    out: W,
    objections: Objections,
    accepted: ExceptionIndex,
    /// The bucket of delivery.
    bucket: String,
    written: usize,
    left_out: u64,
}

impl<W: Write> ExceptionsToReview<W> {
    /// Returns a reporter that writes each entry to `out` as it is found.
    pub fn new(out: W) -> Self {
        let (objections, accepted) = (Objections::default(), ExceptionIndex::default());
        Self { out, objections, accepted, bucket: String::new(), written: 0, left_out: 0 }
    }
}

impl<W: Write + Send> RunReporter for ExceptionsToReview<W> {
    fn event(&mut self, event: &RunEvent) -> io::Result<()> {
        if let RunEvent::RunStarted(start) = event {
            self.accepted = start.exception_index().unwrap_or_default();
            self.bucket.clone_from(&start.place.delivered_to.bucket);
            writeln!(
                self.out,
                "# What forbids `proven`. Delete what is not acceptable, and fill in the empty fields \
                 of\n# the rest: why it is accepted, who approved it, and until when (2026-12-31)."
            )?;
        }
        let Self { out, objections, accepted, bucket, written, left_out } = self;
        let mut lost = None;
        objections.take(event, &mut |objection, number| {
            let Some(objection) = objection.filter(|_| *written < EXCEPTIONS) else {
                *left_out += number;
                return;
            };
            if !accepted.find(objection).is_some_and(|(_, accepts)| accepts) {
                *written += 1;
                lost = lost.take().or(out.write_all(entry(objection, bucket).as_bytes()).err());
            }
        });
        lost.map_or(Ok(()), Err)
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.left_out > 0 {
            let number = self.left_out;
            writeln!(self.out, "\n# {number} more are left out: a file has {EXCEPTIONS} at most.")?;
        }
        self.out.flush()
    }
}

fn entry(objection: &Objection<'_>, bucket: &str) -> String {
    let (code, fields) = match *objection {
        Objection::Object(code, at) => (code, vec![("object", at.uri())]),
        Objection::Folder(code, folder) => (code, vec![("folder", folder.to_owned())]),
        Objection::Chain(code, chain) => (
            ObjectionCode::Finding(code),
            vec![
                ("account", chain.account.to_string()),
                ("region", chain.source_region.to_string()),
                ("trail", chain.trail.to_string()),
            ]
            .into_iter()
            .chain(home_fields(&chain.home()))
            .collect(),
        ),
        Objection::Place(PlaceInDoubt { why, folder, folders: Some(folders), .. }) => {
            let (code, folder) = (why.code(), escape(folder.as_deref().unwrap_or_default()));
            return format!(
                "\n# {code}: {folders} folders in `{folder}`. What is only counted cannot be accepted: \
                 name\n# narrower locations.\n"
            );
        }
        Objection::Place(place) => (ObjectionCode::Place(place.why), place_fields(place)),
        Objection::Time(chain, segment) => (
            ObjectionCode::Time(segment.coverage),
            vec![
                ("account", chain.account.to_string()),
                ("region", chain.source_region.to_string()),
                ("trail", chain.trail.to_string()),
                ("from", segment.from.to_string()),
                ("to", segment.to.to_string()),
            ]
            .into_iter()
            .chain(home_fields(&chain.home()))
            .collect(),
        ),
    };
    let mut text = format!("\n[[exception]]\ncode = {}\n", quoted(code.code()));
    // An object names its bucket itself.
    if !matches!(objection, Objection::Object(..)) {
        text.push_str(&format!("bucket = {}\n", quoted(bucket)));
    }
    for (name, value) in fields {
        text.push_str(&format!("{name} = {}\n", quoted(&value)));
    }
    text.push_str("reason = \"\"\napproved-by = \"\"\nuntil = \"\"\n");
    text
}

fn place_fields(place: &PlaceInDoubt) -> Vec<(&'static str, String)> {
    if let Some(folder) = &place.folder {
        return vec![("folder", folder.clone())];
    }
    let account = place.account.as_ref().map(ToString::to_string);
    let region = place.region.as_ref().map(ToString::to_string);
    let named = [("account", account), ("region", region), ("trail", place.trail.clone())];
    let named = named.into_iter().filter_map(|(name, value)| Some((name, value?)));
    named.chain(place.home.iter().flat_map(home_fields)).collect()
}

fn home_fields(home: &ChainHome) -> Vec<(&'static str, String)> {
    let organization = home.organization.as_ref();
    let organization = organization.map(|organization| ("organization", organization.to_string()));
    std::iter::once(("home-region", home.region.to_string())).chain(organization).collect()
}

/// Returns a text as TOML spells it, with everything that could control a terminal spelled out.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    let mut bytes = [0; 4];
    for character in text.chars() {
        let is_plain = escape(character.encode_utf8(&mut bytes)).len() == character.len_utf8();
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            _ if is_plain => quoted.push(character),
            _ => quoted.push_str(&format!("\\U{:08x}", u32::from(character))),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_read_back_from_toml() {
        for text in ["", "a b", "\"\\", "\u{1b}[2J\r\n\t\u{7f}", "\u{202e}x\u{200b}", "日\u{e0041}"]
        {
            let table: toml::Table = format!("x = {}", quoted(text)).parse().unwrap();
            assert_eq!(table["x"].as_str(), Some(text));
            assert!(!quoted(text).chars().any(char::is_control), "{text:?}");
        }
    }
}
