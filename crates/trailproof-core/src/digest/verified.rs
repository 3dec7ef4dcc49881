//! A value that was proven.
use std::ops::Deref;

/// A value for which a proof held. Only the judges of `core` can make one, from the very bytes that
/// were proven, so its holder may rely on its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// Wraps a value after a proof; only for the judges.
    pub(crate) fn new(value: T) -> Self {
        Self(value)
    }

    /// Returns the value without its mark of being proven.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
