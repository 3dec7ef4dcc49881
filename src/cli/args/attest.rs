//! The options of `attest`.
use clap::{ArgGroup, Args, Subcommand};
use std::path::PathBuf;

/// The subcommands of `attest`.
#[derive(Args, Debug)]
pub(crate) struct AttestArgs {
    #[command(subcommand)]
    pub(crate) command: AttestCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AttestCommand {
    /// Create a key pair for signing attestations: ECDSA over P-256
    Keygen(KeygenArgs),
    /// Sign a run record: what was verified, how, and with what result
    Sign(SignArgs),
    /// Check an attestation: its signature, its files and, on request, the evidence itself
    Verify(VerifyAttestationArgs),
    /// Write a time-stamp query for an attestation's signature
    TimestampRequest(TimestampRequestArgs),
    /// Put an attestation into a Sigstore bundle, with time stamps for its signature
    Bundle(BundleArgs),
    /// Prove that the attestation of a record commits to a digest or log file
    Prove(ProveArgs),
    /// Check a proof of `attest prove` against an attestation, without the record
    CheckProof(CheckProofArgs),
}

/// The options of `attest keygen`.
#[derive(Args, Debug)]
pub(crate) struct KeygenArgs {
    /// File for the private key, in PEM; an existing file is never overwritten
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// File for the public key, in PEM [default: stdout]
    #[arg(long, value_name = "FILE")]
    pub(crate) public: Option<PathBuf>,
}

/// The options of `attest sign`.
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("signer").required(true).args(["key", "kms"])))]
pub(crate) struct SignArgs {
    /// Run record to attest, written by `verify --record`
    #[arg(value_name = "RECORD")]
    pub(crate) record: PathBuf,
    /// File that holds the private key, PKCS#8 in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// ARN, id or alias of an AWS KMS key, which must be an `ECC_NIST_P256` key
    #[arg(long, value_name = "KEY")]
    pub(crate) kms: Option<String>,
    /// File for the attestation: an in-toto statement in a DSSE envelope
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// File for a second copy of the attestation, as a Sigstore bundle
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// Report of the same run to attest as well (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Vec<PathBuf>,
    /// Summary of the same run (`--format json`) to attest as well
    #[arg(long, value_name = "FILE")]
    pub(crate) summary: Option<PathBuf>,
    /// Attestation of the previous period; its hash is recorded in this one
    #[arg(long, value_name = "ATTESTATION")]
    pub(crate) previous: Option<PathBuf>,
    /// Person or organization responsible for the run (self-declared, not checked)
    #[arg(long, value_name = "NAME")]
    pub(crate) operator: Option<String>,
    /// Overwrite output files that already exist
    #[arg(long)]
    pub(crate) force: bool,
}

/// The options of `attest verify`.
#[derive(Args, Debug)]
pub(crate) struct VerifyAttestationArgs {
    /// Attestation: a DSSE envelope or a Sigstore bundle
    #[arg(value_name = "ATTESTATION")]
    pub(crate) attestation: PathBuf,
    /// File that holds the public key of the expected signer, in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// Attested run record; commitment, verdict and counts are recomputed from it
    #[arg(long, value_name = "RECORD")]
    pub(crate) record: Option<PathBuf>,
    /// Attested report (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Vec<PathBuf>,
    /// Attested summary
    #[arg(long, value_name = "FILE")]
    pub(crate) summary: Option<PathBuf>,
    /// Verify the evidence again, in `s3://BUCKET[/PREFIX]` or a directory, with the public keys in
    /// the attestation
    #[arg(long, value_name = "LOCATION")]
    pub(crate) recheck: Option<String>,
    /// Assert that the copy is complete, so that an object absent from it counts as removed.
    /// Without this, only the original bucket or a mirror of it can show that an object is missing
    #[arg(long, requires = "recheck")]
    pub(crate) complete_copy: bool,
    /// Attestation of the previous period, which this one must name
    #[arg(long, value_name = "ATTESTATION")]
    pub(crate) previous: Option<PathBuf>,
    /// Result that the attestation must attest. If it attests a different one, the exit status is that
    /// of its verdict
    #[arg(long, value_name = "RESULT", value_enum)]
    pub(crate) require: Option<Required>,
}

/// Results that `attest verify --require` accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Required {
    /// The verdict `proven`
    Proven,
    /// The verdict `proven`, or accepted exceptions for everything that forbids it
    ProvenOrAccepted,
}

/// The options of `attest timestamp-request`.
#[derive(Args, Debug)]
pub(crate) struct TimestampRequestArgs {
    /// Attestation whose signature to time-stamp
    #[arg(value_name = "ATTESTATION")]
    pub(crate) attestation: PathBuf,
    /// File for the query (RFC 3161, DER)
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Overwrite output files that already exist
    #[arg(long)]
    pub(crate) force: bool,
}

/// The options of `attest bundle`.
#[derive(Args, Debug)]
pub(crate) struct BundleArgs {
    /// Attestation to put into a bundle
    #[arg(value_name = "ATTESTATION")]
    pub(crate) attestation: PathBuf,
    /// Response of a time-stamping authority for its signature (RFC 3161, DER; repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) timestamp_token: Vec<PathBuf>,
    /// File for the bundle
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Overwrite output files that already exist
    #[arg(long)]
    pub(crate) force: bool,
}

/// The options of `attest prove`.
#[derive(Args, Debug)]
pub(crate) struct ProveArgs {
    /// Run record
    #[arg(value_name = "RECORD")]
    pub(crate) record: PathBuf,
    /// Location where the digest or log file was delivered: `s3://BUCKET/KEY`
    #[arg(value_name = "OBJECT")]
    pub(crate) object: String,
    /// File for the proof [default: stdout]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Overwrite output files that already exist
    #[arg(long)]
    pub(crate) force: bool,
}

/// The options of `attest check-proof`.
#[derive(Args, Debug)]
pub(crate) struct CheckProofArgs {
    /// Proof, written by `attest prove`
    #[arg(value_name = "PROOF")]
    pub(crate) proof: PathBuf,
    /// Attestation that commits to it: a DSSE envelope or a Sigstore bundle
    #[arg(long, value_name = "FILE")]
    pub(crate) attestation: PathBuf,
    /// File that holds the public key of the attestation's expected signer, in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
}
