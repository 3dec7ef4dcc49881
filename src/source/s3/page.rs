//! From the response of ListObjectsV2 to a reliable page.
//!
//! A listing is evidence of absence, so a response that cannot be complete and in order fails as a
//! whole. Entries before the start are skipped: a store that ignores `start-after` returns too
//! much, not too little. An entry without the prefix is an error: a store that claims to encode
//! keys and does not would otherwise seem to have none.
use super::classify::{Broken, broken};
use super::cursor::Cursor;
use super::percent;
use crate::source::{ListPage, ListRequest, Listed};
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::{CommonPrefix, EncodingType, Object};
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::record::StorageClass;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::time::Timestamp;

/// Converts `output` to the page for `request`, whose continuation is `cursor`.
pub(super) fn page(
    request: &ListRequest,
    cursor: Cursor,
    output: ListObjectsV2Output,
) -> Result<ListPage, ReadFailure> {
    let encoded = output.encoding_type() == Some(&EncodingType::Url);
    let entries = output.contents().len().saturating_add(output.common_prefixes().len());
    // Some stores leave folders out of the count, so only too few entries are an error: the
    // response was cut.
    if output.key_count().is_some_and(|count| usize::try_from(count).map_or(true, |c| c > entries))
    {
        return Err(senseless("has fewer entries than its `KeyCount`"));
    }
    about(output.prefix(), encoded, &request.prefix)?;
    let more = output.is_truncated();
    let token = output.next_continuation_token.filter(|token| !token.is_empty());

    let mut objects = Vec::new();
    for object in output.contents.unwrap_or_default() {
        let listed = listed(object, encoded)?;
        if request.wants_object(&listed.key)? && listed.key != cursor.last {
            objects.push(listed);
        }
    }
    let mut folders = Vec::new();
    for folder in output.common_prefixes.unwrap_or_default() {
        let folder = folder_name(folder, encoded)?;
        if request.wants_folder(&folder)? && folder != cursor.last {
            folders.push(folder);
        }
    }
    ascending(&cursor.last, objects.iter().map(|object| object.key.as_str()))?;
    ascending(&cursor.last, folders.iter().map(String::as_str))?;

    let last =
        objects.last().map(|object| object.key.as_str()).max(folders.last().map(String::as_str));
    let next = match (more, token) {
        (Some(false), _) => None,
        (Some(true) | None, Some(token)) => Some(cursor.after(last, token)?.encode()),
        (Some(true), None) => return Err(senseless("is truncated and has no continuation token")),
        (None, None) => return Err(senseless("does not state whether it is truncated")),
    };
    Ok(ListPage { objects, folders, next })
}

impl ListRequest {
    fn wants_object(&self, key: &str) -> Result<bool, ReadFailure> {
        let Some(rest) = key.strip_prefix(&self.prefix) else {
            return Err(senseless("has a key without the requested prefix"));
        };
        if self.folders && rest.contains('/') {
            return Err(senseless("has a key that should be folded into a folder"));
        }
        Ok(self.start_after.as_deref().is_none_or(|start| key > start))
    }

    fn wants_folder(&self, folder: &str) -> Result<bool, ReadFailure> {
        if !folder.starts_with(&self.prefix) {
            return Err(senseless("has a folder without the requested prefix"));
        }
        // The folder that contains the start has keys after it.
        let start = self.start_after.as_deref();
        Ok(self.folders && start.is_none_or(|start| folder > start || start.starts_with(folder)))
    }
}

fn listed(object: Object, encoded: bool) -> Result<Listed, ReadFailure> {
    let size = object.size.and_then(|size| u64::try_from(size).ok());
    let (Some(key), Some(size)) = (object.key, size) else {
        return Err(senseless("has an object without key or size"));
    };
    let etag = object.e_tag.as_deref().map(super::etag::unquoted);
    let last_modified = object.last_modified.map(|at| Timestamp::from_unix(at.secs()));
    let archived =
        object.storage_class.is_some_and(|class| StorageClass::parse(class.as_str()).is_archive());
    Ok(Listed { key: decoded(key, encoded)?, size, etag, last_modified, archived })
}

pub(super) fn folder_name(folder: CommonPrefix, encoded: bool) -> Result<String, ReadFailure> {
    let name = folder.prefix.ok_or_else(|| senseless("has a folder without a name"))?;
    decoded(name, encoded)
}

/// Refuses an answer about a prefix other than the requested one. Without entries, nothing else in
/// it shows that.
pub(super) fn about(said: Option<&str>, encoded: bool, asked: &str) -> Result<(), ReadFailure> {
    match said {
        Some(said) if decoded(said.to_owned(), encoded)? != asked => {
            Err(senseless("is about a different prefix"))
        }
        _ => Ok(()),
    }
}

pub(super) fn decoded(text: String, encoded: bool) -> Result<String, ReadFailure> {
    let key = match encoded {
        true => percent::decode(&text)
            .ok_or_else(|| senseless("has a key that is not URL-encoded as declared"))?
            .into_owned(),
        false => text,
    };
    match key.len() <= budget::KEY_LENGTH {
        true => Ok(key),
        false => Err(senseless("has a key that is too long")),
    }
}

/// Fails unless `entries` are strictly ascending and sort after `last`.
fn ascending<'a>(last: &'a str, entries: impl Iterator<Item = &'a str>) -> Result<(), ReadFailure> {
    let mut before = last;
    for entry in entries {
        if entry <= before && !before.is_empty() {
            return Err(senseless("is not in ascending order"));
        }
        before = entry;
    }
    Ok(())
}

fn senseless(what: &str) -> ReadFailure {
    broken(Broken::Senseless, format!("the listing {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str) -> Object {
        Object::builder().key(key).size(1).e_tag("\"e\"").build()
    }

    fn output(keys: &[&str]) -> ListObjectsV2Output {
        ListObjectsV2Output::builder()
            .set_contents(Some(keys.iter().map(|key| object(key)).collect()))
            .is_truncated(false)
            .build()
    }

    fn keys(page: &ListPage) -> Vec<&str> {
        page.objects.iter().map(|object| object.key.as_str()).collect()
    }

    fn all(prefix: &str) -> ListRequest {
        ListRequest::all("bucket", prefix)
    }

    #[test]
    fn an_encoded_page_is_decoded_and_a_plain_one_is_not() {
        let mut encoded = output(&["a+b%2B"]);
        encoded.encoding_type = Some(EncodingType::Url);
        assert_eq!(keys(&page(&all(""), Cursor::default(), encoded).unwrap()), ["a b+"]);
        let plain = output(&["a+b%2B"]);
        assert_eq!(keys(&page(&all(""), Cursor::default(), plain).unwrap()), ["a+b%2B"]);
    }

    #[test]
    fn archived_objects_are_those_that_must_be_restored() {
        for (class, archived) in [
            ("GLACIER", true),
            ("DEEP_ARCHIVE", true),
            ("GLACIER_IR", false),
            ("STANDARD", false),
            ("INTELLIGENT_TIERING", false),
            ("CLASS_OF_THE_FUTURE", false),
        ] {
            let mut output = output(&["a"]);
            let object = Object::builder().key("a").size(1).storage_class(class.into()).build();
            output.contents = Some(vec![object]);
            let page = page(&all(""), Cursor::default(), output).unwrap();
            assert_eq!(page.objects[0].archived, archived, "{class}");
        }
    }

    #[test]
    fn entries_before_the_start_are_skipped() {
        let mut request = all("p/");
        request.start_after = Some("p/b".to_owned());
        let page = page(&request, Cursor::default(), output(&["p/a", "p/b", "p/c"]));
        assert_eq!(keys(&page.unwrap()), ["p/c"]);
    }

    /// If the prefix contains a `+`, a store that claims to encode and does not returns keys that
    /// have a different prefix once decoded. That must not look like a bucket without keys.
    #[test]
    fn keys_with_a_different_prefix_are_not_skipped() {
        let mut not_encoded = output(&["p+q/a"]);
        not_encoded.encoding_type = Some(EncodingType::Url);
        assert!(page(&all("p+q/"), Cursor::default(), not_encoded).is_err());
        assert!(page(&all("p/"), Cursor::default(), output(&["o/z", "p/a"])).is_err());
    }

    #[test]
    fn an_empty_page_is_about_the_requested_prefix() {
        for (said, encoded, right) in [
            (None, false, true),
            (Some("p+q/"), false, true),
            (Some("p%2Bq/"), true, true),
            (Some("p%2Bq/"), false, false),
            (Some("p/"), false, false),
            (Some(""), false, false),
        ] {
            let mut output = output(&[]);
            output.prefix = said.map(str::to_owned);
            output.encoding_type = encoded.then_some(EncodingType::Url);
            let read = page(&all("p+q/"), Cursor::default(), output);
            assert_eq!(read.is_ok(), right, "{said:?} {encoded}");
        }
    }

    #[test]
    fn the_folder_that_contains_the_start_is_listed() {
        let mut request = all("p/");
        request.folders = true;
        request.start_after = Some("p/b/x".to_owned());
        let folder = |name: &str| CommonPrefix::builder().prefix(name).build();
        let output = ListObjectsV2Output::builder()
            .set_common_prefixes(Some(vec![folder("p/a/"), folder("p/b/"), folder("p/c/")]))
            .is_truncated(false)
            .build();
        assert_eq!(page(&request, Cursor::default(), output).unwrap().folders, ["p/b/", "p/c/"]);
    }

    /// A listing is evidence of absence: a response that cannot be complete or in order must fail.
    #[test]
    fn garbage_fails_as_a_whole() {
        let mut no_key = output(&["a"]);
        no_key.contents = Some(vec![Object::builder().size(1).build()]);
        let mut no_size = output(&["a"]);
        no_size.contents = Some(vec![Object::builder().key("a").build()]);
        let mut negative = output(&["a"]);
        negative.contents = Some(vec![Object::builder().key("a").size(-1).build()]);
        let mut cut = output(&["a"]);
        cut.key_count = Some(2);
        let mut nowhere = output(&["a"]);
        nowhere.is_truncated = Some(true);
        let mut silent = output(&["a"]);
        silent.is_truncated = None;
        let mut undecodable = output(&["%ff"]);
        undecodable.encoding_type = Some(EncodingType::Url);
        let endless = output(&[&"k".repeat(1_025)]);
        let descending = output(&["b", "a"]);
        let twice = output(&["a", "a"]);
        for garbage in [
            no_key,
            no_size,
            negative,
            cut,
            nowhere,
            silent,
            undecodable,
            endless,
            descending,
            twice,
        ] {
            let shown = format!("{garbage:?}");
            assert!(page(&all(""), Cursor::default(), garbage).is_err(), "{shown}");
        }
    }

    #[test]
    fn a_page_must_continue_the_previous_one() {
        let cursor = || Cursor { token: "t".to_owned(), last: "m".to_owned(), empty: 0 };
        assert_eq!(keys(&page(&all(""), cursor(), output(&["m", "n"])).unwrap()), ["n"]);
        assert!(page(&all(""), cursor(), output(&["a", "n"])).is_err());
        let mut again = output(&["n"]);
        again.is_truncated = Some(true);
        again.next_continuation_token = Some("t".to_owned());
        assert!(page(&all(""), cursor(), again).is_err());
    }
}
