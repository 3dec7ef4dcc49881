//! Names of accounts: recorded, shown behind the id in what people read, escaped, and nowhere else.
use crate::support::copy::replay;
use crate::support::program::{Ran, connected, empty_folder, serve};
use serde_json::{Value, json};
use std::fs;
use trailproof_testkit::server::LoopbackServer;
use trailproof_testkit::trail::{BuiltTrail, LogPlan, LogSizes, TrailSpec};
use trailproof_testkit::world::Member;

const OWNER: &str = "111122223333";
const OTHER: &str = "444455556666";
const GONE: &str = "777788889999";
/// A name that tries to leave every format in which it is shown, and to pass for a different account.
const HOSTILE: &str =
    "</td><script>alert(1)</script>\u{1b}[2J\u{202e}\n::error::\"=1,|`111122223333 x";
const PERIOD: [&str; 4] =
    ["--start-time", "2026-03-01T00:04:11Z", "--end-time", "2026-03-01T03:04:11Z"];

fn trail() -> BuiltTrail {
    let mut trail = TrailSpec::new()
        .seed(12)
        .organization("o-ab12cd34ef")
        .accounts(&[OWNER, OTHER])
        .time("2026-03-01T00:04:11Z", 4)
        .logs(LogPlan::Constant(1), LogSizes::Small)
        .build();
    let member = |id: &str, name: &str| Member {
        id: id.to_owned(),
        name: name.to_owned(),
        state: "ACTIVE".to_owned(),
        joined: 1_500_000_000,
    };
    trail.world.organization_id = Some("o-ab12cd34ef".to_owned());
    trail.world.accounts =
        vec![member(OWNER, "Payments"), member(OTHER, HOSTILE), member(GONE, " ")];
    trail
}

fn verify(server: &LoopbackServer, more: &[&str]) -> Ran {
    let all = [&["verify", "s3://example-trail-logs"][..], &PERIOD, more].concat();
    Ran::from(&mut connected(server, &all))
}

#[test]
fn names_of_the_organization_are_shown_behind_ids_and_replayed() {
    let server = serve(&trail());
    let room = empty_folder("account-names");
    let at = |name: &str| room.join(name).to_str().unwrap().to_owned();
    let outputs = |of: &str| {
        let html = format!("html={}", at(&format!("{of}.html")));
        let (junit, ocsf) = (at(&format!("{of}.xml")), at(&format!("{of}.ocsf")));
        ["--report", &html, "--junit", &junit, "--ocsf", &ocsf].map(str::to_owned)
    };
    let expect = ["--expect-accounts", "organization", "--reproducible"];
    let (record, first) = (at("run.jsonl"), outputs("first"));
    let first: Vec<&str> = first.iter().map(String::as_str).collect();
    let ran = verify(&server, &[&expect[..], &["--record", &record], &first].concat());
    assert_eq!(ran.status, 3, "{}", ran.stderr);
    let read = |name: &str| fs::read_to_string(room.join(name)).unwrap();

    let text = &ran.stdout;
    assert!(text.contains(r#"111122223333 "Payments" us-east-1"#), "{text}");
    assert!(
        text.contains("444455556666 \"</td><script>alert(1)</script>\\u{1b}[2J\\u{202e}"),
        "{text}"
    );
    // An account without a name stays one.
    assert!(text.contains("account 777788889999\n"), "{text}");
    let page = read("first.html");
    assert!(page.contains("111122223333 &#34;Payments&#34;"), "{page}");
    for shown in [text, &page] {
        assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}'), "{shown}");
        assert!(!shown.lines().any(|line| line.trim_start().starts_with("::error::")), "{shown}");
    }
    assert!(!page.contains("<script>alert"), "{page}");
    // What machines read has ids alone.
    for name in ["first.xml", "first.ocsf"] {
        let machine = read(name);
        assert!(!machine.contains("Payments"), "{machine}");
        assert!(!machine.contains("alert(1)"), "{machine}");
    }

    let started: Value = serde_json::from_str(read("run.jsonl").lines().next().unwrap()).unwrap();
    let kept: String = HOSTILE.chars().take(64).collect();
    let names = json!({ OWNER: "Payments", OTHER: kept });
    assert_eq!(started["account_names"], names);
    let summary = verify(&server, &[&expect[..], &["--format", "json"]].concat()).json();
    assert_eq!(summary["account_names"], names);

    let second = outputs("second");
    let second: Vec<&str> = second.iter().map(String::as_str).collect();
    let again = replay(&[&[record.as_str()][..], &second].concat());
    assert_eq!(again.stdout, ran.stdout);
    for kind in ["html", "xml", "ocsf"] {
        assert_eq!(read(&format!("first.{kind}")), read(&format!("second.{kind}")), "{kind}");
    }
}

#[test]
fn a_file_of_accounts_gives_names_in_comments() {
    let server = serve(&trail());
    let room = empty_folder("account-names-file");
    let list = room.join("accounts");
    fs::write(&list, format!("# ours\n{OWNER} # Payments # EU\n{OTHER}, {GONE} # two\n")).unwrap();
    let more = ["--expect-accounts", list.to_str().unwrap(), "--format", "jsonl"];
    let ran = verify(&server, &more);
    assert_eq!(ran.of_kind("run-started")[0]["account_names"], json!({ OWNER: "Payments # EU" }));
    // Without names, a record is what it was before there were any.
    let ran = verify(&server, &["--expect-accounts", OWNER, "--format", "jsonl"]);
    assert!(!ran.stdout.contains("account_names"), "{}", ran.stdout);
}
