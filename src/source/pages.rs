//! A listing, page by page.
use super::object::{ListPage, ListRequest, ObjectSource};
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::vocab::budget;

/// The pages of one listing, up to its very end.
///
/// A page may be empty and have a successor: S3 returns such pages where many keys were deleted. So
/// nothing may be decided from one page, and a listing ends only with `Ok(None)`, after the store's
/// own last page. Any other end is an error, and stays one if the method is called again.
#[derive(Debug)]
pub struct Pages<'s> {
    source: &'s dyn ObjectSource,
    request: Option<ListRequest>,
    read: usize,
    failed: Option<ReadFailure>,
}

impl<'s> Pages<'s> {
    /// Starts a listing; no request is made yet.
    pub fn new(source: &'s dyn ObjectSource, request: ListRequest) -> Self {
        Self { source, request: Some(request), read: 0, failed: None }
    }

    /// Returns the next page, or `None` after the last.
    ///
    /// # Errors
    ///
    /// A page could not be read, or there are more pages than the budget allows. The listing is
    /// then unknown, and every later call returns the error again.
    pub async fn next(&mut self) -> Result<Option<ListPage>, ReadFailure> {
        if let Some(why) = &self.failed {
            return Err(why.clone());
        }
        let Some(request) = &mut self.request else { return Ok(None) };
        let page = if self.read < budget::PAGES {
            self.read += 1;
            self.source.list(request).await
        } else {
            Err(ReadFailure::new(ReadFailureKind::OverBudget, "too many pages in one listing"))
        };
        match page {
            Ok(mut page) => {
                match page.next.take() {
                    Some(next) => request.continuation = Some(next),
                    None => self.request = None,
                }
                Ok(Some(page))
            }
            Err(why) => {
                self.failed = Some(why.clone());
                Err(why)
            }
        }
    }

    /// Returns the request for the next page; `None` after the last.
    pub fn request(&self) -> Option<&ListRequest> {
        self.request.as_ref()
    }

    /// Returns the number of pages read so far.
    pub fn read(&self) -> usize {
        self.read
    }
}
