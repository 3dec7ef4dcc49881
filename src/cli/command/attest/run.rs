//! Runs the subcommands of `trailproof attest`.
use super::sign::sign;
use super::verify::verify;
use super::{key, proof, timestamp};
use crate::cli::args::attest::{AttestArgs, AttestCommand};
use crate::cli::args::console::GlobalArgs;
use crate::cli::terminal::interrupt::unless_interrupted;
use crate::console::exit::ExitStatus;

/// Runs the command and returns the exit status.
pub(crate) async fn run(global: &GlobalArgs, args: &AttestArgs) -> ExitStatus {
    let work = async {
        match &args.command {
            AttestCommand::Keygen(args) => key::keygen(args),
            AttestCommand::Sign(args) => sign(&global.aws, args).await,
            AttestCommand::Verify(args) => verify(global, args).await,
            AttestCommand::TimestampRequest(args) => timestamp::request(args),
            AttestCommand::Bundle(args) => timestamp::bundle(args),
            AttestCommand::Prove(args) => proof::prove(args),
            AttestCommand::CheckProof(args) => proof::check(args),
        }
    };
    match unless_interrupted(work).await {
        Err(signal) => signal,
        Ok(ended) => ended.unwrap_or_else(|refusal| refusal.print()),
    }
}
