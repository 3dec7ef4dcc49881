//! The period of a `verify` run, as users specify it or as the evidence in a directory gives it.
use super::evidence::Evidence;
use super::time_text::parse_time;
use crate::aws::advice;
use crate::console::refusal::Refusal;
use crate::console::stream::print_to_stderr;
use crate::locate::extent::{Extent, earliest_time, find_extent};
use chrono::NaiveDate;
use std::path::Path;
use trailproof_core::vocab::chain_id::Scope;
use trailproof_core::vocab::location::escape;
use trailproof_core::vocab::time::{DAY, HOUR, Period, Timestamp};

/// What is missing where a period is needed and none was typed.
pub(crate) const NO_PERIOD: &str =
    "a period is required\n\nhint: `--last 90d`, `--quarter 2026Q3` or `--start-time`";

/// The options that give a period.
const HINT: &str = "hint: `--last 90d`, `--quarter 2026Q3` or `--start-time`";

/// The options that specify the period.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PeriodArgs<'a> {
    pub(crate) start: Option<&'a str>,
    pub(crate) end: Option<&'a str>,
    pub(crate) last: Option<&'a str>,
    pub(crate) quarter: Option<&'a str>,
}

/// A period, and whether its end was moved back to the current time.
pub(crate) type CutPeriod = (Period, bool);

/// The requested period. The time of the run determines its actual bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestedPeriod {
    /// From the first time to the second, or to now.
    From(Timestamp, Option<Timestamp>),
    /// This number of seconds up to now.
    Last(i64),
    /// That of all evidence in the scope, which is known once it is listed.
    OfEvidence,
}

/// Parses the options of the period; returns `None` if none is given.
///
/// # Errors
///
/// A message for the user if an option is invalid.
pub(crate) fn period(args: PeriodArgs<'_>) -> Result<Option<RequestedPeriod>, String> {
    let period = match args {
        PeriodArgs { last: Some(span), .. } => span_seconds(span)
            .map(RequestedPeriod::Last)
            .ok_or_else(|| unreadable(span, SPAN_FORMS)),
        PeriodArgs { quarter: Some(name), .. } => quarter(name)
            .map(|(start, end)| RequestedPeriod::From(start, Some(end)))
            .ok_or_else(|| unreadable(name, "quarter\n\nhint: `2026Q3`")),
        PeriodArgs { start: Some(start), end, .. } => {
            Ok(RequestedPeriod::From(time(start)?, end.map(time).transpose()?))
        }
        PeriodArgs { end: Some(_), .. } => Err(NO_PERIOD.to_owned()),
        PeriodArgs { .. } => return Ok(None),
    };
    period.map(Some)
}

impl RequestedPeriod {
    /// Returns the period with a different end; a span up to now then ends there, and begins where it
    /// would at `now`.
    pub(crate) fn ending(self, end: Timestamp, now: Timestamp) -> Self {
        match self {
            Self::From(start, _) => Self::From(start, Some(end)),
            Self::Last(seconds) => Self::From(now.plus(-seconds), Some(end)),
            Self::OfEvidence => Self::OfEvidence,
        }
    }

    /// Returns the period of a run at `now`. Its end is never later than `now`.
    ///
    /// # Errors
    ///
    /// A message for the user if the period is empty or not known yet.
    pub(crate) fn cut(self, now: Timestamp) -> Result<CutPeriod, String> {
        let (start, end) = match self {
            Self::From(start, end) => (start, end.unwrap_or(now)),
            Self::Last(seconds) => (now.plus(-seconds), now),
            Self::OfEvidence => return Err(NO_PERIOD.to_owned()),
        };
        let cut = end > now;
        let end = end.min(now);
        if start >= end {
            return Err(format!(
                "the period is empty: its start `{start}` is not before its end `{end}`"
            ));
        }
        Ok((Period { start, end }, cut))
    }
}

impl Evidence {
    /// Returns the period of all evidence in the scope, and prints it: it ends at `now` at the latest.
    ///
    /// # Errors
    ///
    /// There is neither a digest nor a log file in the scope, or none whose time is possible.
    pub(crate) async fn period_of_evidence(
        &self,
        directory: &Path,
        scope: &Scope,
        now: Timestamp,
    ) -> Result<RequestedPeriod, Refusal> {
        let shown = escape(&directory.to_string_lossy()).into_owned();
        let Extent { times, unread } =
            find_extent(&self.source, &self.bucket, &self.roots, scope, now).await;
        let (start, end) = match (times, unread.first()) {
            (Some(times), _) => times,
            (None, Some((folder, why))) => {
                return Err(Refusal::not_started(format!(
                    "the period is not known: cannot list `{shown}/{}`: {}\n\n{HINT}",
                    escape(folder),
                    advice::failure(why)
                )));
            }
            (None, None) => {
                return Err(Refusal::usage(format!(
                    "a period is required: `{shown}` has no digest and no log file of the scope, which \
                     would give it\n\n{HINT}"
                )));
            }
        };
        if start >= end {
            return Err(Refusal::usage(format!(
                "a period is required: nothing in `{shown}` is from between {} and {now}\n\n{HINT}",
                earliest_time()
            )));
        }
        print_to_stderr(&format!(
            "note: the period is that of all evidence in `{shown}`, {start} to {end}: anyone who can \
             change the evidence can change that too\n\nhint: verify with the period that you \
             expect, such as `--quarter 2026Q3`"
        ));
        Ok(RequestedPeriod::From(start, Some(end)))
    }
}

/// Parses a time.
///
/// # Errors
///
/// A message for the user if the text is not a time.
pub(crate) fn time(text: &str) -> Result<Timestamp, String> {
    parse_time(text).ok_or_else(|| {
        unreadable(
            text,
            "time\n\nhint: `2026-07-01`, `2026-07-01T05:00` or `2026-07-01T05:00:00+02:00`; without an \
             offset it is in UTC",
        )
    })
}

/// What a span is, and its forms.
const SPAN_FORMS: &str = "span\n\nhint: `12h`, `90d`, `13w` or `1y` (365 days)";

fn unreadable(text: &str, what: &str) -> String {
    let text =
        trailproof_core::vocab::location::excerpt(text, trailproof_core::vocab::budget::SHOWN);
    format!("cannot read `{text}` as a {what}")
}

/// Parses `12h`, `90d`, `2w` or `1y`, digits and one letter, into seconds. A year has 365 days.
pub(crate) fn span_seconds(text: &str) -> Option<i64> {
    let unit = match text.chars().last()? {
        'h' => HOUR,
        'd' => DAY,
        'w' => 7 * DAY,
        'y' => 365 * DAY,
        _ => return None,
    };
    let digits = text.get(..text.len() - 1)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<i64>().ok()?.checked_mul(unit).filter(|seconds| *seconds > 0)
}

/// Returns the first second of a quarter such as `2026Q3`, and the first second after it.
fn quarter(text: &str) -> Option<(Timestamp, Timestamp)> {
    let (year, number) = text.split_once(['Q', 'q'])?;
    let year = year.trim_end_matches('-');
    if year.len() != 4 || !year.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let year: i32 = year.parse().ok()?;
    let number: u32 = number.parse().ok().filter(|number| (1..=4).contains(number))?;
    let first = |year: i32, month: u32| {
        let day = NaiveDate::from_ymd_opt(year, month, 1)?.and_hms_opt(0, 0, 0)?;
        Some(Timestamp::from_unix(day.and_utc().timestamp()))
    };
    let next = if number == 4 { (year + 1, 1) } else { (year, number * 3 + 1) };
    Some((first(year, number * 3 - 2)?, first(next.0, next.1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::parse("2026-11-20T12:00:00Z").unwrap()
    }

    fn read(args: PeriodArgs<'_>) -> Result<(String, String, bool), String> {
        let cut = period(args)?.ok_or(NO_PERIOD)?.cut(now());
        cut.map(|(p, cut)| (p.start.to_string(), p.end.to_string(), cut))
    }

    #[test]
    fn every_form_is_read() {
        let expected = |from: &str, to: &str, cut| Ok((from.to_owned(), to.to_owned(), cut));
        let args = PeriodArgs::default();
        assert_eq!(
            read(PeriodArgs { last: Some("2d"), ..args }),
            expected("2026-11-18T12:00:00Z", "2026-11-20T12:00:00Z", false)
        );
        assert_eq!(
            read(PeriodArgs { last: Some("1y"), ..args }),
            expected("2025-11-20T12:00:00Z", "2026-11-20T12:00:00Z", false)
        );
        assert_eq!(
            read(PeriodArgs { quarter: Some("2026Q3"), ..args }),
            expected("2026-07-01T00:00:00Z", "2026-10-01T00:00:00Z", false)
        );
        assert_eq!(
            read(PeriodArgs { quarter: Some("2026q4"), ..args }),
            expected("2026-10-01T00:00:00Z", "2026-11-20T12:00:00Z", true)
        );
        assert_eq!(
            read(PeriodArgs { start: Some("2026-07-01"), end: Some("2026-07-02"), ..args }),
            expected("2026-07-01T00:00:00Z", "2026-07-02T00:00:00Z", false)
        );
    }

    #[test]
    fn an_invalid_period_is_refused_and_named() {
        let args = PeriodArgs::default();
        for (args, part) in [
            (args, "a period is required"),
            (PeriodArgs { last: Some("90"), ..args }, "`90`"),
            (PeriodArgs { last: Some("0d"), ..args }, "`0d`"),
            (PeriodArgs { last: Some("3m"), ..args }, "`12h`, `90d`, `13w` or `1y`"),
            (PeriodArgs { start: Some("2026-03"), ..args }, "`2026-07-01T05:00`"),
            (PeriodArgs { last: Some("99999999999999999999d"), ..args }, "span"),
            (PeriodArgs { quarter: Some("2026Q5"), ..args }, "`2026Q5`"),
            (PeriodArgs { quarter: Some("\u{1b}[2J"), ..args }, "\\u{1b}"),
            (PeriodArgs { start: Some("noon"), ..args }, "`noon`"),
            (PeriodArgs { start: Some("2027-01-01"), ..args }, "empty"),
            (PeriodArgs { start: Some("2026-01-02"), end: Some("2026-01-01"), ..args }, "empty"),
        ] {
            let message = read(args).unwrap_err();
            assert!(message.contains(part), "{message}");
        }
    }
}
