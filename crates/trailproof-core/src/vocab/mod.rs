//! The words of the field: ids, regions, keys, times, places, and the budgets that hold them.
pub mod budget;
pub mod chain_id;
pub mod ids;
pub mod key_layout;
pub mod location;
pub mod log_key;
pub mod time;
