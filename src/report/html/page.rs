//! The page as its template sees it.
use super::chains::Chains;
use super::details::{Commands, Details};
use super::matrix::Matrix;
use super::shown::{Shown, grouped};
use super::summary::{Answer, Fact, Totals};
use crate::report::collect::Collected;
use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// The one style sheet. The page's policy allows it by its hash, and nothing else.
const STYLE: &str = include_str!("../../../templates/report.css");

/// What is not recorded is told as such: a page with a blank would leave open which it was.
const NOT_RECORDED: &str = "not recorded";

/// Everything that the page shows, ready to be shown.
#[derive(Template)]
#[template(path = "report.html", whitespace = "minimize")]
pub(super) struct Page {
    style: &'static str,
    style_hash: String,
    version: &'static str,
    title: Shown,
    answer: Answer,
    facts: Vec<Fact>,
    totals: Option<Totals>,
    matrix: Option<Matrix>,
    chains: Chains,
    details: Details,
    commands: Option<Commands>,
    left_out_trails: Vec<Shown>,
}

impl Page {
    pub(super) fn of(run: &Collected) -> Self {
        let answer = Answer::of(run);
        let chains = Chains::of(&run.chains);
        Self {
            style: STYLE,
            style_hash: STANDARD.encode(Sha256::digest(STYLE)),
            version: env!("CARGO_PKG_VERSION"),
            title: Shown::of(format!("{}: {}", answer.words, run.location)),
            facts: facts(run),
            totals: run.summary.as_ref().map(|summary| Totals::of(run, summary)),
            matrix: Matrix::of(&run.chains, &chains.numbers),
            chains,
            details: Details::of(run),
            commands: Commands::of(run),
            left_out_trails: run.left_out.iter().map(Shown::of).collect(),
            answer,
        }
    }
}

fn facts(run: &Collected) -> Vec<Fact> {
    let fact = |name, value: Shown, code| Fact { name, value, code };
    let mut facts = vec![fact("Evidence", Shown::of(&run.location), true)];
    let period = run.period.map(|period| {
        let cut = if run.end_was_future { " (cut at the time of the run)" } else { "" };
        format!("{} to {}{cut}", period.start, period.end)
    });
    facts.push(fact("Period", Shown::of(period.as_deref().unwrap_or(NOT_RECORDED)), false));
    let scope = match &run.summary {
        None => NOT_RECORDED.to_owned(),
        Some(summary) => {
            let mut scope = match summary.chains {
                1 => "1 chain".to_owned(),
                chains => format!("{} chains", grouped(chains)),
            };
            if summary.ended > 0 {
                scope.push_str(&format!(", and {} that ended before the period", summary.ended));
            }
            scope
        }
    };
    facts.push(fact("Scope", Shown::of(scope), false));
    facts.push(fact("Run by", Shown::of(NOT_RECORDED), false));
    facts.push(fact("Run at", Shown::of(NOT_RECORDED), false));
    let tool = format!("trailproof {}", env!("CARGO_PKG_VERSION"));
    facts.push(fact("Made by", Shown::of(tool), false));
    facts
}
