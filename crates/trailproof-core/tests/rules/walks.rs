//! Both walks over tampered trails: what they settle about each digest is what the testkit's model
//! allows, which is computed from the deeds and not from the store.
use std::collections::BTreeMap;
use trailproof_core::bytes::content::read_whole;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::codes::finding::{Finding, Outcome};
use trailproof_core::compat::judge::DigestRead;
use trailproof_core::digest::document::DigestClaim;
use trailproof_core::digest::judge::ProvenDigest;
use trailproof_core::digest::signing::{KeyRing, PublicKey};
use trailproof_core::vocab::budget;
use trailproof_core::vocab::key_layout::{DigestKey, DigestKind};
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::{Period, Timestamp};
use trailproof_core::walk::backfill::BackfillWalk;
use trailproof_core::walk::facts::{Fact, ListedDigest, Need};
use trailproof_core::walk::standard::ChainWalk;
use trailproof_testkit::trail::built::Oddity;
use trailproof_testkit::trail::dice::Dice;
use trailproof_testkit::trail::expectation::State;
use trailproof_testkit::trail::{BuiltTrail, LogPlan, LogSizes, TrailSpec};

/// What was settled about the digests, by location.
type Settled = BTreeMap<ObjectLocation, Vec<State>>;

fn state(outcome: &Outcome<ProvenDigest>) -> State {
    match outcome {
        Outcome::Valid(_) => State::Valid,
        Outcome::Invalid(finding) => State::Invalid(finding.code()),
        Outcome::Unverified(_) => State::Unverified,
    }
}

/// Reads a digest from the store.
fn read(trail: &BuiltTrail, at: &ObjectLocation) -> Fact {
    let unreadable = |kind| Fact::Unreadable(ReadFailure::new(kind, ""));
    let Some(version) = trail.current(&at.bucket, &at.key) else { return Fact::Missing };
    if ["GLACIER", "DEEP_ARCHIVE"].contains(&version.storage_class.as_str()) {
        return unreadable(ReadFailureKind::Archived);
    }
    let mut bytes = Vec::new();
    let Ok(content) = read_whole(&version.body, budget::DIGEST_INFLATED, Some(&mut bytes)) else {
        return unreadable(ReadFailureKind::OverBudget);
    };
    let metadata = |name: &str| version.metadata.get(name).cloned();
    Fact::Read(Box::new(DigestRead {
        claim: DigestClaim::parse(&content, &bytes),
        content,
        signature: metadata("signature"),
        signature_algorithm: metadata("signature-algorithm"),
        backfill_generated: metadata("backfill-generation-timestamp"),
    }))
}

/// Returns the keys that were valid at any time of the span.
fn keys(trail: &BuiltTrail, from: i64, to: i64) -> Fact {
    let mut ring = KeyRing::default();
    for key in trail.world.public_keys.values().flatten() {
        if key.valid_from <= to && from <= key.valid_to {
            ring.add(PublicKey::new(key.fingerprint.clone(), &key.der));
        }
    }
    Fact::Keys(ring)
}

fn fact(trail: &BuiltTrail, need: &Need) -> Option<Fact> {
    Some(match need {
        Need::Nothing => return None,
        Need::Digest(at) => read(trail, at),
        Need::Keys { from, to } => keys(trail, from.unix(), to.unix()),
        Need::KeysSince(from) => keys(trail, from.unix(), i64::MAX),
        Need::Older(_) => Fact::Older(false),
    })
}

/// Lists the digests of the only chain that end within the period, as a run does.
fn listed(trail: &BuiltTrail, period: Period, kind: DigestKind) -> Vec<ListedDigest> {
    let chain = DigestKey::parse(&trail.chains[0].digests[0].key).unwrap().chain;
    let keys = trail.world.buckets.iter().flat_map(|(name, bucket)| {
        let there = bucket.objects.keys().filter(move |key| bucket.current(key).is_some());
        there.map(move |key| (name, key))
    });
    keys.filter_map(|(bucket, key)| {
        let parsed = DigestKey::parse(key)?;
        let within = period.start < parsed.end && parsed.end <= period.end;
        (within && parsed.chain == chain && parsed.kind == kind).then(|| ListedDigest {
            end: parsed.end,
            at: ObjectLocation::new(bucket.clone(), key.clone()),
        })
    })
    .collect()
}

fn settle(settled: &mut Settled, at: ObjectLocation, outcome: &Outcome<ProvenDigest>) {
    settled.entry(at).or_default().push(state(outcome));
}

/// Walks the chain and returns what was settled.
fn walked(trail: &BuiltTrail, period: Period) -> Settled {
    let mut settled = Settled::new();
    let mut walk = ChainWalk::new(period, listed(trail, period, DigestKind::Standard));
    while let Some(fact) = fact(trail, walk.need()) {
        for step in walk.feed(fact) {
            // A link that leads forward in time is reported at the place that it names.
            let is_link =
                matches!(step.outcome, Outcome::Invalid(Finding::DigestOutOfOrder { .. }));
            if !is_link {
                settle(&mut settled, step.at, &step.outcome);
            }
        }
    }
    let mut walk = BackfillWalk::new(period, listed(trail, period, DigestKind::Backfill));
    while let Some(fact) = fact(trail, walk.need()) {
        for step in walk.feed(fact) {
            settle(&mut settled, step.at, &step.outcome);
        }
    }
    settled
}

/// Returns where the walks and the model disagree.
fn disagreements(trail: &BuiltTrail) -> Vec<String> {
    let whole = trail.whole();
    let period =
        Period { start: Timestamp::from_unix(whole.from), end: Timestamp::from_unix(whole.to) };
    let settled = walked(trail, period);
    let expected = trail.expected_for_verify(&whole);
    let mut wrong = Vec::new();
    for digest in expected.chains.iter().flat_map(|chain| &chain.digests) {
        let at = ObjectLocation::new(digest.bucket.clone(), digest.key.clone());
        let states = settled.get(&at).map(Vec::as_slice).unwrap_or_default();
        let fits = match states {
            [] => !digest.in_period || digest.allowed.contains(&State::Unreached),
            [state] => digest.allowed.contains(state),
            _ => false,
        };
        if !fits {
            wrong.push(format!("{at}: {states:?}, allowed {:?}", digest.allowed));
        }
    }
    wrong
}

fn clean() -> BuiltTrail {
    TrailSpec::new()
        .seed(12)
        .time("2026-03-01T00:04:11Z", 14)
        .logs(LogPlan::Constant(1), LogSizes::Small)
        .backfill(3, 1, 20)
        .backfill(5, 1, 21)
        .backfill(9, 1, 22)
        .linked_backfills()
        .build()
}

#[test]
fn every_digest_of_an_untouched_trail_is_proven_once() {
    let trail = clean();
    assert!(disagreements(&trail).is_empty(), "{:#?}", disagreements(&trail));
    let whole = trail.whole();
    let period =
        Period { start: Timestamp::from_unix(whole.from), end: Timestamp::from_unix(whole.to) };
    let settled = walked(&trail, period);
    assert!(settled.values().all(|states| states[..] == [State::Valid]), "{settled:#?}");
    // The digest that starts the chain ends where the period begins.
    assert_eq!(settled.len(), trail.chains[0].digests.len() - 1);
}

#[test]
fn what_is_settled_about_tampered_digests_is_what_the_model_allows() {
    let clean = clean();
    let mut dice = Dice::new(8, "walks");
    let (mut compared, mut wrong) = (0, Vec::new());
    let mut seen = BTreeMap::<State, usize>::new();
    for round in 0..600 {
        let mut trail = clean.clone();
        let mut deeds = Vec::new();
        for _ in 0..=round % 3 {
            let deed = trail.random_deed(&mut dice);
            if trail.apply(deed).is_ok() {
                deeds.push(deed);
            }
        }
        // A loop may be reported at either end of its link.
        if trail.digests().any(|(_, digest)| digest.oddity == Oddity::Loop) {
            continue;
        }
        compared += 1;
        wrong.extend(disagreements(&trail).into_iter().map(|what| format!("{deeds:?}: {what}")));
        let expected = trail.expected_for_verify(&trail.whole());
        let digests = expected.chains.iter().flat_map(|chain| &chain.digests);
        for state in digests.filter_map(|digest| digest.certain()) {
            *seen.entry(state).or_default() += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 400, "{compared}");
    for state in [State::Valid, State::Unverified, State::Invalid("digest-missing")] {
        assert!(seen.get(&state).is_some_and(|count| *count > 10), "{state:?}: {seen:?}");
    }
}
