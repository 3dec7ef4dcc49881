#![no_main]
#[path = "../pool.rs"]
#[expect(dead_code, reason = "shared by all targets")]
mod pool;
#[path = "../targets.rs"]
#[expect(dead_code, reason = "shared by all targets")]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    targets::documents::shard_survey(data);
});
