//! `latest.json`: the result of the newest step, and what was reported of it.
use crate::console::refusal::Refusal;
use crate::files::atomic;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use trailproof_core::record::wire::Time;
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::budget::{ALERTS_REPORTED, LATEST_BYTES};
use trailproof_core::vocab::location::escape;

/// Name of the document.
pub(crate) const LATEST: &str = "latest.json";

/// Number of its format.
const SCHEMA: u32 = 1;

/// The result of the newest step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Latest {
    schema: u32,
    /// The record of the newest step, relative to the state: `records/…` if the chain goes on from it,
    /// `attempts/…` if the next step covers its time again.
    pub(crate) record: String,
    /// SHA-256 of its lines, in hex.
    pub(crate) sha256: String,
    /// Its verdict.
    pub(crate) verdict: String,
    /// Start of its period.
    pub(crate) from: Time,
    /// End of its period.
    pub(crate) to: Time,
    /// SHA-256 of the record that it follows; null for the first one.
    pub(crate) follows: Option<String>,
    /// What the steps so far reported and what still holds.
    pub(crate) reported: Reported,
}

/// What was reported and still holds. It is not reported again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reported {
    /// Identities of what forbids `proven`.
    pub(crate) objections: BTreeSet<String>,
    /// Their number, with those beyond the list.
    pub(crate) total: u64,
    /// Chains without a recent proven digest.
    pub(crate) stale: BTreeSet<String>,
    /// Whether the state was reported to be behind.
    #[serde(default)]
    pub(crate) behind: bool,
    /// Whether it was reported that nothing was found.
    #[serde(default)]
    pub(crate) nothing_found: bool,
}

impl Latest {
    /// Makes the document of a step.
    pub(crate) fn new(
        (record, sha256): (String, String),
        verdict: Verdict,
        (from, to): (Time, Time),
        follows: Option<String>,
        reported: Reported,
    ) -> Self {
        let verdict = verdict.words().to_owned();
        Self { schema: SCHEMA, record, sha256, verdict, from, to, follows, reported }
    }

    /// Reads the document of a state; returns `None` if there is none.
    ///
    /// # Errors
    ///
    /// It is not a regular file, too long, or not such a document.
    pub(crate) fn read(state: &Path) -> Result<Option<Self>, Refusal> {
        let path = state.join(LATEST);
        let refused = |why: &dyn std::fmt::Display| {
            Refusal::not_started(format!(
                "cannot use `{}`: {why}\n\nhint: if nobody tampered with it, remove it; what was \
                 already reported is then reported again",
                escape(&path.to_string_lossy())
            ))
        };
        match std::fs::symlink_metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(refused(&error)),
            Ok(about) if !about.is_file() => return Err(refused(&"it is not a regular file")),
            Ok(_) => {}
        }
        let mut bytes = Vec::new();
        let read = File::open(&path).and_then(|file| {
            // One byte more than allowed shows that there is more.
            file.take(LATEST_BYTES + 1).read_to_end(&mut bytes)
        });
        read.map_err(|error| refused(&error))?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LATEST_BYTES {
            return Err(refused(&format!("it has more than {LATEST_BYTES} bytes")));
        }
        let latest: Self = serde_json::from_slice(&bytes)
            .map_err(|why| refused(&format!("line {}: it is not valid", why.line())))?;
        if latest.schema != SCHEMA {
            return Err(refused(&format!("its schema is {}, not {SCHEMA}", latest.schema)));
        }
        if latest.verdict().is_none() {
            return Err(refused(&"its verdict is not one"));
        }
        Ok(Some(latest))
    }

    /// Returns the verdict of the step.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        self.verdict.parse().ok()
    }

    /// Replaces the document of a state.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub(crate) fn write(&self, state: &Path) -> Result<(), Refusal> {
        let mut bytes = serde_json::to_vec_pretty(self)
            .map_err(|why| Refusal::output_lost(format!("cannot write `{LATEST}`: {why}")))?;
        bytes.push(b'\n');
        atomic::write(&state.join(LATEST), &bytes, true)
    }
}

impl Reported {
    /// Cuts the lists to what a document may hold.
    pub(crate) fn bounded(mut self) -> Self {
        while self.objections.len() > ALERTS_REPORTED && self.objections.pop_last().is_some() {}
        while self.stale.len() > ALERTS_REPORTED && self.stale.pop_last().is_some() {}
        self
    }

    /// Returns whether every objection that was reported is in the list.
    pub(crate) fn is_complete(&self) -> bool {
        u64::try_from(self.objections.len()).is_ok_and(|listed| listed == self.total)
    }
}
