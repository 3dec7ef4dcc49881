//! Checks that the profile of a run exists.
use super::words::{self, SetupError};
use aws_config::profile;
#[expect(deprecated, reason = "its successor is in a crate that is the SDK's own affair")]
use aws_config::profile::profile_file::ProfileFiles;
use aws_types::os_shim_internal::{Env, Fs};
use std::borrow::Cow;

/// The profile to use if none is named. It need not exist.
const DEFAULT: &str = "default";

/// Checks that the profile named by the command line or `AWS_PROFILE` is in a file.
///
/// The SDK skips a profile that does not exist and goes on to other sources of credentials. A
/// typing error would then select a different account.
///
/// # Errors
///
/// The profile is in no file, or a file is malformed.
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
