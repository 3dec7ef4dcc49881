//! The walk over backfill digests of which some were planted.
use super::*;
use crate::bytes::content::read_whole;
use crate::digest::document::DigestClaim;
use crate::digest::signing::KeyRing;
use crate::vocab::time::HOUR;
use proptest::prelude::*;

const FOLDER: &str = "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/01/";

fn at(hour: u32) -> ObjectLocation {
    let name = "111122223333_CloudTrail-Digest_us-east-1_trail_us-east-1_20260301T";
    ObjectLocation::new("bucket", format!("{FOLDER}{name}{hour:02}0000Z_backfill.json.gz"))
}

/// What an attacker can write: a digest without its own signature that records an invalid signature
/// of a different one.
fn planted(own: u32, previous: u32) -> Fact {
    let text = serde_json::json!({
        "awsAccountId": "111122223333", "digestStartTime": "2026-03-01T00:00:00Z",
        "digestEndTime": "2026-03-01T01:00:00Z", "digestS3Bucket": "bucket",
        "digestS3Object": at(own).key, "digestPublicKeyFingerprint": "f",
        "digestSignatureAlgorithm": "SHA256withRSA", "newestEventTime": null,
        "oldestEventTime": null, "previousDigestS3Bucket": "bucket",
        "previousDigestS3Object": at(previous).key, "previousDigestHashValue": "00",
        "previousDigestHashAlgorithm": "SHA-256",
        "previousDigestSignature": format!("{own:02}"), "logFiles": [],
    })
    .to_string();
    let mut kept = Vec::new();
    let content = read_whole(text.as_bytes(), 1 << 20, Some(&mut kept)).unwrap();
    Fact::Read(Box::new(DigestRead {
        claim: DigestClaim::parse(&content, &kept),
        content,
        signature: None,
        signature_algorithm: None,
        backfill_generated: None,
    }))
}

/// Planted digests that keep signatures of each other, all of one and one of all: each is reported
/// once, nothing that they keep is trusted, and the walk ends.
#[test]
fn a_walk_over_planted_digests_ends() {
    let hours = 1..=20_u32;
    type Keeps = fn(u32) -> u32;
    let all: [Keeps; 4] = [|hour| hour % 20 + 1, |_| 7, |hour| 21 - hour, |hour| hour];
    for keeps in all {
        let start = Timestamp::parse("2026-03-01T00:00:00Z").unwrap();
        let period = Period { start, end: start.plus(DAY) };
        let listed = hours
            .clone()
            .map(|hour| ListedDigest { end: start.plus(i64::from(hour) * HOUR), at: at(hour) })
            .collect();
        let mut walk = BackfillWalk::new(period, listed);
        let (mut fed, mut steps) = (0, Vec::new());
        while *walk.need() != Need::Nothing {
            fed += 1;
            assert!(fed < 20 * 2 * (KEPT + 2), "the walk does not end");
            let fact = match walk.need() {
                Need::Digest(place) => {
                    let hour = hours.clone().find(|hour| at(*hour) == *place).unwrap();
                    planted(hour, keeps(hour))
                }
                _ => Fact::Keys(KeyRing::default()),
            };
            steps.extend(walk.feed(fact));
        }
        assert_eq!(steps.len(), 20);
        for step in steps {
            let why = match step.outcome {
                Outcome::Unverified(why) => why.kind,
                other => panic!("{other:?}"),
            };
            assert_eq!(why, ReadFailureKind::NoSignature);
        }
    }
}

proptest! {
    /// Whatever a store without a single genuine digest returns, each listed digest is settled once,
    /// none is proven, and the order of the listing does not matter.
    #[test]
    fn planted_digests_are_settled_once(
        hours in prop::collection::vec(1..=20_u32, 0..12),
        script in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        let start = Timestamp::parse("2026-03-01T00:00:00Z").unwrap();
        let period = Period { start, end: start.plus(DAY) };
        let listed = |hour: &u32| ListedDigest {
            end: start.plus(i64::from(*hour) * HOUR),
            at: at(*hour),
        };
        let why = || ReadFailure::new(ReadFailureKind::Network, "");
        let walked = |listed: Vec<ListedDigest>| {
            let mut walk = BackfillWalk::new(period, listed);
            let mut steps = Vec::new();
            for (fed, choice) in script.iter().cycle().enumerate() {
                assert!(fed < 8 + 12 * 4 * (KEPT + 2), "the walk does not end");
                let fact = match walk.need() {
                    Need::Nothing => break,
                    Need::Digest(place) => match choice % 4 {
                        0 => Fact::Missing,
                        1 => Fact::Unreadable(why()),
                        _ => {
                            let own = (1..=20).find(|hour| at(*hour) == *place).unwrap();
                            planted(own, u32::from(choice / 4 % 20) + 1)
                        }
                    },
                    _ if choice % 2 == 0 => Fact::KeysFailed(why()),
                    _ => Fact::Keys(KeyRing::default()),
                };
                steps.extend(walk.feed(fact));
            }
            steps
        };
        let steps = walked(hours.iter().map(listed).collect());
        let mut settled: Vec<&ObjectLocation> = steps.iter().map(|step| &step.at).collect();
        settled.sort();
        let mut expected: Vec<ObjectLocation> = hours.iter().map(|hour| at(*hour)).collect();
        expected.sort();
        expected.dedup();
        prop_assert_eq!(settled, expected.iter().collect::<Vec<_>>());
        prop_assert!(!steps.iter().any(|step| matches!(step.outcome, Outcome::Valid(_))));
        let again = walked(hours.iter().rev().map(listed).collect());
        prop_assert_eq!(format!("{again:?}"), format!("{steps:?}"));
    }
}
