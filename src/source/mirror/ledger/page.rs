//! Makes pages of a listing from the records.
use super::{Layers, Order};
use crate::source::{ListPage, ListRequest, Listed};
use std::io;
use trailproof_core::vocab::budget;

/// The last Unicode character. As many of them as fit into a key sort after everything in a folder.
const LAST: &str = "\u{10ffff}";

/// Returns the upper bound of all keys in this folder. It is not a key itself.
pub(crate) fn end_of(folder: &str) -> String {
    [folder, &LAST.repeat(budget::KEY_LENGTH / LAST.len())].concat()
}

/// Returns the first name that sorts after everything in this folder, whose name ends in a slash.
fn behind(folder: &str) -> String {
    // The character that follows the slash.
    [folder.strip_suffix('/').unwrap_or(folder), "0"].concat()
}

/// The request for a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) request: &'a ListRequest,
    /// Return only what sorts after this: the start, or the end of the previous page.
    pub(crate) after: &'a str,
    pub(crate) limit: usize,
}

/// Returns the page of what was listed or copied.
pub(crate) fn page(ledger: &Layers, asked: &Asked<'_>) -> io::Result<ListPage> {
    let Asked { request, after, limit } = *asked;
    let bucket = format!("{}/", request.bucket);
    let prefix = format!("{bucket}{}", request.prefix);
    let told = request.continuation.as_deref().unwrap_or("");
    let mut page = ListPage::default();
    let mut from = Order::at(prefix.clone().max(format!("{bucket}{after}")));
    // The prefix itself may also be the key of an object, and is not a folder below itself.
    if request.folders && told.len() > request.prefix.len() && told.ends_with('/') {
        from.path = from.path.max(format!("{bucket}{}", behind(told)));
    }
    'seek: loop {
        let mut entries = ledger.entries(&from)?;
        while let Some((order, entry)) = entries.next()? {
            let Some(rest) = order.path.strip_prefix(prefix.as_str()) else { return Ok(page) };
            let folder = match rest.find('/') {
                Some(slash) if request.folders => Some(prefix.len() + slash + 1),
                _ if order.folder => continue,
                _ => None,
            };
            let name = order.path.get(bucket.len()..folder.unwrap_or(order.path.len()));
            let (Some(name), Some(key)) = (name, order.path.get(bucket.len()..)) else { continue };
            // Of the folder that contains the start, only what follows the start counts.
            let is_after = key > after || (order.folder && name > after);
            if !entry.is_there() || !is_after || name <= told {
                continue;
            }
            if page.objects.len() + page.folders.len() == limit {
                page.next = last(&page);
                return Ok(page);
            }
            let name = name.to_owned();
            if folder.is_some() {
                from = Order::at(format!("{bucket}{}", behind(&name)));
                page.folders.push(name);
                continue 'seek;
            }
            page.objects.push(Listed {
                key: name,
                size: entry.size(),
                etag: None,
                last_modified: entry.last_modified(),
                archived: false,
            });
        }
        return Ok(page);
    }
}

/// Returns the last name on a page.
fn last(page: &ListPage) -> Option<String> {
    let object = page.objects.last().map(|object| &object.key);
    object.max(page.folders.last()).cloned()
}

/// Merges two pages of one listing: one from the records, and one from the directory, whose keys
/// begin with `above`. The result ends at `reach`, after which nothing is known.
pub(crate) fn merged(
    noted: ListPage,
    there: ListPage,
    above: &str,
    reach: Option<&str>,
    limit: usize,
) -> ListPage {
    let below = |key: &String| key.strip_prefix(above).map(str::to_owned);
    let there_next = there.next.as_ref().and_then(below);
    // After the end of either page, the entries of the other are incomplete.
    let end = [noted.next.as_deref(), there_next.as_deref(), reach].into_iter().flatten().min();
    let end = end.map(str::to_owned);
    let within = |name: &String| end.as_ref().is_none_or(|end| name <= end);
    // If both have an entry, the recorded one is returned.
    let mut entries: Vec<(String, Option<Listed>)> = Vec::new();
    entries.extend(noted.objects.into_iter().map(|object| (object.key.clone(), Some(object))));
    entries.extend(noted.folders.into_iter().map(|name| (name, None)));
    for mut object in there.objects {
        if object.key.starts_with(above) && object.key.len() > above.len() {
            object.key.drain(..above.len());
            entries.push((object.key.clone(), Some(object)));
        }
    }
    entries.extend(there.folders.iter().filter_map(below).map(|name| (name, None)));
    // Both runs are already sorted, so this costs little more than a pass over them.
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    entries.dedup_by(|(later, _), (first, _)| later == first);
    let mut page = ListPage { next: end.clone(), ..ListPage::default() };
    for (name, object) in entries {
        if !within(&name) {
            break;
        }
        if page.objects.len() + page.folders.len() == limit {
            page.next = last(&page);
            break;
        }
        match object {
            Some(object) => page.objects.push(object),
            None => page.folders.push(name),
        }
    }
    page
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
