//! The document of a step: its result, and what was reported of it.
use crate::console::refusal::Refusal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt::Display;
use trailproof_core::record::wire::Time;
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::budget::{ALERTS_REPORTED, LATEST_BYTES};
use trailproof_core::vocab::time::Timestamp;

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
    /// Start of the period of the first record of the chain; null before there is one.
    #[serde(default)]
    pub(crate) begins: Option<Time>,
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
        begins: Option<Timestamp>,
        reported: Reported,
    ) -> Self {
        let (verdict, begins) = (verdict.words().to_owned(), begins.map(Time));
        Self { schema: SCHEMA, record, sha256, verdict, from, to, follows, begins, reported }
    }

    /// Parses the document that is at `shown`.
    ///
    /// # Errors
    ///
    /// It is too long, or not such a document.
    pub(crate) fn parse(bytes: &[u8], shown: &str) -> Result<Self, Refusal> {
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LATEST_BYTES {
            return Err(Self::refused(shown, &format!("it has more than {LATEST_BYTES} bytes")));
        }
        let latest: Self = serde_json::from_slice(bytes).map_err(|why| {
            Self::refused(shown, &format!("line {}: it is not valid", why.line()))
        })?;
        if latest.schema != SCHEMA {
            let why = format!("its schema is {}, not {SCHEMA}", latest.schema);
            return Err(Self::refused(shown, &why));
        }
        if latest.verdict().is_none() {
            return Err(Self::refused(shown, &"its verdict is not one"));
        }
        Ok(latest)
    }

    /// Refuses the document that is at `shown`.
    pub(crate) fn refused(shown: &str, why: &dyn Display) -> Refusal {
        Refusal::not_started(format!(
            "cannot use `{shown}`: {why}\n\nhint: if nobody tampered with it, remove it; what was \
             already reported is then reported again"
        ))
    }

    /// Returns the bytes of the document.
    ///
    /// # Errors
    ///
    /// It cannot be written as JSON.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, Refusal> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|why| {
            Refusal::output_lost(format!("cannot write the document of the step: {why}"))
        })?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Returns the verdict of the step.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        self.verdict.parse().ok()
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
