//! Folders of a bucket, listed with a delimiter.
use crate::source::{ListRequest, ObjectSource};
use trailproof_core::budget;
use trailproof_core::failure::{ReadFailure, ReadFailureKind};

/// The names of the folders right below `above`, without the slashes at their ends, ascending.
/// `above` is empty or ends in a slash.
///
/// # Errors
///
/// That the listing could not be read, or that there are more than the budget allows.
pub async fn list_folders(
    source: &dyn ObjectSource,
    bucket: &str,
    above: &str,
) -> Result<Vec<String>, ReadFailure> {
    let mut request = ListRequest::names(bucket, above);
    request.folders = true;
    let mut found = Vec::new();
    for _ in 0..budget::PAGES {
        let page = source.list(&request).await?;
        for folder in page.folders {
            let name = folder.strip_prefix(above).and_then(|name| name.strip_suffix('/'));
            found.extend(name.map(str::to_owned));
        }
        if found.len() > budget::FOLDERS {
            break;
        }
        match page.next {
            Some(next) => request.continuation = Some(next),
            None => return Ok(found),
        }
    }
    Err(ReadFailure::new(ReadFailureKind::OverBudget, "too many folders in one place"))
}

/// The last folder of days (`YYYY/MM/DD`) below `above` that is not after `day`, found by walking
/// down years, months and days: three listings, whatever the age of the trail.
pub(crate) async fn last_day(
    source: &dyn ObjectSource,
    bucket: &str,
    above: &str,
    day: &str,
) -> Result<Option<String>, ReadFailure> {
    // A month without a day before the one asked for is left again, so that at most two of each
    // are looked into.
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
