//! `trailproof package`: the auditor's package.
use super::attest::files::verifying_key;
use super::attest::signer::Signer;
use crate::cli::args::aws::AwsArgs;
use crate::cli::args::package::{
    CompareArgs, CreateArgs, PackageArgs, PackageCheckArgs, PackageCommand, PackageFormat,
};
use crate::cli::output::environment::environment;
use crate::cli::terminal::interrupt::unless_interrupted;
use crate::console::exit::ExitStatus;
use crate::console::refusal::{Refusal, print_result};
use crate::console::stream::print_to_stderr;
use crate::package::PackageRequest;
use crate::package::check::{ExpectedKeys, check, compare};
use crate::package::create::create;
use crate::report::numbers::counted;
use crate::report::package::check::{self as checked, PackageState};
use crate::report::package::compare as compared;
use crate::session::open::RunFacts;
use std::io;
use std::path::PathBuf;
use trailproof_core::record::wire::write_json_pretty;
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::location::{escape, excerpt};

/// Runs the command and returns the exit status.
pub(crate) async fn run(aws: &AwsArgs, args: &PackageArgs) -> ExitStatus {
    let work = async {
        match &args.command {
            PackageCommand::Create(args) => run_create(aws, args).await,
            PackageCommand::Check(args) => run_check(args),
            PackageCommand::Compare(args) => run_compare(args),
        }
    };
    match unless_interrupted(work).await {
        Err(signal) => signal,
        Ok(ended) => ended.unwrap_or_else(|refusal| refusal.print()),
    }
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
    replace(&mut request.record, &args.record);
    replace(&mut request.attestation, &args.attestation);
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
        request.trail_config.clone_from(&args.trail_config);
    }
    Ok(request)
}

async fn run_create(aws: &AwsArgs, args: &CreateArgs) -> Result<ExitStatus, Refusal> {
    let request = request(args)?;
    let key = request.key.clone().filter(|_| args.kms.is_none());
    // Keys are read first: a package that cannot be signed is not made.
    let signer = match key.is_some() || args.kms.is_some() {
        true => Some(Signer::find(aws, key.as_deref(), args.kms.as_deref()).await?),
        false => None,
    };
    let attestation_key = request.attestation_key.as_deref().map(verifying_key).transpose()?;
    let unchecked = request.attestation.is_some() && attestation_key.is_none();
    let mut package = create(request, attestation_key.as_ref(), &args.to, args.force)?;
    if !args.reproducible {
        let around = environment(RunFacts::default()).circumstances;
        let mut json = Vec::new();
        let written = write_json_pretty(&mut json, &around);
        written.map_err(|error: io::Error| Refusal::output_lost(error.to_string()))?;
        json.push(b'\n');
        package.add_circumstances(&json)?;
    }
    let mut signed = "not signed: `--key` signs it".to_owned();
    if let Some(signer) = signer {
        let public = signer.public().await?;
        package.add_signature(&signer.envelope(&public, package.statement()).await?)?;
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
