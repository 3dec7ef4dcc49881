//! Each answer and each notice, over S3 and over a directory, with the period of the names.
use crate::support::mirrors::{Ran, aws, command, fresh, offline, serve};
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use trailproof_core::bytes::content::read_whole;
use trailproof_testkit::server::LoopbackServer;
use trailproof_testkit::trail::{BuiltLog, BuiltTrail, LogPlan, LogSizes, TrailSpec, gzip};

struct World {
    trail: BuiltTrail,
    at: PathBuf,
    server: LoopbackServer,
}

/// A trail of eight days in two regions, in a bucket and in a directory.
fn world(name: &str) -> World {
    let trail = TrailSpec::new()
        .seed(4)
        .regions(&["us-east-1", "eu-west-1"])
        .time("2026-02-26T00:04:11Z", 8 * 24)
        .logs(LogPlan::Constant(1), LogSizes::Small)
        .build();
    let at = fresh(&format!("lookup-{name}"));
    trail.write_to(&at.join("copy")).unwrap();
    fs::create_dir_all(at.join("files")).unwrap();
    World { server: serve(&trail), trail, at }
}

fn base_name(key: &str) -> &str {
    key.rsplit('/').next().unwrap()
}

fn inflated(stored: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    read_whole(stored, 1 << 30, Some(&mut content)).unwrap();
    content
}

fn zip(name: &str, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut archive = rawzip::ZipArchiveWriter::new(&mut out);
    let (mut entry, config) = archive.new_file(name).start().unwrap();
    let mut writer = config.wrap(&mut entry);
    writer.write_all(content).unwrap();
    let (_, descriptor) = writer.finish().unwrap();
    entry.finish(descriptor).unwrap();
    archive.finish().unwrap();
    out
}

impl World {
    /// A log file from the middle of the trail: its entry, and its bytes.
    fn log(&self, hour: usize) -> (&BuiltLog, Vec<u8>) {
        let chain = self.trail.chain("111122223333", "us-east-1", "management-events").unwrap();
        let log = &self.trail.chains[chain].digests[hour].logs[0];
        (log, self.trail.current(&log.bucket, &log.key).unwrap().body.to_vec())
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.at.join("files").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn location(&self) -> String {
        format!("s3://{}", self.log(80).0.bucket)
    }

    /// Runs a lookup over the directory.
    fn copy(&self, arguments: &[&str]) -> Ran {
        let copy = self.at.join("copy");
        let keys = copy.join("public-keys.json");
        let (copy, keys) = (copy.to_str().unwrap(), keys.to_str().unwrap());
        let fixed = ["lookup", "--in", copy, "--public-keys", keys, "--quiet"];
        offline(&[&fixed[..], arguments].concat())
    }

    /// Runs a lookup over the bucket.
    fn bucket(&self, arguments: &[&str]) -> Ran {
        let location = self.location();
        aws(&self.server, &[&["lookup", "--in", &location, "--quiet"][..], arguments].concat())
    }

    /// Returns the document of a lookup over the bucket. It has the exit status of the text, and the
    /// same answers as one over the directory.
    fn look_up(&self, arguments: &[&str]) -> Value {
        let json = [arguments, &["--format", "json"]].concat();
        let (bucket, copy) = (self.bucket(&json), self.copy(&json));
        let text = self.copy(arguments);
        for ran in [&bucket, &copy, &text] {
            assert_eq!(ran.status, bucket.status, "{ran:#?}");
            let shown = ran.stdout.bytes().chain(ran.stderr.bytes());
            assert!(!shown.into_iter().any(|byte| byte < 0x20 && byte != b'\n'), "{ran:#?}");
        }
        let read = |ran: &Ran| -> Value { serde_json::from_str(&ran.stdout).unwrap() };
        let (bucket, mut copy) = (read(&bucket), read(&copy));
        assert_eq!(bucket["exit_status"], text.status, "{bucket:#}");
        copy["location"] = bucket["location"].clone();
        copy["public_key_sources"] = bucket["public_key_sources"].clone();
        assert_eq!(bucket, copy);
        for file in bucket["files"].as_array().unwrap() {
            for notice in file["notices"].as_array().unwrap() {
                let line = format!("    {}: ", notice.as_str().unwrap());
                assert!(text.stdout.contains(&line), "{line}{}", text.stdout);
            }
        }
        bucket
    }

    /// Looks up a file of this name with these bytes.
    fn one(&self, name: &str, bytes: &[u8], more: &[&str]) -> (i64, Value) {
        let file = self.write(name, bytes);
        let document = self.look_up(&[&[file.as_str()][..], more].concat());
        let files = document["files"].as_array().unwrap();
        assert_eq!((files.len(), &files[0]["file"]), (1, &json!(file)));
        (document["exit_status"].as_i64().unwrap(), files[0].clone())
    }

    fn check(
        &self,
        name: &str,
        bytes: &[u8],
        status: i64,
        answer: &str,
        notices: &[&str],
    ) -> Value {
        let (exit, file) = self.one(name, bytes, &[]);
        assert_eq!(
            (exit, &file["answer"], &file["notices"]),
            (status, &json!(answer), &json!(notices)),
            "{name}: {file:#}"
        );
        file
    }
}

#[test]
fn a_delivered_file_is_recognised_in_well_known_forms() {
    let world = world("forms");
    let (log, stored) = world.log(80);
    let name = base_name(&log.key);
    let plain = name.strip_suffix(".gz").unwrap();
    let content = inflated(&stored);
    let text = String::from_utf8(content.clone()).unwrap();
    let file = world.check(name, &stored, 0, "delivered", &[]);
    assert_eq!(file["sha256"], log.hash);
    let found = &file["matches"][0];
    assert_eq!((&found["key"], &found["sha256"]), (&json!(log.key), &json!(log.hash)));
    assert_eq!(
        (&found["bucket"], &found["object_now"]["state"]),
        (&json!(log.bucket), &json!("valid"))
    );
    let digest = found["digest"]["key"].as_str().unwrap();
    assert!(digest.contains("CloudTrail-Digest_us-east-1"), "{digest}");
    assert!(
        found["from"].is_string() && found["to"].is_string() && file["expected_sha256"].is_null()
    );
    let spread = text.replacen("{\"Records\":[", "{\n  \"Records\": [\n", 1) + "\n";
    let utf16: Vec<u8> =
        format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (name, bytes, notices) in [
        (plain, content.clone(), &[][..]),
        (plain, [&content[..], b"\n"].concat(), &["line-end-added"]),
        (plain, [&content[..], b"\r\n"].concat(), &["line-end-added"]),
        (plain, format!("\u{feff}{text}").into_bytes(), &["byte-order-mark-added"]),
        (name, gzip::member(format!("{text}\n").as_bytes()), &["line-end-added"]),
        (plain, utf16, &["converted-to-utf16"]),
        (plain, spread.into_bytes(), &["white-space-added"]),
        (name, gzip::member(&stored), &["gzip-twice"]),
        (name, zip("any", &stored), &["zip"]),
        (&format!("{name}.zip"), zip("any", &content), &["zip"]),
        (&format!("{plain}.zst"), zstd::encode_all(&content[..], 1).unwrap(), &["zstd"]),
        ("evidence.zip", zip(&format!("folder/{name}"), &stored), &["zip"]),
        (
            &format!("{plain}.zst"),
            zstd::encode_all(&[&content[..], b"\n"].concat()[..], 1).unwrap(),
            &["zstd", "line-end-added"],
        ),
    ] {
        let file = world.check(name, &bytes, 0, "delivered", notices);
        assert_eq!(file["matches"][0]["sha256"], log.hash);
    }
    let twice = [stored.clone(), stored.clone()].concat();
    let file = world.check(name, &twice, 1, "delivered-in-part", &["log-trailing-data"]);
    assert_eq!(file["trailing_bytes"], stored.len());
    let cut = &stored[..stored.len() - 4];
    world.check(name, cut, 1, "delivered-in-part", &["log-malformed"]);
}

#[test]
fn a_delivered_name_with_different_content_is_a_contradiction() {
    let world = world("other");
    let (log, stored) = world.log(80);
    let name = base_name(&log.key);
    let content = inflated(&stored);
    let sorted: Value = serde_json::from_slice(&content).unwrap();
    let pretty = serde_json::to_vec_pretty(&sorted).unwrap();
    let records = sorted["Records"].as_array().unwrap();
    let lines: Vec<String> = records.iter().map(Value::to_string).collect();
    let mut changed = content.clone();
    changed[content.len() / 2] ^= 1;
    let tar = [&vec![0; 257][..], b"ustar"].concat();
    for (bytes, notices) in [
        (gzip::member(&changed), &[][..]),
        (pretty, &["reformatted"]),
        (lines.join("\n").into_bytes(), &["single-records"]),
        (Vec::new(), &["empty"]),
        (tar, &["not-unpacked"]),
        (stored[..stored.len() / 2].to_vec(), &["log-malformed"]),
    ] {
        let file = world.check(name, &bytes, 1, "delivered-other-content", notices);
        assert_eq!(file["expected_sha256"], log.hash);
        assert_eq!(file["matches"][0]["key"], log.key);
        assert_ne!(file["sha256"], log.hash);
    }
    // The name of an inflated file is that of the delivered file.
    let plain = name.strip_suffix(".gz").unwrap();
    world.check(plain, &changed, 1, "delivered-other-content", &[]);
    let text = world.copy(&[&world.write(name, &changed)]);
    assert!(
        text.stdout.contains(&format!("    expected sha256 {}\n", log.hash)),
        "{}",
        text.stdout
    );
}

#[test]
fn a_file_under_another_name_is_reported_with_it() {
    let world = world("renamed");
    let (log, stored) = world.log(80);
    let (other, _) = world.log(81);
    let invented = base_name(&log.key).replacen(".json", "x.json", 1);
    let notices = ["delivered-under-other-name"];
    world.check(&invented, &stored, 0, "delivered", &notices);
    let notices = ["delivered-under-other-name", "name-of-other-content"];
    let file = world.check(base_name(&other.key), &stored, 1, "delivered", &notices);
    assert_eq!((&file["expected_sha256"], &file["sha256"]), (&json!(other.hash), &json!(log.hash)));
    // A name that is not a log file's says nothing, but then a period is needed.
    let file = world.write("copy of it", &stored);
    let ran = world.bucket(&[&file]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{ran:#?}");
    assert!(ran.stderr.contains("copy of it` does not have the name of a log file"), "{ran:#?}");
    assert!(ran.stderr.contains("hint: `--last 90d`"), "{ran:#?}");
    let period = ["--start-time", "2026-02-27", "--end-time", "2026-03-04"];
    let (status, found) = world.one("copy of it", &stored, &period);
    assert_eq!((status, &found["answer"], &found["notices"]), (0, &json!("delivered"), &json!([])));
}

#[test]
fn names_give_the_period_and_the_scope() {
    let world = world("names");
    let (log, stored) = world.log(80);
    let name = base_name(&log.key).to_owned();
    let file = world.write(&name, &stored);
    let document = world.look_up(&[&file]);
    let day = "2026-03-01";
    assert!(name.contains("_20260301T"), "{name} is not of {day}");
    assert_eq!(document["from_names"], true);
    let period = json!({ "from": "2026-02-28T00:00:00Z", "to": "2026-03-03T00:00:00Z" });
    assert_eq!(document["period"], period);
    let scope = json!({ "trails": [], "accounts": ["111122223333"], "regions": ["us-east-1"] });
    assert_eq!((&document["scope"], &document["searched"]["chains"]), (&scope, &json!(1)));
    assert_eq!(document["searched"]["complete"], true);
    let text = world.copy(&[&file]).stdout;
    assert!(text.contains("period and scope come from the names of the files\n"), "{text}");
    assert!(text.contains("scope: account 111122223333; region us-east-1\n"), "{text}");
    // Options come first, and a period that was given leaves the scope open.
    let document = world.look_up(&[&file, "--region", "eu-west-1"]);
    assert_eq!(document["scope"]["regions"], json!(["eu-west-1"]));
    assert_eq!(document["files"][0]["answer"], "not-delivered");
    let document =
        world.look_up(&[&file, "--start-time", "2026-02-27", "--end-time", "2026-03-04"]);
    assert_eq!(
        (&document["from_names"], &document["scope"]["regions"]),
        (&json!(false), &json!([]))
    );
    assert_eq!(document["searched"]["chains"], 2);
    // The location limits the scope without any option.
    let below = format!("{}/AWSLogs/111122223333/CloudTrail/eu-west-1/", world.location());
    let ran = aws(&world.server, &["lookup", "--in", &below, &file, "--quiet"]);
    assert_eq!(ran.status, 4, "{ran:#?}");
    // No digest of the future can name a file.
    let future = world.write(&name.replace("_2026", "_2926"), &stored);
    let ran = world.copy(&[&future]);
    assert_eq!(ran.status, 2, "{ran:#?}");
    assert!(ran.stderr.contains("a period that is still to come"), "{ran:#?}");
    // A digest's name gives the same.
    let digest = &world.trail.chains[0].digests[80];
    let body = world.trail.current(&digest.bucket, &digest.key).unwrap().body.to_vec();
    let file = world.check(base_name(&digest.key), &body, 0, "delivered", &["digest"]);
    assert_eq!(file["matches"][0]["key"], digest.key);
    let mut changed = digest.json.to_vec();
    changed.push(b' ');
    let changed = [&changed[..changed.len() / 2], b" ", &changed[changed.len() / 2..]].concat();
    world.check(base_name(&digest.key), &changed, 1, "delivered-other-content", &["digest"]);
}

#[test]
fn a_file_that_was_not_delivered_is_denied_only_after_a_whole_search() {
    let mut world = world("denied");
    let (log, stored) = world.log(80);
    let name = base_name(&log.key).replacen(".json", "x.json", 1);
    let content = [&inflated(&stored)[..], b" {}"].concat();
    world.check(&name, &content, 4, "not-delivered", &[]);
    let file = world.write(&name, &content);
    let text = world.copy(&[&file]);
    assert!(text.stdout.contains("not found in any verified digest"), "{text:#?}");
    assert!(text.stdout.contains("hint: a renamed file may come from"), "{text:#?}");
    // One digest less in the copy: the search is not complete.
    let chain = world.trail.chain("111122223333", "us-east-1", "management-events").unwrap();
    let digest = world.trail.chains[chain].digests[82].clone();
    world.trail.delete(&digest.bucket, &digest.key);
    let at = world.at.join("copy");
    fs::remove_dir_all(&at).unwrap();
    world.trail.write_to(&at).unwrap();
    world.server = serve(&world.trail);
    let text = world.copy(&[&file]);
    assert_eq!(text.status, 3, "{text:#?}");
    assert!(text.stdout.contains("and not everything could be searched"), "{text:#?}");
    let ran = world.bucket(&[&file, "--format", "json"]);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.status, &document["files"][0]["answer"]), (3, &json!("not-proven")));
    assert_eq!(
        (&document["verdict"], &document["searched"]["complete"]),
        (&json!("not proven"), &json!(false))
    );
}

#[test]
fn an_object_that_has_changed_since_contradicts() {
    let world = world("since");
    let (log, stored) = world.log(80);
    fs::write(world.at.join("copy").join(&log.bucket).join(&log.key), b"changed").unwrap();
    let file = world.write(base_name(&log.key), &stored);
    // The digest of that hour is proven all the same, so everything is searched.
    let unknown = world.write(&base_name(&log.key).replacen(".json", "x.json", 1), b"{}");
    let ran = world.copy(&[&file, &unknown, "--format", "json"]);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.status, &document["verdict"]), (1, &json!("contradicted")));
    assert_eq!(document["files"][1]["answer"], "not-delivered");
    assert_eq!(document["searched"]["total_seconds"], document["searched"]["searched_seconds"]);
    let found = &document["files"][0];
    assert_eq!(found["answer"], "delivered");
    let now = &found["matches"][0]["object_now"];
    assert_eq!(
        (&now["state"], &now["finding"]["code"]),
        (&json!("invalid"), &json!("log-malformed"))
    );
}

/// A directory stands for the files below it; what was not looked at is named and is not proven.
#[test]
fn a_directory_stands_for_the_files_below_it() {
    let world = world("folder");
    let mut names = Vec::new();
    for hour in [80, 81, 82] {
        let (log, stored) = world.log(hour);
        let name = format!("{}/{}", 99 - hour, base_name(&log.key));
        world.write(&format!("all/{name}"), stored);
        names.push(name);
    }
    names.reverse();
    let all = world.at.join("files/all");
    let at = all.to_str().unwrap();
    let document = world.look_up(&[at]);
    assert_eq!((&document["exit_status"], &document["skipped"]), (&json!(0), &json!([])));
    let files: Vec<&str> = document["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["file"].as_str().unwrap())
        .collect();
    let expected: Vec<String> = names.iter().map(|name| format!("{at}/{name}")).collect();
    assert_eq!(files, expected);
    let text = world.copy(&[at]).stdout;
    assert!(text.contains("\n3 files: 3 delivered\n"), "{text}");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("nowhere", all.join("link")).unwrap();
        std::os::unix::fs::symlink(".", all.join("loop")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(all.join("s")).ok();
        let document = world.look_up(&[at]);
        let skipped: Vec<_> = document["skipped"].as_array().unwrap().iter().collect();
        assert_eq!(skipped[0], &json!({ "file": format!("{at}/link"), "reason": "symbolic-link" }));
        assert_eq!(skipped[1]["reason"], "symbolic-link");
        assert_eq!(document["exit_status"], 3);
        assert_eq!(document["files"].as_array().unwrap().len(), 3);
        let text = world.copy(&[at]).stdout;
        assert!(text.contains("/link: not looked up: symbolic-link: "), "{text}");
    }
    fs::create_dir(world.at.join("files/none")).unwrap();
    let ran = world.copy(&[world.at.join("files/none").to_str().unwrap()]);
    assert_eq!(ran.status, 2, "{ran:#?}");
    assert!(ran.stderr.contains("there is no file to look up"), "{ran:#?}");
}

#[test]
fn standard_input_is_read_once_and_needs_a_period() {
    let world = world("stdin");
    let (_, stored) = world.log(80);
    let location = world.location();
    let run = |more: &[&str], input: &[u8]| {
        let fixed = ["lookup", "-", "--in", &location, "--quiet", "--format", "json"];
        let mut command = command(&world.server, &[&fixed[..], more].concat());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(input);
        Ran::of(child.wait_with_output().unwrap())
    };
    let period = ["--start-time", "2026-02-27", "--end-time", "2026-03-04"];
    let ran = run(&period, &stored);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.status, &document["files"][0]["file"]), (0, &json!("-")));
    assert_eq!(run(&[], &stored).status, 2);
    // The member of an archive has a name.
    let (log, _) = world.log(80);
    assert_eq!(run(&[], &zip(base_name(&log.key), &stored)).status, 0);
    let ran = run(&[&["-"][..], &period].concat(), &stored);
    assert_eq!(ran.status, 2, "{ran:#?}");
    assert!(ran.stderr.contains("standard input can be read only once"), "{ran:#?}");
}

/// No name and no content controls a terminal, in either format.
#[cfg(unix)]
#[test]
fn hostile_names_are_escaped() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let world = world("hostile");
    let (_, stored) = world.log(80);
    let evil = "\u{1b}[2J\r\u{202e}\u{9b}1m\u{200b}";
    let period = ["--start-time", "2026-02-27", "--end-time", "2026-03-04"];
    let (status, file) = world.one(&format!("evil/{evil}"), &stored, &period);
    assert_eq!((status, &file["answer"]), (0, &json!("delivered")));
    world.one(&format!("evil/{evil}.zip"), &zip(evil, &stored), &period);
    fs::write(world.at.join("files/evil").join(OsStr::from_bytes(b"\xff\x1b[m")), "x").unwrap();
    std::os::unix::fs::symlink(evil, world.at.join(format!("files/evil/link{evil}"))).unwrap();
    let evil = world.at.join("files/evil");
    let at = evil.to_str().unwrap();
    let document = world.look_up(&[&[at][..], &period].concat());
    assert_eq!(
        (document["files"].as_array().unwrap().len(), &document["exit_status"]),
        (3, &json!(3))
    );
    for arguments in [vec![at], vec![at, "--format", "json"]] {
        let ran = world.copy(&[&arguments[..], &period].concat());
        for raw in ["\u{1b}", "\r", "\u{202e}", "\u{9b}", "\u{200b}"] {
            assert!(!ran.stdout.contains(raw) && !ran.stderr.contains(raw), "{ran:?}");
        }
    }
    let ran = world.bucket(&[at]);
    assert_eq!(ran.status, 2);
    assert!(!ran.stderr.contains('\u{1b}') && !ran.stderr.contains('\u{202e}'), "{ran:?}");
    let ran = world.copy(&[&format!("{at}/missing\u{1b}[2J")]);
    assert!(ran.status == 5 && !ran.stderr.contains('\u{1b}'), "{ran:?}");
}

/// The names of a mirror's own files give no period; the mirror has one.
#[test]
fn a_mirror_has_a_period_for_files_without_a_name() {
    let world = world("mirror");
    let (_, stored) = world.log(80);
    let mirror = world.at.join("mirror");
    let mirror = mirror.to_str().unwrap();
    let period = ["--start-time", "2026-02-28", "--end-time", "2026-03-03"];
    let location = world.location();
    let ran = aws(&world.server, &[&["mirror", &location, mirror][..], &period].concat());
    assert_eq!(ran.status, 0, "{ran:#?}");
    let file = world.write("any", &stored);
    let ran = offline(&["lookup", &file, "--in", mirror, "--format", "json"]);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.status, &document["from_names"]), (0, &json!(false)), "{ran:#?}");
    assert!(Path::new(mirror).exists() && document["period"]["to"] == "2026-03-03T00:00:00Z");
}
