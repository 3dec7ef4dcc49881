use super::*;
use crate::trail_event::DeliveryPolicy;
use crate::vocab::location::ObjectLocation;
use serde_json::json;

const END: i64 = 1_780_000_000;

fn at(hours: i64) -> Timestamp {
    Timestamp::from_unix(END + hours * HOUR)
}

fn chain(account: &str, region: &str, organization: bool) -> ChainId {
    ChainId {
        account: account.parse().unwrap(),
        source_region: region.parse().unwrap(),
        trail: "t".parse().unwrap(),
        home_region: "us-east-1".parse().unwrap(),
        organization: organization.then(|| "o-a1b2c3d4e5".parse().unwrap()),
    }
}

const OWNER: &str = "111122223333";
const MEMBER: &str = "444455556666";

fn trail(owner: &str) -> NamedTrail {
    let (name, home) = ("t".parse().unwrap(), "us-east-1".parse().unwrap());
    NamedTrail { name, home, owner: owner.parse().unwrap() }
}

fn cause(name: &str, time: Timestamp, subject: Subject, effect: Effect) -> Cause {
    let event = ExplainingEvent {
        time,
        name: name.to_owned(),
        id: format!("{name}-{}", time.unix()),
        principal: String::new(),
        address: String::new(),
        log: ObjectLocation::new("b", "log"),
    };
    Cause { subject, effect, event, recorded_in: OWNER.parse().unwrap() }
}

fn all_chains() -> BTreeSet<ChainId> {
    [(OWNER, "us-east-1"), (OWNER, "eu-west-1"), (MEMBER, "us-east-1"), (MEMBER, "eu-west-1")]
        .into_iter()
        .map(|(account, region)| chain(account, region, true))
        .collect()
}

fn index(causes: impl IntoIterator<Item = Cause>) -> Explanations {
    let mut kept = KeptEvents::new(100_000);
    causes.into_iter().for_each(|cause| kept.take(cause));
    Explanations::new(&kept, &all_chains())
}

fn gap(from: Timestamp, to: Timestamp, why: Uncovered) -> Segment {
    Segment { from, to, coverage: Coverage::Uncovered(why) }
}

/// A chain in a lookup, with its own keys and folders.
struct Asks {
    chain: ChainId,
    keys: BTreeSet<KeyName>,
    folders: Vec<String>,
}

impl Asks {
    fn new(chain: ChainId) -> Self {
        let key = KeyName::from_arn("arn:aws:kms:us-east-1:111122223333:key/k").unwrap();
        let (account, region) = (&chain.account, &chain.source_region);
        let folders = vec![format!("p/AWSLogs/{account}/CloudTrail-Digest/{region}/")];
        Self { chain, keys: BTreeSet::from([key]), folders }
    }

    fn concerned(&self) -> GapQuery<'_> {
        let Self { chain, keys, folders } = self;
        GapQuery { chain, also: &[], bucket: "b", keys, folders, now: at(100) }
    }

    fn explained(&self, by: &Explanations, gap: &Segment) -> Vec<String> {
        by.explain(&self.concerned(), gap).into_iter().map(|event| event.name).collect()
    }

    fn ended(&self, by: &Explanations, last: Timestamp) -> Option<String> {
        by.explains_end(&self.concerned(), last).map(|event| event.name)
    }
}

/// Matches each event with each chain of an organization's trail that it may affect.
#[test]
fn an_event_explains_exactly_the_chains_that_it_affects() {
    let member = MEMBER.parse::<AccountId>().unwrap();
    let (home, away) = ("us-east-1", "eu-west-1");
    let here = [(OWNER, home), (OWNER, away), (MEMBER, home), (MEMBER, away)];
    let region = away.parse::<Region>().unwrap();
    let key = |id: &str| {
        Subject::Key(KeyName::from_arn(&format!("arn:aws:kms:us-east-1:{OWNER}:key/{id}")).unwrap())
    };
    let not_at = |owner: &str, bucket: Option<&str>, prefix: Option<&str>| {
        let owned = |it: &str| it.to_owned();
        let (bucket, prefix) = (bucket.map(owned), prefix.map(owned));
        Subject::TrailNotAt { trail: trail(owner), bucket, prefix }
    };
    let lets_only = |bucket: &str, account: &str| {
        let policy = DeliveryPolicy::of(
            &json!({"Statement": {
            "Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": "s3:PutObject", "Resource": format!("arn:aws:s3:::b/p/AWSLogs/{account}/*")}}),
            "b",
        );
        Subject::NotLet { bucket: bucket.to_owned(), policy }
    };
    let organization = Some("o-a1b2c3d4e5".parse().unwrap());
    let other = Some("o-zzzzzzzzzz".parse().unwrap());
    for (subject, concerned) in [
        (Subject::Trail(trail(OWNER)), [true; 4]),
        (Subject::TrailElsewhere(trail(OWNER)), [false, true, false, true]),
        (Subject::TrailMembers(trail(OWNER)), [true; 4]),
        (Subject::Trail(NamedTrail { name: "u".parse().unwrap(), ..trail(OWNER) }), [false; 4]),
        (Subject::Trail(NamedTrail { home: region.clone(), ..trail(OWNER) }), [false; 4]),
        (Subject::Bucket("b".to_owned()), [true; 4]),
        (Subject::Bucket("c".to_owned()), [false; 4]),
        // Where a trail delivers from now on, and whom a policy lets write, is judged for each place.
        (not_at(OWNER, Some("c"), None), [true; 4]),
        (not_at(OWNER, Some("b"), Some("p")), [false; 4]),
        (not_at(OWNER, None, Some("q")), [true; 4]),
        (not_at(OWNER, None, Some("")), [true; 4]),
        (lets_only("b", OWNER), [false, false, true, true]),
        (lets_only("b", MEMBER), [true, true, false, false]),
        (lets_only("c", OWNER), [false; 4]),
        (key("k"), [true; 4]),
        (key("l"), [false; 4]),
        (Subject::Account(member.clone()), [false, false, true, true]),
        (Subject::Member(member.clone()), [false, false, true, true]),
        (Subject::Members(organization), [true; 4]),
        (Subject::Members(None), [true; 4]),
        (Subject::Members(other), [false; 4]),
        (Subject::Region(member, region), [false, false, false, true]),
    ] {
        let by = index([cause("E", at(0), subject.clone(), Effect::Ends)]);
        for ((account, region), expected) in here.into_iter().zip(concerned) {
            let asks = Asks::new(chain(account, region, true));
            let gap = gap(at(0), at(5), Uncovered::Tail);
            let found = !asks.explained(&by, &gap).is_empty();
            assert_eq!(found, expected, "{subject:?} {account} {region}");
            assert_eq!(asks.ended(&by, at(0)).is_some(), expected, "{subject:?} {account} end");
        }
    }
}

/// A member may have its own trail of the same name; events about it do not affect the
/// organization's trail.
#[test]
fn a_member_trail_of_the_same_name_is_a_different_trail() {
    let own = chain(MEMBER, "us-east-1", false);
    let mut kept = KeptEvents::new(10);
    kept.take(cause("StopLogging", at(0), Subject::Trail(trail(MEMBER)), Effect::Ends));
    let mut chains = all_chains();
    chains.insert(own.clone());
    let by = Explanations::new(&kept, &chains);
    let tail = gap(at(0), at(5), Uncovered::Tail);
    assert_eq!(Asks::new(own.clone()).explained(&by, &tail), ["StopLogging"]);
    for organizations in all_chains() {
        assert!(Asks::new(organizations).explained(&by, &tail).is_empty());
    }
    // Nor do events about the organization's trail affect the member's own.
    let by = index([cause("StopLogging", at(0), Subject::Trail(trail(OWNER)), Effect::Ends)]);
    assert!(Asks::new(own.clone()).explained(&by, &tail).is_empty());
    let closed = Subject::Account(MEMBER.parse().unwrap());
    let by = index([cause("CloseAccount", at(0), closed, Effect::Ends)]);
    assert_eq!(Asks::new(own.clone()).explained(&by, &tail), ["CloseAccount"]);
    let left = Subject::Member(MEMBER.parse().unwrap());
    let by = index([cause("LeaveOrganization", at(0), left, Effect::Ends)]);
    assert!(Asks::new(own).explained(&by, &tail).is_empty(), "its own trail continues");
}

/// The effect of an event decides which stretches it explains, and when it must have happened.
#[test]
fn an_event_explains_the_edge_that_it_caused() {
    let asks = Asks::new(chain(MEMBER, "us-east-1", true));
    use Uncovered::{BeforeFirstDigest, DigestsMissing, Gap, Hole, Tail};
    let cases: [(Effect, i64, &[Uncovered]); 11] = [
        (Effect::Ends, -2, &[]),
        (Effect::Ends, -1, &[Gap, Tail, Hole]),
        (Effect::Stops, 3, &[Gap, Tail, Hole]),
        (Effect::Stops, 6, &[]),
        (Effect::Begins, 0, &[]),
        (Effect::Begins, 4, &[Gap, BeforeFirstDigest, Hole]),
        (Effect::Begins, 6, &[Gap, BeforeFirstDigest, Hole]),
        (Effect::Begins, 7, &[]),
        (Effect::Resumes, 0, &[]),
        (Effect::Removes, 0, &[DigestsMissing]),
        (Effect::Removes, 50, &[DigestsMissing]),
    ];
    for (effect, hours, explains) in cases {
        let by = index([cause("E", at(hours), Subject::Bucket("b".to_owned()), effect)]);
        for why in [BeforeFirstDigest, Gap, DigestsMissing, Tail, Hole] {
            let found = !asks.explained(&by, &gap(at(0), at(5), why)).is_empty();
            assert_eq!(found, explains.contains(&why), "{effect:?} {hours} {why:?}");
        }
    }
}

#[test]
fn a_removal_matches_by_digest_prefix_or_age() {
    let asks = Asks::new(chain(MEMBER, "us-east-1", true));
    let missing = gap(at(0), at(5), Uncovered::DigestsMissing);
    let objects = |bucket: &str, prefix: &str, days| Subject::Objects {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
        days,
    };
    let digest = |region: &str, hours| Subject::Digest {
        chain: Box::new(chain(MEMBER, region, true)),
        end: at(hours),
    };
    for (subject, expected) in [
        (objects("b", "", 1), true),
        (objects("b", "p/AWSLogs/", 4), true),
        (objects("b", "p/AWSLogs/", 5), false),
        (objects("b", &format!("p/AWSLogs/{MEMBER}/CloudTrail-Digest/us-east-1/2026/"), 1), true),
        (objects("b", "p/AWSLogs/2/", 1), false),
        (objects("b", "*", 1), false),
        (objects("c", "", 1), false),
        (digest("us-east-1", 3), true),
        (digest("us-east-1", 9), false),
        (digest("eu-west-1", 3), false),
    ] {
        let by = index([cause("E", at(20), subject.clone(), Effect::Removes)]);
        assert_eq!(!asks.explained(&by, &missing).is_empty(), expected, "{subject:?}");
    }
}

#[test]
fn an_end_is_explained_only_by_a_lasting_end_event() {
    let asks = Asks::new(chain(MEMBER, "us-east-1", true));
    let of = |effect, hours| cause("E", at(hours), Subject::Trail(trail(OWNER)), effect);
    let closed =
        |hours| cause("C", at(hours), Subject::Account(MEMBER.parse().unwrap()), Effect::Ends);
    for (causes, expected) in [
        (vec![of(Effect::Ends, 0)], Some("E")),
        (vec![of(Effect::Ends, -1)], Some("E")),
        (vec![of(Effect::Ends, -2)], None),
        (vec![of(Effect::Ends, 2)], None),
        (vec![of(Effect::Stops, 0)], None),
        (vec![of(Effect::Removes, 0)], None),
        (vec![of(Effect::Ends, 0), of(Effect::Begins, 4)], None),
        (vec![of(Effect::Ends, 0), of(Effect::Resumes, 4)], None),
        (vec![of(Effect::Begins, -4), of(Effect::Ends, 0)], Some("E")),
        // Closing an account is completed in the background.
        (vec![closed(-2)], Some("C")),
        (vec![closed(-3)], None),
        (Vec::new(), None),
    ] {
        let by = index(causes.clone());
        assert_eq!(asks.ended(&by, at(0)).as_deref(), expected, "{causes:?}");
    }
}

/// A key that may be used again, or more harmless settings than are looked at, hide no end.
#[test]
fn what_starts_nothing_hides_no_end() {
    let asks = Asks::new(chain(OWNER, "us-east-1", false));
    let key = KeyName::from_arn(&format!("arn:aws:kms:us-east-1:{OWNER}:key/k")).unwrap();
    let back = cause("PutKeyPolicy", at(30), Subject::Key(key), Effect::Resumes);
    let stop = cause("DeleteTrail", at(0), Subject::Trail(trail(OWNER)), Effect::Ends);
    let here = |number: i64| {
        let (trail, bucket) = (trail(OWNER), Some("b".to_owned()));
        let subject = Subject::TrailNotAt { trail, bucket, prefix: None };
        cause("UpdateTrail", at(0).plus(1 + number), subject, Effect::Ends)
    };
    let by = index((0..500).map(here).chain([stop, back]));
    assert_eq!(asks.ended(&by, at(0)).as_deref(), Some("DeleteTrail"));
    let cited = asks.explained(&by, &gap(at(0), at(5), Uncovered::Tail));
    assert_eq!(cited, ["DeleteTrail"]);
}

#[test]
fn citations_are_few_and_unique() {
    let asks = Asks::new(chain(MEMBER, "us-east-1", true));
    let many = (0..50).map(|number| {
        let time = at(0).plus(number * 60);
        cause("PutBucketPolicy", time, Subject::Bucket("b".to_owned()), Effect::Stops)
    });
    let stop = cause("StopLogging", at(0).plus(30), Subject::Trail(trail(OWNER)), Effect::Ends);
    // The same event in the log file of a different trail.
    let mut again = stop.clone();
    again.event.log.key = "log-2".to_owned();
    let by = index(many.chain([again, stop]));
    let cited = asks.explained(&by, &gap(at(0), at(5), Uncovered::Gap));
    assert_eq!(cited.len(), CITED);
    assert_eq!(cited.iter().filter(|name| *name == "StopLogging").count(), 1);
    assert_eq!(cited[0], "PutBucketPolicy");
}

/// 20,000 chains with one gap each, and 20,000 events of few or many subjects: the work grows with
/// their number, not with their product.
#[test]
fn explaining_is_linear_in_chains_and_events() {
    const MANY: i64 = 20_000;
    for subjects in [1, MANY] {
        let mut kept = KeptEvents::new(usize::try_from(MANY).unwrap());
        for number in 0..MANY {
            let account: AccountId = format!("{:012}", number % subjects).parse().unwrap();
            let subject = match number % 3 {
                0 => Subject::Bucket("b".to_owned()),
                1 => Subject::Account(account.clone()),
                _ => Subject::Objects {
                    bucket: "b".to_owned(),
                    prefix: "elsewhere/".to_owned(),
                    days: 1,
                },
            };
            let effect = if number % 3 == 2 { Effect::Removes } else { Effect::Ends };
            let mut cause = cause("E", at(0).plus(number % 500), subject, effect);
            cause.event.id = number.to_string();
            cause.recorded_in = account;
            kept.take(cause);
        }
        let chains: BTreeSet<ChainId> =
            (0..MANY).map(|number| chain(&format!("{number:012}"), "us-east-1", true)).collect();
        let by = Explanations::new(&kept, &chains);
        let mut cited = 0;
        for chain in chains {
            let asks = Asks::new(chain);
            for why in [Uncovered::Gap, Uncovered::DigestsMissing] {
                cited += asks.explained(&by, &gap(at(0), at(5), why)).len();
            }
            asks.ended(&by, at(0));
        }
        assert!(cited > 0);
        let steps = kept.steps() + by.steps();
        let bound = u64::try_from(MANY).unwrap() * 2 * 250;
        assert!(steps < bound, "{steps} steps for {subjects} subjects");
    }
}
