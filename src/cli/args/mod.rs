//! Options and arguments, and the typed request that is built from them.
pub(super) mod attest;
pub(super) mod aws;
pub(super) mod commands;
pub(super) mod events;
pub(super) mod investigate;
pub(super) mod keys;
pub(super) mod lookup;
pub(super) mod mirror;
pub(super) mod output;
pub(super) mod package;
pub(super) mod recover;
pub(super) mod request;
pub(super) mod selection;
pub(super) mod shard;
pub(super) mod trail_config;
pub(super) mod verify;
pub(super) mod watch;
