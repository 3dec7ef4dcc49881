//! The values that the template of the page shows.
use super::chains::Chains;
use super::commands::Commands;
use super::details::Details;
use super::keys::Keys;
use super::matrix::Matrix;
use super::shown::{Shown, grouped};
use super::summary::{Answer, Fact, Totals};
use crate::report::collect::Collected;
use crate::report::places;
use crate::report::words;
use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use trailproof_core::record::document::Circumstances;

/// The style sheet. The page's Content-Security-Policy allows it by its hash, and nothing else.
const STYLE: &str = include_str!("../../../templates/report.css");

/// Shown for a fact that was not recorded. A blank could also mean that the fact is empty.
const NOT_RECORDED: &str = "not recorded";

/// Everything that the page shows, escaped and formatted.
#[derive(Template)]
#[template(path = "report.html", whitespace = "minimize")]
pub(super) struct Page {
    style: &'static str,
    style_hash: String,
    /// Version of the program that writes the page. `made_by` is the one that made the run.
    version: &'static str,
    made_by: Shown,
    title: Shown,
    answer: Answer,
    facts: Vec<Fact>,
    totals: Option<Totals>,
    matrix: Option<Matrix>,
    chains: Chains,
    details: Details,
    commands: Option<Commands>,
    left_out_trails: Vec<Shown>,
    keys: Keys,
}

impl Page {
    pub(super) fn of(run: &Collected) -> Self {
        let answer = Answer::of(run);
        let chains = Chains::of(&run.chains, &run.ends);
        Self {
            style: STYLE,
            style_hash: STANDARD.encode(Sha256::digest(STYLE)),
            version: env!("CARGO_PKG_VERSION"),
            made_by: Shown::of(run.start.as_ref().map_or("", |start| start.tool.version.as_str())),
            title: Shown::of(match &run.start {
                Some(start) => format!("{}: {}", answer.words, words::evidence(&start.place)),
                None => answer.words.clone(),
            }),
            facts: facts(run),
            totals: run.summary.as_ref().map(|summary| Totals::of(run, summary)),
            matrix: Matrix::of(&run.chains, &chains.numbers, &run.ends),
            chains,
            details: Details::of(run),
            commands: Commands::of(run),
            keys: Keys::of(run),
            left_out_trails: run.left_out.iter().map(Shown::of).collect(),
            answer,
        }
    }
}

fn facts(run: &Collected) -> Vec<Fact> {
    let fact = |name, value: String| Fact { name, value: Shown::of(value), code: false };
    let Some(start) = &run.start else { return vec![fact("Run", NOT_RECORDED.to_owned())] };
    let cut = if start.end_was_future { " (cut at the time of the run)" } else { "" };
    let chains = run.summary.as_ref().map_or_else(String::new, |summary| {
        let ended = match summary.ended {
            0 => String::new(),
            ended => format!(", and {} that ended before the period", grouped(ended)),
        };
        let noun = if summary.chains == 1 { "chain" } else { "chains" };
        format!(": {} {noun}{ended}", grouped(summary.chains))
    });
    let build = start.tool.build.as_ref().map(|build| format!(", built from {build}"));
    let mut facts = vec![
        Fact { name: "Evidence", value: Shown::of(words::evidence(&start.place)), code: true },
        fact("Period", format!("{} to {}{cut}", start.period.start, start.period.end)),
        fact(
            "Scope",
            match places::scope(start, &run.not_performed) {
                Some(scope) => format!("{scope}{chains}"),
                None => format!("everything that the bucket holds{chains}"),
            },
        ),
        fact("Expected", places::expected(start)),
        fact("Run by", run.circumstances.as_ref().and_then(who).unwrap_or(NOT_RECORDED.to_owned())),
        fact(
            "Run at",
            run.circumstances
                .as_ref()
                .map_or(NOT_RECORDED.to_owned(), |around| around.started.0.to_string()),
        ),
        fact("Tool", format!("trailproof {}{}", start.tool.version, build.unwrap_or_default())),
    ];
    if let Some(before) = &start.follows {
        let joined = match run.seams {
            0 => String::new(),
            seams => format!("; {} of {seams} chains continue from it", run.seams_joined),
        };
        facts.push(fact("Follows", format!("{}{joined}", words::follows(before))));
    }
    facts
}

/// Returns who ran it, by their names on the host and in AWS.
fn who(around: &Circumstances) -> Option<String> {
    let on_host = match (&around.user, &around.host) {
        (Some(user), Some(host)) => Some(format!("{user} on {host}")),
        (user, host) => user.as_ref().or(host.as_ref()).cloned(),
    };
    match (on_host, &around.aws_caller) {
        (Some(on_host), Some(caller)) => Some(format!("{on_host}, as {caller}")),
        (on_host, caller) => on_host.or_else(|| caller.clone()),
    }
}
