//! One digest: its claims, its signature, and the judgement of both. Only the judges make a
//! [`Verified`](crate::Verified) value.
pub mod document;
pub mod judge;
pub(crate) mod key_cache;
pub mod signing;
pub(crate) mod verified;
