//! Builds the typed request of a run from the options of a command.
use super::selection::Selection;
use super::verify::{EvidenceArgs, VerifyArgs};
use crate::console::refusal::Refusal;
use crate::console::stream::print_to_stderr;
use crate::lookup::files::LookupFile;
use crate::lookup::names::NamedScope;
use crate::session::location::{Location, LocationScope, bucket_name, location, moved};
use crate::session::period::{NO_PERIOD, PeriodArgs, RequestedPeriod, period, time};
use crate::session::request::{
    Expect, ExpectedAccounts, VerifyRequest, account_name, id, trail_filter,
};
use crate::session::time_text::parse_time;
use crate::session::{earlier, exceptions, key_files};
use crate::source::mirror::{HEADER, Header, MirrorScope};
use crate::verify::resume::seam::PreviousRecord;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use trailproof_core::record::ReadVersions;
use trailproof_core::trail_event::KnownEndError;
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::chain_id::{Scope, TrailFilter};
use trailproof_core::vocab::ids::AccountId;
use trailproof_core::vocab::location::{escape, excerpt};
use trailproof_core::vocab::time::Timestamp;

/// Returns the record that `--since` names, or `None` if it names a time. A file whose name looks
/// like a time is named as `./2026-07-01`.
fn record_at(typed: &str) -> Result<Option<PathBuf>, Refusal> {
    if parse_time(typed).is_some() {
        return Ok(None);
    }
    if Path::new(typed).exists() {
        return Ok(Some(typed.into()));
    }
    let shown = excerpt(typed, SHOWN);
    Err(Refusal::usage(format!("`{shown}` for `--since` is neither a time nor an existing record")))
}

impl VerifyRequest {
    /// Reads the location, the period and the scope that were typed.
    pub(crate) fn read(
        location_typed: Option<&str>,
        selection: &Selection,
        began: Timestamp,
    ) -> Result<Self, Refusal> {
        let period = read_period(selection, None)?;
        Self::read_with(location_typed, selection, period, began)
    }

    /// Reads the location, the period and the scope of a lookup. If no period was typed, the names
    /// of the files give it, and the scope as far as no option or location does. Returns also
    /// whether the names gave it.
    pub(crate) fn read_lookup(
        location_typed: &str,
        selection: &Selection,
        files: &[LookupFile],
        began: Timestamp,
    ) -> Result<(Self, bool), Refusal> {
        let typed = read_period(selection, None)?;
        if typed.is_some() {
            let request = Self::read_with(Some(location_typed), selection, typed, began)?;
            return Ok((request, false));
        }
        let named = match NamedScope::of(files) {
            Ok(named) => named,
            Err(unnamed) => {
                // A directory has a period of its own.
                if !matches!(location(location_typed)?.0, Location::Directory(_)) {
                    return Err(Refusal::usage(format!(
                        "a period is required: `{}` does not have the name of a log file, which \
                         would give it\n\nhint: `--last 90d`, `--quarter 2026Q3` or \
                         `--start-time`",
                        excerpt(unnamed, SHOWN)
                    )));
                }
                let request = Self::read_with(Some(location_typed), selection, None, began)?;
                return Ok((request, false));
            }
        };
        if named.start >= began {
            return Err(Refusal::usage(format!(
                "the names of the files give a period that is still to come: it starts at {}\n\n\
                 hint: give the period with `--start-time` and `--end-time`",
                named.start
            )));
        }
        let period = RequestedPeriod::From(named.start, Some(named.end));
        let mut request = Self::read_with(Some(location_typed), selection, Some(period), began)?;
        if request.scope.accounts.is_empty() && request.expect.accounts.is_none() {
            request.scope.accounts = named.accounts;
        }
        if request.scope.regions.is_empty() && request.expect.regions.is_none() {
            request.scope.regions = named.regions;
        }
        Ok((request, true))
    }

    fn read_with(
        location_typed: Option<&str>,
        selection: &Selection,
        period: Option<RequestedPeriod>,
        began: Timestamp,
    ) -> Result<Self, Refusal> {
        let place = location_typed.map(located).transpose()?;
        let mirror = place.as_ref().map(|(place, _)| mirrored(place)).transpose()?.flatten();
        let below = mirror.as_ref().and_then(Header::below);
        if let Some((Location::Directory(path), _)) = place.as_ref().filter(|_| mirror.is_some()) {
            let of_header = period.is_none() && mirror.as_ref().and_then(Header::period).is_some();
            note_of_header(path, of_header, below.is_some());
        }
        // With nothing typed, a mirror of a narrower scope is verified in that scope.
        let whole = period.is_none()
            && selection.trail.is_empty()
            && selection.account.is_empty()
            && selection.regions.is_empty();
        let run = mirror.as_ref().map(Header::scope).filter(|_| whole);
        let is_of_mirror =
            below.is_some() || run.as_ref().is_some_and(|scope| *scope != MirrorScope::default());
        let period = period.or_else(|| {
            let (place, _) = place.as_ref()?;
            period_of(place, mirror.as_ref())
        });
        let period = period.ok_or_else(|| Refusal::usage(NO_PERIOD))?;
        let (trails, accounts, regions) = match &run {
            Some(run) => (&run.trails, &run.accounts, &run.regions),
            None => (&selection.trail, &selection.account, &selection.regions),
        };
        let scope = Scope {
            trails: trails.iter().map(|text| trail_filter(text)).collect::<Result<_, _>>()?,
            accounts: ids(accounts, "--account")?,
            regions: ids(regions, "--region")?,
            organization: None,
        };
        let request = Self::new(place, period, scope, began)?;
        let expect = expect(selection)?;
        expect.is_within(&request.scope)?;
        Self { expect, scope_of_mirror: is_of_mirror, ..request }.checked()
    }

    /// Reads the options of `verify`.
    pub(crate) fn of_verify(args: &VerifyArgs, began: Timestamp) -> Result<Self, Refusal> {
        let mut request = Self::of_evidence(&args.evidence, began)?;
        request.known = args.resume.as_deref().map(earlier::known).transpose()?.map(Arc::new);
        request.concurrency = args.concurrency;
        Ok(request)
    }

    /// Reads what to verify and where.
    pub(crate) fn of_evidence(args: &EvidenceArgs, began: Timestamp) -> Result<Self, Refusal> {
        let since = args.since.as_deref().map(record_at).transpose()?.flatten();
        let since = since.map(|path| earlier::since(&path));
        Self::continuing(args, since.transpose()?, began)
    }

    /// Reads what to verify and where. The period continues from `since`, if there is such a record.
    pub(crate) fn continuing(
        args: &EvidenceArgs,
        since: Option<PreviousRecord>,
        began: Timestamp,
    ) -> Result<Self, Refusal> {
        let period = match since.as_ref().and_then(PreviousRecord::start) {
            Some(start) => {
                let end = args.selection.end_time.as_deref().map(time).transpose();
                Some(RequestedPeriod::From(start, end.map_err(Refusal::usage)?))
            }
            None => read_period(&args.selection, args.since.as_deref())?,
        };
        let mut request =
            Self::read_with(args.location.as_deref(), &args.selection, period, began)?;
        request.trail = args.trail_arn.as_deref().map(|arn| id(arn, "--trail-arn")).transpose()?;
        request.scope.trails.extend(request.trail.clone().map(TrailFilter::Arn));
        request.since = since.map(Arc::new);
        request.unlisted = args.unlisted || !args.no_unlisted;
        let accepted = args.accept.as_deref().map(|path| exceptions::read(path, began));
        request.accepted = accepted.transpose()?;
        request.copy(&args.relocate, args.bucket.as_deref(), args.complete_copy)?;
        request.trust_keys(&args.public_keys)?;
        request.versions = args.as_of.as_deref().map(|text| as_of(text, &request)).transpose()?;
        Ok(request)
    }

    /// Sets the options about copies.
    pub(crate) fn copy(
        &mut self,
        relocate: &[String],
        of_bucket: Option<&str>,
        complete: bool,
    ) -> Result<(), Refusal> {
        self.moved = relocate.iter().map(|text| moved(text)).collect::<Result<_, _>>()?;
        self.of_bucket = of_bucket.map(bucket_name).transpose()?.map(str::to_owned);
        self.complete_copy = complete;
        Ok(())
    }

    /// Reads the key bundles that were named, and trusts their keys.
    pub(crate) fn trust_keys(&mut self, paths: &[PathBuf]) -> Result<(), Refusal> {
        self.keys = key_files::read(paths)?.map(|bundle| (bundle, key_files::names(paths)));
        if let Some(Location::Directory(path)) = self.place.as_ref().filter(|_| paths.is_empty())
            && mirrored(&Location::Directory(path.clone()))?.is_some()
        {
            self.keys = key_files::of_mirror(path)?;
        }
        Ok(())
    }
}

/// Reads the time of `--as-of`.
fn as_of(text: &str, request: &VerifyRequest) -> Result<ReadVersions, Refusal> {
    if matches!(request.place, Some(Location::Directory(_))) {
        return Err(Refusal::usage(
            "`--as-of` needs the versions of a bucket, and a directory has none",
        ));
    }
    let time = time(text).map_err(Refusal::usage)?;
    if time > request.began {
        return Err(Refusal::usage(format!("`--as-of {time}` is in the future")));
    }
    request.period_at(time)?;
    Ok(ReadVersions::AsOf(time))
}

/// Reads a location. A mirror holds nothing beside the location that was mirrored.
pub(crate) fn located(typed: &str) -> Result<(Location, Option<LocationScope>), Refusal> {
    let (place, within) = location(typed)?;
    let mirror = mirrored(&place)?;
    let below = mirror.as_ref().and_then(Header::below).and_then(LocationScope::parse);
    Ok((place, below.or(within)))
}

/// Returns what the location is a mirror of, if it is one of ours.
///
/// # Errors
///
/// The document that says so cannot be read.
fn mirrored(place: &Location) -> Result<Option<Header>, Refusal> {
    let Location::Directory(path) = place else { return Ok(None) };
    Header::read(path).map_err(|why| {
        let shown = escape(&path.to_string_lossy()).into_owned();
        // Whether it is a mirror is not known then.
        let what = match why.kind() {
            std::io::ErrorKind::PermissionDenied => "read",
            _ => "use the mirror",
        };
        Refusal::not_started(format!("cannot {what} `{shown}`: {why}"))
    })
}

/// Returns the period of a run for which none was typed: that of a mirror, or of all digests in a
/// directory. A bucket has none: it may hold many years.
fn period_of(place: &Location, mirror: Option<&Header>) -> Option<RequestedPeriod> {
    match (place, mirror.and_then(Header::period)) {
        (Location::Bucket(..), _) => None,
        (Location::Directory(_), Some((from, to))) => Some(RequestedPeriod::From(from, Some(to))),
        (Location::Directory(_), None) => Some(RequestedPeriod::OfEvidence),
    }
}

/// Says what the header of a mirror gives because it was not typed: whoever changes the evidence can
/// shorten the period to one without the change.
fn note_of_header(mirror: &Path, period: bool, scope: bool) {
    let (what, typed) = match (period, scope) {
        (true, _) => (
            "the period and the scope come",
            "verify with the period that you expect, such as `--quarter 2026Q3`",
        ),
        (false, true) => ("the scope comes", "the first line of the report names the scope"),
        (false, false) => return,
    };
    print_to_stderr(&format!(
        "note: {what} from `{}`: anyone who can change the evidence can change that file too\n\n\
         hint: {typed}",
        escape(&mirror.join(HEADER).to_string_lossy())
    ));
}

fn expect(selection: &Selection) -> Result<Expect, Refusal> {
    let mut expect = Expect::default();
    let mut accounts = Vec::new();
    for text in &selection.expect_accounts {
        if text == "organization" {
            expect.accounts = Some(ExpectedAccounts::Organization);
        } else if let Ok(account) = text.parse() {
            accounts.push(account);
        } else {
            for (account, name) in accounts_in(text)? {
                expect.names.extend(name.map(|name| (account.clone(), name)));
                accounts.push(account);
            }
        }
    }
    if !accounts.is_empty() {
        if expect.accounts.is_some() {
            return Err(Refusal::usage(
                "`--expect-accounts organization` cannot be combined with other accounts: it names \
                 every account",
            ));
        }
        accounts.sort();
        accounts.dedup();
        expect.accounts = Some(ExpectedAccounts::These(accounts));
    }
    if !selection.expect_regions.is_empty() {
        let regions = selection.expect_regions.iter().map(|text| id(text, "--expect-regions"));
        let mut regions = regions.collect::<Result<Vec<_>, _>>()?;
        regions.sort();
        regions.dedup();
        expect.regions = Some(regions);
    }
    for text in &selection.known_end {
        expect.known_ends.push(text.parse().map_err(|why: KnownEndError| {
            let shown = excerpt(text, SHOWN);
            Refusal::usage(format!("invalid value `{shown}` for `--known-end`: {why}"))
        })?);
    }
    expect.known_ends.sort();
    expect.known_ends.dedup();
    Ok(expect)
}

/// Reads the accounts in a file: one or more ids per line; `#` begins a comment. A comment behind the only
/// id of a line is its name.
fn accounts_in(path: &str) -> Result<Vec<(AccountId, Option<String>)>, Refusal> {
    let shown = excerpt(path, SHOWN);
    let text = std::fs::read_to_string(path).map_err(|error| {
        Refusal::usage(format!(
            "`{shown}` for `--expect-accounts` is neither `organization`, nor an account, nor a \
             file that can be read: {error}"
        ))
    })?;
    let mut accounts = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let (ids, comment) = line.split_once('#').unwrap_or((line, ""));
        let ids: Vec<&str> =
            ids.split([' ', ',', '\t', '\r']).filter(|word| !word.is_empty()).collect();
        let name = account_name(comment).filter(|_| ids.len() == 1);
        for word in ids {
            let account = word.parse().map_err(|_| {
                let (number, word) = (number + 1, excerpt(word, SHOWN));
                Refusal::usage(format!("`{shown}`, line {number}: `{word}` is not an account"))
            })?;
            accounts.push((account, name.clone()));
        }
    }
    if accounts.is_empty() {
        return Err(Refusal::usage(format!("`{shown}` names no account")));
    }
    Ok(accounts)
}

/// Reads the period that was typed, if any; `since` is the start if `--since` names a time.
fn read_period(
    selection: &Selection,
    since: Option<&str>,
) -> Result<Option<RequestedPeriod>, Refusal> {
    let typed = PeriodArgs {
        start: since.or(selection.start_time.as_deref()),
        end: selection.end_time.as_deref(),
        last: selection.last.as_deref(),
        quarter: selection.quarter.as_deref(),
    };
    period(typed).map_err(Refusal::usage)
}

fn ids<T: FromStr>(texts: &[String], option: &str) -> Result<Vec<T>, Refusal> {
    texts.iter().map(|text| id(text, option)).collect()
}
