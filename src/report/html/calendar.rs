//! The coverage of a chain as a calendar: a block for each month, a row for each day, a column for
//! each hour.
//!
//! An hour shows the worst coverage in it, so that no unverified second is hidden. Consecutive
//! hours with the same coverage form a run, and a run takes at most three rectangles.
use super::links::Mark;
use crate::report::numbers::counted;
use chrono::{DateTime, Datelike as _, Timelike as _, Utc};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use trailproof_core::coverage::{Coverage, Segment, Uncovered};
use trailproof_core::vocab::time::{HOUR, Timestamp};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const HOURS: i64 = 24;
/// Maximum number of findings that are marked in the calendar of a chain.
const MARKED: usize = 50;

/// Measures of one block, in CSS pixels. Margins are whole cells because the grid is a pattern.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measures {
    pub(super) cell_width: i64,
    pub(super) cell_height: i64,
    pub(super) left: i64,
    pub(super) top: i64,
    /// Name of the pattern that draws the grid.
    pub(super) grid: &'static str,
    /// Interval of the days that are numbered.
    every_day: u32,
    /// Interval of the hours that are numbered.
    every_hour: i64,
}

/// Measures of a single month, which takes the width of the page.
const ALONE: Measures = Measures {
    cell_width: 22,
    cell_height: 16,
    left: 44,
    top: 16,
    grid: "grid-wide",
    every_day: 1,
    every_hour: 2,
};
/// Measures of months side by side: three on A4, one on a phone.
const SEVERAL: Measures = Measures {
    cell_width: 8,
    cell_height: 8,
    left: 24,
    top: 16,
    grid: "grid",
    every_day: 5,
    every_hour: 6,
};

/// One month of a calendar.
#[derive(Clone, Debug)]
pub(super) struct Month {
    /// `March 2026`.
    pub(super) name: String,
    pub(super) measures: Measures,
    pub(super) width: i64,
    pub(super) height: i64,
    /// Height of the rows without the margin.
    pub(super) rows_height: i64,
    /// Code of each coverage, with the SVG path of all its rectangles.
    pub(super) paths: Vec<(&'static str, String)>,
    /// Vertical position and number of the numbered days.
    pub(super) days: Vec<(i64, u32)>,
    /// Horizontal position and number of the numbered hours.
    pub(super) hours: Vec<(i64, i64)>,
    /// Number of hours of each coverage, in words.
    pub(super) description: String,
    /// Findings that are marked: number, and position of the hour.
    pub(super) marks: Vec<(usize, i64, i64)>,
}

impl Month {
    /// Returns whether any hour is neither verified nor pending.
    pub(super) fn is_exception(&self) -> bool {
        let usual = |code: &str| code == "verified" || code == "pending";
        !self.marks.is_empty() || self.paths.iter().any(|(code, _)| !usual(code))
    }
}

/// Width and height of a strip.
const STRIP: (i64, i64) = (120, 12);

/// Draws the period of a chain as one strip. What is shorter than a pixel takes one.
pub(super) fn strip(segments: &[Segment]) -> Vec<(&'static str, String)> {
    let (Some(first), Some(last)) = (segments.first(), segments.last()) else { return Vec::new() };
    let (from, all) = (first.from.unix(), last.to.unix() - first.from.unix());
    let mut paths: BTreeMap<u8, (&'static str, String)> = BTreeMap::new();
    for segment in segments {
        let x = |at: Timestamp| (at.unix() - from) * STRIP.0 / all.max(1);
        let left = x(segment.from).min(STRIP.0 - 1);
        let width = (x(segment.to) - left).max(1);
        let (_, path) = paths
            .entry(badness(segment.coverage))
            .or_insert_with(|| (segment.coverage.code(), String::new()));
        // Writing to a `String` does not fail.
        let _ = write!(path, "M{left} 0h{width}v{}H{left}z", STRIP.1);
    }
    // What is worse is drawn later, over what it shares a pixel with.
    paths.into_values().collect()
}

/// Returns the number of months in a calendar of these segments.
pub(super) fn months_in(segments: &[Segment]) -> usize {
    let (Some(first), Some(last)) = (segments.first(), segments.last()) else { return 0 };
    let index = |unix: i64| {
        let at = day(unix);
        i64::from(at.year()) * 12 + i64::from(at.month0())
    };
    usize::try_from(index(last.to.unix() - 1) - index(first.from.unix()) + 1).unwrap_or(0)
}

/// Draws the calendar of a chain's segments, which must be contiguous, with its findings.
pub(super) fn months(segments: &[Segment], findings: &[Mark]) -> Vec<Month> {
    let measures = if months_in(segments) > 1 { SEVERAL } else { ALONE };
    let mut blocks: BTreeMap<(i32, u32), Block> = BTreeMap::new();
    for (hour, coverage) in hours(segments) {
        let at = day(hour * HOUR);
        let block = blocks.entry((at.year(), at.month())).or_insert_with(|| Block {
            first_day: at.day(),
            last_day: at.day(),
            cells: Vec::new(),
            marks: Vec::new(),
        });
        block.last_day = at.day();
        let row = i64::from(at.day() - block.first_day);
        block.cells.push((row * HOURS + i64::from(at.hour()), coverage));
    }
    for mark in findings.iter().take(MARKED) {
        let Some(time) = mark.time else { continue };
        let at = day(time.unix());
        let block = blocks.get_mut(&(at.year(), at.month()));
        if let Some(block) =
            block.filter(|block| (block.first_day..=block.last_day).contains(&at.day()))
        {
            let row = i64::from(at.day() - block.first_day);
            block.marks.push((mark.number, row * HOURS + i64::from(at.hour())));
        }
    }
    blocks.into_iter().map(|((year, month), block)| block.draw(year, month, measures)).collect()
}

/// Returns every hour that the segments touch, counted from the epoch, with its worst coverage.
fn hours(segments: &[Segment]) -> BTreeMap<i64, Coverage> {
    let mut hours = BTreeMap::new();
    for segment in segments {
        let first = segment.from.unix().div_euclid(HOUR);
        let last = (segment.to.unix() - 1).div_euclid(HOUR);
        for hour in first..=last {
            let worst = hours.entry(hour).or_insert(segment.coverage);
            if badness(segment.coverage) > badness(*worst) {
                *worst = segment.coverage;
            }
        }
    }
    hours
}

fn badness(coverage: Coverage) -> u8 {
    match coverage {
        Coverage::Verified => 0,
        Coverage::Pending => 1,
        Coverage::Uncovered(Uncovered::Tail) => 2,
        Coverage::Uncovered(Uncovered::BeforeFirstDigest) => 3,
        Coverage::Uncovered(Uncovered::Gap) => 4,
        Coverage::Uncovered(Uncovered::Hole) => 5,
        Coverage::Unverified => 6,
        Coverage::Uncovered(Uncovered::Absent) => 7,
        Coverage::Uncovered(Uncovered::DigestsMissing) => 8,
        Coverage::Contradicted => 9,
    }
}

struct Block {
    first_day: u32,
    last_day: u32,
    /// Cells in order, numbered row × 24 + hour from the first day of the block.
    cells: Vec<(i64, Coverage)>,
    /// Numbers of findings, with their cells.
    marks: Vec<(usize, i64)>,
}

impl Block {
    fn draw(self, year: i32, month: u32, measures: Measures) -> Month {
        let rows = i64::from(self.last_day - self.first_day) + 1;
        let mut paths: BTreeMap<Coverage, String> = BTreeMap::new();
        let mut counts: BTreeMap<Coverage, i64> = BTreeMap::new();
        let mut runs: Vec<(i64, i64, Coverage)> = Vec::new();
        for (cell, coverage) in self.cells {
            *counts.entry(coverage).or_default() += 1;
            match runs.last_mut() {
                Some((_, end, last)) if *last == coverage && *end == cell => *end = cell + 1,
                _ => runs.push((cell, cell + 1, coverage)),
            }
        }
        for (from, to, coverage) in runs {
            rectangles(from, to, measures, paths.entry(coverage).or_default());
        }
        let numbered = |day: &u32| {
            let alone = self.first_day == self.last_day;
            alone || *day == 1 || day.is_multiple_of(measures.every_day)
        };
        let rows_height = rows * measures.cell_height;
        let y = |day: u32| {
            let row = i64::from(day - self.first_day);
            measures.top + row * measures.cell_height + (measures.cell_height + 8) / 2
        };
        let said: Vec<String> = counts
            .iter()
            .map(|(coverage, hours)| {
                format!("{} {}", counted(hours.unsigned_abs(), "hour"), coverage.code())
            })
            .collect();
        let name = usize::try_from(month).ok().and_then(|month| MONTHS.get(month - 1));
        Month {
            name: format!("{} {year}", name.copied().unwrap_or_default()),
            measures,
            width: measures.left + HOURS * measures.cell_width + 1,
            height: measures.top + rows_height + 1,
            rows_height,
            paths: paths.into_iter().map(|(coverage, path)| (coverage.code(), path)).collect(),
            days: (self.first_day..=self.last_day)
                .filter(numbered)
                .map(|day| (y(day), day))
                .collect(),
            hours: (0..HOURS)
                .filter(|hour| hour % measures.every_hour == 0)
                .map(|hour| (measures.left + hour * measures.cell_width, hour))
                .collect(),
            description: said.join(", "),
            marks: self
                .marks
                .into_iter()
                .map(|(number, cell)| {
                    let x = measures.left + cell % HOURS * measures.cell_width;
                    (number, x, measures.top + cell / HOURS * measures.cell_height)
                })
                .collect(),
        }
    }
}

/// Adds the rectangles of the cells `from` up to `to`: the rest of the first row, whole rows, and
/// the beginning of the last row.
fn rectangles(from: i64, to: i64, measures: Measures, path: &mut String) {
    let mut from = from;
    while from < to {
        let column = from % HOURS;
        let (columns, rows) = match column {
            0 if to - from >= HOURS => (HOURS, (to - from) / HOURS),
            _ => ((HOURS - column).min(to - from), 1),
        };
        let x = measures.left + column * measures.cell_width;
        let y = measures.top + from / HOURS * measures.cell_height;
        let (width, height) = (columns * measures.cell_width, rows * measures.cell_height);
        // Writing to a `String` does not fail.
        let _ = write!(path, "M{x} {y}h{width}v{height}H{x}z");
        from += columns * rows;
    }
}

fn day(unix: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(unix, 0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailproof_core::vocab::time::DAY;

    fn segment(from: i64, to: i64, coverage: Coverage) -> Segment {
        // 2026-03-01T00:00:00Z.
        let start = 1_772_323_200;
        let at = |seconds| Timestamp::from_unix(start + seconds);
        Segment { from: at(from), to: at(to), coverage }
    }

    const MISSING: Coverage = Coverage::Uncovered(Uncovered::DigestsMissing);

    #[test]
    fn a_second_that_is_missing_takes_its_hour() {
        let segments = [
            segment(251, 5 * HOUR + 1, Coverage::Verified),
            segment(5 * HOUR + 1, 5 * HOUR + 2, MISSING),
            segment(5 * HOUR + 2, 3 * DAY, Coverage::Verified),
        ];
        let months = months(&segments, &[]);
        assert_eq!(months.len(), 1);
        let month = &months[0];
        assert_eq!((month.name.as_str(), month.days.len()), ("March 2026", 3));
        assert_eq!(month.description, "71 hours verified, 1 hour digests-missing");
        // Rows are 16 high and hours 22 wide, from 44 and 16 on.
        let missing = ("digests-missing", "M154 16h22v16H154z".to_owned());
        let verified = "M44 16h110v16H44zM176 16h396v16H176zM44 32h528v32H44z".to_owned();
        assert_eq!(month.paths, [("verified", verified), missing]);
    }

    #[test]
    fn months_stand_side_by_side_and_begin_where_the_period_does() {
        let segments = [segment(30 * DAY + 23 * HOUR, 32 * DAY, Coverage::Verified)];
        assert_eq!(months_in(&segments), 2);
        let months = months(&segments, &[]);
        let names: Vec<&str> = months.iter().map(|month| month.name.as_str()).collect();
        assert_eq!(names, ["March 2026", "April 2026"]);
        assert_eq!(months[0].paths, [("verified", "M208 16h8v8H208z".to_owned())]);
        assert_eq!(months[0].days, [(24, 31)]);
    }

    #[test]
    fn a_year_of_a_clean_chain_is_a_few_bytes() {
        let segments = [segment(251, 365 * DAY, Coverage::Verified)];
        assert_eq!(months_in(&segments), 12);
        let drawn: usize = months(&segments, &[])
            .iter()
            .flat_map(|month| &month.paths)
            .map(|(_, p)| p.len())
            .sum();
        assert!(drawn < 400, "{drawn}");
        assert!(months(&[], &[]).is_empty());
    }
}
