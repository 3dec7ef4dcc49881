//! The rules over trails of the testkit, without a store, a runtime or the AWS SDK. Together with the
//! tests beside the rules, this is what mutation testing runs.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod judge;
mod walks;
