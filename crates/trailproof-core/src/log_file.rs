//! Judges one log file by the hash that its proven digest records.
use crate::bytes::content::{Content, Form, Hash, Joined};
use crate::bytes::inflate::InflateFault;
use crate::codes::failure::{ReadFailure, ReadFailureKind};
use crate::codes::finding::{Finding, Malformed, Outcome};

/// What was found about a valid log file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogProof {
    /// Number of bytes as stored.
    pub stored: u64,
    /// Number of bytes inflated.
    pub inflated: u64,
    /// Whether the copy is stored inflated: its content is proven nevertheless.
    pub stored_inflated: bool,
    /// Whether it consists of several gzip members, where CloudTrail writes one.
    pub several_members: bool,
}

/// Judges a log file that was read completely, by RFC 1952: content is what all members hold.
///
/// Content with the right hash is valid, in one whole member, in several or inflated. If the first
/// member has the right hash and more follows, something was added that some readers treat as log
/// records. A member without a valid gzip end is invalid even if its bytes have the right hash.
pub fn check_log(expected: &Hash, content: &Content) -> Outcome<LogProof> {
    let first = content.hash == *expected;
    match (content.form, content.joined) {
        (Form::GzipAndMore { .. }, Joined::Members { hash, inflated }) if hash == *expected => {
            Outcome::Valid(LogProof {
                stored: content.stored,
                inflated,
                stored_inflated: false,
                several_members: true,
            })
        }
        (Form::GzipAndMore { .. }, Joined::Members { hash, .. }) if !first => {
            mismatch(expected, hash, false)
        }
        // The content is unknown, because it includes members beyond the allowance.
        (Form::GzipAndMore { .. }, Joined::OverBudget) if !first => {
            let words = "several gzip members that inflate to more than is read";
            Outcome::Unverified(ReadFailure::new(ReadFailureKind::OverBudget, words))
        }
        _ => check_first_member(expected, content),
    }
}

/// Judges by the first member alone, as `validate-logs` does: the AWS CLI reads no other.
pub fn check_first_member(expected: &Hash, content: &Content) -> Outcome<LogProof> {
    let right = content.hash == *expected;
    let malformed = |why| Outcome::Invalid(Finding::LogMalformed(why));
    match content.form {
        Form::Gzip | Form::Plain if right => Outcome::Valid(LogProof {
            stored: content.stored,
            inflated: content.inflated,
            stored_inflated: content.form == Form::Plain,
            several_members: false,
        }),
        Form::Gzip => mismatch(expected, content.hash, false),
        // Empty input has a hash too, and that is what the AWS CLI compares.
        Form::Plain if content.stored == 0 => mismatch(expected, content.hash, true),
        Form::Plain => malformed(Malformed::Gzip(InflateFault::NotGzip)),
        Form::GzipAndMore { trailing } => {
            Outcome::Invalid(Finding::LogTrailingData { bytes: trailing })
        }
        Form::GzipCutShort if right => malformed(Malformed::CutShort),
        Form::GzipCutShort => mismatch(expected, content.hash, true),
        Form::GzipBroken(fault) => malformed(Malformed::Gzip(fault)),
    }
}

fn mismatch(expected: &Hash, found: Hash, cut_short: bool) -> Outcome<LogProof> {
    Outcome::Invalid(Finding::LogHashMismatch { expected: *expected, found, cut_short })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: Hash = [1; 32];
    const WRONG: Hash = [2; 32];

    fn judged(form: Form, hash: Hash, stored: u64) -> Result<bool, &'static str> {
        let content = Content { hash, form, stored, inflated: 9, joined: Joined::No };
        match check_log(&RIGHT, &content) {
            Outcome::Valid(proof) => Ok(proof.stored_inflated),
            Outcome::Invalid(finding) => Err(finding.code()),
            Outcome::Unverified(_) => panic!("nothing failed to be read"),
        }
    }

    #[test]
    fn every_form_is_judged_with_a_right_and_a_wrong_hash() {
        let broken = Form::GzipBroken(InflateFault::Crc);
        let more = Form::GzipAndMore { trailing: 1 };
        for (form, right, wrong) in [
            (Form::Gzip, Ok(false), Err("log-hash-mismatch")),
            (Form::Plain, Ok(true), Err("log-malformed")),
            (more, Err("log-trailing-data"), Err("log-trailing-data")),
            (Form::GzipCutShort, Err("log-malformed"), Err("log-hash-mismatch")),
            (broken, Err("log-malformed"), Err("log-malformed")),
        ] {
            assert_eq!(judged(form, RIGHT, 5), right, "{form:?} with the right hash");
            assert_eq!(judged(form, WRONG, 5), wrong, "{form:?} with a wrong hash");
        }
        assert_eq!(judged(Form::Plain, WRONG, 0), Err("log-hash-mismatch"));
    }

    /// The content of several members is what all of them hold.
    #[test]
    fn members_are_joined() {
        let judged = |hash, joined| {
            let form = Form::GzipAndMore { trailing: 25 };
            let content = Content { hash, form, stored: 50, inflated: 9, joined };
            let all = match check_log(&RIGHT, &content) {
                Outcome::Valid(proof) => Ok(proof.several_members),
                Outcome::Invalid(finding) => Err(finding.code()),
                Outcome::Unverified(why) => Err(why.kind.code()),
            };
            // The AWS CLI judges by the first member alone.
            let Outcome::Invalid(Finding::LogTrailingData { bytes: 25 }) =
                check_first_member(&RIGHT, &content)
            else {
                panic!("{content:?}")
            };
            all
        };
        let members = |hash| Joined::Members { hash, inflated: 18 };
        for (first, joined, expected) in [
            (WRONG, members(RIGHT), Ok(true)),
            (RIGHT, members(RIGHT), Ok(true)),
            (RIGHT, members(WRONG), Err("log-trailing-data")),
            (WRONG, members(WRONG), Err("log-hash-mismatch")),
            (RIGHT, Joined::No, Err("log-trailing-data")),
            (WRONG, Joined::No, Err("log-trailing-data")),
            (RIGHT, Joined::OverBudget, Err("log-trailing-data")),
            (WRONG, Joined::OverBudget, Err("over-budget")),
            (RIGHT, Joined::CutShort, Err("log-trailing-data")),
        ] {
            assert_eq!(judged(first, joined), expected, "{first:?} {joined:?}");
        }
    }
}
