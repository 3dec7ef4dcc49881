//! One run cut into shards: a plan, one record for each shard, and the record of the whole run.
//!
//! `cut` decides where. `plan` makes, writes and reads the plan. `work` verifies one shard and writes its record.
//! `merge` makes a run record of all shard records, with the bytes that one machine would have
//! written. `plan_lines` and `shard_lines` hold the lines of both documents, `output` and `records` know
//! where they lie. `survey` is about plans whose shards list their digests first, and `ledger` about log
//! files that are hashed before their shard is verified.
mod cut;
pub(crate) mod hash;
pub mod in_process;

pub(crate) mod ledger;
pub(crate) mod merge;
pub(crate) mod output;
pub(crate) mod plan;
mod plan_lines;
pub(crate) mod records;
pub(crate) mod shard_lines;
pub(crate) mod survey;
mod survey_lines;
pub(crate) mod work;
mod work_error;
