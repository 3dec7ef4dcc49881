//! `trailproof investigate`: every technique as an attacker uses it, then with its event lost too, then
//! its innocent twin; and what the case folder holds.
mod also;
mod differences;
mod folder;
mod history;
mod innocent;
mod kms;
mod undecided;

use crate::support::program::{Ran, connected, scratch};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use strum::IntoEnumIterator as _;
use trailproof_testkit::server::{
    Fault, FaultPlan, LoopbackServer, Matcher, Schedule, ServerOptions,
};
use trailproof_testkit::trail::{Attack, Attacked, Told};

const WHO: &str = "arn:aws:iam::111122223333:user/mallory";
const FROM: &str = "198.51.100.23";

/// What S3 answers for an object that was encrypted with a key of the caller's own.
const SSE_C: &str = "<?xml version=\"1.0\"?><Error><Code>InvalidRequest</Code><Message>The object was \
                     stored using a form of Server Side Encryption. The correct parameters must be \
                     provided to retrieve the object.</Message></Error>";

/// The result of an investigation, and its case folder.
pub(crate) struct Investigated {
    pub(crate) ran: Ran,
    pub(crate) folder: PathBuf,
}

impl Investigated {
    pub(crate) fn case(&self) -> Value {
        let text = fs::read_to_string(self.folder.join("case.json"));
        serde_json::from_str(&text.unwrap_or_else(|_| panic!("{:#?}", self.ran))).unwrap()
    }

    fn deeds(&self) -> Vec<Value> {
        self.case()["deeds"].as_array().unwrap().clone()
    }

    fn deed(&self, technique: &str) -> Option<Value> {
        self.deeds().into_iter().find(|deed| deed["technique"] == technique)
    }
}

pub(crate) fn serve(attacked: &Attacked) -> LoopbackServer {
    let mut options = ServerOptions::default();
    if let Some(key) = &attacked.ransomed {
        let fault = Fault::Answer {
            status: 400,
            content_type: "application/xml".to_owned(),
            body: SSE_C.to_owned(),
        };
        options.faults = FaultPlan::new().with(Matcher::get(key), Schedule::always(fault));
    }
    LoopbackServer::start(attacked.trail.world.clone(), options).unwrap()
}

pub(crate) fn investigate(name: &str, attacked: &Attacked, more: &[&str]) -> Investigated {
    investigate_at(&serve(attacked), name, attacked, more)
}

/// Investigates what a server of the caller's own serves.
pub(crate) fn investigate_at(
    server: &LoopbackServer,
    name: &str,
    attacked: &Attacked,
    more: &[&str],
) -> Investigated {
    let folder = scratch(&format!("investigate-{name}"));
    let whole = attacked.trail.whole();
    let iso = |at: i64| trailproof_core::vocab::time::Timestamp::from_unix(at).to_string();
    // Chains of some worlds end before others.
    let ends = attacked.trail.chains.iter().flat_map(|chain| &chain.digests);
    let to = ends.map(|digest| digest.end).max().unwrap_or(whole.to);
    let (from, to) = (iso(whole.from), iso(to));
    let mut arguments =
        vec!["investigate", "s3://example-trail-logs", "--start-time", &from, "--end-time", &to];
    arguments.extend(["--quiet", "--case", folder.to_str().unwrap()]);
    arguments.extend(more);
    Investigated { ran: Ran::from(&mut connected(server, &arguments)), folder }
}

/// What remains to be said of a technique when its event is lost: the technique that fits, and how
/// sure that is. `None` if only the event shows it.
fn lost(attack: Attack) -> Option<(&'static str, &'static str)> {
    Some(match attack {
        Attack::TrailStopped
        | Attack::TrailDeleted
        | Attack::TrailRedirected
        | Attack::DeliveryBroken
        | Attack::KeyWithheld => ("trail-stopped", "possible"),
        Attack::TrailNarrowed => ("trail-narrowed", "possible"),
        // Log files that nothing attests lie in the gap, and anyone may have put them there.
        Attack::ValidationOff => ("validation-off", "possible"),
        Attack::ObjectsDeleted | Attack::VersionsDeleted => ("objects-deleted", "possible"),
        Attack::ObjectsReplaced => ("objects-replaced", "possible"),
        Attack::ObjectsRansomed => ("objects-ransomed", "possible"),
        Attack::ObjectsPlanted => ("objects-planted", "possible"),
        Attack::LifecycleExpiry => ("lifecycle-expiry", "possible"),
        Attack::ArchiveHidden => ("archive-hidden", "likely"),
        Attack::OrgLeft => ("org-left", "possible"),
        Attack::RegionOff => ("region-off", "possible"),
        Attack::LockWeakened | Attack::ReplicaCut | Attack::WatchersOff | Attack::EventStarved => {
            return None;
        }
    })
}

#[test]
fn every_technique_is_shown_with_who_when_and_from_where() {
    for attack in Attack::iter() {
        let name = attack.name();
        let attacked = attack.built(Told::Recorded).unwrap();
        let ran = investigate(&format!("{name}-recorded"), &attacked, &[]);
        // What names neither the trail nor its bucket is context, and names nobody.
        if matches!(attack, Attack::WatchersOff | Attack::EventStarved) {
            assert_eq!(ran.deeds(), Vec::<Value>::new(), "{name}");
            let listed = &ran.case()["not_tied"];
            assert_eq!(listed[0]["technique"], name, "{listed}");
            assert_eq!(listed[0]["reason"], "other-resource", "{listed}");
            assert!(!ran.ran.stdout.contains(WHO), "{}", ran.ran.stdout);
            continue;
        }
        let deed = ran
            .deed(name)
            .unwrap_or_else(|| panic!("{name}\n{}\n{}", ran.ran.stdout, ran.ran.stderr));
        let sure = match attack {
            // Whether the version was the only one is not known; the rule left older objects; the call
            // succeeds where there was no replication, too.
            Attack::VersionsDeleted | Attack::ArchiveHidden | Attack::ReplicaCut => "likely",
            _ => "shown",
        };
        assert_eq!(deed["confidence"], sure, "{name} {deed}");
        assert_eq!(deed["witness"], "proven", "{name}");
        assert_eq!(deed["who"], WHO, "{name}");
        assert_eq!(deed["from_where"], FROM, "{name}");
        let when = trailproof_core::vocab::time::Timestamp::from_unix(attacked.when).to_string();
        assert_eq!(deed["when"], when, "{name}");
        let others: Vec<_> =
            ran.deeds().into_iter().filter(|other| other["technique"] != name).collect();
        assert!(others.is_empty(), "{name}: {others:?}");
    }
}

#[test]
fn a_technique_whose_event_is_lost_is_not_shown() {
    for attack in Attack::iter() {
        let name = attack.name();
        let attacked = attack.built(Told::Lost).unwrap();
        let ran = investigate(&format!("{name}-lost"), &attacked, &[]);
        let shown: Vec<_> =
            ran.deeds().into_iter().filter(|deed| deed["confidence"] == "shown").collect();
        assert!(shown.is_empty(), "{name}: {shown:?}");
        assert!(ran.deeds().iter().all(|deed| deed["who"] == ""), "{name}\n{}", ran.ran.stdout);
        let Some((technique, sure)) = lost(attack) else {
            assert_eq!(ran.deed(name), None, "{name}");
            continue;
        };
        let deed = ran
            .deed(technique)
            .unwrap_or_else(|| panic!("{name}\n{}\n{}", ran.ran.stdout, ran.ran.stderr));
        assert_eq!(deed["confidence"], sure, "{name} {deed}");
        let all: Vec<&str> =
            deed["alternatives"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(technique == name || all.contains(&name), "{name}: {deed}");
        assert!(
            sure == "likely" || !deed["raise"].as_array().unwrap().is_empty(),
            "{name}: {deed}"
        );
    }
}

#[test]
fn an_innocent_twin_is_no_deed() {
    for attack in Attack::iter() {
        let name = attack.name();
        let attacked = attack.built(Told::Innocent).unwrap();
        let ran = investigate(&format!("{name}-innocent"), &attacked, &[]);
        assert_eq!(ran.deeds(), Vec::<Value>::new(), "{name}\n{}", ran.ran.stdout);
        assert_eq!(ran.ran.status, 0, "{name}\n{}\n{}", ran.ran.stdout, ran.ran.stderr);
    }
}

/// Encryption with a key of the attacker's own looks like a lack of permission and is not one.
#[test]
fn ransom_is_not_a_permission_problem() {
    let attacked = Attack::ObjectsRansomed.built(Told::Recorded).unwrap();
    let ran = investigate("ransom", &attacked, &[]);
    assert!(ran.ran.stdout.contains("SSE-C"), "{}", ran.ran.stdout);
    let affected = &ran.case()["affected"][0];
    assert_eq!((&affected["code"], &affected["deed"]), (&"kms-denied".into(), &1.into()));
}

/// The report of one intrusion fits on one screen, and says who did what, when, and how sure that is.
#[test]
fn an_intrusion_is_told_on_one_screen() {
    let trail = trailproof_testkit::trail::intrusion::intrusion().unwrap();
    let ran = investigate("intrusion", &Attacked { trail, when: 0, ransomed: None }, &[]);
    assert_eq!(ran.ran.status, 1, "{}", ran.ran.stderr);
    let deeds = ran.deeds();
    let told: Vec<(&str, &str)> = deeds
        .iter()
        .map(|deed| (deed["technique"].as_str().unwrap(), deed["confidence"].as_str().unwrap()))
        .collect();
    let expected = [
        ("trail-stopped", "shown"),
        ("lifecycle-expiry", "shown"),
        ("objects-deleted", "shown"),
        ("objects-replaced", "shown"),
        ("objects-planted", "shown"),
    ];
    assert_eq!(told, expected, "{}", ran.ran.stdout);
    assert!(
        deeds.iter().all(|deed| deed["who"] == WHO && deed["from_where"] == FROM),
        "{}",
        ran.ran.stdout
    );
    // The older of two neighbouring digests is no finding of its own: it lies in the stretch of
    // missing digests that the newer one begins. Its version shows that it was there.
    assert_eq!(deeds[2]["object_count"], 2, "{}", ran.ran.stdout);
    assert_eq!(deeds[2]["event_ids"].as_array().unwrap().len(), 2, "{}", ran.ran.stdout);
    assert!(ran.ran.stdout.lines().count() <= 60, "{}", ran.ran.stdout);
    // The planted log file stays where it is, and everything else comes back.
    let case = ran.case();
    assert_eq!(case["verdict_with_versions"], "not proven");
    let comes_back = |object: &Value| {
        ["deleted-recoverable", "replaced-recoverable"]
            .contains(&object["versions"].as_str().unwrap())
    };
    assert!(case["affected"].as_array().unwrap().iter().all(comes_back), "{case}");
    assert!(ran.ran.stdout.contains("gives back 51 objects"), "{}", ran.ran.stdout);
    // The first screen of the page tells it all.
    let page = std::fs::read_to_string(ran.folder.join("report.html")).unwrap();
    let (head, _) = page.split_once("</header>").unwrap();
    for told in [
        WHO,
        FROM,
        "Logging was stopped</a>: 2026-03-02T06:02:11Z",
        "A lifecycle rule removed objects</a>: 2026-03-02T12:39:11Z, 48 objects",
        "Objects were deleted</a>: 2026-03-03T02:34:11Z, 2 objects",
        "Objects were replaced</a>: 2026-03-03T04:59:11Z, 1 object",
        "Objects were planted beside the evidence</a>: 2026-03-03T04:59:11Z, 1 object",
        "gives back 51 objects",
        "2026-03-02T06:04:11Z to 2026-03-02T10:04:11Z",
    ] {
        assert!(head.contains(told), "{told}\n{head}");
    }
    assert_eq!(head.matches(">shown</span>").count(), 5, "{head}");
    // What was taken out of the replaced log file is named.
    assert_eq!(case["replaced"][0]["events"]["removed"], 1, "{case}");
    assert!(ran.ran.stdout.contains("removed CreateAccessKey"), "{}", ran.ran.stdout);
    // Nobody recorded the four hours without logging, and nothing brings them back.
    let lost = case["lost"].as_array().unwrap();
    assert_eq!(lost.len(), 1, "{case}");
    assert_eq!(
        (&lost[0]["from"], &lost[0]["to"]),
        (&"2026-03-02T06:04:11Z".into(), &"2026-03-02T10:04:11Z".into())
    );
    assert!(ran.ran.stdout.contains("lost for good: 2026-03-02T06:04:11Z to"));
}
