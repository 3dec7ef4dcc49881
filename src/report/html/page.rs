//! The values that the template of the page shows.
use super::answer::{Answer, Figure, Statement, figures, found};
use super::chains::Chains;
use super::commands::Commands;
use super::details::{Accepted, Details};
use super::findings::{FindingCounts, Findings};
use super::gaps::Gaps;
use super::keys::Keys;
use super::links::Numbers;
use super::matrix::{Found, Matrix, found as accounts_found};
use super::shown::Shown;
use super::summary::{Fact, Totals};
use crate::report::collect::Collected;
use crate::report::controls::ServedStandard;
use crate::report::exceptions::{Exceptions, NO_EFFECT};
use crate::report::next_steps::next_steps;
use crate::report::numbers::{grouped, hours_and_days};
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

/// Number of next steps that are shown unfolded: with more, the findings begin on the third screen of a
/// phone.
const STEPS: usize = 2;

/// Everything that the page shows, escaped and formatted.
#[derive(Template)]
#[template(path = "report.html", whitespace = "minimize")]
pub(super) struct Page {
    /// The style sheet with the footer of printed pages. It holds no value that [`css_string`] has
    /// not spelled out, and is the only text that the template does not escape.
    ///
    /// [`css_string`]: super::shown::css_string
    style: String,
    style_hash: String,
    /// Version of the program that writes the page. `made_by` is the one that made the run.
    version: &'static str,
    made_by: Shown,
    title: Shown,
    answer: Answer,
    figures: Vec<Figure>,
    facts: Vec<Fact>,
    steps: Vec<Step>,
    steps_folded: Vec<Step>,
    statement: Option<Statement>,
    findings: Findings,
    gaps: Gaps,
    details: Details,
    accepted: Option<Accepted>,
    totals: Option<Totals>,
    /// Codes of the coverage that the page draws.
    legend: Vec<&'static str>,
    matrix: Option<Matrix>,
    found: Vec<Found>,
    found_left_out: usize,
    chains: Chains,
    commands: Option<Commands>,
    left_out_trails: Vec<Shown>,
    keys: Keys,
    /// Names of standards, and ids of the controls that integrity serves.
    controls: Vec<(String, String)>,
}

impl Page {
    pub(super) fn of(run: &Collected, counts: &FindingCounts, served: &[ServedStandard]) -> Self {
        let answer = Answer::of(run, counts);
        let (names, accounts) = (run.full_names(), run.account_names());
        let numbers = Numbers::of(run);
        let mut findings = Findings::of(run, counts, &numbers, &names);
        let gaps = Gaps::of(run, &findings.by_chain, &numbers, &names);
        let chains = Chains::of(run, &numbers, &findings, &gaps, &names);
        findings.link(&chains.marked, &gaps.of_findings);
        let style = format!("{STYLE}{}", answer.paper_footer(run));
        let mut steps: Vec<Step> = run
            .summary
            .iter()
            .flat_map(|summary| next_steps(run, summary))
            .map(|step| Step::of(&step))
            .collect();
        let steps_folded = steps.split_off(steps.len().min(STEPS));
        let (found, found_left_out) = accounts_found(&run.chains, &accounts);
        Self {
            style_hash: STANDARD.encode(Sha256::digest(&style)),
            style,
            version: env!("CARGO_PKG_VERSION"),
            made_by: Shown::of(run.start.as_ref().map_or("", |start| start.tool.version.as_str())),
            title: Shown::of(match &run.start {
                Some(start) => format!("{}: {}", answer.words, words::evidence(&start.place)),
                None => answer.words.clone(),
            }),
            figures: figures(run, gaps.total > 0),
            facts: facts(run),
            steps,
            steps_folded,
            statement: Statement::of(run, chains.verified),
            totals: run.summary.as_ref().map(|summary| Totals::of(run, summary)),
            legend: chains.drawn(),
            matrix: Matrix::of(&run.chains, &numbers, &run.ends, &accounts),
            found,
            found_left_out,
            chains,
            findings,
            gaps,
            details: Details::of(run, &names),
            accepted: Accepted::of(run),
            commands: Commands::of(run),
            keys: Keys::of(run),
            controls: served.iter().map(|it| (it.standard(), it.ids.join(", "))).collect(),
            left_out_trails: run.left_out.iter().map(Shown::of).collect(),
            answer,
        }
    }
}

impl Page {
    /// Returns the fill of a coverage: its pattern, and a colour for readers that drop patterns.
    fn fill(&self, code: &str) -> String {
        let colour = match code {
            "verified" => "#cfe6d4",
            "contradicted" => "#a3231c",
            "unverified" => "#f5d58c",
            "digests-missing" => "#e79b8f",
            _ => "#e3e5e8",
        };
        format!("url(#{code}) {colour}")
    }
}

/// What the reader can do next: text and, between backticks, code.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// Each part, and whether it is code.
    parts: Vec<(bool, Shown)>,
}

impl Step {
    fn of(words: &str) -> Self {
        let mut letters = words.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        let sentence: String = first.into_iter().chain(letters).collect();
        let parts = sentence.split('`').enumerate();
        Self { parts: parts.map(|(at, part)| (at % 2 == 1, Shown::of(part))).collect() }
    }
}

fn facts(run: &Collected) -> Vec<Fact> {
    let fact = |name, value: String| Fact { name, value: Shown::of(value), code: false };
    let Some(start) = &run.start else { return vec![fact("Run", NOT_RECORDED.to_owned())] };
    let cut = if start.end_was_future { " (cut at the time of the run)" } else { "" };
    let build = start.tool.build.as_ref().map(|build| format!(", built from {build}"));
    let mut facts = vec![
        Fact { name: "Evidence", value: Shown::of(words::evidence(&start.place)), code: true },
        fact(
            "Period",
            format!(
                "{} to {}{cut}: {}",
                start.period.start,
                start.period.end,
                hours_and_days(start.period.end.unix() - start.period.start.unix()),
            ),
        ),
        fact(
            "Named",
            places::scope(start, &run.not_performed.entries)
                .unwrap_or_else(|| "no accounts, regions or trails: everything there".to_owned()),
        ),
        fact("Expected", places::expected(start)),
        fact("Found", found(run)),
        fact(
            "Run",
            format!(
                "{}, with trailproof {}{}",
                run.circumstances.as_ref().map_or(NOT_RECORDED.to_owned(), ran),
                start.tool.version,
                build.unwrap_or_default()
            ),
        ),
    ];
    if let Some(exceptions) = Exceptions::of(run) {
        let number = exceptions.file.entries.len();
        facts.push(fact(
            "Accepted exceptions",
            format!("{}: {}. {NO_EFFECT}", grouped(number), exceptions.result()),
        ));
    }
    if let Some(before) = &start.follows {
        let joined = match run.seams {
            0 => String::new(),
            seams => format!(
                "; {} of {} chains continue from it",
                grouped(run.seams_joined),
                grouped(seams)
            ),
        };
        facts.push(fact("Follows", format!("{}{joined}", words::follows(before))));
    }
    facts
}

/// Returns by whom and when it was run.
fn ran(around: &Circumstances) -> String {
    let by =
        who(around).map_or_else(|| format!("by whom is {NOT_RECORDED}"), |who| format!("by {who}"));
    format!("{by}, at {}", around.started.0)
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
