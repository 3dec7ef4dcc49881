//! `index.html` and `index.md`: one page that leads an auditor through the package in order.
use super::document::{ControlShown, PackageDocument, ReviewEvents, Slot, SlotShown};
use super::words;
use crate::report::numbers::{counted, grouped};
use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use trailproof_core::codes::check::SkipReason;
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::location::{escape, excerpt};

/// The style sheet, which the page's Content-Security-Policy allows by its hash.
const STYLE: &str = include_str!("../../../templates/report.css");

/// Names of a list that the page shows; the document has all of them.
const NAMED: usize = 40;

/// What the package does not show. The attestation has the limits of the run itself.
const LIMITS: [&str; 6] = [
    "The verdict is about the bytes that were read during the run, and not about the evidence at any \
     later time.",
    "A digest names what CloudTrail delivered. Events that the selectors of a trail leave out are in no \
     digest.",
    "Checks of a configuration are of the moment at which AWS was asked, or of the file that was read. \
     How each object of the period is stored comes from the run, and holds for the moment of its read.",
    "Attachments were copied unread. Their content, source and completeness are as whoever gave them \
     declares.",
    "A check serves a control; it does not decide all of it. Ids of controls come from the sources that \
     the table of controls names.",
    "The manifest shows that no file was changed since the package was made. Who made it is shown only by \
     the signature, checked with a key that was received by a different way.",
];

/// Commands that check the package, each with what it shows.
const COMMANDS: [(&str, &str); 4] = [
    ("sha256sum --check --quiet manifest-sha256.txt", "Every file is as it was packed."),
    ("bagit.py --validate .", "Nothing was added or removed (bagit-python)."),
    (
        "trailproof package check . --key signer.pem",
        "All of that, who signed the package, and that every page and table is what the record and the \
         results give.",
    ),
    (
        "trailproof replay data/2-integrity/record.jsonl",
        "The report again, from the record; for a compressed record, `record.jsonl.zst`.",
    ),
];

/// The page. Its texts are escaped for terminals here, and for HTML and Markdown by what writes them.
#[derive(Debug, Template)]
#[template(path = "package.html", whitespace = "minimize")]
pub(super) struct Index {
    style: &'static str,
    style_hash: String,
    version: String,
    title: String,
    class: &'static str,
    verdict: String,
    sentence: &'static str,
    facts: Vec<(String, String)>,
    slots: Vec<SlotView>,
    about_all: Vec<FileView>,
    reconciliation: Vec<Reconciled>,
    controls: Vec<Framework>,
    commands: [(&'static str, &'static str); 4],
    limits: [&'static str; 6],
}

#[derive(Debug)]
struct SlotView {
    number: usize,
    title: &'static str,
    question: &'static str,
    status: &'static str,
    class: &'static str,
    sentences: Vec<String>,
    files: Vec<FileView>,
    pointers: Vec<PointerView>,
}

#[derive(Debug)]
struct FileView {
    /// Path relative to the page.
    link: String,
    what: String,
    made: String,
    sha256: String,
}

#[derive(Debug)]
struct PointerView {
    title: String,
    place: String,
    facts: String,
}

#[derive(Debug)]
struct Reconciled {
    what: String,
    total: String,
    parts: String,
    adds_up: bool,
}

#[derive(Debug)]
struct Framework {
    name: String,
    count: usize,
    rows: Vec<ControlView>,
}

#[derive(Debug)]
struct ControlView {
    id: String,
    state: &'static str,
    class: &'static str,
    checks: String,
}

impl Index {
    /// Returns the page of a package, with what is known of lock and lifecycle, and of how the objects are
    /// stored.
    pub(super) fn of(package: &PackageDocument, stored: Vec<String>) -> Self {
        let verdict = package.run_text("/result/verdict");
        let file = |file: &super::document::FileShown| view(package, file);
        Self {
            style: STYLE,
            style_hash: STANDARD.encode(Sha256::digest(STYLE)),
            version: safe(&package.made_by.version),
            title: safe(&package.declared.id),
            class: match verdict {
                "proven" => "good",
                "contradicted" => "bad",
                _ => "doubt",
            },
            verdict: safe(&verdict.to_uppercase()),
            sentence: words::verdict(verdict),
            facts: facts(package),
            slots: package.slots.iter().map(|slot| slot_view(package, slot, &stored)).collect(),
            about_all: package.files.iter().filter(|it| it.slot.is_none()).map(file).collect(),
            reconciliation: package
                .reconciliation
                .iter()
                .map(|it| Reconciled {
                    what: safe(words::reconciled(&it.what)),
                    total: grouped(it.total),
                    parts: it
                        .parts
                        .iter()
                        .map(|part| format!("{} {}", grouped(part.count), safe(&part.name)))
                        .collect::<Vec<_>>()
                        .join(" + "),
                    adds_up: it.adds_up,
                })
                .collect(),
            controls: frameworks(&package.controls),
            commands: COMMANDS,
            limits: LIMITS,
        }
    }

    /// Returns the page.
    pub(super) fn html(&self) -> io::Result<Vec<u8>> {
        self.render().map(String::into_bytes).map_err(io::Error::other)
    }

    /// Returns the same as text in Markdown.
    pub(super) fn markdown(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = self.write_markdown(&mut out);
        out
    }

    fn write_markdown(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "# CloudTrail evidence: {}\n", marked(&self.title))?;
        writeln!(out, "**{}.** {}\n", marked(&self.verdict), self.sentence)?;
        for (name, value) in &self.facts {
            writeln!(out, "- {}: {}", marked(name), marked(value))?;
        }
        for slot in &self.slots {
            writeln!(out, "\n## {}. {}\n\n{}\n", slot.number, slot.title, slot.question)?;
            writeln!(out, "Status: {}.\n", slot.status)?;
            for sentence in &slot.sentences {
                writeln!(out, "- {}", marked(sentence))?;
            }
            for file in &slot.files {
                markdown_file(file, out)?;
            }
            for pointer in &slot.pointers {
                let (title, place) = (marked(&pointer.title), marked(&pointer.place));
                writeln!(out, "- {title}: {place} ({})", marked(&pointer.facts))?;
            }
        }
        writeln!(out, "\n## Counts that must agree\n")?;
        for it in &self.reconciliation {
            let end = if it.adds_up { "adds up" } else { "DOES NOT ADD UP" };
            writeln!(out, "- {}: {} = {} ({end})", marked(&it.what), it.total, marked(&it.parts))?;
        }
        writeln!(out, "\n## Controls\n")?;
        if self.controls.is_empty() {
            writeln!(out, "No result of `trail-config` was given.")?;
        }
        for file in &self.about_all {
            markdown_file(file, out)?;
        }
        for framework in &self.controls {
            writeln!(out, "\n### {}\n", marked(&framework.name))?;
            for row in &framework.rows {
                writeln!(out, "- {}: {} ({})", marked(&row.id), row.state, marked(&row.checks))?;
            }
        }
        writeln!(out, "\n## Check this package\n")?;
        for (command, shows) in self.commands {
            writeln!(out, "- `{command}`: {shows}")?;
        }
        writeln!(out, "\n## What this does not show\n")?;
        for limit in self.limits {
            writeln!(out, "- {limit}")?;
        }
        writeln!(out, "\n## Sign-off\n\nName:\n\nDate:\n\nSignature:")
    }
}

fn markdown_file(file: &FileView, out: &mut String) -> std::fmt::Result {
    let (what, made) = (marked(&file.what), marked(&file.made));
    writeln!(out, "- [{what}]({}): {made}; SHA-256 `{}`", file.link, file.sha256)
}

fn safe(text: &str) -> String {
    escape(text).into_owned()
}

/// Returns a text in which Markdown and HTML find nothing of theirs.
fn marked(text: &str) -> String {
    let mut marked = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => marked.push_str("&lt;"),
            '>' => marked.push_str("&gt;"),
            '&' => marked.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '!' | '|' | '~' => {
                marked.push('\\');
                marked.push(letter);
            }
            _ => marked.push(letter),
        }
    }
    // No reader may turn an address into a link.
    marked.replace("://", "&#58;//").replace("s3&#58;//", "s3://")
}

fn list(names: &[&str]) -> String {
    let shown = names.iter().take(NAMED).map(|name| excerpt(name, SHOWN));
    let mut shown: Vec<String> = shown.collect();
    if let Some(more) = names.len().checked_sub(NAMED).filter(|more| *more > 0) {
        shown.push(format!("and {} more", grouped(more)));
    }
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
}

/// Returns the number of log files that the run did not read because an earlier record proves them.
fn not_read_again(package: &PackageDocument) -> Option<String> {
    let listed = package.run("/method/checksNotMade/listed")?.as_array()?;
    let why = Some(SkipReason::EarlierRecord.code());
    let one = listed.iter().find(|one| one.get("why").and_then(|text| text.as_str()) == why)?;
    Some(safe(one.get("detail")?.as_str()?))
}

/// Returns what the package is about: the query of the run, and its result.
fn facts(package: &PackageDocument) -> Vec<(String, String)> {
    let declared = &package.declared;
    let mut facts = Vec::new();
    let mut add = |name: &str, value: String| facts.push((name.to_owned(), value));
    let declares = [
        ("Organization", &declared.organization),
        ("Description", &declared.description),
        ("Contact", &declared.contact),
    ];
    for (name, value) in declares {
        if let Some(value) = value {
            add(name, safe(value));
        }
    }
    let text = |at: &str| safe(package.run_text(at));
    add("Period", format!("{} to {}", text("/scope/from"), text("/scope/to")));
    add("Delivered to", delivered_to(package));
    add("Read from", read_from(package));
    add("Accounts found", list(&package.run_list("/scope/found/accounts")));
    add("Regions found", list(&package.run_list("/scope/found/regions")));
    let asked = |at: &str| match package.run(at) {
        Some(_) => list(&package.run_list(at)),
        None => "not given".to_owned(),
    };
    add("Expected accounts", asked("/scope/expected/accounts"));
    add("Expected regions", asked("/scope/expected/regions"));
    for (name, at) in [
        ("Limited to accounts", "/scope/named/accounts"),
        ("Limited to regions", "/scope/named/regions"),
        ("Limited to trails", "/scope/named/trails"),
    ] {
        if package.run(at).is_some() {
            add(name, asked(at));
        }
    }
    add("Checks made by the run", list(&package.run_list("/method/checksMade")));
    add("Source of the public keys", list(&package.run_list("/method/keySource")));
    if let Some(number) = not_read_again(package) {
        let words = "which the record of an earlier run proves";
        add("Log files not read again", format!("{number}, {words}"));
    }
    let count = |at: &str| package.run(at).map_or_else(|| "0".to_owned(), shown);
    add("Exceptions", count("/exceptions/count"));
    add("Stretches without digests", count("/gaps/count"));
    if package.run("/acceptedExceptions").is_some() {
        let (accepted, all) = ("/acceptedExceptions/accepted", "/acceptedExceptions/objections");
        let words = "reasons against a proven verdict";
        add("Accepted exceptions", format!("{} of {} {words}", count(accepted), count(all)));
    }
    add("Verified by", format!("trailproof {}", text("/verifier/version")));
    add("Packed by", format!("trailproof {}", safe(&package.made_by.version)));
    if let Some(previous) = &declared.previous {
        add(
            "Package of the period before",
            format!(
                "{}, SHA-256 of its manifest {}",
                safe(&previous.id),
                safe(&previous.manifest_sha256)
            ),
        );
    }
    facts
}

/// `s3://BUCKET/PREFIX`, or whatever else the record has.
fn delivered_to(package: &PackageDocument) -> String {
    let text = |name: &str| package.run_text(&format!("/scope/deliveredTo/{name}"));
    match (text("bucket"), package.run("/scope/deliveredTo")) {
        ("", None) => "unknown".to_owned(),
        ("", Some(place)) => shown(place),
        (bucket, _) => excerpt(&format!("s3://{bucket}/{}", text("prefix")), SHOWN),
    }
}

/// `bucket s3://BUCKET`, for each place.
fn read_from(package: &PackageDocument) -> String {
    let places = package.run("/scope/readFrom").and_then(serde_json::Value::as_array);
    let place = |it: &serde_json::Value| {
        let text = |name: &str| it.get(name).and_then(serde_json::Value::as_str);
        match (text("kind"), text("place")) {
            (Some(kind), Some(place)) => excerpt(&format!("{kind} {place}"), SHOWN),
            _ => shown(it),
        }
    };
    let places: Vec<String> = places.into_iter().flatten().take(NAMED).map(place).collect();
    if places.is_empty() { "unknown".to_owned() } else { places.join(", ") }
}

/// Returns a value of the record on one line.
fn shown(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => excerpt(text, SHOWN),
        other => excerpt(&other.to_string(), 8 * SHOWN),
    }
}

fn view(package: &PackageDocument, file: &super::document::FileShown) -> FileView {
    let input = package.declared.inputs.iter().find(|input| input.path == file.path);
    let mut what = words::role(file.role).to_owned();
    let mut made = words::made(file.role).to_owned();
    if let Some(input) = input {
        if let Some(title) = &input.title {
            what = safe(title);
        }
        let _ = write!(made, "; was `{}`", safe(&input.original_name));
        let facts =
            [("given by", &input.given_by), ("source", &input.source), ("note", &input.note)];
        for (name, value) in facts {
            if let Some(value) = value {
                let _ = write!(made, "; {name}: {}", safe(value));
            }
        }
    }
    FileView {
        link: safe(file.path.strip_prefix("data/").unwrap_or(&file.path)),
        what,
        made,
        sha256: safe(&file.sha256),
    }
}

fn to_review(found: &ReviewEvents) -> String {
    let events = counted(found.events, "verified event");
    let searched = match found.complete {
        true => "Everything that the record covers was searched.",
        false => "Not everything could be searched: the list may lack events, and says what.",
    };
    format!("{events} of the period that a review should have seen. {searched}")
}

fn slot_view(package: &PackageDocument, shown: &SlotShown, stored: &[String]) -> SlotView {
    use super::document::SlotStatus;
    let slot = shown.slot;
    let sentences = match slot {
        Slot::TrailConfiguration => counts(package),
        Slot::Integrity => attested(package),
        Slot::Immutability if stored.is_empty() => {
            let words = "No setting was checked, and the store of the run reported neither encryption nor \
                         locks.";
            vec![words.to_owned()]
        }
        Slot::Immutability => stored.to_vec(),
        Slot::Review => package.review_events.iter().map(to_review).collect(),
        Slot::ContinuousConfiguration | Slot::AwsSide => Vec::new(),
    };
    let pointers = package.declared.pointers.iter().filter(|pointer| pointer.slot == slot);
    SlotView {
        number: slot.number(),
        title: words::slot(slot),
        question: words::question(slot),
        status: words::slot_status(shown.status),
        class: match shown.status {
            SlotStatus::Provided => "good",
            SlotStatus::PointedAt => "none",
            SlotStatus::NotProvided => "doubt",
        },
        sentences,
        files: package
            .files
            .iter()
            .filter(|file| file.slot == Some(slot))
            .map(|file| view(package, file))
            .collect(),
        pointers: pointers
            .map(|pointer| {
                let mut facts = format!("named by {}", safe(&pointer.given_by));
                if let Some(sha256) = &pointer.sha256 {
                    let _ = write!(facts, "; SHA-256 {} as declared", safe(sha256));
                }
                if let Some(note) = &pointer.note {
                    let _ = write!(facts, "; {}", safe(note));
                }
                PointerView { title: safe(&pointer.title), place: safe(&pointer.place), facts }
            })
            .collect(),
    }
}

/// `trail-config.json: 20 PASS, 3 FAIL`, for each result.
fn counts(package: &PackageDocument) -> Vec<String> {
    let mut files: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for check in &package.checks {
        *files.entry(&check.file).or_default().entry(&check.status).or_default() += 1;
    }
    let sentence = |(file, counts): (&str, BTreeMap<&str, u64>)| {
        let counts = counts.iter().map(|(status, count)| format!("{count} {}", safe(status)));
        let name = file.rsplit('/').next().unwrap_or_default();
        format!("{}: {}", safe(name), counts.collect::<Vec<_>>().join(", "))
    };
    files.into_iter().map(sentence).collect()
}

fn attested(package: &PackageDocument) -> Vec<String> {
    let Some(attestation) = &package.attestation else {
        return vec!["The record is not attested.".to_owned()];
    };
    let about = match attestation.holds() {
        true => {
            "The attestation is about this very record: hash, commitment and every part of its \
                 statement agree."
        }
        false => "The attestation does NOT agree with the record.",
    };
    let signed = match &package.declared.attestation_checked_with {
        // Nothing in the package shows that this is so.
        Some(key) => format!(
            "Whoever made the package states that the key {} made its signature; `trailproof package \
             check --attestation-key` checks that.",
            safe(key)
        ),
        None => "Its signature was not checked when the package was made.".to_owned(),
    };
    vec![about.to_owned(), signed]
}

fn frameworks(controls: &[ControlShown]) -> Vec<Framework> {
    use super::document::ControlState;
    let mut found: BTreeMap<&str, Vec<&ControlShown>> = BTreeMap::new();
    for control in controls {
        found.entry(&control.standard).or_default().push(control);
    }
    let row = |control: &&ControlShown| ControlView {
        id: safe(&control.id),
        state: words::control(control.state),
        class: match control.state {
            ControlState::Satisfied => "good",
            ControlState::NotSatisfied => "bad",
            ControlState::Undecided => "doubt",
            ControlState::NotApplicable => "none",
        },
        checks: control
            .checks
            .iter()
            .map(|check| {
                let described = if check.described { ", as described" } else { "" };
                format!("{} {}{described}", safe(&check.id), safe(&check.status))
            })
            .collect::<Vec<_>>()
            .join(", "),
    };
    let framework = |(name, controls): (&str, Vec<&ControlShown>)| Framework {
        name: safe(name),
        count: controls.len(),
        rows: controls.iter().map(row).collect(),
    };
    found.into_iter().map(framework).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_finds_nothing_of_its_own_in_a_text() {
        for (text, expected) in [
            ("plain text, 1.2", "plain text, 1.2"),
            ("<img src=x> & [a](b)", "&lt;img src=x&gt; &amp; \\[a\\]\\(b\\)"),
            ("`a` *b* _c_ # d", "\\`a\\` \\*b\\* \\_c\\_ \\# d"),
            ("https://a s3://b", "https&#58;//a s3://b"),
        ] {
            assert_eq!(marked(text), expected);
        }
    }
}
