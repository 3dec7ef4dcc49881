//! Compares the genuine AWS CLI with trailproof over the same server, scenario by scenario.
//!
//! Exit status, stdout and stderr must be identical, or differ exactly as
//! `testdata/aws-divergences.toml` lists. `TRAILPROOF_AWS_CLI` is the path of the AWS CLI 1.46.2.
//! Without it the comparison is skipped; with `TRAILPROOF_REQUIRE_AWS_CLI` that is a failure.
//! `TRAILPROOF_SCENARIOS` limits the comparison to scenarios whose names contain its value.
mod compare;
mod divergences;

use crate::support::program::{PROGRAM, named_program};
use chrono::{DateTime, Duration as Span, Utc};
use compare::{Judgement, Listed, judge};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};
use trailproof_testkit::scenario::{Program, Ran, Scenario, Stage};

/// The number of scenarios that run at a time. Both programs mostly wait and compute little.
const THREADS: usize = 4;
/// A time limit far above any run on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);
/// The time that the AWS CLI is given in scenarios where it never ends.
const ENDLESS_LIMIT: Duration = Duration::from_secs(8);
/// The minimum number of scenarios.
const FEWEST: usize = 40;

/// Writes past the test harness, so that the CI log shows which scenarios ran.
fn print_line(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Returns the AWS CLI 1.46.2 to compare with.
pub(crate) fn aws_cli() -> Option<PathBuf> {
    named_program("TRAILPROOF_AWS_CLI", "TRAILPROOF_REQUIRE_AWS_CLI").map(PathBuf::from)
}

fn home() -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("differential-home");
    std::fs::create_dir_all(&home).unwrap();
    std::fs::write(home.join("none"), "").unwrap();
    home
}

fn run(program: &Program, stage: &Stage, limit: Duration) -> Ran {
    // Each program gets its own server, so that neither sees the attempts of the other.
    let server = stage.serve().unwrap();
    let begun = now();
    let ran = program.run(stage, &server.endpoint(), limit).unwrap();
    let volatile = Volatile { port: server.port(), from: begun, to: now() };
    Ran {
        stdout: volatile.normalise(ran.stdout),
        stderr: volatile.normalise(ran.stderr),
        status: ran.status,
    }
}

#[expect(clippy::disallowed_methods, reason = "what both programs read from the clock is masked")]
fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}

/// The values that differ between any two runs: the port, and the current time if no end time was
/// requested.
struct Volatile {
    port: u16,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

impl Volatile {
    fn normalise(&self, bytes: Vec<u8>) -> Vec<u8> {
        // Output that is not UTF-8 is left unchanged: it contains no volatile value.
        let mut text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(other) => return other.into_bytes(),
        };
        text = text.replace(&format!("127.0.0.1:{}", self.port), "127.0.0.1:PORT");
        let mut at = self.from;
        // The clock was read slightly before the first second and slightly after the last.
        while at <= self.to + Span::seconds(1) {
            text = text.replace(&at.format("%Y-%m-%dT%H:%M:%SZ").to_string(), "NOW");
            at += Span::seconds(1);
        }
        text.into_bytes()
    }
}

fn compared(aws: &Program, ours: &Program, stage: &Stage, listed: Option<&Listed>) -> Judgement {
    let limit = if stage.endless_for_aws { ENDLESS_LIMIT } else { LIMIT };
    let theirs = run(aws, stage, limit);
    let ours = run(ours, stage, LIMIT);
    judge(&theirs, &ours, listed)
}

#[test]
fn trailproof_prints_what_the_aws_cli_prints() {
    let Some(aws) = aws_cli() else { return };
    let begun = Instant::now();
    let program = |path: PathBuf, before: &[&str]| Program {
        path,
        before: before.iter().map(|&word| word.to_owned()).collect(),
        after: Vec::new(),
        home: home(),
    };
    let aws = program(aws, &["cloudtrail", "validate-logs"]);
    let ours = program(PROGRAM.into(), &["validate-logs"]);
    let only = std::env::var("TRAILPROOF_SCENARIOS").unwrap_or_default();
    let scenarios: Vec<Scenario> =
        Scenario::all().into_iter().filter(|scenario| scenario.name.contains(&only)).collect();
    let listed: BTreeMap<String, Listed> =
        divergences::read().into_iter().map(|entry| (entry.case.clone(), entry)).collect();

    let next = AtomicUsize::new(0);
    let judged: Mutex<BTreeMap<usize, Judgement>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(scenario) = scenarios.get(number) else { return };
                    let listed = listed.get(scenario.name);
                    let judgement = compared(&aws, &ours, &scenario.stage(), listed);
                    let word = match &judgement {
                        Judgement::Same => "same",
                        Judgement::AsListed => "diverges as listed",
                        Judgement::Unlisted(_) => "DIVERGES, not listed",
                        Judgement::Changed(_) => "DIVERGES otherwise than listed",
                        Judgement::Vanished => "NO LONGER DIVERGES, but is listed",
                    };
                    print_line(&format!("differential: {} {word}", scenario.name));
                    judged.lock().unwrap().insert(number, judgement);
                }
            });
        }
    });
    let judged = judged.into_inner().unwrap();
    let count =
        |selected: fn(&Judgement) -> bool| judged.values().filter(|one| selected(one)).count();
    print_line(&format!(
        "differential: {} scenarios compared: {} same, {} as listed, {} failed; {:.0} s",
        judged.len(),
        count(|one| matches!(one, Judgement::Same)),
        count(|one| matches!(one, Judgement::AsListed)),
        count(Judgement::is_failure),
        begun.elapsed().as_secs_f64()
    ));
    if divergences::blessing() && only.is_empty() {
        bless(&scenarios, &judged, &listed);
        return;
    }
    let mut failures = String::new();
    for (number, judgement) in &judged {
        if let Some(scenario) = scenarios.get(*number).filter(|_| judgement.is_failure()) {
            failures.push_str(&failure(scenario.name, judgement, listed.get(scenario.name)));
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert!(!only.is_empty() || judged.len() >= FEWEST, "only {} were compared", judged.len());
}

fn failure(name: &str, judgement: &Judgement, listed: Option<&Listed>) -> String {
    let mut text = format!("\n=== {name}\n");
    if let Judgement::Unlisted(found) | Judgement::Changed(found) = judgement {
        text += &format!("--- theirs\n{}--- ours\n{}", found.theirs, found.ours);
    }
    if let Some(Listed { theirs, ours, .. }) = listed {
        text += &format!("--- listed as theirs\n{theirs}--- listed as ours\n{ours}");
    }
    text
}

/// Rewrites the file of divergences in the order of the scenarios.
fn bless(
    scenarios: &[Scenario],
    judged: &BTreeMap<usize, Judgement>,
    listed: &BTreeMap<String, Listed>,
) {
    let mut found = Vec::new();
    for (number, judgement) in judged {
        let Some(scenario) = scenarios.get(*number) else { continue };
        match judgement {
            Judgement::Same | Judgement::Vanished => {}
            Judgement::AsListed => found.extend(listed.get(scenario.name).cloned()),
            Judgement::Unlisted(new) | Judgement::Changed(new) => found.push(Listed {
                case: scenario.name.to_owned(),
                title: String::new(),
                reason: String::new(),
                theirs: new.theirs.clone(),
                ours: new.ours.clone(),
            }),
        }
    }
    divergences::write(&found);
    print_line(&format!("differential: {} divergences written", found.len()));
}
