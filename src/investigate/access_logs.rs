//! Server access logs of S3, as files that the user names: who deleted or wrote which object, by an
//! unsigned witness.
//!
//! Delivery is best effort and may be hours late, so a missing line says nothing. Only lines about
//! the evidence are kept.
use crate::console::refusal::Refusal;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use trailproof_core::vocab::budget::{ACCESS_LINE, ACCESS_LINES, SHOWN};
use trailproof_core::vocab::key_layout::ROOT;
use trailproof_core::vocab::location::{ObjectLocation, excerpt};
use trailproof_core::vocab::time::Timestamp;

/// A request that deleted, wrote or archived an object of the evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccessLine {
    /// When it was received.
    pub(crate) time: Timestamp,
    /// The object.
    pub(crate) at: ObjectLocation,
    /// `REST.DELETE.OBJECT` and the like.
    pub(crate) operation: String,
    /// ARN or canonical id of the requester; empty for a lifecycle rule.
    pub(crate) requester: String,
    /// Address of the caller.
    pub(crate) address: String,
    /// HTTP status.
    pub(crate) status: u16,
    /// Version id in the request, if it named one.
    pub(crate) version: Option<String>,
    /// User agent.
    pub(crate) agent: String,
}

impl AccessLine {
    /// Returns whether the request removed an object, or put a delete marker on it.
    pub(crate) fn deletes(&self) -> bool {
        // `REST.DELETE.OBJECT_TAGGING` and its relatives remove no object.
        self.status < 300
            && (matches!(self.operation.as_str(), "REST.DELETE.OBJECT" | "BATCH.DELETE.OBJECT")
                || self.expires())
    }

    /// Returns whether a lifecycle rule removed the object.
    pub(crate) fn expires(&self) -> bool {
        matches!(self.operation.as_str(), "S3.EXPIRE.OBJECT" | "S3.CREATE.DELETEMARKER")
    }

    /// Returns whether the request wrote the object.
    pub(crate) fn writes(&self) -> bool {
        self.status < 300
            && matches!(
                self.operation.as_str(),
                "REST.PUT.OBJECT" | "REST.COPY.OBJECT" | "REST.POST.UPLOAD" | "REST.POST.OBJECT"
            )
    }
}

/// Reads the access logs in these files and directories.
///
/// # Errors
///
/// A file cannot be read.
pub(crate) fn read(paths: &[PathBuf], bucket: &str) -> Result<(Vec<AccessLine>, bool), Refusal> {
    let mut lines = Vec::new();
    let mut files = Vec::new();
    for path in paths {
        gather(path, &mut files).map_err(|error| unreadable(path, &error))?;
    }
    files.sort();
    for path in files {
        let file = File::open(&path).map_err(|error| unreadable(&path, &error))?;
        let mut from = BufReader::new(file);
        loop {
            let line = next_line(&mut from).map_err(|error| unreadable(&path, &error))?;
            let Some(line) = line else { break };
            let Some(line) = parse(&String::from_utf8_lossy(&line)) else { continue };
            if line.at.bucket == bucket && line.at.key.contains(ROOT) {
                if lines.len() == ACCESS_LINES {
                    return Ok((sorted(lines), true));
                }
                lines.push(line);
            }
        }
    }
    Ok((sorted(lines), false))
}

/// Returns the next line; an empty one in place of a line that is too long, of which no part may be
/// taken for a line of its own. Returns `None` at the end.
fn next_line(from: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let most = u64::try_from(ACCESS_LINE).unwrap_or(u64::MAX);
    if from.by_ref().take(most).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.len() < ACCESS_LINE || line.ends_with(b"\n") {
        return Ok(Some(line));
    }
    loop {
        line.clear();
        let read = from.by_ref().take(most).read_until(b'\n', &mut line)?;
        if read == 0 || line.ends_with(b"\n") {
            return Ok(Some(Vec::new()));
        }
    }
}

fn sorted(mut lines: Vec<AccessLine>) -> Vec<AccessLine> {
    lines.sort_by(|one, other| {
        (one.time, &one.at, &one.operation).cmp(&(other.time, &other.at, &other.operation))
    });
    lines
}

fn gather(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !std::fs::metadata(path)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        match entry.file_type()? {
            kind if kind.is_dir() => gather(&entry.path(), files)?,
            kind if kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
    Ok(())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Refusal {
    let shown = excerpt(&path.to_string_lossy(), SHOWN);
    Refusal::usage(format!("cannot read the access logs in `{shown}`: {error}"))
}

/// Parses one line. Fields are separated by blanks; a time is in brackets, and texts are quoted.
/// Fields that S3 adds at the end are ignored.
fn parse(line: &str) -> Option<AccessLine> {
    let fields = fields(line.trim_end());
    let field = |at: usize| fields.get(at).map(String::as_str).filter(|text| *text != "-");
    let operation = field(6)?;
    // Reading changes nothing, and there are many times as many reads as anything else.
    let reads = ["REST.GET.", "REST.HEAD.", "WEBSITE."].iter().any(|it| operation.starts_with(it));
    let writes = operation.ends_with(".OBJECT")
        || operation.contains("DELETE")
        || operation.contains("UPLOAD");
    if reads || !writes {
        return None;
    }
    let status = match field(9).map(str::parse) {
        Some(status) => status.ok()?,
        // What S3 does by itself has no status.
        None if operation.starts_with("S3.") => 200,
        None => return None,
    };
    // The key is percent-encoded twice.
    let key = decoded(&decoded(field(7)?));
    Some(AccessLine {
        time: time(field(2)?)?,
        at: ObjectLocation::new(field(1)?, key),
        operation: operation.to_owned(),
        requester: field(4).unwrap_or_default().to_owned(),
        address: field(3).unwrap_or_default().to_owned(),
        status,
        version: field(17).map(str::to_owned),
        agent: field(16).unwrap_or_default().to_owned(),
    })
}

fn fields(line: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut rest = line;
    while !rest.is_empty() && fields.len() < 32 {
        let inside = rest.get(1..).unwrap_or_default();
        let (field, after) = match rest.as_bytes().first() {
            Some(b'[') => inside.split_once(']').unwrap_or((inside, "")),
            // S3 does not escape quotation marks in a request: one ends the field only before a blank.
            Some(b'"') => inside
                .split_once("\" ")
                .or_else(|| inside.strip_suffix('"').map(|field| (field, "")))
                .unwrap_or((inside, "")),
            _ => rest.split_once(' ').unwrap_or((rest, "")),
        };
        fields.push(field.to_owned());
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    fields
}

/// Parses `06/Feb/2026:00:00:38 +0000`.
fn time(text: &str) -> Option<Timestamp> {
    let at = chrono::DateTime::parse_from_str(text, "%d/%b/%Y:%H:%M:%S %z").ok()?;
    Some(Timestamp::from_unix(at.timestamp()))
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let code = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match (byte, code.and_then(|code| u8::from_str_radix(code, 16).ok())) {
            (b'%', Some(code)) => {
                out.push(code);
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "79a59df900b949e5 example-trail-logs [06/Feb/2026:00:00:38 +0000] 192.0.2.3 \
                        arn:aws:iam::111122223333:user/mallory 3E57427F3EXAMPLE REST.DELETE.OBJECT \
                        AWSLogs/111122223333/CloudTrail/a%2520b.json.gz \
                        \"DELETE /AWSLogs/x?versionId=v HTTP/1.1\" 204 - - 113 7 - \"-\" \
                        \"aws-cli/2.15 \" v1 hostid SigV4 TLS AuthHeader host TLSv1.3 - -";

    #[test]
    fn a_line_names_object_requester_and_version() {
        let line = parse(LINE).unwrap();
        assert_eq!(line.time.to_string(), "2026-02-06T00:00:38Z");
        assert_eq!(
            line.at.to_string(),
            "s3://example-trail-logs/AWSLogs/111122223333/CloudTrail/a b.json.gz"
        );
        assert_eq!(line.requester, "arn:aws:iam::111122223333:user/mallory");
        assert_eq!((line.status, line.version.as_deref()), (204, Some("v1")));
        assert!(line.deletes() && !line.writes() && !line.expires());
        let denied = parse(&LINE.replace(" 204 ", " 403 ")).unwrap();
        assert!(!denied.deletes());
        let expired =
            LINE.replace("REST.DELETE.OBJECT", "S3.EXPIRE.OBJECT").replace(" 204 ", " - ");
        let expired = parse(&expired).unwrap();
        assert!(expired.deletes() && expired.expires());
        for other in ["REST.DELETE.OBJECT_TAGGING", "REST.DELETE.OBJECT_ANNOTATION"] {
            let line = parse(&LINE.replace("REST.DELETE.OBJECT", other)).unwrap();
            assert!(!line.deletes() && !line.writes(), "{other}");
        }
        let batch = parse(&LINE.replace("REST.DELETE", "BATCH.DELETE")).unwrap();
        assert!(batch.deletes() && !batch.expires());
        let marked = LINE.replace("REST.DELETE.OBJECT", "S3.CREATE.DELETEMARKER");
        assert!(parse(&marked.replace(" 204 ", " - ")).unwrap().expires());
        // A request without a status is not known to have done anything.
        assert_eq!(parse(&LINE.replace(" 204 ", " - ")), None);
        for read in ["REST.GET.OBJECT", "REST.HEAD.OBJECT", "WEBSITE.GET.OBJECT"] {
            assert_eq!(parse(&LINE.replace("REST.DELETE.OBJECT", read)), None, "{read}");
        }
        // A key with a percent sign of its own is encoded twice too.
        let percent = parse(&LINE.replace("a%2520b", "a%252520b")).unwrap();
        assert!(percent.at.key.ends_with("/a%20b.json.gz"), "{}", percent.at);
        let quoted = LINE.replace("versionId=v", "a=\"403\"b");
        assert_eq!(parse(&quoted).map(|line| line.status), Some(204));
        for wrong in [
            "",
            "a b",
            &LINE.replace("REST.DELETE.OBJECT", "REST.GET.BUCKET"),
            &LINE.replace("/Feb/", "/Foo/"),
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn no_part_of_a_line_that_is_too_long_is_a_line() {
        let long = format!("{}{LINE}\n{LINE}\n", "x ".repeat(ACCESS_LINE / 2));
        let mut from = long.as_bytes();
        let lines: Vec<_> = std::iter::from_fn(|| next_line(&mut from).unwrap()).collect();
        let parsed: Vec<_> =
            lines.iter().map(|line| parse(&String::from_utf8_lossy(line)).is_some()).collect();
        assert_eq!(parsed, [false, true]);
    }
}
