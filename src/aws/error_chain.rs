//! The causes of an error, and its text without secrets.
use std::error::Error;

/// Causes of an error that are looked at. The SDK nests five or six deep, and the connection below it as
/// many.
const CHAIN: usize = 16;

/// Returns `words` without the secrets that an endpoint in them may contain: user, password and
/// query. The SDK repeats an endpoint that it cannot use.
pub(super) fn without_secrets(words: &str) -> String {
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
}
