//! S3: the rules for every operation, and the small operations.
use super::http::Request;
use super::mischief::Bends;
use super::operation::Operation;
use super::response::Response;
use super::route::Call;
use super::s3_error::S3Error;
use super::state::State;
use super::xml::Xml;
use super::{s3_get, s3_list, s3_put, s3_settings, s3_versions};
use crate::world::{Bucket, World};

/// Responds to an operation of S3.
pub(super) fn answer(
    state: &State,
    world: &World,
    request: &Request,
    call: &Call,
    bends: Bends,
) -> Result<Response, S3Error> {
    if state.throttle.as_ref().is_some_and(|bucket| !bucket.take()) {
        state.counters.throttled.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        return Err(S3Error::slow_down());
    }
    if state.options.require_authorization && request.authorization.is_none() {
        return Err(S3Error::new(403, "AccessDenied", "Access Denied"));
    }
    if call.operation == Operation::ListBuckets {
        return Ok(list_buckets(world));
    }
    if call.operation == Operation::Unknown {
        return Err(not_implemented());
    }
    let bucket = world.buckets.get(&call.bucket).ok_or_else(|| S3Error::no_such_bucket(call))?;
    // GetBucketLocation works in every region: it is how clients find the right one.
    if state.options.enforce_bucket_region
        && call.operation != Operation::GetBucketLocation
        && request.authorization.is_some()
        && call.region != bucket.region
    {
        return Err(S3Error::permanent_redirect(call, &bucket.region));
    }
    check_access(state, request, call, bucket)?;
    match call.operation {
        Operation::HeadBucket => Ok(Response::new(200)
            .header("x-amz-bucket-region", bucket.region.clone())
            .header("x-amz-access-point-alias", "false")
            .header("Content-Type", "application/xml")),
        Operation::GetBucketLocation => Ok(location(bucket)),
        Operation::GetObject | Operation::HeadObject => {
            s3_get::answer(state, bucket, request, call, bends)
        }
        Operation::PutObject => s3_put::answer(state, request, call),
        Operation::ListObjects => s3_list::first_version(state, bucket, request, call),
        Operation::ListObjectsV2 => s3_list::second_version(state, bucket, request, call),
        Operation::ListObjectVersions => s3_versions::answer(state, bucket, request, call),
        Operation::GetSetting => s3_settings::answer(bucket, call),
        _ => Err(not_implemented()),
    }
}

/// Returns an error if the access rules forbid the request.
fn check_access(
    state: &State,
    request: &Request,
    call: &Call,
    bucket: &Bucket,
) -> Result<(), S3Error> {
    let rules = &state.options.access;
    let under = |prefixes: &[String]| prefixes.iter().any(|prefix| call.key.starts_with(prefix));
    let reads_version = request.query("versionId").is_some();
    let denied = match call.operation {
        Operation::GetObject | Operation::HeadObject => {
            under(&rules.denied_get_prefixes)
                || (rules.no_versions && reads_version)
                // A caller that may not list may not learn that a key is absent.
                || (rules.no_list_bucket && !reads_version && bucket.current(&call.key).is_none())
        }
        Operation::ListObjects | Operation::ListObjectsV2 => {
            rules.no_list_bucket || under(&rules.denied_list_prefixes)
        }
        Operation::ListObjectVersions => rules.no_versions || under(&rules.denied_list_prefixes),
        Operation::HeadBucket => rules.no_list_bucket,
        _ => false,
    };
    if !denied {
        return Ok(());
    }
    let refusal = S3Error::access_denied(call);
    // HeadBucket returns the region even to callers that it refuses.
    Err(match call.operation {
        Operation::HeadBucket => refusal.header("x-amz-bucket-region", &bucket.region),
        _ => refusal,
    })
}

fn not_implemented() -> S3Error {
    S3Error::new(
        501,
        "NotImplemented",
        "A header you provided implies functionality that is not implemented",
    )
}

fn list_buckets(world: &World) -> Response {
    let body = Xml::new().s3_root("ListAllMyBucketsResult", |xml| {
        s3_list::write_owner(xml);
        xml.element("Buckets", |xml| {
            for (name, bucket) in &world.buckets {
                xml.element("Bucket", |xml| {
                    xml.text("Name", name)
                        .text("CreationDate", "2015-08-01T00:00:00.000Z")
                        .text("BucketRegion", &bucket.region);
                });
            }
        });
    });
    Response::with_body(200, "application/xml", body)
}

/// Returns the region of a bucket: empty for us-east-1. A world that uses the old name `EU` for
/// eu-west-1 gives it as the bucket's region.
fn location(bucket: &Bucket) -> Response {
    let body = Xml::new().s3_root("LocationConstraint", |xml| {
        if bucket.region != "us-east-1" {
            xml.plain(&bucket.region);
        }
    });
    Response::with_body(200, "application/xml", body)
}
