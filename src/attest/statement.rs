//! The in-toto statement that is signed: its subjects and its predicate.
use super::commitment::METHOD;
use super::dsse::{Envelope, IN_TOTO};
use super::strict_json;
use serde_json::{Map, Value, json};
use trailproof_core::bytes::content::Hash;
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::location::excerpt;

/// Type of an in-toto statement.
pub const STATEMENT: &str = "https://in-toto.io/Statement/v1";

/// Common prefix of all versions of our predicate's type.
const FAMILY: &str = "urn:trailproof:attestation:";

/// Type of our predicate, defined by `attestation.md` and `attestation.schema.json` in
/// `docs/src/format`.
pub const PREDICATE: &str = "urn:trailproof:attestation:v1";

/// The role of a subject in the attestation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The run record.
    Record,
    /// A report of the run.
    Report,
    /// The summary of the run.
    Summary,
}

impl Role {
    /// Returns the word for the role in a statement.
    pub fn word(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Report => "report",
            Self::Summary => "summary",
        }
    }
}

/// A file that the statement is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Name of the file, without a path.
    pub name: String,
    /// Role of the file.
    pub role: Role,
    /// SHA-256 of its bytes.
    pub hash: Hash,
}

/// A statement about a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// Files that the statement is about.
    pub subjects: Vec<Subject>,
    /// Predicate about the files.
    pub predicate: Map<String, Value>,
}

/// The commitment in a predicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Root of the third level.
    pub root: Hash,
    /// Number of leaves of the third level.
    pub days: u64,
}

impl Statement {
    /// Returns the bytes to sign.
    pub fn to_bytes(&self) -> Vec<u8> {
        let subject = |one: &Subject| {
            json!({
                "name": one.name,
                "digest": { "sha256": hex::encode(one.hash) },
                "annotations": { "role": one.role.word() },
            })
        };
        let statement = json!({
            "_type": STATEMENT,
            "subject": self.subjects.iter().map(subject).collect::<Vec<_>>(),
            "predicateType": PREDICATE,
            "predicate": self.predicate,
        });
        statement.to_string().into_bytes()
    }

    /// Reads the payload of an envelope. This does not check any signature.
    ///
    /// # Errors
    ///
    /// Returns why it is not a statement about a run, in words that are safe to show.
    pub fn read(envelope: &Envelope) -> Result<Self, String> {
        let shown = |text: &str| excerpt(text, budget::SHOWN);
        if envelope.payload_type != IN_TOTO {
            let other = shown(&envelope.payload_type);
            return Err(format!("its payload is `{other}`, not an in-toto statement"));
        }
        let value = strict_json::parse(&envelope.payload)?;
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("_type") != STATEMENT {
            return Err(format!(
                "its payload is not `{STATEMENT}`, but `{}`",
                shown(text("_type"))
            ));
        }
        match text("predicateType") {
            PREDICATE => {}
            newer if newer.starts_with(FAMILY) => {
                let newer = shown(newer);
                return Err(format!(
                    "it is `{newer}`, but this version reads `{PREDICATE}`\n\nhint: a newer \
                     trailproof reads it"
                ));
            }
            other => {
                return Err(format!(
                    "it is an attestation of a different kind: `{}`",
                    shown(other)
                ));
            }
        }
        let subjects = value.get("subject").and_then(Value::as_array);
        let subjects = subjects.ok_or("it has no subjects")?;
        let subjects = subjects.iter().map(subject).collect::<Option<Vec<_>>>();
        let subjects = subjects.ok_or("one of its subjects has no role or SHA-256")?;
        match subjects.iter().filter(|one: &&Subject| one.role == Role::Record).count() {
            1 => {}
            0 => return Err("none of its subjects is a record".to_owned()),
            records => return Err(format!("{records} of its subjects are records, not one")),
        }
        let Some(Value::Object(predicate)) = value.get("predicate") else {
            return Err("it has no predicate".to_owned());
        };
        Ok(Self { subjects, predicate: predicate.clone() })
    }

    /// Returns the verdict.
    ///
    /// # Errors
    ///
    /// The predicate has no verdict, or one that this version does not know.
    pub fn verdict(&self) -> Result<Verdict, String> {
        let verdict = self.predicate.get("result").and_then(|all| all.get("verdict"));
        let verdict = verdict.filter(|verdict| !verdict.is_null()).ok_or("it has no verdict")?;
        verdict.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| {
            let shown = excerpt(&verdict.to_string(), budget::SHOWN);
            format!("its verdict is {shown}, which this version does not know")
        })
    }

    /// Returns the commitment.
    ///
    /// # Errors
    ///
    /// The predicate has no commitment, or one of a different method.
    pub fn commitment(&self) -> Result<Committed, String> {
        let part = |name: &str| self.predicate.get("commitment").and_then(|all| all.get(name));
        let method = part("method").and_then(Value::as_str).unwrap_or_default();
        if method != METHOD {
            let shown = excerpt(method, budget::SHOWN);
            return Err(format!("its commitment is `{shown}`, but this version knows `{METHOD}`"));
        }
        let root = part("root").and_then(Value::as_str).and_then(hash);
        let days = part("days").and_then(Value::as_u64);
        let (Some(root), Some(days)) = (root, days) else {
            return Err("its commitment has no root".to_owned());
        };
        Ok(Committed { root, days })
    }
}

fn subject(value: &Value) -> Option<Subject> {
    let role = match value.pointer("/annotations/role")?.as_str()? {
        "record" => Role::Record,
        "report" => Role::Report,
        "summary" => Role::Summary,
        _ => return None,
    };
    let name = value.get("name")?.as_str()?.to_owned();
    let hash = hash(value.pointer("/digest/sha256")?.as_str()?)?;
    Some(Subject { name, role, hash })
}

fn hash(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    hex::decode_to_slice(text, &mut hash).is_ok().then_some(hash)
}
