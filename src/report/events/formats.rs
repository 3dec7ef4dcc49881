//! Writes hits as text, one JSON document, JSON lines or CSV.
use super::searched::{EventHit, EventsSearched};
use crate::report::numbers::{counted, hours};
use csv::{Terminator, Writer, WriterBuilder};
use serde_json::{Value, json, to_value};
use std::io::{self, Write};
use trailproof_core::record::wire::{Time, write_json};
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::location::{ObjectLocation, excerpt};

/// Number of the schema of the JSON forms. Any version may add a field; changing or removing one
/// requires a new number.
const SCHEMA: u32 = 1;

/// Columns of the table.
const COLUMNS: [&str; 19] = [
    "time",
    "event_name",
    "event_source",
    "principal",
    "user",
    "access_key",
    "source_ip",
    "user_agent",
    "error",
    "account",
    "region",
    "category",
    "resources",
    "event_id",
    "log_file",
    "log_file_sha256",
    "digest",
    "digest_sha256",
    "proofs",
];

/// Formats of the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventFormat {
    /// Text for people.
    Text,
    /// One document.
    Json,
    /// One event per line.
    JsonLines,
    /// A table.
    Csv,
}

/// Writes hits as they come, and what was searched at the end.
pub(crate) struct EventWriter<W: Write> {
    to: Form<W>,
    begun: bool,
}

enum Form<W: Write> {
    Text(W),
    Json(W),
    JsonLines(W),
    Csv(Box<Writer<W>>),
}

impl<W: Write> EventWriter<W> {
    /// Returns a writer of this format.
    pub(crate) fn new(format: EventFormat, out: W) -> Self {
        let to = match format {
            EventFormat::Text => Form::Text(out),
            EventFormat::Json => Form::Json(out),
            EventFormat::JsonLines => Form::JsonLines(out),
            EventFormat::Csv => {
                let mut table = WriterBuilder::new();
                Form::Csv(Box::new(table.terminator(Terminator::Any(b'\n')).from_writer(out)))
            }
        };
        Self { to, begun: false }
    }

    /// Writes one hit.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub(crate) fn hit(&mut self, hit: EventHit<'_>) -> io::Result<()> {
        let first = !std::mem::replace(&mut self.begun, true);
        match &mut self.to {
            Form::Text(out) => write_text(out, hit),
            Form::Json(out) => {
                let between = if first { "{\"events\":[\n" } else { ",\n" };
                out.write_all(between.as_bytes())?;
                write_line(out, hit)
            }
            Form::JsonLines(out) => {
                write_line(out, hit)?;
                out.write_all(b"\n")
            }
            Form::Csv(out) => {
                if first {
                    out.write_record(COLUMNS)?;
                }
                Ok(out.write_record(row(hit).iter().map(|cell| guarded(cell)))?)
            }
        }
    }

    /// Writes what is left. Text and JSON end with what was searched; lines and tables hold events
    /// alone.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub(crate) fn finish(self, searched: &EventsSearched) -> io::Result<()> {
        match self.to {
            Form::Text(mut out) => {
                if self.begun {
                    writeln!(out)?;
                }
                for line in summary(searched) {
                    writeln!(out, "{line}")?;
                }
                out.flush()
            }
            Form::Json(mut out) => {
                let begin = if self.begun { "" } else { "{\"events\":[" };
                write!(out, "{begin}\n],\"schema\":{SCHEMA},\"searched\":")?;
                write_json(&mut out, &searched_json(searched)?)?;
                out.write_all(b"}\n")?;
                out.flush()
            }
            Form::JsonLines(mut out) => out.flush(),
            Form::Csv(mut out) => {
                if !self.begun {
                    out.write_record(COLUMNS)?;
                }
                out.flush()
            }
        }
    }
}

/// Writes the event as it is in the log file, with where it was found.
fn write_line(out: &mut impl Write, EventHit { log, event }: EventHit<'_>) -> io::Result<()> {
    let digest = &log.digest;
    let proof = json!({
        "log_file": log.at.uri(),
        "log_file_sha256": hex::encode(log.hash),
        "digest": digest.at.uri(),
        "digest_sha256": hex::encode(digest.hash),
        "digest_from": to_value(Time(digest.start))?,
        "digest_to": to_value(Time(digest.end))?,
        "proofs": digest.proofs.codes(),
        "fingerprint": digest.fingerprint,
        "redacted": event.redacted,
    });
    write!(out, "{{\"event\":{},\"proof\":", event.json)?;
    write_json(&mut *out, &proof)?;
    out.write_all(b"}")
}

fn write_text(out: &mut impl Write, EventHit { log, event }: EventHit<'_>) -> io::Result<()> {
    let shown = |text: &str| excerpt(text, SHOWN);
    let time = event.time.map_or_else(|| "(no time)".to_owned(), |time| time.to_string());
    let who = if event.principal.is_empty() { "(unknown)" } else { &event.principal };
    let error = match event.error.as_str() {
        "" => String::new(),
        code => format!(" ({})", shown(code)),
    };
    writeln!(
        out,
        "{time} {}{error} by {} from {}",
        shown(&event.name),
        shown(who),
        shown(&event.address)
    )?;
    let mut about = vec![format!("{} in {}", shown(&event.source), shown(&event.region))];
    if !event.access_key.is_empty() {
        about.push(format!("access key {}", shown(&event.access_key)));
    }
    if !event.id.is_empty() {
        about.push(format!("event {}", shown(&event.id)));
    }
    writeln!(out, "  {}", about.join(", "))?;
    for resource in event.resources.iter().take(4) {
        writeln!(out, "  resource {}", shown(resource))?;
    }
    writeln!(out, "  log file {}", log.at.excerpt())?;
    let proofs = log.digest.proofs.codes().join(", ");
    writeln!(out, "  digest {} ({proofs})", log.digest.at.excerpt())
}

fn row(EventHit { log, event }: EventHit<'_>) -> [String; COLUMNS.len()] {
    let digest = &log.digest;
    [
        event.time.map(|time| time.to_string()).unwrap_or_default(),
        event.name.clone(),
        event.source.clone(),
        event.principal.clone(),
        event.user.clone(),
        event.access_key.clone(),
        event.address.clone(),
        event.agent.clone(),
        event.error.clone(),
        event.account.clone(),
        event.region.clone(),
        event.category.clone(),
        event.resources.join(" "),
        event.id.clone(),
        log.at.uri(),
        hex::encode(log.hash),
        digest.at.uri(),
        hex::encode(digest.hash),
        digest.proofs.codes().join(" "),
    ]
}

/// Returns a cell that no spreadsheet takes for a formula, and that controls no terminal.
pub(crate) fn guarded(cell: &str) -> String {
    let shown = trailproof_core::vocab::location::escape(cell).into_owned();
    // Some spreadsheets take the full-width forms for the same, and pass over blanks before them.
    let begins = ['=', '+', '-', '@', '|', '＝', '＋', '－', '＠', '﹣', '﹢', '﹦', '﹫'];
    match shown.trim_start().starts_with(begins) || cell.starts_with(['\t', '\r', '\n']) {
        true => format!("'{shown}"),
        false => shown,
    }
}

/// Returns what was searched, in lines.
pub(crate) fn summary(searched: &EventsSearched) -> Vec<String> {
    let mut lines = vec![format!(
        "{} in {} of {} searched, in {}",
        counted(searched.events, "event"),
        searched.with_events,
        counted(searched.log_files, "log file"),
        counted(searched.chains, "chain"),
    )];
    for (at, code) in &searched.first_changed {
        lines.push(format!("changed: {} ({code})", at.excerpt()));
    }
    for (at, why) in &searched.first_unread {
        lines.push(format!("not read: {} ({why})", at.excerpt()));
    }
    for (at, why) in &searched.first_not_confirmed {
        lines.push(format!("not confirmed: {} ({})", at.excerpt(), why.words()));
    }
    for at in &searched.first_not_parsed {
        lines.push(format!("not parsed: {}", at.excerpt()));
    }
    let missing = left_out(searched);
    if !missing.is_empty() {
        lines.push(format!("not searched: {}", missing.join(", ")));
    }
    if searched.pending_seconds > 0 {
        lines.push(format!(
            "{} of chain time not searched yet: its digests are not due",
            hours(searched.pending_seconds)
        ));
    }
    lines.push(match searched.logs_unlisted {
        None => {
            "log files that no digest names were not looked for: `trailproof verify` reports them"
                .to_owned()
        }
        Some(0) => {
            "according to the record, no log file lies there that no digest names".to_owned()
        }
        Some(count) => format!(
            "not searched, because no digest names them: {} in the record",
            counted(count, "log file")
        ),
    });
    if searched.record_trusted {
        lines.push(
            "the record is trusted: only the log files that were searched, and the digests that name \
             them, were verified again"
                .to_owned(),
        );
    }
    if searched.chains == 0 {
        lines.push("nothing was searched: no chain has a digest in that time".to_owned());
    }
    lines
}

/// Returns what could not be searched.
pub(crate) fn left_out(searched: &EventsSearched) -> Vec<String> {
    let mut missing = Vec::new();
    if searched.unproven_seconds > 0 {
        missing.push(format!("{} of chain time not proven", hours(searched.unproven_seconds)));
    }
    if searched.outside_seconds > 0 {
        missing.push(format!(
            "{} outside of the period, in which such events may have been delivered",
            hours(searched.outside_seconds)
        ));
    }
    for (count, noun, words) in [
        (searched.logs_not_confirmed, "log file", "not confirmed by its digest"),
        (searched.digests_not_proven, "digest", "not proven"),
        (searched.logs_not_proven, "log file", "not proven"),
        (searched.logs_changed, "log file", "changed"),
        (searched.logs_unread, "log file", "not read"),
        (searched.not_events, "log file", "without the form of a log file"),
        (searched.events_unparsed, "event", "that cannot be parsed"),
        (searched.places_in_doubt, "place", "in doubt"),
        (searched.listings_unread, "listing", "not read"),
    ] {
        if count > 0 {
            missing.push(format!("{} {words}", counted(count, noun)));
        }
    }
    missing
}

fn searched_json(searched: &EventsSearched) -> serde_json::Result<Value> {
    let changed = searched.first_changed.iter();
    let changed: Vec<Value> =
        changed.map(|(at, code)| json!({ "log_file": at.uri(), "finding": code })).collect();
    let not_confirmed = searched.first_not_confirmed.iter();
    let not_confirmed: Vec<Value> = not_confirmed
        .map(|(at, why)| json!({ "log_file": at.uri(), "reason": why.code() }))
        .collect();
    let unread = searched.first_unread.iter();
    let unread: Vec<Value> = unread
        .map(|(at, why)| json!({ "log_file": at.uri(), "failure": why.kind.code() }))
        .collect();
    Ok(json!({
        "complete": searched.is_complete(),
        "chains": searched.chains,
        "log_files": searched.log_files,
        "log_files_with_events": searched.with_events,
        "events": searched.events,
        "log_files_without_form": searched.not_events,
        "events_not_parsed": searched.events_unparsed,
        "not_parsed": searched.first_not_parsed.iter().map(ObjectLocation::uri).collect::<Vec<_>>(),
        "log_files_not_proven": searched.logs_not_proven,
        "log_files_changed": searched.logs_changed,
        "log_files_not_read": searched.logs_unread,
        "log_files_not_confirmed": searched.logs_not_confirmed,
        "not_confirmed": not_confirmed,
        "record_sha256": searched.record_sha256,
        "record_trusted": searched.record_trusted,
        "log_files_unlisted": searched.logs_unlisted,
        "pending_seconds": searched.pending_seconds,
        "outside_seconds": searched.outside_seconds,
        "digests_not_proven": searched.digests_not_proven,
        "proven_seconds": searched.proven_seconds,
        "unproven_seconds": searched.unproven_seconds,
        "places_in_doubt": searched.places_in_doubt,
        "listings_unread": searched.listings_unread,
        "changed": changed,
        "not_read": unread,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_neither_a_formula_nor_a_terminal_sequence() {
        for (cell, expected) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            ("\t=1", "'\\u{9}=1"),
            (" =1", "' =1"),
            ("\u{a0}=1", "'\u{a0}=1"),
            ("|calc", "'|calc"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("a=b", "a=b"),
            ("", ""),
        ] {
            assert_eq!(guarded(cell), expected);
        }
    }
}
