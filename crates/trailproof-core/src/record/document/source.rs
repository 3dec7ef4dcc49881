//! Records in either form, compressed or not.
use super::bad::BadRecord;
use super::check::RunCheck;
use super::reader::{DocumentKind, RecordLine, RecordReader};
use std::io::{BufRead, BufReader, Read};

/// The first bytes of a zstd frame.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The largest window for which a compressed record may request memory, as a power of two: 8 MiB,
/// the window of zstd's level 19. Ours is 2 MiB.
const WINDOW: u32 = 23;

/// Number of bytes of a record that are read at once.
const BUFFER: usize = 256 << 10;

/// A record being read from a file.
pub type RecordFile = RecordReader<Box<dyn BufRead + Send>>;

/// Opens the record in these bytes, compressed or not.
///
/// # Errors
///
/// Returns an error if the bytes cannot be read.
pub fn record_from(bytes: Box<dyn Read + Send>) -> Result<RecordFile, BadRecord> {
    document_from(DocumentKind::RunRecord, bytes)
}

/// Opens the document of this kind in these bytes, compressed or not.
///
/// # Errors
///
/// Returns an error if the bytes cannot be read.
pub fn document_from(
    kind: DocumentKind,
    bytes: Box<dyn Read + Send>,
) -> Result<RecordFile, BadRecord> {
    let mut bytes = BufReader::with_capacity(BUFFER, bytes);
    let from: Box<dyn BufRead + Send> = if bytes.fill_buf()?.starts_with(&ZSTD_MAGIC) {
        let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes)?;
        decoder.window_log_max(WINDOW)?;
        Box::new(BufReader::with_capacity(BUFFER, decoder))
    } else {
        Box::new(bytes)
    };
    Ok(RecordReader::of(kind, from))
}

/// Reads a whole record, checks its consistency, and passes on each line with its bytes.
///
/// # Examples
///
/// A record of which only the first line was written proves nothing, although that line is valid:
///
/// ```
/// use std::collections::BTreeMap;
/// use trailproof_core::record::document::{BadRecord, RecordLine, check_record, record_from};
/// use trailproof_core::record::wire::write_event;
/// use trailproof_core::record::{EvidencePlace, RunEvent, RunStart, Tool};
/// use trailproof_core::vocab::time::{Period, Timestamp};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let period = Period { start: Timestamp::from_unix(0), end: Timestamp::from_unix(3_600) };
/// let started = RunEvent::RunStarted(Box::new(RunStart {
///     tool: Tool::this(),
///     place: EvidencePlace::original("bucket", ""),
///     period,
///     end_was_future: false,
///     tail_allowed_from: None,
///     trails: Vec::new(),
///     accounts: Vec::new(),
///     regions: Vec::new(),
///     organization: None,
///     expected_accounts: None,
///     account_names: BTreeMap::new(),
///     expected_regions: None,
///     known_ends: Vec::new(),
///     unlisted: true,
///     complete_copy: false,
///     follows: None,
///     accepted: None,
/// }));
/// let mut bytes = Vec::new();
/// write_event(&started, &mut bytes)?;
///
/// let mut lines = Vec::new();
/// let mut record = record_from(Box::new(std::io::Cursor::new(bytes)))?;
/// let checked = check_record(&mut record, |line, _| lines.push(line.clone()));
/// assert!(matches!(checked, Err(BadRecord::Cut { lines: 1 })));
/// assert!(matches!(&lines[..], [RecordLine::Event(event)] if *event == started));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Returns an error if the record cannot be read or was cut short, or if a line is invalid. Each
/// line passed on until then was valid by itself.
pub fn check_record(
    record: &mut RecordFile,
    mut each: impl FnMut(&RecordLine, &[u8]),
) -> Result<(), BadRecord> {
    let mut check = RunCheck::default();
    let mut ended = false;
    while let Some(line) = record.next_line()? {
        let number = record.number();
        match &line {
            RecordLine::Event(event) => {
                check.take(event).map_err(|what| BadRecord::Line { number, what })?;
            }
            RecordLine::Circumstances(_) if number != 2 => {
                return Err(BadRecord::line(number, "`run-circumstances` must be the second line"));
            }
            RecordLine::Ended(_) if ended || !check.is_finished() => {
                return Err(BadRecord::line(
                    number,
                    "`run-ended` stands once, after `run-finished`",
                ));
            }
            RecordLine::Ended(run) => {
                check.take_ended(run).map_err(|what| BadRecord::Line { number, what })?;
                ended = true;
            }
            RecordLine::Circumstances(around) => {
                check
                    .take_circumstances(around)
                    .map_err(|what| BadRecord::Line { number, what })?;
            }
            RecordLine::Unknown => {}
        }
        each(&line, record.bytes());
    }
    if !check.is_finished() {
        return Err(BadRecord::line(record.number(), "the run has no `run-finished`"));
    }
    Ok(())
}
