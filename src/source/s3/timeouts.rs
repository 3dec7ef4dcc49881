//! How long S3 may be silent.
use aws_sdk_s3::config::timeout::TimeoutConfig;
use std::time::Duration;

/// Limits on silence, not on duration: an object of any size may take its time as long as bytes
/// keep coming.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Name resolution, TCP and TLS together. The AWS CLI gives TCP alone 60 seconds, the SDK 3.1,
    /// which is too short for a resolver that tries a dead server first (5 seconds a try).
    pub connect: Duration,
    /// From the request to the head of the answer. S3 answers within milliseconds, and within
    /// seconds where it is busy; a restored archive or a KMS key in trouble takes longest.
    pub first_byte: Duration,
    /// Between two parts of a body.
    pub chunk: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(30),
            chunk: Duration::from_secs(30),
        }
    }
}

impl Timeouts {
    /// For a request whose whole answer is read at once: a listing, a location, an error.
    pub(super) fn whole(self) -> Duration {
        self.connect.saturating_add(self.first_byte).saturating_add(self.chunk)
    }

    pub(super) fn sdk(self) -> TimeoutConfig {
        TimeoutConfig::builder().connect_timeout(self.connect).read_timeout(self.first_byte).build()
    }
}
