//! Accepted exceptions, and what they amount to.
use super::parts::{Hex, Text, Time};
use super::unreadable::Unreadable;
use crate::record::exception::ExceptionsJudged;
use crate::record::exception::{
    AcceptedException, AcceptedExceptions, ExceptionSubject, ObjectionCode,
};
use crate::vocab::budget::EXCEPTIONS;
use crate::vocab::chain_id::ChainHome;
use crate::vocab::location::ObjectLocation;
use crate::vocab::time::Period;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The exceptions of one file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AcceptedExceptionsShape<'a> {
    file_sha256: Hex,
    #[serde(borrow)]
    entries: Vec<AcceptedExceptionShape<'a>>,
}

/// One exception. Which fields name its subject depends on its code.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AcceptedExceptionShape<'a> {
    #[serde(borrow)]
    code: Text<'a>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    bucket: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    key: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    folder: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    account: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    region: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    trail: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    home_region: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    organization: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Time>,
    #[serde(borrow)]
    reason: Text<'a>,
    #[serde(borrow)]
    approved_by: Text<'a>,
    until: Time,
    expired: bool,
}

/// Reads the exceptions of one file as `run-started` has them.
///
/// # Errors
///
/// They cannot be read.
pub fn read_accepted_exceptions(json: &str) -> Result<AcceptedExceptions, Unreadable> {
    serde_json::from_str::<AcceptedExceptionsShape<'_>>(json)?.try_into()
}

impl<'a> From<&'a AcceptedExceptions> for AcceptedExceptionsShape<'a> {
    fn from(exceptions: &'a AcceptedExceptions) -> Self {
        Self {
            file_sha256: Hex(exceptions.sha256),
            entries: exceptions.entries.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<AcceptedExceptionsShape<'_>> for AcceptedExceptions {
    type Error = Unreadable;

    fn try_from(shape: AcceptedExceptionsShape<'_>) -> Result<Self, Unreadable> {
        if shape.entries.len() > EXCEPTIONS {
            return Err(Unreadable::value("run-started", "accepted_exceptions"));
        }
        let entries = shape.entries.into_iter().map(TryInto::try_into);
        Ok(Self { sha256: shape.file_sha256.0, entries: entries.collect::<Result<_, _>>()? })
    }
}

impl<'a> From<&'a AcceptedException> for AcceptedExceptionShape<'a> {
    fn from(exception: &'a AcceptedException) -> Self {
        let mut shape = Self {
            code: exception.code.code().into(),
            bucket: exception.bucket.as_ref().map(Into::into),
            key: None,
            folder: None,
            account: None,
            region: None,
            trail: None,
            home_region: None,
            organization: None,
            from: None,
            to: None,
            reason: (&exception.reason).into(),
            approved_by: (&exception.approved_by).into(),
            until: Time(exception.until),
            expired: exception.expired,
        };
        match &exception.subject {
            ExceptionSubject::Object(at) => {
                shape.bucket = Some((&at.bucket).into());
                shape.key = Some((&at.key).into());
            }
            ExceptionSubject::Folder(folder) => shape.folder = Some(folder.into()),
            ExceptionSubject::Place { account, region, trail, home } => {
                shape.home(home.as_ref());
                shape.account = account.as_ref().map(|account| account.as_str().into());
                shape.region = region.as_ref().map(|region| region.as_str().into());
                shape.trail = trail.as_ref().map(Into::into);
            }
            ExceptionSubject::Time { account, region, trail, home, period } => {
                shape.home(home.as_ref());
                shape.account = Some(account.as_str().into());
                shape.region = region.as_ref().map(|region| region.as_str().into());
                shape.trail = trail.as_ref().map(|trail| trail.as_str().into());
                shape.from = Some(Time(period.start));
                shape.to = Some(Time(period.end));
            }
        }
        shape
    }
}

impl<'a> AcceptedExceptionShape<'a> {
    fn home(&mut self, home: Option<&'a ChainHome>) {
        self.home_region = home.map(|home| home.region.as_str().into());
        let organization = home.and_then(|home| home.organization.as_ref());
        self.organization = organization.map(|organization| organization.as_str().into());
    }
}

/// Returns the home of a trail, or the name of the field that is wrong.
pub(super) fn home(
    region: Option<Text<'_>>,
    organization: Option<Text<'_>>,
) -> Result<Option<ChainHome>, &'static str> {
    let organization = organization.map(|text| text.parse()).transpose();
    let organization = organization.map_err(|_| "organization")?;
    match (region, organization) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err("home_region"),
        (Some(region), organization) => {
            let region = region.parse().map_err(|_| "home_region")?;
            Ok(Some(ChainHome { region, organization }))
        }
    }
}

impl TryFrom<AcceptedExceptionShape<'_>> for AcceptedException {
    type Error = Unreadable;

    fn try_from(shape: AcceptedExceptionShape<'_>) -> Result<Self, Unreadable> {
        let wrong = |field| Unreadable::value("accepted_exceptions", field);
        let code = ObjectionCode::from_code(&shape.code)
            .ok_or_else(|| Unreadable::unknown("accepted_exceptions", &shape.code))?;
        let account = shape.account.map(|text| text.parse()).transpose();
        let account = account.map_err(|_| wrong("account"))?;
        let region = shape.region.map(|text| text.parse()).transpose();
        let region = region.map_err(|_| wrong("region"))?;
        let home = home(shape.home_region, shape.organization).map_err(wrong)?;
        let mut bucket = shape.bucket;
        let subject = match (shape.key, shape.folder, shape.from, shape.to) {
            (Some(key), None, None, None) => {
                let bucket = bucket.take().ok_or_else(|| wrong("bucket"))?;
                ExceptionSubject::Object(ObjectLocation::new(bucket, key))
            }
            (None, Some(folder), None, None) => ExceptionSubject::Folder(folder.into_owned()),
            (None, None, Some(from), Some(to)) => ExceptionSubject::Time {
                account: account.ok_or_else(|| wrong("account"))?,
                region,
                trail: shape
                    .trail
                    .map(|text| text.parse())
                    .transpose()
                    .map_err(|_| wrong("trail"))?,
                home,
                period: Period { start: from.0, end: to.0 },
            },
            (None, None, None, None) => ExceptionSubject::Place {
                account,
                region,
                trail: shape.trail.map(Cow::into_owned),
                home,
            },
            _ => return Err(Unreadable::new("an accepted exception names two subjects")),
        };
        if !code.takes(&subject) {
            return Err(Unreadable::new("an accepted exception whose code has no such subject"));
        }
        Ok(Self {
            code,
            bucket: bucket.map(Cow::into_owned),
            subject,
            reason: shape.reason.into_owned(),
            approved_by: shape.approved_by.into_owned(),
            until: shape.until.0,
            expired: shape.expired,
        })
    }
}

/// What the exceptions of a run amount to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExceptionsJudgedShape {
    objections: u64,
    accepted: u64,
    all_accepted: bool,
    matches: Vec<u64>,
}

impl From<&ExceptionsJudged> for ExceptionsJudgedShape {
    fn from(judged: &ExceptionsJudged) -> Self {
        let ExceptionsJudged { objections, accepted, all_accepted, matches } = judged.clone();
        Self { objections, accepted, all_accepted, matches }
    }
}

impl From<ExceptionsJudgedShape> for ExceptionsJudged {
    fn from(shape: ExceptionsJudgedShape) -> Self {
        let ExceptionsJudgedShape { objections, accepted, all_accepted, matches } = shape;
        Self { objections, accepted, all_accepted, matches }
    }
}
