//! The AWS configuration files, parsed as the AWS CLI parses them.
//!
//! The SDK has rules of its own: it refuses names that the AWS CLI accepts, and ignores settings
//! that the AWS CLI follows. So a run could act as a different identity than the AWS CLI beside it.
//! The files are therefore parsed here by the rules of Python's `configparser` and of
//! `botocore.configloader` (botocore 1.43), and given to the SDK in a form that it reads in the same
//! way.
use super::words::SetupError;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::env;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

/// Maximum size of one file, in bytes. A file with ten thousand profiles is smaller.
const LARGEST: u64 = 4 << 20;

/// The settings of static keys. The first one decides whether there are any.
const KEYS: [&str; 3] = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];

/// What begins a comment line.
const COMMENT: [char; 2] = ['#', ';'];

/// The section whose settings apply to all others, in Python's parser.
const FOR_ALL: &str = "DEFAULT";

/// A setting: a text, or settings below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    Text(String),
    Nested(BTreeMap<String, String>),
}

/// The settings of one section.
pub(super) type Settings = BTreeMap<String, Setting>;

/// The sections of both files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ConfigFiles {
    pub(super) profiles: BTreeMap<String, Settings>,
    /// Profiles that have keys in the credentials file.
    with_keys: BTreeSet<String>,
    sso_sessions: BTreeMap<String, Settings>,
    services: BTreeMap<String, Settings>,
}

impl ConfigFiles {
    /// Reads both files. A file that does not exist is empty.
    ///
    /// # Errors
    ///
    /// A file cannot be read or is malformed.
    pub(super) fn read() -> Result<Self, SetupError> {
        let file = |variable: &str, usual: &str| {
            let path = env::var(variable).unwrap_or_else(|_| usual.to_owned());
            expanded(&path)
        };
        let mut files = Self::default();
        if let Some(config) = sections(&file("AWS_CONFIG_FILE", "~/.aws/config"))? {
            files.add_config(config);
        }
        let credentials = file("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials");
        files.add_credentials(sections(&credentials)?.unwrap_or_default());
        Ok(files)
    }

    /// Adds the credentials file. Its keys take the place of those in the config file as a whole: a
    /// token there belongs to other keys.
    fn add_credentials(&mut self, credentials: Vec<(String, Settings)>) {
        for (name, settings) in credentials {
            let profile = self.profiles.entry(name.clone()).or_default();
            if settings.contains_key(KEYS[0]) {
                profile.retain(|name, _| !KEYS.contains(&name.as_str()));
                self.with_keys.insert(name);
            }
            profile.extend(settings);
        }
    }

    fn add_config(&mut self, config: Vec<(String, Settings)>) {
        for (section, settings) in config {
            if section == "default" {
                self.profiles.insert(section, settings);
                continue;
            }
            let into = match &section {
                kind if kind.starts_with("profile") => &mut self.profiles,
                kind if kind.starts_with("sso-session") => &mut self.sso_sessions,
                kind if kind.starts_with("services") => &mut self.services,
                _ => continue,
            };
            // Quotes as in a shell. A section with more or fewer words is none of ours.
            if let Some(words) = shell_words(&section)
                && let [_, name] = words.as_slice()
            {
                into.insert(name.clone(), settings);
            }
        }
    }

    /// Returns the sections as one file in the form that the SDK accepts.
    pub(super) fn for_sdk(&self) -> String {
        let mut text = String::new();
        for (kind, sections) in [
            ("profile", &self.profiles),
            ("sso-session", &self.sso_sessions),
            ("services", &self.services),
        ] {
            for (name, settings) in sections {
                let _ = writeln!(text, "[{kind} {}]", sdk_name(name));
                settings.iter().for_each(|(name, setting)| add_setting(&mut text, name, setting));
            }
        }
        text
    }

    /// Returns whether the credentials file has keys of the profile.
    pub(super) fn has_keys(&self, profile: &str) -> bool {
        self.with_keys.contains(profile)
    }

    /// Returns a setting of a profile, if it is a text that is not empty.
    pub(super) fn text(&self, profile: &str, name: &str) -> Option<&str> {
        match self.profiles.get(profile)?.get(name)? {
            Setting::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// Returns a setting below a setting of a profile, such as `addressing_style` below `s3`.
    pub(super) fn nested(&self, profile: &str, above: &str, name: &str) -> Option<&str> {
        match self.profiles.get(profile)?.get(above)? {
            Setting::Nested(settings) => settings.get(name).map(String::as_str),
            Setting::Text(_) => None,
        }
    }
}

/// Adds a setting, if the SDK can read its name and it is not read here. The SDK would refuse the
/// whole file over some names.
///
/// The SDK takes ` #` in a value for the beginning of a comment, and the AWS CLI does not. The values
/// that may hold it, those of roles and processes, are not the SDK's to read.
fn add_setting(text: &mut String, name: &str, setting: &Setting) {
    if !is_sdk_name(name) || name == "credential_process" {
        return;
    }
    match setting {
        Setting::Text(value) => {
            // These name a section, which may have been given a different name here.
            let names_section = ["services", "source_profile", "sso_session"].contains(&name);
            let value = if names_section { sdk_name(value) } else { one_line(value) };
            let _ = writeln!(text, "{name} = {value}");
        }
        Setting::Nested(settings) => {
            let _ = writeln!(text, "{name} =");
            for (name, value) in settings.iter().filter(|(name, _)| is_sdk_name(name)) {
                let _ = writeln!(text, "  {name} = {}", one_line(value));
            }
        }
    }
}

/// Splits a text as Python's `shlex.split` does, for which `#` does not begin a comment.
pub(super) fn shell_words(text: &str) -> Option<Vec<String>> {
    // A character for private use stands in its place.
    const STANDS_FOR: &str = "\u{f0023}";
    let words = shlex::split(&text.replace('#', STANDS_FOR))?;
    Some(words.into_iter().map(|word| word.replace(STANDS_FOR, "#")).collect())
}

/// Returns a value of several lines on one line. Only commands and lists have several, and for them
/// a line break is a space.
fn one_line(value: &str) -> String {
    value.split(['\n', '\r']).map(str::trim).collect::<Vec<_>>().join(" ")
}

/// Returns the name of a section for the SDK, which accepts only some characters.
pub(super) fn sdk_name(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '%' => text.push_str("%25"),
            plain if is_sdk_character(plain) => text.push(plain),
            other => {
                let mut bytes = [0; 4];
                for byte in other.encode_utf8(&mut bytes).bytes() {
                    let _ = write!(text, "%{byte:02X}");
                }
            }
        }
    }
    text
}

/// Returns whether the SDK accepts a character in names: `[A-Za-z0-9_\-/.%@:\+]`, in
/// `aws_runtime::env_config::normalize`.
fn is_sdk_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_-/.%@:+".contains(character)
}

fn is_sdk_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(is_sdk_character)
}

/// Returns a path with a leading `~` and variables replaced, as the AWS CLI does.
pub(super) fn expanded(path: &str) -> PathBuf {
    let path = with_variables(path);
    match (path.strip_prefix('~'), env::var_os("HOME").filter(|home| !home.is_empty())) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            let mut whole = home;
            whole.push(rest);
            PathBuf::from(whole)
        }
        _ => PathBuf::from(path),
    }
}

/// Replaces `$NAME` and `${NAME}` by the variable, if it is set.
fn with_variables(path: &str) -> String {
    let mut text = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('$') {
        text.push_str(before);
        let braced = after.strip_prefix('{').and_then(|after| after.split_once('}'));
        let plain = || {
            let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
            let end = after.find(|character| !is_name(character)).unwrap_or(after.len());
            after.split_at(end)
        };
        let (name, behind) = braced.unwrap_or_else(plain);
        match env::var(name) {
            Ok(value) if !name.is_empty() => {
                text.push_str(&value);
                rest = behind;
            }
            _ => {
                text.push('$');
                rest = after;
            }
        }
    }
    text + rest
}

/// Returns the sections of a file in their order; `None` if there is no such file.
fn sections(path: &Path) -> Result<Option<Vec<(String, Settings)>>, SetupError> {
    let refused = |why: &str| {
        SetupError::Configuration(format!(
            "Unable to parse config file: {}\n\nhint: {why}",
            path.display()
        ))
    };
    match path.metadata() {
        Ok(about) if !about.is_file() => return Ok(None),
        Ok(about) if about.len() > LARGEST => return Err(refused("the file is too large")),
        Ok(_) => {}
        Err(_) => return Ok(None),
    }
    let bytes = std::fs::read(path).map_err(|error| refused(&format!("{error}")))?;
    let text = String::from_utf8(bytes).map_err(|_| refused("the file is not UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    parse(text).map(Some).map_err(|wrong| refused(&wrong.to_string()))
}

/// Why a file is refused: the number of the first wrong line, if one line is wrong, and the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Malformed(Option<usize>, &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self(Some(line), why) => write!(f, "line {line} {why}"),
            Self(None, why) => f.write_str(why),
        }
    }
}

/// The lines of a setting's value as they are collected.
type Lines = Vec<String>;

/// One section while it is parsed.
#[derive(Debug, Default)]
struct Section {
    name: String,
    settings: Vec<(String, Lines)>,
}

/// Parses a file as Python's `configparser.RawConfigParser` does. Returns the number of the first
/// line that it refuses, and why.
fn parse(text: &str) -> Result<Vec<(String, Settings)>, Malformed> {
    let mut sections: Vec<Section> = Vec::new();
    let (mut names, mut settings) = (HashSet::new(), HashSet::new());
    // The indentation of the last line that began a setting or section.
    let mut indent = 0;
    for (number, line) in text.lines().enumerate() {
        let wrong = |why: &'static str| Err(Malformed(Some(number + 1), why));
        let value = line.trim();
        let open = sections.last_mut().and_then(|section| section.settings.last_mut());
        if value.starts_with(COMMENT) {
            continue;
        }
        if value.is_empty() {
            if let Some((_, lines)) = open {
                lines.push(String::new());
            }
            continue;
        }
        let here = line.len() - line.trim_start().len();
        if let Some((_, lines)) = open
            && here > indent
        {
            lines.push(value.to_owned());
            continue;
        }
        indent = here;
        let header = value.strip_prefix('[').and_then(|rest| rest.rsplit_once(']'));
        if let Some((name, _)) = header.filter(|(name, _)| !name.is_empty()) {
            if name != FOR_ALL && !names.insert(name) {
                return wrong("repeats a section");
            }
            settings.clear();
            sections.push(Section { name: name.to_owned(), settings: Vec::new() });
            continue;
        }
        let Some(section) = sections.last_mut() else {
            return wrong("comes before the first section");
        };
        let Some((name, value)) = value.split_once(['=', ':']) else {
            return wrong("is neither a section nor a setting");
        };
        let name = name.trim_end().to_lowercase();
        if name.is_empty() {
            return wrong("has no name before its value");
        }
        if !settings.insert(name.clone()) {
            return wrong("repeats a setting");
        }
        section.settings.push((name, vec![value.trim().to_owned()]));
    }
    finish(sections)
}

/// Joins the lines of each value, and adds the settings that apply to all sections.
fn finish(sections: Vec<Section>) -> Result<Vec<(String, Settings)>, Malformed> {
    let (for_all, own): (Vec<_>, Vec<_>) =
        sections.into_iter().partition(|section| section.name == FOR_ALL);
    let read = |section: Section| {
        let settings = section.settings.into_iter();
        settings.map(|(name, lines)| Ok((name, setting(&lines)?))).collect::<Result<Settings, _>>()
    };
    let mut shared = Settings::new();
    for section in for_all {
        shared.extend(read(section)?);
    }
    own.into_iter()
        .map(|section| {
            let name = section.name.clone();
            let mut settings = shared.clone();
            settings.extend(read(section)?);
            Ok((name, settings))
        })
        .collect()
}

fn setting(lines: &[String]) -> Result<Setting, Malformed> {
    let joined = lines.join("\n");
    let value = joined.trim_end();
    let Some(below) = value.strip_prefix('\n') else {
        return Ok(Setting::Text(value.to_owned()));
    };
    let lines = below.lines().map(str::trim).filter(|line| !line.is_empty());
    let settings = lines.map(|line| match line.split_once('=') {
        Some((name, value)) => Ok((name.trim().to_owned(), value.trim().to_owned())),
        None => Err(Malformed(None, "an indented block has a line without `=`")),
    });
    settings.collect::<Result<_, _>>().map(Setting::Nested)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(config: &str, credentials: &str) -> ConfigFiles {
        let mut files = ConfigFiles::default();
        files.add_config(parse(config).unwrap());
        files.add_credentials(parse(credentials).unwrap());
        files
    }

    /// What Python 3.11's `configparser` and botocore 1.43's `configloader` return for these texts.
    #[test]
    fn names_are_read_as_the_aws_cli_reads_them() {
        let config = "[default]\nregion=a\n[profile 'my team']\nregion : b\n[profile \"x\"]\n\
                      REGION = c\n[profilez y]\nregion = d\n[profile p q]\nregion = e\n\
                      [other]\nregion = f\n";
        let files = read(config, "[my team]\nregion = g\n['x']\nregion = h\n");
        let regions: Vec<_> =
            files.profiles.keys().map(|name| files.text(name, "region")).collect();
        let names: Vec<&str> = files.profiles.keys().map(String::as_str).collect();
        assert_eq!(names, ["'x'", "default", "my team", "x", "y"]);
        assert_eq!(regions, [Some("h"), Some("a"), Some("g"), Some("c"), Some("d")]);
    }

    #[test]
    fn values_are_read_as_the_aws_cli_reads_them() {
        let config = "# comment\n[default]\n  region = a # kept\n  role_arn = x\n\n\
                      s3 =\n  addressing_style = path\n  # inner\n\n  x = y=z\n\
                      credential_process = one\n  two\n; comment\n output =\n";
        let files = read(config, "");
        assert_eq!(files.text("default", "region"), Some("a # kept"));
        assert_eq!(files.nested("default", "s3", "addressing_style"), Some("path"));
        assert_eq!(files.nested("default", "s3", "x"), Some("y=z"));
        assert_eq!(files.text("default", "credential_process"), Some("one\ntwo\noutput ="));
    }

    #[test]
    fn a_shared_section_applies_to_every_other() {
        let files = read("[DEFAULT]\nregion = a\n[profile p]\n[profile q]\nregion = b\n", "");
        assert_eq!(files.text("p", "region"), Some("a"));
        assert_eq!(files.text("q", "region"), Some("b"));
    }

    #[test]
    fn what_python_refuses_is_refused_with_its_line() {
        for (text, line) in [
            ("region = a\n", 1),
            ("[a]\n[a]\n", 2),
            ("[a]\nx = 1\nX = 2\n", 3),
            ("[a]\nnothing\n", 2),
            ("[a]\n= b\n", 2),
            ("[a]\n[]\n", 2),
        ] {
            assert_eq!(parse(text).map_err(|Malformed(line, _)| line), Err(Some(line)), "{text}");
        }
    }

    /// The SDK must find the settings under the name that it is given.
    #[test]
    fn the_sdk_gets_names_that_it_accepts() {
        let config = "[profile a%b ]\nsource_profile = my team\n[profile 'my team']\nregion = r\n\
                      odd key = 1\nservices = é\n[services é]\ns3 =\n  endpoint_url = http://x\n";
        let text = read(config, "").for_sdk();
        assert!(text.contains("[profile a%25b]\nsource_profile = my%20team\n"), "{text}");
        assert!(text.contains("[profile my%20team]\nregion = r\nservices = %C3%A9\n"), "{text}");
        assert!(text.contains("[services %C3%A9]\ns3 =\n  endpoint_url = http://x\n"), "{text}");
    }

    /// What Python 3.11's `shlex.split` returns for these texts.
    #[test]
    fn words_are_split_as_python_splits_them() {
        let split = |text: &str| shell_words(text).map(|words| words.join("|"));
        assert_eq!(split("a 'b #c' \"d # e\" #f g#"), Some("a|b #c|d # e|#f|g#".to_owned()));
        assert_eq!(split("a # 'b"), None);
        assert_eq!(split("$HOME/x\\ y"), Some("$HOME/x y".to_owned()));
    }

    #[test]
    fn keys_of_the_credentials_file_take_the_place_of_all_others() {
        let config = "[profile p]\naws_access_key_id = a\naws_secret_access_key = b\n\
                      aws_session_token = stale\n[profile q]\naws_session_token = kept\n";
        let credentials =
            "[p]\naws_access_key_id = c\naws_secret_access_key = d\n[q]\nregion = r\n";
        let files = read(config, credentials);
        assert_eq!(files.text("p", "aws_access_key_id"), Some("c"));
        assert_eq!(files.text("p", "aws_session_token"), None);
        assert_eq!(files.text("q", "aws_session_token"), Some("kept"));
        assert!(files.has_keys("p") && !files.has_keys("q"));
    }

    #[test]
    fn a_setting_cannot_begin_a_section_of_its_own() {
        let text = read("[profile p]\nregion = a\n  [profile q]\n  region = b\n", "").for_sdk();
        assert_eq!(text, "[profile p]\nregion = a [profile q] region = b\n");
    }
}
