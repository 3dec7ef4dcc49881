//! From facts to deeds: which technique explains what is missing, changed or not covered.
//!
//! Pure rules. A deed is `shown` if a verified event and its effect are both proven, `likely` if the
//! effect is proven and an unsigned witness or the store names the cause, and `possible` if it only
//! fits. Everything that one cause explains is one deed.
mod index;
mod ledger;
mod objects;
mod rates;
mod spans;
mod unreadable;

pub(crate) use self::index::Evidence;
pub(crate) use self::ledger::{Judged, judge};
