//! Lists the digests of one chain.
use super::slices::{Slice, slices};
use crate::source::many::in_order;
use crate::source::{BoxFuture, ListRequest, ObjectSource, Pages};
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::vocab::budget;
use trailproof_core::vocab::key_layout::{ChainKey, DigestKey};
use trailproof_core::vocab::time::Timestamp;

/// Returns the keys of `chain`'s digests in `bucket` whose end lies between `from` and `to`, both
/// included.
///
/// A key that is not exactly such a digest's is skipped, wherever it sorts. The listing ends with
/// the day of `to`: keys are sorted, so no key after that day can match. A long span is listed in
/// concurrent parts.
pub(crate) async fn list_digests(
    source: &dyn ObjectSource,
    bucket: &str,
    chain: &ChainKey,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<DigestKey>, ReadFailure> {
    let folder = chain.folder();
    let parts = slices(&folder, from, to);
    let parts = in_order(parts.into_iter().map(|slice| -> BoxFuture<'_, _> {
        Box::pin(list_slice(source, bucket, chain, &folder, slice, (from, to)))
    }))
    .await;
    let mut found = Vec::new();
    for part in parts {
        found.extend(part?);
        check_budget(found.len())?;
    }
    Ok(found)
}

async fn list_slice(
    source: &dyn ObjectSource,
    bucket: &str,
    chain: &ChainKey,
    folder: &str,
    slice: Slice,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<DigestKey>, ReadFailure> {
    let last_day = to.date_folder();
    let mut request = ListRequest::names(bucket, folder);
    request.start_after = Some(slice.after.clone());
    let mut found = Vec::new();
    let mut pages = Pages::new(source, request);
    while let Some(page) = pages.next().await? {
        let mut past = false;
        for object in page.objects {
            if !slice.has(&object.key) {
                return Ok(found);
            }
            let day = object.key.get(folder.len()..).unwrap_or_default();
            past |= !day.starts_with(&last_day) && *day > *last_day;
            if let Some(key) = DigestKey::parse(&object.key)
                && key.chain == *chain
                && from <= key.end
                && key.end <= to
            {
                found.push(key);
            }
        }
        check_budget(found.len())?;
        if past {
            break;
        }
    }
    Ok(found)
}

fn check_budget(listed: usize) -> Result<(), ReadFailure> {
    if listed <= budget::LISTED_DIGESTS {
        return Ok(());
    }
    Err(ReadFailure::new(ReadFailureKind::OverBudget, "too many digests listed"))
}

/// Returns the organizations that have a folder below `prefix` in `bucket`.
pub(crate) async fn list_organizations(
    source: &dyn ObjectSource,
    bucket: &str,
    prefix: &str,
) -> Result<Vec<trailproof_core::vocab::ids::OrganizationId>, ReadFailure> {
    let above = trailproof_core::vocab::key_layout::KeyRoot {
        prefix: prefix.to_owned(),
        organization: None,
    }
    .folder();
    let mut request = ListRequest::names(bucket, &format!("{above}o-"));
    request.folders = true;
    let mut found = Vec::new();
    let mut pages = Pages::new(source, request);
    while let Some(page) = pages.next().await? {
        for folder in page.folders {
            let name = folder.strip_prefix(&above).and_then(|name| name.strip_suffix('/'));
            found.extend(name.and_then(|name| name.parse().ok()));
        }
        if found.len() > budget::LOG_FILES {
            return Err(ReadFailure::new(ReadFailureKind::OverBudget, "too many organizations"));
        }
    }
    Ok(found)
}
