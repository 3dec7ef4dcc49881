//! What changed from one package to the next.
use super::{DESCRIPTION, Room};
use crate::support::attest_room::repository;
use serde_json::Value;
use std::fs;

impl Room {
    fn compare(&self, old: &str, new: &str) -> Value {
        let ran = self.0.run(&["package", "compare", old, new, "--format", "json"]);
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        serde_json::from_str(&ran.stdout).unwrap()
    }
}

fn changes<'v>(
    compared: &'v Value,
    area: &str,
) -> Vec<(&'v str, Option<&'v str>, Option<&'v str>)> {
    let all = compared["changes"].as_array().unwrap().iter().filter(|it| it["area"] == area);
    all.map(|it| (it["name"].as_str().unwrap(), it["old"].as_str(), it["new"].as_str())).collect()
}

#[test]
fn a_package_does_not_differ_from_itself() {
    let room = Room::new("same");
    room.create("old", &[]).is(0, "not signed");
    let compared = room.compare("old", "old");
    assert_eq!(compared["changes"], Value::Array(Vec::new()));
    room.0.run(&["package", "compare", "old", "old"]).is(0, "nothing else differs");
}

#[test]
fn each_kind_of_change_is_found() {
    let room = Room::new("changes");
    // As if AWS itself had been asked, and everything were as required.
    let mut state = room.0.json("state.json");
    for result in state["results"].as_array_mut().unwrap() {
        result["basis"] = "live".into();
        result["status"] = "PASS".into();
        result["reason"] = "as-required".into();
    }
    room.0.write("state.json", state.to_string());
    room.0.write("package.toml", DESCRIPTION.replace(", \"plan.json\"", ""));
    room.create("old", &[]).is(0, "not signed");
    // The first day of the demo alone is proven. It ends where nothing of the other period begins.
    let (demo, keys) = (repository("testdata/demo"), repository("testdata/demo/public-keys.json"));
    let verify = ["verify", &demo, "--public-keys", &keys, "--quiet", "--record", "day.jsonl"];
    let period = ["--start-time", "2026-03-01T00:04:11Z", "--end-time", "2026-03-02"];
    room.0.run(&[&verify[..], &period].concat()).is(0, "PROVEN");
    // A check of a control fails anew.
    let results = state["results"].as_array_mut().unwrap();
    let check = "trail-multi-region";
    let result = results.iter_mut().find(|it| it["id"] == check).unwrap();
    result["status"] = "FAIL".into();
    result["reason"] = "not-as-required".into();
    let subject = result["subject"].as_str().unwrap().to_owned();
    room.0.write("state.json", state.to_string());
    room.0.write("rules.json", "{\"changed\":1}");
    let changed = DESCRIPTION.replace(", \"plan.json\"", "");
    let changed = changed.replace("AWS Artifact", "elsewhere").replace("slot = 4", "slot = 1");
    room.0.write("package.toml", changed.replace("attestation", "#"));
    let given = ["--record", "day.jsonl", "--previous", "old"];
    room.create("new", &given).is(0, "verdict: proven");
    let compared = room.compare("old", "new");
    assert_eq!(compared["names_previous"], true);
    assert_eq!(compared["seconds_between"], -(3 * 86_400 - 251));
    let verdict = ("verdict", Some("contradicted"), Some("proven"));
    assert_eq!(changes(&compared, "verdict"), [verdict]);
    let checks = changes(&compared, "check");
    assert_eq!(checks.len(), 1, "{checks:?}");
    assert!(checks[0].0.starts_with(&format!("{check} {subject}")), "{checks:?}");
    assert_eq!(checks[0].1, Some("PASS as-required"));
    assert_eq!(checks[0].2, Some("FAIL not-as-required"));
    let controls = changes(&compared, "control");
    // The check fails anew, and the integrity of the log files is no longer contradicted.
    let of = |old, new| {
        let kinds = controls.iter().map(|it| (it.1, it.2));
        kinds.filter(|kind| *kind == (Some(old), Some(new))).count()
    };
    let (worse, better) = (of("satisfied", "not-satisfied"), of("not-satisfied", "satisfied"));
    assert!(worse > 0 && better > 0, "{controls:?}");
    assert_eq!(worse + better, controls.len(), "{controls:?}");
    let attachments = changes(&compared, "attachment");
    let of = |name: &str| attachments.iter().find(|it| it.0.starts_with(name));
    assert!(of("continuous-configuration: Config rules").is_some_and(|it| it.1 != it.2));
    assert!(of("review: ").is_some_and(|it| it.2.is_none()), "{attachments:?}");
    assert!(of("trail-configuration: ").is_some_and(|it| it.1.is_none()), "{attachments:?}");
    let pointer = ("aws-side: SOC 2 report of AWS", Some("AWS Artifact"), Some("elsewhere"));
    assert_eq!(changes(&compared, "pointer"), [pointer]);
    let slot = ("review", Some("provided"), Some("not-provided"));
    assert_eq!(changes(&compared, "slot"), [slot]);
    assert!(!changes(&compared, "count").is_empty());
    let shown = room.0.run(&["package", "compare", "old", "new"]).stdout;
    for words in [
        "the new package names the old one",
        "s before the old one ends",
        "verdict: contradicted -> proven",
        "AWS Artifact -> elsewhere",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    // A package that does not hold is not compared.
    fs::write(room.path("new/data/index.md"), "x").unwrap();
    let refused = room.0.run(&["package", "compare", "old", "new"]);
    assert_eq!((refused.status, refused.stdout.as_str()), (1, ""));
    refused.is(1, "file-changed `data/index.md`");
    let refused = room.create("newer", &["--previous", "none"]);
    refused.is(5, "cannot use the previous package");
}
