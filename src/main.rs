//! The binary: passes its arguments to the library and returns the exit status.
use mimalloc::MiMalloc;
use std::process::ExitCode;

// `Cargo.toml` gives the reason for this allocator.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    trailproof::cli::main(std::env::args_os())
}
