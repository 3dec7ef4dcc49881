//! Whether the profile that a run is to use is there.
use super::words::{self, SetupError};
use aws_config::profile;
#[expect(deprecated, reason = "its successor is in a crate that is the SDK's own affair")]
use aws_config::profile::profile_file::ProfileFiles;
use aws_types::os_shim_internal::{Env, Fs};
use std::borrow::Cow;

/// The profile that is used when none is named; it need not be there.
const DEFAULT: &str = "default";

/// Makes sure that the profile which the command line or `AWS_PROFILE` names is in some file.
///
/// The SDK passes over one that is not, and goes on to other sources of credentials: with a slip of
/// the pen, another account than the one that was meant would be looked at.
///
/// # Errors
///
/// It is in none, or a file is not of the format.
pub async fn check(named: Option<&str>) -> Result<(), SetupError> {
    let named = named.map(|name| Cow::Owned(name.to_owned()));
    #[expect(deprecated, reason = "as above")]
    let files = ProfileFiles::default();
    let set = profile::load(&Fs::real(), &Env::real(), &files, named)
        .await
        .map_err(|error| SetupError::Configuration(words::chain(&error)))?;
    let selected = set.selected_profile();
    if selected == DEFAULT || set.get_profile(selected).is_some() {
        return Ok(());
    }
    Err(SetupError::NoProfile(selected.to_owned()))
}
