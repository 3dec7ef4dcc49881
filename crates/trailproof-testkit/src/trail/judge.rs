//! Judges the digests of one chain, each by its end state and by the digests that link to it.
use super::built::{BuiltChain, BuiltDigest, BuiltTrail, DigestKind, Oddity};
use super::end_state::{DigestContent, OwnSignature, states};
use super::expectation::{Period, State};
use std::collections::BTreeSet;

const MALFORMED: State = State::Invalid("digest-malformed");
const MISMATCH: State = State::Invalid("digest-link-mismatch");
const SIGNATURE: State = State::Invalid("digest-signature-invalid");
const KEY_UNKNOWN: State = State::Invalid("digest-key-unknown");
const MISSING: State = State::Invalid("digest-missing");
const MOVED: State = State::Invalid("digest-moved");
const OUT_OF_ORDER: State = State::Invalid("digest-out-of-order");

/// What is known about one digest while its chain is judged.
pub(super) struct Judged {
    pub(super) content: DigestContent,
    pub(super) own: OwnSignature,
    /// Whether any object still records its signature as that of the previous digest. Wherever it
    /// was kept, it proves the digest; only the bold run looks for it.
    pub(super) kept: bool,
    /// Whether no listed key of the region was valid then.
    pub(super) keyless: bool,
    /// Whether the careful run proves it.
    pub(super) certain: bool,
    /// Whether the bold run proves it.
    pub(super) possible: bool,
    pub(super) in_period: bool,
    /// Whether it counts as a successor in the careful run.
    pub(super) visited: bool,
    pub(super) allowed: BTreeSet<State>,
}

impl BuiltTrail {
    /// Judges every digest of a chain, newest first, so that successors come before their
    /// predecessors. `kept` are the signatures that objects record for their predecessors.
    pub(super) fn judge(
        &self,
        chain: &BuiltChain,
        period: &Period,
        kept: &BTreeSet<String>,
    ) -> Vec<Judged> {
        let mut judged: Vec<Judged> = Vec::new();
        let mut anchored = false;
        for digest in &chain.digests {
            let content = self.digest_content(digest);
            let in_period = digest.start < period.to && period.from < digest.end;
            // The first digest in the listing after the period anchors the walk.
            let backfill = digest.kind == DigestKind::Backfill;
            let after = digest.start >= period.to && content != DigestContent::Absent;
            let anchor = after && !anchored && !backfill;
            anchored |= anchor;
            judged.push(Judged {
                content,
                own: self.own_signature(chain, digest),
                kept: kept.contains(&digest.signature),
                keyless: !self.keys_cover(chain, digest),
                certain: false,
                possible: false,
                in_period,
                visited: in_period || anchor,
                allowed: BTreeSet::new(),
            });
        }
        for (index, digest) in chain.digests.iter().enumerate().rev() {
            // A link that leads forward proves nothing: a digest cannot contain the hash of one
            // that contains its own.
            let successors = || chain.successors(index).filter(|&after| after > index);
            let known = |after: usize| judged.get(after);
            let certain =
                successors().filter_map(known).any(|after| after.certain && after.visited);
            let possible = successors().filter_map(known).any(|after| after.possible);
            if let Some(own) = judged.get_mut(index) {
                // A copy may lack what the bucket has.
                let absent = if period.copy { State::Unverified } else { MISSING };
                conclude(own, digest, certain, possible, absent);
            }
        }
        judged
    }
}

/// Settles one digest. `certain` and `possible` are whether the careful and the bold run prove a
/// successor that records what the digest must be; `absent` is its state if a successor does and
/// the object is missing.
fn conclude(own: &mut Judged, digest: &BuiltDigest, certain: bool, possible: bool, absent: State) {
    let signed = own.own == OwnSignature::Proves;
    let maybe_signed = signed || own.kept || own.own == OwnSignature::MayProve;
    let intact = own.content == DigestContent::Intact;
    own.certain = intact && (signed || certain) && digest.oddity == Oddity::None;
    own.possible = matches!(own.content, DigestContent::Intact | DigestContent::Damaged)
        && (maybe_signed || possible);
    let mut allowed = match own.content {
        DigestContent::Absent if certain => states(&[absent]),
        DigestContent::Absent if possible => states(&[absent, State::Unreached]),
        DigestContent::Absent => states(&[State::Unreached]),
        DigestContent::Archived => states(&[State::Unverified]),
        DigestContent::Beyond => {
            states(&[State::Unverified, MALFORMED, SIGNATURE, MISMATCH, MOVED, KEY_UNKNOWN])
        }
        DigestContent::Malformed => states(&[MALFORMED]),
        DigestContent::Elsewhere => states(&[MOVED, SIGNATURE, KEY_UNKNOWN, OUT_OF_ORDER]),
        // A reader that uses only the first member sees the location that it names.
        DigestContent::DamagedElsewhere => {
            states(&[MALFORMED, MOVED, SIGNATURE, KEY_UNKNOWN, OUT_OF_ORDER])
        }
        DigestContent::Changed => states(&[SIGNATURE, KEY_UNKNOWN, MALFORMED]),
        // A reader that uses only the first member goes on to look for a proof.
        DigestContent::Damaged if own.possible => states(&[MALFORMED]),
        DigestContent::Damaged => {
            let mut allowed = unproved(own.own);
            allowed.insert(MALFORMED);
            allowed
        }
        DigestContent::Intact if own.certain => states(&[State::Valid]),
        DigestContent::Intact => unproved(own.own),
    };
    if own.possible {
        allowed.insert(State::Valid);
    }
    // Without a proven successor, and without a signature or any key to check it with, nothing
    // contradicts a readable digest.
    let readable = matches!(
        own.content,
        DigestContent::Elsewhere | DigestContent::DamagedElsewhere | DigestContent::Changed
    );
    let touched = readable || own.content == DigestContent::Malformed;
    if touched && possible {
        allowed.insert(MISMATCH);
    }
    let unsigned = own.own == OwnSignature::Absent;
    if readable && !certain && (unsigned || own.keyless) {
        allowed.insert(State::Unverified);
    }
    if own.content == DigestContent::Intact && own.keyless && !own.certain {
        allowed.insert(State::Unverified);
    }
    match digest.oddity {
        Oddity::None => {}
        // AWS signed it, but it is not a valid digest.
        Oddity::NoLogFiles => {
            allowed.remove(&State::Valid);
            allowed.insert(MALFORMED);
        }
        Oddity::Loop if own.possible => {
            allowed.extend([OUT_OF_ORDER, MISMATCH]);
        }
        Oddity::Loop => {}
    }
    own.allowed = allowed;
}

/// Returns the possible states of an intact digest without a proof.
fn unproved(own: OwnSignature) -> BTreeSet<State> {
    match own {
        OwnSignature::Absent => states(&[State::Unverified]),
        OwnSignature::Wrong(true) => states(&[SIGNATURE, MALFORMED]),
        OwnSignature::Wrong(false) => states(&[SIGNATURE, MALFORMED, KEY_UNKNOWN]),
        OwnSignature::KeyUnknown(true) => states(&[KEY_UNKNOWN]),
        OwnSignature::KeyUnknown(false) => states(&[State::Unverified]),
        // An odd digest is not certain although it is signed; the caller adds the states.
        OwnSignature::Proves => BTreeSet::new(),
        OwnSignature::MayProve => states(&[KEY_UNKNOWN, SIGNATURE, MALFORMED, State::Unverified]),
    }
}
