//! Signing keys that never leave AWS KMS.
use super::key::VerifyingKey;
use crate::aws::advice;
use crate::aws::config::{AwsConfig, Service};
use crate::aws::words;
use aws_sdk_kms::Client;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{KeySpec, MessageType, SigningAlgorithmSpec};
use std::error::Error;
use std::time::Duration;
use trailproof_core::bytes::content::Hash;
use trailproof_core::vocab::location::excerpt;

/// Maximum number of attempts at one request, as for CloudTrail.
const ATTEMPTS: u32 = 5;
/// Time limit for name resolution, TCP and TLS together.
const CONNECT: Duration = Duration::from_secs(10);
/// Time limit for an answer.
const ANSWER: Duration = Duration::from_secs(60);

/// A key in KMS, by its ARN, id or alias.
#[derive(Debug)]
pub struct KmsKey {
    client: Client,
    name: String,
    /// How the credentials are renewed.
    renewal: String,
}

impl KmsKey {
    /// Returns the key with this name, without a request. The region is that of the ARN, or else
    /// the configured one.
    ///
    /// # Errors
    ///
    /// No region is configured.
    pub fn new(config: &AwsConfig, name: &str) -> Result<Self, String> {
        let mut builder = aws_sdk_kms::config::Builder::from(config.sdk())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(
                TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(ANSWER).build(),
            );
        builder = match region_of(name) {
            Some(region) => builder.region(aws_sdk_kms::config::Region::new(region.to_owned())),
            None => {
                let region = config.region().map_err(|error| error.to_string())?;
                builder.region(region.clone())
            }
        };
        builder.set_endpoint_url(config.endpoint(Service::Kms));
        let (client, renewal) = (Client::from_conf(builder.build()), config.renewal());
        Ok(Self { client, name: name.to_owned(), renewal })
    }

    /// Fetches the public key.
    ///
    /// # Errors
    ///
    /// Returns the error of KMS, or that the key cannot sign attestations.
    pub async fn public(&self) -> Result<VerifyingKey, String> {
        let answer = self.client.get_public_key().key_id(&self.name).send().await;
        let answer = answer.map_err(|error| self.refused("GetPublicKey", &error))?;
        if !matches!(answer.key_spec(), None | Some(KeySpec::EccNistP256)) {
            return Err(format!(
                "the key `{}` is not an ECC_NIST_P256 key; attestations are signed with ECDSA over \
                 P-256",
                excerpt(&self.name, 200)
            ));
        }
        let der = answer.public_key().map(Blob::as_ref).unwrap_or_default();
        VerifyingKey::from_der(der).map_err(|why| {
            format!("KMS's public key of `{}` cannot be used: {why}", excerpt(&self.name, 200))
        })
    }

    /// Has KMS sign a message with this SHA-256, and returns the signature in DER.
    ///
    /// # Errors
    ///
    /// Returns the error of KMS.
    pub async fn sign(&self, hash: &Hash) -> Result<Vec<u8>, String> {
        let answer = self
            .client
            .sign()
            .key_id(&self.name)
            .message(Blob::new(hash.to_vec()))
            .message_type(MessageType::Digest)
            .signing_algorithm(SigningAlgorithmSpec::EcdsaSha256)
            .send()
            .await;
        let answer = answer.map_err(|error| self.refused("Sign", &error))?;
        Ok(answer.signature().map(|blob| blob.as_ref().to_vec()).unwrap_or_default())
    }

    /// Describes an error of KMS or the client, in the form used for CloudTrail, with what the caller can
    /// do about it.
    fn refused<E, R>(&self, operation: &str, error: &SdkError<E, R>) -> String
    where
        E: Error + ProvideErrorMetadata + 'static,
        R: std::fmt::Debug + 'static,
    {
        let said = error.as_service_error();
        let code = said.and_then(ProvideErrorMetadata::code);
        let message = said.and_then(ProvideErrorMetadata::message).unwrap_or_default();
        let words = match code {
            Some(code) => format!(
                "An error occurred ({}) when calling the {operation} operation: {}",
                excerpt(code, 200),
                excerpt(message, 1_800)
            ),
            None => {
                let why = words::chain(error);
                format!("{operation} could not be called: {}", excerpt(&why, 1_800))
            }
        };
        let action = format!("kms:{operation}");
        match advice::service_hint(code, message, &action, &self.renewal) {
            Some(hint) => format!("{words}\n\nhint: {hint}"),
            None => words,
        }
    }
}

/// Returns the region of `arn:aws:kms:REGION:ACCOUNT:key/ID`.
fn region_of(name: &str) -> Option<&str> {
    let mut parts = name.split(':');
    let is_arn = parts.next() == Some("arn") && parts.nth(1) == Some("kms");
    parts.next().filter(|region| is_arn && !region.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_arn_has_a_region() {
        let arn = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd";
        assert_eq!(region_of(arn), Some("eu-west-1"));
        for other in ["1234abcd", "alias/a:b:c:d", "arn:aws:s3:eu-west-1:1:key/1", "arn:aws:kms:"] {
            assert_eq!(region_of(other), None, "{other}");
        }
    }
}
