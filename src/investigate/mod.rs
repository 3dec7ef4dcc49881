//! Who did what to the evidence: the search of verified log files, the rules, the case folder.
pub(crate) mod access_logs;
pub(crate) mod case;
pub(crate) mod facts;
pub(crate) mod folder;
pub(crate) mod search;
pub(crate) mod techniques;
