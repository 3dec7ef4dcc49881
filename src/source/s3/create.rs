//! Creates objects, and never replaces one: the only request of the program that writes to S3.
use super::answer;
use super::classify::Operation;
use super::source::{S3Source, not_about_an_object};
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::primitives::ByteStream;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::path::Path;
use std::time::Duration;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::vocab::location::ObjectLocation;

/// Bytes a second below which a connection counts as broken. A mobile network is faster.
const SLOWEST: u64 = 64 << 10;

/// An object to create.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewObject<'a> {
    pub(crate) at: &'a ObjectLocation,
    /// The file of its bytes.
    pub(crate) file: &'a Path,
    pub(crate) size: u64,
    /// The SHA-256 of its bytes, which the store compares with what arrived.
    pub(crate) sha256: [u8; 32],
}

/// What came of the creation of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Created {
    /// The object is there now.
    New,
    /// An object of this name was there already, and is unchanged. It may be this very one, if the
    /// answer to an earlier attempt was lost.
    Exists,
}

impl S3Source {
    /// Creates an object with one PutObject, unless an object of this name exists.
    ///
    /// # Errors
    ///
    /// The object could not be written, or it is not known whether it was.
    pub(crate) async fn create(&self, object: NewObject<'_>) -> Result<Created, ReadFailure> {
        let NewObject { at, file, size, sha256 } = object;
        // The store answers when it has received everything.
        let answer = self.timeouts.first_byte.saturating_add(Duration::from_secs(size / SLOWEST));
        let limit = self.timeouts.whole().saturating_add(answer);
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(self.timeouts.connect)
            .read_timeout(answer)
            .build();
        let sent = self.send_within(limit, Operation::Create, &at.bucket, |client| {
            let timeouts = timeouts.clone();
            async move {
                let body = match ByteStream::from_path(file).await {
                    Ok(body) => body,
                    Err(error) => return Ok(Err(error.to_string())),
                };
                let put = client
                    .put_object()
                    .bucket(&at.bucket)
                    .key(&at.key)
                    .body(body)
                    .if_none_match("*")
                    .checksum_sha256(STANDARD.encode(sha256))
                    .customize()
                    .config_override(Builder::new().timeout_config(timeouts))
                    .send();
                match put.await {
                    Ok(_) => Ok(Ok(Created::New)),
                    Err(error) if answer::is_not_met(&error) => Ok(Ok(Created::Exists)),
                    Err(error) => Err(error),
                }
            }
        });
        let created = sent.await.map_err(not_about_an_object)?;
        created.map_err(|words| ReadFailure::new(ReadFailureKind::Denied, words))
    }
}
