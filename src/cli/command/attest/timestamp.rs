//! `trailproof attest timestamp-request` and `attest bundle`: time stamps for an attestation.
use super::files::{attestation, read, shown, unusable};
use crate::attest::dsse::{Container, Signature};
use crate::attest::statement::Statement;
use crate::attest::timestamp::{Stamp, query};
use crate::cli::args::attest::{BundleArgs, TimestampRequestArgs};
use crate::console::exit::ExitStatus;
use crate::console::refusal::Refusal;
use crate::console::stream::print_to_stderr;
use crate::files::atomic::write;
use std::path::Path;
use trailproof_core::vocab::budget;

/// Returns the only signature, which is the one to time-stamp. Sigstore stamps the bytes of the
/// signature, and its bundles have exactly one.
fn only_signature(path: &Path, signatures: &[Signature]) -> Result<Signature, Refusal> {
    match signatures {
        [one] => Ok(one.clone()),
        many => Err(Refusal::not_started(format!(
            "cannot use `{}`: it has {} signatures instead of one",
            shown(path),
            many.len()
        ))),
    }
}

/// Writes a time-stamp query.
pub(crate) fn request(args: &TimestampRequestArgs) -> Result<ExitStatus, Refusal> {
    let read = attestation(&args.attestation)?;
    let signature = only_signature(&args.attestation, &read.envelope.signatures)?;
    let query = query(&signature.sig).map_err(Refusal::output_lost)?;
    write(&args.output, &query, args.force)?;
    Ok(ExitStatus::Success)
}

/// Writes a bundle. Time stamps of an input that is a bundle are kept.
pub(crate) fn bundle(args: &BundleArgs) -> Result<ExitStatus, Refusal> {
    let path = &args.attestation;
    let given = attestation(path)?;
    let signature = only_signature(path, &given.envelope.signatures)?;
    Statement::read(&given.envelope).map_err(|why| unusable(path, &why))?;
    let mut stamps = match given.container {
        Container::Bare => Vec::new(),
        Container::Bundle(stamps) => stamps,
    };
    for path in &args.timestamp_token {
        let stamp = Stamp::read(&read(path, budget::TIMESTAMP)?)
            .map_err(|why| Refusal::not_started(format!("cannot use `{}`: {why}", shown(path))))?;
        if !stamp.is_about(&signature.sig) {
            let words = "is a time stamp for something other than this attestation's signature";
            return Err(Refusal::contradicted(format!("`{}` {words}", shown(path))));
        }
        print_to_stderr(&format!(
            "`{}` gives the time {}; the authority's signature was not checked",
            shown(path),
            stamp.at
        ));
        stamps.push(stamp.response);
    }
    write(&args.output, format!("{}\n", given.envelope.to_bundle(&stamps)).as_bytes(), args.force)?;
    Ok(ExitStatus::Success)
}
