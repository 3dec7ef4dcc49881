//! The auditor's package: what it holds, its pages and tables, and the results of checking and
//! comparing packages.
pub(crate) mod assessment;
pub(crate) mod check;
pub(crate) mod compare;
mod controls;
pub(crate) mod document;
mod index;
pub(crate) mod made;
mod words;
