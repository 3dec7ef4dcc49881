//! Judges one log file by the hash that its proven digest records.
use super::content::{Content, Form, Hash};
use super::finding::{Finding, Malformed, Outcome};
use super::inflate::InflateFault;

/// What a valid log file was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogProof {
    /// Bytes as stored.
    pub stored: u64,
    /// Bytes inflated.
    pub inflated: u64,
    /// Whether the copy is stored inflated: its content is proven all the same.
    pub stored_inflated: bool,
}

/// Judges a log file that was read whole.
///
/// A whole member that hashes right is valid, and so are inflated bytes that hash right. Bytes
/// after the member make it invalid whatever its hash, as some readers take them for log records;
/// a member that does not end as gzip must is invalid even where its bytes hash right.
pub fn check_log(expected: &Hash, content: &Content) -> Outcome<LogProof> {
    let right = content.hash == *expected;
    let mismatch = |cut_short| {
        Outcome::Invalid(Finding::LogHashMismatch {
            expected: *expected,
            found: content.hash,
            cut_short,
        })
    };
    let malformed = |why| Outcome::Invalid(Finding::LogMalformed(why));
    match content.form {
        Form::Gzip | Form::Plain if right => Outcome::Valid(LogProof {
            stored: content.stored,
            inflated: content.inflated,
            stored_inflated: content.form == Form::Plain,
        }),
        Form::Gzip => mismatch(false),
        // Nothing at all hashes to something, and that is what the AWS CLI compares.
        Form::Plain if content.stored == 0 => mismatch(true),
        Form::Plain => malformed(Malformed::Gzip(InflateFault::NotGzip)),
        Form::GzipAndMore { trailing } => {
            Outcome::Invalid(Finding::LogTrailingData { bytes: trailing })
        }
        Form::GzipCutShort if right => malformed(Malformed::CutShort),
        Form::GzipCutShort => mismatch(true),
        Form::GzipBroken(fault) => malformed(Malformed::Gzip(fault)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: Hash = [1; 32];
    const WRONG: Hash = [2; 32];

    fn judged(form: Form, hash: Hash, stored: u64) -> Result<bool, &'static str> {
        let content = Content { hash, form, stored, inflated: 9 };
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
}
