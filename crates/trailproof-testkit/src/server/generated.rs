//! Keys that are computed when they are listed: a store of any size, for measuring listings.
use crate::trail::scale::REGIONS;
use crate::world::Version;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Folders of an account, in the order of their names.
const FOLDERS: [&str; 2] = ["CloudTrail-Digest", "CloudTrail"];

/// What every listed object looks like.
pub(super) static OBJECT: LazyLock<Version> = LazyLock::new(|| Version {
    version_id: String::new(),
    body: Bytes::from_static(&[0; 700]),
    metadata: BTreeMap::new(),
    content_type: String::new(),
    content_encoding: None,
    storage_class: "STANDARD".to_owned(),
    last_modified: 1_772_323_200,
    delete_marker: false,
    headers: Vec::new(),
});

/// An organization's trail with a digest and a log file an hour in each region of each account. Its
/// objects can be listed, and not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedTrail {
    /// The bucket, which needs to be in the world and is listed as if it held these objects alone.
    pub bucket: String,
    /// Number of accounts.
    pub accounts: u32,
    /// Number of regions, at most the number in [`REGIONS`].
    pub regions: usize,
    /// The full hour at which it begins, in seconds since the Unix epoch.
    pub start: i64,
    /// Number of hours.
    pub hours: u32,
}

/// What a page of a listing is requested for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Requested<'r> {
    pub(super) prefix: &'r str,
    pub(super) delimiter: &'r str,
    /// Keys up to this one were listed before, and so was a common prefix equal to it.
    pub(super) after: &'r str,
    pub(super) size: usize,
}

/// A page of a listing.
#[derive(Debug, Default)]
pub(super) struct GeneratedPage {
    pub(super) keys: Vec<String>,
    pub(super) common_prefixes: Vec<String>,
    /// The last entry on the page, if more follow.
    pub(super) last: Option<String>,
}

impl GeneratedTrail {
    /// Returns the number of keys.
    fn count(&self) -> u64 {
        let regions = u64::try_from(self.regions.min(REGIONS.len())).unwrap_or(0);
        u64::from(self.accounts) * 2 * regions * u64::from(self.hours)
    }

    /// Returns the key at this place in the order of keys.
    fn key(&self, at: u64) -> String {
        let hours = u64::from(self.hours.max(1));
        let regions = u64::try_from(self.regions.clamp(1, REGIONS.len())).unwrap_or(1);
        let (above, hour) = (at / hours, at % hours);
        let (above, region) = (above / regions, above % regions);
        let (account, folder) = (above / 2, above % 2);
        let pick = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let name = REGIONS.get(pick(region)).copied().unwrap_or_default();
        let folder = FOLDERS.get(pick(folder)).copied().unwrap_or_default();
        // Each chain has digests at a minute of its own.
        let phase = i64::try_from((account * regions + region) * 7 % 60).unwrap_or(0) * 60;
        let end = self.start + i64::try_from(hour).unwrap_or(0) * 3_600 + phase;
        let account = 100_000_000_001 + account;
        let (year, month, day) = civil(end.div_euclid(86_400));
        let (hour, minute) = (end.rem_euclid(86_400) / 3_600, end.rem_euclid(3_600) / 60);
        let place = format!(
            "AWSLogs/o-exampleorg1/{account}/{folder}/{name}/{year:04}/{month:02}/{day:02}/\
             {account}_{folder}_{name}_"
        );
        if folder == "CloudTrail" {
            return format!("{place}{year:04}{month:02}{day:02}T{hour:02}{minute:02}Z_k.json.gz");
        }
        format!(
            "{place}organization-trail_us-west-2_{year:04}{month:02}{day:02}T{hour:02}{minute:02}00Z\
             .json.gz"
        )
    }

    /// Returns the place of the first key that is not before `text`.
    fn first_from(&self, text: &str) -> u64 {
        let (mut low, mut high) = (0, self.count());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.key(middle).as_str() < text {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Returns the place of the first key that does not begin with `folder` and comes after it.
    fn first_behind(&self, folder: &str) -> u64 {
        self.first_from(&format!("{folder}\u{10ffff}"))
    }

    /// Returns a page of a listing.
    pub(super) fn page(&self, requested: Requested<'_>) -> GeneratedPage {
        let Requested { prefix, delimiter, after, size } = requested;
        let is_folder = !delimiter.is_empty() && after.ends_with(delimiter);
        let mut at = match after {
            "" => self.first_from(prefix),
            after if after < prefix => self.first_from(prefix),
            after if is_folder && after != prefix => self.first_behind(after),
            after => self.first_from(&format!("{after}\0")),
        };
        let mut page = GeneratedPage::default();
        while at < self.count() {
            let key = self.key(at);
            let Some(rest) = key.strip_prefix(prefix) else { break };
            if page.keys.len() + page.common_prefixes.len() >= size {
                return page;
            }
            let folder = match delimiter {
                "" => None,
                delimiter => rest.find(delimiter).map(|end| end + delimiter.len()),
            };
            match folder.and_then(|end| key.get(..prefix.len() + end)) {
                Some(common) => {
                    at = self.first_behind(common);
                    page.last = Some(common.to_owned());
                    page.common_prefixes.push(common.to_owned());
                }
                None => {
                    at += 1;
                    page.last = Some(key.clone());
                    page.keys.push(key);
                }
            }
        }
        GeneratedPage { last: None, ..page }
    }
}

/// Returns the date of a day since the Unix epoch: Howard Hinnant's `civil_from_days`.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trail() -> GeneratedTrail {
        let bucket = "b".to_owned();
        // 2024-02-28T00:00:00Z: the hours include a leap day.
        GeneratedTrail { bucket, accounts: 2, regions: 3, start: 1_709_078_400, hours: 50 }
    }

    fn listed(trail: &GeneratedTrail, prefix: &str, delimiter: &str, size: usize) -> Vec<String> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let page = trail.page(Requested { prefix, delimiter, after: &after, size });
            all.extend(page.keys);
            all.extend(page.common_prefixes);
            match page.last {
                Some(last) => after = last,
                None => return all,
            }
        }
    }

    #[test]
    fn keys_are_in_order_and_every_page_size_lists_all() {
        let trail = trail();
        let all: Vec<String> = (0..trail.count()).map(|at| trail.key(at)).collect();
        assert_eq!(all.len(), 600);
        assert!(all.is_sorted());
        assert!(all[0].ends_with(
            "/CloudTrail-Digest/ap-northeast-1/2024/02/28/100000000001_CloudTrail-Digest_\
             ap-northeast-1_organization-trail_us-west-2_20240228T000000Z.json.gz"
        ));
        assert!(all.iter().any(|key| key.contains("/us-west-2/") || key.contains("/2024/02/29/")));
        for size in [1, 7, 600, 1_000] {
            assert_eq!(listed(&trail, "", "", size), all, "{size}");
        }
    }

    #[test]
    fn folders_are_listed_once() {
        let trail = trail();
        for size in [1, 2, 1_000] {
            let below = "AWSLogs/o-exampleorg1/";
            let accounts = ["100000000001/", "100000000002/"].map(|it| format!("{below}{it}"));
            assert_eq!(listed(&trail, below, "/", size), accounts);
            let account = &accounts[1];
            let folders = FOLDERS.map(|it| format!("{account}{it}/"));
            assert_eq!(listed(&trail, account, "/", size), folders);
            let region = format!("{account}CloudTrail/ap-northeast-2/");
            assert_eq!(listed(&trail, &format!("{region}2024/"), "/", size).len(), 2);
            let day = format!("{region}2024/02/29/");
            assert_eq!(listed(&trail, &day, "/", size).len(), 24);
            assert_eq!(listed(&trail, "AWSLogs/o-other/", "/", size), Vec::<String>::new());
        }
    }
}
