//! The commands, one in each file.
pub(super) mod attest;
pub(super) mod dry_run;
pub(super) mod events;
pub(super) mod investigate;
pub(super) mod keys;
pub(super) mod keys_fetch;
pub(super) mod lookup;
pub(super) mod manual;
pub(super) mod mirror;
mod mirror_check;
mod mirror_dry_run;
pub(super) mod package;
pub(super) mod recover;
pub(super) mod replay;
pub(super) mod shard;
pub(super) mod trail_config;
pub(super) mod validate_logs;
pub(super) mod verify;
