//! Public keys: their encodings, their names, and how they are reported.
use super::stage::digest;
use super::{Scenario, Stage};
use crate::server::{Fault, FaultPlan, Matcher, Operation, Schedule};
use crate::trail::{Deed, TrailSpec};
use crate::world::PublicKey;

fn rotated() -> Stage {
    Stage::of(TrailSpec::new().hours(6).rotation(3)).verbose()
}

fn each_key(change: impl Fn(&mut PublicKey)) -> Stage {
    Stage::plain().world(|world| world.public_keys.values_mut().flatten().for_each(change))
}

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new("keys-as-subject-public-key-info", || {
        Stage::of(TrailSpec::new().hours(6).spki_keys()).verbose()
    }),
    Scenario::new("key-in-the-other-encoding", || {
        rotated().deeds(&[Deed::PublicKeySpki(digest(6))])
    }),
    Scenario::new("key-removed", || rotated().deeds(&[Deed::DigestKeyRemoved(digest(6))])),
    Scenario::new("key-of-the-older-digests-removed", || {
        rotated().deeds(&[Deed::DigestKeyRemoved(digest(1))])
    }),
    Scenario::new("every-key-removed", || Stage::plain().world(|world| world.public_keys.clear())),
    Scenario::new("key-under-another-fingerprint", || {
        rotated().deeds(&[Deed::PublicKeyFingerprintWrong(digest(6))])
    }),
    Scenario::new("key-that-is-none", || each_key(|key| key.der = b"not a key".to_vec())),
    Scenario::new("key-without-a-byte", || each_key(|key| key.der.clear())),
    Scenario::new("key-cut-short", || each_key(|key| key.der.truncate(100))),
    Scenario::new("keys-on-several-pages", || {
        rotated().served(|options| options.key_page_size = 1)
    }),
    Scenario::new("keys-denied", || {
        Stage::plain().faults(|_| {
            let matcher = Matcher::operation(Operation::ListPublicKeys);
            FaultPlan::new().with(matcher, Schedule::always(Fault::AccessDenied))
        })
    }),
    Scenario::new("keys-throttled-at-first", || {
        Stage::plain().faults(|_| {
            let matcher = Matcher::operation(Operation::ListPublicKeys);
            FaultPlan::new().with(matcher, Schedule::first(1, Fault::SlowDown))
        })
    }),
];
