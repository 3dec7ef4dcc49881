//! S3's ListObjects and ListObjectsV2.
use super::generated::{OBJECT, Requested};
use super::http::Request;
use super::percent;
use super::response::Response;
use super::route::Call;
use super::s3_error::S3Error;
use super::s3_list_page::{Entries, Entry, page_size};
use super::state::State;
use super::xml::Xml;
use crate::world::{Bucket, Version};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, SecondsFormat};
use std::ops::Bound;

/// Owner of every bucket and object, in listings that name one.
const OWNER: &str = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a";

/// One page of keys.
struct Page<'b> {
    contents: Vec<(&'b str, &'b Version)>,
    common_prefixes: Vec<String>,
    /// The last entry on the page, if more follow.
    last: Option<String>,
}

/// Responds to ListObjects. NextMarker is present only with a delimiter: without one, clients
/// continue from the last key.
pub(super) fn first_version(
    state: &State,
    bucket: &Bucket,
    request: &Request,
    call: &Call,
) -> Result<Response, S3Error> {
    let delimiter = request.query("delimiter").unwrap_or_default();
    let marker = request.query("marker").unwrap_or_default();
    let (size, max_keys) = page_size(state, request)?;
    let page = page(bucket, &call.key, delimiter, marker, size);
    let encode = encoder(request);
    let body = Xml::new().s3_root("ListBucketResult", |xml| {
        xml.text("Name", &call.bucket)
            .text("Prefix", &encode(&call.key))
            .text("Marker", &encode(marker))
            .text("MaxKeys", &max_keys.to_string());
        if !delimiter.is_empty() {
            xml.text("Delimiter", &encode(delimiter));
        }
        xml.text("IsTruncated", truth(page.last.is_some()));
        if let (Some(last), false) = (&page.last, delimiter.is_empty()) {
            xml.text("NextMarker", &encode(last));
        }
        write_entries(xml, state, request, &page, true);
    });
    Ok(Response::with_body(200, "application/xml", body))
}

/// Responds to ListObjectsV2.
pub(super) fn second_version(
    state: &State,
    bucket: &Bucket,
    request: &Request,
    call: &Call,
) -> Result<Response, S3Error> {
    let delimiter = request.query("delimiter").unwrap_or_default();
    let start_after = request.query("start-after").unwrap_or_default();
    let token = request.query("continuation-token");
    let after = match token {
        None => start_after.to_owned(),
        Some(token) => decode_token(token)?,
    };
    let (size, max_keys) = page_size(state, request)?;
    let generated = state.options.generated.as_ref().filter(|it| it.bucket == call.bucket);
    let requested = Requested { prefix: &call.key, delimiter, after: &after, size };
    let computed = generated.map(|generated| generated.page(requested));
    let page = match &computed {
        Some(computed) => Page {
            contents: computed.keys.iter().map(|key| (key.as_str(), &*OBJECT)).collect(),
            common_prefixes: computed.common_prefixes.clone(),
            last: computed.last.clone(),
        },
        None => page(bucket, &call.key, delimiter, &after, size),
    };
    let encode = encoder(request);
    let body = Xml::new().s3_root("ListBucketResult", |xml| {
        xml.text("Name", &call.bucket).text("Prefix", &encode(&call.key));
        if let Some(token) = token {
            xml.text("ContinuationToken", token);
        }
        if let Some(last) = &page.last {
            xml.text("NextContinuationToken", &URL_SAFE_NO_PAD.encode(last));
        }
        if !start_after.is_empty() {
            xml.text("StartAfter", &encode(start_after));
        }
        let count = page.contents.len() + page.common_prefixes.len();
        xml.text("KeyCount", &count.to_string()).text("MaxKeys", &max_keys.to_string());
        if !delimiter.is_empty() {
            xml.text("Delimiter", &encode(delimiter));
        }
        xml.text("IsTruncated", truth(page.last.is_some()));
        write_entries(xml, state, request, &page, request.query("fetch-owner") == Some("true"));
    });
    Ok(Response::with_body(200, "application/xml", body))
}

fn page<'b>(
    bucket: &'b Bucket,
    prefix: &str,
    delimiter: &str,
    after: &str,
    size: usize,
) -> Page<'b> {
    let mut page = Page { contents: Vec::new(), common_prefixes: Vec::new(), last: None };
    if size == 0 {
        return page;
    }
    let mut last = None;
    for entry in Entries::new(bucket, prefix, delimiter, after) {
        let full = page.contents.len() + page.common_prefixes.len() >= size;
        match entry {
            // A key whose newest version is a delete marker is absent.
            Entry::Key(_, versions) if versions.last().is_none_or(|top| top.delete_marker) => {}
            Entry::CommonPrefix(common) if !is_populated(bucket, &common) => {}
            _ if full => {
                page.last = last;
                break;
            }
            Entry::Key(key, versions) => {
                last = Some(key.to_owned());
                page.contents.extend(versions.last().map(|version| (key, version)));
            }
            Entry::CommonPrefix(common) => {
                last = Some(common.clone());
                page.common_prefixes.push(common);
            }
        }
    }
    page
}

/// Returns whether any key exists under `prefix`: a folder whose objects were all deleted is not
/// listed.
fn is_populated(bucket: &Bucket, prefix: &str) -> bool {
    bucket
        .objects
        .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
        .take_while(|(key, _)| key.starts_with(prefix))
        .any(|(_, versions)| versions.last().is_some_and(|top| !top.delete_marker))
}

fn write_entries(xml: &mut Xml, state: &State, request: &Request, page: &Page<'_>, owner: bool) {
    let encode = encoder(request);
    if request.query("encoding-type") == Some("url") {
        xml.text("EncodingType", "url");
    }
    for (key, version) in &page.contents {
        xml.element("Contents", |xml| {
            xml.text("Key", &encode(key));
            write_facts(xml, state, version);
            if owner {
                write_owner(xml);
            }
            xml.text("StorageClass", &version.storage_class);
        });
    }
    write_common_prefixes(xml, request, &page.common_prefixes);
}

/// Writes the elements that every kind of listing has for a version.
pub(super) fn write_facts(xml: &mut Xml, state: &State, version: &Version) {
    write_modified(xml, version);
    xml.text("ETag", &format!("\"{}\"", state.etags.of(&version.body)))
        .text("Size", &version.body.len().to_string());
}

pub(super) fn write_modified(xml: &mut Xml, version: &Version) {
    let modified = DateTime::from_timestamp(version.last_modified, 0).unwrap_or_default();
    xml.text("LastModified", &modified.to_rfc3339_opts(SecondsFormat::Millis, true));
}

pub(super) fn write_owner(xml: &mut Xml) {
    xml.element("Owner", |xml| {
        xml.text("ID", OWNER);
    });
}

pub(super) fn write_common_prefixes(xml: &mut Xml, request: &Request, prefixes: &[String]) {
    let encode = encoder(request);
    for prefix in prefixes {
        xml.element("CommonPrefixes", |xml| {
            xml.text("Prefix", &encode(prefix));
        });
    }
}

/// Returns the encoder of keys: unchanged, or percent-encoded if the client requests it.
pub(super) fn encoder(request: &Request) -> impl Fn(&str) -> String {
    let encoded = request.query("encoding-type") == Some("url");
    move |key| if encoded { percent::encode_key(key) } else { key.to_owned() }
}

pub(super) fn truth(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

fn decode_token(token: &str) -> Result<String, S3Error> {
    let decoded = URL_SAFE_NO_PAD.decode(token).ok().and_then(|key| String::from_utf8(key).ok());
    decoded.ok_or_else(|| {
        S3Error::invalid_argument(
            "The continuation token provided is incorrect",
            "continuation-token",
            token,
        )
    })
}
