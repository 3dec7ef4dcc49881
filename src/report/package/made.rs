//! The files of a package that are made from the others. The same inputs give the same bytes, so that
//! anybody can make them again.
pub(crate) use super::controls::{ConfigFile, IntegrityFile};
use super::document::{CheckShown, ControlShown, PackageDocument};
use super::{assessment, controls, index};
use crate::report::storage;
use crate::report::trail_config::words::title;
use serde_json::json;
use std::collections::BTreeMap;
use std::io;
use trailproof_core::control::check::CheckId;
use trailproof_core::record::StorageTallies;
use trailproof_core::record::wire::write_json_pretty;

/// The checks that tell whether a file could have been deleted or replaced.
const IMMUTABILITY: [CheckId; 10] = [
    CheckId::BucketVersioning,
    CheckId::BucketMfaDelete,
    CheckId::BucketObjectLock,
    CheckId::BucketLockComplianceMode,
    CheckId::BucketLockCoversRetention,
    CheckId::BucketNoForeignWriteDelete,
    CheckId::BucketNoEarlyExpiry,
    CheckId::BucketAtHand,
    CheckId::BucketVerifiableUntil,
    CheckId::BucketReplication,
];

/// Returns the results of all checks, and the state of each control that they serve.
pub(crate) fn judged(
    configs: &[ConfigFile],
    integrity: &IntegrityFile,
) -> (Vec<CheckShown>, Vec<ControlShown>) {
    (controls::checks(configs), controls::controls(configs, integrity))
}

/// Returns whether anything is known of whether files could be deleted or replaced.
pub(crate) fn tells_of_immutability(checks: &[CheckShown], tallies: &StorageTallies) -> bool {
    let known = tallies.logs.known > 0 || tallies.digests.known > 0;
    known || checks.iter().any(is_of_immutability)
}

fn is_of_immutability(check: &CheckShown) -> bool {
    IMMUTABILITY.iter().any(|it| it.code() == check.id)
}

/// Returns the checks of lock and lifecycle, and how the objects of the period are stored.
///
/// # Errors
///
/// The document cannot be serialized.
pub(crate) fn immutability(checks: &[CheckShown], tallies: &StorageTallies) -> io::Result<Vec<u8>> {
    let checks: Vec<&CheckShown> = checks.iter().filter(|it| is_of_immutability(it)).collect();
    pretty(&json!({ "schema": 1, "checks": checks, "objects": storage::json(tallies) }))
}

/// Returns the table of controls.
///
/// # Errors
///
/// The table cannot be serialized.
pub(crate) fn controls_table(
    configs: &[ConfigFile],
    integrity: &IntegrityFile,
) -> io::Result<Vec<u8>> {
    controls::table(configs, integrity)
}

/// Returns the assessment results in OSCAL.
///
/// # Errors
///
/// The document cannot be serialized.
pub(crate) fn assessment_results(
    package: &PackageDocument,
    configs: &[ConfigFile],
    integrity: &IntegrityFile,
) -> io::Result<Vec<u8>> {
    assessment::assessment(package, configs, integrity)
}

/// Returns the document of the package.
///
/// # Errors
///
/// The document cannot be serialized.
pub(crate) fn document(package: &PackageDocument) -> io::Result<Vec<u8>> {
    pretty(package)
}

/// Returns the page for the auditor, and the same as text.
///
/// # Errors
///
/// The page cannot be written.
pub(crate) fn index(
    package: &PackageDocument,
    tallies: &StorageTallies,
) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut sentences = settings(&package.checks);
    sentences.extend(storage::sentences(tallies));
    let page = index::Index::of(package, sentences);
    Ok((page.html()?, page.markdown().into_bytes()))
}

/// `bucket-object-lock, Object Lock with a default retention: 1 PASS`, for each check of lock and lifecycle.
fn settings(checks: &[CheckShown]) -> Vec<String> {
    let sentence = |check: &CheckId| {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for result in checks.iter().filter(|result| result.id == check.code()) {
            *counts.entry(&result.status).or_default() += 1;
        }
        let counts = counts.iter().map(|(status, count)| format!("{count} {status}"));
        let counts = counts.collect::<Vec<_>>().join(", ");
        (!counts.is_empty()).then(|| format!("{}, {}: {counts}", check.code(), title(*check)))
    };
    IMMUTABILITY.iter().filter_map(sentence).collect()
}

fn pretty(value: &impl serde::Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    write_json_pretty(&mut bytes, value)?;
    bytes.push(b'\n');
    Ok(bytes)
}
