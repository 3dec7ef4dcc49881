//! A folder with copies of digests and log files, without the folders that held them in the bucket.
//!
//! The names of digests and log files contain account, region and time, so the keys are rebuilt
//! from them. What a file proves does not depend on that: a digest is signed under its key, and a
//! log file has the hash that its digest records.
use crate::source::{
    BoxFuture, ListPage, ListRequest, Listed, ObjectMetadata, ObjectReader, ObjectSource, Pages,
    ReadError, ReadFrom, TakePiece,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::vocab::budget;
use trailproof_core::vocab::ids::{AccountId, Region};
use trailproof_core::vocab::key_layout::{DIGEST_FOLDER, DigestKey};
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::Timestamp;

/// The files of one folder as a bucket, under the keys that their names imply.
#[derive(Debug)]
pub struct FlatFolder {
    files: Arc<dyn ObjectSource>,
    /// The folder, empty or with a slash at its end.
    folder: String,
    /// What precedes the account in keys, with a slash at its end.
    root: String,
    /// The sizes in bytes, by key.
    keys: BTreeMap<String, u64>,
}

impl FlatFolder {
    /// Opens the files directly in `folder` of `files`, whose keys began with `root`.
    ///
    /// # Errors
    ///
    /// The folder could not be listed, or it holds too many files.
    pub async fn open(
        files: Arc<dyn ObjectSource>,
        folder: &str,
        root: &str,
    ) -> Result<Self, ReadFailure> {
        let request = ListRequest { folders: true, ..ListRequest::all("", folder) };
        let mut keys = BTreeMap::new();
        let mut pages = Pages::new(files.as_ref(), request);
        while let Some(page) = pages.next().await? {
            for object in page.objects {
                let name = object.key.get(folder.len()..).unwrap_or_default();
                if let Some(key) = key_of(root, name) {
                    keys.insert(key, object.size);
                }
            }
            if keys.len() > budget::LISTED_DIGESTS {
                let words = "too many files in one folder";
                return Err(ReadFailure::new(ReadFailureKind::OverBudget, words));
            }
        }
        let (folder, root) = (folder.to_owned(), root.to_owned());
        Ok(Self { files, folder, root, keys })
    }

    /// Returns the place of the file with the name that the key ends in.
    fn place(&self, key: &str) -> ObjectLocation {
        let name = key.rsplit('/').next().unwrap_or_default();
        ObjectLocation::new("", [self.folder.as_str(), name].concat())
    }

    fn page(&self, request: &ListRequest) -> ListPage {
        let after = request.start_after.as_deref().unwrap_or_default();
        let below = self.keys.range(request.prefix.clone()..);
        let below = below.take_while(|(key, _)| key.starts_with(&request.prefix));
        let mut page = ListPage::default();
        let mut folders = BTreeSet::new();
        for (key, size) in below.filter(|(key, _)| key.as_str() > after) {
            let rest = key.get(request.prefix.len()..).unwrap_or_default();
            match rest.split_once('/') {
                Some((name, _)) if request.folders => {
                    folders.insert(format!("{}{name}/", request.prefix));
                }
                _ => page.objects.push(Listed {
                    key: key.clone(),
                    size: *size,
                    etag: None,
                    last_modified: None,
                    archived: false,
                }),
            }
        }
        page.folders = folders.into_iter().collect();
        page
    }
}

/// Returns the key of a file with this name; `None` if it is neither a digest's nor a log file's.
fn key_of(root: &str, name: &str) -> Option<String> {
    let mut parts = name.splitn(4, '_');
    let account: AccountId = parts.next()?.parse().ok()?;
    let kind = parts.next()?;
    let region: Region = parts.next()?.parse().ok()?;
    let rest = parts.next()?.strip_suffix(".json.gz")?;
    let time = match kind == DIGEST_FOLDER {
        true => Timestamp::parse_key(rest.trim_end_matches("_backfill").rsplit_once('_')?.1)?,
        false => {
            let minute = rest.split_once('_')?.0.strip_suffix('Z')?;
            Timestamp::parse_key(&format!("{minute}00Z"))?
        }
    };
    let key = format!("{root}{account}/{kind}/{region}/{}/{name}", time.date_folder());
    let is_one = kind != DIGEST_FOLDER || DigestKey::parse(&key).is_some();
    (kind.starts_with("CloudTrail") && is_one).then_some(key)
}

#[deny(clippy::missing_trait_methods)]
impl ObjectSource for FlatFolder {
    fn list<'a>(
        &'a self,
        request: &'a ListRequest,
    ) -> BoxFuture<'a, Result<ListPage, ReadFailure>> {
        Box::pin(async move { Ok(self.page(request)) })
    }

    fn open<'a>(
        &'a self,
        at: &'a ObjectLocation,
        from: &'a ReadFrom,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ReadError>> {
        Box::pin(async move { self.files.open(&self.place(&at.key), from).await })
    }

    fn passed_over(&self) -> Vec<ObjectLocation> {
        let passed = self.files.passed_over().into_iter();
        let here = passed.filter_map(|at| {
            let name = at.key.strip_prefix(&self.folder)?.to_owned();
            Some(ObjectLocation::new("", [self.root.as_str(), &name].concat()))
        });
        here.collect()
    }

    fn is_local(&self, at: &ObjectLocation) -> bool {
        self.files.is_local(&self.place(&at.key))
    }

    fn read_in_place(
        &self,
        at: &ObjectLocation,
        take: &mut TakePiece<'_>,
    ) -> Option<Result<ObjectMetadata, ReadError>> {
        self.files.read_in_place(&self.place(&at.key), take)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_rebuilt_from_a_name() {
        let digest = "123456789012_CloudTrail-Digest_us-east-1_t_x_eu-west-1_20260301T000411Z";
        for (name, folder) in [
            (format!("{digest}.json.gz"), "CloudTrail-Digest/us-east-1"),
            (format!("{digest}_backfill.json.gz"), "CloudTrail-Digest/us-east-1"),
            (
                "123456789012_CloudTrail_us-east-1_20260301T0005Z_WMiHxZgr5Hdd6UDc.json.gz".into(),
                "CloudTrail/us-east-1",
            ),
            (
                "123456789012_CloudTrail-Insight_us-east-1_20260301T0005Z_x.json.gz".into(),
                "CloudTrail-Insight/us-east-1",
            ),
        ] {
            let key = format!("p/AWSLogs/123456789012/{folder}/2026/03/01/{name}");
            assert_eq!(key_of("p/AWSLogs/", &name).as_deref(), Some(key.as_str()));
        }
        for name in [
            "x.json.gz",
            "123456789012_Config_us-east-1_20260301T0005Z_x.json.gz",
            "12345678901_CloudTrail_us-east-1_20260301T0005Z_x.json.gz",
            "123456789012_CloudTrail_us-east-1_20261301T0005Z_x.json.gz",
            "123456789012_CloudTrail-Digest_us-east-1_20260301T000411Z.json.gz",
            "123456789012_CloudTrail_us-east-1_../20260301T0005Z_x.json.gz",
        ] {
            assert_eq!(key_of("AWSLogs/", name), None, "{name}");
        }
    }
}
