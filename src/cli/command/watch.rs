//! `trailproof watch`: one step of a chain of records.
//!
//! The order of what a step writes decides what a step that is killed leaves behind: first its record,
//! then the alerts, then the document of the step. An alert can therefore be printed twice, and is never lost.
use crate::cli::args::console::GlobalArgs;
use crate::cli::args::output::{OutputArgs, RecordArgs};
use crate::cli::args::watch::{WatchArgs, WatchFormat};
use crate::cli::output::outputs::Outputs;
use crate::cli::terminal::interrupt::unless_interrupted;
use crate::cli::terminal::progress::Progress;
use crate::cli::terminal::request_summary::print_request_summary;
use crate::console::exit::ExitStatus;
use crate::console::refusal::Refusal;
use crate::console::stream::{print_to_stderr, print_to_stdout};
use crate::session::environment::now;
use crate::session::open::Session;
use crate::session::period::time;
use crate::session::request::VerifyRequest;
use crate::session::shared::{SharedPath, SharedStore};
use crate::source::layer::count::Counts;
use crate::verify::run::verify;
use crate::watch::alert::{Ages, Alert, alerts};
use crate::watch::chain::Depth;
use crate::watch::latest::{Latest, Reported};
use crate::watch::scope::check_same;
use crate::watch::state::{Attempt, State};
use crate::watch::step::{StepFacts, StepTally};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use trailproof_core::coverage::TAIL_ALLOWANCE;
use trailproof_core::record::wire::Time;
use trailproof_core::record::{RunEvent, RunStart};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::location::escape;
use trailproof_core::vocab::time::{Period, Timestamp};

/// Runs the command and returns the exit status.
pub(crate) async fn run(global: &GlobalArgs, args: &WatchArgs) -> ExitStatus {
    let step = match unless_interrupted(begin(global, args)).await {
        Ok(Ok(Begun::Step(step))) => step,
        Ok(Ok(Begun::Done(status))) => return status,
        Ok(Err(refusal)) => return refusal.print(),
        Err(signal) => return signal,
    };
    let Step { mut state, request, mut outputs, attempt, end, began, start } = *step;
    let counts = Arc::new(Counts::default());
    let mut progress = Progress::start(&global.console, Arc::clone(&counts));
    let mut seen = Seen::default();
    let work = verify_new(global, request, &state, &mut outputs, &counts, &mut progress, &mut seen);
    let ended = unless_interrupted(work).await;
    if ended.is_err() {
        progress.interrupted(None);
    }
    progress.stop();
    let lost = outputs.close();
    let ages = Ages {
        now: end.plus(TAIL_ALLOWANCE).min(began),
        proven_to: state.newest.as_ref().map_or(start, |newest| newest.start.period.end),
        limit: args.max_age,
    };
    let ended = match ended {
        Err(signal) => return signal,
        Ok(Err(refusal)) if refusal.status() == ExitStatus::Usage => return refusal.print(),
        Ok(ended) => ended,
    };
    let last = async {
        match ended {
            Ok(()) => finish(global, args, &mut state, seen, ages, &attempt, lost).await,
            Err(refusal) => not_started(global, args, &mut state, ages, &refusal).await,
        }
    };
    unless_interrupted(last).await.unwrap_or_else(|signal| signal)
}

/// A step that is about to look at the evidence.
struct Step {
    state: State,
    request: VerifyRequest,
    outputs: Outputs,
    /// Its record.
    attempt: Attempt,
    /// The end of its period.
    end: Timestamp,
    /// When it began, by this machine's clock.
    began: Timestamp,
    /// The start of its period.
    start: Timestamp,
}

/// What the state leaves to do.
enum Begun {
    Step(Box<Step>),
    /// Nothing: the exit status.
    Done(ExitStatus),
}

/// Opens the state, and decides what the step covers.
async fn begin(global: &GlobalArgs, args: &WatchArgs) -> Result<Begun, Refusal> {
    let typed = &args.evidence.selection;
    if args.evidence.as_of.is_some() || args.evidence.since.is_some() || typed.quarter.is_some() {
        return Err(Refusal::usage(
            "`watch` continues where the records of its state end: `--since`, `--as-of` and \
             `--quarter` do not apply\n\nhint: `--start-time` says where the first step begins",
        ));
    }
    if args.format == WatchFormat::Json && args.metrics.metrics_emf {
        return Err(Refusal::usage(
            "`--metrics-emf` and `--format json` both need stdout\n\nhint: use `--metrics FILE`",
        ));
    }
    let end = typed.end_time.as_deref().map(time).transpose().map_err(Refusal::usage)?;
    let depth = if args.check_state { Depth::All } else { Depth::Budget };
    let mut state = match SharedPath::read(&args.state)? {
        SharedPath::Local(path) => State::in_folder(&path, depth).await?,
        SharedPath::S3(at) => {
            let store = SharedStore::open(&global.aws.access()).await?;
            State::in_bucket(store, at, depth).await?
        }
    };
    let shown = escape(&args.state.to_string_lossy()).into_owned();
    if args.check_state {
        let words = match &state.newest {
            Some(newest) => format!(
                "`{shown}` is whole: {} records, up to {}\n",
                state.records, newest.start.period.end
            ),
            None => format!("`{shown}` has no records\n"),
        };
        print_to_stdout(words.as_bytes()).map_err(|error| Refusal::stdout_lost(&error))?;
        return Ok(Begun::Done(ExitStatus::Success));
    }
    let began = now();
    // What is older than the allowance has arrived, or is late.
    let end = end.unwrap_or_else(|| began.plus(-TAIL_ALLOWANCE)).min(began);
    let first_typed = typed.start_time.is_some() || typed.last.is_some();
    let previous = state.newest.as_mut().map(|newest| std::mem::take(&mut newest.previous));
    match &state.newest {
        None if !first_typed => {
            return Err(Refusal::usage(format!(
                "the state `{shown}` has no records yet\n\nhint: `--start-time` says where the first \
                 step begins"
            )));
        }
        Some(newest) if end <= newest.start.period.end => {
            let to = newest.start.period.end;
            print_to_stderr(&format!("note: the records go up to {to}: there is nothing new yet"));
            // Without the document, the newest record is the last that anything is known of.
            let verdict = state.latest.as_ref().and_then(|latest| latest.verdict());
            let verdict = verdict.unwrap_or(newest.verdict);
            return Ok(Begun::Done(ExitStatus::from(verdict)));
        }
        Some(_) | None => {}
    }
    if let (Some(text), Some(begins)) = (&typed.start_time, state.begins) {
        let start = time(text).map_err(Refusal::usage)?;
        if start != begins {
            return Err(Refusal::usage(format!(
                "`--start-time` is {start}, and the records of the state begin at {begins}\n\nhint: \
                 begin a new state, or leave out `--start-time`"
            )));
        }
    }
    let mut request = VerifyRequest::continuing(&args.evidence, previous, began)?;
    request.period = request.period.ending(end, began);
    request.concurrency = args.concurrency;
    let (Period { start, .. }, _) = request.period_at(began)?;
    let attempt = state.begin(end)?;
    let record = RecordArgs { record: Some(attempt.path.clone()), reproducible: args.reproducible };
    let outputs = OutputArgs { metrics: args.metrics.clone(), ..OutputArgs::default() };
    let outputs = Outputs::of_files(&global.console, &record, &outputs)?;
    let outputs = if state.keeps_partial() { outputs } else { outputs.passing() };
    Ok(Begun::Step(Box::new(Step { state, request, outputs, attempt, end, began, start })))
}

/// What was seen of a run.
#[derive(Default)]
struct Seen {
    start: Option<RunStart>,
    tally: StepTally,
}

/// Verifies what is new, and writes the record of the step.
async fn verify_new(
    global: &GlobalArgs,
    request: VerifyRequest,
    state: &State,
    outputs: &mut Outputs,
    counts: &Arc<Counts>,
    progress: &mut Progress,
    seen: &mut Seen,
) -> Result<(), Refusal> {
    let mut run =
        Session::open(&global.aws.access(), request, counts, outputs.caller(), None).await?;
    state.check_outside(run.reading.as_ref())?;
    if let Some(newest) = &state.newest {
        check_same(&newest.start, &run.plan.start())?;
    }
    run.plan.workload = progress.workload();
    outputs.set_facts(run.own(counts, &Arc::default()).await);
    let (source, keys) = (Arc::clone(&run.source), Arc::clone(&run.keys));
    verify(&run.plan, source, keys, &mut |event| {
        progress.note(event);
        if let RunEvent::RunStarted(start) = event {
            seen.start = Some(start.as_ref().clone());
        }
        seen.tally.take(event);
        outputs.emit(event);
    })
    .await;
    progress.stop();
    run.remarks();
    run.remark_custody(global.console.quiet);
    run.warn_clock_skew();
    if let Some(billed) = &run.billed {
        print_request_summary(global.console.quiet, billed);
    }
    Ok(())
}

/// Adds the record of a run to the state, reports what is new, and returns the exit status.
async fn finish(
    global: &GlobalArgs,
    args: &WatchArgs,
    state: &mut State,
    seen: Seen,
    ages: Ages,
    attempt: &Attempt,
    lost: bool,
) -> ExitStatus {
    let Some(start) = seen.start else { return ExitStatus::Defect };
    let facts = seen.tally.finish();
    let kept = match lost {
        true => None,
        false => keep(state, attempt, start.period.end, facts.settled).await,
    };
    let settled = facts.settled && kept.is_some();
    let ages = Ages { proven_to: if settled { start.period.end } else { ages.proven_to }, ..ages };
    let (alerts, reported) = alerts(&facts, &proven(state), ages, &reported(state));
    let verdict = facts.verdict.unwrap_or(Verdict::NotProven);
    let status = ExitStatus::from(verdict);
    let record = kept.as_ref().map(|(name, _)| state.place(name));
    let shown = print(global, args, &alerts, Some((verdict, start.period, settled)), record);
    let written = match (kept, &shown) {
        (Some(record), Ok(())) => {
            let period = (Time(start.period.start), Time(start.period.end));
            let follows = start.follows.map(|follows| follows.sha256);
            let begins = state.begins.or(settled.then_some(start.period.start));
            let latest = Latest::new(record, verdict, period, follows, begins, reported);
            write_latest(&latest, state).await
        }
        // What nobody saw was not reported. The next step continues from the same record, or reports it.
        _ => false,
    };
    status.or_output_lost(!written)
}

/// Reports a run that did not start, and returns the exit status.
async fn not_started(
    global: &GlobalArgs,
    args: &WatchArgs,
    state: &mut State,
    ages: Ages,
    refusal: &Refusal,
) -> ExitStatus {
    let status = refusal.print();
    let Some(latest) = &state.latest else { return status };
    // There were records before: what held evidence no longer does.
    let gone = matches!(status, ExitStatus::NothingFound | ExitStatus::NotProven);
    let verdict = gone.then_some(Verdict::NothingFound);
    let facts = StepFacts { verdict, ..StepFacts::default() };
    let (alerts, reported) = alerts(&facts, &proven(state), ages, &latest.reported);
    if print(global, args, &alerts, None, None).is_ok() && reported != latest.reported {
        let mut latest = latest.clone();
        latest.reported = reported;
        write_latest(&latest, state).await;
    }
    status
}

/// Keeps the record that was written, and returns its name and hash.
async fn keep(
    state: &mut State,
    attempt: &Attempt,
    end: Timestamp,
    settled: bool,
) -> Option<(String, String)> {
    let kept = state.keep(attempt, end, settled).await;
    kept.inspect_err(|refusal| print_to_stderr(&format!("error: {refusal}"))).ok()
}

async fn write_latest(latest: &Latest, state: &mut State) -> bool {
    let written = state.write_latest(latest).await;
    written.inspect_err(|refusal| print_to_stderr(&format!("error: {refusal}"))).is_ok()
}

fn reported(state: &State) -> Reported {
    state.latest.as_ref().map(|latest| latest.reported.clone()).unwrap_or_default()
}

/// Returns the newest proven digest of each chain of the newest record.
fn proven(state: &State) -> BTreeMap<ChainId, Timestamp> {
    state.newest.as_ref().map(|newest| newest.proven.clone()).unwrap_or_default()
}

/// Prints the result of a step: alerts, and unless `--quiet` the step itself.
fn print(
    global: &GlobalArgs,
    args: &WatchArgs,
    alerts: &[Alert],
    step: Option<(Verdict, Period, bool)>,
    record: Option<String>,
) -> Result<(), Refusal> {
    let mut lines = String::new();
    match args.format {
        WatchFormat::Text => {
            for alert in alerts {
                lines.push_str(&alert.line());
                if let Some(record) = &record {
                    lines.push_str(&format!("; record `{}`", escape(record)));
                }
                lines.push('\n');
            }
            if let Some((verdict, Period { start, end }, settled)) =
                step.filter(|_| !global.console.quiet)
            {
                let again = if settled { "" } else { "; the next step covers this time again" };
                let (words, record) = (verdict.words(), record.unwrap_or_default());
                lines.push_str(&format!(
                    "{words}: {start} to {end}{again}; record `{}`\n",
                    escape(&record)
                ));
            }
        }
        WatchFormat::Json => {
            let document = json!({
                "verdict": step.map(|(verdict, ..)| verdict.words()),
                "from": step.map(|(_, period, _)| Time(period.start)),
                "to": step.map(|(_, period, _)| Time(period.end)),
                "settled": step.is_some_and(|(.., settled)| settled),
                "record": record,
                "alerts": alerts,
            });
            if !global.console.quiet || !alerts.is_empty() {
                lines = format!("{document}\n");
            }
        }
    }
    let printed = print_to_stdout(lines.as_bytes());
    printed.map_err(|error| Refusal::stdout_lost(&error)).inspect_err(|refusal| {
        print_to_stderr(&format!("error: {refusal}"));
    })
}
