//! The results of `mirror --dry-run` and of `mirror check`, and their reporters. They only show them.
pub(crate) mod check;
pub(crate) mod plan;
