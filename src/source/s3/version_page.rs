//! From the response of ListObjectVersions to a reliable page.
//!
//! The SDK returns versions and delete markers as two lists and loses how the response interleaves
//! them. It is restored here: by key, then newest first.
use super::classify::{Broken, broken};
use super::etag;
use super::page::{about, decoded, folder_name};
use crate::source::version::{
    ListedVersion, VersionContent, VersionListRequest, VersionMark, VersionPage,
};
use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{DeleteMarkerEntry, EncodingType, ObjectVersion, Owner};
use std::cmp::Ordering;
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::record::StorageClass;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::time::Timestamp;

/// Converts `output` to the page for `request`.
pub(super) fn version_page(
    request: &VersionListRequest,
    output: ListObjectVersionsOutput,
) -> Result<VersionPage, ReadFailure> {
    let encoded = output.encoding_type() == Some(&EncodingType::Url);
    about(output.prefix(), encoded, &request.prefix)?;
    let more = output.is_truncated();
    let next_key = output.next_key_marker.filter(|key| !key.is_empty());
    let next_version = output.next_version_id_marker.filter(|id| !id.is_empty());
    let contents = output.versions.unwrap_or_default().into_iter();
    let contents = contents.map(|version| version_of(version, encoded));
    let markers = output.delete_markers.unwrap_or_default().into_iter();
    let markers = markers.map(|marker| marker_of(marker, encoded));
    let contents = contents.collect::<Result<Vec<_>, _>>()?;
    let markers = markers.collect::<Result<Vec<_>, _>>()?;
    let versions = interleaved(contents, markers);

    let after = request.after.as_ref();
    // A store may return the versions of the key of the mark again.
    let is_before = |version: &ListedVersion| {
        after.is_some_and(|after| match after.version_id {
            Some(_) => version.key < after.key,
            None => version.key <= after.key,
        })
    };
    for version in &versions {
        let Some(rest) = version.key.strip_prefix(&request.prefix) else {
            return Err(senseless("has a key without the requested prefix"));
        };
        if request.folders && rest.contains('/') {
            return Err(senseless("has a key that should be folded into a folder"));
        }
        if is_before(version) {
            return Err(senseless("has a key from before its start"));
        }
    }
    if !versions.is_sorted_by(|one, other| one.key <= other.key) {
        return Err(senseless("is not in ascending order"));
    }
    let mut folders = Vec::new();
    for folder in output.common_prefixes.unwrap_or_default() {
        let folder = folder_name(folder, encoded)?;
        if !folder.starts_with(&request.prefix) {
            return Err(senseless("has a folder without the requested prefix"));
        }
        let start = after.map(|after| after.key.as_str());
        let is_new = |start: &str| {
            folder.as_str() > start || (start != folder && start.starts_with(&folder))
        };
        if request.folders && start.is_none_or(is_new) {
            folders.push(folder);
        }
    }
    let next = match (more, next_key) {
        (Some(false) | None, None) => None,
        (Some(false), Some(_)) => None,
        (Some(true) | None, Some(key)) => {
            let next = VersionMark { key: decoded(key, encoded)?, version_id: next_version };
            if after.is_some_and(|after| next.key < after.key || next == *after) {
                return Err(senseless("does not advance"));
            }
            Some(next)
        }
        (Some(true), None) => return Err(senseless("is truncated and has no next key marker")),
    };
    Ok(VersionPage { versions, folders, next })
}

/// A version and its exact time.
type Dated = (ListedVersion, DateTime);

/// Merges two lists, each with its keys in ascending order and the newest version of a key first.
fn interleaved(contents: Vec<Dated>, markers: Vec<Dated>) -> Vec<ListedVersion> {
    let mut merged = Vec::with_capacity(contents.len() + markers.len());
    let (mut contents, mut markers) =
        (contents.into_iter().peekable(), markers.into_iter().peekable());
    loop {
        let content_first = match (contents.peek(), markers.peek()) {
            (None, None) => return merged,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(content), Some(marker)) => comes_first(content, marker),
        };
        let next = if content_first { contents.next() } else { markers.next() };
        merged.extend(next.map(|(version, _)| version));
    }
}

/// Returns whether a content precedes a marker. S3's times have whole seconds. Where they are equal
/// and neither is the latest, the content counts as the newer one: that shows more bytes, and bytes
/// prove themselves.
fn comes_first((content, written): &Dated, (marker, removed): &Dated) -> bool {
    let nanos = |at: &DateTime| (at.secs(), at.subsec_nanos());
    let order = content.key.cmp(&marker.key);
    match order.then(nanos(removed).cmp(&nanos(written))) {
        Ordering::Equal => !marker.is_latest,
        order => order == Ordering::Less,
    }
}

fn version_of(version: ObjectVersion, encoded: bool) -> Result<Dated, ReadFailure> {
    let size = version.size.and_then(|size| u64::try_from(size).ok());
    let size = size.ok_or_else(|| senseless("has a version without a size"))?;
    let storage_class = version.storage_class.map(|class| StorageClass::parse(class.as_str()));
    let etag = version.e_tag.as_deref().map(etag::unquoted);
    let at = time(version.last_modified)?;
    let listed = ListedVersion {
        key: key(version.key, encoded)?,
        version_id: id(version.version_id)?,
        is_latest: version.is_latest.unwrap_or(false),
        last_modified: Timestamp::from_unix(at.secs()),
        owner: owner(version.owner),
        content: Some(VersionContent { size, etag, storage_class }),
    };
    Ok((listed, at))
}

fn marker_of(marker: DeleteMarkerEntry, encoded: bool) -> Result<Dated, ReadFailure> {
    let at = time(marker.last_modified)?;
    let listed = ListedVersion {
        key: key(marker.key, encoded)?,
        version_id: id(marker.version_id)?,
        is_latest: marker.is_latest.unwrap_or(false),
        last_modified: Timestamp::from_unix(at.secs()),
        owner: owner(marker.owner),
        content: None,
    };
    Ok((listed, at))
}

fn key(key: Option<String>, encoded: bool) -> Result<String, ReadFailure> {
    decoded(key.ok_or_else(|| senseless("has a version without a key"))?, encoded)
}

fn id(id: Option<String>) -> Result<String, ReadFailure> {
    let id = id.filter(|id| !id.is_empty() && id.len() <= budget::STORE_NAME);
    id.ok_or_else(|| senseless("has a version without a valid id"))
}

fn time(at: Option<DateTime>) -> Result<DateTime, ReadFailure> {
    at.ok_or_else(|| senseless("has a version without a time"))
}

fn owner(owner: Option<Owner>) -> Option<String> {
    owner.and_then(|owner| owner.id).filter(|id| id.len() <= budget::STORE_NAME)
}

fn senseless(what: &str) -> ReadFailure {
    broken(Broken::Senseless, format!("the listing of versions {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(key: &str, id: &str, at: i64, latest: bool) -> ObjectVersion {
        ObjectVersion::builder()
            .key(key)
            .version_id(id)
            .is_latest(latest)
            .size(1)
            .last_modified(DateTime::from_secs(at))
            .build()
    }

    fn marker(key: &str, id: &str, at: i64, latest: bool) -> DeleteMarkerEntry {
        DeleteMarkerEntry::builder()
            .key(key)
            .version_id(id)
            .is_latest(latest)
            .last_modified(DateTime::from_secs(at))
            .build()
    }

    fn output(
        contents: Vec<ObjectVersion>,
        markers: Vec<DeleteMarkerEntry>,
    ) -> ListObjectVersionsOutput {
        ListObjectVersionsOutput::builder()
            .set_versions(Some(contents))
            .set_delete_markers(Some(markers))
            .is_truncated(false)
            .build()
    }

    fn all(prefix: &str) -> VersionListRequest {
        VersionListRequest {
            bucket: "b".to_owned(),
            prefix: prefix.to_owned(),
            folders: false,
            after: None,
        }
    }

    fn ids(page: &VersionPage) -> Vec<&str> {
        page.versions.iter().map(|version| version.version_id.as_str()).collect()
    }

    #[test]
    fn versions_and_markers_are_interleaved_as_the_store_lists_them() {
        let contents = vec![
            content("a", "a3", 30, false),
            content("a", "a1", 10, false),
            content("b", "b2", 20, true),
            content("b", "b1", 20, false),
            content("c", "c1", 10, false),
        ];
        let markers = vec![
            marker("a", "a5", 50, true),
            marker("a", "a4", 40, false),
            marker("a", "a2", 10, false),
            marker("c", "c2", 10, true),
            marker("d", "d1", 5, true),
        ];
        let page = version_page(&all(""), output(contents, markers)).unwrap();
        let expected = ["a5", "a4", "a3", "a1", "a2", "b2", "b1", "c2", "c1", "d1"];
        assert_eq!(ids(&page), expected);
    }

    #[test]
    fn garbage_fails_as_a_whole() {
        let ok = || vec![content("k", "1", 1, true)];
        let mut no_id = output(ok(), Vec::new());
        no_id.versions = Some(vec![ObjectVersion::builder().key("k").size(1).build()]);
        let mut nowhere = output(ok(), Vec::new());
        nowhere.is_truncated = Some(true);
        let disorder = output(vec![content("b", "1", 1, true), content("a", "1", 1, true)], vec![]);
        for garbage in [no_id, nowhere, disorder] {
            let shown = format!("{garbage:?}");
            assert!(version_page(&all(""), garbage).is_err(), "{shown}");
        }
        assert!(version_page(&all("p/"), output(ok(), Vec::new())).is_err());
    }

    #[test]
    fn a_page_must_continue_the_previous_one() {
        let after = |key: &str, id: Option<&str>| {
            let version_id = id.map(str::to_owned);
            let after = Some(VersionMark { key: key.to_owned(), version_id });
            VersionListRequest { after, ..all("") }
        };
        let page = |request, output| version_page(&request, output).map(|page| page.versions.len());
        let same = || output(vec![content("k", "1", 1, false)], Vec::new());
        assert_eq!(page(after("k", Some("2")), same()).ok(), Some(1));
        assert!(page(after("k", None), same()).is_err());
        assert!(page(after("l", Some("2")), same()).is_err());
        let mut again = same();
        again.is_truncated = Some(true);
        again.next_key_marker = Some("k".to_owned());
        again.next_version_id_marker = Some("2".to_owned());
        assert!(page(after("k", Some("2")), again).is_err());
    }
}
