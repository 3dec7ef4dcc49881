//! `trailproof lookup`: did CloudTrail deliver this very file?
//!
//! A file is identified by the hash of its content and not by its name. A proven digest that names
//! the hash records where and when the file was delivered. The object at that key may have changed
//! since.
use crate::cli::args::aws::AwsArgs;
use crate::cli::args::lookup::LookupArgs;
use crate::cli::terminal::interrupt::unless_interrupted;
use crate::cli::terminal::progress::Progress;
use crate::cli::terminal::request_summary::print_request_summary;
use crate::console::exit::ExitStatus;
use crate::console::refusal::{Refusal, print_result};
use crate::report::text_lines::{COMPLETE_COPY, counted};
use crate::report::words::{evidence, expected_and_found};
use crate::session::environment::now;
use crate::session::open::{CallerLookup, Session};
use crate::session::request::VerifyRequest;
use crate::verify::plan::VerifyPlan;
use crate::verify::run::look_up;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trailproof_core::bytes::content::{Content, ContentReader, Form, Hash, Joined};
use trailproof_core::codes::finding::Outcome;
use trailproof_core::record::{LogNamed, RunEvent, RunSummary};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::location::escape;
use trailproof_core::vocab::time::HOUR;

/// The argument that means standard input. A file of that name is given as `./-`.
const STDIN: &str = "-";

/// Number of bytes that are read and hashed at a time.
const CHUNK: usize = 256 << 10;

/// Where a hash was found: the log entry that names it, and a remark on the object now at that key.
type FoundAt = (LogNamed, Option<Remark>);

/// A remark on an object that is not proven, or on the form of a file.
struct Remark {
    /// Whether it contradicts the digest that names it.
    contradicts: bool,
    words: String,
}

/// Runs the command and returns the exit status.
pub(crate) async fn run(aws: &AwsArgs, args: &LookupArgs) -> ExitStatus {
    match unless_interrupted(attempt(aws, args)).await {
        Err(signal) => signal,
        Ok(ended) => ended
            .and_then(|report| print_result(report.text.as_bytes(), report.verdict.into()))
            .unwrap_or_else(|refusal| refusal.print()),
    }
}

struct LookupReport {
    text: String,
    verdict: Verdict,
}

async fn attempt(aws: &AwsArgs, args: &LookupArgs) -> Result<LookupReport, Refusal> {
    let mut files = Vec::new();
    for path in &args.files {
        files.push((path.clone(), read(path)?));
    }
    let counts = Arc::default();
    let progress = Progress::start(args.quiet, Arc::clone(&counts));
    let mut request = VerifyRequest::read(Some(&args.place), &args.selection, now())?;
    request.copy(&args.relocate, args.bucket.as_deref(), args.complete_copy)?;
    request.trust_keys(&args.public_keys)?;
    // Only digests show what was delivered.
    request.unlisted = false;
    let session =
        Session::open(&aws.access(), request, &counts, CallerLookup::Skipped, None).await?;
    let wanted: Arc<BTreeSet<Hash>> =
        Arc::new(files.iter().flat_map(|(_, read)| [read.whole_hash(), read.hash]).collect());
    let mut found: BTreeMap<Hash, Vec<FoundAt>> = BTreeMap::new();
    let mut last: Option<Hash> = None;
    let mut doubts = 0;
    let (source, keys) = (session.source.clone(), session.keys.clone());
    let summary = look_up(&session.plan, wanted, source, keys, &mut |event| {
        progress.note(event);
        match event {
            RunEvent::LogNamed(named) => {
                last = Some(named.hash);
                found.entry(named.hash).or_default().push((named.clone(), None));
            }
            RunEvent::LogJudged(judged) => {
                let entries = last.take().and_then(|hash| found.get_mut(&hash));
                if let Some((_, there_now)) = entries.and_then(|entries| entries.last_mut()) {
                    *there_now = there(&judged.outcome);
                }
            }
            RunEvent::PlaceInDoubt(_) | RunEvent::LogsWithoutDigests { .. } => doubts += 1,
            _ => {}
        }
    })
    .await;
    progress.stop();
    session.remarks();
    session.warn_clock_skew();
    if let Some(billed) = &session.billed {
        print_request_summary(args.quiet, billed);
    }
    Ok(emit(&files, &found, &summary, doubts, &session.plan))
}

/// Returns a remark on the object at the key of delivery, unless it is valid.
fn there<P>(outcome: &Outcome<P>) -> Option<Remark> {
    let (contradicts, words) = match outcome {
        Outcome::Valid(_) => return None,
        Outcome::Invalid(finding) => {
            let (_, now) = expected_and_found(finding);
            (
                true,
                format!(
                    "the object at that key is no longer what was delivered: {}, {now}",
                    finding.code()
                ),
            )
        }
        Outcome::Unverified(why) => {
            (false, format!("the object at that key could not be read: {why}"))
        }
    };
    Some(Remark { contradicts, words })
}

/// Reads a file and hashes its content.
fn read(path: &Path) -> Result<Content, Refusal> {
    let shown = escape(&path.to_string_lossy()).into_owned();
    let failed = |error: io::Error| Refusal::not_started(format!("cannot read `{shown}`: {error}"));
    let mut file: Box<dyn Read> = if path == Path::new(STDIN) {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(failed)?)
    };
    let mut reader = ContentReader::new(budget::LOG_INFLATED);
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = file.read(&mut chunk).map_err(failed)?;
        let Some(bytes) = chunk.get(..length).filter(|bytes| !bytes.is_empty()) else { break };
        if reader.push(bytes, None).is_err() {
            return Err(Refusal::not_started(format!(
                "`{shown}` inflates to more than {} bytes",
                budget::LOG_INFLATED
            )));
        }
    }
    Ok(reader.finish())
}

fn emit(
    files: &[(PathBuf, Content)],
    found: &BTreeMap<Hash, Vec<FoundAt>>,
    summary: &RunSummary,
    doubts: u64,
    plan: &VerifyPlan,
) -> LookupReport {
    let mut lines = Vec::new();
    let mut verdict: Option<Verdict> = None;
    let mut worse = |one: Verdict| verdict = verdict.max(Some(one));
    let coverage = &summary.coverage;
    let left_out = left_out(summary, doubts);
    let searched_all = coverage.total() > 0 && left_out.is_empty();
    for (path, content) in files {
        let shown = escape(&path.to_string_lossy()).into_owned();
        let hash = hex::encode(content.whole_hash());
        let form = odd_form(content, found);
        match places_of(content, found) {
            Some(places) => {
                let odd = form.as_ref().is_some_and(|form| form.contradicts);
                let whole = if odd { "its first part was" } else { "was" };
                lines.push(format!("{shown}: {whole} delivered by CloudTrail"));
                worse(if odd { Verdict::Contradicted } else { Verdict::Proven });
                for (named, remark) in places {
                    lines.push(format!("    as {}", named.at));
                    lines.push(format!("    between {} and {}", named.start, named.end));
                    lines.push(format!("    named by {}", named.digest));
                    lines.push(format!("    signed with the key `{}`", escape(&named.fingerprint)));
                    if let Some(Remark { contradicts, words }) = remark {
                        lines.push(format!("    {words}"));
                        if *contradicts {
                            worse(Verdict::Contradicted);
                        }
                    }
                }
            }
            None => {
                lines.push(format!("{shown}: not found in any verified digest"));
                if shown.contains("_CloudTrail-Digest_") {
                    lines.push(
                        "    a digest, judging by its name; `lookup` finds only log files"
                            .to_owned(),
                    );
                }
                worse(if searched_all { Verdict::NothingFound } else { Verdict::NotProven });
            }
        }
        lines.push(format!("    sha256 {hash}"));
        lines.extend(form.map(|form| format!("    {}", form.words)));
    }
    lines.push(format!(
        "searched: {} of {} of chain time in {}, {} to {}, {}",
        number_of_hours(coverage.verified),
        hours(coverage.total()),
        counted(summary.chains, "chain"),
        plan.period.start,
        plan.period.end,
        evidence(&plan.place),
    ));
    if plan.complete_copy {
        lines.push(COMPLETE_COPY.to_owned());
    }
    if files.iter().any(|(_, content)| places_of(content, found).is_none()) {
        if !left_out.is_empty() {
            let what = left_out.join(", ");
            lines.push(format!("not searched: {what}; a file may have been delivered there"));
        } else if coverage.total() == 0 {
            lines.push("nothing was searched: no chain has a digest in that time".to_owned());
        }
    }
    let text = lines.join("\n") + "\n";
    LookupReport { text, verdict: verdict.unwrap_or(Verdict::NothingFound) }
}

/// Returns where a file's content, or that of its first gzip member, was delivered.
fn places_of<'f>(
    content: &Content,
    found: &'f BTreeMap<Hash, Vec<FoundAt>>,
) -> Option<&'f Vec<FoundAt>> {
    found.get(&content.whole_hash()).or_else(|| found.get(&content.hash))
}

/// Returns what could not be searched. An unproven digest may name any file.
fn left_out(summary: &RunSummary, doubts: u64) -> Vec<String> {
    let (coverage, counts) = (&summary.coverage, &summary.counts);
    let mut left_out = Vec::new();
    let open = coverage.total() - coverage.verified;
    if open > 0 {
        left_out.push(format!("{} that no proven digest covers", hours(open)));
    }
    for (tally, kind) in [(&counts.digests, "digest"), (&counts.backfill, "backfill digest")] {
        let unproven = tally.invalid + tally.unverified;
        if unproven > 0 {
            left_out.push(format!("{} not proven", counted(unproven, kind)));
        }
    }
    if doubts > 0 {
        left_out.push(format!("{} in doubt", counted(doubts, "place")));
    }
    if summary.listings_unread > 0 {
        left_out.push(format!("{} not read", counted(summary.listings_unread, "listing")));
    }
    left_out
}

/// Returns hours with their noun: `1 hour`, `1.5 hours`.
fn hours(seconds: i64) -> String {
    let noun = if seconds == HOUR { "hour" } else { "hours" };
    format!("{} {noun}", number_of_hours(seconds))
}

/// Returns a number of hours, with one decimal unless it is whole.
fn number_of_hours(seconds: i64) -> String {
    let tenths = seconds * 10 / 3_600;
    match (tenths / 10, tenths % 10) {
        (whole, 0) => whole.to_string(),
        (whole, tenth) => format!("{whole}.{tenth}"),
    }
}

/// Returns how the file's form differs from CloudTrail's. Several gzip members are only a different
/// form if all of their content was delivered.
fn odd_form(content: &Content, found: &BTreeMap<Hash, Vec<FoundAt>>) -> Option<Remark> {
    let contradicts = |words: String| Some(Remark { contradicts: true, words });
    match content.form {
        Form::Gzip | Form::Plain => None,
        Form::GzipAndMore { .. }
            if matches!(content.joined, Joined::Members { .. })
                && (found.contains_key(&content.whole_hash())
                    || !found.contains_key(&content.hash)) =>
        {
            let words = "several-members: it consists of several gzip members, which were joined";
            Some(Remark { contradicts: false, words: words.to_owned() })
        }
        Form::GzipAndMore { trailing } => contradicts(format!(
            "log-trailing-data: {trailing} bytes follow the gzip member; some readers take them \
             for log records"
        )),
        Form::GzipCutShort => contradicts("log-malformed: the gzip member is cut short".to_owned()),
        Form::GzipBroken(_) => contradicts("log-malformed: the gzip member is broken".to_owned()),
    }
}
