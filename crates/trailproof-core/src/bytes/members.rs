//! The members that follow the first one of an object.
use super::inflate::{InflateEnd, InflateFault, Inflater};
use crate::vocab::budget;
use sha2::{Digest as _, Sha256};

/// What follows the first member of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Joined {
    /// Nothing, or something that is not gzip members and nothing else.
    #[default]
    No,
    /// Whole members to the object's end, which make this content together with the first.
    Members {
        /// SHA-256 of what all members hold.
        hash: [u8; 32],
        /// Bytes of it.
        inflated: u64,
    },
    /// Members of which the object's end cuts the last short.
    CutShort,
    /// More than the allowance.
    OverBudget,
}

/// Takes what follows an object's first member and joins it to what that held.
#[derive(Debug)]
pub(crate) struct Rest {
    inflater: Inflater,
    /// Over what all members hold.
    hasher: Sha256,
    limit: u64,
    /// Inflated bytes of the members before the present one.
    before: u64,
    /// Bytes that were pushed.
    stored: u64,
    members: u64,
    fault: Option<InflateFault>,
}

impl Rest {
    /// Nothing yet, after a first member that held so many bytes, of which this is the hash so far.
    pub(crate) fn after(inflated: u64, hasher: &Sha256, limit: u64) -> Self {
        Self {
            inflater: Inflater::new(limit.saturating_sub(inflated)),
            hasher: hasher.clone(),
            limit,
            before: inflated,
            stored: 0,
            members: 2,
            fault: None,
        }
    }

    /// Bytes that were pushed.
    pub(crate) fn stored(&self) -> u64 {
        self.stored
    }

    /// Takes the next bytes. `keep`, where given, also gets what comes out of them.
    pub(crate) fn push(&mut self, mut bytes: &[u8], mut keep: Option<&mut Vec<u8>>) {
        self.stored += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        while !bytes.is_empty() && self.fault.is_none() {
            if let InflateEnd::Whole { .. } = self.inflater.end() {
                self.members += 1;
                if self.members > budget::MEMBERS {
                    self.fault = Some(InflateFault::OverBudget);
                    return;
                }
                self.before = self.before.saturating_add(self.inflater.inflated());
                self.inflater.reset(self.limit.saturating_sub(self.before));
            }
            let Self { inflater, hasher, .. } = self;
            let pushed = inflater.push(bytes, &mut |block| {
                hasher.update(block);
                if let Some(kept) = &mut keep {
                    kept.extend_from_slice(block);
                }
            });
            self.fault = pushed.err();
            // What follows this member is for the next one.
            let left = usize::try_from(self.inflater.trailing()).unwrap_or(usize::MAX);
            bytes = bytes.get(bytes.len() - left.min(bytes.len())..).unwrap_or_default();
        }
    }

    /// What it was, once every byte was pushed.
    pub(crate) fn finish(self) -> Joined {
        match (self.fault, self.inflater.end()) {
            (Some(InflateFault::OverBudget), _) => Joined::OverBudget,
            (Some(_), _) => Joined::No,
            (None, InflateEnd::CutShort) => Joined::CutShort,
            (None, InflateEnd::Whole { .. }) => Joined::Members {
                hash: self.hasher.finalize().into(),
                inflated: self.before.saturating_add(self.inflater.inflated()),
            },
        }
    }
}
