//! The directory of a mirror: keys that it cannot hold, links in it, a concurrent run, a full disk.
#![cfg(unix)]

use crate::support::mirrors::*;
use crate::support::wait_until;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use trailproof_testkit::server::{LoopbackServer, Operation, ServerOptions};
use trailproof_testkit::trail::{LogPlan, LogSizes, TrailSpec};

/// A key that a file system cannot hold, or would hold in place of a different key, is kept under a
/// different name.
#[test]
fn no_key_leads_outside_and_every_key_is_kept() {
    let mut trail = trail();
    let name = bucket(&trail);
    let log = trail.chains[0].digests[7].logs[0].key.clone();
    let folder = &log[..=log.rfind('/').unwrap()];
    let long = "l".repeat(300);
    let ups = "../".repeat(30);
    let odd = [
        format!("{ups}tmp/out"),
        "../../out".to_owned(),
        "..".to_owned(),
        "a//b".to_owned(),
        "/etc/out".to_owned(),
        "folder/".to_owned(),
        long,
        "c:out".to_owned(),
        "back\\slash".to_owned(),
        "tab\there".to_owned(),
        "NUL".to_owned(),
        "dot.".to_owned(),
        "both".to_owned(),
        "both/below".to_owned(),
        "case".to_owned(),
        "CASE".to_owned(),
        "\u{e9}\u{301}".to_owned(),
        "1_CloudTrail_x.json".to_owned(),
        ".trailproof/journal.jsonl".to_owned(),
    ];
    for (number, odd) in odd.iter().enumerate() {
        trail.put(&name, &format!("{folder}{odd}"), object(format!("body {number}").as_bytes()));
    }
    let server = serve(&trail);
    let above = fresh("hostile");
    let at = above.join("one/mirror");
    let ran = mirror(&server, &trail, &at, &[]);
    // The marker of a folder is not a log file.
    assert_ne!(ran.status, 6, "{}", ran.stderr);
    assert_eq!(ran.of_kind("log-unlisted").len(), odd.len() - 1, "{}", ran.stderr);
    drop(server);
    let beside: Vec<_> = fs::read_dir(above.join("one")).unwrap().collect();
    assert_eq!(beside.len(), 1, "{beside:?}");
    for (number, odd) in odd.iter().enumerate() {
        let key = format!("{folder}{odd}");
        let record = record_of(&at, &key);
        let own = format!("{name}/{key}");
        let file = record["copied"]["file"].as_str().unwrap_or(&own);
        let body = fs::read_to_string(at.join(file)).unwrap();
        assert_eq!(body, format!("body {number}"), "{key}");
    }
    let escaped: Vec<String> = manifest(&at)
        .iter()
        .filter(|line| line["copied"]["file"].is_string())
        .map(|line| line["key"].as_str().unwrap()[folder.len()..].to_owned())
        .collect();
    assert!(escaped.len() >= 14, "{escaped:?}");
    assert_eq!(escaped.iter().filter(|key| key.starts_with("both")).count(), 1);
    assert!(!escaped.contains(&"case".to_owned()), "this file system distinguishes them");
    assert_eq!(verify_offline(&trail, &at).events(), ran.events());
}

/// A link in the directory is never followed.
#[test]
fn no_link_is_followed() {
    let trail = trail();
    let server = serve(&trail);
    let at = fresh("links");
    let outside = fresh("outside");
    fs::create_dir_all(&outside).unwrap();
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
    let whole = tree(&at);
    let logs: Vec<_> = trail.logs().map(|(_, log)| log.clone()).collect();
    // A folder on the way, a file, and the manifest itself.
    let folder = at.join(&logs[0].bucket).join(&logs[0].key).parent().unwrap().to_owned();
    fs::remove_dir_all(&folder).unwrap();
    symlink(&outside, &folder).unwrap();
    let other = logs.iter().find(|log| !folder.ends_with(Path::new(&log.key).parent().unwrap()));
    let other = other.unwrap();
    let file = at.join(&other.bucket).join(&other.key);
    fs::remove_file(&file).unwrap();
    symlink(outside.join("file"), &file).unwrap();
    server.forget();
    let again = mirror(&server, &trail, &at, &[]);
    assert_eq!(again.status, 0, "{}", again.stderr);
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "a file was written outside");
    assert_eq!(fs::read(&file).unwrap(), whole[file.strip_prefix(&at).unwrap()]);
    assert!(folder.is_symlink());
    // The file behind the link now has a different name and is read there.
    assert_eq!(verify_offline(&trail, &at).findings(), [].into());
    for (name, words) in [
        ("trailproof-mirror.json", "is not a regular file"),
        ("trailproof-manifest.jsonl", "is not a regular file"),
        (".trailproof", "is not a folder"),
    ] {
        let (link, aside) = (at.join(name), outside.join(name));
        fs::rename(&link, &aside).unwrap();
        symlink(&aside, &link).unwrap();
        let ran = mirror(&server, &trail, &at, &[]);
        assert!(ran.status != 0 && ran.stderr.contains(words), "{name}: {}", ran.stderr);
        fs::remove_file(&link).unwrap();
        fs::rename(&aside, &link).unwrap();
    }
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
}

/// An unsuitable directory is rejected with a message and its exit status, and stays untouched.
#[test]
fn an_unsuitable_directory_is_rejected() {
    let trail = trail();
    let server = serve(&trail);
    let at = fresh("refused");
    fs::create_dir_all(at.join("full")).unwrap();
    fs::write(at.join("full/mine"), "x").unwrap();
    fs::write(at.join("file"), "x").unwrap();
    assert_eq!(mirror(&server, &trail, &at.join("other"), &[]).status, 0);
    let header = fs::read_to_string(at.join("other/trailproof-mirror.json")).unwrap();
    let changed = header.replace(&bucket(&trail), "another-bucket");
    fs::write(at.join("other/trailproof-mirror.json"), changed).unwrap();
    fs::create_dir_all(at.join("newer")).unwrap();
    fs::write(
        at.join("newer/trailproof-mirror.json"),
        header.replace("\"schema\": 1", "\"schema\": 2"),
    )
    .unwrap();
    let before = tree(&at);
    server.forget();
    for (name, status, words) in [
        ("full", 2, "is not empty and is not a mirror"),
        ("file", 2, "is not a directory"),
        ("file/below", 2, "cannot create"),
        ("other", 2, "is a mirror of `s3://another-bucket`"),
        ("newer", 2, "a format that this version does not support"),
    ] {
        let ran = mirror(&server, &trail, &at.join(name), &[]);
        assert_eq!(ran.status, status, "{name}: {}", ran.stderr);
        assert!(ran.stderr.contains(words), "{name}: {}", ran.stderr);
        assert!(ran.stdout.is_empty());
    }
    assert_eq!(server.requests().total, 0);
    assert_eq!(tree(&at), before);
    let local = at.join("other").to_str().unwrap().to_owned();
    let new = at.join("new").to_str().unwrap().to_owned();
    for (arguments, words) in [
        (vec!["mirror", &local, &new, "--last", "1d"], "a mirror is a copy of a bucket"),
        (vec!["mirror", "s3://b", &new], "--start-time"),
        (vec!["mirror", "s3://b"], "<DIRECTORY>"),
    ] {
        let ran = aws(&server, &arguments);
        assert_eq!(ran.status, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    assert!(!at.join("new").exists());
}

/// Two concurrent runs into one directory.
#[test]
fn a_second_run_is_rejected_while_the_first_is_running() {
    let trail = trail();
    let options = ServerOptions { latency: Duration::from_millis(150), ..ServerOptions::default() };
    let server = LoopbackServer::start(trail.world.clone(), options).unwrap();
    let at = fresh("lock");
    let location = format!("s3://{}", bucket(&trail));
    let period = period(&trail);
    let arguments = [&["mirror", &location, at.to_str().unwrap()][..], &slices(&period)].concat();
    let mut first = command(&server, &arguments).stdout(Stdio::null()).spawn().unwrap();
    wait_until("the first run has begun", || at.join("trailproof-mirror.json").exists());
    let second = mirror(&server, &trail, &at, &[]);
    assert!(first.try_wait().unwrap().is_none(), "the first run must still be running");
    assert_eq!(second.status, 5, "{}", second.stderr);
    assert!(second.stderr.contains("another run is writing"), "{}", second.stderr);
    assert_eq!(first.wait().unwrap().code(), Some(0));
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
}

/// On a full disk the run ends early without a verdict, and a later run with free space continues.
/// Runs only where the system allows mounting a small file system.
#[test]
fn a_full_disk_ends_the_run_early_and_the_next_one_continues() {
    // Far more than fits, so that a run that reads on shows.
    let trail = TrailSpec::new()
        .seed(9)
        .time(START, 1_200)
        .logs(LogPlan::Constant(4), LogSizes::Small)
        .build();
    let objects = trail.world.buckets[&bucket(&trail)].objects.len();
    let server = serve(&trail);
    let at = fresh("disk");
    fs::create_dir_all(&at).unwrap();
    let location = format!("s3://{}", bucket(&trail));
    let period = period(&trail);
    let shell = "mount -t tmpfs -o size=2m tmpfs \"$AT\" || exit 99; \"$@\" > \"$OUT.1\" 2> \"$ERR.1\"; \
        echo $? >> \"$ERR.1\"; cp -r \"$AT\" \"$COPY.1\"; \
        mount -o remount,size=640m \"$AT\" || exit 99; \
        \"$@\" > \"$OUT.2\" 2> \"$ERR.2\"; echo $? >> \"$ERR.2\"; cp -r \"$AT\" \"$COPY.2\"";
    let (out, err, copy) = (at.with_extension("out"), at.with_extension("err"), fresh("disk-copy"));
    for number in ["1", "2"] {
        let _ = fs::remove_dir_all(copy.with_extension(number));
    }
    let run = |args: &[&str]| {
        let inner = command(&server, args);
        let mut outer = Command::new("unshare");
        outer.args(["-rm", "sh", "-c", shell, "sh"]).arg(inner.get_program());
        outer.args(inner.get_args()).env("AT", &at).env("OUT", &out).env("ERR", &err);
        outer.env("COPY", &copy);
        outer.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        outer.stderr(Stdio::null()).status()
    };
    let mirror_to = at.join("mirror");
    let arguments = ["mirror", &location, mirror_to.to_str().unwrap()];
    let status = run(&[&arguments[..], &slices(&period), &JSONL].concat());
    if !status.is_ok_and(|status| status.success()) {
        println!("skipped: no small file system can be mounted here");
        return;
    }
    let read = |path: &Path, number: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        fs::read_to_string(name).unwrap()
    };
    let first = read(&err, "1");
    assert!(first.ends_with("\n6\n"), "{first}");
    assert!(first.contains("ended early") && first.contains("No space left"), "{first}");
    assert!(first.contains("run the same command again"), "{first}");
    assert!(!read(&out, "1").contains("\"verdict\""), "nothing is judged");
    // What is there is whole, and is not reported as missing from the bucket.
    let part = verify_offline(&trail, &copy.with_extension("1").join("mirror"));
    assert_eq!((part.status, part.findings().len()), (3, 0), "{}", part.stderr);
    let second = read(&err, "2");
    assert!(second.ends_with("\n0\n"), "{second}");
    let bucket = verify_bucket(&server, &trail);
    let whole = copy.with_extension("2").join("mirror");
    assert_eq!(verify_offline(&trail, &whole).events(), bucket.events());
    let gets = usize::try_from(server.requests().of(Operation::GetObject)).unwrap();
    // The bucket was read once for `verify`, and once for the mirror; the rest is what the first
    // run read in vain.
    assert!(gets < objects * 2 + objects / 2, "{gets} for {objects}");
}

/// A file system that takes no larger files is full as well, and a run is never killed by it.
#[test]
fn a_limit_of_the_size_of_files_ends_the_run_early() {
    let trail =
        TrailSpec::new().seed(9).time(START, 200).logs(LogPlan::Constant(4), LogSizes::Small);
    let trail = trail.build();
    let server = serve(&trail);
    let at = fresh("file-size");
    let location = format!("s3://{}", bucket(&trail));
    let period = period(&trail);
    let arguments = ["mirror", &location, at.to_str().unwrap()];
    let inner = command(&server, &[&arguments[..], &slices(&period), &JSONL].concat());
    let mut outer = Command::new("sh");
    // In blocks of 512 bytes. Without the trap, the system would kill the process.
    outer.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "sh"]).arg(inner.get_program());
    outer.args(inner.get_args()).env_clear();
    outer.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let limited = Ran::of(outer.output().unwrap());
    assert_eq!(limited.status, 6, "{}", limited.stderr);
    assert!(limited.stderr.contains("ended early"), "{}", limited.stderr);
    assert!(limited.stderr.contains("File too large"), "{}", limited.stderr);
    let again = mirror(&server, &trail, &at, &[]);
    assert_eq!(again.status, 0, "{}", again.stderr);
    drop(server);
    assert_eq!(verify_offline(&trail, &at).events(), again.events());
}

/// A directory that is not writable. Runs only where the system allows mounting one.
#[test]
fn an_unwritable_directory_counts_as_a_lost_output() {
    let trail = trail();
    let server = serve(&trail);
    let at = fresh("read-only");
    fs::create_dir_all(&at).unwrap();
    let location = format!("s3://{}", bucket(&trail));
    let period = period(&trail);
    for (below, words) in [("", "cannot write to"), ("new/one", "cannot write to")] {
        let to = at.join(below);
        let arguments = ["mirror", &location, to.to_str().unwrap()];
        let inner = command(&server, &[&arguments[..], &slices(&period)].concat());
        let mut outer = Command::new("unshare");
        let shell = "mount -t tmpfs -o ro tmpfs \"$AT\" || exit 99; exec \"$@\"";
        outer.args(["-rm", "sh", "-c", shell, "sh"]).arg(inner.get_program());
        outer.args(inner.get_args()).env("AT", &at);
        outer.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = outer.output();
        // `unshare` reports itself that it is not permitted, as in a chroot.
        let mounted = output.as_ref().is_ok_and(|output| {
            output.status.code() != Some(99) && !output.stderr.starts_with(b"unshare: ")
        });
        let ran = match output {
            Ok(output) if mounted => Ran::of(output),
            _ => {
                println!("skipped: no file system can be mounted here");
                let required = std::env::var_os("TRAILPROOF_REQUIRE_NAMESPACES").is_some();
                assert!(!required, "a namespace that allows mounting is required");
                return;
            }
        };
        assert_eq!(ran.status, 6, "{}", ran.stderr);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    assert_eq!(server.requests().total, 0);
}
