//! Folders of a bucket, listed with a delimiter.
use crate::source::{ListRequest, ObjectSource, Pages};
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::vocab::budget;

/// Returns the names of the folders directly below `above`, without their trailing slashes, in
/// ascending order. `above` is empty or ends in a slash.
///
/// # Errors
///
/// The listing could not be read, or there are more folders than the budget allows.
pub async fn list_folders(
    source: &dyn ObjectSource,
    bucket: &str,
    above: &str,
) -> Result<Vec<String>, ReadFailure> {
    match read_folders(source, bucket, above, budget::FOLDERS).await {
        (names, None) => Ok(names),
        (_, Some(why)) => Err(why),
    }
}

/// Lists at most `limit` names as [`list_folders`] does, and returns what was found before a
/// failure along with the failure.
pub(crate) async fn read_folders(
    source: &dyn ObjectSource,
    bucket: &str,
    above: &str,
    limit: usize,
) -> (Vec<String>, Option<ReadFailure>) {
    let request = ListRequest { folders: true, ..ListRequest::names(bucket, above) };
    let mut pages = Pages::new(source, request);
    let mut found = Vec::new();
    loop {
        match pages.next().await {
            Ok(None) => return (found, None),
            Ok(Some(page)) => {
                for folder in page.folders {
                    let name = folder.strip_prefix(above).and_then(|name| name.strip_suffix('/'));
                    found.extend(name.map(str::to_owned));
                }
            }
            Err(why) => return (found, Some(why)),
        }
        if found.len() > limit {
            found.truncate(limit);
            let words = "too many folders in one place";
            return (found, Some(ReadFailure::new(ReadFailureKind::OverBudget, words)));
        }
    }
}

/// Returns the last folder of days (`YYYY/MM/DD`) below `above` that is not after `day`. It is
/// found by descending through years, months and days, with a few listings for a trail of any age.
pub(crate) async fn last_day(
    source: &dyn ObjectSource,
    bucket: &str,
    above: &str,
    day: &str,
) -> Result<Option<String>, ReadFailure> {
    // If a month has no day up to `day`, the month before it is searched. So at most two folders of
    // each level are listed.
    let mut candidates = vec![String::new()];
    for depth in 1..=3 {
        let mut next = Vec::new();
        for parent in candidates.iter().rev() {
            let mut names = list_folders(source, bucket, &format!("{above}{parent}")).await?;
            names.retain(|name| name.len() <= 4 && name.bytes().all(|byte| byte.is_ascii_digit()));
            for name in names.iter().rev() {
                let path = format!("{parent}{name}/");
                let limit = day.get(..path.len() - 1).unwrap_or(day);
                if path.trim_end_matches('/') <= limit {
                    next.push(path);
                }
                if next.len() == 2 {
                    break;
                }
            }
            if next.len() == 2 {
                break;
            }
        }
        next.reverse();
        candidates = next;
        if depth == 3 {
            return Ok(candidates.pop().map(|path| path.trim_end_matches('/').to_owned()));
        }
    }
    Ok(None)
}

/// Returns whether a folder name has the form of a region: `us-east-1`, `us-gov-west-1`. The set of
/// regions is not known in advance, but all names have this form.
pub(crate) fn is_region(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    let letters = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    match parts.split_last() {
        Some((number, words)) => {
            words.len() >= 2
                && words.iter().all(letters)
                && !number.is_empty()
                && number.bytes().all(|byte| byte.is_ascii_digit())
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_recognized_by_their_form() {
        for name in ["us-east-1", "ap-southeast-12", "us-gov-west-1", "us-isob-east-1"] {
            assert!(is_region(name), "{name}");
        }
        for name in ["", "backup", "EU-WEST-1", "eu-west", "eu--1", "2026", "1-1-1", "us-east-1a"] {
            assert!(!is_region(name), "{name}");
        }
    }
}
