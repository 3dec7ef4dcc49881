//! Where evidence lies: the folders of a bucket, the chains in them, and which of them a run must
//! answer for. Found by listing alone; nothing is opened and nothing judged here.
pub mod chains;
pub mod folders;
pub mod listed;
pub mod one_chain;
pub mod place;
pub mod place_listing;
pub mod roots;
pub mod slices;
