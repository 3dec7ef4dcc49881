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
    /// Make a key that signs attestations: ECDSA over P-256
    Keygen(KeygenArgs),
    /// Sign a run record: what was verified, how, and with which result
    Sign(SignArgs),
    /// Check an attestation: its signature, its files, and the evidence itself if asked to
    Verify(VerifyAttestationArgs),
    /// Write a query for a time-stamping authority about an attestation's signature
    TimestampRequest(TimestampRequestArgs),
    /// Put an attestation into a Sigstore bundle, with the answer of a time-stamping authority
    Bundle(BundleArgs),
    /// Prove that a digest or log file is among what a record's attestation commits to
    Prove(ProveArgs),
    /// Check such a proof against an attestation, without the record
    CheckProof(CheckProofArgs),
}

/// The options of `attest keygen`.
#[derive(Args, Debug)]
pub(crate) struct KeygenArgs {
    /// File for the private key, in PEM; one that is there is never overwritten
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
    /// Run record to attest, as `verify --record` wrote it
    #[arg(value_name = "RECORD")]
    pub(crate) record: PathBuf,
    /// File with the private key, PKCS#8 in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Key of AWS KMS, by its ARN, id or alias: ECC_NIST_P256
    #[arg(long, value_name = "KEY")]
    pub(crate) kms: Option<String>,
    /// File for the attestation: an in-toto statement in a DSSE envelope
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// File for the same attestation as a Sigstore bundle
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// Report of the same run to attest too; may be given again
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Vec<PathBuf>,
    /// Summary of the same run (`--format json`) to attest too
    #[arg(long, value_name = "FILE")]
    pub(crate) summary: Option<PathBuf>,
    /// Attestation of the period before, whose hash this one holds
    #[arg(long, value_name = "ATTESTATION")]
    pub(crate) previous: Option<PathBuf>,
    /// Who answers for the run; stated, and not checked by anybody
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
    /// File with the public key that must have signed it, in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// Run record that it is about: commitment, verdict and everything else is computed again
    #[arg(long, value_name = "RECORD")]
    pub(crate) record: Option<PathBuf>,
    /// Report that it is about; may be given again
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Vec<PathBuf>,
    /// Summary that it is about
    #[arg(long, value_name = "FILE")]
    pub(crate) summary: Option<PathBuf>,
    /// Verify the evidence itself again, here, with the public keys that are in the attestation:
    /// `s3://BUCKET[/PREFIX]` or a directory
    #[arg(long, value_name = "LOCATION")]
    pub(crate) recheck: Option<String>,
    /// Assert that the copy is complete, so that what is absent from it counts as removed; without
    /// this, only the bucket of delivery and a mirror of it say what is missing
    #[arg(long, requires = "recheck")]
    pub(crate) complete_copy: bool,
    /// Attestation of the period before, which this one must name
    #[arg(long, value_name = "ATTESTATION")]
    pub(crate) previous: Option<PathBuf>,
    /// No progress on stderr
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// The options of `attest timestamp-request`.
#[derive(Args, Debug)]
pub(crate) struct TimestampRequestArgs {
    /// Attestation whose signature is to be stamped
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
    /// Answer of a time-stamping authority about its signature (RFC 3161, DER); may be given again
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
    /// The digest or log file, where it was delivered: `s3://BUCKET/KEY`
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
    /// Proof, as `attest prove` wrote it
    #[arg(value_name = "PROOF")]
    pub(crate) proof: PathBuf,
    /// Attestation that commits to it: a DSSE envelope or a Sigstore bundle
    #[arg(long, value_name = "FILE")]
    pub(crate) attestation: PathBuf,
    /// File with the public key that must have signed the attestation, in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
}
