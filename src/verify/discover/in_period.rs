//! All objects in the folders of CloudTrail that belong to a period and scope, whether or not a
//! digest names them.
use crate::locate::discover::find_places;
use crate::source::many::in_order;
use crate::source::{BoxFuture, ListRequest, Listed, ObjectSource, Pages};
use std::sync::Arc;
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::vocab::chain_id::{ChainId, Scope};
use trailproof_core::vocab::ids::{AccountId, OrganizationId, Region};
use trailproof_core::vocab::key_layout::{DIGEST_FOLDER, DigestKey, ROOT};
use trailproof_core::vocab::log_key::is_log_folder;
use trailproof_core::vocab::time::Period;

/// The objects of whole days and of a scope, recognized by their keys alone.
#[derive(Clone, Debug)]
pub struct InPeriod {
    scope: Scope,
    first: String,
    last: String,
}

impl InPeriod {
    /// Returns the objects of all days that `period` touches.
    pub fn new(scope: &Scope, period: Period) -> Self {
        let (first, last) = (period.first_day(), period.last_day());
        Self { scope: scope.clone(), first, last }
    }

    /// Returns whether `key` is in the folder of such a day. A digest of a trail that is out of
    /// scope does not count; the key of a log file does not show its trail.
    pub fn has(&self, key: &str) -> bool {
        let mut parts = key.split('/').skip_while(|part| *part != ROOT).skip(1).peekable();
        let organization = parts.peek().and_then(|part| part.parse::<OrganizationId>().ok());
        if organization.is_some() {
            parts.next();
        }
        let account = parts.next().and_then(|part| part.parse::<AccountId>().ok());
        let folder = parts.next().is_some_and(|part| part == DIGEST_FOLDER || is_log_folder(part));
        let region = parts.next().and_then(|part| part.parse::<Region>().ok());
        let day: Vec<&str> = parts.by_ref().take(3).collect();
        let day = day.join("/");
        let (Some(account), Some(region), true) = (account, region, folder) else { return false };
        self.scope.has_organization(organization.as_ref())
            && self.scope.has_account(&account)
            && self.scope.has_region(&region)
            && self.first <= day
            && day <= self.last
            && parts.next().is_some()
            && DigestKey::parse(key)
                .is_none_or(|digest| self.scope.has_trail(&ChainId::from(&digest.chain)))
    }

    /// Lists all of them, for a source that remembers what was listed.
    ///
    /// Failed listings are not returned. The source remembers them and reports them to later
    /// callers.
    pub async fn list(&self, source: &Arc<dyn ObjectSource>, bucket: &str, roots: &[String]) {
        self.each(source, bucket, roots, &|_| {}).await;
    }

    /// Lists all of them, passes each object to `take`, and returns the listings that could not be
    /// read: the folder and the reason.
    pub async fn each(
        &self,
        source: &Arc<dyn ObjectSource>,
        bucket: &str,
        roots: &[String],
        take: &(dyn Fn(&Listed) + Sync),
    ) -> Vec<(String, ReadFailure)> {
        let found = find_places(source, bucket, roots, &self.scope).await;
        let listings = found.folders().into_iter().map(|folder| -> BoxFuture<'_, _> {
            Box::pin(async move {
                let days = self.days(source.as_ref(), bucket, &folder, take).await;
                days.err().map(|why| (folder, why))
            })
        });
        let unread = in_order(listings).await;
        found.into_unread().into_iter().chain(unread.into_iter().flatten()).collect()
    }

    async fn days(
        &self,
        source: &dyn ObjectSource,
        bucket: &str,
        folder: &str,
        take: &(dyn Fn(&Listed) + Sync),
    ) -> Result<(), ReadFailure> {
        let mut request = ListRequest::names(bucket, folder);
        request.start_after = Some(format!("{folder}{}", self.first));
        let last = format!("{folder}{}/\u{10ffff}", self.last);
        let mut pages = Pages::new(source, request);
        while let Some(page) = pages.next().await? {
            page.objects.iter().filter(|object| self.has(&object.key)).for_each(take);
            if page.objects.last().is_some_and(|object| object.key > last) {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailproof_core::vocab::chain_id::TrailFilter;
    use trailproof_core::vocab::time::Timestamp;

    const LOGS: &str = "p/AWSLogs/111122223333/CloudTrail/us-east-1/";

    #[test]
    fn days_and_scope_are_recognized_by_the_key() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let period = Period { start: at("2026-02-27T23:00:00Z"), end: at("2026-03-01T01:00:00Z") };
        let all = InPeriod::new(&Scope::default(), period);
        for (key, inside) in [
            (format!("{LOGS}2026/02/27/a"), true),
            (format!("{LOGS}2026/03/01/a/b"), true),
            (format!("{LOGS}2026/02/26/a"), false),
            (format!("{LOGS}2026/03/02/a"), false),
            (format!("{LOGS}2026/03/01"), false),
            (format!("{LOGS}2026/03/a"), false),
            (LOGS.replace("CloudTrail", "CloudTrail-Insight") + "2026/02/28/a", true),
            (LOGS.replace("CloudTrail", "Config") + "2026/02/28/a", false),
            (LOGS.replace("AWSLogs", "AWSLogs/o-a1b2c3d4e5") + "2026/02/28/a", true),
            (LOGS.replace("AWSLogs", "Logs") + "2026/02/28/a", false),
            (LOGS.replace("1111", "x") + "2026/02/28/a", false),
        ] {
            assert_eq!(all.has(&key), inside, "{key}");
        }
        // A period that ends at midnight does not include the day that begins then.
        let to_midnight = Period { end: at("2026-03-01T00:00:00Z"), ..period };
        let to_midnight = InPeriod::new(&Scope::default(), to_midnight);
        assert!(to_midnight.has(&format!("{LOGS}2026/02/28/a")));
        assert!(!to_midnight.has(&format!("{LOGS}2026/03/01/a")));
        let scope = Scope {
            trails: vec![TrailFilter::Name("mine".parse().unwrap())],
            accounts: vec!["111122223333".parse().unwrap()],
            regions: vec!["us-east-1".parse().unwrap()],
            organization: None,
        };
        let mine = InPeriod::new(&scope, period);
        assert!(mine.has(&format!("{LOGS}2026/02/28/a")));
        let other = format!("{LOGS}2026/02/28/a");
        assert!(!mine.has(&other.replace("us-east-1", "us-east-2")));
        assert!(!mine.has(&other.replace("1111", "2222")));
        let digest = "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/02/28/111122223333_CloudTrail-Digest_us-east-1_mine_us-east-1_20260228T000411Z.json.gz";
        assert!(mine.has(digest));
        assert!(!mine.has(&digest.replace("mine", "other")));
    }
}
