//! Judges one log file by the hash that its proven digest records.
use crate::bytes::content::{Content, Form, Hash, Joined};
use crate::bytes::inflate::InflateFault;
use crate::codes::failure::{ReadFailure, ReadFailureKind};
use crate::codes::finding::{Finding, Malformed, Outcome};

/// What a valid log file was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogProof {
    /// Bytes as stored.
    pub stored: u64,
    /// Bytes inflated.
    pub inflated: u64,
    /// Whether the copy is stored inflated: its content is proven all the same.
    pub stored_inflated: bool,
    /// Whether several gzip members hold it, where CloudTrail writes one.
    pub several_members: bool,
}

/// Judges a log file that was read whole, by what RFC 1952 says: content is what all members hold.
///
/// Content that hashes right is valid, in one whole member, in several or inflated. Where the first
/// member hashes right and more follows it, something was added that some readers take for log
/// records; a member that does not end as gzip must is invalid even where its bytes hash right.
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
        // What the members beyond the allowance make of the content is not known.
        (Form::GzipAndMore { .. }, Joined::OverBudget) if !first => {
            let words = "several gzip members that inflate to more than is read";
            Outcome::Unverified(ReadFailure::new(ReadFailureKind::OverBudget, words))
        }
        _ => check_first_member(expected, content),
    }
}

/// As [`check_log`], by the first member alone: what `validate-logs` answers, as the AWS CLI reads no
/// other.
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
        // Nothing at all hashes to something, and that is what the AWS CLI compares.
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
    fn every_form_with_a_right_and_a_wrong_hash() {
        let broken = Form::GzipBroken(InflateFault::Crc);
        let more = Form::GzipAndMore { trailing: 1 };
        for (form, right, wrong) in [
            (Form::Gzip, Ok(false), Err("log-hash-mismatch")),
            (Form::Plain, Ok(true), Err("log-malformed")),
            (more, Err("log-trailing-data"), Err("log-trailing-data")),
            (Form::GzipCutShort, Err("log-malformed"), Err("log-hash-mismatch")),
            (broken, Err("log-malformed"), Err("log-malformed")),
        ] {
            assert_eq!(judged(form, RIGHT, 5), right, "{form:?} that hashes right");
            assert_eq!(judged(form, WRONG, 5), wrong, "{form:?} that hashes wrong");
        }
        assert_eq!(judged(Form::Plain, WRONG, 0), Err("log-hash-mismatch"));
    }

    /// What is held by several members is what all of them hold.
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
            // The AWS CLI's answer is by the first alone.
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
