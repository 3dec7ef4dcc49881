//! `--format text`: the verdict first, then one line for each chain, then every finding with what
//! was expected and found, what was not proven and why, and what to do next.
//!
//! Everything that came from outside is escaped. Colour only repeats what the words state.
use super::RunReporter;
use super::collect::{Collected, Gap};
use super::exceptions::{Exceptions, NO_EFFECT};
use super::fold::Folded;
use super::names::ChainNames;
use super::next_steps::next_steps;
use super::numbers::{bytes, counted, hour_number, hours, per_cent};
use super::places;
use super::storage;
use super::text_chains::{Figures, Row, Shown, write_table};
use super::text_lines::{Group, ObjectKind, objects, plural};
use super::words::{self, COMPLETE_COPY, NOT_JOINED, uncovered};
use std::io::{self, Write};
use trailproof_core::codes::unlisted::UnlistedReason;
use trailproof_core::coverage::{Coverage, Uncovered};
use trailproof_core::record::{Counts, KEYS_OF_MIRROR, Presence, RunEvent, RunSummary};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::location::escape;

/// Maximum number of entries of one kind that are shown; the rest is counted.
const SHOWN: usize = 100;
/// Styles of headings, of the codes of findings, and of the codes of what is not proven.
const BOLD: &str = "\u{1b}[1m";
const RED: &str = "\u{1b}[31m";
const YELLOW: &str = "\u{1b}[33m";
/// Number of findings of one code that are shown without `--verbose`.
const FINDINGS_SHOWN: usize = 10;
/// Number of entries of any other group that are shown without `--verbose`.
const EXAMPLES: usize = 3;

/// The reporter for `--format text`.
#[derive(Debug)]
pub struct Text<W> {
    out: Folded<W>,
    colour: bool,
    /// Whether every entry of a group is shown.
    verbose: bool,
    /// Columns of the terminal on which the output is read, where the first lines scroll away.
    columns: Option<usize>,
    collected: Collected,
    /// Names of the chains, set when all chains are known.
    names: ChainNames,
}

impl<W: Write> Text<W> {
    /// Returns a reporter that writes to `out` once the run is finished, in colour if requested.
    pub fn new(out: W, colour: bool) -> Self {
        Self {
            out: Folded::new(out),
            colour,
            verbose: false,
            columns: None,
            collected: Collected::default(),
            names: ChainNames::default(),
        }
    }

    /// Shows every entry of a group instead of the first ones.
    #[must_use]
    pub fn verbose(self, verbose: bool) -> Self {
        Self { verbose, ..self }
    }

    /// Fits the lines into the columns of a terminal, and repeats the verdict as the last line.
    #[must_use]
    pub fn on_terminal(self, columns: Option<usize>) -> Self {
        Self { columns, out: self.out.columns(columns), ..self }
    }

    fn head(&mut self, summary: &RunSummary) -> io::Result<()> {
        let run = &self.collected;
        let verdict = summary.verdict.words().to_uppercase();
        let (on, off) = self.paint(summary.verdict);
        write!(self.out, "{on}{verdict}{off}")?;
        if let Some(start) = &run.start {
            let period = start.period;
            let location = words::evidence(&start.place);
            if let Some(scope) = places::scope(start, &run.not_performed.entries) {
                write!(self.out, " ({})", escape(&scope))?;
            }
            write!(self.out, "  {location}  {} to {}", period.start, period.end)?;
        }
        writeln!(self.out, "\n")?;
        if let Some(exceptions) = Exceptions::of(run) {
            writeln!(self.out, "Accepted exceptions: {}\n", exceptions.result())?;
        }
        let counts = &summary.counts;
        let coverage = &summary.coverage;
        // Without any chain there is no time that could be verified.
        if summary.chains > 0 || coverage.total() > 0 {
            writeln!(
                self.out,
                "Verified:  {} ({} of {} chain-hours; {})",
                per_cent(coverage.verified, coverage.total() - coverage.pending),
                hour_number(coverage.verified),
                hour_number(coverage.total() - coverage.pending),
                counted(summary.chains, "chain"),
            )?;
        }
        let mut digests = counts.digests;
        digests.add(&counts.backfill);
        writeln!(
            self.out,
            "Digests:   {}",
            objects(&run.findings_by_code, &digests, ObjectKind::Digest)
        )?;
        writeln!(
            self.out,
            "Log files: {} ({})",
            objects(&run.findings_by_code, &counts.logs, ObjectKind::LogFile),
            bytes(counts.stored_bytes)
        )?;
        if coverage.pending > 0 {
            writeln!(
                self.out,
                "pending: {} after the newest digests; the next ones are not due yet, which is \
                 normal",
                hours(coverage.pending),
            )?;
        }
        if let Some(before) = run.start.as_ref().and_then(|start| start.follows.as_ref()) {
            let joined = format!("{} of {}", run.seams_joined, counted(run.seams, "chain"));
            writeln!(self.out, "follows {}; {joined} continue from it", words::follows(before))?;
        }
        if run.complete_copy() {
            writeln!(self.out, "\n{COMPLETE_COPY}")?;
        }
        if let Some(answered) = &run.places {
            let found = counted(answered.found, "place");
            writeln!(self.out, "{found}: {}", places::answered(answered))?;
        }
        if let Some(start) = &run.start {
            writeln!(self.out, "{}", escape(&places::expected(start)))?;
        }
        if run.key_sources.contains(KEYS_OF_MIRROR) {
            writeln!(self.out, "{}", words::KEYS_OF_MIRROR)?;
        }
        Ok(())
    }

    fn chains(&mut self) -> io::Result<()> {
        let shown = Shown::of(&self.collected.chains, self.verbose);
        let rows = shown.chains.iter().map(|chain| Row {
            name: self.names.name(&chain.chain),
            figures: match chain.presence {
                Presence::Ended { .. } => Figures::Ended(self.collected.ends.words(&chain.chain)),
                _ => Figures::of(chain),
            },
        });
        let rows: Vec<Row> = rows.collect();
        let rest = shown.rest();
        if !rows.is_empty() || rest.is_some() {
            writeln!(self.out)?;
        }
        if !rows.is_empty() {
            write_table(&mut self.out, &rows, self.columns)?;
        }
        match rest {
            Some(rest) => writeln!(self.out, "{rest}"),
            None => Ok(()),
        }
    }

    fn findings(&mut self) -> io::Result<()> {
        let total = self.collected.findings.total;
        if total == 0 {
            return Ok(());
        }
        self.heading(&format!("Evidence of tampering or loss ({total}):"))?;
        let mut groups: Vec<Group> = Vec::new();
        for told in &self.collected.findings.entries {
            let (expected, found) = words::expected_and_found(&told.finding);
            let at = match told.at.bucket.is_empty() {
                true => self.names.name(&told.chain),
                false => told.at.to_string(),
            };
            let mut lines =
                vec![at, format!("    expected: {expected}"), format!("    found:    {found}")];
            if told.lifecycle {
                lines.push(
                    "    note:     nothing older is listed; a lifecycle rule that expires old \
                     objects would look the same"
                        .to_owned(),
                );
            }
            Group::add(&mut groups, told.finding.code(), "", |group| group.entries.push(lines));
        }
        for group in &groups {
            self.group(group, FINDINGS_SHOWN, RED)?;
        }
        self.left_out(self.collected.findings.left_out(), "finding")
    }

    /// Prints what was not proven, grouped by cause, the worst cause first.
    fn not_proven(&mut self) -> io::Result<()> {
        let mut groups: Vec<Group> = Vec::new();
        let run = &self.collected;
        for (chain, at) in &run.not_joined.entries {
            let lines = vec![self.names.name(chain), format!("    {at}")];
            Group::add(&mut groups, "not-joined", NOT_JOINED, |group| group.entries.push(lines));
        }
        self.gap_groups(&mut groups, |gap| {
            gap.explained.is_empty() && !is_start(gap) && !is_absence(gap)
        });
        let unlisted = run.unlisted.entries.iter().zip(&run.unlisted_facts);
        for (at, (last_modified, reason)) in unlisted {
            let mut lines = vec![at.to_string()];
            lines.extend(last_modified.map(|time| format!("    last modified: {time}")));
            lines.extend(unvalidated(*reason));
            let meaning = "no verified digest names it, so it may not come from CloudTrail";
            Group::add(&mut groups, "log-unlisted", meaning, |group| group.entries.push(lines));
        }
        for (folder, reason) in &run.without_digests.entries {
            let mut lines = vec![format!("`{}`", escape(folder))];
            lines.extend(unvalidated(*reason));
            let meaning = "log files of the period, but no digest of any trail covers that account \
                           and region";
            Group::add(&mut groups, "logs-without-digests", meaning, |group| {
                group.entries.push(lines);
            });
        }
        for unread in &run.unread.entries {
            Group::add(&mut groups, unread.why.kind.code(), "", |group| {
                group.cause(&unread.why.to_string(), unread.at.to_string());
            });
        }
        for (folder, why) in &run.listings_unread.entries {
            Group::add(&mut groups, why.kind.code(), "", |group| {
                group.cause(&why.to_string(), format!("listing of `{}`", escape(folder)));
            });
        }
        let accounts = run.account_names();
        for doubt in &run.places_in_doubt.entries {
            let lines = vec![places::place(doubt, &accounts)];
            Group::add(&mut groups, doubt.why.code(), places::why(doubt.why), |group| {
                group.entries.push(lines);
            });
        }
        self.gap_groups(&mut groups, |gap| gap.explained.is_empty() && is_absence(gap));
        self.gap_groups(&mut groups, |gap| !gap.explained.is_empty());
        self.gap_groups(&mut groups, |gap| gap.explained.is_empty() && is_start(gap));
        if groups.is_empty() {
            return Ok(());
        }
        self.heading("Not proven:")?;
        for group in &groups {
            self.group(group, EXAMPLES, YELLOW)?;
        }
        let run = &self.collected;
        let left_out = run.gaps.left_out()
            + run.unread.left_out()
            + run.unlisted.left_out()
            + run.listings_unread.left_out()
            + run.without_digests.left_out()
            + run.not_joined.left_out()
            + run.places_in_doubt.left_out();
        self.left_out(left_out, "entry")
    }

    /// Prints the accepted exceptions, those that accept nothing too.
    fn exceptions(&mut self) -> io::Result<()> {
        let Some(exceptions) = Exceptions::of(&self.collected) else { return Ok(()) };
        let count = exceptions.file.entries.len();
        writeln!(
            self.out,
            "\nAccepted exceptions ({count}, of the file with SHA-256 {}): {}.",
            exceptions.sha256(),
            exceptions.result()
        )?;
        for one in exceptions.iter().take(SHOWN) {
            let code = one.exception.code.code();
            writeln!(self.out, "\n  {}. {code}: {}", one.number, one.outcome())?;
            writeln!(self.out, "      {}", one.subject())?;
            writeln!(self.out, "      reason:   {}", one.reason())?;
            writeln!(self.out, "      approved: {}", one.approval())?;
        }
        if count > SHOWN {
            writeln!(self.out, "\n  … and {} more; `--format json` has them all", count - SHOWN)?;
        }
        writeln!(self.out, "\n  {NO_EFFECT}")
    }

    /// Adds the stretches that no digest covers to the groups of their reasons.
    fn gap_groups(&self, groups: &mut Vec<Group>, wanted: impl Fn(&Gap) -> bool) {
        for gap in self.collected.gaps.entries.iter().filter(|gap| wanted(gap)) {
            let Coverage::Uncovered(why) = gap.segment.coverage else { continue };
            let title = match gap.explained.is_empty() {
                true => why.code().to_owned(),
                false => format!("{}, explained", why.code()),
            };
            let unexplained = gap.explained.is_empty() && why == Uncovered::Gap;
            let meaning = match unexplained {
                true => format!("{}; no event in a verified log file explains it", uncovered(why)),
                false => uncovered(why).to_owned(),
            };
            let mut lines = vec![format!(
                "{}  {} to {} ({})",
                self.names.name(&gap.chain),
                gap.segment.from,
                gap.segment.to,
                hours(gap.segment.seconds()),
            )];
            lines.extend(gap.last.map(|last| format!("    its newest digest ends at {last}")));
            let logging = self.collected.logging.get(&gap.chain);
            if let Some(logging) = logging.filter(|_| why == Uncovered::Absent) {
                let words = if *logging { "on" } else { "off" };
                lines.push(format!("    GetTrailStatus: logging is {words}"));
            }
            for event in &gap.explained {
                lines.push(format!(
                    "    explained by {} ({}) at {} by {} from {}, in {}",
                    escape(&event.name),
                    escape(&event.id),
                    event.time,
                    escape(&event.principal),
                    escape(&event.address),
                    event.log,
                ));
            }
            Group::add(groups, &title, &meaning, |group| {
                group.seconds += gap.segment.seconds();
                group.entries.push(lines);
            });
        }
    }

    /// Prints one group: its title with the count and the meaning, and the first entries.
    fn group(&mut self, group: &Group, examples: usize, style: &'static str) -> io::Result<()> {
        let examples = if self.verbose { usize::MAX } else { examples };
        let time = match group.seconds {
            0 => String::new(),
            seconds => format!(", {}", hours(seconds)),
        };
        let count = group.entries.len();
        let meaning = match group.meaning.as_str() {
            "" => String::new(),
            words => format!(": {words}"),
        };
        let (on, off) = self.style(style);
        writeln!(self.out, "\n  {on}{}{off} ({count}{time}){meaning}", group.title)?;
        for lines in group.entries.iter().take(examples) {
            for line in lines {
                writeln!(self.out, "      {line}")?;
            }
        }
        if count > examples {
            writeln!(self.out, "      … and {} more; `--verbose` lists them", count - examples)?;
        }
        Ok(())
    }

    /// Prints how many entries are only in the event stream.
    fn left_out(&mut self, count: u64, noun: &str) -> io::Result<()> {
        if count > 0 {
            let noun = if count == 1 { noun.to_owned() } else { plural(noun) };
            writeln!(self.out, "\n  … and {count} more {noun}; `--format jsonl` has them all")?;
        }
        Ok(())
    }

    /// Prints what a run that was interrupted found until then.
    fn interrupted(&mut self) -> io::Result<()> {
        let run = &self.collected;
        let Some(start) = &run.start else { return Ok(()) };
        let mut counts = Counts::default();
        run.chains.iter().for_each(|chain| counts.add(&chain.counts));
        writeln!(
            self.out,
            "INTERRUPTED  {}  {} to {}\n\nThere is no verdict. Until then {} of {} ended: {} and {} \
             valid.",
            words::evidence(&start.place),
            start.period.start,
            start.period.end,
            run.chains.len(),
            counted(run.listed.map_or(0, |(chains, _)| chains), "chain"),
            counted(counts.digests.valid + counts.backfill.valid, "digest"),
            counted(counts.logs.valid, "log file"),
        )?;
        self.findings()
    }

    /// Repeats the verdict as the last line, for a terminal on which the first one has scrolled away.
    fn closing(&mut self, summary: &RunSummary) -> io::Result<()> {
        let coverage = &summary.coverage;
        let open = coverage.total() - coverage.pending - coverage.verified;
        let mut parts = Vec::new();
        if self.collected.findings.total > 0 {
            parts.push(counted(self.collected.findings.total, "finding"));
        }
        if open > 0 {
            let total = hours(coverage.total() - coverage.pending);
            parts.push(format!("{} of {total} not verified", hours(open)));
        }
        if summary.counts.unverified() > 0 {
            parts.push(format!("{} not read", counted(summary.counts.unverified(), "object")));
        }
        parts.extend(Exceptions::of(&self.collected).map(Exceptions::result));
        let scope = self.collected.start.as_ref();
        let scope =
            scope.and_then(|start| places::scope(start, &self.collected.not_performed.entries));
        let scope = scope.map(|scope| format!(" ({})", escape(&scope))).unwrap_or_default();
        let why = match parts.is_empty() {
            true => String::new(),
            false => format!(": {}", parts.join(", ")),
        };
        let (on, off) = self.paint(summary.verdict);
        writeln!(
            self.out,
            "\n{on}{}{off}{scope}{why}. Exit status {}.",
            summary.verdict.words().to_uppercase(),
            summary.verdict.exit_status(),
        )
    }

    /// Prints the heading of a part.
    fn heading(&mut self, words: &str) -> io::Result<()> {
        let (on, off) = self.style(BOLD);
        writeln!(self.out, "\n{on}{words}{off}")
    }

    /// Returns what switches the colour of a verdict on and off.
    fn paint(&self, verdict: Verdict) -> (&'static str, &'static str) {
        self.style(match verdict {
            Verdict::Proven => "\u{1b}[1;32m",
            Verdict::Contradicted => "\u{1b}[1;31m",
            Verdict::NotProven | Verdict::NothingFound => "\u{1b}[1;33m",
        })
    }

    /// Returns what switches a style on and off.
    fn style(&self, style: &'static str) -> (&'static str, &'static str) {
        if self.colour { (style, "\u{1b}[0m") } else { ("", "") }
    }

    /// Prints how the objects are stored, as far as the store reported it.
    fn storage(&mut self) -> io::Result<()> {
        let lines = storage::sentences(&self.collected.storage);
        if lines.is_empty() {
            return Ok(());
        }
        self.heading("How the objects are stored:")?;
        for line in lines {
            writeln!(self.out, "  - {line}")?;
        }
        Ok(())
    }

    fn foot(&mut self, summary: &RunSummary) -> io::Result<()> {
        self.storage()?;
        let not_performed = &self.collected.not_performed;
        for not_made in &not_performed.entries {
            let (check, why) = (not_made.check.code(), words::not_made(not_made));
            writeln!(self.out, "\nNot checked: {check} ({why})")?;
        }
        if not_performed.left_out() > 0 {
            let more = counted(not_performed.left_out(), "more check");
            writeln!(self.out, "\nNot checked: {more} (not listed)")?;
        }
        for (chain, error) in &self.collected.delivery_errors {
            let chain = self.names.name(chain);
            writeln!(self.out, "\n{chain}: CloudTrail cannot deliver: {}", escape(error))?;
        }
        for trail in self.collected.left_out.iter().take(SHOWN) {
            writeln!(
                self.out,
                "\nNot in scope: trail `{}`, which also delivers here",
                escape(trail)
            )?;
        }
        if self.collected.left_out.len() > SHOWN {
            let more = self.collected.left_out.len() - SHOWN;
            writeln!(self.out, "\n… and {more} more trails that are not in scope")?;
        }
        if self.collected.copies.total > 0 {
            let copies = counted(self.collected.copies.total, "object");
            writeln!(
                self.out,
                "\n{copies} with the content of log files that digests name under other keys \
                 (`copy-of`)."
            )?;
        }
        if !summary.set_aside.is_empty() {
            let objects = counted(summary.set_aside.values().sum::<u64>(), "object");
            let why: Vec<String> =
                summary.set_aside.iter().map(|(why, n)| format!("{n} {}", why.code())).collect();
            let why = why.join(", ");
            writeln!(self.out, "\nIgnored {objects} that no reader takes for data: {why}.")?;
        }
        if self.collected.start.as_ref().is_some_and(|start| start.end_was_future) {
            writeln!(
                self.out,
                "\nThe period was cut off at the current time: its end is in the future."
            )?;
        }
        if summary.passed_over > 0 {
            let keys = counted(summary.passed_over, "key");
            writeln!(self.out, "\nSkipped {keys} in digest folders: not the key of a digest.")?;
        }
        for (bucket, copies) in &self.collected.copied {
            let digests = counted(copies.count, "digest");
            writeln!(
                self.out,
                "\nFound copies of {digests} delivered to another place in `s3://{}`: they prove \
                 nothing about this location (digest-copied).",
                escape(bucket)
            )?;
        }
        if self.collected.copied_elsewhere > 0 {
            let digests = counted(self.collected.copied_elsewhere, "more digest");
            writeln!(
                self.out,
                "\nFound copies of {digests} delivered to further buckets (digest-copied)."
            )?;
        }
        let next = next_steps(&self.collected, summary);
        if !next.is_empty() {
            self.heading("What to do next:")?;
            for step in next {
                writeln!(self.out, "  - {step}")?;
            }
        }
        Ok(())
    }
}

/// Whether the stretch lies before the start of its chain, which is normal for a new trail.
fn is_start(gap: &Gap) -> bool {
    gap.segment.coverage == Coverage::Uncovered(Uncovered::BeforeFirstDigest)
}

/// Whether the chain has no digest in the period at all.
fn is_absence(gap: &Gap) -> bool {
    gap.segment.coverage == Coverage::Uncovered(Uncovered::Absent)
}

fn unvalidated(reason: UnlistedReason) -> Option<String> {
    let words = "    a trail whose log file validation is off delivers here";
    (reason == UnlistedReason::TrailWithoutValidation).then(|| words.to_owned())
}

impl<W: Write + Send> RunReporter for Text<W> {
    fn event(&mut self, event: &RunEvent) -> io::Result<()> {
        self.collected.take(event);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.names = self.collected.full_names();
        let Some(summary) = self.collected.summary.clone() else {
            self.interrupted()?;
            return self.out.flush();
        };
        self.head(&summary)?;
        self.chains()?;
        self.findings()?;
        self.not_proven()?;
        self.exceptions()?;
        self.foot(&summary)?;
        if self.columns.is_some() {
            self.closing(&summary)?;
        }
        self.out.flush()
    }
}
