//! Chores of this repository: `cargo xtask` lists them.
fn main() {}
