//! Where a listing left off, with what is needed to see that it goes on.
//!
//! A store that repeats a page, or leads in a circle, must not make a run endless. The token alone
//! cannot show that, so that what callers carry from page to page also says which entry was the
//! last and how many pages in a row had none.
use crate::source::s3::classify::{Broken, broken};
use trailproof_core::codes::failure::ReadFailure;

/// Empty pages in a row that are borne. S3 may give some where many keys under a prefix were
/// deleted; a hundred requests in which nothing comes are no listing.
const EMPTY_PAGES: u32 = 100;

/// What [`crate::source::ListPage::next`] of an S3 listing holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The store's token.
    pub(super) token: String,
    /// The greatest key or folder of all pages before; empty before the first.
    pub(super) last: String,
    /// Pages without an entry, directly before this one.
    pub(super) empty: u32,
}

impl Cursor {
    /// Written so that it can be read back: number, number, entry, token.
    pub(super) fn encode(&self) -> String {
        format!("{}:{}:{}{}", self.empty, self.last.len(), self.last, self.token)
    }

    /// Reads what [`Self::encode`] wrote.
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
        parts().ok_or_else(|| broken(Broken::Senseless, "the continuation is not one of S3's"))
    }

    /// The cursor after a page whose greatest entry is `last`, and whose token is `token`.
    pub(super) fn after(self, last: Option<&str>, token: String) -> Result<Self, ReadFailure> {
        if token.is_empty() || token == self.token {
            return Err(broken(Broken::Senseless, "the listing repeats its continuation token"));
        }
        match last {
            Some(last) => Ok(Self { token, last: last.to_owned(), empty: 0 }),
            None if self.empty >= EMPTY_PAGES => {
                Err(broken(Broken::Senseless, "the listing goes on without entries"))
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
    fn what_is_no_cursor_is_refused() {
        for text in ["", "x", "1:2", "1:9:abc", "1:1:ü", "-1:0:", "1:-1:x"] {
            assert!(Cursor::decode(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_listing_that_does_not_move_ends() {
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
