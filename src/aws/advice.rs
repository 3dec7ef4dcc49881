//! Failed requests in plain words, and what the caller can do about them.
use super::words::SetupError;
use trailproof_core::codes::denial::{Denial, Policy, action_in};
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::vocab::budget::{SHOWN, SHOWN_FAILURE};
use trailproof_core::vocab::location::excerpt;

/// What to do if no service could be reached.
const UNREACHED: &str = "check the network, and the region and endpoint that `aws configure list` \
                         shows; a copy can be verified without a network: `trailproof verify DIRECTORY`";

/// Describes a failed request: what happened, the service's own code, and the number of attempts.
pub fn failure(why: &ReadFailure) -> String {
    let mut words = match (why.code_and_message(), Denial::behind(why)) {
        (Some((code, message)), Some(denial)) => {
            format!("{} ({})", refused(denial, message), excerpt(code, SHOWN))
        }
        (Some((code, message)), None) => {
            let words = match answered(why.kind) {
                Some(words) => words.to_owned(),
                None => sentence(message),
            };
            match words.is_empty() {
                true => excerpt(code, SHOWN),
                false => format!("{words} ({})", excerpt(code, SHOWN)),
            }
        }
        (None, _) if why.detail.is_empty() => why.kind.code().to_owned(),
        (None, _) => {
            let denied = if why.kind == ReadFailureKind::Denied { "access denied: " } else { "" };
            format!("{denied}{}", excerpt(&why.detail, SHOWN_FAILURE))
        }
    };
    if why.attempts > 1 {
        words += &format!(", after {} attempts", why.attempts);
    }
    words
}

/// Returns what the caller can do about a failed request that needs the permission `action`. `renewal`
/// is how credentials are renewed.
pub fn failure_hint(why: &ReadFailure, action: &str, renewal: &str) -> Option<String> {
    if let Some(denial) = Denial::behind(why) {
        let (_, message) = why.code_and_message().unwrap_or_default();
        return Some(denial_hint(denial, action_in(message).unwrap_or(action), renewal));
    }
    let hint = match why.kind {
        ReadFailureKind::NoSuchBucket => {
            "check the name; `aws s3 ls` lists the buckets of the account"
        }
        ReadFailureKind::Throttled => "run again later, or with a lower `--concurrency`",
        ReadFailureKind::KmsDenied => {
            "allow `kms:Decrypt` in the policy of the key and in that of the identity"
        }
        ReadFailureKind::Denied => return Some(denial_hint(NO_REASON, action, renewal)),
        ReadFailureKind::Network | ReadFailureKind::Timeout if why.code_and_message().is_none() => {
            UNREACHED
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

/// A refusal without a reason.
const NO_REASON: Denial = Denial::NotAllowed(Policy::Unnamed);

/// Returns what the caller can do about the error of a service other than S3, whose request needs the
/// permission `action`. Without a code, the service could not be called.
pub fn service_hint(
    code: Option<&str>,
    message: &str,
    action: &str,
    renewal: &str,
) -> Option<String> {
    let Some(code) = code else { return Some(UNREACHED.to_owned()) };
    if code == "AWSOrganizationsNotInUseException" {
        let hint = "the account belongs to no organization: name accounts instead";
        return Some(hint.to_owned());
    }
    if code.contains("Throttl") || code.starts_with("TooManyRequests") {
        return Some("run again later: the service allows few requests a second".to_owned());
    }
    let denial = Denial::of(code, message)?;
    let hint = denial_hint(denial, action_in(message).unwrap_or(action), renewal);
    let of_organization =
        action.starts_with("organizations:") && matches!(denial, Denial::NotAllowed(_));
    Some(match of_organization {
        true => format!(
            "{hint}; only the management account and delegated administrators may ask \
             Organizations"
        ),
        false => hint,
    })
}

/// Returns a failure before any request, with what the caller can do about it.
pub fn setup(error: &SetupError) -> String {
    let hint = match error {
        SetupError::NoCredentials => {
            "name a profile with `--profile` or `AWS_PROFILE`; `aws configure list-profiles` lists \
             them; a copy can be verified without credentials: `trailproof verify DIRECTORY`"
        }
        SetupError::NoProfile(_) => "`aws configure list-profiles` lists the profiles",
        SetupError::NoRegion => "name the region with `AWS_REGION`, or in the profile",
        SetupError::Credentials(_) | SetupError::Configuration(_) => return error.to_string(),
    };
    format!("{error}\n\nhint: {hint}")
}

/// Returns why a request was refused. The message of a policy's refusal names identity, action and
/// resource.
fn refused(denial: Denial, message: &str) -> String {
    let words = match denial {
        Denial::CredentialsExpired => "the credentials have expired",
        Denial::AccessKeyUnknown => "AWS does not know the access key",
        Denial::SecretKeyWrong => "the secret key does not belong to the access key",
        Denial::SessionTokenInvalid => "AWS does not accept the session token",
        Denial::ClockSkewed => "this machine's clock differs too much from the service's",
        Denial::OtherRegion => "the bucket is in a different region",
        Denial::AccountDisabled => "the account may not use the service",
        Denial::NotAllowed(_) => {
            let message = sentence(message);
            return match message.eq_ignore_ascii_case("access denied") || message.is_empty() {
                true => "access denied".to_owned(),
                false => format!("access denied: {message}"),
            };
        }
    };
    words.to_owned()
}

/// Returns what an answer with a code means, where the service's own message does not say it better.
fn answered(kind: ReadFailureKind) -> Option<&'static str> {
    match kind {
        ReadFailureKind::NoSuchBucket => Some("there is no such bucket"),
        ReadFailureKind::Throttled => Some("the service asks for fewer requests"),
        ReadFailureKind::Archived => Some("it is archived and not restored"),
        _ => None,
    }
}

fn denial_hint(denial: Denial, action: &str, renewal: &str) -> String {
    match denial {
        Denial::CredentialsExpired => renewal.to_owned(),
        Denial::AccessKeyUnknown => {
            "compare with `aws sts get-caller-identity`: the key may be deleted, belong to a \
             different partition, or the region may not be enabled for its account"
                .to_owned()
        }
        Denial::SecretKeyWrong => {
            "check the secret key; `aws sts get-caller-identity` tries it".to_owned()
        }
        Denial::SessionTokenInvalid => format!(
            "{renewal}; regions that have to be enabled accept only tokens of regional STS endpoints"
        ),
        Denial::ClockSkewed => "set this machine's clock".to_owned(),
        Denial::OtherRegion => {
            "check the region and the endpoint that `aws configure list` shows".to_owned()
        }
        Denial::AccountDisabled => "ask the owner of the account".to_owned(),
        Denial::NotAllowed(policy) => match policy {
            Policy::Unnamed | Policy::Identity => format!(
                "allow `{action}` to the identity that `aws sts get-caller-identity` shows; the \
                 guide \"Permissions\" has the policies"
            ),
            Policy::Resource => {
                format!("allow `{action}` in the policy of the bucket, key or other resource")
            }
            Policy::ServiceControl | Policy::ResourceControl => format!(
                "a policy of the organization forbids `{action}` here: ask its administrators, or \
                 run from an account that it exempts"
            ),
            Policy::VpcEndpoint => format!(
                "allow `{action}` in the policy of the VPC endpoint, or run from a different network"
            ),
            Policy::Boundary => {
                format!("allow `{action}` in the permissions boundary of the identity")
            }
            Policy::Session => {
                format!("allow `{action}` in the policy with which the session was begun")
            }
        },
    }
}

/// Returns a service's message for use within a sentence.
fn sentence(message: &str) -> String {
    excerpt(message.trim().trim_end_matches('.'), SHOWN_FAILURE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RENEWAL: &str = "sign in again with `aws sso login --profile audit`";
    const DENIED: &str = "User: arn:aws:iam::1:user/a is not authorized to perform: s3:ListBucket on resource: \
         \"arn:aws:s3:::b\" with an explicit deny in a service control policy";

    /// One row for each kind of answer: the words, and a part of the hint.
    #[test]
    fn every_failure_has_words_and_a_hint() {
        use ReadFailureKind as Kind;
        for (kind, detail, expected, hint) in [
            (
                Kind::NoSuchBucket,
                "NoSuchBucket: The specified bucket does not exist",
                "there is no such bucket (NoSuchBucket)",
                "`aws s3 ls` lists",
            ),
            (
                Kind::Denied,
                "ExpiredToken: The provided token has expired.",
                "the credentials have expired (ExpiredToken)",
                RENEWAL,
            ),
            (
                Kind::Denied,
                "InvalidAccessKeyId: The AWS Access Key Id you provided does not exist in our records.",
                "AWS does not know the access key (InvalidAccessKeyId)",
                "get-caller-identity",
            ),
            (
                Kind::Denied,
                "SignatureDoesNotMatch: The request signature we calculated does not match",
                "the secret key does not belong to the access key (SignatureDoesNotMatch)",
                "check the secret key",
            ),
            (
                Kind::Denied,
                "RequestTimeTooSkewed: The difference is too large. (set this machine's clock)",
                "this machine's clock differs too much from the service's (RequestTimeTooSkewed)",
                "set this machine's clock",
            ),
            (
                Kind::Denied,
                "AuthorizationHeaderMalformed: the region 'us-east-1' is wrong",
                "the bucket is in a different region (AuthorizationHeaderMalformed)",
                "check the region",
            ),
            (
                Kind::Denied,
                "AccessDenied: Access Denied",
                "access denied (AccessDenied)",
                "allow `s3:X`",
            ),
            (
                Kind::Denied,
                "HTTP status 403 without S3's reason",
                "access denied: HTTP status 403 without S3's reason",
                "allow `s3:X`",
            ),
            (
                Kind::Throttled,
                "SlowDown: Please reduce your request rate.",
                "the service asks for fewer requests (SlowDown)",
                "--concurrency",
            ),
            (
                Kind::KmsDenied,
                "KMS.DisabledException: arn:aws:kms:us-east-1:1:key/1 is disabled.",
                "arn:aws:kms:us-east-1:1:key/1 is disabled (KMS.DisabledException)",
                "kms:Decrypt",
            ),
            (
                Kind::Network,
                "cannot reach `h`: its name cannot be resolved",
                "cannot reach `h`: its name cannot be resolved",
                "without a network",
            ),
            (Kind::Timeout, "`h` did not answer in time", "`h` did not answer in time", "network"),
        ] {
            let why = ReadFailure::new(kind, detail);
            assert_eq!(failure(&why), expected);
            let told = failure_hint(&why, "s3:X", RENEWAL).unwrap_or_default();
            assert!(told.contains(hint), "{detail}: {told}");
        }
        let denied = ReadFailure::new(Kind::Denied, format!("AccessDenied: {DENIED}"));
        assert_eq!(failure(&denied), format!("access denied: {DENIED} (AccessDenied)"));
        let hint = failure_hint(&denied, "s3:X", RENEWAL).unwrap();
        assert!(hint.starts_with("a policy of the organization forbids `s3:ListBucket`"), "{hint}");
        let often = ReadFailure { attempts: 5, ..ReadFailure::new(Kind::Network, "x y") };
        assert_eq!(failure(&often), "x y, after 5 attempts");
        let broken = ReadFailure::new(Kind::Network, "InternalError: We encountered an error.");
        assert_eq!(failure(&broken), "We encountered an error (InternalError)");
        assert_eq!(failure_hint(&broken, "s3:X", RENEWAL), None);
    }

    #[test]
    fn errors_of_other_services_have_hints() {
        let hint =
            |code, message| service_hint(code, message, "organizations:ListAccounts", RENEWAL);
        for (code, message, expected) in [
            (Some("ExpiredTokenException"), "", RENEWAL),
            (Some("AccessDeniedException"), "You don't have permissions", "management account"),
            (Some("AccessDeniedException"), DENIED, "a policy of the organization"),
            (Some("AWSOrganizationsNotInUseException"), "", "no organization"),
            (Some("ThrottlingException"), "Rate exceeded", "run again later"),
            (None, "cannot reach `h`", "without a network"),
        ] {
            let hint = hint(code, message).unwrap_or_default();
            assert!(hint.contains(expected), "{code:?}: {hint}");
        }
        assert_eq!(hint(Some("TrailNotFoundException"), "x"), None);
    }

    #[test]
    fn what_comes_from_outside_is_escaped() {
        let hostile = "AccessDenied: not authorized to perform: s3:`\u{1b}[2J\nhint: `rm -rf`";
        let why = ReadFailure::new(ReadFailureKind::Denied, hostile);
        let shown = failure(&why) + &failure_hint(&why, "s3:X", RENEWAL).unwrap();
        assert!(!shown.contains(char::is_control), "{shown}");
    }
}
