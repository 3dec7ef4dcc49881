//! The output of `validate-logs`, byte-equal to the AWS CLI's.
//!
//! Blank lines depend on what was written last, on either stream. Only this file keeps that state.
//! Deviations from the AWS CLI's words are listed in `testdata/aws-divergences.toml`.
use std::io::{self, Write};
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::codes::finding::{Finding, Malformed, Outcome, SignatureFault};
use trailproof_core::compat::event::{Event, Tallies, Tally};
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::key_layout::DigestKind;
use trailproof_core::vocab::location::{ObjectLocation, escape, excerpt};
use trailproof_core::vocab::time::InclusivePeriod;

/// Prints events in the format of the AWS CLI.
#[derive(Debug)]
pub struct AwsText<O, E> {
    out: O,
    err: E,
    verbose: bool,
    /// Home region of the trail, which the AWS CLI names if a key is unknown.
    home_region: String,
    period: Option<InclusivePeriod>,
    /// Whether the last output, on either stream, ended in an empty line.
    after_blank: bool,
}

impl<O: Write, E: Write> AwsText<O, E> {
    /// Returns a printer. `verbose` also shows valid objects. `home_region` is that of the trail's
    /// ARN.
    pub fn new(out: O, err: E, verbose: bool, home_region: &str) -> Self {
        let home_region = home_region.to_owned();
        Self { out, err, verbose, home_region, period: None, after_blank: true }
    }

    fn problem(&mut self, message: &str) -> io::Result<()> {
        let lead = if self.after_blank { "" } else { "\n" };
        self.after_blank = true;
        // Both streams are read side by side, so earlier output is flushed first.
        self.out.flush()?;
        write!(self.err, "{lead}{message}\n\n")
    }

    fn object<P>(
        &mut self,
        what: &str,
        at: &ObjectLocation,
        outcome: &Outcome<P>,
    ) -> io::Result<()> {
        match outcome {
            Outcome::Valid(_) if self.verbose => {
                self.after_blank = false;
                writeln!(self.out, "{what}\t{at}\tvalid")
            }
            Outcome::Valid(_) => Ok(()),
            Outcome::Invalid(finding) => {
                let why = self.words(finding);
                self.problem(&format!("{what}\t{at}\tINVALID: {why}"))
            }
            Outcome::Unverified(why) => self.unverified(&format!("{what}\t{at}"), why),
        }
    }

    // The AWS CLI has no words for this: it would abort, or print INVALID.
    fn unverified(&mut self, what: &str, why: &ReadFailure) -> io::Result<()> {
        self.problem(&format!("{what}\tUNVERIFIED: {why}"))
    }

    fn words(&self, finding: &Finding) -> String {
        let date = |value: &str| format!("Unable to parse date value: {}", excerpt(value, SHOWN));
        match finding {
            Finding::DigestMissing | Finding::LogMissing => "not found".to_owned(),
            Finding::DigestMalformed(Malformed::TrailingData { .. })
            | Finding::LogTrailingData { .. } => {
                "unexpected data after end of compressed stream".to_owned()
            }
            Finding::DigestMalformed(Malformed::FieldInvalid {
                field: "digestStartTime" | "digestEndTime" | "backfill-generation-timestamp",
                value,
            }) => date(value),
            Finding::DigestMalformed(_) | Finding::LogMalformed(_) => "invalid format".to_owned(),
            Finding::DigestMoved { .. } => "has been moved from its original location".to_owned(),
            Finding::DigestKeyUnknown { none_between: Some((from, to)), .. } => {
                format!("No public keys found between {from} and {to}")
            }
            Finding::DigestKeyUnknown { fingerprint, .. } => format!(
                "public key not found in region {} for fingerprint {}",
                self.home_region,
                excerpt(fingerprint, SHOWN)
            ),
            Finding::DigestSignatureInvalid(SignatureFault::OddHex) => {
                "Odd-length string".to_owned()
            }
            Finding::DigestSignatureInvalid(SignatureFault::NotHex) => {
                "Non-hexadecimal digit found".to_owned()
            }
            Finding::DigestSignatureInvalid(SignatureFault::KeyUnreadable { fingerprint }) => {
                format!(
                    "Unable to load PKCS #1 key with fingerprint {}",
                    excerpt(fingerprint, SHOWN)
                )
            }
            Finding::DigestSignatureInvalid(_) => "signature verification failed".to_owned(),
            Finding::DigestOutOfOrder { .. } => {
                "not older than the digest that links to it".to_owned()
            }
            Finding::DigestDeliveredThenGone { .. } => "delivered and then gone".to_owned(),
            Finding::DigestLinkMismatch { .. } => {
                "not what the digest that links to it records".to_owned()
            }
            Finding::LogHashMismatch { .. } => "hash value doesn't match".to_owned(),
        }
    }

    fn summary(&mut self, tallies: &Tallies, found: Option<InclusivePeriod>) -> io::Result<()> {
        if !self.after_blank {
            writeln!(self.out)?;
        }
        if let Some(InclusivePeriod { start, end }) = self.period {
            writeln!(self.out, "Results requested for {start} to {end}")?;
        }
        if tallies.digests.total() + tallies.backfill.total() == 0 {
            return writeln!(self.out, "No digests found");
        }
        match found {
            Some(InclusivePeriod { start, end }) => {
                writeln!(self.out, "Results found for {start} to {end}:")?;
            }
            None => writeln!(self.out, "No valid digests found in range")?,
        }
        self.ratio(&tallies.digests, "digest")?;
        self.ratio(&tallies.backfill, "backfill digest")?;
        self.ratio(&tallies.logs, "log")?;
        writeln!(self.out)
    }

    fn ratio(&mut self, tally: &Tally, name: &str) -> io::Result<()> {
        let total = tally.total();
        if total == 0 {
            return Ok(());
        }
        write!(self.out, "\n{}/{total} {name} files valid", tally.valid)?;
        for (count, word) in [(tally.invalid, "INVALID"), (tally.unverified, "UNVERIFIED")] {
            if count > 0 {
                write!(self.out, ", {count}/{total} {name} files {word}")?;
            }
        }
        Ok(())
    }
}

fn label(kind: DigestKind) -> &'static str {
    match kind {
        DigestKind::Standard => "",
        DigestKind::Backfill => "(backfill) ",
    }
}

impl<O: Write, E: Write> AwsText<O, E> {
    /// Prints one event. Events come in order.
    ///
    /// # Errors
    ///
    /// The output cannot be written. Only [`Self::finish`] is called afterwards.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::RunStarted { trail_arn, period } => {
                self.period = Some(*period);
                let InclusivePeriod { start, end } = period;
                write!(
                    self.out,
                    "Validating log files for trail {} between {start} and {end}\n\n",
                    escape(trail_arn)
                )
            }
            Event::DigestJudged { at, kind, outcome } => {
                self.object(&format!("{}Digest file", label(*kind)), at, outcome)
            }
            Event::LogJudged { at, outcome } => self.object("Log file", at, outcome),
            Event::GapFound { kind, from, to } => self.problem(&format!(
                "{}No log files were delivered by CloudTrail between {from} and {to}",
                label(*kind)
            )),
            Event::ListingUnread { bucket, kind, why } => {
                let what = format!("{}Digest listing\ts3://{}", label(*kind), escape(bucket));
                self.unverified(&what, why)
            }
            Event::RunFinished { tallies, found } => self.summary(tallies, *found),
        }
    }

    /// Writes what remains.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub fn finish(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.err.flush()
    }
}
