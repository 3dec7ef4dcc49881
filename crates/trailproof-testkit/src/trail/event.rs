//! Events that explain a hole, to be placed in chosen log files.

/// The events that explain a hole in the evidence, by source and name, as CloudTrail writes them.
/// Whether a particular event explains a hole also depends on its parameters.
pub const EXPLAINING: [(&str, &str); 22] = [
    ("cloudtrail.amazonaws.com", "StopLogging"),
    ("cloudtrail.amazonaws.com", "DeleteTrail"),
    ("cloudtrail.amazonaws.com", "UpdateTrail"),
    ("cloudtrail.amazonaws.com", "PutEventSelectors"),
    ("s3.amazonaws.com", "DeleteBucket"),
    ("s3.amazonaws.com", "PutBucketPolicy"),
    ("s3.amazonaws.com", "DeleteBucketPolicy"),
    ("s3.amazonaws.com", "PutBucketRequestPayment"),
    ("s3.amazonaws.com", "PutBucketLifecycle"),
    ("s3.amazonaws.com", "PutBucketObjectLockConfiguration"),
    ("s3.amazonaws.com", "PutBucketVersioning"),
    ("s3.amazonaws.com", "DeleteObject"),
    ("s3.amazonaws.com", "DeleteObjects"),
    ("kms.amazonaws.com", "DisableKey"),
    ("kms.amazonaws.com", "ScheduleKeyDeletion"),
    ("kms.amazonaws.com", "DeleteImportedKeyMaterial"),
    ("kms.amazonaws.com", "PutKeyPolicy"),
    ("organizations.amazonaws.com", "CloseAccount"),
    ("organizations.amazonaws.com", "DisableAWSServiceAccess"),
    ("organizations.amazonaws.com", "LeaveOrganization"),
    ("organizations.amazonaws.com", "RemoveAccountFromOrganization"),
    ("account.amazonaws.com", "DisableRegion"),
];

/// One event that a test expects to find again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSpec {
    /// `eventSource`.
    pub source: String,
    /// `eventName`.
    pub name: String,
    /// `eventID`.
    pub id: String,
    /// `eventTime`; `None` for one minute before the log file's own time.
    pub time: Option<i64>,
    /// `userIdentity.arn`.
    pub principal: String,
    /// `sourceIPAddress`.
    pub address: String,
    /// `requestParameters`, as JSON.
    pub request: String,
    /// `responseElements`, as JSON.
    pub response: String,
    /// Whether it is a data event, which only a trail with selectors for it records.
    pub data: bool,
    /// `errorCode` of a call that was refused.
    pub error: Option<String>,
    /// Whether `readOnly` is false.
    pub writes: bool,
}

impl EventSpec {
    /// Creates an event by source and name, from which its id is derived.
    pub fn new(source: &str, name: &str) -> Self {
        let digits = super::digest_json::sha256(format!("{source}/{name}").as_bytes());
        let part = |from, to| digits.get(from..to).unwrap_or("");
        let id = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-");
        Self {
            source: source.to_owned(),
            name: name.to_owned(),
            id,
            time: None,
            principal: "arn:aws:iam::111122223333:user/mallory".to_owned(),
            address: "198.51.100.23".to_owned(),
            request: "null".to_owned(),
            response: "null".to_owned(),
            data: false,
            error: None,
            writes: false,
        }
    }

    /// Creates the event that logging was stopped for `trail`.
    pub fn stop_logging(trail: &str) -> Self {
        Self::new("cloudtrail.amazonaws.com", "StopLogging").request(&named(trail))
    }

    /// Creates the event that logging was started for `trail`.
    pub fn start_logging(trail: &str) -> Self {
        Self::new("cloudtrail.amazonaws.com", "StartLogging").request(&named(trail))
    }

    /// Sets the time.
    #[must_use]
    pub fn at(mut self, time: i64) -> Self {
        self.time = Some(time);
        self
    }

    /// Sets the id.
    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.id);
        self
    }

    /// Sets the principal's ARN.
    #[must_use]
    pub fn by(mut self, arn: &str) -> Self {
        arn.clone_into(&mut self.principal);
        self
    }

    /// Sets the source address.
    #[must_use]
    pub fn from_address(mut self, address: &str) -> Self {
        address.clone_into(&mut self.address);
        self
    }

    /// Makes it a data event.
    #[must_use]
    pub fn data(self) -> Self {
        Self { data: true, ..self }
    }

    /// Makes it a call that changes something.
    #[must_use]
    pub fn writes(self) -> Self {
        Self { writes: true, ..self }
    }

    /// Makes it a call that was refused with this code.
    #[must_use]
    pub fn refused(self, code: &str) -> Self {
        Self { error: Some(code.to_owned()), ..self }
    }

    /// Sets the request parameters, given as JSON.
    #[must_use]
    pub fn request(mut self, json: &str) -> Self {
        json.clone_into(&mut self.request);
        self
    }

    /// Sets the elements of the answer, given as JSON.
    #[must_use]
    pub fn response(mut self, json: &str) -> Self {
        json.clone_into(&mut self.response);
        self
    }
}

fn named(trail: &str) -> String {
    serde_json::json!({ "name": trail }).to_string()
}
