//! Stores that answer a listing with an empty page first, as S3 does if many keys were deleted.
use super::*;
use crate::support::worlds::{EmptyFirst, WorldKeys, WorldSource};
use std::sync::Arc;
use trailproof::locate::roots::find_roots;
use trailproof::source::ObjectSource;
use trailproof::verify::plan::VerifyPlan;
use trailproof::verify::run::verify;
use trailproof_core::record::{Presence, RunEvent};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::chain_id::Scope;
use trailproof_core::vocab::time::{Period, Timestamp};

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
            roots,
            scope,
            ..VerifyPlan::new(
                &bucket,
                Period { start: Timestamp::from_unix(from), end: Timestamp::from_unix(to) },
                Timestamp::from_unix(trail.whole().now),
            )
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
