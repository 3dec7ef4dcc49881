//! Pages of a listing out of what was noted.
use super::{Layers, Order};
use crate::source::{ListPage, ListRequest, Listed};
use std::io;
use trailproof_core::vocab::budget;

/// The last of all characters. As many of them as a key has room for sort behind whatever lies in a
/// folder.
const LAST: &str = "\u{10ffff}";

/// What no key in this folder sorts behind, though it is none itself.
pub(crate) fn end_of(folder: &str) -> String {
    [folder, &LAST.repeat(budget::KEY_LENGTH / LAST.len())].concat()
}

/// The first that sorts behind all that lies in this folder, whose name ends in a slash.
fn behind(folder: &str) -> String {
    // The character that follows the slash.
    [folder.strip_suffix('/').unwrap_or(folder), "0"].concat()
}

/// A page that is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) request: &'a ListRequest,
    /// Only what sorts after this: the start, or where the page before left off.
    pub(crate) after: &'a str,
    pub(crate) limit: usize,
}

/// The page of what was listed or copied.
pub(crate) fn page(ledger: &Layers, asked: &Asked<'_>) -> io::Result<ListPage> {
    let Asked { request, after, limit } = *asked;
    let bucket = format!("{}/", request.bucket);
    let prefix = format!("{bucket}{}", request.prefix);
    let told = request.continuation.as_deref().unwrap_or("");
    let mut page = ListPage::default();
    let mut from = Order::at(prefix.clone().max(format!("{bucket}{after}")));
    // The prefix may be an object's key as well, and lies in no folder below itself.
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
            // In the folder in which the start lies only what comes after it counts.
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
            });
        }
        return Ok(page);
    }
}

/// The last name on a page.
fn last(page: &ListPage) -> Option<String> {
    let object = page.objects.last().map(|object| &object.key);
    object.max(page.folders.last()).cloned()
}

/// Two pages of one listing as one: of what was noted, and of what lies in the directory, whose
/// keys begin with `above`. It ends at `reach`, behind which nothing is known.
pub(crate) fn merged(
    noted: ListPage,
    there: ListPage,
    above: &str,
    reach: Option<&str>,
    limit: usize,
) -> ListPage {
    let below = |key: &String| key.strip_prefix(above).map(str::to_owned);
    let there_next = there.next.as_ref().and_then(below);
    // Behind the end of either page, the other's entries are not all.
    let end = [noted.next.as_deref(), there_next.as_deref(), reach].into_iter().flatten().min();
    let end = end.map(str::to_owned);
    let within = |name: &String| end.as_ref().is_none_or(|end| name <= end);
    // Of what both have, what was noted is told.
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
    // Of runs that are in order, so that it is hardly more than going through them.
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
