//! Whole runs of the program, compared with what a user would otherwise run and with the machine's
//! limit.
//!
//! `cargo bench --bench run -- [SCENARIO…] [--quick] [--repeat N]`
//!
//! Each scenario serves a generated trail from a separate process, so that CPU time and memory of
//! the measured program are its own. The program is the optimised binary. The AWS CLI is taken from
//! `TRAILPROOF_AWS_CLI` or from `.venv/awscli/bin/aws`; if neither is present, its part is skipped.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::indexing_slicing, reason = "the bare loop's own buffers")]
mod bare;
mod bare_directory;
mod directory;
mod evidence;
mod figures;
mod investigate;
mod measure;
mod programs;
mod s3_scenarios;
mod scenarios;
mod serve;
mod shards;
mod world;

use mimalloc::MiMalloc;
use scenarios::{SCENARIOS, Settings};
use std::error::Error;

// The program's own allocator, so that the client and the loop it is compared with do not have a
// worse one.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    // Cargo adds `--bench` to the arguments.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let mut settings = Settings { quick: false, repeat: None };
    let mut selected = Vec::new();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--serve" => return serve::serve(arguments),
            "--serve-listings" => return serve::serve_listings(arguments),
            "--bare-merge" => return shards::recompress(arguments),
            "--bare" => return bare::fetch(arguments),
            "--bare-directory" => return bare_directory::hash_all(arguments),
            "--quick" => settings.quick = true,
            "--repeat" => {
                let number = arguments.next().ok_or("`--repeat` needs a number")?;
                settings.repeat = Some(number.parse().map_err(|_| "`--repeat` needs a number")?);
            }
            name if SCENARIOS.iter().any(|one| one.name == name) => selected.push(argument),
            other => {
                let names: Vec<&str> = SCENARIOS.iter().map(|one| one.name).collect();
                return Err(format!("no scenario `{other}`; there are {}", names.join(", ")).into());
            }
        }
    }
    figures::machine()?;
    for scenario in SCENARIOS {
        if selected.is_empty() || selected.iter().any(|name| name == scenario.name) {
            println!("\n== {}: {}", scenario.name, scenario.words);
            (scenario.run)(&settings)?;
        }
    }
    Ok(())
}
