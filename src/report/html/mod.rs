//! `--report html=FILE`: one self-contained page for people who must rely on a run: no script, no
//! request, printable to A4.
//!
//! The templates in `templates/` hold its words. Every value passes through
//! `Shown`, and askama escapes it for HTML.
mod calendar;
mod chains;
mod commands;
mod details;
mod keys;
mod matrix;
mod page;
mod report;
mod shown;
mod summary;

pub use self::report::Html;
