//! One digest: what it claims, its signature, and the judgement over both. Only the judge makes a
//! [`Verified`](crate::Verified).
pub mod document;
pub mod judge;
pub(crate) mod key_cache;
pub mod signing;
pub(crate) mod verified;
