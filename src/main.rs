//! The binary: hands its arguments to the library and returns its exit status.
use std::process::ExitCode;

fn main() -> ExitCode {
    trailproof::cli::main(std::env::args_os())
}
