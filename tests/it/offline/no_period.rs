//! Without a period, the period of a plain directory is that of all evidence in it.
use super::*;
use trailproof_core::vocab::key_layout::DigestKey;
use trailproof_core::vocab::time::{HOUR, Timestamp};

/// Runs a command over the directory, with the keys of the trail and no period.
fn run(trail: &BuiltTrail, command: &str, at: &Path, more: &[&str]) -> Output {
    let keys = write_keys(trail, at.file_name().unwrap().to_str().unwrap());
    let mut program = offline();
    program.arg(command).arg(at).args(more).arg("--public-keys").arg(keys);
    program.output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Returns the ends and files of the standard digests of a region, from the oldest.
fn digests(trail: &BuiltTrail, at: &Path, region: &str) -> Vec<(i64, PathBuf)> {
    let of_region = trail.digests().filter(|(id, _)| id.region == region);
    let mut digests: Vec<_> =
        of_region.map(|(_, it)| (it.end, at.join(&it.bucket).join(&it.key))).collect();
    digests.sort();
    digests
}

/// Removes the log files that the digest of a region that ends at `end` names.
fn remove_logs(trail: &BuiltTrail, at: &Path, region: &str, end: i64) {
    let of = trail.digests().filter(|(id, digest)| id.region == region && digest.end == end);
    for log in of.flat_map(|(_, digest)| &digest.logs) {
        fs::remove_file(at.join(&log.bucket).join(&log.key)).unwrap();
    }
}

/// Returns the period of a run, from its first event.
fn period_of(output: &Output) -> [String; 2] {
    let started = events(output).remove(0);
    ["from", "to"].map(|field| started[field].as_str().unwrap().to_owned())
}

/// Writes a digest of the same chain that ends at `end`, with bytes that are not a digest's.
fn plant(trail: &BuiltTrail, at: &Path, end: &str) -> PathBuf {
    let real = trail.digests().next().unwrap().1;
    let chain = DigestKey::parse(&real.key).unwrap().chain;
    let end = Timestamp::parse(end).unwrap();
    let key = chain.digest_key(end, trailproof_core::vocab::key_layout::DigestKind::Standard);
    let file = at.join(&real.bucket).join(key);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "planted").unwrap();
    file
}

#[test]
fn the_result_has_the_same_bytes_as_with_that_period() {
    let demo = "testdata/demo";
    let keys = ["--public-keys", "testdata/demo/public-keys.json"];
    let typed = ["--start-time", START, "--end-time", "2026-03-04T00:04:11Z"];
    let plan = |name: &str| scratch(name).to_str().unwrap().to_owned();
    let (first, second) = (plan("no-period-a.jsonl"), plan("no-period-b.jsonl"));
    let ran = |command: &[&str], period: &[&str]| {
        let mut program = offline();
        program.args(command).args(period).output().unwrap()
    };
    for command in [
        vec!["verify", demo, keys[0], keys[1], "--format", "json"],
        vec!["verify", demo, keys[0], keys[1], "--complete-copy", "--format", "text"],
        vec!["events", demo, keys[0], keys[1], "--name", "StopLogging", "--format", "json"],
    ] {
        let (without, with) = (ran(&command, &[]), ran(&command, &typed));
        assert!(!with.stdout.is_empty(), "{command:?}");
        assert_eq!(without.stdout, with.stdout, "{command:?}: {}", stderr(&without));
        assert_eq!(without.status.code(), with.status.code(), "{command:?}");
        let note = format!(
            "note: the period is that of all evidence in `{demo}`, {START} to 2026-03-04T00:04:11Z"
        );
        assert!(stderr(&without).contains(&note), "{}", stderr(&without));
        assert!(!stderr(&with).contains("the period is"), "{}", stderr(&with));
    }
    assert!(ran(&["plan", demo, "--output", &first], &[]).status.success());
    assert!(ran(&["plan", demo, "--output", &second], &typed).status.success());
    let period = |file: &str| {
        let plan = fs::read_to_string(file).unwrap();
        let lines: Vec<Value> =
            plan.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let run = lines.iter().find(|line| line["event"] == "run-started").unwrap();
        [run["from"].clone(), run["to"].clone()]
    };
    assert_eq!(period(&first), period(&second));
    assert_ne!(period(&first), [Value::Null, Value::Null]);
}

/// A chain start covers nothing; every other digest covers the hour before its end.
#[test]
fn a_complete_copy_has_no_gap_at_its_beginning_or_end() {
    let trail = trail();
    for without in [0, 1, 2, 5] {
        let at = fresh(&format!("no-period-complete-{without}"));
        trail.write_to(&at).unwrap();
        let mut ends = Vec::new();
        for region in ["us-east-1", "eu-west-1"] {
            let digests = digests(&trail, &at, region);
            for (end, file) in &digests[..without] {
                fs::remove_file(file).unwrap();
                remove_logs(&trail, &at, region, *end);
            }
            ends.extend(digests[without..].iter().map(|(end, _)| *end));
        }
        let first = *ends.iter().min().unwrap() - if without == 0 { 0 } else { HOUR };
        let output = run(&trail, "verify", &at, &["--format", "jsonl"]);
        assert_eq!(period_of(&output), [iso(first), iso(*ends.iter().max().unwrap())]);
        assert_eq!(verdict(&output), "proven", "{without}: {}", stderr(&output));
    }
}

/// Digests that were deleted at either end leave their log files: their time is in the period, and is not
/// proven.
#[test]
fn log_files_whose_digests_are_gone_are_in_the_period() {
    let trail = trail();
    let ends: Vec<i64> = trail.digests().map(|(_, it)| it.end).collect();
    let (first, last) = (*ends.iter().min().unwrap(), *ends.iter().max().unwrap());
    for (name, gone) in [("first", i64::MIN..first + 5 * HOUR), ("last", last - 4 * HOUR..i64::MAX)]
    {
        let at = fresh(&format!("no-period-{name}-gone"));
        trail.write_to(&at).unwrap();
        for (_, digest) in trail.digests().filter(|(_, digest)| gone.contains(&digest.end)) {
            fs::remove_file(at.join(&digest.bucket).join(&digest.key)).unwrap();
        }
        let output = run(&trail, "verify", &at, &["--format", "jsonl"]);
        assert_eq!(verdict(&output), "not proven", "{name}: {}", stderr(&output));
        let [from, to] = period_of(&output);
        match name {
            "first" => assert!(from < iso(first + HOUR), "{from}"),
            _ => assert!(to > iso(last - HOUR), "{to}"),
        }
    }
}

/// A first digest that only claims to begin later, or says nothing at all, is judged.
#[test]
fn a_first_digest_that_is_not_readable_is_in_the_period() {
    let trail = trail();
    let at = fresh("no-period-first");
    trail.write_to(&at).unwrap();
    let (end, file) = digests(&trail, &at, "us-east-1").remove(0);
    fs::write(file, "not a digest").unwrap();
    let output = run(&trail, "verify", &at, &["--format", "jsonl"]);
    assert_eq!(period_of(&output)[0], iso(end - HOUR));
    assert_eq!(verdict(&output), "contradicted");
}

#[test]
fn the_period_is_that_of_the_scope() {
    let trail = trail();
    let at = fresh("no-period-scope");
    trail.write_to(&at).unwrap();
    let away = digests(&trail, &at, "eu-west-1");
    for (end, file) in away[..4].iter().chain(&away[10..]) {
        fs::remove_file(file).unwrap();
        remove_logs(&trail, &at, "eu-west-1", *end);
    }
    let all = run(&trail, "verify", &at, &["--format", "jsonl"]);
    let home = digests(&trail, &at, "us-east-1");
    assert_eq!(period_of(&all), [iso(home[0].0), iso(home.last().unwrap().0)]);
    let one = run(&trail, "verify", &at, &["--format", "jsonl", "--region", "eu-west-1"]);
    assert_eq!(period_of(&one), [iso(away[4].0 - HOUR), iso(away[9].0)]);
}

#[test]
fn without_evidence_there_is_no_period() {
    let trail = trail();
    let at = fresh("no-period-none");
    trail.write_to(&at).unwrap();
    for scope in [["--account", "999999999999"], ["--region", "eu-north-1"]] {
        let output = run(&trail, "verify", &at, &scope);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        let words =
            format!("`{}` has no digest and no log file of the scope", at.to_str().unwrap());
        assert!(stderr(&output).contains(&words), "{}", stderr(&output));
        assert!(stderr(&output).contains("hint: `--last 90d`"), "{}", stderr(&output));
    }
    // Nothing says of which trail a log file is.
    let output = run(&trail, "verify", &at, &["--trail", "other"]);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    let empty = fresh("no-period-empty");
    fs::create_dir_all(&empty).unwrap();
    let output = run(&trail, "verify", &empty, &[]);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    assert!(stderr(&output).contains("no evidence in"), "{}", stderr(&output));
}

/// Whoever can write into the directory can claim any time. That costs time that is not covered, and
/// nothing for each hour of it.
#[test]
fn planted_keys_make_the_period_no_longer_than_there_was_cloudtrail() {
    let trail = trail();
    let at = fresh("no-period-planted");
    trail.write_to(&at).unwrap();
    let before = events(&run(&trail, "verify", &at, &["--format", "jsonl"])).len();
    for end in ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"] {
        plant(&trail, &at, end);
    }
    let output = run(&trail, "verify", &at, &["--format", "jsonl"]);
    let [from, to] = period_of(&output);
    assert_eq!(from, "2013-01-01T00:00:00Z");
    assert!(to.as_str() >= "2026" && to.as_str() < "2200", "{to}");
    assert_ne!(verdict(&output), "proven");
    assert!(events(&output).len() < before + 20, "{} after {before}", events(&output).len());
    // Only they are there.
    let only = fresh("no-period-planted-only");
    for end in ["1970-01-01T00:00:00Z", "1980-01-01T00:00:00Z"] {
        plant(&trail, &only, end);
    }
    let bucket = ["--bucket", &bucket(&trail)];
    let output = run(&trail, "verify", &only, &bucket);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("is from between 2013-01-01T00:00:00Z and"),
        "{}",
        stderr(&output)
    );
}

/// A bucket may hold many years.
#[test]
fn a_bucket_needs_a_period() {
    let output = offline().args(["verify", "s3://example-trail-logs"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).starts_with("error: a period is required"), "{}", stderr(&output));
}
