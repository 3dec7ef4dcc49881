//! The result of a lookup, and its reporters. They only show it.
mod json;
pub(crate) mod result;
mod text;

pub(crate) use self::json::json;
pub(crate) use self::text::text;
