//! Stores that answer a listing with an empty page first, as S3 does if many keys were deleted.
use super::*;
use crate::support::worlds::{WorldKeys, WorldSource};
use std::sync::Arc;
use trailproof::locate::roots::find_roots;
use trailproof::source::{
    BoxFuture, ListPage, ListRequest, ObjectReader, ObjectSource, ReadError, ReadFrom,
};
use trailproof::verify::plan::{Expected, VerifyPlan};
use trailproof::verify::run::verify;
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::record::{EvidencePlace, Presence, RunEvent};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::chain_id::Scope;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::{Period, Timestamp};

/// A source whose listings begin with an empty page that is continued.
#[derive(Debug)]
struct EmptyFirst(WorldSource);

impl ObjectSource for EmptyFirst {
    fn list<'a>(
        &'a self,
        request: &'a ListRequest,
    ) -> BoxFuture<'a, Result<ListPage, ReadFailure>> {
        Box::pin(async move {
            match request.continuation.as_deref() {
                None => Ok(ListPage { next: Some(String::new()), ..ListPage::default() }),
                Some("") => {
                    self.0.list(&ListRequest { continuation: None, ..request.clone() }).await
                }
                Some(_) => self.0.list(request).await,
            }
        })
    }

    fn open<'a>(
        &'a self,
        at: &'a ObjectLocation,
        from: &'a ReadFrom,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ReadError>> {
        self.0.open(at, from)
    }
}

/// Returns the verdict, and the chains that have no object in the period, with their last digests.
fn run(trail: &BuiltTrail, from: i64, to: i64, scope: Scope) -> (Verdict, Vec<(String, i64)>) {
    let source: Arc<dyn ObjectSource> = Arc::new(EmptyFirst(WorldSource::new(&trail.world)));
    let keys = Arc::new(WorldKeys(Arc::new(trail.world.clone())));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut missing = Vec::new();
    let summary = runtime.block_on(async {
        let bucket = bucket(trail);
        let roots = find_roots(source.as_ref(), &bucket, "").await.unwrap().prefixes;
        let plan = VerifyPlan {
            place: EvidencePlace::original(&bucket, ""),
            bucket,
            roots,
            scope,
            period: Period { start: Timestamp::from_unix(from), end: Timestamp::from_unix(to) },
            end_was_future: false,
            now: Timestamp::from_unix(trail.whole().now),
            status: None,
            unlisted: true,
            known: None,
            since: None,
            complete_copy: false,
            expected: Expected::default(),
            left_open: Vec::new(),
        };
        verify(&plan, source, keys, &mut |event| {
            if let RunEvent::ChainFinished(chain) = event
                && let Presence::Absent { last: Some(last) } = chain.presence
            {
                missing.push((chain.chain.source_region.to_string(), last.unix()));
            }
        })
        .await
    });
    (summary.verdict, missing)
}

#[test]
fn an_empty_first_page_does_not_hide_a_root_or_an_earlier_digest() {
    let clean = spec(30).prefix("a/b/c").build();
    let whole = clean.whole();
    let (from, to) = (whole.from + 26 * 3_600, whole.to);
    assert_eq!(run(&clean, from, to, Scope::default()), (Verdict::Proven, vec![]));
    let mut dead = clean.clone();
    let end = whole.from + 4 * 3_600;
    delete(&mut dead, |id| id.region == AWAY, end, true);
    let here = Scope { regions: vec![AWAY.parse().unwrap()], ..Scope::default() };
    for scope in [Scope::default(), here] {
        let missing = vec![(AWAY.to_owned(), end)];
        assert_eq!(run(&dead, from, to, scope.clone()), (Verdict::NotProven, missing), "{scope:?}");
    }
}
