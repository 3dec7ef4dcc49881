//! What is found, read and noticed, as machine-readable codes. Reporters turn them into text.
pub mod check;
pub mod denial;
pub mod failure;
pub mod finding;
pub mod fixity;
pub mod lookup;
pub mod notice;
pub mod technique;
pub mod unlisted;
