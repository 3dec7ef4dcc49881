//! `trail-config --html`: one page, which needs nothing else.
use super::result::{CheckResult, ConfigReport};
use super::words;
use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io;
use trailproof_core::control::status::Status;
use trailproof_core::vocab::location::escape;
use trailproof_core::vocab::time::Period;

/// The style sheet, which the page's Content-Security-Policy allows by its hash.
const STYLE: &str = include_str!("../../../templates/report.css");

/// The page. Its texts are escaped for terminals here and for HTML by the template.
#[derive(Template)]
#[template(path = "config.html", whitespace = "minimize")]
struct Page {
    style: &'static str,
    style_hash: String,
    version: &'static str,
    class: &'static str,
    headline: String,
    facts: Vec<(String, String)>,
    trails: Vec<Trail>,
    calls: Vec<[String; 6]>,
    sources: Vec<[String; 3]>,
}

struct Trail {
    subject: String,
    facts: Vec<(String, String)>,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    title: &'static str,
    status: &'static str,
    class: &'static str,
    subject: String,
    why: String,
    observed: String,
    wanted: String,
    basis: String,
    notes: Vec<&'static str>,
    controls: Vec<(String, String)>,
}

/// Returns the page.
///
/// # Errors
///
/// The page cannot be written.
pub(crate) fn html(report: &ConfigReport) -> io::Result<Vec<u8>> {
    page(report).render().map(String::into_bytes).map_err(io::Error::other)
}

fn page(report: &ConfigReport) -> Page {
    let counts = report.counts();
    let safe = |text: &str| escape(text).into_owned();
    let mut facts = Vec::new();
    if let Some(as_of) = report.as_of {
        facts.push(("As of".to_owned(), as_of.to_string()));
    }
    for input in &report.inputs {
        facts.push((safe(&input.name), format!("SHA-256 {}", safe(&input.sha256))));
    }
    for record in &report.records {
        let Period { start, end } = record.period;
        let of =
            format!("{}, {start} to {end}, SHA-256 {}", safe(&record.bucket), safe(&record.sha256));
        facts.push((safe(&record.name), of));
    }
    if let Some(framework) = &report.framework {
        facts.push(("Framework".to_owned(), safe(framework)));
    }
    facts.push(("Retention".to_owned(), format!("{} days", report.wanted.retention_days)));
    facts.push(("At hand".to_owned(), format!("{} days", report.wanted.at_hand_days)));
    if report.incomplete {
        facts.push(("Plan".to_owned(), "covers only a part of the configuration".to_owned()));
    }
    let by_trail = report.by_trail();
    let trails = report.trails.iter().map(|trail| {
        let results = by_trail.get(trail.subject.as_str()).map(Vec::as_slice).unwrap_or_default();
        let named = [("Name", &trail.name), ("Bucket", &trail.bucket), ("Key", &trail.key)];
        Trail {
            subject: safe(&trail.subject),
            facts: named
                .iter()
                .filter_map(|(name, value)| Some(((*name).to_owned(), safe(value.as_ref()?))))
                .collect(),
            rows: results.iter().map(|result| row(result)).collect(),
        }
    });
    let calls = report.calls.iter().map(|call| {
        let status = call.http_status.map_or_else(|| "no answer".to_owned(), |it| it.to_string());
        let error = call.error_code.as_deref().map(|code| format!(" {}", safe(code)));
        [
            format!("{}:{}", safe(&call.service), safe(&call.operation)),
            safe(&call.region),
            safe(&call.target),
            call.time.to_string(),
            format!("{status}{}", error.unwrap_or_default()),
            call.response_sha256.as_deref().map(safe).unwrap_or_default(),
        ]
    });
    Page {
        style: STYLE,
        style_hash: STANDARD.encode(Sha256::digest(STYLE)),
        version: env!("CARGO_PKG_VERSION"),
        class: match (counts.fail, counts.not_available + counts.manual) {
            (0, 0) => "good",
            (0, _) => "doubt",
            _ => "bad",
        },
        headline: format!(
            "{} passed, {} failed, {} not available, {} manual",
            counts.pass, counts.fail, counts.not_available, counts.manual
        ),
        facts,
        trails: trails.collect(),
        calls: calls.collect(),
        sources: report
            .sources
            .iter()
            .map(|it| [safe(&it.code), safe(&it.name), safe(&it.date)])
            .collect(),
    }
}

fn row(result: &CheckResult) -> Row {
    let judgement = &result.judgement;
    // Those of a result that is joined come from a file.
    let safe = |text: &str| escape(text).into_owned();
    let mut controls: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for control in &result.controls {
        let ids = controls.entry(safe(&control.standard())).or_default();
        let id = safe(&control.id);
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Row {
        name: words::name(result.check),
        title: words::title(result.check),
        status: words::status(judgement.status),
        class: match judgement.status {
            Status::Pass => "good",
            Status::Fail => "bad",
            Status::NotAvailable | Status::Manual => "doubt",
            Status::NotApplicable => "none",
        },
        subject: escape(&result.subject).into_owned(),
        why: words::why(result),
        observed: words::observed(result),
        wanted: words::wanted(result),
        basis: result.basis_code(),
        notes: judgement.pitfalls.iter().map(|it| words::pitfall(*it)).collect(),
        controls: controls.into_iter().map(|(name, ids)| (name, ids.join(", "))).collect(),
    }
}
