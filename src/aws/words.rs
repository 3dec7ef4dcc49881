//! Error messages for failures before or below a service's response, in the AWS CLI's words where
//! it has them.
use super::error_chain::{causes, without_secrets};
use super::unanswered::Unanswered;
use aws_smithy_types::error::ErrorMetadata;
use std::error::Error;

/// What the SDK calls a class of errors. It says nothing about the error.
const CLASSES: [&str; 13] = [
    "an error occurred while loading an access token",
    "an error occurred while loading credentials",
    "connection error",
    "dispatch failure",
    "failed to construct request",
    "io error",
    "other",
    "request has timed out",
    "response error",
    "service error",
    "streaming error",
    "timeout",
    "unhandled error",
];

/// A failure before any service could be called. Its words are the AWS CLI's where it has a message,
/// since scripts look for them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// No source in the chain had credentials.
    #[error(
        "Unable to locate credentials. You can configure credentials by running \"aws configure\"."
    )]
    NoCredentials,
    /// A configured source of credentials failed, with its message.
    #[error("{0}")]
    Credentials(String),
    /// The requested profile is in no file.
    #[error("The config profile ({0}) could not be found")]
    NoProfile(String),
    /// No region is configured, and the service needs one.
    #[error(
        "You must specify a region. You can also configure your region by running \"aws \
         configure\"."
    )]
    NoRegion,
    /// A configured file or value cannot be used, with the reason.
    #[error("{0}")]
    Configuration(String),
}

impl SetupError {
    /// Returns whether the failure is about credentials.
    pub fn is_credentials(&self) -> bool {
        matches!(self, Self::NoCredentials | Self::Credentials(_))
    }
}

/// Returns `error` and its causes, from the outermost, joined by colons. Causes that only name a class,
/// or that repeat what is already in the text, are left out. A request without an answer, and an answer
/// of a service, end the text: what is below them is in their words.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words: Vec<String> = Vec::new();
    for cause in causes(error) {
        let text = cause.to_string();
        if cause.is::<Unanswered>() {
            words.retain(|known| !known.contains(&text));
            words.push(text);
            break;
        }
        if let Some(answer) = cause.downcast_ref::<ErrorMetadata>()
            && let Some(code) = answer.code()
        {
            words.retain(|known| !known.contains(&text));
            words.push(code.to_owned());
            words.extend(answer.message().map(str::to_owned));
            break;
        }
        let is_class = CLASSES.contains(&text.as_str()) || text.starts_with("unhandled error (");
        let is_known = words.iter().any(|known| known.contains(&text));
        if !text.is_empty() && !is_class && !is_known {
            words.push(text);
        }
    }
    match words.is_empty() {
        true => "the client does not say why".to_owned(),
        false => without_secrets(&words.join(": ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt;

    #[test]
    fn a_chain_names_each_cause_once() {
        #[derive(Debug)]
        struct Outer(std::io::Error);
        impl fmt::Display for Outer {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("dispatch failure")
            }
        }
        impl Error for Outer {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&self.0)
            }
        }
        assert_eq!(
            chain(&Outer(std::io::Error::other("connection refused"))),
            "connection refused"
        );
    }

    #[test]
    fn an_answer_in_the_chain_is_the_text() {
        let answer = |message: Option<&str>| {
            let mut builder = ErrorMetadata::builder().code("ExpiredToken");
            if let Some(message) = message {
                builder = builder.message(message);
            }
            std::io::Error::other(builder.custom("aws_request_id", "1").build())
        };
        assert_eq!(chain(&answer(Some("It has expired."))), "ExpiredToken: It has expired.");
        assert_eq!(chain(&answer(None)), "ExpiredToken");
        let nothing = std::io::Error::other("service error");
        assert_eq!(chain(&nothing), "the client does not say why");
    }

    #[test]
    fn the_aws_cli_words() {
        assert_eq!(
            SetupError::NoCredentials.to_string(),
            r#"Unable to locate credentials. You can configure credentials by running "aws configure"."#
        );
        assert_eq!(
            SetupError::NoRegion.to_string(),
            r#"You must specify a region. You can also configure your region by running "aws configure"."#
        );
    }
}
