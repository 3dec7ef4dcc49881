//! From a request to a run. Every command that reads evidence opens a session.
//!
//! A [`request::VerifyRequest`] states what is requested. [`open::Session`] finds the evidence and
//! the keys to trust, reads the clock once, counts requests, and holds the plan of the run.
pub(crate) mod custody;
pub(crate) mod delivery_bucket;
pub(crate) mod earlier;
pub(crate) mod environment;
pub(crate) mod evidence;
pub(crate) mod exceptions;
pub(crate) mod key_files;
pub(crate) mod location;
pub(crate) mod mirror_scope;
pub(crate) mod of_record;
pub(crate) mod open;
pub(crate) mod period;
pub(crate) mod reading;
pub(crate) mod request;
pub(crate) mod shared;
pub(crate) mod store;
pub(crate) mod time_text;
