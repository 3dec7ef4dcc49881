//! The table of chains in the text report.
use super::numbers::{bytes, counted, grouped, hours, per_cent, tally, verified};
use std::io::{self, Write};
use trailproof_core::record::{ChainSummary, Presence};

/// Number of chains above which those without exceptions are counted instead of listed, and of chains
/// with exceptions that are listed then: with the verdict and the findings, about one screen.
const CHAINS_SHOWN: usize = 40;

/// Space between two columns.
const BETWEEN: usize = 2;

/// Columns of figures: heading and width.
const FIGURES: [(&str, usize); 6] = [
    ("verified", 8),
    ("hours", 18),
    ("digests", 10),
    ("log files", 10),
    ("bytes", 9),
    ("findings", 8),
];

/// Columns of figures that a narrow terminal has no room for, the least important one first.
const DISPENSABLE: [usize; 2] = [4, 1];

/// The chains to list, and how many are left out.
pub(super) struct Shown<'a> {
    pub(super) chains: Vec<&'a ChainSummary>,
    /// Chains with exceptions that are left out.
    exceptional: usize,
    /// Other chains that are left out.
    clean: usize,
}

impl<'a> Shown<'a> {
    /// Returns the chains to list: all of them if `every`, or if they are few.
    pub(super) fn of(chains: &'a [ChainSummary], every: bool) -> Self {
        if every || chains.len() <= CHAINS_SHOWN {
            return Self { chains: chains.iter().collect(), exceptional: 0, clean: 0 };
        }
        let mut exceptional: Vec<&ChainSummary> =
            chains.iter().filter(|chain| has_exceptions(chain)).collect();
        let clean = chains.len() - exceptional.len();
        let shown = exceptional.len().min(CHAINS_SHOWN);
        let left_out = exceptional.split_off(shown).len();
        Self { chains: exceptional, exceptional: left_out, clean }
    }

    /// Returns what is said about the chains that are left out.
    pub(super) fn rest(&self) -> Option<String> {
        let clean = (self.clean > 0)
            .then(|| format!("{} verified for the whole period", grouped(to_u64(self.clean))));
        let exceptional = (self.exceptional > 0)
            .then(|| format!("{} with exceptions", grouped(to_u64(self.exceptional))));
        let parts: Vec<String> = clean.into_iter().chain(exceptional).collect();
        let more = counted(to_u64(self.clean + self.exceptional), "more chain");
        (!parts.is_empty())
            .then(|| format!("… and {more}: {}; `--verbose` lists them", parts.join(", ")))
    }
}

fn to_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn has_exceptions(chain: &ChainSummary) -> bool {
    let (all, verified) = verified(&chain.segments);
    all != verified
        || chain.counts.findings() + chain.counts.unverified() > 0
        || chain.presence != Presence::Present
}

/// A line of the table.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) figures: Figures,
}

/// What a line says about its chain.
pub(super) enum Figures {
    /// The chain ended before the period, in these words.
    Ended(String),
    /// One figure for each column.
    Known([String; FIGURES.len()]),
}

impl Figures {
    /// Returns the figures of a chain.
    pub(super) fn of(chain: &ChainSummary) -> Self {
        let (all, part) = verified(&chain.segments);
        let mut digests = chain.counts.digests;
        digests.add(&chain.counts.backfill);
        Self::Known([
            per_cent(part, all),
            format!("{} of {}", hours(part), hours(all)),
            tally(&digests),
            tally(&chain.counts.logs),
            bytes(chain.counts.stored_bytes),
            chain.counts.findings().to_string(),
        ])
    }
}

/// How the table fits into the terminal.
#[derive(Debug, PartialEq, Eq)]
struct Layout {
    /// Width of the names. `None` puts the figures on a line of their own.
    names: Option<usize>,
    /// The columns of figures that have room.
    figures: Vec<usize>,
}

impl Layout {
    fn of(rows: &[Row], columns: Option<usize>) -> Self {
        let names = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).max(5);
        let mut figures: Vec<usize> = (0..FIGURES.len()).collect();
        let Some(columns) = columns.filter(|columns| names + width(&figures) > *columns) else {
            return Self { names: Some(names), figures };
        };
        for column in DISPENSABLE {
            if BETWEEN + width(&figures) > columns {
                figures.retain(|known| *known != column);
            }
        }
        Self { names: None, figures }
    }

    fn line(&self, name: &str, figures: [&str; FIGURES.len()]) -> String {
        let mut line = match self.names {
            Some(names) => format!("{name:names$}"),
            None => format!("{name}\n{:BETWEEN$}", ""),
        };
        for (column, ((_, width), figure)) in FIGURES.iter().zip(figures).enumerate() {
            if self.figures.contains(&column) {
                line.push_str(&format!("{:BETWEEN$}{figure:>width$}", ""));
            }
        }
        line
    }
}

/// Returns the width of these columns of figures, each with the space before it.
fn width(figures: &[usize]) -> usize {
    let widths = figures.iter().filter_map(|column| FIGURES.get(*column));
    widths.map(|(_, width)| BETWEEN + width).sum()
}

/// Writes the table so that it fits into the columns of the terminal.
pub(super) fn write_table(
    out: &mut impl Write,
    rows: &[Row],
    columns: Option<usize>,
) -> io::Result<()> {
    let layout = Layout::of(rows, columns);
    writeln!(out, "{}", layout.line("chain", FIGURES.map(|(heading, _)| heading)))?;
    for Row { name, figures } in rows {
        match (figures, layout.names) {
            (Figures::Ended(words), Some(names)) => writeln!(out, "{name:names$}  {words}")?,
            (Figures::Ended(words), None) => writeln!(out, "{name}\n    {words}")?,
            (Figures::Known(figures), _) => {
                writeln!(out, "{}", layout.line(name, figures.each_ref().map(String::as_str)))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(columns: Option<usize>) -> String {
        let figures = ["98.6 %", "70.9 h of 71.9 h", "71 of 72", "48", "205.4 kB", "1"];
        let known = Figures::Known(figures.map(str::to_owned));
        let ended = Figures::Ended("ended before the period".to_owned());
        let rows = [
            Row { name: "111122223333 eu-west-1 management-events".to_owned(), figures: known },
            Row { name: "111122223333 us-east-1 management-events".to_owned(), figures: ended },
        ];
        let mut out = Vec::new();
        write_table(&mut out, &rows, columns).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_wide_terminal_or_a_file_has_one_line_for_each_chain() {
        let wide = table(None);
        assert_eq!(wide, table(Some(115)));
        assert_eq!(wide.lines().count(), 3);
        assert_eq!(wide.lines().map(|line| line.chars().count()).max(), Some(115));
        assert!(wide.contains("ended before the period"), "{wide}");
    }

    #[test]
    fn a_narrow_terminal_has_the_figures_on_a_line_of_their_own() {
        for (columns, bytes, hours) in [(114, true, true), (77, true, true), (76, false, true)] {
            let table = table(Some(columns));
            assert_eq!(table.lines().count(), 6, "{table}");
            assert!(table.lines().all(|line| line.chars().count() <= columns), "{table}");
            assert_eq!(table.contains("205.4 kB"), bytes, "{table}");
            assert_eq!(table.contains("70.9 h of 71.9 h"), hours, "{table}");
        }
        let table = table(Some(60));
        assert!(!table.contains("hours"), "{table}");
        for kept in ["98.6 %", "71 of 72", " 48 ", " 1\n"] {
            assert!(table.contains(kept), "{kept}: {table}");
        }
    }
}
