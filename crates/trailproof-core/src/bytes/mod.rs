//! From the bytes of an object to its content: gzip members, inflated and hashed within budgets.
pub mod content;
mod deflate;
pub mod inflate;
pub mod json_size;
mod members;
pub mod whole;
