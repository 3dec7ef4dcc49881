//! The auditor's package: a BagIt 1.0 bag (RFC 8493) with evidence, made from a record, results of
//! `trail-config` and attachments, and checked and compared again.
//!
//! A package is a function of what was copied into it and of what its maker declared. Everything else is
//! made from that, by the same code when it is created and when it is checked.
pub(crate) mod check;
pub(crate) mod create;
mod derive;
mod description;
pub(crate) mod manifest;
mod statement;
mod tree;

pub(crate) use self::description::{Evidence, PackageRequest};
