//! What happened to the evidence, and what is left of it.
//!
//! [`affected`] is what a run could not prove, [`second`] runs the unchanged engine over the versions
//! that are left, and [`versions`] says of each affected object what became of it. [`search`] finds
//! the events about it in verified log files, [`techniques`] says what they show, and [`folder`]
//! writes the case.
pub(crate) mod access_logs;
pub(crate) mod affected;
pub(crate) mod case;
mod confirm;
mod contents;
pub(crate) mod facts;
pub(crate) mod folder;
pub(crate) mod gathered;
pub(crate) mod history;
pub(crate) mod kms_ledger;
pub(crate) mod search;
pub(crate) mod second;
pub(crate) mod techniques;
mod ties;
mod timeline;
pub(crate) mod tried;
pub(crate) mod versions;
