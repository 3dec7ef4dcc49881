//! Hash ledgers: what the log files of a shard contain, stated by workers that hashed them and proved
//! nothing.
//!
//! The worker that verifies the shard reads every digest itself. It takes an entry of a ledger for a log
//! file only if a proven digest records the same hash, and the store lists the object with the size,
//! the ETag and the time of writing that it had then. A wrong or missing entry only means that the log
//! file is read. Whoever can write a ledger can hide any change of a log file.
use super::plan::ShardPlan;
use super::plan_lines::SCHEMA;
use super::records::ShardFile;
use super::work_error::{WorkError, expiry};
use crate::console::refusal::Refusal;
use crate::files::record_file::open_document;
use crate::report::RunReporter as _;
use crate::report::record::{Record, RecordSink};
use crate::source::ObjectSource;
use crate::verify::resume::hashing::{HashItem, HashPart, HashedLog, day_folders, hash_folders};
use crate::verify::resume::proven_logs::ProvenLogs;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;
use trailproof_core::bytes::content::parse_hash;
use trailproof_core::log_file::LogProof;
use trailproof_core::record::document::{BadRecord, DocumentKind, RecordFile};
use trailproof_core::record::wire::{StoredAsShape, Unreadable, write_json};
use trailproof_core::record::{ObjectFacts, Tool};
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::location::{ObjectLocation, excerpt};

/// A line of a ledger.
#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum LedgerLine<'a> {
    LedgerStarted(LedgerStarted),
    #[serde(borrow)]
    LogHashed(Box<LogHashed<'a>>),
}

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct LedgerStarted {
    schema: u32,
    version: String,
    build: Option<String>,
    /// SHA-256 of the plan's lines.
    plan_sha256: String,
    shard: u64,
    /// The part of the shard's days, counted from 1, and the number of parts.
    part: u64,
    parts: u64,
}

impl LedgerStarted {
    /// Returns whether this version can read the ledger, and it is of a part that can be.
    fn is_known(&self) -> bool {
        self.schema == SCHEMA && HashPart::new(self.part, self.parts).is_some()
    }
}

/// A log file that was hashed.
#[derive(Serialize, Deserialize)]
struct LogHashed<'a> {
    #[serde(borrow)]
    bucket: Cow<'a, str>,
    #[serde(borrow)]
    key: Cow<'a, str>,
    #[serde(borrow)]
    sha256: Cow<'a, str>,
    stored_bytes: u64,
    inflated_bytes: u64,
    stored_inflated: bool,
    several_members: bool,
    #[serde(borrow)]
    etag: Cow<'a, str>,
    #[serde(borrow)]
    version_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    stored_as: Option<StoredAsShape<'a>>,
}

/// What came of hashing a part of a shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LedgerDone {
    /// Log files in the ledger.
    pub(crate) log_files: u64,
    /// Objects and folders that could not be read, which the worker that verifies the shard reads.
    pub(crate) unread: u64,
}

/// Returns the name of the file of a ledger.
pub(crate) fn ledger_name(shard: u64, part: HashPart) -> String {
    format!("hashes-{shard:06}-{:05}-of-{:05}.jsonl.zst", part.number + 1, part.of)
}

/// Returns whether `work --hash` gives the ledger of a shard such a name.
pub(crate) fn is_ledger(name: &str) -> bool {
    name.starts_with("hashes-") && name.contains(".jsonl") && !name.ends_with(".partial")
}

/// Hashes the log files of a part of a shard, and writes the ledger to `out`.
///
/// # Errors
///
/// There is no such shard, the credentials expired, or the ledger cannot be written.
pub(crate) async fn write_ledger<W: Write + Send>(
    plan: &ShardPlan,
    (sha256, shard): (&str, u64),
    part: HashPart,
    source: &Arc<dyn ObjectSource>,
    out: RecordSink<W>,
) -> Result<LedgerDone, WorkError> {
    let index = usize::try_from(shard).unwrap_or(usize::MAX);
    let planned = plan.shards.get(index).ok_or(WorkError::NoShard)?;
    let Tool { version, build, .. } = Tool::this();
    let mut out = Record::new(out, None);
    let started = LedgerStarted {
        schema: SCHEMA,
        version,
        build,
        plan_sha256: sha256.to_owned(),
        shard,
        part: part.number + 1,
        parts: part.of,
    };
    put(&mut out, &LedgerLine::LedgerStarted(started)).map_err(WorkError::Lost)?;
    let places = plan.surveyed.places.log_folders.iter();
    let places = places.filter(|(place, _)| planned.part.has(&place.account, &place.region));
    let folders = day_folders(places, plan.plan.period, part);
    let (mut done, mut failed, mut expired) = (LedgerDone::default(), None, None);
    let mut take = |item: HashItem| match item {
        HashItem::Log(log) => {
            if let (Some(line), None) = (LogHashed::of(&log), &failed) {
                failed = put(&mut out, &LedgerLine::LogHashed(Box::new(line))).err();
                done.log_files += 1;
            }
        }
        HashItem::Unread(why) => {
            expired = expired.take().or_else(|| expiry(&why));
            done.unread += 1;
        }
        HashItem::Other => {}
    };
    hash_folders(source, &plan.plan.bucket, &folders, &mut take).await;
    if let Some(why) = expired {
        return Err(WorkError::Expired(why));
    }
    if let Some(error) = failed {
        return Err(WorkError::Lost(error));
    }
    out.end();
    out.finish().map_err(WorkError::Lost)?;
    Ok(done)
}

fn put<W: Write>(out: &mut Record<W>, line: &LedgerLine<'_>) -> io::Result<()> {
    out.line(|buffer| {
        write_json(&mut *buffer, line)?;
        buffer.push(b'\n');
        Ok(())
    })
}

impl<'a> LogHashed<'a> {
    /// Returns the line of a log file; `None` if nothing would show that it is unchanged.
    fn of(log: &'a HashedLog) -> Option<Self> {
        let HashedLog { at, sha256, proof, seen } = log;
        Some(Self {
            bucket: at.bucket.as_str().into(),
            key: at.key.as_str().into(),
            sha256: hex::encode(sha256).into(),
            stored_bytes: proof.stored,
            inflated_bytes: proof.inflated,
            stored_inflated: proof.stored_inflated,
            several_members: proof.several_members,
            etag: seen.etag.as_deref()?.into(),
            version_id: seen.version_id.as_deref().map(Into::into),
            stored_as: seen.stored_as.as_deref().map(Into::into),
        })
    }

    fn read(self) -> Result<HashedLog, Unreadable> {
        let wrong = || Unreadable::value("log-hashed", "sha256");
        Ok(HashedLog {
            at: ObjectLocation::new(self.bucket, self.key),
            sha256: parse_hash(&self.sha256).ok_or_else(wrong)?,
            proof: LogProof {
                stored: self.stored_bytes,
                inflated: self.inflated_bytes,
                stored_inflated: self.stored_inflated,
                several_members: self.several_members,
            },
            seen: ObjectFacts {
                stored: Some(self.stored_bytes),
                found: None,
                etag: Some(self.etag.into_owned()),
                version_id: self.version_id.map(Cow::into_owned),
                stored_as: self.stored_as.map(|shape| Box::new(shape.into())),
            },
        })
    }
}

/// The ledgers of one shard.
#[derive(Debug, Default)]
pub(crate) struct Ledgers {
    pub(crate) logs: Arc<ProvenLogs>,
    /// The SHA-256 of each ledger's lines.
    pub(crate) sha256: BTreeSet<String>,
}

impl Ledgers {
    /// Reads the ledgers of a shard among these files.
    ///
    /// # Errors
    ///
    /// A file is not a ledger of this plan, or is damaged.
    pub(crate) fn read(
        plan_sha256: &str,
        shard: u64,
        files: &[ShardFile],
    ) -> Result<Self, Refusal> {
        let (mut logs, mut sha256) = (ProvenLogs::default(), BTreeSet::new());
        for file in files {
            let unusable = |why: BadRecord| {
                let words = format!("cannot use the hash ledger `{}`: {why}", file.shown);
                Refusal::not_started(words)
            };
            let (mut ledger, started) = begin(file).map_err(unusable)?;
            if started.plan_sha256 != plan_sha256 {
                return Err(Refusal::usage(format!(
                    "`{}` is a hash ledger of a different plan: its plan has the SHA-256 {}, and this \
                     one {plan_sha256}",
                    file.shown,
                    excerpt(&started.plan_sha256, SHOWN),
                )));
            }
            if started.shard != shard {
                continue;
            }
            read_logs(&mut ledger, &mut logs).map_err(unusable)?;
            sha256.insert(ledger.sha256().unwrap_or_default().to_owned());
        }
        Ok(Self { logs: Arc::new(logs), sha256 })
    }
}

/// Opens a ledger and reads its first line.
fn begin(file: &ShardFile) -> Result<(RecordFile, LedgerStarted), BadRecord> {
    let mut ledger = open_document(DocumentKind::HashLedger, &file.path)?;
    let name = ledger.next_name()?;
    let text = std::str::from_utf8(ledger.bytes()).unwrap_or_default();
    let wrong = |what| BadRecord::Line { number: 1, what };
    match serde_json::from_str(text).map_err(Unreadable::from).map_err(wrong)? {
        LedgerLine::LedgerStarted(started) if name.is_some() && started.is_known() => {
            Ok((ledger, started))
        }
        _ => Err(BadRecord::line(1, "it has no `ledger-started` of this version")),
    }
}

fn read_logs(ledger: &mut RecordFile, logs: &mut ProvenLogs) -> Result<(), BadRecord> {
    while ledger.next_name()?.is_some() {
        let number = ledger.number();
        let wrong = |what| BadRecord::Line { number, what };
        let text = std::str::from_utf8(ledger.bytes()).unwrap_or_default();
        match serde_json::from_str(text).map_err(Unreadable::from).map_err(wrong)? {
            LedgerLine::LogHashed(line) => logs.take(&line.read().map_err(wrong)?.judged()),
            LedgerLine::LedgerStarted(_) => {
                return Err(BadRecord::line(number, "`ledger-started` must appear only once"));
            }
        }
    }
    Ok(())
}
