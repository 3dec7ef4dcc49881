//! Shared by several modules of `it` and `external`.
#![allow(dead_code, unused_imports, unused_macros, reason = "each test program uses a part")]
use std::thread;
use std::time::{Duration, Instant};

pub(crate) mod attest_room;
pub(crate) mod copy;
pub(crate) mod mirrors;
pub(crate) mod module_graph;
pub(crate) mod permissions;
pub(crate) mod program;
pub(crate) mod records;
pub(crate) mod run_events;
pub(crate) mod worlds;

/// Waits until another program has done something. Fails after a minute.
pub(crate) fn wait_until(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(60), "timed out: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Defines one test per number, so that long tests run concurrently:
/// `by_seed!(run: name = number, …)` makes tests `run::name` that call `run(number)`.
macro_rules! by_seed {
    ($run:ident: $($name:ident = $number:literal),+ $(,)?) => {
        mod $run {
            $(
                #[test]
                fn $name() {
                    super::$run($number);
                }
            )+
        }
    };
}
pub(crate) use by_seed;
