//! What is found, read and noticed, as codes that machines read. Reporters make words of them.
pub mod check;
pub mod failure;
pub mod finding;
pub mod notice;
pub mod unlisted;
