//! A long stretch of days below one folder, cut into parts that are listed concurrently.
use trailproof_core::vocab::time::{DAY, Timestamp};

/// Days in one part. A single trail has 960 hourly digests in them, which is one page.
const DAYS: i64 = 40;

/// A part of the keys below a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    /// The part begins after this key.
    pub(crate) after: String,
    /// The last key of the part; `None` for the last part, which extends to the end of the folder.
    pub(crate) until: Option<String>,
}

impl Slice {
    /// Returns whether a key that sorts after the beginning belongs to this part.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.until.as_deref().is_none_or(|until| key <= until)
    }
}

/// Cuts the keys below `folder` into parts, from the day of `from` to the day of `to`. Every key
/// after the beginning of the first part is in exactly one part.
pub(crate) fn slices(folder: &str, from: Timestamp, to: Timestamp) -> Vec<Slice> {
    let edge = |day: Timestamp| format!("{folder}{}", day.date_folder());
    let mut slices = Vec::new();
    let mut begin = from;
    while begin.plus(DAYS * DAY) < to {
        let end = begin.plus(DAYS * DAY);
        slices.push(Slice { after: edge(begin), until: Some(edge(end)) });
        begin = end;
    }
    slices.push(Slice { after: edge(begin), until: None });
    slices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_lies_in_one_part() {
        let from = Timestamp::parse("2025-12-20T05:00:00Z").unwrap();
        for days in [0, 1, 39, 40, 41, 80, 81, 400] {
            let parts = slices("f/", from, from.plus(days * DAY));
            let wanted = if days == 0 { 1 } else { (days + DAYS - 1) / DAYS };
            assert_eq!(i64::try_from(parts.len()).unwrap(), wanted, "{days}");
            assert_eq!(parts[0].after, "f/2025/12/20");
            assert_eq!(parts.last().unwrap().until, None);
            for day in 0..days + 50 {
                for name in ["", "/", "/key", "0", "/zz/\u{10ffff}"] {
                    let key = format!("f/{}{name}", from.plus(day * DAY).date_folder());
                    let holds =
                        |part: &&Slice| key.as_str() > part.after.as_str() && part.has(&key);
                    let count = parts.iter().filter(holds).count();
                    assert_eq!(count, usize::from(key != "f/2025/12/20"), "{days} {key}");
                }
            }
        }
    }
}
