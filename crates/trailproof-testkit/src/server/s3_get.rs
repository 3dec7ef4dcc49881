//! S3's GetObject and HeadObject.
use super::http::Request;
use super::mischief::Bends;
use super::operation::Operation;
use super::response::Response;
use super::route::Call;
use super::s3_error::S3Error;
use super::s3_settings::is_versioned;
use super::state::State;
use crate::world::{Bucket, Version};
use chrono::DateTime;
use std::ops::Range;

/// Responds to GetObject or HeadObject.
pub(super) fn answer(
    state: &State,
    bucket: &Bucket,
    request: &Request,
    call: &Call,
    bends: Bends,
) -> Result<Response, S3Error> {
    let version = find(bucket, request, call)?;
    let mut etag = state.etags.of(&version.body).to_string();
    if bends.etag_changed {
        etag = etag.chars().rev().collect();
    }
    if request.if_match.as_deref().is_some_and(|expected| !names(expected, &etag)) {
        return Err(S3Error::new(
            412,
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold",
        )
        .detail("Condition", "If-Match"));
    }
    if request.if_none_match.as_deref().is_some_and(|known| names(known, &etag)) {
        return Ok(Response::new(304).header("ETag", format!("\"{etag}\"")));
    }
    if call.operation == Operation::GetObject && is_archived(&version.storage_class) {
        return Err(S3Error::archived(&version.storage_class));
    }
    let range = match &request.range {
        Some(range) if !bends.range_ignored => requested(range, version.body.len())?,
        _ => None,
    };
    Ok(respond(version, &etag, range))
}

/// Finds the requested version.
fn find<'b>(bucket: &'b Bucket, request: &Request, call: &Call) -> Result<&'b Version, S3Error> {
    let versions = bucket.objects.get(&call.key);
    if let Some(id) = request.query("versionId") {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if id.is_empty() || !id.bytes().all(is_plain) {
            return Err(S3Error::invalid_argument("Invalid version id specified", "versionId", id));
        }
        let known = versions.into_iter().flatten().find(|version| version_id(version) == id);
        let version = known.ok_or_else(|| S3Error::no_such_version(call))?;
        return if version.delete_marker {
            Err(S3Error::new(
                405,
                "MethodNotAllowed",
                "The specified method is not allowed against this resource.",
            )
            .detail("ResourceType", "DeleteMarker")
            .header("x-amz-delete-marker", "true")
            .header("x-amz-version-id", version_id(version))
            .header("Allow", "DELETE"))
        } else {
            Ok(version)
        };
    }
    match versions.and_then(|versions| versions.last()) {
        Some(marker) if marker.delete_marker => Err(S3Error::no_such_key(call)
            .header("x-amz-delete-marker", "true")
            .header("x-amz-version-id", version_id(marker))),
        Some(version) => Ok(version),
        None => Err(S3Error::no_such_key(call)),
    }
}

/// Returns the id of a version, which is `null` if it was created before versioning.
pub(super) fn version_id(version: &Version) -> &str {
    if is_versioned(version) { &version.version_id } else { "null" }
}

fn is_archived(storage_class: &str) -> bool {
    matches!(storage_class, "GLACIER" | "DEEP_ARCHIVE")
}

/// Returns whether an `If-Match` or `If-None-Match` header names `etag`.
fn names(header: &str, etag: &str) -> bool {
    header
        .split(',')
        .map(|name| name.trim().trim_start_matches("W/").trim_matches('"'))
        .any(|name| name == etag || name == "*")
}

fn respond(version: &Version, etag: &str, range: Option<Range<usize>>) -> Response {
    let size = version.body.len();
    let mut response = match range {
        None => Response::new(200).body(version.body.clone()),
        Some(range) => {
            let last = range.end.saturating_sub(1);
            Response::new(206)
                .header("Content-Range", format!("bytes {}-{last}/{size}", range.start))
                .body(version.body.slice(range))
        }
    };
    response = response
        .header("ETag", format!("\"{etag}\""))
        .header("Last-Modified", http_date(version.last_modified))
        .header("Accept-Ranges", "bytes")
        .header("Content-Type", version.content_type.clone());
    if let Some(encoding) = &version.content_encoding {
        response = response.header("Content-Encoding", encoding.clone());
    }
    if is_versioned(version) {
        response = response.header("x-amz-version-id", version.version_id.clone());
    }
    if version.storage_class != "STANDARD" {
        response = response.header("x-amz-storage-class", version.storage_class.clone());
    }
    for (name, value) in &version.headers {
        response = response.header(name.clone(), value.clone());
    }
    for (name, value) in &version.metadata {
        response = response.header(format!("x-amz-meta-{name}"), value.clone());
    }
    response
}

/// Returns the bytes requested by a Range header. A header that is not a single byte range is
/// ignored, as RFC 9110 requires.
fn requested(header: &str, size: usize) -> Result<Option<Range<usize>>, S3Error> {
    let Some((first, last)) = header.strip_prefix("bytes=").and_then(|range| range.split_once('-'))
    else {
        return Ok(None);
    };
    let range = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Ok(first), Err(_)) if last.is_empty() => first..size,
        (Err(_), Ok(suffix)) if first.is_empty() => size.saturating_sub(suffix)..size,
        _ => return Ok(None),
    };
    if range.start >= range.end {
        return Err(S3Error::new(416, "InvalidRange", "The requested range is not satisfiable")
            .detail("RangeRequested", header)
            .detail("ActualObjectSize", &size.to_string())
            .header("Content-Range", &format!("bytes */{size}")));
    }
    Ok(Some(range))
}

/// Formats a time for HTTP headers.
fn http_date(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0)
        .unwrap_or_default()
        .format("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}
