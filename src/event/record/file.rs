//! Records in files.
use super::bad::BadRecord;
use super::check::RunCheck;
use super::reader::{RecordLine, RecordReader};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek as _};
use std::path::Path;

/// The bytes that a zstd frame begins with.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The largest window that a compressed record may ask memory for, as a power of two: 8 MiB, what
/// zstd's level 19 has. Ours has 2 MiB.
const WINDOW: u32 = 23;

/// Bytes of a record that are read at once.
const BUFFER: usize = 256 << 10;

/// A record being read from a file.
pub type RecordFile = RecordReader<Box<dyn BufRead + Send>>;

/// Opens the record at `path`, compressed or not, whatever it is called.
///
/// # Errors
///
/// That it cannot be read.
pub fn open_record(path: &Path) -> Result<RecordFile, BadRecord> {
    let mut file = File::open(path)?;
    let mut magic = Vec::new();
    (&mut file).take(4).read_to_end(&mut magic)?;
    file.rewind()?;
    let from: Box<dyn BufRead + Send> = if magic == ZSTD_MAGIC {
        let mut decoder = zstd::stream::read::Decoder::new(file)?;
        decoder.window_log_max(WINDOW)?;
        Box::new(BufReader::with_capacity(BUFFER, decoder))
    } else {
        Box::new(BufReader::with_capacity(BUFFER, file))
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
    while let Some(line) = record.next_line()? {
        if let RecordLine::Event(event) = &line {
            let number = record.number();
            check.take(event).map_err(|what| BadRecord::Line { number, what })?;
        }
        each(&line, record.bytes());
    }
    if !check.is_finished() {
        return Err(BadRecord::line(record.number(), "the run it tells has no `run-finished`"));
    }
    Ok(())
}
