//! Records of either form, compressed or not.
use super::bad::BadRecord;
use super::check::RunCheck;
use super::reader::{RecordLine, RecordReader};
use std::io::{BufRead, BufReader, Read};

/// The bytes that a zstd frame begins with.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The largest window that a compressed record may ask memory for, as a power of two: 8 MiB, what
/// zstd's level 19 has. Ours has 2 MiB.
const WINDOW: u32 = 23;

/// Bytes of a record that are read at once.
const BUFFER: usize = 256 << 10;

/// A record being read from a file.
pub type RecordFile = RecordReader<Box<dyn BufRead + Send>>;

/// The record that these bytes are, compressed or not.
///
/// # Errors
///
/// That they cannot be read.
pub fn record_from(bytes: Box<dyn Read + Send>) -> Result<RecordFile, BadRecord> {
    let mut bytes = BufReader::with_capacity(BUFFER, bytes);
    let from: Box<dyn BufRead + Send> = if bytes.fill_buf()?.starts_with(&ZSTD_MAGIC) {
        let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes)?;
        decoder.window_log_max(WINDOW)?;
        Box::new(BufReader::with_capacity(BUFFER, decoder))
    } else {
        Box::new(bytes)
    };
    Ok(RecordReader::new(from))
}

/// Reads a whole record, checks it against itself, and hands on every line of it with its bytes.
///
/// # Errors
///
/// That it cannot be read, was cut short, or which line of it is wrong. What was handed on until
/// then was right by itself.
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
                return Err(BadRecord::line(
                    number,
                    "`run-circumstances` stands in the second line",
                ));
            }
            RecordLine::Ended(_) if ended || !check.is_finished() => {
                return Err(BadRecord::line(
                    number,
                    "`run-ended` stands once, after `run-finished`",
                ));
            }
            RecordLine::Ended(_) => ended = true,
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
        return Err(BadRecord::line(record.number(), "the run it tells has no `run-finished`"));
    }
    Ok(())
}
