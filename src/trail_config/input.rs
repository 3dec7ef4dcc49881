//! Files that hold a configuration.
use crate::console::refusal::Refusal;
use crate::report::trail_config::result::InputFile;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::location::escape;

/// Reads a file of a configuration, within the limit of its size.
///
/// # Errors
///
/// It cannot be read, is too long, or is not text.
pub(crate) fn read(path: &Path) -> Result<(String, InputFile), Refusal> {
    let shown = escape(&path.display().to_string()).into_owned();
    let refuse = |why: String| Refusal::not_started(format!("cannot read `{shown}`: {why}"));
    let file = File::open(path).map_err(|error| refuse(error.to_string()))?;
    let mut bytes = Vec::new();
    let limit = budget::CONFIG_FILE;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| refuse(error.to_string()))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
        return Err(refuse(format!("it is longer than {} MB", limit >> 20)));
    }
    let sha256 = hex::encode(Sha256::digest(&bytes));
    let name =
        path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let text = String::from_utf8(bytes).map_err(|_| refuse("it is not UTF-8 text".to_owned()))?;
    Ok((text, InputFile { name, sha256 }))
}
