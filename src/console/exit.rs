//! The exit status of the program, and which reason wins where several apply.
use std::process::ExitCode;
use trailproof_core::verdict::Verdict;

/// The exit status of a command. Scripts depend on the numbers, so they never change.
///
/// Where several apply, the first of these is returned: [`Self::Signal`], [`Self::Defect`],
/// [`Self::Contradicted`], [`Self::OutputLost`], [`Self::NotProven`], [`Self::NothingFound`],
/// [`Self::Success`]. A command that ends with [`Self::Usage`] or [`Self::NotStarted`] has no result
/// that could compete. `validate-logs` returns what the AWS CLI returns: 0, 1 or 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// 0: the verdict is "proven", or a command without a verdict did what was asked.
    Success,
    /// 1: something is contradicted: the evidence, an attestation, a proof, a public key.
    Contradicted,
    /// 2: the command line is invalid, or names a file that does not fit its option. Also the status
    /// of errors that clap finds.
    Usage,
    /// 3: nothing is contradicted, but not everything is proven.
    NotProven,
    /// 4: there is nothing to verify.
    NothingFound,
    /// 5: the command did not start, because something that it needs was refused or is unreadable:
    /// credentials, a trail, a bucket, a record, an attestation.
    NotStarted,
    /// 6: a requested output could not be written.
    OutputLost,
    /// 70: a defect of trailproof; `EX_SOFTWARE` in `sysexits.h`.
    Defect,
    /// 255: the AWS CLI's status for everything that is neither valid nor invalid; `validate-logs`
    /// only.
    AwsCliFailure,
    /// 128 + N: signal N ended the run, as shells report it.
    Signal(u8),
}

impl ExitStatus {
    /// Returns the number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Contradicted => 1,
            Self::Usage => 2,
            Self::NotProven => 3,
            Self::NothingFound => 4,
            Self::NotStarted => 5,
            Self::OutputLost => 6,
            Self::Defect => 70,
            Self::AwsCliFailure => 255,
            Self::Signal(number) => 128 | number,
        }
    }

    /// Returns the status of a result, given whether a requested output was lost.
    pub(crate) fn or_output_lost(self, lost: bool) -> Self {
        if lost && !self.outranks_lost_output() { Self::OutputLost } else { self }
    }

    /// Returns whether the status is returned even if a requested output was lost.
    pub(crate) fn outranks_lost_output(self) -> bool {
        matches!(self, Self::Signal(_) | Self::Defect | Self::Contradicted)
    }
}

impl From<Verdict> for ExitStatus {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Proven => Self::Success,
            Verdict::Contradicted => Self::Contradicted,
            Verdict::NotProven => Self::NotProven,
            Verdict::NothingFound => Self::NothingFound,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERDICTS: [Verdict; 4] =
        [Verdict::Proven, Verdict::Contradicted, Verdict::NotProven, Verdict::NothingFound];

    #[test]
    fn a_verdict_has_the_number_that_records_have() {
        for verdict in VERDICTS {
            assert_eq!(ExitStatus::from(verdict).code(), verdict.exit_status());
        }
    }

    #[test]
    fn a_lost_output_hides_every_verdict_but_a_contradiction() {
        for verdict in VERDICTS {
            let status = ExitStatus::from(verdict);
            assert_eq!(status.or_output_lost(false), status);
            let expected = if verdict == Verdict::Contradicted { 1 } else { 6 };
            assert_eq!(status.or_output_lost(true).code(), expected, "{verdict:?}");
        }
    }

    #[test]
    fn a_signal_has_the_number_that_shells_give_it() {
        assert_eq!(ExitStatus::Signal(2).code(), 130);
        assert_eq!(ExitStatus::Signal(15).or_output_lost(true).code(), 143);
    }
}
