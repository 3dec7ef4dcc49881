//! Other content of the bucket: other trails, decoys, many pages.
use super::stage::digest;
use super::{Scenario, Stage};
use crate::trail::{Decoy, Deed, TrailSpec};

fn decoy(decoy: Decoy) -> Stage {
    Stage::done(Deed::DecoyKey(digest(3), decoy)).verbose()
}

fn named(name: &str) -> TrailSpec {
    TrailSpec::new().hours(4).trail(name, "us-east-1")
}

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new("decoy-in-the-next-day-s-folder", || decoy(Decoy::WrongDateFolder)),
    Scenario::new("decoy-of-the-far-future-in-this-day-s-folder", || {
        decoy(Decoy::FarFutureInEarlyFolder)
    }),
    Scenario::new("decoy-that-hides-the-next-day", || {
        Stage::of(TrailSpec::new().time("2026-03-01T21:04:11Z", 6))
            .deeds(&[Deed::DecoyKey(digest(2), Decoy::FarFutureInEarlyFolder)])
            .verbose()
    }),
    Scenario::new("decoy-with-a-suffix", || decoy(Decoy::ExtraSuffix)),
    Scenario::new("decoy-with-another-extension", || decoy(Decoy::WrongExtension)),
    Scenario::new("decoy-in-a-nested-folder", || decoy(Decoy::NestedFolder)),
    Scenario::new("decoy-of-a-longer-trail-name", || decoy(Decoy::LongerTrailName)),
    Scenario::new("decoy-of-the-far-future", || decoy(Decoy::FarFuture)),
    Scenario::new("another-trail-beside", || {
        Stage::among(named("audit"), [named("security").seed(2)]).verbose()
    }),
    Scenario::new("trail-whose-name-goes-on", || {
        Stage::among(named("audit"), [named("audit-2").seed(2)]).verbose()
    }),
    Scenario::new("trail-whose-name-goes-on-with-the-region", || {
        Stage::among(named("audit"), [named("audit_us-east-1_copy").seed(2)]).verbose()
    }),
    Scenario::new("trail-name-with-a-region-inside", || {
        Stage::of(named("a_us-east-1.b_eu-west-1")).verbose()
    }),
    Scenario::new("trail-name-that-looks-like-a-backfill", || {
        Stage::of(named("late_backfill")).verbose()
    }),
    Scenario::new("listing-of-many-pages", || {
        Stage::plain().served(|options| options.list_page_size = 2).verbose()
    }),
];
