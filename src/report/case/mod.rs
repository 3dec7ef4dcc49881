//! The result of an investigation, and its forms in a case folder. They only show it.
mod html;
mod json;
mod lines;
pub(crate) mod model;
mod ocsf;
mod text;
mod timesketch;
mod words;

pub(crate) use self::html::html;
pub(crate) use self::json::case_json;
pub(crate) use self::lines::{
    changes_of_logs, history_events, proofs_of_events, timeline_csv, timeline_lines,
    unproven_events, verified_events,
};
pub(crate) use self::ocsf::ocsf;
pub(crate) use self::text::text;
pub(crate) use self::timesketch::timesketch;
