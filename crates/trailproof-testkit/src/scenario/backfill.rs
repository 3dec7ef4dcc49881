//! Backfill digests: log files that were delivered late.
use super::stage::{digest, log};
use super::{Scenario, Stage};
use crate::trail::{Deed, Hostile, TrailSpec};

/// The index of the first backfill digest: a starting and six standard digests come before it.
const FIRST: usize = 7;

fn spec() -> TrailSpec {
    TrailSpec::new().hours(6).backfill(1, 2, 5).backfill(3, 1, 8).backfill(4, 2, 9)
}

fn backfilled() -> Stage {
    Stage::of(spec()).verbose()
}

/// The newest digest comes first, and its key is the one that is looked up.
fn timestamp(value: &'static str) -> Stage {
    let stage = backfilled();
    let key = stage.digest_key(FIRST + 2);
    stage.world(|world| {
        let bucket = world.buckets.values_mut().next();
        for version in bucket.and_then(|bucket| bucket.objects.get_mut(&key)).into_iter().flatten()
        {
            version.metadata.insert("backfill-generation-timestamp".to_owned(), value.to_owned());
        }
    })
}

/// The backfill digest is generated 45 days later, with a key that no standard digest uses.
fn late() -> Stage {
    Stage::of(TrailSpec::new().hours(6).backfill(3, 2, 24 * 45)).verbose()
}

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new("backfill", backfilled),
    Scenario::new("backfill-quiet", || Stage::of(spec())),
    Scenario::new("backfill-linked", || Stage::of(spec().linked_backfills()).verbose()),
    Scenario::new("backfill-linked-with-start-after-the-first", || {
        Stage::of(spec().linked_backfills())
            .times("2026-03-01T02:30:00Z", "2026-03-01T06:04:11Z")
            .verbose()
    }),
    Scenario::new("backfill-linked-with-one-missing", || {
        Stage::of(spec().linked_backfills())
            .deeds(&[Deed::DigestDeleted(digest(FIRST + 1))])
            .verbose()
    }),
    Scenario::new("backfill-linked-with-one-tampered", || {
        Stage::of(spec().linked_backfills())
            .deeds(&[Deed::DigestByteFlipped(digest(FIRST + 1))])
            .verbose()
    }),
    Scenario::new("backfill-missing", || {
        backfilled().deeds(&[Deed::DigestDeleted(digest(FIRST + 1))])
    }),
    Scenario::new("backfill-tampered", || {
        backfilled().deeds(&[Deed::DigestByteFlipped(digest(FIRST + 1))])
    }),
    Scenario::new("backfill-forged", || backfilled().deeds(&[Deed::DigestForged(digest(FIRST))])),
    Scenario::new("backfill-hostile", || {
        backfilled().deeds(&[Deed::HostileDigest(digest(FIRST), Hostile::Terminal)])
    }),
    Scenario::new("backfill-not-gzip", || {
        backfilled().deeds(&[Deed::DigestNotGzip(digest(FIRST))])
    }),
    Scenario::new("backfill-without-metadata", || {
        backfilled().deeds(&[Deed::DigestMetadataMissing(digest(FIRST))])
    }),
    Scenario::new("backfill-without-timestamp", || {
        backfilled().deeds(&[Deed::BackfillTimestampMissing(digest(FIRST))])
    }),
    Scenario::new("backfill-timestamp-that-is-none", || timestamp("some time ago")),
    Scenario::new("backfill-timestamp-in-key-spelling", || timestamp("20260301T070411Z")),
    Scenario::new("backfill-timestamp-without-zone", || timestamp("2026-03-01T07:04:11")),
    Scenario::new("backfill-timestamp-with-fraction", || timestamp("2026-03-01T07:04:11.123Z")),
    Scenario::new("backfill-timestamp-with-blank", || timestamp("2026-03-01 07:04:11")),
    Scenario::new("backfill-timestamp-without-keys", || timestamp("2024-03-01T07:04:11Z")),
    Scenario::new("backfill-logs-missing", || {
        backfilled().deeds(&[Deed::LogDeleted(log(FIRST, 0)), Deed::LogDeleted(log(FIRST + 2, 1))])
    }),
    Scenario::new("backfill-log-changed", || {
        backfilled().deeds(&[Deed::LogContentChanged(log(FIRST, 1))])
    }),
    Scenario::new("backfill-key-by-time-of-making", late),
    Scenario::new("backfill-key-removed", || {
        late().deeds(&[Deed::DigestKeyRemoved(digest(FIRST))])
    }),
    Scenario::new("backfill-in-a-restarted-trail", || {
        Stage::of(TrailSpec::new().hours(6).pause(2, 4, 0).backfill(1, 1, 5).backfill(4, 1, 5))
            .verbose()
    }),
    Scenario::new("backfill-only", || {
        backfilled().deeds(&[Deed::RangeDeleted { chain: 0, from: 0, to: FIRST }])
    }),
    Scenario::new("backfill-in-a-changed-bucket", || {
        Stage::of(spec().linked_backfills().relocated(4, "newer-trail-logs", "eu-west-1", None))
            .verbose()
    }),
];
