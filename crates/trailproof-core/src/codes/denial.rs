//! Why a service of AWS refused a request, as far as its error code and its message say.
//!
//! The class of a read failure says what a refusal means for the evidence. This says what the caller
//! can do about it.
use super::failure::ReadFailure;
use strum::EnumIter;

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter)]
pub enum Denial {
    /// The credentials have expired.
    CredentialsExpired,
    /// No key has the access key ID, or the service does not accept it in that region or partition.
    AccessKeyUnknown,
    /// The signature was made with a different secret key.
    SecretKeyWrong,
    /// The session token is malformed, or is not accepted in that region.
    SessionTokenInvalid,
    /// This machine's clock differs too much from the service's.
    ClockSkewed,
    /// The bucket is in a different region than the one that was asked.
    OtherRegion,
    /// The account is closed, suspended or not subscribed to the service.
    AccountDisabled,
    /// A policy of this kind denies the action, or none allows it.
    NotAllowed(Policy),
}

/// The kind of policy that a refusal names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter)]
pub enum Policy {
    /// The refusal names none.
    #[default]
    Unnamed,
    /// A policy of the identity: no such policy allows the action, or one denies it.
    Identity,
    /// The policy of the bucket, key or other resource.
    Resource,
    /// A service control policy of the organization.
    ServiceControl,
    /// A resource control policy of the organization.
    ResourceControl,
    /// The policy of the VPC endpoint that the request went through.
    VpcEndpoint,
    /// The permissions boundary of the identity.
    Boundary,
    /// The policy of the session.
    Session,
}

impl Denial {
    /// Returns why a request was refused with this error code and message; `None` if the code is not
    /// about the caller. The codes of S3 and of the other services differ.
    pub fn of(code: &str, message: &str) -> Option<Self> {
        Some(match code {
            "ExpiredToken"
            | "ExpiredTokenException"
            | "RequestExpired"
            | "TokenRefreshRequired" => Self::CredentialsExpired,
            "InvalidAccessKeyId" | "InvalidClientTokenId" | "UnrecognizedClientException" => {
                Self::AccessKeyUnknown
            }
            "RequestTimeTooSkewed" | "RequestInTheFuture" => Self::ClockSkewed,
            "SignatureDoesNotMatch" | "InvalidSignatureException" => {
                // Other services than S3 have no code for a wrong clock.
                let about_time = ["Signature expired", "Signature not yet current"];
                match about_time.iter().any(|words| message.contains(words)) {
                    true => Self::ClockSkewed,
                    false => Self::SecretKeyWrong,
                }
            }
            "InvalidToken" | "InvalidSecurity" => Self::SessionTokenInvalid,
            "AuthorizationHeaderMalformed"
            | "PermanentRedirect"
            | "IllegalLocationConstraintException" => Self::OtherRegion,
            "AccountProblem" | "AllAccessDisabled" | "NotSignedUp" | "OptInRequired" => {
                Self::AccountDisabled
            }
            "AccessDenied"
            | "AccessDeniedException"
            | "AccessForbidden"
            | "UnauthorizedOperation" => Self::NotAllowed(Policy::named_in(message)),
            _ => return None,
        })
    }

    /// Returns why the request behind `failure` was refused; `None` if it was not, or if the service
    /// did not say.
    pub fn behind(failure: &ReadFailure) -> Option<Self> {
        let in_words = || {
            // The AWS CLI's words, in which errors of CloudTrail are recorded.
            let rest = failure.detail.strip_prefix("An error occurred (")?;
            let (code, rest) = rest.split_once(')')?;
            Some((code, rest.split_once("operation: ").map_or("", |(_, message)| message)))
        };
        let (code, message) = failure.code_and_message().or_else(in_words)?;
        Self::of(code, message)
    }

    /// Returns whether other or renewed credentials are required.
    pub fn is_about_credentials(self) -> bool {
        matches!(
            self,
            Self::CredentialsExpired
                | Self::AccessKeyUnknown
                | Self::SecretKeyWrong
                | Self::SessionTokenInvalid
        )
    }
}

impl Policy {
    /// Returns the kind of policy that the message of a refusal names, as in "with an explicit deny in a
    /// service control policy".
    fn named_in(message: &str) -> Self {
        let kinds = [
            ("service control policy", Self::ServiceControl),
            ("resource control policy", Self::ResourceControl),
            ("VPC endpoint policy", Self::VpcEndpoint),
            ("permissions boundary", Self::Boundary),
            ("session policy", Self::Session),
            ("resource-based policy", Self::Resource),
            ("identity-based policy", Self::Identity),
        ];
        // What the message quotes may contain the same words, so the end of it decides.
        let last = |words: &str| message.rfind(words);
        let named = kinds.iter().filter_map(|(words, kind)| Some((last(words)?, *kind)));
        named.max_by_key(|(at, _)| *at).map_or(Self::Unnamed, |(_, kind)| kind)
    }
}

/// Returns the action that a refusal names, as in "is not authorized to perform: s3:ListBucket on
/// resource"; `None` if what stands there does not have the form of an action.
pub fn action_in(message: &str) -> Option<&str> {
    let (_, after) = message.split_once("not authorized to perform: ")?;
    let end = after.find(|end: char| end.is_whitespace()).unwrap_or(after.len());
    let action = after.get(..end)?;
    let (service, name) = action.split_once(':')?;
    let is_service = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let formed = !service.is_empty()
        && !name.is_empty()
        && action.len() <= 100
        && service.bytes().all(is_service)
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    formed.then_some(action)
}

#[cfg(test)]
mod tests {
    use super::super::failure::ReadFailureKind;
    use super::*;

    #[test]
    fn every_code_of_a_refusal() {
        use Denial::*;
        for (code, message, expected) in [
            ("ExpiredToken", "The provided token has expired.", Some(CredentialsExpired)),
            ("ExpiredTokenException", "The security token … is expired", Some(CredentialsExpired)),
            ("InvalidAccessKeyId", "", Some(AccessKeyUnknown)),
            ("UnrecognizedClientException", "", Some(AccessKeyUnknown)),
            (
                "SignatureDoesNotMatch",
                "The request signature we calculated …",
                Some(SecretKeyWrong),
            ),
            (
                "InvalidSignatureException",
                "Signature expired: 20260301T000000Z is now earlier than 20260301T001000Z",
                Some(ClockSkewed),
            ),
            ("SignatureDoesNotMatch", "Signature not yet current: …", Some(ClockSkewed)),
            ("RequestTimeTooSkewed", "", Some(ClockSkewed)),
            ("InvalidToken", "", Some(SessionTokenInvalid)),
            ("AuthorizationHeaderMalformed", "", Some(OtherRegion)),
            ("PermanentRedirect", "", Some(OtherRegion)),
            ("AllAccessDisabled", "", Some(AccountDisabled)),
            ("AccessDenied", "Access Denied", Some(NotAllowed(Policy::Unnamed))),
            (
                "AccessDeniedException",
                "User: arn:aws:iam::1:user/a is not authorized to perform: cloudtrail:X because no \
                 identity-based policy allows the cloudtrail:X action",
                Some(NotAllowed(Policy::Identity)),
            ),
            (
                "AccessDenied",
                "User: arn:aws:iam::1:user/a is not authorized to perform: s3:ListBucket on \
                 resource: \"arn:aws:s3:::b\" with an explicit deny in a service control policy",
                Some(NotAllowed(Policy::ServiceControl)),
            ),
            (
                "AccessDenied",
                "User: arn:aws:iam::1:user/VPC endpoint policy is not authorized to perform: \
                 s3:ListBucket with an explicit deny in a resource-based policy",
                Some(NotAllowed(Policy::Resource)),
            ),
            (
                "AccessDenied",
                "… explicit deny in a VPC endpoint policy",
                Some(NotAllowed(Policy::VpcEndpoint)),
            ),
            (
                "AccessDenied",
                "… no permissions boundary allows …",
                Some(NotAllowed(Policy::Boundary)),
            ),
            ("AccessDenied", "… no session policy allows …", Some(NotAllowed(Policy::Session))),
            (
                "AccessDenied",
                "… in a resource control policy",
                Some(NotAllowed(Policy::ResourceControl)),
            ),
            ("SlowDown", "Please reduce your request rate.", None),
            ("NoSuchBucket", "The specified bucket does not exist", None),
            ("", "", None),
        ] {
            assert_eq!(Denial::of(code, message), expected, "{code} {message}");
        }
    }

    #[test]
    fn only_the_detail_of_a_response_has_a_reason() {
        let failure = |detail: &str| ReadFailure::new(ReadFailureKind::Denied, detail);
        let expired = failure("ExpiredToken: The provided token has expired.");
        assert_eq!(Denial::behind(&expired), Some(Denial::CredentialsExpired));
        let words = "An error occurred (ExpiredTokenException) when calling the ListPublicKeys \
                     operation: expired";
        assert_eq!(Denial::behind(&failure(words)), Some(Denial::CredentialsExpired));
        // A code without a message.
        assert_eq!(Denial::behind(&failure("ExpiredToken")), Some(Denial::CredentialsExpired));
        for other in ["cannot reach `ExpiredToken: x`", "HTTP status 403: x", ""] {
            assert_eq!(Denial::behind(&failure(other)), None, "{other}");
        }
    }

    #[test]
    fn only_an_action_is_an_action() {
        for (message, action) in [
            (
                "User: a is not authorized to perform: s3:ListBucket on resource: \"b\"",
                Some("s3:ListBucket"),
            ),
            ("x is not authorized to perform: kms:Decrypt", Some("kms:Decrypt")),
            ("x is not authorized to perform: s3:`rm -rf` on", None),
            ("x is not authorized to perform: \u{1b}[2J:a", None),
            ("x is not authorized to perform: :a", None),
            ("Access Denied", None),
        ] {
            assert_eq!(action_in(message), action, "{message}");
        }
    }
}
