//! The digests of one chain, as the listing of its folder tells them.
use crate::core::budget;
use crate::core::failure::{ReadFailure, ReadFailureKind};
use crate::core::key_layout::{ChainKey, DigestKey};
use crate::core::time::Timestamp;
use crate::source::{ListRequest, ObjectSource};

/// The keys of `chain`'s digests in `bucket` whose end lies between `from` and `to`, both included.
///
/// A key that is not exactly such a digest's is passed over wherever it sorts. The listing ends
/// with the day of `to`: keys come in order, so nothing behind that day can be one of them.
pub(super) async fn list_digests(
    source: &dyn ObjectSource,
    bucket: &str,
    chain: &ChainKey,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<DigestKey>, ReadFailure> {
    let folder = chain.folder();
    let last_day = to.date_folder();
    let mut request = ListRequest::all(bucket, &folder);
    request.start_after = Some(chain.before(from));
    let mut found = Vec::new();
    for _ in 0..budget::PAGES {
        let page = source.list(&request).await?;
        let mut past = false;
        for object in page.objects {
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
        if found.len() > budget::LISTED_DIGESTS {
            return Err(ReadFailure::new(ReadFailureKind::OverBudget, "too many digests listed"));
        }
        match page.next {
            Some(next) if !past => request.continuation = Some(next),
            _ => return Ok(found),
        }
    }
    Err(ReadFailure::new(ReadFailureKind::OverBudget, "too many pages in one listing"))
}

/// The organizations that have a folder below `prefix` in `bucket`.
pub(super) async fn list_organizations(
    source: &dyn ObjectSource,
    bucket: &str,
    prefix: &str,
) -> Result<Vec<crate::core::ids::OrganizationId>, ReadFailure> {
    let above =
        crate::core::key_layout::KeyRoot { prefix: prefix.to_owned(), organization: None }.folder();
    let mut request = ListRequest::all(bucket, &format!("{above}o-"));
    request.folders = true;
    let mut found = Vec::new();
    for _ in 0..budget::PAGES {
        let page = source.list(&request).await?;
        for folder in page.folders {
            let name = folder.strip_prefix(&above).and_then(|name| name.strip_suffix('/'));
            found.extend(name.and_then(|name| name.parse().ok()));
        }
        match page.next {
            Some(next) if found.len() < budget::LOG_FILES => request.continuation = Some(next),
            _ => break,
        }
    }
    Ok(found)
}
