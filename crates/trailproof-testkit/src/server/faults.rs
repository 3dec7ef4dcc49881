//! What goes wrong, for which requests, on which attempts.
//!
//! The attempts of a request are counted per operation, bucket, key and page, so that a plan means the
//! same at any concurrency.
use super::matcher::Matcher;
use super::route::Call;
use std::collections::HashMap;
use std::time::Duration;

/// One thing that goes wrong with a response.
///
/// Refusals take the place of the response, in the words of the service that is asked; the others
/// change it or its way. Several faults for one request apply in the order of the plan.
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
    /// 400 ExpiredToken: the caller's credentials ran out.
    ExpiredToken,
    /// 301 PermanentRedirect to the given region.
    PermanentRedirect {
        /// The region that the bucket is said to lie in.
        region: String,
    },
    /// A 404 that has no body, so that nothing tells an absent key from an absent bucket.
    NotFoundWithoutBody,
    /// A 403 that has no body.
    ForbiddenWithoutBody,
    /// Any other answer, such as a proxy's HTML.
    Answer {
        /// The status.
        status: u16,
        /// Content-Type.
        content_type: String,
        /// The body.
        body: String,
    },
    /// The connection is reset before the answer.
    Reset,
    /// The connection is closed before the answer.
    HangUp,
    /// The connection is closed after so many bytes of the body.
    BodyCut {
        /// Bytes that arrive.
        after: usize,
    },
    /// The connection is reset after so many bytes of the body.
    BodyReset {
        /// Bytes that arrive.
        after: usize,
    },
    /// The body comes in chunks, and no Content-Length tells how long it is.
    Chunked,
    /// Nothing tells how long the body is: it ends with the connection, as in HTTP/1.0.
    NoLength,
    /// One bit of the body is flipped; the length and ETag stay.
    BitFlipped {
        /// The byte, counted from the start and round the end.
        at: usize,
    },
    /// One byte of the body is lost, and the Content-Length agrees with the shorter body.
    ByteLost {
        /// The byte, counted from the start and round the end.
        at: usize,
    },
    /// Nothing comes for so long, then the answer.
    StallBeforeHeaders(Duration),
    /// So many bytes of the body come, then nothing for so long, then the rest.
    StallInBody {
        /// Bytes that arrive before the stall.
        after: usize,
        /// How long nothing comes.
        time: Duration,
    },
    /// The body comes one byte at a time, with this pause between.
    Trickle(Duration),
    /// The Content-Length is off by this; the connection is closed after the body.
    WrongContentLength(i64),
    /// The object was replaced by one with the same bytes and another ETag. `If-Match` of the
    /// former ETag is refused.
    EtagChanged,
    /// The object's user metadata is gone.
    MetadataDropped,
    /// User metadata is spelt in other case: `X-Amz-Meta-Signature` for `x-amz-meta-signature`.
    MetadataInOtherCase,
    /// A range is ignored: the whole body comes with status 200.
    RangeIgnored,
    /// The connection is closed after the response, and the response says so.
    ConnectionClose,
}

/// What happens on which attempt, the first being 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schedule {
    attempts: Vec<Option<Fault>>,
    after: Option<Fault>,
}

impl Schedule {
    /// The fault happens on every attempt.
    pub fn always(fault: Fault) -> Self {
        Self { attempts: Vec::new(), after: Some(fault) }
    }

    /// The fault happens on the first `attempts` attempts.
    pub fn first(attempts: usize, fault: Fault) -> Self {
        Self { attempts: vec![Some(fault); attempts], after: None }
    }

    /// The fault happens on this attempt alone.
    pub fn on(attempt: usize, fault: Fault) -> Self {
        let mut attempts = vec![None; attempt.saturating_sub(1)];
        attempts.push(Some(fault));
        Self { attempts, after: None }
    }

    /// The fault happens from this attempt on.
    pub fn from(attempt: usize, fault: Fault) -> Self {
        Self { attempts: vec![None; attempt.saturating_sub(1)], after: Some(fault) }
    }

    /// One entry an attempt; nothing happens afterwards.
    pub fn each(attempts: Vec<Option<Fault>>) -> Self {
        Self { attempts, after: None }
    }

    /// Lets `fault` happen on every attempt that is not scheduled yet.
    pub fn then_always(mut self, fault: Fault) -> Self {
        self.after = Some(fault);
        self
    }

    fn at(&self, attempt: u32) -> Option<&Fault> {
        let index = usize::try_from(attempt).unwrap_or(usize::MAX).saturating_sub(1);
        self.attempts.get(index).map_or(self.after.as_ref(), Option::as_ref)
    }
}

/// Everything that goes wrong.
#[derive(Clone, Debug, Default)]
pub struct FaultPlan {
    rules: Vec<(Matcher, Schedule)>,
    /// Indices of rules for one key, by that key: a plan may name thousands of keys.
    exact: HashMap<String, Vec<usize>>,
    /// Indices of the other rules.
    patterns: Vec<usize>,
}

impl FaultPlan {
    /// A plan by which nothing goes wrong.
    pub fn new() -> Self {
        Self::default()
    }

    /// The plan with one more rule.
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

    /// What goes wrong with this attempt of `call`, in the order of the plan.
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
