//! A loopback AWS: S3, CloudTrail, Organizations and STS on one port, serving a `World`.
//!
//! It implements the wire formats and AWS's error texts; it knows nothing of digests, and calls
//! none of the rules under test. Faults are scripted by key and attempt, never by order of arrival,
//! because the code under test sends requests in parallel.
mod answer;
mod cloudtrail;
mod connection;
mod counters;
mod deliver;
mod faults;
mod generated;
mod http;
mod json;
mod loopback;
mod matcher;
mod mischief;
mod operation;
mod options;
mod organizations;
mod percent;
mod response;
mod route;
mod s3;
mod s3_error;
mod s3_get;
mod s3_list;
mod s3_list_page;
mod s3_put;
mod s3_settings;
mod s3_versions;
mod state;
mod sts;
mod throttle;
mod xml;

pub use counters::{LoggedRequest, RequestCounts};
pub use faults::{Fault, FaultPlan, Schedule};
pub use generated::GeneratedTrail;
pub use loopback::LoopbackServer;
pub use matcher::{KeyMatcher, Matcher};
pub use operation::Operation;
pub use options::{AccessRules, Date, ServerOptions, Throttling};
