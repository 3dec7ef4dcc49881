//! Key bundles named on the command line.
use crate::console::refusal::Refusal;
use crate::console::stream::print_to_stderr;
use crate::source::mirror::KEYS_BESIDE;
use crate::trust::bundle::{Bundle, check};
use std::path::{Path, PathBuf};
use trailproof_core::record::KEYS_OF_MIRROR;
use trailproof_core::vocab::location::escape;

/// Warnings shown for each file.
const SHOWN: usize = 10;

/// Returns the names of the files for the report, without their folders on this host.
pub(crate) fn names(paths: &[PathBuf]) -> String {
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let names: Vec<_> = paths.iter().map(name).collect();
    names.join(", ")
}

/// Reads the keys of all these files; `None` if there are no files. Prints a warning for each
/// unusable key and uses the others.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Option<Bundle>, Refusal> {
    let mut all: Option<Bundle> = None;
    for path in paths {
        let shown = escape(&path.to_string_lossy()).into_owned();
        let bundle = Bundle::read(path).map_err(|why| {
            Refusal::not_started(format!("cannot use the public keys in `{shown}`: {why}"))
        })?;
        let wrong = check(&bundle).wrong;
        for words in wrong.iter().take(SHOWN) {
            print_to_stderr(&format!("warning: `{shown}`: {words}"));
        }
        if wrong.len() > SHOWN {
            print_to_stderr(&format!("warning: `{shown}`: {} more warnings", wrong.len() - SHOWN));
        }
        if !bundle.of_any_region.is_empty() {
            print_to_stderr(&format!(
                "warning: `{shown}` does not name the region of its keys: they are trusted in \
                 every region, and a digest whose key is not among them is unverified, not \
                 contradicted"
            ));
        }
        match &mut all {
            Some(all) => all.add(bundle),
            None => all = Some(bundle),
        }
    }
    Ok(all)
}

/// Reads the public keys that lie in a mirror of ours, and says what trusting them means; `None` if
/// the mirror has none.
pub(crate) fn of_mirror(mirror: &Path) -> Result<Option<(Bundle, String)>, Refusal> {
    let path = mirror.join(KEYS_BESIDE);
    if !path.is_file() {
        return Ok(None);
    }
    print_to_stderr(&format!(
        "note: the public keys come from the mirror itself (`{}`): anyone who can change the evidence \
         in it can change them too\n\nhint: `trailproof keys fetch` gets them from AWS, and \
         `--public-keys FILE` uses them",
        escape(&path.to_string_lossy())
    ));
    let bundle = read(&[path])?;
    Ok(bundle.map(|bundle| (bundle, KEYS_OF_MIRROR.to_owned())))
}
