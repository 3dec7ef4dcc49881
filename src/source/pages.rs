//! A listing, page by page.
use super::object::{ListPage, ListRequest, ObjectSource};
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::vocab::budget;

/// The pages of one listing, to its very end.
///
/// A page may be empty and go on: S3 answers so where many keys were deleted. So nothing may be
/// decided from one page, and a listing ends only with `Ok(None)`, which the store's own last page
/// brings. Whatever else ends it is an error, also when it is asked again.
#[derive(Debug)]
pub struct Pages<'s> {
    source: &'s dyn ObjectSource,
    request: Option<ListRequest>,
    read: usize,
    failed: Option<ReadFailure>,
}

impl<'s> Pages<'s> {
    /// Begins a listing; nothing is asked for yet.
    pub fn new(source: &'s dyn ObjectSource, request: ListRequest) -> Self {
        Self { source, request: Some(request), read: 0, failed: None }
    }

    /// Returns the next page, or `None` after the last.
    ///
    /// # Errors
    ///
    /// That a page could not be read, or that there are more pages than the budget allows. The
    /// listing is then not known, and every later call returns the error again.
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

    /// What the next page is asked with; `None` after the last.
    pub fn request(&self) -> Option<&ListRequest> {
        self.request.as_ref()
    }

    /// Pages that were read so far.
    pub fn read(&self) -> usize {
        self.read
    }
}
