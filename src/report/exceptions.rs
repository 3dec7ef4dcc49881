//! The accepted exceptions of a run, in words: the same ones in every format.
use super::collect::Collected;
use super::numbers::counted;
use super::places;
use trailproof_core::record::{
    AcceptedException, AcceptedExceptions, ExceptionSubject, ExceptionsJudged,
};
use trailproof_core::vocab::budget::KEY_LENGTH;
use trailproof_core::vocab::location::{escape, excerpt};

/// Stated wherever exceptions are shown.
pub(crate) const NO_EFFECT: &str = "Accepted exceptions change neither the verdict nor the exit \
                                    status.";

/// What became of one exception. The codes are those of `standing` in reports for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It accepts something.
    Applied,
    /// It would accept something, but has expired.
    Expired,
    /// It is about nothing in the run.
    Unmatched,
}

impl Standing {
    /// Returns the stable code for machines.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Expired => "expired",
            Self::Unmatched => "unmatched",
        }
    }
}

/// One exception, and what became of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged<'a> {
    /// Number in the file, counted from 1.
    pub(super) number: usize,
    pub(super) exception: &'a AcceptedException,
    /// How many objections it is about.
    pub(super) matches: u64,
    pub(super) standing: Standing,
}

/// The exceptions of a run that finished.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exceptions<'a> {
    pub(super) file: &'a AcceptedExceptions,
    pub(super) judged: &'a ExceptionsJudged,
}

impl<'a> Exceptions<'a> {
    /// Returns the exceptions of a run, or `None` if it has none.
    pub(super) fn of(run: &'a Collected) -> Option<Self> {
        let file = run.start.as_ref()?.accepted.as_ref()?;
        Some(Self { file, judged: run.exceptions.as_ref()? })
    }

    /// Returns each exception in the order of the file.
    pub(super) fn iter(self) -> impl Iterator<Item = Judged<'a>> {
        self.file.entries.iter().enumerate().map(move |(at, exception)| {
            let matches = self.judged.matches.get(at).copied().unwrap_or_default();
            let standing = match (matches, exception.expired) {
                (_, true) => Standing::Expired,
                (0, false) => Standing::Unmatched,
                (_, false) => Standing::Applied,
            };
            Judged { number: at + 1, exception, matches, standing }
        })
    }

    /// Returns the result in one sentence, without its full stop.
    pub(super) fn result(self) -> String {
        let ExceptionsJudged { objections, accepted, all_accepted, .. } = self.judged;
        match (*objections, all_accepted) {
            (0, _) => "nothing has to be accepted".to_owned(),
            (1, true) => "the only reason against a proven verdict is accepted".to_owned(),
            (all, true) => format!("all {all} reasons against a proven verdict are accepted"),
            (all, false) if all == *accepted => {
                "all reasons against a proven verdict are accepted, but no time is verified"
                    .to_owned()
            }
            (all, false) => {
                format!(
                    "{accepted} of {} against a proven verdict are accepted",
                    counted(all, "reason")
                )
            }
        }
    }

    /// Returns the SHA-256 of the file, in hex.
    pub(super) fn sha256(self) -> String {
        hex::encode(self.file.sha256)
    }
}

impl Judged<'_> {
    /// Returns what became of the exception.
    pub(super) fn outcome(&self) -> String {
        let until = self.exception.until;
        match self.standing {
            Standing::Applied => format!("accepts {}", counted(self.matches, "reason")),
            Standing::Expired => format!(
                "expired at {until} and accepts nothing; it is about {}",
                counted(self.matches, "reason")
            ),
            Standing::Unmatched => "is about nothing in this run".to_owned(),
        }
    }

    /// Returns what the exception is about, escaped.
    pub(super) fn subject(&self) -> String {
        subject(&self.exception.subject)
    }

    /// Returns by whom it was approved and until when, escaped.
    pub(super) fn approval(&self) -> String {
        let AcceptedException { approved_by, until, .. } = self.exception;
        format!("{}, until {until}", escape(approved_by))
    }

    /// Returns why it was accepted, escaped.
    pub(super) fn reason(&self) -> String {
        escape(&self.exception.reason).into_owned()
    }
}

fn subject(subject: &ExceptionSubject) -> String {
    let named = |account: Option<&str>, region: Option<&str>, trail: Option<&str>, home| {
        let parts = [("account", account), ("region", region), ("trail", trail)];
        let parts = parts.iter().filter_map(|(noun, name)| Some(format!("{noun} {}", (*name)?)));
        let parts = parts.chain(places::home(home));
        escape(&parts.collect::<Vec<_>>().join(", ")).into_owned()
    };
    match subject {
        ExceptionSubject::Object(at) => at.excerpt(),
        ExceptionSubject::Folder(folder) => format!("`{}`", excerpt(folder, KEY_LENGTH)),
        ExceptionSubject::Place { account, region, trail, home } => named(
            account.as_ref().map(|account| account.as_str()),
            region.as_ref().map(|region| region.as_str()),
            trail.as_deref(),
            home.as_ref(),
        ),
        ExceptionSubject::Time { account, region, trail, home, period } => format!(
            "{}, {} to {}",
            named(
                Some(account.as_str()),
                region.as_ref().map(|region| region.as_str()),
                trail.as_ref().map(|trail| trail.as_str()),
                home.as_ref(),
            ),
            period.start,
            period.end
        ),
    }
}
