//! The general behaviour of a loopback server.
use super::faults::FaultPlan;
use super::generated::GeneratedTrail;
use std::time::Duration;

/// The general behaviour of a loopback server.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// The port, or 0 for any free one.
    pub port: u16,
    /// Number of threads that respond. One responds to tens of thousands of requests a second.
    pub threads: usize,
    /// Delay before each response. Other connections continue in the meantime.
    pub latency: Duration,
    /// Maximum additional latency; the actual value is derived from the seed, the key and the
    /// attempt.
    pub latency_jitter: Duration,
    /// Seed of everything random.
    pub seed: u64,
    /// Maximum number of entries on one page of a listing, whatever the client asks for.
    pub list_page_size: usize,
    /// Maximum number of public keys on one page of ListPublicKeys.
    pub key_page_size: usize,
    /// The limit on S3 requests a second, if any.
    pub throttling: Option<Throttling>,
    /// What the caller may not read.
    pub access: AccessRules,
    /// The faults.
    pub faults: FaultPlan,
    /// Whether requests without an Authorization header are refused.
    pub require_authorization: bool,
    /// Whether S3 requests that were signed for a region other than the bucket's are refused with a
    /// PermanentRedirect.
    pub enforce_bucket_region: bool,
    /// The region of requests without a credential scope.
    pub default_region: String,
    /// The `Date` header of the responses; none by default, so that they are the same at any time.
    pub date: Option<Date>,
    /// A trail whose keys are computed when they are listed.
    pub generated: Option<GeneratedTrail>,
    /// Whether requests are kept for `LoopbackServer::log`. Off by default, because it takes
    /// memory.
    pub log_requests: bool,
}

/// The content of a `Date` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Date {
    /// The time of a clock that is this many seconds ahead of this machine's.
    Ahead(i64),
    /// This text.
    Words(String),
}

impl Date {
    /// Returns the current content of the header.
    #[expect(clippy::disallowed_methods, reason = "a server has a clock of its own")]
    pub(super) fn now(&self) -> String {
        match self {
            Self::Words(words) => words.clone(),
            Self::Ahead(seconds) => {
                let now = chrono::Utc::now() + chrono::TimeDelta::seconds(*seconds);
                now.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
            }
        }
    }
}

/// A limit on S3 requests: above it, S3 responds with 503 SlowDown.
#[derive(Clone, Copy, Debug)]
pub struct Throttling {
    /// Requests a second that are served.
    pub requests_per_second: f64,
    /// Requests that may arrive at once after a pause.
    pub burst: f64,
}

/// Restrictions on the caller, refused as IAM would refuse them.
#[derive(Clone, Debug, Default)]
pub struct AccessRules {
    /// Objects under these key prefixes are refused.
    pub denied_get_prefixes: Vec<String>,
    /// Listings whose prefix begins with one of these are refused. As with IAM's `s3:prefix`, a
    /// listing of a shorter prefix is allowed and also shows what is below these.
    pub denied_list_prefixes: Vec<String>,
    /// The caller does not have `s3:ListBucket`: listings are refused, and the response for absent
    /// keys is 403.
    pub no_list_bucket: bool,
    /// The caller does not have `s3:ListBucketVersions` and `s3:GetObjectVersion`.
    pub no_versions: bool,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            port: 0,
            threads: 1,
            latency: Duration::ZERO,
            latency_jitter: Duration::ZERO,
            seed: 0,
            list_page_size: 1000,
            key_page_size: 50,
            throttling: None,
            access: AccessRules::default(),
            faults: FaultPlan::default(),
            require_authorization: false,
            enforce_bucket_region: false,
            default_region: "us-east-1".to_owned(),
            date: None,
            generated: None,
            log_requests: false,
        }
    }
}
