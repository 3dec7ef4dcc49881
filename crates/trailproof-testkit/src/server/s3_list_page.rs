//! One page of a listing: its entries, and whether there are more.
use super::http::Request;
use super::s3_error::S3Error;
use super::state::State;
use crate::world::{Bucket, Version};
use std::ops::Bound;

/// Maximum number of entries that S3 puts on a page.
const S3_PAGE_SIZE: usize = 1000;

/// One entry of a listing.
#[derive(Debug)]
pub(super) enum Entry<'b> {
    /// A key, with its versions.
    Key(&'b str, &'b [Version]),
    /// All keys with this prefix, combined into one entry.
    CommonPrefix(String),
}

/// Iterates over the entries of a listing in the order of keys.
pub(super) struct Entries<'b, 'q> {
    bucket: &'b Bucket,
    prefix: &'q str,
    delimiter: &'q str,
    /// Keys up to this one were listed before, and so was a common prefix equal to it.
    after: &'q str,
    from: Option<Bound<String>>,
}

impl<'b, 'q> Entries<'b, 'q> {
    /// Creates an iterator over the entries of `bucket` under `prefix` that come after `after`.
    pub(super) fn new(
        bucket: &'b Bucket,
        prefix: &'q str,
        delimiter: &'q str,
        after: &'q str,
    ) -> Self {
        let from = if after > prefix {
            Bound::Excluded(after.to_owned())
        } else if after == prefix && !after.is_empty() {
            Bound::Excluded(prefix.to_owned())
        } else {
            Bound::Included(prefix.to_owned())
        };
        Self { bucket, prefix, delimiter, after, from: Some(from) }
    }

    /// Makes the iterator begin with the key `at` itself.
    pub(super) fn starting_at(mut self, at: &str) -> Self {
        if at >= self.prefix {
            self.from = Some(Bound::Included(at.to_owned()));
        }
        self
    }

    fn common_prefix(&self, key: &str) -> Option<String> {
        if self.delimiter.is_empty() {
            return None;
        }
        let rest = key.strip_prefix(self.prefix)?;
        let (head, _) = rest.split_once(self.delimiter)?;
        Some(format!("{}{head}{}", self.prefix, self.delimiter))
    }
}

impl<'b> Iterator for Entries<'b, '_> {
    type Item = Entry<'b>;

    fn next(&mut self) -> Option<Entry<'b>> {
        loop {
            let from = self.from.take()?;
            let (key, versions) = self.bucket.objects.range((from, Bound::Unbounded)).next()?;
            if !key.starts_with(self.prefix) {
                return None;
            }
            match self.common_prefix(key) {
                None => {
                    self.from = Some(Bound::Excluded(key.clone()));
                    return Some(Entry::Key(key, versions));
                }
                Some(common) => {
                    self.from = successor(&common).map(Bound::Included);
                    if common != self.after {
                        return Some(Entry::CommonPrefix(common));
                    }
                }
            }
        }
    }
}

/// Returns the least string above all strings that begin with `prefix`. UTF-8 sorts in the order of
/// its characters, so this is the prefix with its last character incremented.
fn successor(prefix: &str) -> Option<String> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        // The iterator skips the surrogates, which no string contains.
        if let Some(raised) = (last..=char::MAX).nth(1) {
            characters.push(raised);
            return Some(characters.into_iter().collect());
        }
    }
    None
}

/// Returns how many entries a page may hold, and the requested number that the response repeats.
pub(super) fn page_size(state: &State, request: &Request) -> Result<(usize, usize), S3Error> {
    let asked = match request.query("max-keys") {
        None | Some("") => S3_PAGE_SIZE,
        Some(text) => text.parse::<usize>().map_err(|_| {
            S3Error::invalid_argument(
                "Provided max-keys not an integer or within integer range",
                "max-keys",
                text,
            )
        })?,
    };
    let max_keys = asked.min(S3_PAGE_SIZE);
    Ok((max_keys.min(state.options.list_page_size), max_keys))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_successor_follows_every_string_with_the_prefix() {
        assert_eq!(successor("a/").as_deref(), Some("a0"));
        assert_eq!(successor("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(successor("\u{d7ff}").as_deref(), Some("\u{e000}"));
        assert_eq!(successor("\u{10ffff}"), None);
    }
}
