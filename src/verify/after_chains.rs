//! What a run tells once all chains are told: what explains their gaps, and log files that none of
//! them answers for.
use super::discover::Found;
use super::gaps::explained;
use super::many::in_order;
use super::unlisted::{UnlistedSearch, has_logs};
use super::verify_run::Run;
use crate::source::BoxFuture;
use trailproof_core::event::RunEvent;
use trailproof_core::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::key_layout::ROOT;
use trailproof_core::location::ObjectLocation;

impl Run<'_> {
    /// Tells which events explain the gaps.
    pub(super) fn explain(&mut self, tell: &mut (dyn FnMut(&RunEvent) + Send)) {
        for (chain, gap) in &self.gaps {
            for event in explained(chain, gap, &self.events) {
                tell(&RunEvent::GapExplained {
                    chain: chain.clone(),
                    from: gap.from,
                    to: gap.to,
                    event,
                });
            }
        }
    }

    /// Tells of folders with log files of the period for which nothing names any digest: of an
    /// account whose digests are all gone, or whose trail does not validate.
    pub(super) async fn without_digests(
        &mut self,
        found: &Found,
        tell: &mut (dyn FnMut(&RunEvent) + Send),
    ) {
        // Where trails are named, log files of unknown trails are nobody's business.
        if !self.plan.scope.trails.is_empty() {
            return;
        }
        let places = found.without_digests.iter().filter(|place| !self.told.contains(*place));
        let places: Vec<_> = places.cloned().collect();
        let (bucket, period) = (&self.plan.bucket, self.plan.period);
        let source = self.source.as_ref();
        let looks = in_order(places.into_iter().map(|place| -> BoxFuture<'_, _> {
            Box::pin(async move {
                let folder = place.log_folder();
                let found = has_logs(source, bucket, &folder, period).await;
                (folder, found)
            })
        }))
        .await;
        for (folder, found) in looks {
            match found {
                Ok(true) => {
                    self.tally.without_digests += 1;
                    tell(&RunEvent::LogsWithoutDigests { folder });
                }
                Ok(false) => {}
                Err(why) => {
                    self.tally.listings_unread += 1;
                    tell(&RunEvent::ListingUnread { folder, why });
                }
            }
        }
    }

    /// Tells of what was passed over below the folders of CloudTrail: nobody knows what it stands
    /// for.
    pub(super) fn passed_over(&mut self, tell: &mut (dyn FnMut(&RunEvent) + Send)) {
        let below = |at: &ObjectLocation| at.key.split('/').any(|part| part == ROOT);
        for at in self.source.passed_over().into_iter().filter(below) {
            self.tally.listings_unread += 1;
            let words = "a symbolic link, a special file or a name that cannot be a key";
            let why = ReadFailure::new(ReadFailureKind::NotFollowed, words);
            tell(&RunEvent::ListingUnread { folder: at.key, why });
        }
    }

    /// Tells of log files that no proven digest names, or that nobody searched for them.
    pub(super) async fn unlisted(
        &mut self,
        search: Option<UnlistedSearch>,
        tell: &mut (dyn FnMut(&RunEvent) + Send),
    ) {
        let Some(search) = search else {
            tell(&RunEvent::CheckNotPerformed {
                check: "log-unlisted".to_owned(),
                why: "switched off by `--no-unlisted`".to_owned(),
            });
            return;
        };
        for (folder, (unlisted, why)) in search.finish().await {
            for at in unlisted {
                self.tally.unlisted += 1;
                tell(&RunEvent::LogUnlisted { at });
            }
            if let Some(why) = why {
                self.tally.listings_unread += 1;
                tell(&RunEvent::ListingUnread { folder, why });
            }
        }
    }
}
