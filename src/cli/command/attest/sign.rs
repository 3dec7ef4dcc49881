//! `trailproof attest sign`: makes a signed statement from a run record.
use super::files::{attestation, file_hash, name, shown, unusable};
use super::signer::Signer;
use crate::attest::key::VerifyingKey;
use crate::attest::predicate::{Declared, predicate};
use crate::attest::record::{Record, RecordRequest, read_record};
use crate::attest::statement::{Role, Statement, Subject};
use crate::cli::args::attest::SignArgs;
use crate::cli::args::aws::AwsArgs;
use crate::console::exit::ExitStatus;
use crate::console::refusal::Refusal;
use crate::console::stream::print_to_stderr;
use crate::files::atomic::{check_absent, names_same, write};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use trailproof_core::vocab::budget;
use trailproof_core::vocab::location::excerpt;

/// Signs a record.
pub(crate) async fn sign(aws: &AwsArgs, args: &SignArgs) -> Result<ExitStatus, Refusal> {
    distinct(args)?;
    let signer = Signer::find(aws, args.key.as_deref(), args.kms.as_deref()).await?;
    let public = signer.public().await?;
    let record = read_record(&args.record, RecordRequest::default()).map_err(|why| {
        Refusal::not_started(format!("cannot use the record `{}`: {why}", shown(&args.record)))
    })?;
    let declared = Declared { operator: operator(args)?, previous: previous(args)? };
    let statement = Statement {
        subjects: subjects(args, &record)?,
        predicate: predicate(&record.facts, &record.commitment, &declared),
    };
    let envelope = signer.envelope(&public, statement.to_bytes()).await?;
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

fn subjects(args: &SignArgs, record: &Record) -> Result<Vec<Subject>, Refusal> {
    let (name, role) = (name(&args.record), Role::Record);
    let mut subjects = vec![Subject { name, role, hash: record.hash }];
    for path in &args.report {
        subjects.push(subject(path, Role::Report)?);
    }
    if let Some(path) = &args.summary {
        subjects.push(subject(path, Role::Summary)?);
    }
    Ok(subjects)
}

fn subject(path: &Path, role: Role) -> Result<Subject, Refusal> {
    let (name, hash) = (name(path), file_hash(path)?);
    Ok(Subject { name, role, hash })
}
