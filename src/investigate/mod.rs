//! What happened to the evidence: events of verified log files.
pub(crate) mod access_logs;
pub(crate) mod case;
pub(crate) mod facts;
pub(crate) mod folder;
pub(crate) mod search;
pub(crate) mod techniques;
pub(crate) mod versions_seen;
