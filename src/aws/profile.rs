//! The profile that a run uses, selected as the AWS CLI selects it.
use super::files::{ConfigFiles, expanded, sdk_name};
use super::words::SetupError;
#[expect(deprecated, reason = "its successor is in a crate that is the SDK's own affair")]
use aws_config::profile::profile_file::{ProfileFileKind, ProfileFiles};
use std::env;
use std::path::PathBuf;
use std::sync::Arc;

/// The profile to use if none is named. It need not exist.
const DEFAULT: &str = "default";

/// The variables that name a profile, in the AWS CLI's order.
const VARIABLES: [&str; 2] = ["AWS_DEFAULT_PROFILE", "AWS_PROFILE"];

/// The selected profile and the files that define it.
#[derive(Clone, Debug)]
pub struct SelectedProfile {
    files: Arc<ConfigFiles>,
    name: String,
    /// Whether the command line names it. Then keys in the environment are not used: they may
    /// belong to a different account.
    pub is_explicit: bool,
}

impl SelectedProfile {
    /// Reads the files and selects the profile: the given one, or that of the environment, or
    /// `default`.
    ///
    /// The SDK skips a profile that does not exist and goes on to other sources of credentials. A
    /// typing error would then select a different account.
    ///
    /// # Errors
    ///
    /// The profile is in no file, or a file is malformed.
    pub fn read(named: Option<&str>) -> Result<Self, SetupError> {
        let files = Arc::new(ConfigFiles::read()?);
        let environment = || VARIABLES.iter().find_map(|name| variable(name));
        let name = named.map(str::to_owned).or_else(environment);
        let name = name.unwrap_or_else(|| DEFAULT.to_owned());
        if name != DEFAULT && !files.profiles.contains_key(&name) {
            return Err(SetupError::NoProfile(name));
        }
        Ok(Self { files, name, is_explicit: named.is_some() })
    }

    /// Returns the profile's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the name by which the SDK knows a profile of these files.
    pub fn sdk_name(&self) -> String {
        sdk_name(&self.name)
    }

    /// Returns the files in the form that the SDK reads.
    #[expect(deprecated, reason = "as above")]
    pub fn sdk_files(&self) -> ProfileFiles {
        ProfileFiles::builder().with_contents(ProfileFileKind::Config, self.files.for_sdk()).build()
    }

    /// Returns the same files with a different profile selected; `None` if they do not define it.
    pub fn other(&self, name: &str) -> Option<Self> {
        let known = self.files.profiles.contains_key(name);
        known.then(|| Self { name: name.to_owned(), ..self.clone() })
    }

    /// Returns whether a file defines the profile. `default` need not be defined.
    pub fn is_defined(&self) -> bool {
        self.files.profiles.contains_key(&self.name)
    }

    /// Returns a setting of the profile.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.files.text(&self.name, name)
    }

    /// Returns a setting below another setting of the profile, such as `addressing_style` below
    /// `s3`.
    pub fn nested(&self, above: &str, name: &str) -> Option<&str> {
        self.files.nested(&self.name, above, name)
    }

    /// Returns whether the credentials file has keys of the profile.
    pub fn has_keys(&self) -> bool {
        self.files.has_keys(&self.name)
    }

    /// Returns whether the profile is a role that is assumed with other credentials. A role for a web
    /// identity needs none.
    pub fn is_role(&self) -> bool {
        self.text("role_arn").is_some() && self.text("web_identity_token_file").is_none()
    }

    /// Returns whether the profile signs in with AWS IAM Identity Center (SSO).
    pub fn is_sso(&self) -> bool {
        ["sso_session", "sso_start_url"].iter().any(|name| self.text(name).is_some())
    }

    /// Returns the file of certificates to trust instead of the system's, and the name of the
    /// setting that names it.
    pub fn ca_bundle(&self) -> Option<(String, PathBuf)> {
        let of_environment =
            variable("AWS_CA_BUNDLE").map(|path| ("AWS_CA_BUNDLE".to_owned(), path));
        let of_profile = || {
            let setting = format!("ca_bundle` of the profile `{}", self.name);
            self.text("ca_bundle").map(|path| (setting, path.to_owned()))
        };
        of_environment.or_else(of_profile).map(|(setting, path)| (setting, expanded(&path)))
    }
}

/// Returns a variable of the environment that is not empty.
pub fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
