//! S3's PutObject, of a new object: the only kind that clients here may write.
use super::http::Request;
use super::response::Response;
use super::route::Call;
use super::s3_error::S3Error;
use super::state::State;
use crate::world::Version;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// Responds to PutObject. A request that would replace an object is refused, as it is in a bucket
/// whose policy demands `If-None-Match`.
pub(super) fn answer(state: &State, request: &Request, call: &Call) -> Result<Response, S3Error> {
    if request.if_none_match.as_deref() != Some("*") {
        return Err(S3Error::access_denied(call));
    }
    let found = STANDARD.encode(Sha256::digest(&request.body));
    if request.sha256.as_ref().is_some_and(|stated| *stated != found) {
        return Err(S3Error::new(
            400,
            "BadDigest",
            "The SHA256 you specified did not match the calculated checksum.",
        ));
    }
    let version = Version {
        version_id: String::new(),
        body: request.body.clone(),
        metadata: std::collections::BTreeMap::new(),
        content_type: request.content_type.clone().unwrap_or_default(),
        content_encoding: None,
        storage_class: "STANDARD".to_owned(),
        last_modified: now(),
        delete_marker: false,
        headers: Vec::new(),
    };
    let etag = state.etags.of(&version.body);
    let mut created = false;
    // Whether the object is there is decided when it is written: two requests may come at once.
    state.alter_world(|world| {
        let Some(bucket) = world.buckets.get_mut(&call.bucket) else { return };
        if bucket.current(&call.key).is_none() {
            bucket.objects.entry(call.key.clone()).or_default().push(version);
            created = true;
        }
    });
    if !created {
        return Err(S3Error::new(
            412,
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold",
        )
        .detail("Condition", "If-None-Match"));
    }
    Ok(Response::new(200).header("ETag", format!("\"{etag}\"")))
}

#[expect(clippy::disallowed_methods, reason = "a server has a clock of its own")]
fn now() -> i64 {
    chrono::Utc::now().timestamp()
}
