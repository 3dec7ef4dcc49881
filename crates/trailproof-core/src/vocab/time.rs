//! Points in time, in whole seconds of UTC.
//!
//! Digests and keys spell times in only two ways; times typed by people are parsed by `cli`.
use chrono::{DateTime, Datelike as _, NaiveDate, Timelike as _, Utc};
use std::fmt;

/// Number of characters of a time in a digest's key: `20230710T120000Z`.
const KEY_LENGTH: usize = 16;
/// Seconds in an hour.
pub const HOUR: i64 = 3_600;
/// Seconds in a day.
pub const DAY: i64 = 86_400;
/// 9999-12-31T23:59:59Z. Later years do not fit the four digits that every spelling here has.
const LATEST: i64 = 253_402_300_799;

/// A second of UTC between the years 0 and 9999. CloudTrail's digests have no finer resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Creates a time from seconds since the Unix epoch, clamped to the years that can be spelled.
    pub fn from_unix(seconds: i64) -> Self {
        Self(seconds.clamp(-62_167_219_200, LATEST))
    }

    /// Returns the seconds since the Unix epoch.
    pub fn unix(self) -> i64 {
        self.0
    }

    /// Parses the spelling of a digest's JSON, and RFC 3339 with an offset, which is converted.
    pub fn parse(text: &str) -> Option<Self> {
        // Digests have no longer spelling; a longer text is not worth parsing.
        if text.len() > 40 {
            return None;
        }
        let read = DateTime::parse_from_rfc3339(text).ok()?;
        (read.timestamp() <= LATEST).then(|| Self::from_unix(read.timestamp()))
    }

    /// Parses the spelling of a digest's key, and no other.
    pub fn parse_key(text: &str) -> Option<Self> {
        // Rejects numbers that are too short or have a sign.
        let shape = text.len() == KEY_LENGTH
            && text.bytes().enumerate().all(|(at, byte)| match at {
                8 => byte == b'T',
                15 => byte == b'Z',
                _ => byte.is_ascii_digit(),
            });
        if !shape {
            return None;
        }
        let number = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
        let year = i32::try_from(number(0, 4)?).ok()?;
        let day = NaiveDate::from_ymd_opt(year, number(4, 6)?, number(6, 8)?)?;
        // A key cannot contain a leap second.
        let read = day.and_hms_opt(number(9, 11)?, number(11, 13)?, number(13, 15)?)?;
        Some(Self::from_unix(read.and_utc().timestamp()))
    }

    /// Parses a time whose spelling is not documented: the two spellings of digests, and RFC 3339
    /// with a blank in place of `T` or without a zone, which then means UTC.
    pub fn parse_loosely(text: &str) -> Option<Self> {
        let joined = || text.replacen(' ', "T", 1);
        Self::parse(text)
            .or_else(|| Self::parse_key(text))
            .or_else(|| Self::parse(&joined()))
            .or_else(|| Self::parse(&format!("{}Z", joined())))
    }

    /// Returns the spelling of a digest's key.
    pub fn key(self) -> String {
        let at = self.utc();
        let (year, month, day) = (at.year(), at.month(), at.day());
        let (hour, minute, second) = (at.hour(), at.minute(), at.second());
        format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
    }

    /// Returns the date folder of a key: `2023/07/10`.
    pub fn date_folder(self) -> String {
        let day = self.utc();
        format!("{:04}/{:02}/{:02}", day.year(), day.month(), day.day())
    }

    /// Returns the time that is `seconds` later, or earlier if negative.
    #[must_use]
    pub fn plus(self, seconds: i64) -> Self {
        Self::from_unix(self.0.saturating_add(seconds))
    }

    fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.0, 0).unwrap_or_default()
    }
}

/// The spelling in a digest's JSON and in the AWS CLI's output: `2023-07-10T12:00:00Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.utc();
        let (year, month, day) = (at.year(), at.month(), at.day());
        let (hour, minute, second) = (at.hour(), at.minute(), at.second());
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// The period of a run: from its start up to but not including its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// First second.
    pub start: Timestamp,
    /// The second after the last.
    pub end: Timestamp,
}

impl Period {
    /// Returns the date folder of its first second.
    pub fn first_day(self) -> String {
        self.start.date_folder()
    }

    /// Returns the date folder of its last second: a period that ends at midnight does not include
    /// the day that begins then.
    pub fn last_day(self) -> String {
        self.end.plus(-1).date_folder()
    }
}

/// A period of the AWS CLI's `validate-logs`, which includes both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InclusivePeriod {
    /// First second.
    pub start: Timestamp,
    /// Last second.
    pub end: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_time_round_trips_and_other_spellings_are_rejected() {
        for text in ["20230710T120000Z", "00000101T000000Z", "20240229T235959Z", "99991231T235959Z"]
        {
            let at = Timestamp::parse_key(text).unwrap();
            assert_eq!(at.key(), text);
            let folder = [text.get(..4), text.get(4..6), text.get(6..8)].map(Option::unwrap);
            assert_eq!(at.date_folder(), folder.join("/"));
        }
        assert_eq!(
            Timestamp::parse_key("20230710T120000Z"),
            Timestamp::parse("2023-07-10T12:00:00Z")
        );
        for text in [
            "",
            "20230710T120060Z",
            "20230710T240000Z",
            "20230229T120000Z",
            "20230010T120000Z",
            "20231310T120000Z",
            "+0230710T120000Z",
            "2023071 T120000Z",
            "20230710t120000Z",
            "20230710T120000",
            "20230710T120000Zx",
            "２230710T12000Z",
        ] {
            assert_eq!(Timestamp::parse_key(text), None, "{text}");
        }
    }

    #[test]
    fn a_period_excludes_the_day_that_begins_at_its_end() {
        let at = |text| Timestamp::parse(text).unwrap();
        for (end, last) in [
            ("2026-10-01T00:00:00Z", "2026/09/30"),
            ("2026-10-01T00:00:01Z", "2026/10/01"),
            ("2026-10-01T23:59:59Z", "2026/10/01"),
        ] {
            let period = Period { start: at("2026-07-01T00:00:00Z"), end: at(end) };
            assert_eq!((period.first_day(), period.last_day()), ("2026/07/01".into(), last.into()));
        }
    }

    #[test]
    fn an_undocumented_time_is_parsed_in_every_likely_spelling() {
        for text in [
            "2023-07-10T12:00:00Z",
            "2023-07-10T12:00:00.123Z",
            "2023-07-10T14:00:00+02:00",
            "2023-07-10T12:00:00",
            "2023-07-10 12:00:00",
            "2023-07-10 12:00:00Z",
            "20230710T120000Z",
        ] {
            let read = Timestamp::parse_loosely(text).map(|at| at.to_string());
            assert_eq!(read.as_deref(), Some("2023-07-10T12:00:00Z"), "{text}");
        }
        for text in ["", "noon", "2023-07-10", "1688990400", "2023-07-10T12:00:00 Z"] {
            assert_eq!(Timestamp::parse_loosely(text), None, "{text}");
        }
    }

    #[test]
    fn both_spellings_round_trip() {
        let at = Timestamp::parse("2019-11-08T16:49:11Z").unwrap();
        assert_eq!(at.unix(), 1_573_231_751);
        assert_eq!(at.to_string(), "2019-11-08T16:49:11Z");
        assert_eq!(at.key(), "20191108T164911Z");
        assert_eq!(Timestamp::parse_key("20191108T164911Z"), Some(at));
        assert_eq!(at.date_folder(), "2019/11/08");
    }

    #[test]
    fn an_offset_is_converted_and_not_dropped() {
        assert_eq!(
            Timestamp::parse("2019-11-08T18:49:11+02:00"),
            Timestamp::parse("2019-11-08T16:49:11Z")
        );
    }

    #[test]
    fn only_exact_key_times_parse() {
        for text in [
            "",
            "20191108T164911",
            "20191108T164911z",
            "2019110T1649111Z",
            "20191308T164911Z",
            "20191108T246011Z",
            "20191108T235960Z",
            "+0191108T164911Z",
            "20191108T164911ZZ",
        ] {
            assert_eq!(Timestamp::parse_key(text), None, "{text}");
        }
    }

    proptest::proptest! {
        /// 1970 to 9999, in both spellings, which also sort as the times do.
        #[test]
        fn every_time_comes_back(seconds in 0..=253_402_300_799_i64, other in 0..=253_402_300_799_i64) {
            let (at, other) = (Timestamp::from_unix(seconds), Timestamp::from_unix(other));
            proptest::prop_assert_eq!(at.unix(), seconds);
            proptest::prop_assert_eq!(Timestamp::parse(&at.to_string()), Some(at));
            proptest::prop_assert_eq!(Timestamp::parse_key(&at.key()), Some(at));
            proptest::prop_assert_eq!(at.to_string().cmp(&other.to_string()), at.cmp(&other));
            proptest::prop_assert_eq!(at.key().cmp(&other.key()), at.cmp(&other));
            let day = format!("{}T", at.date_folder().replace('/', ""));
            proptest::prop_assert!(at.key().starts_with(&day));
        }

        /// Whatever is not exactly a key's time is not taken for one.
        #[test]
        fn a_text_that_is_a_time_is_the_spelling_of_it(text in "[0-9]{8}T[0-9]{6}Z|[0-9TZ+ -]{14,18}") {
            if let Some(at) = Timestamp::parse_key(&text) {
                proptest::prop_assert_eq!(at.key(), text);
            }
        }
    }

    #[test]
    fn times_are_clamped_to_four_digit_years() {
        assert_eq!(Timestamp::from_unix(i64::MAX).to_string(), "9999-12-31T23:59:59Z");
        assert_eq!(Timestamp::from_unix(i64::MIN).to_string(), "0000-01-01T00:00:00Z");
    }
}
