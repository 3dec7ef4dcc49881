//! `mirror --dry-run`: what a mirror would copy, and whether it fits, from listings alone.
use crate::cli::args::console::GlobalArgs;
use crate::cli::args::mirror::{CopyArgs, CopyOptions};
use crate::cli::args::output::Format;
use crate::cli::terminal::interrupt::unless_interrupted;
use crate::cli::terminal::progress::Progress;
use crate::console::exit::ExitStatus;
use crate::console::refusal::{Refusal, print_result};
use crate::files::space::Space;
use crate::report::mirror::plan::{Free, Kind, MirrorPlan, json, text};
use crate::session::environment::now;
use crate::session::open::{CallerLookup, Session};
use crate::session::reading;
use crate::session::request::VerifyRequest;
use crate::source::layer::count::Counts;
use crate::source::mirror::MirrorSource;
use crate::source::mirror::writer::MirrorWriter;
use crate::verify::discover::in_period::InPeriod;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use trailproof_core::vocab::key_layout::DigestKey;
use trailproof_core::vocab::location::escape;

/// Runs the command and returns the exit status: 0; 3 if a part could not be listed; 4 if nothing
/// was found; 6 if it does not fit, as the run itself would end.
pub(super) async fn run(global: &GlobalArgs, what: &CopyArgs, args: &CopyOptions) -> ExitStatus {
    match unless_interrupted(attempt(global, what, args)).await {
        Err(signal) => signal,
        Ok(ended) => ended.unwrap_or_else(|refusal| refusal.print()),
    }
}

async fn attempt(
    global: &GlobalArgs,
    what: &CopyArgs,
    args: &CopyOptions,
) -> Result<ExitStatus, Refusal> {
    if args.format == Format::Jsonl {
        return Err(Refusal::usage("a dry run has the formats `text` and `json`"));
    }
    let counts = Arc::new(Counts::default());
    let mut progress = Progress::start(&global.console, Arc::clone(&counts));
    let mut request = VerifyRequest::read(Some(&what.location), &args.selection, now())?;
    request.concurrency = args.concurrency;
    let (bucket, prefix) = request.bucket_to_copy()?;
    MirrorWriter::check(&what.directory, &bucket, &prefix)?;
    let mirror = mirror(&what.directory)?;
    let session =
        Session::open(&global.aws.access(), request, &counts, CallerLookup::Skipped, None).await?;
    let plan = &session.plan;
    let space = Space::of(&what.directory).ok();
    let block = space.map_or(1, |space| space.block);
    let planned = MirrorPlan {
        bucket,
        prefix,
        directory: what.directory.to_string_lossy().into_owned(),
        period: Some(plan.period),
        resumed: mirror.is_some(),
        free: space.map(|space| Free { bytes: space.available, files: space.files }),
        ..MirrorPlan::default()
    };
    let listed = Mutex::new((planned, None));
    let wanted = InPeriod::new(&plan.scope, plan.period);
    let unread = wanted
        .each(&session.source, &plan.bucket, &plan.roots, &|object| {
            let held = mirror.as_ref().map(|mirror| mirror.has_copy(&plan.bucket, object));
            let kind = match DigestKey::parse(&object.key) {
                Some(_) => Kind::Digests,
                None => Kind::LogFiles,
            };
            let taken = Space::taken_by(block, object.size);
            let mut listed = listed.lock().unwrap_or_else(PoisonError::into_inner);
            let (planned, broken) = &mut *listed;
            match held.transpose() {
                Ok(held) => {
                    let held = held.unwrap_or(false);
                    planned.add(kind, object.size, object.archived, held, taken);
                }
                Err(error) => *broken = Some(error),
            }
        })
        .await;
    progress.stop();
    session.warn_clock_skew();
    let (mut planned, broken) = listed.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = broken {
        let shown = what.directory.to_string_lossy();
        let words = format!("cannot read the mirror `{}`: {error}", escape(&shown));
        return Err(Refusal::not_started(words));
    }
    planned.unread = unread;
    let bytes = match args.format {
        Format::Text => text(&planned).into_bytes(),
        _ => json(&planned).map_err(|error| Refusal::stdout_lost(&error))?,
    };
    let status = ExitStatus::from(planned.verdict());
    print_result(&bytes, status.or_output_lost(planned.fits() == Some(false)))
}

/// Opens the mirror that is in the directory, if there is one.
fn mirror(directory: &Path) -> Result<Option<MirrorSource>, Refusal> {
    if !directory.exists() {
        return Ok(None);
    }
    reading::mirror_at(directory)
}
