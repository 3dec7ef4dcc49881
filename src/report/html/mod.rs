//! `--report html=FILE`: one self-contained page for people who must rely on a run, without scripts
//! and requests, and printable on A4.
//!
//! The templates in `templates/` hold its text. Every value passes through `Shown`, and askama
//! escapes it for HTML.
mod answer;
mod calendar;
mod chains;
mod commands;
mod details;
mod findings;
mod gaps;
mod keys;
mod links;
mod matrix;
mod page;
mod report;
mod shown;
mod summary;

pub use self::report::Html;
