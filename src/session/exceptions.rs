//! `--accept FILE`: reads a file of reviewed exceptions.
//!
//! The file is for people to review, so that it says everything in full: what was accepted, where, why,
//! by whom and until when. Whatever is missing, unknown or repeated in it is a usage error.
use super::time_text::{is_date, parse_time};
use crate::console::refusal::Refusal;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::str::FromStr;
use toml::Value;
use trailproof_core::record::{
    AcceptedException, AcceptedExceptions, ExceptionSubject, ObjectionCode, SubjectForm,
};
use trailproof_core::vocab::budget::{
    EXCEPTION_APPROVER, EXCEPTION_REASON, EXCEPTIONS, EXCEPTIONS_FILE, SHOWN,
};
use trailproof_core::vocab::chain_id::ChainHome;
use trailproof_core::vocab::location::{ObjectLocation, escape, excerpt};
use trailproof_core::vocab::time::{DAY, Period, Timestamp};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    exception: Vec<Entry>,
}

/// One entry as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    code: String,
    bucket: Option<String>,
    object: Option<String>,
    folder: Option<String>,
    account: Option<String>,
    region: Option<String>,
    trail: Option<String>,
    home_region: Option<String>,
    organization: Option<String>,
    from: Option<Value>,
    to: Option<Value>,
    reason: String,
    approved_by: String,
    until: Value,
}

/// Reads the file. `now` decides which exceptions have expired.
pub(crate) fn read(path: &Path, now: Timestamp) -> Result<AcceptedExceptions, Refusal> {
    let shown = escape(&path.to_string_lossy()).into_owned();
    let refused = |why: String| {
        Refusal::usage(format!(
            "cannot use the accepted exceptions in `{shown}`: {why}\n\nhint: the guide \"Accept \
             exceptions\" describes the file"
        ))
    };
    let mut bytes = Vec::new();
    let opened = File::open(path).and_then(|file| {
        // One byte more shows that the file is longer.
        file.take(EXCEPTIONS_FILE + 1).read_to_end(&mut bytes)
    });
    opened.map_err(|error| refused(error.to_string()))?;
    parse(&bytes, now).map_err(refused)
}

/// Parses the bytes of a file.
fn parse(bytes: &[u8], now: Timestamp) -> Result<AcceptedExceptions, String> {
    if u64::try_from(bytes.len()).map_or(true, |length| length > EXCEPTIONS_FILE) {
        return Err(format!("it has more than {EXCEPTIONS_FILE} bytes"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    let document: Document = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        format!("line {line}: {}", excerpt(error.message(), SHOWN))
    })?;
    if document.exception.is_empty() {
        return Err("it has no `[[exception]]`".to_owned());
    }
    if document.exception.len() > EXCEPTIONS {
        return Err(format!("it has more than {EXCEPTIONS} exceptions"));
    }
    let mut entries: Vec<AcceptedException> = Vec::new();
    for (at, entry) in document.exception.iter().enumerate() {
        let exception = entry.read(now).map_err(|why| format!("exception {}: {why}", at + 1))?;
        let same = |known: &AcceptedException| {
            (known.code, &known.bucket, &known.subject)
                == (exception.code, &exception.bucket, &exception.subject)
        };
        if let Some(before) = entries.iter().position(same) {
            return Err(format!("exception {} repeats exception {}", at + 1, before + 1));
        }
        entries.push(exception);
    }
    Ok(AcceptedExceptions { sha256: Sha256::digest(bytes).into(), entries })
}

impl Entry {
    fn read(&self, now: Timestamp) -> Result<AcceptedException, String> {
        let code = ObjectionCode::from_code(&self.code)
            .ok_or_else(|| format!("`{}` is not a code", excerpt(&self.code, SHOWN)))?;
        let until = until(&self.until)?;
        Ok(AcceptedException {
            code,
            bucket: self.bucket.clone(),
            subject: self.subject(code)?,
            reason: sentence("reason", &self.reason, EXCEPTION_REASON)?,
            approved_by: sentence("approved-by", &self.approved_by, EXCEPTION_APPROVER)?,
            until,
            expired: until <= now,
        })
    }

    fn subject(&self, code: ObjectionCode) -> Result<ExceptionSubject, String> {
        let region = id("region", self.region.as_deref())?;
        let account = id("account", self.account.as_deref())?;
        let given = (
            self.object.as_deref(),
            self.folder.as_deref(),
            self.from.as_ref().zip(self.to.as_ref()),
        );
        let home = self.home()?;
        let is_place = home.is_some()
            || self.account.is_some()
            || self.region.is_some()
            || self.trail.is_some();
        let subject = match given {
            (Some(object), None, None) if !is_place && self.bucket.is_none() => {
                Some(ExceptionSubject::Object(at(object)?))
            }
            (None, Some(folder), None) if !is_place => {
                Some(ExceptionSubject::Folder(folder.to_owned()))
            }
            (None, None, Some((from, to))) => {
                let period = Period { start: time("from", from)?, end: time("to", to)? };
                if period.start >= period.end {
                    return Err("`from` is not before `to`".to_owned());
                }
                let trail = id("trail", self.trail.as_deref())?;
                account.map(|account| ExceptionSubject::Time {
                    account,
                    region,
                    trail,
                    home,
                    period,
                })
            }
            (None, None, None) if is_place => {
                Some(ExceptionSubject::Place { account, region, trail: self.trail.clone(), home })
            }
            _ => None,
        };
        let half = self.from.is_some() != self.to.is_some();
        subject.filter(|subject| code.takes(subject) && !half).ok_or_else(|| {
            format!("an exception for `{}` names {}, and nothing else", code.code(), names(code))
        })
    }
}

impl Entry {
    /// Returns the home of the trail. Without one, the exception is about every trail of that name.
    fn home(&self) -> Result<Option<ChainHome>, String> {
        let region = id("home-region", self.home_region.as_deref())?;
        let organization = id("organization", self.organization.as_deref())?;
        match region {
            Some(region) if self.trail.is_some() => Ok(Some(ChainHome { region, organization })),
            None if organization.is_none() => Ok(None),
            _ => Err("`organization` needs `home-region`, which needs `trail`".to_owned()),
        }
    }
}

/// Returns the fields that an exception for a code has to name.
fn names(code: ObjectionCode) -> &'static str {
    match code.form() {
        SubjectForm::Object => "`object`",
        SubjectForm::ObjectOrFolder => "`object` or `folder`",
        SubjectForm::Folder => "`folder`",
        SubjectForm::Chain => "`account`, `region` and `trail`",
        SubjectForm::Place => {
            "`folder`, or `account`, `region` and `trail` as far as the report names them"
        }
        SubjectForm::Time => {
            "`account`, `from` and `to`, and if it is about one region or trail, `region` or `trail`"
        }
    }
}

fn id<T: FromStr>(field: &str, text: Option<&str>) -> Result<Option<T>, String> {
    let read = text.map(|text| {
        text.parse().map_err(|_| format!("`{}` is not a valid `{field}`", excerpt(text, SHOWN)))
    });
    read.transpose()
}

fn at(object: &str) -> Result<ObjectLocation, String> {
    let at = ObjectLocation::parse(object);
    at.ok_or_else(|| format!("`{}` is not of the form `s3://BUCKET/KEY`", excerpt(object, SHOWN)))
}

fn sentence(field: &str, text: &str, longest: usize) -> Result<String, String> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(format!("`{field}` is empty")),
        length if length > longest => {
            Err(format!("`{field}` has {length} characters, more than {longest}"))
        }
        _ => Ok(text.to_owned()),
    }
}

/// Returns the text of a time, which is either text or TOML's own date or time.
fn text(field: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Datetime(time) => Ok(time.to_string()),
        _ => Err(format!("`{field}` is not a date or time")),
    }
}

fn time(field: &str, value: &Value) -> Result<Timestamp, String> {
    let text = text(field, value)?;
    parse_time(&text)
        .ok_or_else(|| format!("`{}` for `{field}` is not a time", excerpt(&text, SHOWN)))
}

/// Returns the first second after `until`. A date alone includes that day.
fn until(value: &Value) -> Result<Timestamp, String> {
    let read = time("until", value)?;
    Ok(if is_date(&text("until", value)?) { read.plus(DAY) } else { read })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::parse("2026-06-01T00:00:00Z").unwrap()
    }

    const REVIEWED: &str = "reason = 'CHG-1'\napproved-by = 'Jo'\nuntil = 2026-12-31\n";

    fn one_until(until: &str) -> Result<AcceptedException, String> {
        let text = format!(
            "[[exception]]\ncode = 'named-not-found'\naccount = '111122223333'\nreason = 'CHG-1'\n\
             approved-by = 'Jo'\nuntil = '{until}'\n"
        );
        parse(text.as_bytes(), now()).map(|mut file| file.entries.remove(0))
    }

    fn one(fields: &str) -> Result<AcceptedException, String> {
        let text = format!("[[exception]]\n{REVIEWED}{fields}");
        parse(text.as_bytes(), now()).map(|mut file| file.entries.remove(0))
    }

    #[test]
    fn a_date_in_any_form_includes_its_day() {
        let of = |until: &str| one_until(until).unwrap().until.to_string();
        for until in ["2026-11-30", "2026/11/30", "20261130", "30 Nov 2026", "30 November 2026"] {
            assert_eq!(of(until), "2026-12-01T00:00:00Z", "{until}");
        }
        assert_eq!(of("2026-11-30T12:00:00Z"), "2026-11-30T12:00:00Z");
        assert_eq!(of("2026-11-30 12:00"), "2026-11-30T12:00:00Z");
    }

    #[test]
    fn each_code_takes_what_it_is_about() {
        for fields in [
            "code = 'log-missing'\nobject = 's3://b/AWSLogs/x'",
            "code = 'archived'\nfolder = 'AWSLogs/1/'",
            "code = 'archived'\nobject = 's3://b/AWSLogs/x'",
            "code = 'logs-without-digests'\nfolder = 'AWSLogs/1/'",
            "code = 'named-not-found'\naccount = '111122223333'",
            "code = 'not-looked-at'\nfolder = 'AWSLogs/1/'",
            "code = 'gap'\naccount = '111122223333'\nfrom = 2026-03-01T00:00:00Z\nto = '2026-03-02'",
            "code = 'tail'\naccount = '111122223333'\nregion = 'eu-west-1'\ntrail = 't'\n\
             from = 2026-03-01\nto = 2026-03-02",
            "code = 'digest-delivered-then-gone'\naccount = '111122223333'\nregion = 'eu-west-1'\n\
             trail = 't'",
        ] {
            assert!(one(fields).is_ok(), "{fields}: {:?}", one(fields));
        }
    }

    #[test]
    fn whatever_is_wider_missing_or_unknown_is_refused() {
        for (fields, part) in [
            ("code = 'log-missing'\nfolder = 'AWSLogs/1/'", "names `object`"),
            ("code = 'log-unlisted'\nfolder = 'AWSLogs/1/'", "names `object`"),
            ("code = 'log-missing'", "names `object`"),
            ("code = 'log-missing'\nobject = 's3://b'", "s3://BUCKET/KEY"),
            ("code = 'log-missing'\nobject = 's3://b/k'\naccount = '111122223333'", "nothing else"),
            ("code = 'gap'\naccount = '111122223333'", "`from` and `to`"),
            ("code = 'gap'\nfrom = 2026-03-01\nto = 2026-03-02", "`account`"),
            ("code = 'gap'\naccount = '1'\nfrom = 2026-03-01\nto = 2026-03-02", "`account`"),
            (
                "code = 'gap'\naccount = '111122223333'\nfrom = 2026-03-02\nto = 2026-03-02",
                "not before",
            ),
            ("code = 'named-not-found'\nfrom = 2026-03-01\naccount = '111122223333'", "names"),
            ("code = 'digest-delivered-then-gone'\naccount = '111122223333'", "`region`"),
            ("code = 'verified'\nobject = 's3://b/k'", "is not a code"),
            ("code = 'log-missing'\nobject = 's3://b/k'\nkey = 'k'", "unknown field"),
        ] {
            let error = one(fields).unwrap_err();
            assert!(error.contains(part), "{fields}: {error}");
        }
        for (text, part) in [
            ("", "no `[[exception]]`"),
            ("exception = 1", "invalid type"),
            ("[[exception]]\ncode = 'archived'\nobject = 's3://b/k'", "missing field"),
            ("\n\u{1b}", "line 2: "),
        ] {
            let error = parse(text.as_bytes(), now()).unwrap_err();
            assert!(error.contains(part), "{text:?}: {error}");
            assert!(!error.contains('\u{1b}'), "{error:?}");
        }
        let twice = format!("[[exception]]\ncode = 'archived'\nobject = 's3://b/k'\n{REVIEWED}");
        let error = parse(twice.repeat(2).as_bytes(), now()).unwrap_err();
        assert!(error.contains("repeats exception 1"), "{error}");
        let empty = "[[exception]]\ncode = 'archived'\nobject = 's3://b/k'\nreason = ' '\n\
                     approved-by = 'x'\nuntil = 2026-12-31";
        assert!(parse(empty.as_bytes(), now()).unwrap_err().contains("`reason` is empty"));
    }

    #[test]
    fn a_date_is_the_last_day_on_which_an_exception_holds() {
        let until = |text: &str| {
            let fields = "code = 'archived'\nobject = 's3://b/k'\nreason = 'r'\napproved-by = 'a'";
            let text = format!("[[exception]]\n{fields}\nuntil = {text}");
            let entry = parse(text.as_bytes(), now()).unwrap().entries.remove(0);
            (entry.until.to_string(), entry.expired)
        };
        assert_eq!(until("2026-06-01"), ("2026-06-02T00:00:00Z".to_owned(), false));
        assert_eq!(until("'2026-05-31'"), ("2026-06-01T00:00:00Z".to_owned(), true));
        assert_eq!(until("2026-06-01T00:00:01Z"), ("2026-06-01T00:00:01Z".to_owned(), false));
        assert_eq!(until("2026-06-01T00:00:00Z"), ("2026-06-01T00:00:00Z".to_owned(), true));
    }
}
