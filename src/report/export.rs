//! Tables of what a run proved, for joining with events in Athena, DuckDB, Spark or a SIEM.
//!
//! They are CSV files (RFC 4180, UTF-8, a header row), which all of these read. A Parquet writer
//! would bring more crates than the rest of the reports together.
//!
//! No field begins with a character that a spreadsheet takes for a formula: objects are written as
//! `s3://` URIs, everything else has a form of its own. What would control a terminal, or change the
//! direction of writing, is written as `\u{…}`.
use super::RunReporter;
use csv::{Terminator, Writer, WriterBuilder};
use std::io::{self, Write};
use trailproof_core::bytes::content::Hash;
use trailproof_core::codes::finding::Outcome;
use trailproof_core::coverage::Coverage;
use trailproof_core::record::RunEvent;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::key_layout::DigestKind;
use trailproof_core::vocab::location::{ObjectLocation, escape};

fn writer<W: Write>(out: W) -> Writer<W> {
    WriterBuilder::new().terminator(Terminator::Any(b'\n')).from_writer(out)
}

/// The stretches of time whose log files are all proven, one row each, half-open: a log file that was
/// delivered at `from` or later and before `to` can be trusted to be what CloudTrail delivered.
///
/// Columns: `account`, `region`, `trail`, `home_region`, `organization`, `from`, `to`.
pub struct VerifiedIntervals<W: Write>(Writer<W>, bool);

impl<W: Write> VerifiedIntervals<W> {
    /// Writes the table to `out`.
    pub fn new(out: W) -> Self {
        Self(writer(out), false)
    }

    fn row<const N: usize>(&mut self, fields: [&str; N]) -> io::Result<()> {
        if !std::mem::replace(&mut self.1, true) {
            let head = ["account", "region", "trail", "home_region", "organization", "from", "to"];
            self.0.write_record(head)?;
        }
        if N > 0 { Ok(self.0.write_record(fields)?) } else { Ok(()) }
    }
}

impl<W: Write + Send> RunReporter for VerifiedIntervals<W> {
    fn event(&mut self, event: &RunEvent) -> io::Result<()> {
        let RunEvent::ChainFinished(summary) = event else { return Ok(()) };
        let chain = &summary.chain;
        for segment in &summary.segments {
            if segment.coverage == Coverage::Verified {
                self.row([
                    chain.account.as_str(),
                    chain.source_region.as_str(),
                    chain.trail.as_str(),
                    chain.home_region.as_str(),
                    chain.organization.as_ref().map_or("", |id| id.as_str()),
                    &segment.from.to_string(),
                    &segment.to.to_string(),
                ])?;
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.row([])?;
        self.0.flush()
    }
}

/// The objects that are proven, one row each.
///
/// Columns: `object` (an `s3://` URI, as it was delivered), `kind` (`log-file`, `standard` or
/// `backfill`), `account`, `region`, `trail`, `sha256` (of the inflated content, in hexadecimal).
pub struct VerifiedObjects<W: Write> {
    out: Writer<W>,
    chain: Option<ChainId>,
    begun: bool,
}

impl<W: Write> VerifiedObjects<W> {
    /// Writes the table to `out`.
    pub fn new(out: W) -> Self {
        Self { out: writer(out), chain: None, begun: false }
    }

    fn head(&mut self) -> io::Result<()> {
        if !std::mem::replace(&mut self.begun, true) {
            self.out.write_record(["object", "kind", "account", "region", "trail", "sha256"])?;
        }
        Ok(())
    }

    fn row(&mut self, at: &ObjectLocation, kind: &str, hash: &Hash) -> io::Result<()> {
        self.head()?;
        let chain = self.chain.as_ref();
        Ok(self.out.write_record([
            escape(&at.uri()).as_ref(),
            kind,
            chain.map_or("", |chain| chain.account.as_str()),
            chain.map_or("", |chain| chain.source_region.as_str()),
            chain.map_or("", |chain| chain.trail.as_str()),
            &hex::encode(hash),
        ])?)
    }
}

impl<W: Write + Send> RunReporter for VerifiedObjects<W> {
    fn event(&mut self, event: &RunEvent) -> io::Result<()> {
        match event {
            RunEvent::ChainStarted { chain } => {
                self.chain = Some(chain.clone());
                Ok(())
            }
            RunEvent::DigestJudged(judged) => match &judged.outcome {
                Outcome::Valid(proof) => {
                    let kind: &str = DigestKind::code(judged.kind);
                    self.row(&judged.at, kind, &proof.hash)
                }
                _ => Ok(()),
            },
            RunEvent::LogJudged(judged) => match &judged.outcome {
                Outcome::Valid(_) => self.row(&judged.at, "log-file", &judged.expected),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.head()?;
        self.out.flush()
    }
}
