//! Faults, with the requests and attempts that they apply to.
//!
//! The attempts at a request are counted for each operation, bucket, key and page, so that a plan
//! has the same effect at any concurrency.
use super::matcher::Matcher;
use super::route::Call;
use std::collections::HashMap;
use std::time::Duration;

/// One fault in a response.
///
/// Refusals replace the response, in the format of the service in question; the others change the
/// response or its delivery. Several faults for one request apply in the order of the plan.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// 403 AccessDenied.
    AccessDenied,
    /// 403 AccessDenied, because the key that encrypts the object may not be used.
    KmsDenied,
    /// 400 KMS.DisabledException: the key that encrypts the object is disabled.
    KmsDisabled,
    /// 503 SlowDown; for CloudTrail 400 ThrottlingException.
    SlowDown,
    /// 500 InternalError.
    InternalError,
    /// 404 NoSuchKey; for CloudTrail 400 TrailNotFoundException.
    NoSuchKey,
    /// 404 NoSuchBucket.
    NoSuchBucket,
    /// 403 InvalidObjectState: the object is archived.
    Archived,
    /// 400 ExpiredToken: the caller's credentials have expired.
    ExpiredToken,
    /// 301 PermanentRedirect to the given region.
    PermanentRedirect {
        /// The region in which the bucket supposedly is.
        region: String,
    },
    /// A 404 without a body, so that an absent key and an absent bucket look the same.
    NotFoundWithoutBody,
    /// A 403 without a body.
    ForbiddenWithoutBody,
    /// Any other response, such as a proxy's HTML.
    Answer {
        /// The status.
        status: u16,
        /// Content-Type.
        content_type: String,
        /// The body.
        body: String,
    },
    /// The connection is reset before the response.
    Reset,
    /// The connection is closed before the response.
    HangUp,
    /// The connection is closed after a number of bytes of the body.
    BodyCut {
        /// Number of bytes that arrive.
        after: usize,
    },
    /// The connection is reset after a number of bytes of the body.
    BodyReset {
        /// Number of bytes that arrive.
        after: usize,
    },
    /// The body is chunked, without a Content-Length.
    Chunked,
    /// The length of the body is not stated: it ends with the connection, as in HTTP/1.0.
    NoLength,
    /// One bit of the body is flipped; the length and ETag are unchanged.
    BitFlipped {
        /// Index of the byte, modulo the length of the body.
        at: usize,
    },
    /// One byte of the body is lost, and the Content-Length agrees with the shorter body.
    ByteLost {
        /// Index of the byte, modulo the length of the body.
        at: usize,
    },
    /// Nothing is sent for this time, then the response.
    StallBeforeHeaders(Duration),
    /// Part of the body is sent, then nothing for some time, then the rest.
    StallInBody {
        /// Number of bytes that arrive before the stall.
        after: usize,
        /// Duration of the stall.
        time: Duration,
    },
    /// The body is sent one byte at a time, with this pause in between.
    Trickle(Duration),
    /// The Content-Length is off by this amount; the connection is closed after the body.
    WrongContentLength(i64),
    /// The object was replaced by one with the same bytes and a different ETag. `If-Match` with the
    /// former ETag is refused.
    EtagChanged,
    /// The object's user metadata is gone.
    MetadataDropped,
    /// User metadata is spelled in different case: `X-Amz-Meta-Signature` for
    /// `x-amz-meta-signature`.
    MetadataInOtherCase,
    /// A range is ignored: the whole body is sent with status 200.
    RangeIgnored,
    /// The connection is closed after the response, and the response announces that.
    ConnectionClose,
}

/// The faults for each attempt, counted from 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schedule {
    attempts: Vec<Option<Fault>>,
    after: Option<Fault>,
}

impl Schedule {
    /// Schedules the fault for every attempt.
    pub fn always(fault: Fault) -> Self {
        Self { attempts: Vec::new(), after: Some(fault) }
    }

    /// Schedules the fault for the first `attempts` attempts.
    pub fn first(attempts: usize, fault: Fault) -> Self {
        Self { attempts: vec![Some(fault); attempts], after: None }
    }

    /// Schedules the fault for this attempt alone.
    pub fn on(attempt: usize, fault: Fault) -> Self {
        let mut attempts = vec![None; attempt.saturating_sub(1)];
        attempts.push(Some(fault));
        Self { attempts, after: None }
    }

    /// Schedules the fault for this attempt and all later ones.
    pub fn from(attempt: usize, fault: Fault) -> Self {
        Self { attempts: vec![None; attempt.saturating_sub(1)], after: Some(fault) }
    }

    /// Schedules one entry for each attempt, and no fault afterwards.
    pub fn each(attempts: Vec<Option<Fault>>) -> Self {
        Self { attempts, after: None }
    }

    /// Schedules `fault` for every attempt that is not scheduled yet.
    pub fn then_always(mut self, fault: Fault) -> Self {
        self.after = Some(fault);
        self
    }

    fn at(&self, attempt: u32) -> Option<&Fault> {
        let index = usize::try_from(attempt).unwrap_or(usize::MAX).saturating_sub(1);
        self.attempts.get(index).map_or(self.after.as_ref(), Option::as_ref)
    }
}

/// All faults of a server.
#[derive(Clone, Debug, Default)]
pub struct FaultPlan {
    rules: Vec<(Matcher, Schedule)>,
    /// Indices of rules for a single key, by that key: a plan may name thousands of keys.
    exact: HashMap<String, Vec<usize>>,
    /// Indices of the other rules.
    patterns: Vec<usize>,
}

impl FaultPlan {
    /// Creates a plan without faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the plan with one more rule.
    pub fn with(mut self, matcher: Matcher, schedule: Schedule) -> Self {
        self.add(matcher, schedule);
        self
    }

    /// Adds a rule.
    pub fn add(&mut self, matcher: Matcher, schedule: Schedule) {
        let index = self.rules.len();
        match matcher.exact_key() {
            Some(key) => self.exact.entry(key.to_owned()).or_default().push(index),
            None => self.patterns.push(index),
        }
        self.rules.push((matcher, schedule));
    }

    /// Lists the faults for this attempt at `call`, in the order of the plan.
    pub(super) fn faults_of(&self, call: &Call, attempt: u32) -> Vec<Fault> {
        if self.rules.is_empty() {
            return Vec::new();
        }
        let exact = self.exact.get(&call.key).map(Vec::as_slice).unwrap_or_default();
        let mut indices: Vec<usize> = exact.iter().chain(&self.patterns).copied().collect();
        indices.sort_unstable();
        indices
            .into_iter()
            .filter_map(|index| self.rules.get(index))
            .filter(|(matcher, _)| matcher.matches(call))
            .filter_map(|(_, schedule)| schedule.at(attempt).cloned())
            .collect()
    }
}
