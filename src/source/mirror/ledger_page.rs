//! Pages of a listing out of what was noted.
use super::ledger::{Layers, Order};
use crate::source::{ListPage, ListRequest, Listed};
use std::collections::BTreeMap;
use std::io;

/// The last of all characters: what sorts behind all that lies in a folder.
pub(super) const LAST: char = '\u{10ffff}';

/// A page that is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) request: &'a ListRequest,
    /// Only what sorts after this: the start, or where the page before left off.
    pub(super) after: &'a str,
    pub(super) limit: usize,
}

/// The page of what was listed or copied.
pub(super) fn page(ledger: &Layers, asked: &Asked<'_>) -> io::Result<ListPage> {
    let Asked { request, after, limit } = *asked;
    let bucket = format!("{}/", request.bucket);
    let prefix = format!("{bucket}{}", request.prefix);
    let told = request.continuation.as_deref().unwrap_or("");
    let mut page = ListPage::default();
    let mut last: Option<String> = None;
    let mut from = Order::at(prefix.clone().max(format!("{bucket}{after}")));
    if request.folders && told.ends_with('/') {
        from.path.push(LAST);
    }
    'seek: loop {
        let mut records = ledger.scan(&from)?;
        while let Some((order, record)) = records.next()? {
            if !order.path.starts_with(&prefix) {
                return Ok(page);
            }
            let rest = order.path.get(prefix.len()..).unwrap_or_default();
            let folder = match rest.find('/') {
                Some(slash) if request.folders => rest.get(..=slash),
                _ => None,
            };
            let name = match folder {
                Some(folder) => format!("{}{folder}", request.prefix),
                None if order.folder => continue,
                None => record.key.clone(),
            };
            let seen = record.folder.as_ref().is_some_and(|folder| folder.seen);
            let is_there = seen || record.listed.is_some() || record.copied.is_some();
            // In the folder in which the start lies only what comes after it counts.
            let is_after = record.key.as_str() > after || (order.folder && name.as_str() > after);
            if !is_there || !is_after || name.as_str() <= told {
                continue;
            }
            if page.objects.len() + page.folders.len() == limit {
                page.next = last;
                return Ok(page);
            }
            last = Some(name.clone());
            if folder.is_some() {
                from = Order::at(format!("{bucket}{name}{LAST}"));
                page.folders.push(name);
                continue 'seek;
            }
            let size = match (&record.listed, &record.copied) {
                (Some(listed), _) => listed.size,
                (None, Some(copied)) => copied.size,
                (None, None) => 0,
            };
            page.objects.push(Listed { key: name, size, etag: None });
        }
        return Ok(page);
    }
}

/// Two pages of one listing as one: of what was noted, and of what lies in the directory, whose
/// keys begin with `above`. It ends at `reach`, behind which nothing is known.
pub(super) fn merged(
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
    let mut entries: BTreeMap<String, Option<u64>> = BTreeMap::new();
    for object in there.objects {
        let key = below(&object.key).filter(|key| !key.is_empty());
        entries.extend(key.map(|key| (key, Some(object.size))));
    }
    entries.extend(there.folders.iter().filter_map(below).map(|name| (name, None)));
    entries.extend(noted.objects.into_iter().map(|object| (object.key, Some(object.size))));
    entries.extend(noted.folders.into_iter().map(|name| (name, None)));
    let mut page = ListPage { next: end.clone(), ..ListPage::default() };
    let mut last: Option<String> = None;
    for (name, size) in entries {
        if !within(&name) {
            break;
        }
        if page.objects.len() + page.folders.len() == limit {
            page.next = last;
            break;
        }
        last = Some(name.clone());
        match size {
            Some(size) => page.objects.push(Listed { key: name, size, etag: None }),
            None => page.folders.push(name),
        }
    }
    page
}
