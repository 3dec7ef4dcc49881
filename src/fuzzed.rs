//! Readers of outside bytes, for the fuzz targets: whatever is read is also written again, or shown, so
//! that a target can check both. Not for other programs.
use crate::package::manifest;
use crate::report::trail_config::result::Basis;
use crate::report::trail_config::{json, text};
use crate::shard::plan::ShardPlan;
use crate::trail_config::assess::{Assessment, Read};
use crate::trail_config::terraform;
use std::io::Cursor;
use trailproof_core::bytes::content::Hash;
use trailproof_core::record::document::{DocumentKind, document_from};

/// A bag's manifest that was read.
#[derive(Debug)]
pub struct BagManifest {
    /// The files that it names, each with its SHA-256.
    pub files: Vec<(String, Hash)>,
    /// What is wrong with its other lines.
    pub wrong: Vec<String>,
    /// The manifest of these files.
    pub written: Vec<u8>,
}

/// Reads a manifest of the files below `data`, or of the others.
pub fn bag_manifest(bytes: &[u8], payload: bool) -> BagManifest {
    let read = manifest::read(bytes, payload);
    BagManifest {
        written: manifest::write(&read.sums),
        files: read.sums.into_iter().collect(),
        wrong: read.wrong.into_iter().map(|(_, why)| why).collect(),
    }
}

/// Reads a plan or a state of Terraform and judges all trails of it. Returns the number of trails and the
/// result as text and as JSON.
///
/// # Errors
///
/// The document cannot be used.
pub fn terraform(document: &str) -> Result<(usize, String, Vec<u8>), String> {
    let words = |refusal: crate::console::refusal::Refusal| refusal.words().to_owned();
    let document = terraform::Document::read(document, "plan.json").map_err(words)?;
    let basis = match document.kind {
        terraform::Kind::Plan => Basis::Plan,
        terraform::Kind::State => Basis::State,
    };
    let read = |(facts, tainted)| Read { facts, basis, tainted };
    let assessment = Assessment {
        trails: terraform::facts(&document, &[]).into_iter().map(read).collect(),
        incomplete: document.incomplete,
        sensitive: document.sensitive,
        ..Assessment::default()
    };
    let report = assessment.report().map_err(|error| error.to_string())?;
    let json = json::json(&report).map_err(|error| error.to_string())?;
    Ok((report.trails.len(), text::text(&report), json))
}

/// Returns whether the JSON of a result is read again.
pub fn is_result(json: &str) -> bool {
    json::read(json).is_ok()
}

/// Reads the plan of shards, and returns the bytes of that plan written again.
///
/// # Errors
///
/// The plan cannot be used.
pub fn shard_plan(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let file = document_from(DocumentKind::ShardPlan, Box::new(Cursor::new(bytes.to_vec())));
    let (plan, _) = file.and_then(ShardPlan::read).map_err(|why| why.to_string())?;
    let mut written = Vec::new();
    plan.write(&mut written).map_err(|error| error.to_string())?;
    Ok(written)
}
