//! S3's ListObjectVersions.
use super::http::Request;
use super::response::Response;
use super::route::Call;
use super::s3_error::S3Error;
use super::s3_get::version_id;
use super::s3_list::{
    encoder, truth, write_common_prefixes, write_facts, write_modified, write_owner,
};
use super::s3_list_page::{Entries, Entry, page_size};
use super::state::State;
use super::xml::Xml;
use crate::world::{Bucket, Version};

/// One version on a page.
struct Row<'b> {
    key: &'b str,
    version: &'b Version,
    is_latest: bool,
}

/// One page of versions.
#[derive(Default)]
struct Page<'b> {
    rows: Vec<Row<'b>>,
    common_prefixes: Vec<String>,
    /// Start of the next page: a key or common prefix, and the version after which it continues.
    next: Option<(String, String)>,
}

/// Responds to ListObjectVersions: keys in order, the versions of each key from newest to oldest.
pub(super) fn answer(
    state: &State,
    bucket: &Bucket,
    request: &Request,
    call: &Call,
) -> Result<Response, S3Error> {
    let delimiter = request.query("delimiter").unwrap_or_default();
    let key_marker = request.query("key-marker").unwrap_or_default();
    let version_marker = request.query("version-id-marker").unwrap_or_default();
    if key_marker.is_empty() && !version_marker.is_empty() {
        return Err(S3Error::invalid_argument(
            "A version-id marker cannot be specified without a key marker.",
            "version-id-marker",
            version_marker,
        ));
    }
    let (size, max_keys) = page_size(state, request)?;
    let page = page(bucket, &call.key, delimiter, (key_marker, version_marker), size);
    let encode = encoder(request);
    let body = Xml::new().s3_root("ListVersionsResult", |xml| {
        xml.text("Name", &call.bucket)
            .text("Prefix", &encode(&call.key))
            .text("KeyMarker", &encode(key_marker))
            .text("VersionIdMarker", version_marker)
            .text("MaxKeys", &max_keys.to_string());
        if !delimiter.is_empty() {
            xml.text("Delimiter", &encode(delimiter));
        }
        if request.query("encoding-type") == Some("url") {
            xml.text("EncodingType", "url");
        }
        xml.text("IsTruncated", truth(page.next.is_some()));
        if let Some((key, version)) = &page.next {
            xml.text("NextKeyMarker", &encode(key));
            if !version.is_empty() {
                xml.text("NextVersionIdMarker", version);
            }
        }
        for row in &page.rows {
            write_row(xml, state, row, &encode(row.key));
        }
        write_common_prefixes(xml, request, &page.common_prefixes);
    });
    Ok(Response::with_body(200, "application/xml", body))
}

fn page<'b>(
    bucket: &'b Bucket,
    prefix: &str,
    delimiter: &str,
    (key_marker, version_marker): (&str, &str),
    size: usize,
) -> Page<'b> {
    let mut page = Page::default();
    if size == 0 {
        return page;
    }
    let mut entries = Entries::new(bucket, prefix, delimiter, key_marker);
    if !version_marker.is_empty() {
        entries = entries.starting_at(key_marker);
    }
    let mut last = (String::new(), String::new());
    for entry in entries {
        let (key, versions) = match entry {
            Entry::Key(key, versions) => (key, versions),
            Entry::CommonPrefix(common) => {
                if page.rows.len() + page.common_prefixes.len() >= size {
                    page.next = Some(last);
                    return page;
                }
                last = (common.clone(), String::new());
                page.common_prefixes.push(common);
                continue;
            }
        };
        let newest_first = versions.iter().rev().enumerate();
        let listed_before = match key == key_marker && !version_marker.is_empty() {
            // If the version to continue after has since been removed, the rest of its key cannot
            // be determined: S3 continues with the next key, and so does this server.
            true => newest_first
                .clone()
                .position(|(_, version)| version_id(version) == version_marker)
                .map_or(versions.len(), |index| index + 1),
            false => 0,
        };
        for (index, version) in newest_first.skip(listed_before) {
            if page.rows.len() + page.common_prefixes.len() >= size {
                page.next = Some(last);
                return page;
            }
            last = (key.to_owned(), version_id(version).to_owned());
            page.rows.push(Row { key, version, is_latest: index == 0 });
        }
    }
    page
}

fn write_row(xml: &mut Xml, state: &State, row: &Row<'_>, key: &str) {
    let name = if row.version.delete_marker { "DeleteMarker" } else { "Version" };
    xml.element(name, |xml| {
        xml.text("Key", key)
            .text("VersionId", version_id(row.version))
            .text("IsLatest", truth(row.is_latest));
        if row.version.delete_marker {
            write_modified(xml, row.version);
            write_owner(xml);
        } else {
            write_facts(xml, state, row.version);
            write_owner(xml);
            xml.text("StorageClass", &row.version.storage_class);
        }
    });
}
