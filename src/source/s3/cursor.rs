//! Where a listing page ended, with what is needed to check that the listing advances.
//!
//! A store that repeats a page, or returns pages in a loop, must not make a run endless. The token
//! alone cannot show that. So what callers carry from page to page also contains the last entry and
//! the number of consecutive empty pages.
use crate::source::s3::classify::{Broken, broken};
use trailproof_core::codes::failure::ReadFailure;

/// Consecutive empty pages that are tolerated. S3 may return some where many keys under a prefix
/// were deleted; a hundred requests without any entry are not a listing.
const EMPTY_PAGES: u32 = 100;

/// The content of [`crate::source::ListPage::next`] in an S3 listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The store's token.
    pub(super) token: String,
    /// The greatest key or folder of all previous pages; empty before the first page.
    pub(super) last: String,
    /// The number of empty pages directly before this one.
    pub(super) empty: u32,
}

impl Cursor {
    /// Encodes the cursor as text that can be read back: number, number, entry, token.
    pub(super) fn encode(&self) -> String {
        format!("{}:{}:{}{}", self.empty, self.last.len(), self.last, self.token)
    }

    /// Decodes what [`Self::encode`] wrote.
    pub(super) fn decode(text: &str) -> Result<Self, ReadFailure> {
        let parts = || {
            let (empty, rest) = text.split_once(':')?;
            let (length, rest) = rest.split_once(':')?;
            let (last, token) = rest.split_at_checked(length.parse().ok()?)?;
            Some(Self {
                token: token.to_owned(),
                last: last.to_owned(),
                empty: empty.parse().ok()?,
            })
        };
        parts().ok_or_else(|| {
            broken(Broken::Senseless, "the continuation token is not from an S3 listing")
        })
    }

    /// Returns the cursor after a page whose greatest entry is `last` and whose token is `token`.
    pub(super) fn after(self, last: Option<&str>, token: String) -> Result<Self, ReadFailure> {
        if token.is_empty() || token == self.token {
            return Err(broken(Broken::Senseless, "the listing repeats its continuation token"));
        }
        match last {
            Some(last) => Ok(Self { token, last: last.to_owned(), empty: 0 }),
            None if self.empty >= EMPTY_PAGES => {
                Err(broken(Broken::Senseless, "the listing returned too many empty pages"))
            }
            None => Ok(Self { token, last: self.last, empty: self.empty.saturating_add(1) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_whatever_it_holds() {
        for last in ["", "a:b:c", "ü/\u{1}+", "12:34"] {
            let cursor = Cursor { token: "1:2:x=".to_owned(), last: last.to_owned(), empty: 7 };
            assert_eq!(Cursor::decode(&cursor.encode()).unwrap(), cursor);
        }
    }

    #[test]
    fn an_invalid_cursor_is_refused() {
        for text in ["", "x", "1:2", "1:9:abc", "1:1:ü", "-1:0:", "1:-1:x"] {
            assert!(Cursor::decode(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_listing_that_does_not_advance_ends() {
        let first = Cursor::default().after(Some("a"), "t1".to_owned()).unwrap();
        assert!(first.clone().after(Some("b"), "t1".to_owned()).is_err());
        let mut cursor = first;
        let mut pages = 0;
        while let Ok(next) = cursor.clone().after(None, format!("u{pages}")) {
            cursor = next;
            pages += 1;
        }
        assert_eq!(pages, 100);
    }
}
