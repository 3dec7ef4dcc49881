//! `trail-config --junit`: one suite a trail, one case a check.
use super::result::{CheckResult, ConfigReport};
use super::words;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::io;
use trailproof_core::control::status::Status;
use trailproof_core::vocab::location::escape;

/// Returns the report as JUnit XML.
///
/// # Errors
///
/// The document cannot be serialized.
pub(crate) fn junit(report: &ConfigReport) -> io::Result<Vec<u8>> {
    let mut document = Report::new("trailproof trail-config");
    let by_trail = report.by_trail();
    for trail in &report.trails {
        let mut suite = TestSuite::new(escape(&trail.subject).into_owned());
        for result in by_trail.get(trail.subject.as_str()).into_iter().flatten() {
            let mut case = TestCase::new(words::name(result.check), case_status(result));
            case.set_classname(escape(&result.subject).into_owned());
            suite.add_test_case(case);
        }
        document.add_test_suite(suite);
    }
    let mut out = Vec::new();
    document.serialize(&mut out).map_err(io::Error::other)?;
    Ok(out)
}

/// A failure is a failure. What is not available was not tested, and what a person must decide is not
/// tested either: both are skipped, as are checks that do not apply.
fn case_status(result: &CheckResult) -> TestCaseStatus {
    let status = result.judgement.status;
    let mut case = match status {
        Status::Pass => return TestCaseStatus::success(),
        Status::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Status::NotAvailable | Status::Manual | Status::NotApplicable => TestCaseStatus::skipped(),
    };
    case.set_message(format!("{}: {}", status.code(), words::why(result)));
    case.set_description(words::observed(result));
    case
}
