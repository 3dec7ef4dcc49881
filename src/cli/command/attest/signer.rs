//! The key that signs: in a file or in KMS.
use super::files::signing_key;
use crate::attest::dsse::{Envelope, IN_TOTO, signed_hash};
use crate::attest::key::{SigningKey, VerifyingKey};
use crate::attest::kms::KmsKey;
use crate::aws::config::AwsOptions;
use crate::cli::args::aws::AwsArgs;
use crate::console::refusal::Refusal;
use crate::session::store::configured;
use std::path::Path;
use trailproof_core::bytes::content::Hash;

/// The key that signs.
pub(crate) enum Signer {
    File(SigningKey),
    Kms(KmsKey),
}

impl Signer {
    /// Returns the key in a file, or else the one in KMS.
    ///
    /// # Errors
    ///
    /// Neither is given, or the key cannot be used.
    pub(crate) async fn find(
        aws: &AwsArgs,
        key: Option<&Path>,
        kms: Option<&str>,
    ) -> Result<Self, Refusal> {
        match (key, kms) {
            (Some(path), _) => signing_key(path).map(Self::File),
            (None, Some(name)) => {
                let options = AwsOptions { region: aws.region.clone(), ..aws.access() };
                let config = configured(options).await?;
                KmsKey::new(&config, name).map(Self::Kms).map_err(|error| unread(&error))
            }
            (None, None) => Err(Refusal::usage("`--key` or `--kms` is required")),
        }
    }

    /// Returns the public key.
    pub(crate) async fn public(&self) -> Result<VerifyingKey, Refusal> {
        match self {
            Self::File(key) => key.public().map_err(|error| unread(&error)),
            Self::Kms(key) => key.public().await.map_err(|error| unread(&error)),
        }
    }

    /// Signs a payload of this type, and checks the new signature with `public`.
    pub(crate) async fn envelope(
        &self,
        public: &VerifyingKey,
        payload: Vec<u8>,
    ) -> Result<Envelope, Refusal> {
        let hash = signed_hash(IN_TOTO, &payload);
        let signature = self.sign(&hash).await?;
        if !public.verifies(&hash, &signature) {
            return Err(Refusal::not_started("the new signature does not match the key"));
        }
        Ok(Envelope::new(IN_TOTO, payload, public.id(), signature))
    }

    async fn sign(&self, hash: &Hash) -> Result<Vec<u8>, Refusal> {
        match self {
            Self::File(key) => key.sign(hash).map_err(|error| unread(&error)),
            Self::Kms(key) => key.sign(hash).await.map_err(|error| unread(&error)),
        }
    }
}

fn unread(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::not_started(error.to_string())
}
