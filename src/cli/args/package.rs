//! The options of `package`.
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// The subcommands of `package`.
#[derive(Args, Debug)]
pub(crate) struct PackageArgs {
    #[command(subcommand)]
    pub(crate) command: PackageCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PackageCommand {
    /// Make a package: evidence of a period, as a BagIt bag with a page that leads through it
    Create(Box<CreateArgs>),
    /// Check a package: every file, its signature, and everything that was made from the record
    Check(PackageCheckArgs),
    /// Compare two packages: verdict, scope, counts, controls and attachments
    Compare(CompareArgs),
}

/// The options of `package create`.
#[derive(Args, Debug)]
pub(crate) struct CreateArgs {
    /// File that describes the package, in TOML; options take precedence
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// New folder for the package
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// Name of the package
    #[arg(long, value_name = "NAME")]
    pub(crate) id: Option<String>,
    /// Organization that submits it
    #[arg(long, value_name = "NAME")]
    pub(crate) organization: Option<String>,
    /// Run record, written by `verify --record`
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Attestation of the record
    #[arg(long, value_name = "FILE")]
    pub(crate) attestation: Option<PathBuf>,
    /// Public key that checks the signature of the attestation, in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) attestation_key: Option<PathBuf>,
    /// Result that `trail-config --format json` wrote (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) trail_config: Vec<PathBuf>,
    /// Package of the period before, which this one names
    #[arg(long, value_name = "DIR")]
    pub(crate) previous: Option<PathBuf>,
    /// Private key that signs the package, PKCS#8 in PEM
    #[arg(long, value_name = "FILE", conflicts_with = "kms")]
    pub(crate) key: Option<PathBuf>,
    /// ARN, id or alias of an AWS KMS key that signs, which must be an `ECC_NIST_P256` key
    #[arg(long, value_name = "KEY")]
    pub(crate) kms: Option<String>,
    /// Leave out `circumstances.json`: who made the package, when, where and with what
    #[arg(long)]
    pub(crate) reproducible: bool,
    /// Replace a package that already exists
    #[arg(long)]
    pub(crate) force: bool,
}

/// Formats of the result on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum PackageFormat {
    /// Text for people
    Text,
    /// One document, in JSON
    Json,
}

/// The options of `package check`.
#[derive(Args, Debug)]
pub(crate) struct PackageCheckArgs {
    /// Folder of the package
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// Public key of the expected signer of the package, in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Public key of the expected signer of the attestation, in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) attestation_key: Option<PathBuf>,
    /// Format of the result on stdout
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = PackageFormat::Text)]
    pub(crate) format: PackageFormat,
}

/// The options of `package compare`.
#[derive(Args, Debug)]
pub(crate) struct CompareArgs {
    /// Folder of the earlier package
    #[arg(value_name = "OLD")]
    pub(crate) old: PathBuf,
    /// Folder of the later package
    #[arg(value_name = "NEW")]
    pub(crate) new: PathBuf,
    /// Format of the result on stdout
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = PackageFormat::Text)]
    pub(crate) format: PackageFormat,
}
