//! A value that was proven.
use std::ops::Deref;

/// A value over which a proof held. Only the judges of `core` can make one, from the very bytes
/// that were proven, so whoever holds one may follow what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// For the judges, after a proof.
    pub(crate) fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, given up as one that is proven.
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
