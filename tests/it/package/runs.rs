//! `[run]` in `package.toml`: one command verifies, checks the configuration, signs and packs.
use super::{Room, files};
use crate::support::attest_room::repository;
use crate::support::program::Ran;
use serde_json::Value;
use std::fs;

/// Returns a description whose paths are relative to the folder of the file.
fn description(verify: &str) -> String {
    format!(
        "id = \"q1\"\n\
         key = \"../key.pem\"\n\
         [run]\n\
         verify = [{verify}]\n\
         trail-config = [[\"--terraform\", \"state of it.json\"], [\"--terraform\", \"plan.json\"]]\n\
         operator = \"Example Audit Ltd\"\n\
         [[attachment]]\n\
         slot = 5\n\
         file = \"rules.json\"\n\
         title = \"Config rules\"\n\
         given-by = \"Ben Builder\"\n\
         source = \"aws configservice\"\n"
    )
}

const VERIFY: &str = "\"demo\", \"--public-keys\", \"demo/public-keys.json\", \"--complete-copy\", \
                      \"--start-time\", \"2026-03-01T00:04:11Z\", \"--end-time\", \"2026-03-04\", \
                      \"--quiet\"";

/// Creates `quarter/package.toml`, with everything that it names beside it.
fn room(name: &str, verify: &str) -> Room {
    let room = Room::new(&format!("runs-{name}"));
    let quarter = room.path("quarter");
    fs::create_dir(&quarter).unwrap();
    std::os::unix::fs::symlink(repository("testdata/demo"), quarter.join("demo")).unwrap();
    for (from, to) in [("state", "state of it"), ("plan", "plan")] {
        let from = repository(&format!("testdata/trail-config/{from}.json"));
        fs::copy(from, quarter.join(format!("{to}.json"))).unwrap();
    }
    fs::write(quarter.join("rules.json"), "{}\n").unwrap();
    fs::write(quarter.join("package.toml"), description(verify)).unwrap();
    room
}

fn create(room: &Room, to: &str, more: &[&str]) -> Ran {
    let arguments = ["package", "create", "--config", "quarter/package.toml", "--to", to];
    room.0.run(&[&arguments[..], more].concat())
}

#[test]
fn no_file_is_announced_that_is_gone_afterwards() {
    let room = room("announced", &VERIFY.replace(", \"--quiet\"", ""));
    let ran = create(&room, "out", &[]).is(0, "running `trailproof verify demo");
    assert!(!ran.stderr.contains("note: wrote"), "{}", ran.stderr);
}

#[test]
fn one_command_makes_the_package() {
    let room = room("whole", VERIFY);
    let ran = create(&room, "out", &[]).is(0, "verdict: contradicted");
    assert!(ran.stdout.contains("CONTRADICTED"), "the result of `verify` is not shown: {ran:#?}");
    room.check("out", &["--key", "public.pem", "--attestation-key", "public.pem"])
        .is(0, "CONTRADICTED");
    let document: Value =
        serde_json::from_slice(&fs::read(room.path("out/data/package.json")).unwrap()).unwrap();
    let inputs = document["declared"]["inputs"].as_array().unwrap();
    let source = |path: &str| {
        let input = inputs.iter().find(|input| input["path"] == path);
        input.unwrap_or_else(|| panic!("no {path}: {inputs:#?}"))["source"].clone()
    };
    assert_eq!(
        source("data/2-integrity/record.jsonl.zst"),
        "trailproof verify demo --public-keys demo/public-keys.json --complete-copy --start-time \
         2026-03-01T00:04:11Z --end-time 2026-03-04 --quiet"
    );
    assert_eq!(
        source("data/1-trail-configuration/01-trail-config.json"),
        "trailproof trail-config --terraform 'state of it.json'"
    );
    assert!(room.path("out/data/1-trail-configuration/02-trail-config-2.json").is_file());
    let key = room.0.key("key.pem").public().unwrap().id();
    assert_eq!(document["declared"]["attestation_checked_with"], key.as_str());
    let attested = fs::read(room.path("out/data/2-integrity/attestation.intoto.jsonl")).unwrap();
    room.0.write("attested", attested);
    assert!(room.0.statement("attested").to_string().contains("Example Audit Ltd"));
    // What the commands made is not left behind.
    let left = fs::read_dir(room.path(".")).unwrap();
    let left: Vec<String> =
        left.map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned()).collect();
    assert!(!left.iter().any(|name| name.starts_with(".trailproof")), "{left:?}");
}

#[test]
fn run_again_it_makes_the_same_bytes() {
    let room = room("again", VERIFY);
    let config = room.path("quarter/package.toml");
    let unsigned = fs::read_to_string(&config).unwrap().replace("key = \"../key.pem\"\n", "");
    fs::write(&config, unsigned).unwrap();
    for to in ["one", "two"] {
        create(&room, to, &["--reproducible"]).is(0, "not signed");
    }
    assert_eq!(files(&room.path("one")), files(&room.path("two")));
    // Signatures differ by nature, and what they are about does not.
    fs::write(&config, description(VERIFY)).unwrap();
    for to in ["three", "four"] {
        create(&room, to, &["--reproducible"]).is(0, "signed by");
    }
    let (three, four) = (files(&room.path("three")), files(&room.path("four")));
    for record in ["data/2-integrity/record.jsonl.zst", "data/2-integrity/report.html"] {
        assert_eq!(three[record], four[record]);
        assert_eq!(three[record], files(&room.path("one"))[record]);
    }
}

#[test]
fn an_option_takes_the_place_of_a_command() {
    // The location does not exist, so that `verify` could not run.
    let room = room("option", "\"nowhere\"");
    create(&room, "out", &["--record", "record.jsonl", "--trail-config", "state.json"])
        .is(0, "verdict: contradicted");
    let made = files(&room.path("out"));
    assert!(made.contains_key("data/2-integrity/record.jsonl"), "{:?}", made.keys());
    assert!(!made.contains_key("data/1-trail-configuration/02-trail-config-2.json"));
}

#[test]
fn what_cannot_work_is_refused_before_a_command_runs() {
    let room = room("refused", VERIFY);
    let config = room.path("quarter/package.toml");
    let refused = |text: &str, words: &str| {
        fs::write(&config, text).unwrap();
        let ran = create(&room, "out", &[]);
        assert!(matches!(ran.status, 2 | 5), "{words}: {ran:#?}");
        assert!(ran.stderr.contains(words), "{words}: {ran:#?}");
        assert!(!ran.stderr.contains("running"), "{words}: {ran:#?}");
        assert!(ran.stdout.is_empty() && !room.path("out").exists(), "{words}: {ran:#?}");
    };
    let whole = description(VERIFY);
    for (from, to, words) in [
        ("\"--quiet\"", "\"--quite\"", "run.verify`: unexpected argument '--quite'"),
        ("\"--quiet\"", "\"--record\", \"r\"", "`--record` is given"),
        ("\"--quiet\"", "\"--report\", \"html=r\"", "it names an output"),
        ("\"--quiet\"", "\"--export\", \"exceptions=r\"", "it names an output"),
        ("\"--quiet\"", "\"--metrics\", \"r.prom\"", "it names an output"),
        ("\"--quiet\"", "\"--dry-run\"", "verifies nothing"),
        ("\"--quiet\"", "\"--help\"", "asks for help"),
        ("\"plan.json\"", "\"plan.json\", \"--junit\", \"j\"", "entry 2 of `run.trail-config`"),
        ("\"plan.json\"", "\"plan.json\", \"--format\", \"json\"", "names an output"),
        ("\"rules.json\"", "\"none.json\"", "none.json"),
        ("id = \"q1\"\n", "", "has no name"),
        ("\"../key.pem\"", "\"../none.pem\"", "none.pem"),
        ("[run]\n", "record = \"r\"\n[run]\n", "`run.verify` makes it"),
    ] {
        assert!(whole.contains(from), "{from}");
        refused(&whole.replace(from, to), words);
    }
    fs::create_dir(room.path("out")).unwrap();
    fs::write(&config, &whole).unwrap();
    create(&room, "out", &[]).is(2, "already exists");
}

#[test]
fn without_a_verdict_there_is_no_package() {
    let room = room("nothing", &VERIFY.replacen("demo", "empty", 1));
    fs::create_dir(room.path("quarter/empty")).unwrap();
    let ran = create(&room, "out", &[]);
    assert_eq!(ran.status, 4, "{ran:#?}");
    assert!(!room.path("out").exists());
}

/// The list is the population for the tickets; it shows of no review that there was one.
#[test]
fn the_events_that_a_review_should_have_seen_are_listed() {
    let room = room("review", VERIFY);
    let config = room.path("quarter/package.toml");
    let searched = "review-events = [\"--public-keys\", \"demo/public-keys.json\"]\noperator =";
    let whole = description(VERIFY).replace("operator =", searched);
    fs::write(&config, &whole).unwrap();
    create(&room, "out", &[]).is(0, "verdict: contradicted");
    room.check("out", &["--key", "public.pem"]).is(0, "made again");
    let json = |path: &str| -> Value {
        serde_json::from_slice(&fs::read(room.path(path)).unwrap()).unwrap()
    };
    let (document, listed) =
        (json("out/data/package.json"), json("out/data/4-review/01-review-events.json"));
    let events = listed["events"].as_array().unwrap();
    assert!(!events.is_empty() && document["review_events"]["events"] == events.len());
    assert!(events.iter().any(|it| it["event"]["eventName"] == "PutBucketPolicy"), "{events:#?}");
    assert_eq!(document["review_events"]["complete"], listed["searched"]["complete"]);
    let slots = document["slots"].as_array().unwrap();
    let review = slots.iter().find(|slot| slot["slot"] == "review").unwrap();
    assert_eq!(review["status"], "not-provided");
    let input = &document["declared"]["inputs"].as_array().unwrap();
    let input = input.iter().find(|it| it["role"] == "review-events").unwrap();
    assert_eq!(
        input["source"],
        "trailproof events record.jsonl.zst --review --format json --public-keys demo/public-keys.json"
    );
    let page = fs::read_to_string(room.path("out/data/index.md")).unwrap();
    assert!(page.contains("that a review should have seen"), "{page}");

    // Those of a different record are none of this period.
    fs::copy(room.path("out/data/4-review/01-review-events.json"), room.path("quarter/e.json"))
        .unwrap();
    let (_, rest) = whole.split_once("[run]").unwrap();
    let (_, attached) = rest.split_once("[[attachment]]").unwrap();
    let given = "record = \"../record.jsonl\"\nreview-events = \"e.json\"\n[[attachment]]";
    fs::write(&config, format!("id = \"q1\"\n{given}{attached}")).unwrap();
    let ran = create(&room, "other", &[]);
    assert_eq!(ran.status, 5, "{ran:#?}");
    assert!(ran.stderr.contains("events of a different run record"), "{ran:#?}");
}

/// The files and accounts that a result is about must be those of the record beside it.
#[test]
fn a_result_about_a_different_record_is_refused() {
    let room = Room::new("other-record");
    let mut result: Value = serde_json::from_slice(&room.0.read("state.json")).unwrap();
    result["records"] = serde_json::json!([{
        "name": "run.jsonl", "sha256": "0".repeat(64), "bucket": "logs",
        "from": "2026-01-01T00:00:00Z", "to": "2026-04-01T00:00:00Z",
    }]);
    room.0.write("state.json", result.to_string());
    let ran = room.create("out", &[]);
    assert_eq!(ran.status, 5, "{ran:#?}");
    assert!(ran.stderr.contains("a different run record"), "{ran:#?}");
}
