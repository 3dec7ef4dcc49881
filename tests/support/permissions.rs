//! The smallest permissions of each command. The book's policies are written from this table, and the
//! commands are run under them.
use serde_json::{Value, json};

/// The bucket of the policies.
pub(crate) const BUCKET: &str = "example-trail-logs";

/// What an action is allowed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    Bucket,
    Objects,
    Key,
    /// The action does not name what it reads.
    All,
}

impl On {
    fn arn(self) -> String {
        match self {
            Self::Bucket => format!("arn:aws:s3:::{BUCKET}"),
            Self::Objects => format!("arn:aws:s3:::{BUCKET}/*"),
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

pub(crate) const PERMISSIONS: [Permissions; 9] = [
    Permissions {
        name: "read",
        commands: &["verify", "mirror", "lookup", "validate-logs --s3-bucket"],
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
        commands: &["recover"],
        actions: &[LIST, GET, KEYS, LIST_VERSIONS, GET_VERSION],
    },
    Permissions {
        name: "work", commands: &["work --to s3://…"], actions: &[LIST, GET, KEYS, PUT]
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
    for on in [On::Bucket, On::Objects, On::Key, On::All] {
        let mut allowed: Vec<&str> =
            actions.iter().filter(|(_, is)| *is == on).map(|(action, _)| *action).collect();
        allowed.sort_unstable();
        if !allowed.is_empty() {
            statements.push(json!({ "Effect": "Allow", "Action": allowed, "Resource": on.arn() }));
        }
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}
