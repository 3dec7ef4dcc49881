//! Where evidence is: the folders of a bucket, the chains in them, and where a copy was delivered.
//!
//! Everything here is found by listing, except the place of delivery of a copy, which is read from
//! its digests. Nothing is judged here.
pub mod copy_mapping;
pub mod delivery;
pub mod discover;
pub(crate) mod extent;
pub mod folders;
pub mod listed_chain;
mod log_extent;
pub mod one_chain;
pub mod place;
pub mod place_listing;
pub mod roots;
pub mod slices;
