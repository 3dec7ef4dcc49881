//! How long S3 may be silent.
use aws_sdk_s3::config::timeout::TimeoutConfig;
use std::time::Duration;

/// Limits on silence, not on duration: an object of any size may take its time as long as bytes
/// keep coming.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Name resolution, TCP and TLS together. The AWS CLI allows 60 seconds for TCP alone. The SDK
    /// allows 3.1, which is too short for a resolver that tries a dead server first (5 seconds for
    /// each try).
    pub connect: Duration,
    /// From the request to the header of the response. S3 responds within milliseconds, and within
    /// seconds if it is busy; a restored archive or a failing KMS key takes longest.
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
    /// Returns the limit for a request whose whole response is read at once: a listing, a location,
    /// an error.
    pub(super) fn whole(self) -> Duration {
        self.connect.saturating_add(self.first_byte).saturating_add(self.chunk)
    }

    pub(super) fn sdk(self) -> TimeoutConfig {
        TimeoutConfig::builder().connect_timeout(self.connect).read_timeout(self.first_byte).build()
    }
}
