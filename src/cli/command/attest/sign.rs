//! `trailproof attest sign`: makes a signed statement from a run record.
use super::files::{attestation, file_hash, name, shown, unusable};
use super::signer::Signer;
use crate::attest::dsse::Envelope;
use crate::attest::key::VerifyingKey;
use crate::attest::predicate::{Declared, predicate};
use crate::attest::record::{Record, read_record};
use crate::attest::statement::{Role, Statement, Subject};
use crate::cli::args::attest::SignArgs;
use crate::cli::args::aws::AwsArgs;
use crate::console::exit::ExitStatus;
use crate::console::refusal::Refusal;
use crate::console::stream::print_to_stderr;
use crate::files::atomic::{check_absent, names_same, write};
use crate::report::controls::Controls;
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use trailproof_core::vocab::budget;
use trailproof_core::vocab::location::excerpt;

/// Signs a record.
pub(crate) async fn sign(aws: &AwsArgs, args: &SignArgs) -> Result<ExitStatus, Refusal> {
    distinct(args)?;
    let signer = Signer::find(aws, args.key.as_deref(), args.kms.as_deref()).await?;
    let public = signer.public().await?;
    let declared = declared(operator(args)?, previous(args)?)?;
    let (record, envelope) =
        sign_record(&signer, &public, &args.record, &declared, beside(args)?).await?;
    let text = format!("{}\n", envelope.to_json());
    if u64::try_from(text.len()).map_or(true, |length| length > budget::ATTESTATION) {
        let words = "the attestation would be larger than the limit for one";
        return Err(Refusal::output_lost(format!("{words}: {} bytes", text.len())));
    }
    write(&args.output, text.as_bytes(), args.force)?;
    if let Some(bundle) = &args.bundle {
        write(bundle, format!("{}\n", envelope.to_bundle(&[])).as_bytes(), args.force)?;
    }
    emit(&record, &public);
    Ok(ExitStatus::Success)
}

/// Returns what the signer adds to a record.
///
/// # Errors
///
/// The table of controls is malformed, which a test excludes.
pub(in crate::cli::command) fn declared(
    operator: Option<String>,
    previous: Option<String>,
) -> Result<Declared, Refusal> {
    let controls = Controls::integrity_json();
    let controls = controls.map_err(|error| Refusal::not_started(error.to_string()))?;
    Ok(Declared { operator, previous, controls })
}

/// Reads a record and signs the statement about it and the files `beside` it.
///
/// # Errors
///
/// The record cannot be used, or the key does not sign.
pub(in crate::cli::command) async fn sign_record(
    signer: &Signer,
    public: &VerifyingKey,
    path: &Path,
    declared: &Declared,
    beside: Vec<Subject>,
) -> Result<(Record, Envelope), Refusal> {
    let record = read_record(path, None).map_err(|why| {
        Refusal::not_started(format!("cannot use the record `{}`: {why}", shown(path)))
    })?;
    let mut subjects = vec![Subject { name: name(path), role: Role::Record, hash: record.hash }];
    subjects.extend(beside);
    let predicate = predicate(&record.facts, &record.commitment, declared);
    let statement = Statement { subjects, predicate };
    let envelope = signer.envelope(public, statement.to_bytes()).await?;
    Ok((record, envelope))
}

/// Returns a usage error if an output is an input or a different output.
fn distinct(args: &SignArgs) -> Result<(), Refusal> {
    let read = [&args.key, &args.summary, &args.previous].into_iter().flatten();
    let read: Vec<&PathBuf> = read.chain(&args.report).chain([&args.record]).collect();
    let mut taken = read;
    for output in [Some(&args.output), args.bundle.as_ref()].into_iter().flatten() {
        if taken.iter().any(|other| names_same(output, other)) {
            let words = "is already an input or output, and cannot be written as well";
            return Err(Refusal::usage(format!("`{}` {words}", shown(output))));
        }
        check_absent(output, args.force)?;
        taken.push(output);
    }
    Ok(())
}

/// Prints to stderr what was signed, so that the signer sees it.
fn emit(record: &Record, public: &VerifyingKey) {
    let verdict = record.facts.finished.get("verdict").and_then(|verdict| verdict.as_str());
    print_to_stderr(&format!("verdict: {}", excerpt(verdict.unwrap_or_default(), budget::SHOWN)));
    let made = &record.commitment;
    print_to_stderr(&format!(
        "commitment: {} over {} lines of {} digests",
        hex::encode(made.root),
        made.lines,
        made.digests
    ));
    print_to_stderr(&format!("signed by the key {}", public.id()));
}

fn operator(args: &SignArgs) -> Result<Option<String>, Refusal> {
    match &args.operator {
        Some(name) if name.trim().is_empty() || name.chars().count() > budget::SHOWN => {
            Err(Refusal::usage("invalid value for `--operator`: it must have 1 to 200 characters"))
        }
        name => Ok(name.clone()),
    }
}

/// Returns the hash of the previous statement, the payload that was signed.
fn previous(args: &SignArgs) -> Result<Option<String>, Refusal> {
    let Some(path) = &args.previous else { return Ok(None) };
    let given = attestation(path)?;
    Statement::read(&given.envelope).map_err(|why| unusable(path, &why))?;
    Ok(Some(hex::encode(Sha256::digest(&given.envelope.payload))))
}

/// Returns the reports and the summary that are attested beside the record.
fn beside(args: &SignArgs) -> Result<Vec<Subject>, Refusal> {
    let reports = args.report.iter().map(|path| subject(path, Role::Report));
    reports.chain(args.summary.iter().map(|path| subject(path, Role::Summary))).collect()
}

fn subject(path: &Path, role: Role) -> Result<Subject, Refusal> {
    let (name, hash) = (name(path), file_hash(path)?);
    Ok(Subject { name, role, hash })
}
