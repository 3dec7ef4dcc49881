//! Error messages for failures before or below a service's response, in the AWS CLI's words where
//! it has them.
use std::error::Error;

/// Causes of an error that are shown. The SDK nests five or six deep.
const CHAIN: usize = 12;

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

/// Returns `error` and its causes, from the outermost, joined by colons. Causes that only repeat
/// what is already in the text are left out.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    for cause in causes(error).skip(1) {
        let cause = cause.to_string();
        if !cause.is_empty() && !words.contains(&cause) {
            words.push_str(": ");
            words.push_str(&cause);
        }
    }
    without_secrets(&words)
}

/// Returns `words` without the secrets that an endpoint in them may contain: user, password and
/// query. The SDK repeats an endpoint that it cannot use.
fn without_secrets(words: &str) -> String {
    let ends = |character: char| character.is_whitespace() || "`'\"(),".contains(character);
    words.split_inclusive(ends).map(without_secret).collect()
}

fn without_secret(word: &str) -> String {
    let (scheme, rest) = match word.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), word),
    };
    let is_url = !scheme.is_empty();
    let mut kept = rest.to_owned();
    if let Some((who, host)) = rest.rsplit_once('@')
        && (is_url || (who.contains(':') && !who.contains("arn:")))
    {
        kept = format!("…@{host}");
    }
    if let Some((place, query)) = kept.split_once('?')
        && (is_url || query.contains('='))
    {
        let end = query.chars().last().filter(|last| !last.is_alphanumeric());
        kept = format!("{place}?…{}", end.map(String::from).unwrap_or_default());
    }
    format!("{scheme}{kept}")
}

/// Returns `error` itself and then each cause, up to a limit.
pub fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error: &&'a (dyn Error + 'static)| {
        match error.downcast_ref::<std::io::Error>() {
            // `io::Error::source` skips the error that it wraps.
            Some(io) => io.get_ref().map(|inner| -> &'a (dyn Error + 'static) { inner }),
            None => error.source(),
        }
    })
    .take(CHAIN)
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
            "dispatch failure: connection refused"
        );
    }

    #[test]
    fn secrets_of_an_endpoint_are_not_repeated() {
        for (words, expected) in [
            ("bad `https://user:pass@host:1/x`: no", "bad `https://…@host:1/x`: no"),
            ("bad `user:pass@host:1`", "bad `…@host:1`"),
            ("at http://host/?X-Amz-Security-Token=SECRET now", "at http://host/?… now"),
            ("bad `host?token=SECRET`", "bad `host?…`"),
            (
                "arn:aws:sts::1:assumed-role/x/me@a.b may not",
                "arn:aws:sts::1:assumed-role/x/me@a.b may not",
            ),
            ("did you mean that?", "did you mean that?"),
        ] {
            assert_eq!(without_secrets(words), expected);
        }
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
