//! `trailproof plan`, `work` and `merge`: one run cut into shards.
use crate::cli::args::aws::AwsArgs;
use crate::cli::args::console::GlobalArgs;
use crate::cli::args::shard::{MergeArgs, PlanArgs, WorkArgs};
use crate::cli::terminal::interrupt::unless_interrupted;
use crate::cli::terminal::progress::Progress;
use crate::cli::terminal::request_summary::print_request_summary;
use crate::console::exit::ExitStatus;
use crate::console::refusal::{Refusal, print_result};
use crate::console::stream::{print_to_stderr, print_to_stdout};
use crate::files::atomic::{AtomicFile, check_absent};
use crate::files::record_file::{PartialFile, open_document};
use crate::report::record::RecordSink;
use crate::session::environment::now;
use crate::session::key_files;
use crate::session::location::Location;
use crate::session::open::{CallerLookup, PlannedKeys, Session};
use crate::session::reading::Reading;
use crate::session::request::VerifyRequest;
use crate::session::shared::{self, SharedPath, SharedStore, Written, outside_evidence};
use crate::shard::hash::{hash_part, is_of};
use crate::shard::ledger::{Ledgers, is_ledger};
use crate::shard::merge::{MergeError, Merged};
use crate::shard::output::RecordOutput;
use crate::shard::plan::{KeysShape, ShardPlan, Stage};
use crate::shard::records::{
    Fetched, ListedFiles, ShardFile, ShardFiles, by_store, fetch_files, is_record, list_files,
    local_files,
};
use crate::shard::shard_lines::ShardStarted;
use crate::shard::survey::{expired, is_survey, join, survey_shard};
use crate::shard::work;
use crate::source::layer::count::Counts;
use crate::source::mirror::KEYS_BESIDE;
use crate::verify::parts::{find_parts, survey_all};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, BufRead as _, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tempfile::NamedTempFile;
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::record::RunEvent;
use trailproof_core::record::document::DocumentKind;
use trailproof_core::record::wire::write_json;
use trailproof_core::vocab::budget::{KEY_BUNDLE, SHOWN};
use trailproof_core::vocab::location::{ObjectLocation, escape, excerpt};

/// Variables in which schedulers number the tasks of an array.
const INDEXES: [&str; 3] =
    ["SLURM_ARRAY_TASK_ID", "AWS_BATCH_JOB_ARRAY_INDEX", "JOB_COMPLETION_INDEX"];

/// Changed digests, or shards, that a message names.
const NAMED: usize = 10;

/// Runs `plan` and returns the exit status.
pub(crate) async fn plan(global: &GlobalArgs, args: &PlanArgs) -> ExitStatus {
    match unless_interrupted(make_plan(global, args)).await {
        Err(signal) => signal,
        Ok(Ok(status)) => status,
        Ok(Err(refusal)) => refusal.print(),
    }
}

async fn make_plan(global: &GlobalArgs, args: &PlanArgs) -> Result<ExitStatus, Refusal> {
    let aws = &global.aws;
    let output = plan_output(&args.output, args.force)?;
    let counts = Arc::new(Counts::default());
    let mut progress = Progress::start(&global.console, Arc::clone(&counts));
    let mut request = VerifyRequest::of_evidence(&args.evidence, now())?;
    request.concurrency = args.concurrency;
    let keys = planned_keys(&request, &args.evidence.public_keys)?;
    let skipped = CallerLookup::Skipped;
    let mut session = Session::open(&global.aws.access(), request, &counts, skipped, None).await?;
    let Some(reading) = session.reading.take() else {
        return Err(Refusal::usage(
            "a folder with digests by file name alone cannot be cut into shards\n\nhint: \
             `trailproof verify` verifies it on one machine",
        ));
    };
    let output = PlanOutput::open(aws, output, &reading).await?;
    progress.note(&RunEvent::RunStarted(Box::new(session.plan.start())));
    let most = args.shards.and_then(|most| usize::try_from(most).ok());
    let (surveyed, stage) = match args.survey_in_shards {
        true => {
            let (surveyed, outside) = find_parts(&session.plan, &session.source).await;
            (surveyed, Stage::Survey { outside, most })
        }
        false => (survey_all(&session.plan, &session.source).await, Stage::Verify),
    };
    if let Some(why) = expired(&surveyed) {
        return Err(Refusal::not_started(format!(
            "the credentials expired before the plan was written, so nothing was: {why}\n\nhint: run it \
             again with credentials that last longer"
        )));
    }
    let trail = session.plan.status.as_ref().map(|status| status.arn.clone());
    let plan = ShardPlan::new(&session.plan, surveyed, stage, most);
    let plan = ShardPlan { reading, keys, trail, ..plan };
    let number = plan.shards.len();
    output.write(&plan, args.force).await?;
    progress.stop();
    session.remarks();
    session.warn_clock_skew();
    if let Some(billed) = &session.billed {
        print_request_summary(global.console.quiet, billed);
    }
    print_result(format!("{number}\n").as_bytes(), ExitStatus::Success)
}

/// Where a plan is written.
enum PlanOutput {
    File(PathBuf),
    S3(Box<SharedStore>, ObjectLocation),
}

/// Returns the place of a plan that is not written yet.
fn plan_output(path: &Path, force: bool) -> Result<SharedPath, Refusal> {
    let output = SharedPath::read(path)?;
    match &output {
        SharedPath::Local(path) => check_absent(path, force)?,
        SharedPath::S3(_) if force => {
            return Err(Refusal::usage(
                "an object in S3 is never overwritten\n\nhint: write the plan under a different name",
            ));
        }
        SharedPath::S3(_) => {}
    }
    Ok(output)
}

impl PlanOutput {
    async fn open(aws: &AwsArgs, at: SharedPath, reading: &Reading) -> Result<Self, Refusal> {
        Ok(match at {
            SharedPath::Local(path) => Self::File(path),
            SharedPath::S3(at) => Self::S3(Box::new(store_for(aws, &at, reading).await?), at),
        })
    }

    async fn write(&self, plan: &ShardPlan, force: bool) -> Result<(), Refusal> {
        match self {
            Self::File(path) => write_plan(plan, path, force),
            Self::S3(store, at) => store_plan(plan, at, store).await,
        }
    }
}

fn write_plan(plan: &ShardPlan, path: &Path, force: bool) -> Result<(), Refusal> {
    let written = AtomicFile::create(path, force).and_then(|file| {
        let mut out = BufWriter::new(file.writer()?);
        plan.write(&mut out)?;
        out.flush()?;
        drop(out);
        file.keep()
    });
    written.map_err(|error| cannot_write(path, &error))
}

async fn store_plan(
    plan: &ShardPlan,
    at: &ObjectLocation,
    store: &SharedStore,
) -> Result<(), Refusal> {
    let write = || -> io::Result<NamedTempFile> {
        let mut out = BufWriter::new(NamedTempFile::new()?);
        plan.write(&mut out)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)
    };
    let file = write().map_err(|error| cannot_write(&std::env::temp_dir(), &error))?;
    match store.create(at, file.path()).await {
        Ok(Written::Done) => Ok(()),
        Ok(Written::Different) => Err(Refusal::usage(format!(
            "`{}` already exists\n\nhint: write the plan under a different name",
            shared::shown(at)
        ))),
        Err(why) => Err(cannot_store(at, &why)),
    }
}

/// Opens S3 for an output that is not in the evidence, in a bucket that exists.
async fn store_for(
    aws: &AwsArgs,
    at: &ObjectLocation,
    reading: &Reading,
) -> Result<SharedStore, Refusal> {
    outside_evidence(Some(reading), at)?;
    let store = SharedStore::open(&aws.access()).await?;
    store.check(&at.bucket).await.map_err(|why| cannot_store(at, &why))?;
    Ok(store)
}

fn cannot_store(at: &ObjectLocation, why: &ReadFailure) -> Refusal {
    Refusal::output_lost(format!("cannot write `{}`: {why}", shared::shown(at)))
}

/// Returns where the keys of a run come from.
fn planned_keys(request: &VerifyRequest, typed: &[PathBuf]) -> Result<KeysShape, Refusal> {
    let in_directory = match &request.place {
        Some(Location::Directory(path)) => Some(path),
        _ => None,
    };
    let Some((_, names)) = &request.keys else {
        return Ok(match in_directory {
            Some(_) => KeysShape::None,
            None => KeysShape::Cloudtrail,
        });
    };
    let beside = in_directory.map(|path| path.join(KEYS_BESIDE));
    let paths: Vec<PathBuf> = match typed {
        [] => beside.into_iter().collect(),
        typed => typed.to_vec(),
    };
    let sha256 = paths.iter().map(|path| hash(path)).collect::<Result<_, _>>()?;
    let shown = |path: &PathBuf| {
        let path = path.canonicalize().unwrap_or_else(|_| path.clone());
        path.to_string_lossy().into_owned()
    };
    Ok(KeysShape::Files { names: names.clone(), paths: paths.iter().map(shown).collect(), sha256 })
}

/// Returns the SHA-256 of a file of public keys, of which no more is read than such a file may have.
fn hash(path: &Path) -> Result<String, Refusal> {
    let read = || -> io::Result<String> {
        let mut bytes = Vec::new();
        File::open(path)?.take(KEY_BUNDLE + 1).read_to_end(&mut bytes)?;
        Ok(hex::encode(Sha256::digest(bytes)))
    };
    read().map_err(|error| cannot_read(path, &error))
}

/// Runs `work` and returns the exit status.
pub(crate) async fn work(global: &GlobalArgs, args: &WorkArgs) -> ExitStatus {
    match unless_interrupted(do_work(global, args)).await {
        Err(signal) => signal,
        Ok(Ok(status)) => status,
        Ok(Err(refusal)) => refusal.print(),
    }
}

/// What `work` prints on stdout for each shard.
#[derive(Serialize)]
struct Status<'a> {
    shard: u64,
    record: &'a str,
    chains: u64,
    digests_changed: usize,
    /// Log files that were not read, because hash ledgers state what they contain.
    log_files_from_ledgers: u64,
}

/// Prints one line of JSON on stdout.
fn print_line(status: &impl Serialize) -> Result<(), Refusal> {
    let mut line = Vec::new();
    let written = write_json(&mut line, status).and_then(|()| {
        line.push(b'\n');
        print_to_stdout(&line)
    });
    written.map_err(|error| Refusal::stdout_lost(&error))
}

/// The files that local paths and places in S3 name.
struct Gathering {
    local: Vec<ShardFile>,
    remote: Option<(SharedStore, ListedFiles)>,
}

impl Gathering {
    /// Lists them, and in directories and folders those whose name `is_one` takes.
    async fn list(
        aws: &AwsArgs,
        paths: &[PathBuf],
        is_one: impl Fn(&str) -> bool,
    ) -> Result<Self, Refusal> {
        let (local, remote) = by_store(paths)?;
        let local = local_files(&local, &is_one)?;
        if remote.is_empty() {
            return Ok(Self { local, remote: None });
        }
        let store = SharedStore::open(&aws.access()).await?;
        let listed = list_files(&store, &remote, &is_one).await?;
        Ok(Self { local, remote: Some((store, listed)) })
    }

    /// Fetches those whose name `is_one` takes. What was fetched is removed with the second value.
    async fn files(
        &self,
        is_one: impl Fn(&str) -> bool,
    ) -> Result<(Vec<ShardFile>, Fetched), Refusal> {
        let name = |file: &&ShardFile| {
            is_one(&file.path.file_name().unwrap_or_default().to_string_lossy())
        };
        let mut files: Vec<ShardFile> = self.local.iter().filter(name).cloned().collect();
        let Some((store, listed)) = &self.remote else { return Ok((files, Fetched::default())) };
        let (more, fetched) = fetch_files(store, listed, &is_one).await?;
        files.extend(more);
        Ok((files, fetched))
    }
}

async fn do_work(global: &GlobalArgs, args: &WorkArgs) -> Result<ExitStatus, Refusal> {
    let aws = &global.aws;
    let (plan, sha256) = read_plan(aws, &args.plan).await?;
    let to = match SharedPath::read(&args.to)? {
        SharedPath::Local(path) => RecordOutput::Directory(path),
        SharedPath::S3(at) => {
            RecordOutput::S3(Box::new(store_for(aws, &at, &plan.reading).await?), at)
        }
    };
    let keys = trusted(&plan.keys, &args.public_keys)?;
    let counts = Arc::new(Counts::default());
    let mut progress = Progress::start(&global.console, Arc::clone(&counts));
    let access = aws.access();
    let opened = Session::planned(
        &access,
        plan.plan.clone(),
        plan.reading.clone(),
        (plan.trail.clone(), keys),
        &counts,
        args.concurrency,
    );
    let mut session = opened.await?;
    session.plan.workload = progress.workload();
    if let Stage::Survey { .. } = plan.stage {
        if args.hash.is_some() || !args.hashed.is_empty() {
            return Err(Refusal::usage(
                "the shards of this plan list digests and read no log files\n\nhint: `merge --plan` \
                 makes the plan whose shards do",
            ));
        }
        for shard in shards(args)? {
            let (plan, source) = ((&plan, sha256.as_str()), &session.source);
            print_line(&survey_shard(plan, shard?, &session.plan, source, &to).await?)?;
        }
        return Ok(end_work(global, &session, &mut progress));
    }
    if let Some(part) = args.hash {
        progress.searching();
        for shard in shards(args)? {
            let done = hash_part((&plan, &sha256), shard?, part, &session.source, &to).await?;
            print_line(&done)?;
        }
        return Ok(end_work(global, &session, &mut progress));
    }
    let ledgers = Gathering::list(aws, &args.hashed, is_ledger).await?;
    let (mut all_chains, mut all_digests) = (0, 0);
    for shard in shards(args)? {
        let shard = shard?;
        // The progress is that of all shards which were begun.
        let mut note = |event: &RunEvent| match event {
            RunEvent::BucketListed { chains, digests, .. } => {
                (all_chains, all_digests) = (all_chains + chains, all_digests + digests);
                let (chains, digests, left_out) = (all_chains, all_digests, Vec::new());
                progress.note(&RunEvent::BucketListed { chains, digests, left_out });
            }
            event => progress.note(event),
        };
        let (files, _fetched) =
            ledgers.files(|name| !is_ledger(name) || is_of(name, shard)).await?;
        let ledgers = Ledgers::read(&sha256, shard, &files)?;
        let (session, to) = (&session, &to);
        let done = work::work(&plan, &sha256, shard, session, &ledgers, to, &mut note).await?;
        print_line(&Status {
            shard,
            record: &done.record,
            chains: done.chains,
            digests_changed: done.changed,
            log_files_from_ledgers: ledgers.logs.skipped().load(Ordering::Relaxed),
        })?;
    }
    Ok(end_work(global, &session, &mut progress))
}

fn end_work(global: &GlobalArgs, session: &Session, progress: &mut Progress) -> ExitStatus {
    progress.stop();
    session.warn_clock_skew();
    if let Some(billed) = &session.billed {
        print_request_summary(global.console.quiet, billed);
    }
    ExitStatus::Success
}

type Shards = Box<dyn Iterator<Item = Result<u64, Refusal>> + Send>;

/// Returns the shards to verify: those of the options, of the scheduler, or of the lines on stdin.
fn shards(args: &WorkArgs) -> Result<Shards, Refusal> {
    if !args.shard.is_empty() {
        return Ok(Box::new(args.shard.clone().into_iter().map(Ok)));
    }
    if args.shard_from_env {
        let number = INDEXES.into_iter().find_map(|name| Some((name, std::env::var(name).ok()?)));
        let (name, text) = number.ok_or_else(|| {
            Refusal::usage(format!(
                "none of {} is set",
                INDEXES.map(|name| format!("`{name}`")).join(", ")
            ))
        })?;
        return Ok(Box::new(std::iter::once(shard_number(&text, name))));
    }
    let lines = io::stdin().lock().lines().map(|line| {
        let line =
            line.map_err(|error| Refusal::not_started(format!("cannot read stdin: {error}")))?;
        shard_number(line.trim(), "stdin")
    });
    Ok(Box::new(lines.collect::<Vec<_>>().into_iter()))
}

fn shard_number(text: &str, from: &str) -> Result<u64, Refusal> {
    let wrong = || {
        let shown = excerpt(text, SHOWN);
        Refusal::usage(format!("`{shown}` from {from} is not the number of a shard"))
    };
    text.parse().map_err(|_| wrong())
}

/// Reads the keys that the plan trusts.
fn trusted(keys: &KeysShape, elsewhere: &[PathBuf]) -> Result<PlannedKeys, Refusal> {
    let (names, paths, sha256) = match keys {
        KeysShape::Cloudtrail => return Ok(PlannedKeys::CloudTrail),
        KeysShape::None => return Ok(PlannedKeys::None),
        KeysShape::Files { names, paths, sha256 } => (names, paths, sha256),
    };
    let paths: Vec<PathBuf> = match elsewhere {
        [] => paths.iter().map(PathBuf::from).collect(),
        elsewhere => elsewhere.to_vec(),
    };
    let found: Vec<String> = paths.iter().map(|path| hash(path)).collect::<Result<_, _>>()?;
    if found != *sha256 {
        return Err(Refusal::usage(format!(
            "the files of public keys are not those of the plan: their SHA-256 is {}, and the plan \
             has {}",
            found.join(", "),
            excerpt(&sha256.join(", "), 4 * SHOWN),
        )));
    }
    match key_files::read(&paths)? {
        Some(bundle) => Ok(PlannedKeys::Files(bundle, names.clone())),
        None => Ok(PlannedKeys::None),
    }
}

async fn read_plan(aws: &AwsArgs, path: &Path) -> Result<(ShardPlan, String), Refusal> {
    let open = |path: &Path| open_document(DocumentKind::ShardPlan, path).and_then(ShardPlan::read);
    let (shown, read) = match SharedPath::read(path)? {
        SharedPath::Local(path) => (escape(&path.to_string_lossy()).into_owned(), open(&path)),
        SharedPath::S3(at) => {
            let shown = shared::shown(&at);
            let store = SharedStore::open(&aws.access()).await?;
            let unread =
                |why| Refusal::not_started(format!("cannot read the plan `{shown}`: {why}"));
            let file = store.fetch(&at).await.map_err(unread)?;
            let read = open(&file);
            (shown, read)
        }
    };
    read.map_err(|why| Refusal::not_started(format!("cannot use the plan `{shown}`: {why}")))
}

/// Runs `merge` and returns the exit status.
pub(crate) async fn merge(aws: &AwsArgs, args: &MergeArgs) -> ExitStatus {
    match unless_interrupted(do_merge(aws, args)).await {
        Err(signal) => signal,
        Ok(Ok(status)) => status,
        Ok(Err(refusal)) => refusal.print(),
    }
}

#[expect(clippy::disallowed_methods, reason = "it is one task, and not one for each object")]
async fn do_merge(aws: &AwsArgs, args: &MergeArgs) -> Result<ExitStatus, Refusal> {
    if let Some(path) = &args.record {
        check_absent(path, args.force)?;
    }
    let next = args.next_plan.as_deref().map(|path| plan_output(path, args.force)).transpose()?;
    let (plan, sha256) = read_plan(aws, &args.plan).await?;
    let (record, force) = match (&plan.stage, next, &args.record) {
        (Stage::Survey { .. }, Some(next), _) => {
            let next = PlanOutput::open(aws, next, &plan.reading).await?;
            return merge_surveys((plan, &sha256), aws, &args.shards, (&next, args.force)).await;
        }
        (Stage::Survey { .. }, None, _) => {
            return Err(Refusal::usage(
                "the shards of this plan are surveys, which make no run record\n\nhint: `--plan FILE` \
                 writes the plan to verify",
            ));
        }
        (Stage::Verify, None, Some(record)) => (record.clone(), args.force),
        (Stage::Verify, ..) => {
            return Err(Refusal::usage(
                "the shards of this plan are no surveys\n\nhint: `--record FILE` writes the run record",
            ));
        }
    };
    let (files, fetched) =
        Gathering::list(aws, &args.shards, is_record).await?.files(|_| true).await?;
    // The merge reads and writes files without a pause, so it has a thread of its own.
    let merged = tokio::task::spawn_blocking(move || {
        let records = ShardFiles::open(&plan, &sha256, files)?;
        let merged = write_merged(&records, &plan, &record, force)?;
        Ok::<_, Refusal>((merged, records.duplicates))
    });
    let merged = merged.await.unwrap_or_else(|why| std::panic::resume_unwind(why.into_panic()));
    // Fetched records are needed until here, and removed even if the merge is interrupted.
    drop(fetched);
    let (Merged { summary, changed, with_ledgers }, duplicates) = merged?;
    if duplicates > 0 {
        print_to_stderr(&format!(
            "note: {duplicates} records are identical to another of the same shard"
        ));
    }
    note_ledgers(&with_ledgers);
    warn_changed(&changed);
    let line = format!("{}\n", summary.verdict.words());
    print_result(line.as_bytes(), ExitStatus::from(summary.verdict))
}

/// Makes the plan to verify of surveys, and prints the number of its shards.
async fn merge_surveys(
    (plan, sha256): (ShardPlan, &str),
    aws: &AwsArgs,
    surveys: &[PathBuf],
    (output, force): (&PlanOutput, bool),
) -> Result<ExitStatus, Refusal> {
    let (files, _fetched) = Gathering::list(aws, surveys, is_survey).await?.files(|_| true).await?;
    let next = join(plan, sha256, files)?;
    output.write(&next, force).await?;
    print_result(format!("{}\n", next.shards.len()).as_bytes(), ExitStatus::Success)
}

fn write_merged(
    records: &ShardFiles<ShardStarted>,
    plan: &ShardPlan,
    path: &Path,
    force: bool,
) -> Result<Merged, Refusal> {
    let lost = |error: &io::Error| cannot_write(path, error);
    let file = PartialFile::create(path, force).map_err(|error| lost(&error))?;
    let out = BufWriter::new(file.writer().map_err(|error| lost(&error))?);
    let compressed = path.extension().is_some_and(|extension| extension == "zst");
    let sink = match compressed {
        true => RecordSink::zstd_beside(out).map_err(|error| lost(&error))?,
        false => RecordSink::Plain(out),
    };
    let merged = records.merge(plan, sink).map_err(|why| match why {
        MergeError::Bad(refusal) => refusal,
        MergeError::Lost(error) => lost(&error),
    })?;
    file.keep().map_err(|error| lost(&error))?;
    Ok(merged)
}

/// Prints for which shards log files were not read by the workers that verified them.
fn note_ledgers(shards: &[u64]) {
    if shards.is_empty() {
        return;
    }
    let named: Vec<String> = shards.iter().take(NAMED).map(ToString::to_string).collect();
    let more = if shards.len() > NAMED { " and others" } else { "" };
    print_to_stderr(&format!(
        "note: verified with hash ledgers: shard {}{more}. What unchanged log files contain there is what \
         the workers that hashed them state",
        named.join(", "),
    ));
}

/// Warns about digests that appeared or disappeared after the plan was made.
fn warn_changed(changed: &[String]) {
    if changed.is_empty() {
        return;
    }
    let named: Vec<String> =
        changed.iter().take(NAMED).map(|key| format!("`{}`", excerpt(key, SHOWN))).collect();
    let more = if changed.len() > NAMED { " and others" } else { "" };
    print_to_stderr(&format!(
        "warning: the evidence changed between the plan and its shards: {} digests appeared or \
         disappeared: {}{more}\n\nhint: if the period had not ended two hours before the plan was \
         made, digests were still to come",
        changed.len(),
        named.join(", "),
    ));
}

fn cannot_write(path: &Path, error: &io::Error) -> Refusal {
    Refusal::output_lost(format!("cannot write `{}`: {error}", escape(&path.to_string_lossy())))
}

fn cannot_read(path: &Path, error: &io::Error) -> Refusal {
    Refusal::not_started(format!("cannot read `{}`: {error}", escape(&path.to_string_lossy())))
}
