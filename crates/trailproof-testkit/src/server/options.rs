//! How a loopback server behaves as a whole.
use super::faults::FaultPlan;
use std::time::Duration;

/// How a loopback server behaves as a whole.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// The port, or 0 for any free one.
    pub port: u16,
    /// Threads that answer. One answers tens of thousands of requests a second.
    pub threads: usize,
    /// Time that passes before each answer. Other connections go on meanwhile.
    pub latency: Duration,
    /// Up to so much more latency, drawn from the seed, the key and the attempt.
    pub latency_jitter: Duration,
    /// The seed of everything random.
    pub seed: u64,
    /// The most entries on one page of a listing, whatever the client asks for.
    pub list_page_size: usize,
    /// The most public keys on one page of ListPublicKeys.
    pub key_page_size: usize,
    /// The limit on S3 requests a second, if any.
    pub throttling: Option<Throttling>,
    /// What the caller may not read.
    pub access: AccessRules,
    /// What goes wrong.
    pub faults: FaultPlan,
    /// Whether requests without an Authorization header are refused.
    pub require_authorization: bool,
    /// Whether S3 requests that were signed for another region than the bucket's are refused with a
    /// PermanentRedirect.
    pub enforce_bucket_region: bool,
    /// The region of requests that carry no credential scope.
    pub default_region: String,
    /// What its answers say in `Date`; none by default, so that they are the same at any time.
    pub date: Option<Date>,
    /// Whether requests are kept for `LoopbackServer::log`. Off by default: it costs memory.
    pub log_requests: bool,
}

/// What a `Date` header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Date {
    /// The time of a clock that is so many seconds ahead of this machine's.
    Ahead(i64),
    /// These very words.
    Words(String),
}

impl Date {
    /// What the header says now.
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

/// A limit on S3 requests: above it, S3 answers 503 SlowDown.
#[derive(Clone, Copy, Debug)]
pub struct Throttling {
    /// Requests a second that are answered.
    pub requests_per_second: f64,
    /// Requests that may come at once after a rest.
    pub burst: f64,
}

/// What the caller may not do, as IAM would refuse it.
#[derive(Clone, Debug, Default)]
pub struct AccessRules {
    /// Objects under these key prefixes are refused.
    pub denied_get_prefixes: Vec<String>,
    /// Listings whose prefix begins with one of these are refused. As with IAM's `s3:prefix`, a
    /// listing of a shorter prefix is allowed and shows what lies under these too.
    pub denied_list_prefixes: Vec<String>,
    /// The caller has no `s3:ListBucket`: listings are refused, and absent keys answer 403.
    pub no_list_bucket: bool,
    /// The caller has no `s3:ListBucketVersions` and no `s3:GetObjectVersion`.
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
            log_requests: false,
        }
    }
}
