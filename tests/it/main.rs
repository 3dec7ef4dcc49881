//! The tests that need no other programs, in one test program: each further program would link the
//! AWS SDK again.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]
#![expect(clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "a test prints what it skips and measures")]
#![expect(clippy::print_stdout, reason = "a test prints what it skips and measures")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod accepted;
mod account_names;
mod action;
#[path = "../architecture.rs"]
mod architecture;
mod attest;
mod aws_setup;
mod book;
mod cases;
mod chains;
mod circumstances;
mod cli;
mod commitment;
mod concurrency;
mod demo;
mod documents;
mod events;
mod failed_requests;
mod fuzz_smoke;
mod hostile_stores;
mod interrupted;
mod investigate;
mod key_files;
mod late_keys;
mod lookup;
mod loopback_server;
mod metrics;
mod mirror;
mod mirror_directory;
mod mirror_killed;
mod mirror_source;
mod no_length;
mod offline;
mod package;
mod permissions;
mod real_data;
mod record;
mod replay;
mod reports;
mod resume;
mod s3_source;
mod shards;
mod storage;
mod supply_chain;
#[path = "../support/mod.rs"]
mod support;
mod trail_builder;
mod trail_config;
mod trail_model;
mod unlisted;
mod verify_cli;
mod verify_model;
mod versions;
mod watch;
mod wire;
