//! The smallest permissions of each command. The book's policies are written from this table, and the
//! commands are run under them.
use serde_json::{Value, json};

/// The bucket of the policies.
pub(crate) const BUCKET: &str = "example-trail-logs";

/// The bucket of a state of `watch`.
pub(crate) const STATE_BUCKET: &str = "example-trail-state";

/// What an action is allowed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    Bucket,
    Objects,
    StateBucket,
    StateObjects,
    Key,
    /// The action does not name what it reads.
    All,
}

impl On {
    fn arn(self) -> String {
        match self {
            Self::Bucket => format!("arn:aws:s3:::{BUCKET}"),
            Self::Objects => format!("arn:aws:s3:::{BUCKET}/*"),
            Self::StateBucket => format!("arn:aws:s3:::{STATE_BUCKET}"),
            Self::StateObjects => format!("arn:aws:s3:::{STATE_BUCKET}/*"),
            Self::Key => "arn:aws:kms:us-east-1:111122223333:key/EXAMPLE".to_owned(),
            Self::All => "*".to_owned(),
        }
    }
}

/// The permissions of commands that need the same ones.
pub(crate) struct Permissions {
    /// The name of the file of the policy, without its ending.
    pub(crate) name: &'static str,
    /// The commands, as the book shows them.
    pub(crate) commands: &'static [&'static str],
    pub(crate) actions: &'static [(&'static str, On)],
}

const LIST: (&str, On) = ("s3:ListBucket", On::Bucket);
const GET: (&str, On) = ("s3:GetObject", On::Objects);
const PUT: (&str, On) = ("s3:PutObject", On::Objects);
const KEYS: (&str, On) = ("cloudtrail:ListPublicKeys", On::All);
const TRAILS: (&str, On) = ("cloudtrail:DescribeTrails", On::All);
const LIST_VERSIONS: (&str, On) = ("s3:ListBucketVersions", On::Bucket);
const GET_VERSION: (&str, On) = ("s3:GetObjectVersion", On::Objects);

pub(crate) const PERMISSIONS: [Permissions; 11] = [
    Permissions {
        name: "read",
        commands: &["verify", "mirror", "lookup", "events", "validate-logs --s3-bucket"],
        actions: &[LIST, GET, KEYS],
    },
    Permissions {
        name: "validate-logs",
        commands: &["validate-logs"],
        actions: &[LIST, GET, KEYS, TRAILS],
    },
    Permissions {
        name: "verify-trail",
        commands: &["verify --trail-arn"],
        actions: &[LIST, GET, KEYS, TRAILS, ("cloudtrail:GetTrailStatus", On::All)],
    },
    Permissions {
        name: "verify-organization",
        commands: &["verify --expect-accounts organization"],
        actions: &[LIST, GET, KEYS, ("organizations:ListAccounts", On::All)],
    },
    Permissions {
        name: "verify-as-of",
        commands: &["verify --as-of"],
        actions: &[KEYS, LIST_VERSIONS, GET_VERSION],
    },
    Permissions {
        name: "recover",
        commands: &["recover", "investigate"],
        actions: &[LIST, GET, KEYS, LIST_VERSIONS, GET_VERSION],
    },
    Permissions {
        name: "work", commands: &["work --to s3://…"], actions: &[LIST, GET, KEYS, PUT]
    },
    Permissions {
        name: "watch",
        commands: &["watch --state s3://…"],
        actions: &[
            LIST,
            GET,
            KEYS,
            ("s3:ListBucket", On::StateBucket),
            ("s3:GetObject", On::StateObjects),
            ("s3:PutObject", On::StateObjects),
        ],
    },
    Permissions {
        name: "trail-config",
        commands: &["trail-config"],
        actions: &[
            TRAILS,
            ("cloudtrail:GetTrailStatus", On::All),
            ("cloudtrail:GetEventSelectors", On::All),
            ("cloudtrail:GetInsightSelectors", On::All),
            ("s3:GetBucketVersioning", On::Bucket),
            ("s3:GetBucketObjectLockConfiguration", On::Bucket),
            ("s3:GetEncryptionConfiguration", On::Bucket),
            ("s3:GetBucketPublicAccessBlock", On::Bucket),
            ("s3:GetBucketPolicy", On::Bucket),
            ("s3:GetBucketPolicyStatus", On::Bucket),
            ("s3:GetBucketAcl", On::Bucket),
            ("s3:GetBucketOwnershipControls", On::Bucket),
            ("s3:GetLifecycleConfiguration", On::Bucket),
            ("s3:GetBucketLogging", On::Bucket),
            ("s3:GetReplicationConfiguration", On::Bucket),
            ("s3:GetBucketNotification", On::Bucket),
            ("kms:DescribeKey", On::Key),
            ("kms:GetKeyPolicy", On::Key),
            ("kms:GetKeyRotationStatus", On::Key),
            ("organizations:DescribeOrganization", On::All),
            ("organizations:ListAccounts", On::All),
            ("organizations:ListRoots", On::All),
            ("organizations:ListParents", On::All),
            ("organizations:ListPoliciesForTarget", On::All),
            ("organizations:DescribePolicy", On::All),
            ("organizations:ListDelegatedAdministrators", On::All),
        ],
    },
    Permissions { name: "keys", commands: &["keys fetch"], actions: &[KEYS] },
    Permissions {
        name: "sign",
        commands: &["attest sign --kms", "package create --kms"],
        actions: &[("kms:GetPublicKey", On::Key), ("kms:Sign", On::Key)],
    },
];

/// Returns a policy that allows these actions and nothing else.
pub(crate) fn policy(actions: &[(&str, On)]) -> Value {
    let mut statements = Vec::new();
    let all = [On::Bucket, On::Objects, On::StateBucket, On::StateObjects, On::Key, On::All];
    for on in all {
        let mut allowed: Vec<&str> =
            actions.iter().filter(|(_, is)| *is == on).map(|(action, _)| *action).collect();
        allowed.sort_unstable();
        if !allowed.is_empty() {
            statements.push(json!({ "Effect": "Allow", "Action": allowed, "Resource": on.arn() }));
        }
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}
