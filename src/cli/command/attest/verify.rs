//! `trailproof attest verify`: checks an attestation and reports what was and was not checked.
use super::attested::Attested;
use super::checks::{CheckOutcome, Checks};
use super::files::{
    Attestation, attestation, file_hash, name, shown, signed_statement, unusable, verifying_key,
};
use super::recheck::recheck;
use crate::attest::agreement::disagreements;
use crate::attest::dsse::Container;
use crate::attest::predicate::{Declared, predicate};
use crate::attest::record::{Record, read_record};
use crate::attest::statement::{Committed, Role, Statement};
use crate::attest::timestamp::Stamp;
use crate::cli::args::attest::VerifyAttestationArgs;
use crate::cli::args::console::GlobalArgs;
use crate::console::exit::ExitStatus;
use crate::console::refusal::Refusal;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::io::{self, Write};
use std::path::Path;
use trailproof_core::bytes::content::Hash;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::location::{escape, excerpt};

/// Checks an attestation.
pub(crate) async fn verify(
    global: &GlobalArgs,
    args: &VerifyAttestationArgs,
) -> Result<ExitStatus, Refusal> {
    let path = &args.attestation;
    let key = verifying_key(&args.key)?;
    let given = attestation(path)?;
    let statement = signed_statement(path, &given, &key)?;
    let committed = statement.commitment().map_err(|why| unusable(path, &why))?;
    let attested = Attested::of(&statement).map_err(|why| unusable(path, &why))?;
    let mut checks = Checks::default();
    checks.add(CheckOutcome::Passed, format!("signature: made by the key {}", key.id()));
    let others = given.envelope.signatures.len() - 1;
    if others > 0 {
        checks.add(CheckOutcome::NotAsked, format!("signatures: {others} more, by other keys"));
    }
    stamps(&given, &key, &mut checks);
    let record = record(args, &statement, &committed, &mut checks)?;
    files(args, &statement, &mut checks)?;
    previous(args, &statement, &mut checks)?;
    match &args.recheck {
        Some(place) => {
            let given = args.record.as_deref().filter(|_| record.is_some());
            let again = recheck(global, args, place, &statement, given).await?;
            again.emit(&statement, &committed, &mut checks);
        }
        None => checks.add(
            CheckOutcome::NotAsked,
            "evidence: not read again, so it may have changed; `--recheck` reads it",
        ),
    }
    let mut out = io::stdout().lock();
    let refused = args.require.is_some_and(|required| !attested.meets(required));
    let written = checks
        .write(path, &attested.headline(), &mut out)
        .and_then(|()| match args.require {
            Some(required) => attested.requirement(required, &mut out),
            None => Ok(()),
        })
        .and_then(|()| attested.write(&key, &mut out))
        .and_then(|()| out.flush());
    let status = match checks.worst() {
        CheckOutcome::Passed | CheckOutcome::NotAsked if refused => attested.exit_status(),
        CheckOutcome::Passed | CheckOutcome::NotAsked => ExitStatus::Success,
        CheckOutcome::Open => ExitStatus::NotProven,
        CheckOutcome::Failed => ExitStatus::Contradicted,
    };
    match written {
        Err(error) if !status.outranks_lost_output() => Err(Refusal::stdout_lost(&error)),
        _ => Ok(status),
    }
}

fn stamps(given: &Attestation, key: &crate::attest::key::VerifyingKey, checks: &mut Checks) {
    let Container::Bundle(stamps) = &given.container else { return };
    for response in stamps {
        match (Stamp::read(response), given.envelope.signed_by(key)) {
            (Ok(stamp), Some(signature)) if stamp.is_about(&signature.sig) => checks.add(
                CheckOutcome::NotAsked,
                format!(
                    "time stamp: it covers this signature and gives the time {}; check its \
                     authority with `openssl ts -verify`",
                    stamp.at
                ),
            ),
            (Ok(_), _) => {
                checks.add(CheckOutcome::Failed, "time stamp: it covers a different signature")
            }
            (Err(why), _) => checks.add(CheckOutcome::Failed, format!("time stamp: {why}")),
        }
    }
}

/// Checks whether a file has the hash of an attested subject of this role.
fn file(path: &Path, hash: &Hash, role: Role, statement: &Statement, checks: &mut Checks) -> bool {
    let (word, path) = (role.word(), shown(path));
    let attested = statement.subjects.iter().filter(|subject| subject.role == role);
    let found = attested.clone().find(|subject| subject.hash == *hash);
    match found {
        Some(_) => {
            checks.add(
                CheckOutcome::Passed,
                format!("{word}: the SHA-256 of `{path}` matches the attestation"),
            );
        }
        None if attested.clone().next().is_none() => {
            checks.add(
                CheckOutcome::Failed,
                format!("{word}: `{path}` was given, but the attestation has no {word}"),
            );
        }
        None => checks.add(
            CheckOutcome::Failed,
            format!(
                "{word}: `{path}` is not the attested file: its SHA-256 is {}, the attested one is \
                 {}",
                hex::encode(hash),
                attested.map(|one| hex::encode(one.hash)).collect::<Vec<_>>().join(", ")
            ),
        ),
    }
    found.is_some()
}

fn record(
    args: &VerifyAttestationArgs,
    statement: &Statement,
    committed: &Committed,
    checks: &mut Checks,
) -> Result<Option<Record>, Refusal> {
    let Some(path) = &args.record else {
        checks.add(
            CheckOutcome::NotAsked,
            "record: not given, so commitment, verdict and counts were not recomputed",
        );
        return Ok(None);
    };
    // A file that is not the attested one is not parsed.
    let hash = file_hash(path)?;
    if !file(path, &hash, Role::Record, statement, checks) {
        return Ok(None);
    }
    let record = read_record(path, None).map_err(|why| {
        Refusal::not_started(format!("cannot use the record `{}`: {why}", shown(path)))
    })?;
    if record.hash != hash {
        return Err(Refusal::not_started(format!("`{}` changed while it was read", shown(path))));
    }
    let made = &record.commitment;
    if (made.root, made.days) == (committed.root, committed.days) {
        checks.add(
            CheckOutcome::Passed,
            format!(
                "commitment: recomputed from {} lines of {} digests, with the same root",
                made.lines, made.digests
            ),
        );
    } else {
        let root = hex::encode(made.root);
        checks.add(
            CheckOutcome::Failed,
            format!("commitment: the root of the record differs: {root}"),
        );
    }
    let again = predicate(&record.facts, made, &Declared::default());
    let wrong = disagreements(&statement.predicate, &again);
    if wrong.is_empty() {
        checks.add(
            CheckOutcome::Passed,
            "statement: verdict, counts, scope, keys, exceptions and gaps match the record",
        );
    }
    for name in wrong {
        checks.add(
            CheckOutcome::Failed,
            format!("statement: `{}` differs from the record", escape(&name)),
        );
    }
    Ok(Some(record))
}

fn files(
    args: &VerifyAttestationArgs,
    statement: &Statement,
    checks: &mut Checks,
) -> Result<(), Refusal> {
    let reports = args.report.iter().map(|path| (path, Role::Report));
    let summaries = args.summary.iter().map(|path| (path, Role::Summary));
    let mut given = Vec::new();
    for (path, role) in reports.chain(summaries) {
        let hash = file_hash(path)?;
        file(path, &hash, role, statement, checks);
        given.push(hash);
    }
    for subject in &statement.subjects {
        if subject.role != Role::Record && !given.contains(&subject.hash) {
            let name = excerpt(&subject.name, budget::SHOWN);
            checks.add(
                CheckOutcome::NotAsked,
                format!("{}: `{name}` was not given", subject.role.word()),
            );
        }
    }
    Ok(())
}

fn previous(
    args: &VerifyAttestationArgs,
    statement: &Statement,
    checks: &mut Checks,
) -> Result<(), Refusal> {
    let attested = statement.predicate.get("previousAttestation");
    let attested =
        attested.and_then(|before| before.get("statementSha256")).and_then(Value::as_str);
    match (&args.previous, attested) {
        (None, None) => {}
        (None, Some(_)) => checks.add(CheckOutcome::NotAsked, "previous attestation: not given"),
        (Some(path), attested) => {
            let payload = attestation(path)?.envelope.payload;
            let path = name(path);
            let path = escape(&path);
            if attested == Some(&hex::encode(Sha256::digest(payload))) {
                let words = format!(
                    "previous attestation: `{path}` is the one that this attestation names"
                );
                checks.add(CheckOutcome::Passed, words);
            } else {
                let words = format!(
                    "previous attestation: `{path}` is not the one that this attestation names"
                );
                checks.add(CheckOutcome::Failed, words);
            }
        }
    }
    Ok(())
}
