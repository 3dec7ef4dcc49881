//! The vocabulary of the field: ids, regions, keys, times, locations, and the budgets that bound
//! them.
pub mod budget;
pub mod chain_id;
pub mod glob;
pub mod ids;
pub mod key_layout;
pub mod location;
pub mod log_key;
pub mod time;
