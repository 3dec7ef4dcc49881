//! `--junit FILE`: a run as JUnit XML, for pipelines that gate on it.
//!
//! The first suite is the run, and each other suite is a chain. Contradictions are failures;
//! objects that could not be checked and time that no digest covers are errors. The case `verdict`
//! alone decides the gate: it passes if and only if the exit status is 0.
use super::RunReporter;
use super::collect::{Collected, Gap};
use super::ends::Ends;
use super::exceptions::Exceptions;
use super::names::{AccountNames, ChainNames};
use super::numbers::{hours, per_cent, verified};
use super::places;
use super::words::{self, NOT_JOINED, uncovered};
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};
use std::collections::BTreeMap;
use std::io::{self, Write};
use trailproof_core::coverage::Coverage;
use trailproof_core::record::{ChainSummary, PlaceDoubt, Presence, RunEvent};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::location::escape;

/// The reporter for `--junit`.
#[derive(Debug)]
pub struct Junit<W> {
    out: W,
    collected: Collected,
}

impl<W: Write> Junit<W> {
    /// Returns a reporter that writes the document to `out` once the run is finished.
    pub fn new(out: W) -> Self {
        Self { out, collected: Collected::default() }
    }
}

impl<W: Write + Send> RunReporter for Junit<W> {
    fn event(&mut self, event: &RunEvent) -> io::Result<()> {
        self.collected.take(event);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        report(&self.collected).serialize(&mut self.out).map_err(io::Error::other)?;
        self.out.flush()
    }
}

fn report(run: &Collected) -> Report {
    let mut report = Report::new("trailproof");
    report.add_test_suite(whole_run(run));
    let names = run.names();
    let mut cases = cases_by_chain(run, &names);
    for chain in &run.chains {
        let mut suite = TestSuite::new(shown(&names.name(&chain.chain)));
        suite.add_test_case(coverage(chain, &names, &run.ends));
        for case in cases.remove(&chain.chain).into_iter().flatten() {
            suite.add_test_case(case);
        }
        report.add_test_suite(suite);
    }
    // If the run was interrupted, cases remain of chains that did not finish.
    for (chain, cases) in cases {
        let mut suite = TestSuite::new(shown(&names.name(&chain)));
        for case in cases {
            suite.add_test_case(case);
        }
        report.add_test_suite(suite);
    }
    report
}

/// Returns the suite of the run as a whole: its verdict, and what belongs to no chain.
fn whole_run(run: &Collected) -> TestSuite {
    let mut suite = TestSuite::new("run");
    if let Some(start) = &run.start {
        for (name, value) in [
            ("location", words::evidence(&start.place)),
            ("from", start.period.start.to_string()),
            ("to", start.period.end.to_string()),
            ("version", start.tool.version.clone()),
        ] {
            suite.add_property(Property::new(name, shown(&value)));
        }
        if let Some(before) = &start.follows {
            suite.add_property(Property::new("follows", shown(&words::follows(before))));
        }
        if start.complete_copy {
            suite.add_property(Property::new("complete-copy-asserted", "true"));
        }
    }
    if !run.key_sources.is_empty() {
        let sources: Vec<&str> = run.key_sources.iter().map(String::as_str).collect();
        suite.add_property(Property::new("public-key-sources", shown(&sources.join("; "))));
    }
    if let Some(exceptions) = Exceptions::of(run) {
        let judged = exceptions.judged;
        for (name, value) in [
            ("accepted-exceptions-file-sha256", exceptions.sha256()),
            ("objections", judged.objections.to_string()),
            ("objections-accepted", judged.accepted.to_string()),
            ("all-objections-accepted", judged.all_accepted.to_string()),
        ] {
            suite.add_property(Property::new(name, shown(&value)));
        }
    }
    for (name, left_out) in [
        ("findings-left-out", run.findings.left_out()),
        ("unverified-left-out", run.unread.left_out()),
        ("uncovered-left-out", run.gaps.left_out()),
        ("unlisted-left-out", run.unlisted.left_out()),
        ("logs-without-digests-left-out", run.without_digests.left_out()),
        ("not-joined-left-out", run.not_joined.left_out()),
        ("places-in-doubt-left-out", run.places_in_doubt.left_out()),
        ("checks-not-performed-left-out", run.not_performed.left_out()),
    ] {
        if left_out > 0 {
            suite.add_property(Property::new(name, left_out.to_string()));
        }
    }
    suite.add_test_case(case("run", "verdict", verdict(run)));
    for (folder, why) in &run.listings_unread.entries {
        let status = error(why.kind.code(), &why.to_string());
        suite.add_test_case(case("run", &format!("listing of {folder}"), status));
    }
    for at in &run.unlisted.entries {
        let status = error(
            "log-unlisted",
            "no verified digest names it, so it may not come from CloudTrail",
        );
        suite.add_test_case(case("run", &format!("log-unlisted {at}"), status));
    }
    for (folder, _) in &run.without_digests.entries {
        let words = "log files of the period, but no digest of any trail covers that account and \
                     region";
        let status = error("logs-without-digests", words);
        suite.add_test_case(case("run", &format!("logs-without-digests {folder}"), status));
    }
    for doubt in &run.places_in_doubt.entries {
        let status = error(doubt.why.code(), places::why(doubt.why));
        let name =
            format!("{} {}", doubt.why.code(), places::place(doubt, &AccountNames::default()));
        suite.add_test_case(case("run", &name, status));
    }
    for one in Exceptions::of(run).into_iter().flat_map(Exceptions::iter) {
        let mut status = TestCaseStatus::skipped();
        status.set_message(shown(&format!("{}: {}", one.outcome(), one.reason())));
        status.set_description(shown(&format!("approved by {}", one.approval())));
        let code = one.exception.code.code();
        let name = format!("accepted exception {}: {code} {}", one.number, one.subject());
        suite.add_test_case(case("run", &name, status));
    }
    for not_made in &run.not_performed.entries {
        let mut status = TestCaseStatus::skipped();
        status.set_message(shown(&words::not_made(not_made)));
        suite.add_test_case(case("run", &format!("check {}", not_made.check.code()), status));
    }
    suite
}

fn verdict(run: &Collected) -> TestCaseStatus {
    let Some(summary) = &run.summary else {
        return error("no-verdict", "the run was cut short");
    };
    let scope =
        run.start.as_ref().and_then(|start| places::scope(start, &run.not_performed.entries));
    let scope = scope.map(|scope| format!(" ({scope})")).unwrap_or_default();
    let (verdict, status) = (summary.verdict.words(), summary.verdict.exit_status());
    let accepted = Exceptions::of(run).map(|exceptions| format!("; {}", exceptions.result()));
    let accepted = accepted.unwrap_or_default();
    let words = format!("{verdict}{scope}: exit status {status}{accepted}");
    match summary.verdict {
        Verdict::Proven => TestCaseStatus::success(),
        Verdict::Contradicted => failure("contradicted", &words),
        Verdict::NotProven => error("not-proven", &words),
        Verdict::NothingFound => error("nothing-found", &words),
    }
}

fn coverage(chain: &ChainSummary, names: &ChainNames, ends: &Ends) -> TestCase {
    let (all, part) = verified(&chain.segments);
    let contradicted = chain.segments.iter().any(|s| s.coverage == Coverage::Contradicted);
    let words = format!("{} verified ({} of {})", per_cent(part, all), hours(part), hours(all));
    let status = match chain.presence {
        Presence::Ended { .. } if ends.is_doubted(&chain.chain) => {
            error(PlaceDoubt::EndedUnexplained.code(), &ends.words(&chain.chain))
        }
        Presence::Ended { .. } => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(shown(&ends.words(&chain.chain)));
            status
        }
        Presence::Present | Presence::Absent { .. } if contradicted => {
            failure("contradicted", &words)
        }
        Presence::Present | Presence::Absent { .. } if all > part => error("not-proven", &words),
        Presence::Present | Presence::Absent { .. } => TestCaseStatus::success(),
    };
    case(&names.name(&chain.chain), "coverage of the period", status)
}

/// Returns, by chain, the findings, the objects that could not be checked, and uncovered time.
fn cases_by_chain(run: &Collected, names: &ChainNames) -> BTreeMap<ChainId, Vec<TestCase>> {
    let mut cases: BTreeMap<ChainId, Vec<TestCase>> = BTreeMap::new();
    for told in &run.findings.entries {
        let (expected, found) = words::expected_and_found(&told.finding);
        let code = told.finding.code();
        let mut status = failure(code, &format!("expected {expected}; found {found}"));
        if told.lifecycle {
            status.set_description(
                "nothing older is listed; a lifecycle rule that expires old objects would look the \
                 same",
            );
        }
        let name = match told.at.bucket.is_empty() {
            true => code.to_owned(),
            false => format!("{code} {}", told.at),
        };
        let case = case(&names.name(&told.chain), &name, status);
        cases.entry(told.chain.clone()).or_default().push(case);
    }
    for unread in &run.unread.entries {
        // Every object is judged within a chain.
        let Some(chain) = &unread.chain else { continue };
        let code = unread.why.kind.code();
        let status = error(code, &unread.why.to_string());
        let case = case(&names.name(chain), &format!("{code} {}", unread.at), status);
        cases.entry(chain.clone()).or_default().push(case);
    }
    for (chain, at) in &run.not_joined.entries {
        let status = error("not-joined", NOT_JOINED);
        let case = case(&names.name(chain), &format!("not-joined {at}"), status);
        cases.entry(chain.clone()).or_default().push(case);
    }
    for gap in &run.gaps.entries {
        cases.entry(gap.chain.clone()).or_default().push(stretch(gap, names));
    }
    for chain in &run.chains {
        for segment in chain.segments.iter().filter(|one| one.coverage == Coverage::Pending) {
            let mut status = TestCaseStatus::skipped();
            status.set_message(words::PENDING);
            let name = format!("pending {} to {}", segment.from, segment.to);
            let case = case(&names.name(&chain.chain), &name, status);
            cases.entry(chain.chain.clone()).or_default().push(case);
        }
    }
    cases
}

fn stretch(gap: &Gap, names: &ChainNames) -> TestCase {
    let (code, words) = match gap.segment.coverage {
        Coverage::Uncovered(why) => (why.code(), uncovered(why)),
        covered => (covered.code(), covered.code()),
    };
    let time = format!("{} to {}", gap.segment.from, gap.segment.to);
    let mut status = error(code, &format!("{words} ({})", hours(gap.segment.seconds())));
    let explained: Vec<String> = gap
        .explained
        .iter()
        .map(|event| {
            let (name, id, who) =
                (escape(&event.name), escape(&event.id), escape(&event.principal));
            format!("explained by {name} ({id}) at {} by {who}, in {}", event.time, event.log)
        })
        .collect();
    if !explained.is_empty() {
        status.set_description(shown(&explained.join("\n")));
    }
    case(&names.name(&gap.chain), &format!("{code} {time}"), status)
}

fn case(class: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(shown(name), status);
    case.set_classname(shown(class));
    case
}

fn failure(code: &str, words: &str) -> TestCaseStatus {
    non_success(NonSuccessKind::Failure, code, words)
}

fn error(code: &str, words: &str) -> TestCaseStatus {
    non_success(NonSuccessKind::Error, code, words)
}

fn non_success(kind: NonSuccessKind, code: &str, words: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(code).set_message(shown(words));
    status
}

/// Escapes text that a pipeline shows in a terminal or on a page; line breaks are kept.
fn shown(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(escape).collect();
    lines.join("\n")
}
