//! The outputs of `trail-config`.
pub(crate) mod code_scanning;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod junit;
pub(crate) mod ocsf;
pub(crate) mod result;
pub(crate) mod text;
pub(crate) mod words;
