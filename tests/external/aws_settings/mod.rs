//! Compares the genuine AWS CLI with trailproof over many configurations: which keys sign, for which
//! region, and where the first request goes.
//!
//! `TRAILPROOF_AWS_CLI` is the path of the AWS CLI 1.46.2. Without it the comparison is skipped;
//! with `TRAILPROOF_REQUIRE_AWS_CLI` that is a failure.
mod cases;
mod recorder;

use crate::differential::aws_cli;
use cases::{CASES, Case};
use recorder::Recorder;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The number of cases that run at a time.
const THREADS: usize = 2;

/// The bucket that both programs list.
const BUCKET: &str = "example-logs";

/// Returns what a program does with a configuration: its first request for evidence, or `nothing`
/// if it makes none.
fn does(program: &Path, arguments: &[&str], case: &Case, home: &Path) -> (String, String) {
    let recorder = Recorder::start();
    let placed = |text: &str| {
        let text = text.replace("PORT", &recorder.port.to_string());
        // The variable `$HOME` is the program's to replace.
        let text = text.replace("$HOME", "\u{0}");
        text.replace("HOME", &home.to_string_lossy()).replace('\u{0}', "$HOME")
    };
    let write = |name: &str, text: &str| {
        std::fs::write(home.join(name), placed(text)).unwrap();
    };
    write("config", case.config);
    write("credentials", case.credentials);
    write("other", "[default]\nregion=ap-south-1\n");
    write("token", "token");
    write("process", "{\"Version\":1,\"AccessKeyId\":\"KEYPROCESS\",\"SecretAccessKey\":\"s\"}");
    let output = Command::new(program)
        .args(arguments)
        .args(case.options.iter().map(|option| placed(option)))
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/bin:/bin")
        .env("LANG", "C.UTF-8")
        .env("PYTHONWARNINGS", "ignore")
        .env("AWS_MAX_ATTEMPTS", "1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", home.join("config"))
        .env("AWS_SHARED_CREDENTIALS_FILE", home.join("credentials"))
        .envs(case.environment.iter().map(|(name, value)| (name, placed(value))))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let first = recorder.first().unwrap_or_else(|| "nothing".to_owned());
    (first, String::from_utf8_lossy(&output.stderr).into_owned())
}

fn home(number: usize, of: &str) -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("aws-settings-{number}-{of}"));
    // The AWS CLI keeps the credentials of roles in it.
    let _ = std::fs::remove_dir_all(&home);
    std::fs::create_dir_all(&home).unwrap();
    home
}

#[test]
fn the_same_identity_region_and_endpoint_are_chosen() {
    let Some(aws) = aws_cli() else { return };
    let ours = Path::new(env!("CARGO_BIN_EXE_trailproof"));
    let location = format!("s3://{BUCKET}");
    let next = AtomicUsize::new(0);
    let wrong: Mutex<Vec<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = CASES.get(number) else { return };
                    let theirs = ["s3api", "list-objects-v2", "--bucket", BUCKET];
                    let (theirs, _) = does(&aws, &theirs, case, &home(number, "aws"));
                    let arguments = ["verify", &location, "--last", "1d", "--dry-run"];
                    let (found, stderr) = does(ours, &arguments, case, &home(number, "ours"));
                    let expected = match case.differs {
                        Some((to, _)) => to,
                        None => &theirs,
                    };
                    if found != expected || (found == theirs) == case.differs.is_some() {
                        wrong.lock().unwrap().push(format!(
                            "{}\n  AWS CLI: {theirs}\n  ours: {found}\n  {}",
                            case.name,
                            stderr.replace('\n', "\n  ")
                        ));
                    }
                }
            });
        }
    });
    println!("aws_settings: {} configurations compared", CASES.len());
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
