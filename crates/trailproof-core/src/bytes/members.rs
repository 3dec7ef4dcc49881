//! The members that follow an object's first one.
use super::inflate::{InflateEnd, InflateFault, Inflater};
use crate::vocab::budget;
use sha2::{Digest as _, Sha256};

/// What follows the first member of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Joined {
    /// Nothing, or something other than gzip members alone.
    #[default]
    No,
    /// Whole members up to the object's end, which together with the first make up this content.
    Members {
        /// SHA-256 of the content of all members.
        hash: [u8; 32],
        /// Number of bytes of that content.
        inflated: u64,
    },
    /// Members, the last of which is cut short by the end of the object.
    CutShort,
    /// More than the allowance.
    OverBudget,
}

/// Reads what follows an object's first member and joins it to the first member's content.
#[derive(Debug)]
pub(crate) struct Rest {
    inflater: Inflater,
    /// Hash over the content of all members.
    hasher: Sha256,
    limit: u64,
    /// Inflated bytes of the members before the current one.
    before: u64,
    /// Number of bytes that were pushed.
    stored: u64,
    members: u64,
    fault: Option<InflateFault>,
}

impl Rest {
    /// Creates the state after a first member that held `inflated` bytes; `hasher` has hashed them.
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

    /// Returns the number of bytes that were pushed.
    pub(crate) fn stored(&self) -> u64 {
        self.stored
    }

    /// Reads the next bytes. `keep`, if given, also receives the inflated bytes.
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
            // What follows this member belongs to the next one.
            let left = usize::try_from(self.inflater.trailing()).unwrap_or(usize::MAX);
            bytes = bytes.get(bytes.len() - left.min(bytes.len())..).unwrap_or_default();
        }
    }

    /// Returns what it was, once every byte has been pushed.
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
