//! Evidence that was gathered beforehand: JSON as the AWS CLI prints it, one file for each operation.
use super::answers::{Answer, Answers, of_error};
use super::input;
use super::shapes::list;
use crate::console::refusal::Refusal;
use crate::report::trail_config::result::InputFile;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use strum::IntoEnumIterator as _;
use trailproof_core::control::fact::{Unread, UnreadWhy};
use trailproof_core::control::operation::Operation;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::location::{escape, excerpt};
use trailproof_core::vocab::time::Timestamp;

/// The script that gathers evidence.
pub(crate) const SCRIPT: &str = include_str!("evidence.sh");

/// Name of the file with the hashes of the others, as `sha256sum` writes them.
const SUMS: &str = "SHA256SUMS";
/// Name of the file with the time at which the evidence was gathered.
const AS_OF: &str = "as-of";

/// Evidence from a folder.
#[derive(Debug)]
pub(crate) struct Given {
    /// The trail, as DescribeTrails describes it.
    pub(crate) described: Value,
    /// The answers.
    pub(crate) answers: Answers,
    /// When it was gathered, if the folder records it.
    pub(crate) as_of: Option<Timestamp>,
    /// The files that were read.
    pub(crate) inputs: Vec<InputFile>,
    /// Names of files that are of no known operation.
    pub(crate) unknown: Vec<String>,
}

/// `GetBucketAcl` as the AWS CLI spells it, `get-bucket-acl`.
fn cli_name(operation: Operation) -> String {
    let mut name = String::new();
    for letter in operation.name().chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

/// Reads a folder of evidence.
///
/// # Errors
///
/// It cannot be read, has been changed since its hashes were written, or does not describe one trail.
pub(crate) fn read(folder: &Path) -> Result<Given, Refusal> {
    let shown = escape(&folder.to_string_lossy()).into_owned();
    let refuse = |why: String| Refusal::not_started(format!("cannot read `{shown}`: {why}"));
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| refuse(error.to_string()))? {
        let entry = entry.map_err(|error| refuse(error.to_string()))?;
        if entry.file_type().is_ok_and(|kind| kind.is_file()) {
            files.push(entry.path());
        }
        if files.len() > budget::LOOKUP_FILES {
            return Err(refuse(format!("it has more than {} files", budget::LOOKUP_FILES)));
        }
    }
    files.sort();
    let names: BTreeMap<String, Operation> =
        Operation::iter().map(|operation| (cli_name(operation), operation)).collect();
    let mut given = Given {
        described: Value::Null,
        answers: Answers::default(),
        as_of: None,
        inputs: Vec::new(),
        unknown: Vec::new(),
    };
    let mut sums = String::new();
    for file in &files {
        let (content, input) = input::read(file)?;
        match input.name.as_str() {
            SUMS => sums = content,
            AS_OF => {
                given.as_of = Timestamp::parse(content.trim());
                given.inputs.push(input);
            }
            name => {
                if !given.take(&names, name, &content) {
                    given.unknown.push(excerpt(name, 200));
                }
                given.inputs.push(input);
            }
        }
    }
    check_sums(&sums, &given.inputs).map_err(refuse)?;
    let described = given.answers.get(Operation::DescribeTrails, "");
    let trails = match described {
        Ok(described) => described.map(|it| list(it, "trailList")).unwrap_or_default(),
        Err(unread) => {
            return Err(refuse(format!(
                "it has no answer of DescribeTrails ({})\n\nhint: gather evidence with the script that \
                 `trailproof trail-config --evidence-script` prints",
                unread.why.code()
            )));
        }
    };
    match trails {
        [one] => given.described = one.clone(),
        [] => return Err(Refusal::nothing_found(format!("`{shown}` describes no trail"))),
        _ => {
            return Err(Refusal::usage(format!(
                "`{shown}` describes {} trails; gather the evidence of each in a folder of its own",
                trails.len()
            )));
        }
    }
    Ok(given)
}

impl Given {
    /// Takes a file's answer. Returns whether its name is one of an operation.
    fn take(&mut self, names: &BTreeMap<String, Operation>, name: &str, content: &str) -> bool {
        let (stem, is_error) = match (name.strip_suffix(".json"), name.strip_suffix(".error")) {
            (Some(stem), _) => (stem, false),
            (_, Some(stem)) => (stem, true),
            (None, None) => return false,
        };
        let (operation, which) = stem.split_once('.').unwrap_or((stem, ""));
        let Some(operation) = names.get(operation).copied() else { return false };
        let answer = if is_error {
            error(operation, content)
        } else if content.trim().is_empty() && may_be_empty(operation) {
            // The AWS CLI prints nothing for an answer without fields.
            Answer::Is(Value::Object(serde_json::Map::new()))
        } else {
            match serde_json::from_str(content) {
                Ok(value) => Answer::Is(value),
                Err(_) => Answer::Unread(Unread::new(operation, UnreadWhy::Malformed)),
            }
        };
        self.answers.put(operation, which, answer);
        true
    }
}

/// Returns whether an operation answers without fields where nothing is configured.
fn may_be_empty(operation: Operation) -> bool {
    use Operation as O;
    let those =
        [O::GetBucketVersioning, O::GetBucketLogging, O::GetBucketNotificationConfiguration];
    those.contains(&operation)
}

/// Returns the answer that an error message of the AWS CLI reports: `An error occurred (CODE) when calling
/// …`.
fn error(operation: Operation, message: &str) -> Answer {
    let code = message.split_once("An error occurred (").and_then(|(_, rest)| rest.split_once(')'));
    let cut = message.floor_char_boundary(budget::DETAIL);
    let detail = message.get(..cut).unwrap_or_default().trim();
    match of_error(operation, code.map(|(code, _)| code), "") {
        Answer::Unread(unread) => Answer::Unread(Unread { detail: detail.to_owned(), ..unread }),
        other => other,
    }
}

/// Checks the files against the hashes that were written beside them, if any were.
fn check_sums(sums: &str, files: &[InputFile]) -> Result<(), String> {
    for line in sums.lines().filter(|line| !line.trim().is_empty()) {
        let Some((sum, name)) = line.split_once("  ") else {
            return Err(format!("`{SUMS}` has a line of an unknown form"));
        };
        let name = name.trim_start_matches("./");
        let shown = excerpt(name, 200);
        match files.iter().find(|file| file.name == name) {
            None => return Err(format!("`{SUMS}` names `{shown}`, which is not there")),
            Some(file) if file.sha256 != sum => {
                return Err(format!("`{shown}` was changed after `{SUMS}` was written"));
            }
            Some(_) => {}
        }
    }
    if sums.is_empty() {
        return Ok(());
    }
    let listed = |file: &InputFile| {
        sums.lines().any(|line| {
            line.split_once("  ")
                .is_some_and(|(_, name)| name.trim_start_matches("./") == file.name)
        })
    };
    match files.iter().find(|file| !listed(file)) {
        Some(file) => {
            Err(format!("`{}` was added after `{SUMS}` was written", excerpt(&file.name, 200)))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_the_name_that_the_aws_cli_gives_it() {
        for (operation, name) in [
            (Operation::GetBucketAcl, "get-bucket-acl"),
            (Operation::ListTargetsByRule, "list-targets-by-rule"),
            (Operation::GetComplianceDetailsByConfigRule, "get-compliance-details-by-config-rule"),
        ] {
            assert_eq!(cli_name(operation), name);
        }
    }

    #[test]
    fn errors_are_read_as_the_aws_cli_prints_them() {
        let operation = Operation::GetBucketPolicy;
        let message = |code: &str| {
            format!(
                "\naws: [ERROR]: An error occurred ({code}) when calling the GetBucketPolicy operation: x"
            )
        };
        assert!(matches!(error(operation, &message("NoSuchBucketPolicy")), Answer::Nothing));
        let denied = error(operation, &message("AccessDenied"));
        assert!(matches!(denied, Answer::Unread(unread) if unread.why == UnreadWhy::Denied));
        let other = error(operation, "Unable to locate credentials");
        assert!(matches!(other, Answer::Unread(unread) if unread.why == UnreadWhy::Failed));
    }

    #[test]
    fn a_file_that_was_changed_added_or_removed_is_seen() {
        let file =
            |name: &str, sum: &str| InputFile { name: name.to_owned(), sha256: sum.to_owned() };
        let files = [file("a.json", "11"), file("b.json", "22")];
        assert!(check_sums("", &files).is_ok());
        assert!(check_sums("11  a.json\n22  ./b.json\n", &files).is_ok());
        assert!(check_sums("11  a.json\n23  b.json\n", &files).unwrap_err().contains("changed"));
        assert!(check_sums("11  a.json\n", &files).unwrap_err().contains("added"));
        assert!(
            check_sums("11  a.json\n22  b.json\n33  c.json", &files)
                .unwrap_err()
                .contains("not there")
        );
    }
}
