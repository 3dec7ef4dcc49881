//! Reads the files of `attest`.
use crate::attest::dsse::{Container, Envelope};
use crate::attest::key::{SigningKey, VerifyingKey};
use crate::attest::record;
use crate::attest::statement::Statement;
use crate::console::refusal::Refusal;
use std::borrow::Cow;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use trailproof_core::bytes::content::Hash;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::location::escape;

/// Returns a path that is safe to show.
pub(crate) fn shown(path: &Path) -> String {
    escape(&path.to_string_lossy()).into_owned()
}

/// Returns a file's name without its folders, as it stands in a statement.
pub(crate) fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy()).map(Cow::into_owned).unwrap_or_default()
}

/// Reads a file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(Refusal::not_started(format!("cannot read `{}`: {error}", shown(path)))),
        Ok(_) if u64::try_from(bytes.len()).map_or(true, |length| length > limit) => {
            let words = format!("cannot use `{}`: it is longer than {limit} bytes", shown(path));
            Err(Refusal::not_started(words))
        }
        Ok(_) => Ok(bytes),
    }
}

/// Returns the SHA-256 of a file of any length.
pub(crate) fn file_hash(path: &Path) -> Result<Hash, Refusal> {
    record::file_hash(path)
        .map_err(|error| Refusal::not_started(format!("cannot read `{}`: {error}", shown(path))))
}

/// Reads a private key.
pub(crate) fn signing_key(path: &Path) -> Result<SigningKey, Refusal> {
    SigningKey::from_pem(&read(path, budget::KEY_FILE)?)
        .map_err(|why| Refusal::usage(format!("cannot sign with `{}`: {why}", shown(path))))
}

/// Reads a public key.
pub(crate) fn verifying_key(path: &Path) -> Result<VerifyingKey, Refusal> {
    VerifyingKey::from_pem(&read(path, budget::KEY_FILE)?)
        .map_err(|why| Refusal::usage(format!("cannot use the key in `{}`: {why}", shown(path))))
}

/// An attestation whose signature has not been checked.
#[derive(Debug)]
pub(crate) struct Attestation {
    pub(crate) envelope: Envelope,
    pub(crate) container: Container,
}

/// Reads an attestation: an envelope or a bundle.
pub(crate) fn attestation(path: &Path) -> Result<Attestation, Refusal> {
    let bytes = read(path, budget::ATTESTATION)?;
    let (envelope, container) = Envelope::parse(&bytes).map_err(|why| unusable(path, &why))?;
    Ok(Attestation { envelope, container })
}

/// Returns the statement of an attestation if `key` signed it.
pub(crate) fn signed_statement(
    path: &Path,
    attestation: &Attestation,
    key: &VerifyingKey,
) -> Result<Statement, Refusal> {
    if attestation.envelope.signed_by(key).is_none() {
        return Err(Refusal::contradicted(not_signed(path, attestation, key)));
    }
    Statement::read(&attestation.envelope).map_err(|why| unusable(path, &why))
}

fn not_signed(path: &Path, attestation: &Attestation, key: &VerifyingKey) -> String {
    let made = match attestation.envelope.signatures.len() {
        0 => "it has no signature".to_owned(),
        1 => "its signature does not match this key".to_owned(),
        count => format!("none of its {count} signatures matches this key"),
    };
    format!("`{}` is not signed by the key {}: {made}", shown(path), key.id())
}

/// Returns the error for a file that is not a usable attestation.
pub(crate) fn unusable(path: &Path, why: &str) -> Refusal {
    Refusal::not_started(format!("cannot use `{}` as an attestation: {why}", shown(path)))
}
