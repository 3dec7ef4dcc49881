//! What an attacker can write into a bucket to harm its readers.
use super::stage::{digest, log};
use super::{Scenario, Stage};
use crate::trail::gzip;
use crate::trail::{Deed, Hostile};

/// What the bomb inflates to, in bytes: beyond our allowance for digests, within the AWS CLI's
/// memory.
const BOMB: usize = 100 << 20;

fn fields(hostile: Hostile) -> Stage {
    Stage::done(Deed::HostileDigest(digest(3), hostile)).verbose()
}

fn key(hostile: Hostile) -> Stage {
    Stage::done(Deed::HostileKey(digest(3), hostile)).verbose()
}

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new("fields-with-control-characters", || fields(Hostile::Control)),
    Scenario::new("fields-with-dots", || fields(Hostile::DotDot)),
    Scenario::new("fields-with-a-script", || fields(Hostile::Script)),
    Scenario::new("fields-with-terminal-escapes", || fields(Hostile::Terminal)),
    Scenario::new("fields-with-turned-writing", || fields(Hostile::Bidirectional)),
    Scenario::new("fields-of-a-megabyte", || fields(Hostile::Megabyte)),
    Scenario::new("key-with-control-characters", || key(Hostile::Control)),
    Scenario::new("key-with-dots", || key(Hostile::DotDot)),
    Scenario::new("key-with-terminal-escapes", || key(Hostile::Terminal)),
    Scenario::new("key-of-great-length", || key(Hostile::Megabyte)),
    Scenario::new("digest-of-deep-json", || Stage::done(Deed::DeepJsonDigest(digest(3))).verbose()),
    Scenario::new("digest-bomb", || {
        let stage = Stage::plain().verbose();
        let key = stage.digest_key(3);
        stage.world(|world| {
            let bucket = world.buckets.values_mut().next();
            let versions = bucket.and_then(|bucket| bucket.objects.get_mut(&key));
            for version in versions.into_iter().flatten() {
                version.body = gzip::bomb(BOMB).into();
            }
        })
    }),
    Scenario::new("log-bomb", || {
        let stage = Stage::plain().verbose();
        let key = stage.log_key(3, 0);
        stage.world(|world| {
            let bucket = world.buckets.values_mut().next();
            let versions = bucket.and_then(|bucket| bucket.objects.get_mut(&key));
            for version in versions.into_iter().flatten() {
                version.body = gzip::bomb(BOMB).into();
            }
        })
    }),
    Scenario::new("many-deeds", || {
        Stage::plain().deeds(&[
            Deed::DigestForged(digest(5)),
            Deed::HostileDigest(digest(4), Hostile::DotDot),
            Deed::LogContentChanged(log(3, 0)),
            Deed::DigestSignatureFlipped(digest(2)),
        ])
    }),
];
