//! `trailproof keys` over files: AWS's real keys where they are available, malformed ones, and keys
//! from the loopback server.
mod real;
use crate::support::program::{NOWHERE, Ran, connect, connected, empty_folder, program, serve};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use trailproof::trust::bundle::{Bundle, check};
use trailproof_core::bytes::content::read_whole;
use trailproof_testkit::server::{
    Fault, FaultPlan, LoopbackServer, Matcher, Operation, Schedule, ServerOptions,
};
use trailproof_testkit::trail::TrailSpec;

fn at(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn check_file(path: &Path) -> (i32, String, String) {
    parts(program(&["keys", "check"]).arg(path))
}

fn parts(command: &mut Command) -> (i32, String, String) {
    let ran = Ran::from(command);
    (ran.status, ran.stdout, ran.stderr)
}

#[test]
fn each_fault_of_a_key_is_named() {
    let mut keys = TrailSpec::new().build().public_keys();
    let right = keys["us-east-1"]["PublicKeyList"][0].clone();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut key = right.clone();
        change(&mut key);
        key
    };
    keys["us-east-1"]["PublicKeyList"] = json!([
        changed(&|key| key["Fingerprint"] = json!("\u{1b}[31mx")),
        changed(&|key| key["Value"] = json!("AQID")),
        changed(&|key| key["Value"] = json!("*")),
        changed(&|key| key["ValidityEndTime"] = json!("2099-01-01T00:00:00Z")),
        changed(&|key| key["ValidityEndTime"] = json!("noon")),
    ]);
    let path = at("wrong-keys.json");
    fs::write(&path, keys.to_string()).unwrap();
    let (status, out, _) = check_file(&path);
    assert_eq!(status, 1, "{out}");
    for words in [
        "fingerprint-mismatch: key `\\u{1b}[31mx`",
        "is not an RSA key of 2048 to 8192 bits",
        "has a `Value` that is not base64",
        "not for 30 days",
        "has a `ValidityEndTime` that is not a time",
        "not covered: ",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
    assert!(!out.contains('\u{1b}'));
    fs::write(&path, "[]").unwrap();
    let (status, out, err) = check_file(&path);
    assert_eq!((status, out.as_str()), (5, ""));
    assert!(err.contains("it has no keys"), "{err}");
}

/// Fetched keys cover what they were fetched for, and replace a file only when they are complete.
#[test]
fn fetched_keys_are_complete_and_state_their_coverage() {
    let trail = TrailSpec::new().build();
    let server = serve(&trail);
    let path = at("fetched-keys.json");
    fs::write(&path, "old").unwrap();
    let fetch_with = |more: &[&str], region: &str, endpoint: &str, path: &Path| {
        parts(
            connect(&mut program(&["keys", "fetch"]), endpoint)
                .args(more)
                .args(["--region", region, "--start-time", "2026-03-01"])
                .args(["--end-time", "2026-03-04", "-o"])
                .arg(path)
                .env("AWS_MAX_ATTEMPTS", "1"),
        )
    };
    let fetch = |region: &str, endpoint: &str, path: &Path| {
        fetch_with(&["--force"], region, endpoint, path)
    };
    let (status, _, err) = fetch_with(&[], "us-east-1", &server.endpoint(), &path);
    assert_eq!(status, 2, "{err}");
    assert!(err.contains("already exists"), "{err}");
    let (status, _, err) = fetch("us_east_1", &server.endpoint(), &path);
    assert_eq!(status, 2, "{err}");
    let (status, _, err) = fetch("us-east-1", NOWHERE, &path);
    assert_eq!(status, 5, "{err}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    let (status, _, err) = fetch("us-east-1", &server.endpoint(), &path);
    assert_eq!(status, 0, "{err}");
    let (status, out, _) = check_file(&path);
    assert_eq!(status, 0, "{out}");
    let bundle = Bundle::read(&path).unwrap();
    let region = bundle.regions.values().next().unwrap();
    let covered: Vec<String> =
        region.covered.iter().map(|(from, to)| format!("{from} {to}")).collect();
    assert_eq!(covered, ["2026-02-28T00:00:00Z 2026-03-05T00:00:00Z"]);
    assert!(!region.keys.is_empty());
    let (status, _, err) = fetch("us-east-1", &server.endpoint(), &at("no/such/folder/keys"));
    assert_eq!(status, 6, "{err}");
}

/// Every region of the partition is asked. A region that does not answer is reported, and the keys
/// of the others are written. A region that the user named must answer.
#[test]
fn all_regions_are_asked_and_a_silent_one_is_reported() {
    let trail = TrailSpec::new().regions(&["us-east-1", "eu-west-1"]).build();
    let denied = |region: &str| {
        let matcher = Matcher::operation(Operation::ListPublicKeys).bucket(region);
        FaultPlan::new().with(matcher, Schedule::always(Fault::AccessDenied))
    };
    let run = |faults: FaultPlan, more: &[&str], configured: &str| {
        let options = ServerOptions { faults, ..ServerOptions::default() };
        let server = LoopbackServer::start(trail.world.clone(), options).unwrap();
        let path = at("all-regions.json");
        let _ = fs::remove_file(&path);
        let arguments = ["keys", "fetch", "--all-regions", "--start-time", "2026-03-01"];
        let mut command = connected(&server, &arguments);
        command.args(["--end-time", "2026-03-04", "-o"]).arg(&path).args(more);
        let (status, out, err) = parts(command.env("AWS_REGION", configured));
        assert_eq!(out, "");
        (status, err, Bundle::read(&path).ok())
    };
    let regions = |bundle: Option<Bundle>| {
        let regions = bundle.unwrap().regions;
        regions.into_keys().map(|region| region.to_string()).collect::<Vec<_>>()
    };
    let (status, err, bundle) = run(FaultPlan::default(), &[], "");
    assert_eq!(status, 0, "{err}");
    assert!(err.contains("asking the 34 regions of partition `aws` in the endpoint"), "{err}");
    let of_region = |line: &&str| !line.starts_with("wrote") && line.contains(" key");
    assert_eq!(err.lines().filter(of_region).count(), 34, "{err}");
    assert_eq!(regions(bundle).len(), 34);
    // Opt-in regions reject accounts that have not opted in.
    let (status, err, bundle) = run(denied("ap-east-1"), &["--region", "xx-new-1"], "eu-west-1");
    assert_eq!(status, 3, "{err}");
    assert!(err.contains("warning: ap-east-1: no keys: An error occurred (AccessDenied"), "{err}");
    assert!(err.contains("lacks the keys of 1 of 35 regions: ap-east-1\n\nhint: "), "{err}");
    let regions_had = regions(bundle);
    assert!(!regions_had.contains(&"ap-east-1".to_owned()), "{regions_had:?}");
    assert_eq!(regions_had.len(), 34);
    let (status, err, bundle) = run(denied("us-east-1"), &["--region", "us-east-1"], "");
    assert_eq!((status, bundle), (5, None), "{err}");
    assert!(err.contains("error: us-east-1: An error occurred (AccessDenied"), "{err}");
    // A different partition, in which no region answers.
    let every = Matcher::operation(Operation::ListPublicKeys);
    let all = FaultPlan::new().with(every, Schedule::always(Fault::AccessDenied));
    let (status, err, bundle) = run(all, &[], "cn-north-1");
    assert_eq!((status, bundle), (5, None), "{err}");
    assert!(err.contains("the 2 regions of partition `aws-cn`"), "{err}");
    assert!(err.contains("error: no region returned its keys"), "{err}");
}

/// Each kind of unusable or unsuitable file is distinguished by its message and exit status, both
/// of `keys check` and of `verify`.
#[test]
fn an_unusable_bundle_is_reported_with_the_reason() {
    let folder = empty_folder("no-help");
    let trail = TrailSpec::new().build();
    trail.write_to(&folder.join("copy")).unwrap();
    let keys = trail.public_keys();
    let right = keys["us-east-1"]["PublicKeyList"].clone();
    let own = |region: &str, from: &str, to: &str, keys: &Value| {
        json!({ "format": "trailproof-public-keys", "schema": 1, "regions": { region: {
            "requested": [{ "from": from, "to": to }], "PublicKeyList": keys } } })
        .to_string()
    };
    let mut misnamed = right.clone();
    for key in misnamed.as_array_mut().unwrap() {
        key["Fingerprint"] = json!("0123456789abcdef0123456789abcdef");
    }
    let mut broken = right.clone();
    for key in broken.as_array_mut().unwrap() {
        key["Value"] = json!("AQID");
    }
    let whole = own("us-east-1", "2026-02-01T00:00:00Z", "2026-06-01T00:00:00Z", &right);
    let cut = whole[..whole.len() / 2].to_owned();
    let other = own("eu-west-1", "2026-02-01T00:00:00Z", "2026-06-01T00:00:00Z", &json!([]));
    let early = own("us-east-1", "2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z", &json!([]));
    let misnamed = own("us-east-1", "2026-02-01T00:00:00Z", "2026-06-01T00:00:00Z", &misnamed);
    let broken = own("us-east-1", "2026-02-01T00:00:00Z", "2026-06-01T00:00:00Z", &broken);
    let schema = whole.replace("\"schema\":1", "\"schema\":7");
    let unavailable = "not known to have every key of us-east-1 for that time";
    // Name, content, status of `check` and its output, status of `verify` and its output.
    let cases: [(&str, &str, i32, &str, i32, &str); 8] = [
        ("whole", &whole, 0, "us-east-1: 1 key", 0, "PROVEN"),
        ("cut", &cut, 5, "it is not JSON: EOF while parsing", 5, "cannot use the public keys in"),
        ("schema", &schema, 5, "not `trailproof-public-keys` with schema 1", 5, "with schema 1"),
        ("binary", "\u{1f}\u{8b}\u{8}", 5, "it is not JSON", 5, "it is not JSON"),
        ("other region", &other, 0, "eu-west-1: 0 keys", 3, unavailable),
        ("other time", &early, 0, "us-east-1: 0 keys", 3, unavailable),
        ("misnamed", &misnamed, 1, "wrong: fingerprint-mismatch: key", 1, "digest-key-unknown"),
        (
            "broken",
            &broken,
            1,
            "is not an RSA key of 2048 to 8192 bits",
            3,
            "is another key, or none",
        ),
    ];
    let whole = trail.whole();
    let iso = |at: i64| trailproof_core::vocab::time::Timestamp::from_unix(at).to_string();
    for (name, content, check_status, checked, verify_status, verified) in cases {
        let path = folder.join(format!("{name}.json"));
        fs::write(&path, content).unwrap();
        let (status, out, err) = check_file(&path);
        assert_eq!(status, check_status, "{name}: {out}{err}");
        assert!(out.contains(checked) || err.contains(checked), "{name}: {out}{err}");
        let period = ["--start-time", &iso(whole.from), "--end-time", &iso(whole.to)];
        let mut command = program(&["verify"]);
        command.arg(folder.join("copy")).arg("--public-keys").arg(&path).args(period);
        let (status, out, err) = parts(&mut command);
        assert_eq!(status, verify_status, "{name}: {out}{err}");
        assert!(out.contains(verified) || err.contains(verified), "{name}: {out}{err}");
        // The faults of a file are reported before it is used, whatever the result.
        assert_eq!(err.is_empty(), ![1, 5].contains(&check_status), "{name}: {err}");
    }
    let (status, _, err) = check_file(&folder);
    assert_eq!(status, 5, "{err}");
    assert!(err.contains("Is a directory"), "{err}");
}

/// Without a period, the whole history is fetched. What AWS no longer lists is not called covered.
#[test]
fn the_whole_history_is_fetched_and_covers_only_what_is_certain() {
    let trail = TrailSpec::new().build();
    let server = serve(&trail);
    let path = at("whole-history.json");
    let run = |more: &[&str]| {
        let fetch = ["keys", "fetch", "--force", "--region", "us-east-1", "-o"];
        parts(connected(&server, &fetch).arg(&path).args(more))
    };
    let (status, _, err) = run(&[]);
    assert_eq!(status, 0, "{err}");
    assert!(err.contains("wrote `") && err.contains("1 region"), "{err}");
    let bundle = Bundle::read(&path).unwrap();
    let region = bundle.regions.values().next().unwrap();
    let served = trail.public_keys()["us-east-1"]["PublicKeyList"].as_array().unwrap().len();
    assert_eq!(region.keys.len(), served, "all keys that there are");
    // The first of them was not valid in 2015: whether there were others before is not known.
    let first_end = region.keys.iter().filter_map(|key| key.valid_to).min().unwrap();
    assert_eq!(region.covered[0].0, first_end);
    assert!(err.contains(&format!("for digests from {first_end}")), "{err}");
}

/// A file is asked for the keys of a period, and of a mirror's period and regions.
#[test]
fn a_file_is_asked_for_a_period_or_a_mirror() {
    let trail = TrailSpec::new().regions(&["us-east-1", "eu-west-1"]).build();
    let server = serve(&trail);
    let (path, both) = (at("asked-one.json"), at("asked-both.json"));
    let regions = ["us-east-1", "eu-west-1"];
    for (path, regions) in [(&path, &regions[..1]), (&both, &regions[..])] {
        let mut fetch = connected(&server, &["keys", "fetch", "--force"]);
        fetch.args(["--start-time", "2026-03-01", "--end-time", "2026-03-04", "-o"]).arg(path);
        regions.iter().for_each(|region| {
            fetch.args(["--region", region]);
        });
        let (status, _, err) = parts(&mut fetch);
        assert_eq!(status, 0, "{err}");
    }
    let ask =
        |files: &[&Path], more: &[&str]| parts(program(&["keys", "check"]).args(files).args(more));
    let within = ["--start-time", "2026-03-01", "--end-time", "2026-03-03"];
    let (status, out, err) = ask(&[&path], &within);
    assert_eq!(status, 0, "{out}{err}");
    assert!(out.contains("all keys of the period"), "{out}");
    let beyond = ["--start-time", "2026-03-01", "--end-time", "2026-03-09"];
    let (status, out, _) = ask(&[&path], &beyond);
    assert_eq!(status, 3, "{out}");
    assert!(out.contains("us-east-1: not covered: 2026-03-0"), "{out}");
    let (status, out, _) = ask(&[&path], &[&within[..], &["--region", "eu-west-1"]].concat());
    assert_eq!(status, 3, "{out}");
    assert!(out.contains("eu-west-1: not covered: 2026-03-01T00:00:00Z"), "{out}");
    // A mirror names its period and its regions.
    let mirror = at("asked-mirror");
    let _ = fs::remove_dir_all(&mirror);
    let bucket = &trail.chains[0].digests[0].bucket;
    let mut make = connected(&server, &["mirror", &format!("s3://{bucket}")]);
    make.arg(&mirror).env("AWS_REGION", "us-east-1");
    make.args(["--start-time", "2026-03-01", "--end-time", "2026-03-02", "--quiet"]);
    parts(&mut make);
    let of_mirror = ["--mirror", mirror.to_str().unwrap()];
    let (status, out, err) = ask(&[&both], &of_mirror);
    assert_eq!(status, 0, "{out}{err}");
    assert!(out.contains("all keys of the mirror") && out.contains("2 regions"), "{out}");
    let (status, out, _) = ask(&[&path], &of_mirror);
    assert_eq!(status, 3, "{out}");
    assert!(out.contains("eu-west-1: not covered"), "{out}");
    let own = mirror.join("public-keys.json");
    assert_eq!(ask(&[&own], &of_mirror).0, 0, "a mirror has its own keys");
    let (status, _, err) = ask(&[&path], &["--mirror", "/no/such/mirror"]);
    assert_eq!(status, 2, "{err}");
}

/// A file that covers a time in which none of its keys is valid proves nothing of that time, so it
/// does not have the keys that were asked for.
#[test]
fn a_time_in_which_no_key_is_valid_is_not_covered() {
    let path = at("no-key.json");
    let ask = |keys: Value, period: [&str; 2]| {
        let requested = [json!({ "from": "2026-01-01T00:00:00Z", "to": "2026-12-01T00:00:00Z" })];
        let document = json!({ "format": "trailproof-public-keys", "schema": 1, "regions": {
            "us-east-1": { "requested": requested, "PublicKeyList": keys } } });
        fs::write(&path, document.to_string()).unwrap();
        let [from, to] = period;
        let more = ["--start-time", from, "--end-time", to];
        parts(program(&["keys", "check"]).arg(&path).args(more))
    };
    let (status, out, _) = ask(json!([]), ["2026-03-01", "2026-03-02"]);
    assert_eq!(status, 3, "{out}");
    assert!(out.contains("us-east-1: no key is valid: 2026-03-01T00:00:00Z to"), "{out}");
    let keys = TrailSpec::new().build().public_keys()["us-east-1"]["PublicKeyList"].clone();
    assert_eq!(ask(keys.clone(), ["2026-03-01", "2026-03-02"]).0, 0);
    let (status, out, _) = ask(keys, ["2026-02-01", "2026-03-02"]);
    assert_eq!(status, 3, "{out}");
    assert!(out.contains("us-east-1: no key is valid: 2026-02-01T00:00:00Z to"), "{out}");
}
