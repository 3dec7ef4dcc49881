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

/// What the access logs hold about the evidence.
#[derive(Clone, Debug, Default)]
pub(crate) struct AccessLogs {
    /// The lines, in order of time.
    pub(crate) lines: Vec<AccessLine>,
    /// Whether there are more of them than are kept.
    pub(crate) capped: bool,
    /// Lines that may be about the evidence, and that can be read in more than one way, or in none.
    pub(crate) unclear: u64,
}

/// Reads the access logs in these files and directories.
///
/// # Errors
///
/// A file cannot be read.
pub(crate) fn read(paths: &[PathBuf], bucket: &str) -> Result<AccessLogs, Refusal> {
    let mut logs = AccessLogs::default();
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
            match parse(&String::from_utf8_lossy(&line), bucket) {
                Parsed::Other => {}
                Parsed::Unclear => logs.unclear += 1,
                Parsed::Line(_) if logs.lines.len() == ACCESS_LINES => logs.capped = true,
                Parsed::Line(line) => logs.lines.push(line),
            }
        }
    }
    logs.lines.sort_by(|one, other| {
        (one.time, &one.at, &one.operation).cmp(&(other.time, &other.at, &other.operation))
    });
    Ok(logs)
}

/// Returns the next line; [`TOO_LONG`] in place of a line that is too long, of which no part may be taken
/// for a line of its own. Returns `None` at the end.
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
            return Ok(Some(TOO_LONG.to_vec()));
        }
    }
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

/// In place of a line that is too long.
const TOO_LONG: &[u8] = b"\0";

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Parsed {
    /// A request that deleted, wrote or archived an object of the evidence, or tried to.
    Line(AccessLine),
    /// It may be one, and can be read in more than one way, or in none.
    Unclear,
    /// Something else.
    Other,
}

/// Parses one line about an object of the evidence in this bucket.
///
/// S3 does not escape quotation marks, and whoever sends a request chooses its referrer and its agent. So a
/// line is read from both ends: what S3 itself writes before the request and after the agent has neither
/// blanks nor quotation marks. Fields that S3 adds at the end are ignored.
fn parse(line: &str, bucket: &str) -> Parsed {
    if line.as_bytes() == TOO_LONG {
        return Parsed::Unclear;
    }
    let line = line.trim_end_matches(['\n', '\r', ' ']);
    let Some(head) = Head::of(line) else { return Parsed::Other };
    // The key is percent-encoded twice.
    let key = decoded(&decoded(head.key));
    // Reading changes nothing, and there are many times as many reads as anything else.
    if head.bucket != bucket || !key.contains(ROOT) || !changes(head.operation) {
        return Parsed::Other;
    }
    let read = || {
        let (uri, rest) = request(head.rest)?;
        let (status, rest) = numbers(rest)?;
        let (agent, version) = agent_and_version(rest)?;
        let status = match status {
            "-" if head.operation.starts_with("S3.") => 200,
            status => status.parse().ok()?,
        };
        // A request that a lifecycle rule makes has no URI, and one that a caller makes has one.
        (uri != "-" || !head.operation.starts_with("REST.")).then_some(())?;
        let given = |text: &str| if text == "-" { String::new() } else { text.to_owned() };
        Some(AccessLine {
            time: time(head.time)?,
            at: ObjectLocation::new(head.bucket, key.as_str()),
            operation: head.operation.to_owned(),
            requester: given(head.requester),
            address: given(head.address),
            status,
            version: Some(given(version)).filter(|version| !version.is_empty()),
            agent: given(agent),
        })
    };
    read().map_or(Parsed::Unclear, Parsed::Line)
}

fn changes(operation: &str) -> bool {
    let reads = ["REST.GET.", "REST.HEAD.", "WEBSITE."].iter().any(|it| operation.starts_with(it));
    let writes = operation.ends_with(".OBJECT")
        || operation.contains("DELETE")
        || operation.contains("UPLOAD");
    !reads && writes
}

/// What S3 writes before the request.
struct Head<'l> {
    bucket: &'l str,
    time: &'l str,
    address: &'l str,
    requester: &'l str,
    operation: &'l str,
    key: &'l str,
    /// What follows.
    rest: &'l str,
}

impl<'l> Head<'l> {
    fn of(line: &'l str) -> Option<Self> {
        let (_owner, rest) = line.split_once(' ')?;
        let (bucket, rest) = rest.split_once(' ')?;
        let (time, rest) = rest.strip_prefix('[')?.split_once("] ")?;
        let (address, rest) = rest.split_once(' ')?;
        let (requester, rest) = rest.split_once(' ')?;
        let (_id, rest) = rest.split_once(' ')?;
        let (operation, rest) = rest.split_once(' ')?;
        let (key, rest) = rest.split_once(' ')?;
        Some(Self { bucket, time, address, requester, operation, key, rest })
    }
}

/// Returns the request, and what follows it. The URI of a request has no blanks, so that it ends with the
/// name of the protocol.
fn request(text: &str) -> Option<(&str, &str)> {
    if let Some(rest) = text.strip_prefix("- ").or(text.strip_prefix("\"-\" ")) {
        return Some(("-", rest));
    }
    let inside = text.strip_prefix('"')?;
    let (method, rest) = inside.split_once(' ')?;
    let (uri, rest) = rest.split_once(' ')?;
    let (protocol, rest) = rest.split_once("\" ")?;
    let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
    (is_method && protocol.starts_with("HTTP/") && !protocol.contains([' ', '"']))
        .then_some((uri, rest))
}

/// Returns the status, and what follows the numbers after it.
fn numbers(text: &str) -> Option<(&str, &str)> {
    let (status, rest) = text.split_once(' ')?;
    let (error, mut rest) = rest.split_once(' ')?;
    for _ in 0..4 {
        let (number, after) = rest.split_once(' ')?;
        is_number(number).then_some(())?;
        rest = after;
    }
    (is_number(status) && !error.contains('"')).then_some((status, rest))
}

fn is_number(text: &str) -> bool {
    text == "-" || !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the agent, if it can be told from the referrer, and the version id.
fn agent_and_version(text: &str) -> Option<(&str, &str)> {
    let (callers, tail) = text.rsplit_once("\" ")?;
    let callers = callers.strip_prefix('"').or(callers.strip_prefix("- \""))?;
    let referrer_given = text.starts_with('"');
    let fields: Vec<&str> = tail.split(' ').collect();
    let is = |at: usize, known: &[&str]| fields.get(at).is_some_and(|it| known.contains(it));
    let is_tls = fields.get(6).is_some_and(|it| *it == "-" || it.starts_with("TLS"));
    let is_tail = is(2, &["-", "SigV2", "SigV4", "SigV4A"])
        && is(4, &["-", "AuthHeader", "QueryString"])
        && is_tls;
    // Lines of before 2019 end with the version id.
    let quotes = text.bytes().filter(|byte| *byte == b'"').count();
    let is_old = fields.len() == 1 && quotes == if referrer_given { 4 } else { 2 };
    let is_plain = fields.iter().all(|field| !field.is_empty() && !field.contains('"'));
    (is_plain && (is_tail || is_old)).then_some(())?;
    let version = fields.first().copied()?;
    let agent = match referrer_given {
        // Where either has a quotation mark, which is which is not known.
        true => callers
            .split_once("\" \"")
            .filter(|(referrer, agent)| !referrer.contains('"') && !agent.contains('"'))
            .map_or("", |(_, agent)| agent),
        false => callers,
    };
    Some((agent, version))
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

    const BUCKET: &str = "example-trail-logs";

    fn line(text: &str) -> Option<AccessLine> {
        match parse(text, BUCKET) {
            Parsed::Line(line) => Some(line),
            Parsed::Unclear | Parsed::Other => None,
        }
    }

    #[test]
    fn a_line_names_object_requester_and_version() {
        let parsed = line(LINE).unwrap();
        assert_eq!(parsed.time.to_string(), "2026-02-06T00:00:38Z");
        assert_eq!(
            parsed.at.to_string(),
            "s3://example-trail-logs/AWSLogs/111122223333/CloudTrail/a b.json.gz"
        );
        assert_eq!(parsed.requester, "arn:aws:iam::111122223333:user/mallory");
        assert_eq!((parsed.status, parsed.version.as_deref()), (204, Some("v1")));
        assert_eq!(parsed.agent, "aws-cli/2.15 ");
        assert!(parsed.deletes() && !parsed.writes() && !parsed.expires());
        let denied = line(&LINE.replace(" 204 ", " 403 ")).unwrap();
        assert!(!denied.deletes());
        let expired = LINE
            .replace("REST.DELETE.OBJECT", "S3.EXPIRE.OBJECT")
            .replace("\"DELETE /AWSLogs/x?versionId=v HTTP/1.1\" 204 ", "\"-\" - ");
        let expired = line(&expired).unwrap();
        assert!(expired.deletes() && expired.expires());
        for other in ["REST.DELETE.OBJECT_TAGGING", "REST.DELETE.OBJECT_ANNOTATION"] {
            let line = line(&LINE.replace("REST.DELETE.OBJECT", other)).unwrap();
            assert!(!line.deletes() && !line.writes(), "{other}");
        }
        let batch = line(&LINE.replace("REST.DELETE", "BATCH.DELETE")).unwrap();
        assert!(batch.deletes() && !batch.expires());
        let marked = LINE.replace("REST.DELETE.OBJECT", "S3.CREATE.DELETEMARKER");
        assert!(line(&marked.replace(" 204 ", " - ")).unwrap().expires());
        // A request without a status is not known to have done anything.
        assert_eq!(parse(&LINE.replace(" 204 ", " - "), BUCKET), Parsed::Unclear);
        for read in ["REST.GET.OBJECT", "REST.HEAD.OBJECT", "WEBSITE.GET.OBJECT"] {
            let text = LINE.replace("REST.DELETE.OBJECT", read);
            assert_eq!(parse(&text, BUCKET), Parsed::Other, "{read}");
        }
        // A key with a percent sign of its own is encoded twice too.
        let percent = line(&LINE.replace("a%2520b", "a%252520b")).unwrap();
        assert!(percent.at.key.ends_with("/a%20b.json.gz"), "{}", percent.at);
        for other in [
            "",
            "a b",
            &LINE.replace("REST.DELETE.OBJECT", "REST.GET.BUCKET"),
            &LINE.replace("example-trail-logs", "other-bucket"),
            &LINE.replace("AWSLogs/1111", "tmp/1111"),
        ] {
            assert_eq!(parse(other, BUCKET), Parsed::Other, "{other}");
        }
        for unclear in [
            &LINE.replace("/Feb/", "/Foo/"),
            &LINE.replace(" HTTP/1.1\"", "\""),
            &LINE.replace(" 113 7 - ", " 113 x - "),
            &LINE.replace(" SigV4 ", " SigV9 "),
            &LINE.split_once(" 113 7").unwrap().0.to_owned(),
        ] {
            assert_eq!(parse(unclear, BUCKET), Parsed::Unclear, "{unclear}");
        }
    }

    /// Whatever a caller sends, the fields that S3 writes stay what they are.
    #[test]
    fn no_quotation_mark_of_a_caller_moves_a_field() {
        let facts = |text: &str| {
            let line = line(text).unwrap_or_else(|| panic!("{text}"));
            (line.status, line.version, line.requester, line.operation)
        };
        let expected = facts(LINE);
        for agent in [
            "a \"b\" c",
            "\"",
            "\" \"",
            "x\" 403 AccessDenied - - - - \"-\" \"y",
            "x\" v9 hostid SigV4 TLS AuthHeader host TLSv1.3 - -",
            "x\" - hostid SigV4 TLS AuthHeader host TLSv1.3 - - \"",
            "\" v9",
        ] {
            assert_eq!(facts(&LINE.replace("aws-cli/2.15 ", agent)), expected, "{agent}");
            let referrer = LINE.replace("\"-\"", &format!("\"{agent}\""));
            assert_eq!(facts(&referrer), expected, "{agent}");
        }
        for uri in ["a=\"403\"b", "a=\"", "\"", "HTTP/1.1\""] {
            assert_eq!(facts(&LINE.replace("versionId=v", uri)), expected, "{uri}");
        }
        // Fields that S3 may add have no say, as long as they are not quoted.
        assert_eq!(facts(&format!("{LINE} new -")), expected);
        assert_eq!(parse(&format!("{LINE} \"new\" 1"), BUCKET), Parsed::Unclear);
        // A line of before 2019.
        let old = LINE.split_once(" hostid").unwrap().0;
        assert_eq!(facts(old), expected);
        assert_eq!(parse(&old.replace("aws-cli", "a\"b"), BUCKET), Parsed::Unclear);
    }

    #[test]
    fn no_part_of_a_line_that_is_too_long_is_a_line() {
        let long = format!("{}{LINE}\n{LINE}\n", "x ".repeat(ACCESS_LINE / 2));
        let mut from = long.as_bytes();
        let lines: Vec<_> = std::iter::from_fn(|| next_line(&mut from).unwrap()).collect();
        let parsed: Vec<_> =
            lines.iter().map(|it| line(&String::from_utf8_lossy(it)).is_some()).collect();
        assert_eq!(parsed, [false, true]);
        assert_eq!(parse(&String::from_utf8_lossy(&lines[0]), BUCKET), Parsed::Unclear);
    }
}
