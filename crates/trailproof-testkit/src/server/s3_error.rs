//! S3's errors, with S3's texts.
use super::response::Response;
use super::route::Call;
use super::xml::Xml;

/// One error of S3.
#[derive(Debug)]
pub(super) struct S3Error {
    status: u16,
    code: String,
    message: String,
    /// Elements between message and request id, such as the key.
    details: Vec<(&'static str, String)>,
    headers: Vec<(&'static str, String)>,
}

impl S3Error {
    pub(super) fn new(status: u16, code: &str, message: &str) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            details: Vec::new(),
            headers: Vec::new(),
        }
    }

    pub(super) fn detail(mut self, name: &'static str, value: &str) -> Self {
        self.details.push((name, value.to_owned()));
        self
    }

    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(super) fn access_denied(call: &Call) -> Self {
        let (bucket, action) = (&call.bucket, call.operation.action());
        let resource = match (call.operation.is_listing(), call.key.as_str()) {
            (true, _) | (_, "") => format!("arn:aws:s3:::{bucket}"),
            (false, key) => format!("arn:aws:s3:::{bucket}/{key}"),
        };
        Self::new(
            403,
            "AccessDenied",
            &format!(
                "User: arn:aws:iam::111122223333:user/auditor is not authorized to perform: \
                 {action} on resource: \"{resource}\" because no identity-based policy allows the \
                 {action} action"
            ),
        )
    }

    /// Creates S3's error for an object that may be read with a key that may not be used.
    pub(super) fn kms_denied(call: &Call) -> Self {
        Self::new(
            403,
            "AccessDenied",
            &format!(
                "User: arn:aws:iam::111122223333:user/auditor is not authorized to perform: \
                 kms:Decrypt on resource: {} because no identity-based policy allows the \
                 kms:Decrypt action",
                kms_key(call)
            ),
        )
    }

    pub(super) fn kms_disabled(call: &Call) -> Self {
        Self::new(400, "KMS.DisabledException", &format!("{} is disabled.", kms_key(call)))
    }

    pub(super) fn no_such_bucket(call: &Call) -> Self {
        Self::new(404, "NoSuchBucket", "The specified bucket does not exist")
            .detail("BucketName", &call.bucket)
    }

    pub(super) fn no_such_key(call: &Call) -> Self {
        Self::new(404, "NoSuchKey", "The specified key does not exist.").detail("Key", &call.key)
    }

    pub(super) fn no_such_version(call: &Call) -> Self {
        Self::new(404, "NoSuchVersion", "The specified version does not exist.")
            .detail("Key", &call.key)
            .detail("VersionId", &call.page)
    }

    pub(super) fn archived(storage_class: &str) -> Self {
        Self::new(
            403,
            "InvalidObjectState",
            "The operation is not valid for the object's storage class",
        )
        .detail("StorageClass", storage_class)
    }

    pub(super) fn slow_down() -> Self {
        Self::new(503, "SlowDown", "Please reduce your request rate.")
    }

    pub(super) fn internal_error() -> Self {
        Self::new(500, "InternalError", "We encountered an internal error. Please try again.")
    }

    pub(super) fn invalid_argument(message: &str, name: &str, value: &str) -> Self {
        Self::new(400, "InvalidArgument", message)
            .detail("ArgumentName", name)
            .detail("ArgumentValue", value)
    }

    pub(super) fn expired_token() -> Self {
        Self::new(400, "ExpiredToken", "The provided token has expired.")
    }

    pub(super) fn permanent_redirect(call: &Call, region: &str) -> Self {
        Self::new(
            301,
            "PermanentRedirect",
            "The bucket you are attempting to access must be addressed using the specified \
             endpoint. Please send all future requests to this endpoint.",
        )
        .detail("Endpoint", &format!("{}.s3.{region}.amazonaws.com", call.bucket))
        .detail("Bucket", &call.bucket)
        .header("x-amz-bucket-region", region)
    }

    /// Creates the response. For HEAD it has no body, so that only its status is left.
    pub(super) fn response(self, request_id: &str, headers_only: bool) -> Response {
        let mut response = Response::new(self.status).header("Content-Type", "application/xml");
        if !headers_only {
            let mut xml = Xml::new();
            xml.element("Error", |xml| {
                xml.text("Code", &self.code).text("Message", &self.message);
                for (name, value) in &self.details {
                    xml.text(name, value);
                }
                xml.text("RequestId", request_id).text("HostId", HOST_ID);
            });
            response = response.body(xml.finish().into());
        }
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response
    }
}

/// The second request id of S3. Opaque; clients only print it.
pub(super) const HOST_ID: &str = "dHJhaWxwcm9vZiBsb29wYmFjayBzZXJ2ZXI=";

fn kms_key(call: &Call) -> String {
    format!("arn:aws:kms:{}:111122223333:key/0d990263-018e-428e-a701-31b6de3a4d52", call.region)
}
