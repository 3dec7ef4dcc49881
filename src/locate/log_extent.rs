//! The earliest and the latest log file of a folder, by their names.
use super::folders::list_folders;
use super::place::Place;
use crate::source::{ListRequest, ObjectSource, Pages};
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::vocab::log_key::log_key_time;
use trailproof_core::vocab::time::Timestamp;

/// Digits in the names of the folders of years, months and days.
const DIGITS: [usize; 3] = [4, 2, 2];

/// Returns the times in the names of the first and the last log file in one of a place's folders; `None`
/// if there is none. Only the days at both ends are listed, and those beside them that have no log file.
///
/// # Errors
///
/// A folder could not be listed.
pub(super) async fn log_times(
    source: &dyn ObjectSource,
    bucket: &str,
    place: &Place,
    name: &str,
) -> Result<Option<(Timestamp, Timestamp)>, ReadFailure> {
    let end = |newest| end_times(source, bucket, place, name, newest);
    let Some((first, _)) = end(false).await? else { return Ok(None) };
    Ok(end(true).await?.map(|(_, last)| (first, last)))
}

/// Returns the times of the first and the last log file of the newest or the oldest day that has any.
async fn end_times(
    source: &dyn ObjectSource,
    bucket: &str,
    place: &Place,
    name: &str,
    newest: bool,
) -> Result<Option<(Timestamp, Timestamp)>, ReadFailure> {
    // The next folder is last, with the number of dates in its path.
    let mut folders = vec![(0, place.folder(name))];
    while let Some((level, folder)) = folders.pop() {
        let Some(digits) = DIGITS.get(level) else {
            let times = of_day(source, bucket, place, &folder).await?;
            if times.is_some() {
                return Ok(times);
            }
            continue;
        };
        let is_date =
            |name: &String| name.len() == *digits && name.bytes().all(|byte| byte.is_ascii_digit());
        let names = list_folders(source, bucket, &folder).await?;
        let mut names: Vec<String> = names.into_iter().filter(is_date).collect();
        if !newest {
            names.reverse();
        }
        folders.extend(names.into_iter().map(|name| (level + 1, format!("{folder}{name}/"))));
    }
    Ok(None)
}

async fn of_day(
    source: &dyn ObjectSource,
    bucket: &str,
    place: &Place,
    folder: &str,
) -> Result<Option<(Timestamp, Timestamp)>, ReadFailure> {
    let mut pages = Pages::new(source, ListRequest::names(bucket, folder));
    let mut times: Option<(Timestamp, Timestamp)> = None;
    while let Some(page) = pages.next().await? {
        let named = page.objects.iter();
        for time in
            named.filter_map(|object| log_key_time(&object.key, &place.account, &place.region))
        {
            let (first, last) = times.unwrap_or((time, time));
            times = Some((first.min(time), last.max(time)));
        }
    }
    Ok(times)
}
