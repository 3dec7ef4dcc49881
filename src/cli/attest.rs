//! `trailproof attest`: what was verified, signed, and checked by somebody else.
use super::attest_args::{AttestArgs, AttestCommand};
use super::attest_sign::sign;
use super::attest_verify::verify;
use super::aws_args::AwsArgs;
use super::exit::ExitStatus;
use super::interrupt::unless_interrupted;
use super::{attest_key, attest_proof, attest_timestamp};

/// Runs the command and returns the exit status.
pub(super) async fn run(aws: &AwsArgs, args: &AttestArgs) -> ExitStatus {
    let work = async {
        match &args.command {
            AttestCommand::Keygen(args) => attest_key::keygen(args),
            AttestCommand::Sign(args) => sign(aws, args).await,
            AttestCommand::Verify(args) => verify(aws, args).await,
            AttestCommand::TimestampRequest(args) => attest_timestamp::request(args),
            AttestCommand::Bundle(args) => attest_timestamp::bundle(args),
            AttestCommand::Prove(args) => attest_proof::prove(args),
            AttestCommand::CheckProof(args) => attest_proof::check(args),
        }
    };
    match unless_interrupted(work).await {
        Err(signal) => signal,
        Ok(ended) => ended.unwrap_or_else(|refusal| refusal.print()),
    }
}
