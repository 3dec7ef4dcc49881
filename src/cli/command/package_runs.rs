//! The commands that `package create` runs first: `verify`, `trail-config`, and the attestation of the
//! record. Their options are those of the command line, so that there is nothing else to learn.
use super::attest::sign::{declared, sign_record};
use super::attest::signer::Signer;
use super::events::write_events;
use super::{trail_config, verify};
use crate::attest::key::VerifyingKey;
use crate::cli::args::aws::AwsArgs;
use crate::cli::args::commands::{Cli, Command};
use crate::cli::args::console::GlobalArgs;
use crate::cli::args::events::EventsArgs;
use crate::cli::args::trail_config::{ConfigFormat, TrailConfigArgs};
use crate::cli::args::verify::VerifyArgs;
use crate::cli::terminal::interrupt::unless_interrupted;
use crate::console::exit::ExitStatus;
use crate::console::refusal::Refusal;
use crate::console::stream::print_to_stderr;
use crate::files::atomic;
use crate::package::{Evidence, PackageRequest};
use crate::report::events::{EventFormat, EventWriter, summary};
use crate::report::trail_config::json;
use clap::Parser as _;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::location::{escape, excerpt, shell_word};

/// What the commands of a package made.
pub(super) enum Made {
    /// Everything, in this folder. The request names the files.
    All(TempDir),
    /// A command ended without a result, with this status.
    Ended(ExitStatus),
}

/// Runs the commands of the request, and replaces them by the files that they made.
///
/// # Errors
///
/// Arguments are invalid, a configuration cannot be checked, or a result cannot be written.
pub(super) async fn run(
    global: &GlobalArgs,
    request: &mut PackageRequest,
    target: &Path,
    reproducible: bool,
    signer: Option<&(Signer, VerifyingKey)>,
) -> Result<Made, Refusal> {
    let above = atomic::folder(target);
    let made = std::fs::create_dir_all(above)
        .and_then(|()| tempfile::Builder::new().prefix(".trailproof-").tempdir_in(above));
    let made = made.map_err(|error| {
        Refusal::output_lost(format!("cannot write below `{}`: {error}", shown(above)))
    })?;
    let runs = std::mem::take(&mut request.runs);
    // All arguments are read before the first command runs, which may take hours.
    let run = runs.verify.map(|arguments| verify_of(global, &arguments)).transpose()?;
    let configs = runs.trail_config.iter().enumerate();
    let configs: Vec<Config> =
        configs.map(|(at, run)| config_of(&global.aws, at, run)).collect::<Result<_, _>>()?;
    let record = match (&run, &request.record) {
        (Some(_), _) => made.path().join("record.jsonl.zst"),
        (None, Some(given)) => given.path.clone(),
        (None, None) => PathBuf::new(),
    };
    let events = runs.review_events.map(|arguments| events_of(global, &record, &arguments));
    let events = events.transpose()?;
    if let Some((global, mut args, command)) = run {
        let record = made.path().join("record.jsonl.zst");
        args.record.record = Some(record.clone());
        args.record.reproducible |= reproducible;
        print_to_stderr(&format!("running `{command}`"));
        let outputs = verify::outputs(&global, &args)?.unnamed();
        let status = verify::run_into(&global, &args, outputs).await;
        let judged = matches!(
            status,
            ExitStatus::Success | ExitStatus::Contradicted | ExitStatus::NotProven
        );
        if !judged || !record.is_file() {
            return Ok(Made::Ended(status));
        }
        if let Some((signer, public)) = signer {
            let declared = declared(runs.operator, None)?;
            let (_, envelope) = sign_record(signer, public, &record, &declared, Vec::new()).await?;
            let path = made.path().join("attestation.intoto.jsonl");
            atomic::write(&path, format!("{}\n", envelope.to_json()).as_bytes(), false)?;
            let made_by = Some("trailproof attest sign record.jsonl.zst".to_owned());
            request.attestation = Some(Evidence { path, made_by });
        }
        request.record = Some(Evidence { path: record, made_by: Some(command) });
    }
    for (at, Config { aws, mut args, command }) in configs.into_iter().enumerate() {
        if args.record.is_none() && (args.location.is_some() || args.trail_arn.is_some()) {
            args.record = request.record.as_ref().map(|record| record.path.clone());
        }
        print_to_stderr(&format!("running `{command}`"));
        let report = match unless_interrupted(trail_config::report(&aws, &args)).await {
            Ok(report) => report?,
            Err(signal) => return Ok(Made::Ended(signal)),
        };
        let counts = report.counts();
        print_to_stderr(&format!(
            "{} pass, {} fail, {} not available, {} manual, {} not applicable",
            counts.pass, counts.fail, counts.not_available, counts.manual, counts.not_applicable
        ));
        let path = made.path().join(name(at));
        let json = json::json(&report).map_err(|error| Refusal::output_lost(error.to_string()))?;
        atomic::write(&path, &json, false)?;
        request.trail_config.push(Evidence { path, made_by: Some(command) });
    }
    if let Some((global, args, command)) = events {
        print_to_stderr(&format!("running `{command}`"));
        let path = made.path().join("review-events.json");
        let lost = |error: &std::io::Error| Refusal::output_lost(error.to_string());
        let file = File::create_new(&path).map_err(|error| lost(&error))?;
        let writer = EventWriter::new(EventFormat::Json, BufWriter::new(file));
        let mut last = None;
        let searching = write_events(&global, &args, &mut last, writer, &lost);
        let searched = match unless_interrupted(searching).await {
            Ok(searched) => searched?,
            Err(signal) => return Ok(Made::Ended(signal)),
        };
        summary(&searched).iter().for_each(|line| print_to_stderr(line));
        request.review_events = Some(Evidence { path, made_by: Some(command) });
    }
    Ok(Made::All(made))
}

/// `trail-config.json`, `trail-config-2.json`, …
fn name(at: usize) -> PathBuf {
    match at {
        0 => PathBuf::from("trail-config.json"),
        _ => PathBuf::from(format!("trail-config-{}.json", at + 1)),
    }
}

fn shown(path: &Path) -> String {
    escape(&path.to_string_lossy()).into_owned()
}

struct Config {
    aws: AwsArgs,
    args: TrailConfigArgs,
    command: String,
}

fn verify_of(
    global: &GlobalArgs,
    arguments: &[String],
) -> Result<(GlobalArgs, VerifyArgs, String), Refusal> {
    let wrong = |why: &str| Refusal::usage(format!("cannot use `run.verify`: {why}"));
    let (cli, command) = parsed("verify", arguments).map_err(|why| wrong(&why))?;
    match cli.command {
        Command::Verify(args) if args.record.record.is_some() => {
            Err(wrong("`--record` is given, and the package has the record"))
        }
        // Whoever wrote the description may be somebody else, who must not choose files to overwrite.
        Command::Verify(args) if args.outputs.names_a_file() => {
            Err(wrong("it names an output, and the package has the reports"))
        }
        Command::Verify(args) if args.dry_run => Err(wrong("`--dry-run` verifies nothing")),
        Command::Verify(args) => Ok((cli.global.or(global), args, command)),
        _ => Err(wrong("it is a different command")),
    }
}

fn config_of(aws: &AwsArgs, at: usize, arguments: &[String]) -> Result<Config, Refusal> {
    let wrong = |why: &str| {
        Refusal::usage(format!("cannot use entry {} of `run.trail-config`: {why}", at + 1))
    };
    let (cli, command) = parsed("trail-config", arguments).map_err(|why| wrong(&why))?;
    let Command::TrailConfig(args) = cli.command else {
        return Err(wrong("it is a different command"));
    };
    let outputs = [&args.junit, &args.ocsf, &args.sarif].into_iter().any(Option::is_some);
    if outputs || !args.report.is_empty() || args.format != ConfigFormat::Text {
        return Err(wrong("it names an output, and the package has the result"));
    }
    if args.evidence_script {
        return Err(wrong("`--evidence-script` checks nothing"));
    }
    Ok(Config { aws: cli.global.aws.or(aws), args, command })
}

/// Reads the options of `events`, which searches the record of the package.
fn events_of(
    global: &GlobalArgs,
    record: &Path,
    arguments: &[String],
) -> Result<(GlobalArgs, EventsArgs, String), Refusal> {
    let wrong = |why: &str| Refusal::usage(format!("cannot use `run.review-events`: {why}"));
    if record.as_os_str().is_empty() {
        return Err(wrong("the package has no record to search"));
    }
    let with = |record: &str| {
        let own = [record, "--review", "--format", "json"].map(str::to_owned);
        [own.as_slice(), arguments].concat()
    };
    // The temporary name of the record says nothing to the reader of the package.
    let (_, command) = parsed("events", &with("record.jsonl.zst")).map_err(|why| wrong(&why))?;
    let Some(path) = record.to_str() else { return Err(wrong("the record's path is not UTF-8")) };
    let (cli, _) = parsed("events", &with(path)).map_err(|why| wrong(&why))?;
    match cli.command {
        Command::Events(args) => Ok((cli.global.or(global), args, command)),
        _ => Err(wrong("it is a different command")),
    }
}

/// Parses arguments as the command line does. Also returns that command line, in the words of a shell.
fn parsed(command: &str, arguments: &[String]) -> Result<(Cli, String), String> {
    let line = ["trailproof", command].into_iter().chain(arguments.iter().map(String::as_str));
    let cli = Cli::try_parse_from(line.clone()).map_err(|error| {
        if !error.use_stderr() {
            return "it asks for help or the version".to_owned();
        }
        // The usage and hints that follow are about a command line.
        let words = error.to_string();
        let first = words.split("\n\n").next().unwrap_or_default();
        let first = first.strip_prefix("error: ").unwrap_or(first);
        excerpt(&first.split_whitespace().collect::<Vec<_>>().join(" "), SHOWN)
    })?;
    Ok((cli, line.map(shell_word).collect::<Vec<_>>().join(" ")))
}
