//! The binary: hands its arguments to the library and returns its exit status.
use mimalloc::MiMalloc;
use std::process::ExitCode;

// The reason stands beside the dependency.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    trailproof::cli::main(std::env::args_os())
}
