//! `trailproof package`: the auditor's package.
use super::attest::files::verifying_key;
use super::attest::signer::Signer;
use super::package_runs::{self as runs, Made};
use crate::attest::key::VerifyingKey;
use crate::cli::args::console::GlobalArgs;
use crate::cli::args::package::{
    CompareArgs, CreateArgs, PackageArgs, PackageCheckArgs, PackageCommand, PackageFormat,
};
use crate::cli::output::environment::environment;
use crate::cli::terminal::interrupt::unless_interrupted;
use crate::console::exit::ExitStatus;
use crate::console::refusal::{Refusal, print_result};
use crate::console::stream::print_to_stderr;
use crate::files::atomic;
use crate::package::check::{ExpectedKeys, check, compare};
use crate::package::create::{check_before_runs, create};
use crate::package::{Evidence, PackageRequest};
use crate::report::numbers::counted;
use crate::report::package::check::{self as checked, PackageState};
use crate::report::package::compare as compared;
use crate::session::open::RunFacts;
use std::io;
use std::path::{Path, PathBuf};
use trailproof_core::record::wire::write_json_pretty;
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::location::{escape, excerpt};

/// Runs the command and returns the exit status.
pub(crate) async fn run(global: &GlobalArgs, args: &PackageArgs) -> ExitStatus {
    let ended = match &args.command {
        PackageCommand::Create(args) => run_create(global, args).await,
        PackageCommand::Check(args) => interruptible(async { run_check(args) }).await,
        PackageCommand::Compare(args) => interruptible(async { run_compare(args) }).await,
    };
    ended.unwrap_or_else(|refusal| refusal.print())
}

async fn interruptible(
    work: impl Future<Output = Result<ExitStatus, Refusal>>,
) -> Result<ExitStatus, Refusal> {
    unless_interrupted(work).await.unwrap_or_else(Ok)
}

/// Returns what the package is to hold: what the file says, with the options in its place.
fn request(args: &CreateArgs) -> Result<PackageRequest, Refusal> {
    let mut request = match &args.config {
        Some(path) => PackageRequest::read(path)?,
        None => PackageRequest::default(),
    };
    let replace = |of_file: &mut Option<PathBuf>, option: &Option<PathBuf>| {
        if option.is_some() {
            of_file.clone_from(option);
        }
    };
    let evidence = |of_file: &mut Option<Evidence>, option: &Option<PathBuf>| {
        if let Some(path) = option {
            *of_file = Some(Evidence::from(path.clone()));
        }
    };
    if args.record.is_some() {
        request.runs.verify = None;
    }
    evidence(&mut request.record, &args.record);
    evidence(&mut request.attestation, &args.attestation);
    if request.attestation.is_some() && request.runs.verify.is_some() {
        let words = "`--attestation` is given, and `run.verify` makes the record and signs it";
        return Err(Refusal::usage(words));
    }
    replace(&mut request.attestation_key, &args.attestation_key);
    replace(&mut request.previous, &args.previous);
    replace(&mut request.key, &args.key);
    for (of_file, option) in
        [(&mut request.id, &args.id), (&mut request.organization, &args.organization)]
    {
        if option.is_some() {
            of_file.clone_from(option);
        }
    }
    if !args.trail_config.is_empty() {
        request.runs.trail_config.clear();
        request.trail_config = args.trail_config.iter().cloned().map(Evidence::from).collect();
    }
    Ok(request)
}

async fn run_create(global: &GlobalArgs, args: &CreateArgs) -> Result<ExitStatus, Refusal> {
    let ready = match unless_interrupted(ready(global, args)).await {
        Ok(ready) => ready?,
        Err(signal) => return Ok(signal),
    };
    let Ready { mut request, target, global, signer, attestation_key } = ready;
    // The commands end by themselves on a signal, each in its way.
    let made = match request.runs.is_empty() {
        true => None,
        false => {
            let signer = signer.as_ref();
            match runs::run(&global, &mut request, &target, args.reproducible, signer).await? {
                Made::All(made) => Some(made),
                Made::Ended(status) => return Ok(status),
            }
        }
    };
    let own = request.attestation.as_ref().is_some_and(|it| it.made_by.is_some());
    let attestation_key = match &signer {
        Some((_, public)) if own => Some(public),
        _ => attestation_key.as_ref(),
    };
    let packed = pack(args, request, &target, signer.as_ref(), attestation_key);
    let status = interruptible(packed).await;
    // What the commands made was copied.
    drop(made);
    status
}

/// What is known before anything is made.
struct Ready {
    request: PackageRequest,
    target: PathBuf,
    global: GlobalArgs,
    signer: Option<(Signer, VerifyingKey)>,
    attestation_key: Option<VerifyingKey>,
}

async fn ready(global: &GlobalArgs, args: &CreateArgs) -> Result<Ready, Refusal> {
    let mut request = request(args)?;
    let key = request.key.clone().filter(|_| args.kms.is_none());
    // Keys are read first: a package that cannot be signed is not made.
    let signer = match key.is_some() || args.kms.is_some() {
        true => {
            let signer = Signer::find(&global.aws, key.as_deref(), args.kms.as_deref()).await?;
            let public = signer.public().await?;
            Some((signer, public))
        }
        false => None,
    };
    let attestation_key = request.attestation_key.as_deref().map(verifying_key).transpose()?;
    let mut target = args.to.clone();
    let mut global = global.clone();
    if let Some(path) = args.config.as_deref().filter(|_| !request.runs.is_empty()) {
        let moved = std::path::absolute(&target).and_then(|absolute| {
            target = absolute;
            request.make_absolute()?;
            if let Some(bundle) = &mut global.aws.ca_bundle {
                *bundle = std::path::absolute(&*bundle)?;
            }
            // Paths among the arguments are relative to the file, as all others in it.
            std::env::set_current_dir(atomic::folder(path))
        });
        moved
            .map_err(|error| Refusal::not_started(format!("cannot change the folder: {error}")))?;
        check_before_runs(&request, &target, args.force)?;
    }
    Ok(Ready { request, target, global, signer, attestation_key })
}

async fn pack(
    args: &CreateArgs,
    request: PackageRequest,
    target: &Path,
    signer: Option<&(Signer, VerifyingKey)>,
    attestation_key: Option<&VerifyingKey>,
) -> Result<ExitStatus, Refusal> {
    let unchecked = request.attestation.is_some() && attestation_key.is_none();
    let mut package = create(request, attestation_key, target, args.force)?;
    if !args.reproducible {
        let around = environment(RunFacts::default()).circumstances;
        let mut json = Vec::new();
        let written = write_json_pretty(&mut json, &around);
        written.map_err(|error: io::Error| Refusal::output_lost(error.to_string()))?;
        json.push(b'\n');
        package.add_circumstances(&json)?;
    }
    let mut signed = "not signed: `--key` signs it".to_owned();
    if let Some((signer, public)) = signer {
        package.add_signature(&signer.envelope(public, package.statement()).await?)?;
        signed = format!("signed by the key {}", public.id());
    }
    let verdict = excerpt(package.document().run_text("/result/verdict"), SHOWN);
    let files = counted(package.files(), "file");
    package.finish()?;
    let shown = args.to.to_string_lossy();
    print_to_stderr(&format!("packed {files} in `{}`; {signed}", escape(&shown)));
    print_to_stderr(&format!("verdict: {verdict}"));
    if unchecked {
        print_to_stderr(
            "note: the signature of the attestation was not checked; `--attestation-key` names the key",
        );
    }
    Ok(ExitStatus::Success)
}

fn run_check(args: &PackageCheckArgs) -> Result<ExitStatus, Refusal> {
    let keys = ExpectedKeys {
        package: args.key.as_deref().map(verifying_key).transpose()?,
        attestation: args.attestation_key.as_deref().map(verifying_key).transpose()?,
    };
    let result = check(&args.directory, &keys)?;
    let status = match result.state() {
        PackageState::Intact => ExitStatus::Success,
        PackageState::NotProven => ExitStatus::NotProven,
        PackageState::Contradicted => ExitStatus::Contradicted,
    };
    let bytes = match args.format {
        PackageFormat::Text => checked::text(&result).into_bytes(),
        PackageFormat::Json => {
            checked::json(&result).map_err(|error| Refusal::stdout_lost(&error))?
        }
    };
    print_result(&bytes, status)
}

fn run_compare(args: &CompareArgs) -> Result<ExitStatus, Refusal> {
    let result = compare(&args.old, &args.new)?;
    let bytes = match args.format {
        PackageFormat::Text => compared::text(&result).into_bytes(),
        PackageFormat::Json => {
            compared::json(&result).map_err(|error| Refusal::stdout_lost(&error))?
        }
    };
    print_result(&bytes, ExitStatus::Success)
}
