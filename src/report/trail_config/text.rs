//! `trail-config --format text`.
use super::result::{CheckResult, ConfigReport, TrailShown};
use super::words;
use std::fmt::Write as _;
use trailproof_core::control::status::Status;
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::location::{escape, excerpt};

/// Returns the report as text for people: for each trail what failed first, and what passed last.
pub(crate) fn text(report: &ConfigReport) -> String {
    let mut out = String::new();
    for input in &report.inputs {
        let _ = writeln!(out, "read {} (sha256 {})", escape(&input.name), escape(&input.sha256));
    }
    for record in &report.records {
        let _ = writeln!(
            out,
            "record {} of `{}`, {} to {} (sha256 {})",
            escape(&record.name),
            escape(&record.bucket),
            record.period.start,
            record.period.end,
            escape(&record.sha256)
        );
    }
    if let Some(as_of) = report.as_of {
        let _ = writeln!(out, "as of {as_of}");
    }
    if report.incomplete {
        let _ = writeln!(out, "note: the plan covers only a part of the configuration");
    }
    let by_trail = report.by_trail();
    for trail in &report.trails {
        let results = by_trail.get(trail.subject.as_str()).map(Vec::as_slice).unwrap_or_default();
        of_trail(&mut out, results, trail);
    }
    let counts = report.counts();
    let _ = writeln!(
        out,
        "\n{} passed, {} failed, {} not available, {} manual, {} not applicable",
        counts.pass, counts.fail, counts.not_available, counts.manual, counts.not_applicable
    );
    out
}

/// The order in which statuses are shown.
const ORDER: [Status; 5] =
    [Status::Fail, Status::Manual, Status::NotAvailable, Status::Pass, Status::NotApplicable];

fn of_trail(out: &mut String, results: &[&CheckResult], trail: &TrailShown) {
    let name = trail.name.as_ref().filter(|name| **name != trail.subject);
    let named = name.map(|name| format!(" `{}`", excerpt(name, SHOWN))).unwrap_or_default();
    let _ = writeln!(out, "\ntrail {}{named}", escape(&trail.subject));
    for (label, value) in [("bucket", &trail.bucket), ("key", &trail.key)] {
        let shown = value.as_ref().map_or("unknown".into(), |value| escape(value));
        if value.is_some() || label == "bucket" {
            let _ = writeln!(out, "  {label} {shown}");
        }
    }
    for status in ORDER {
        for result in results.iter().filter(|it| it.judgement.status == status) {
            line(out, result);
        }
    }
}

fn line(out: &mut String, result: &CheckResult) {
    let status = result.judgement.status;
    let _ = writeln!(
        out,
        "  {:14} {}: {}",
        words::status(status),
        words::name(result.check),
        words::title(result.check)
    );
    if matches!(status, Status::Pass | Status::NotApplicable) && result.contradicts.is_none() {
        return;
    }
    let _ = writeln!(out, "    {}", words::why(result));
    if !result.judgement.observed.is_empty() {
        let _ = writeln!(out, "    observed: {}", words::observed(result));
    }
    for pitfall in &result.judgement.pitfalls {
        let _ = writeln!(out, "    note: {}", words::pitfall(*pitfall));
    }
    if result.judgement.by_reference {
        let _ = writeln!(out, "    basis: {}", result.basis_code());
    }
}
