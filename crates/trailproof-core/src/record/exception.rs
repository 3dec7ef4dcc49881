//! Accepted exceptions: what somebody reviewed and accepted although it forbids "proven".
//!
//! An exception changes no verdict. It is recorded, reported and attested beside the verdict.
use super::place_doubt::{PlaceDoubt, PlaceInDoubt};
use crate::bytes::content::Hash;
use crate::codes::failure::ReadFailureKind;
use crate::codes::finding::FindingCode;
use crate::coverage::{Coverage, Segment, Uncovered};
use crate::vocab::chain_id::{ChainHome, ChainId};
use crate::vocab::ids::{AccountId, Region, TrailName};
use crate::vocab::location::ObjectLocation;
use crate::vocab::time::{Period, Timestamp};
use std::collections::HashMap;
use strum::IntoEnumIterator as _;

/// Code of a chain that does not continue that of the preceding record.
const NOT_JOINED: &str = "not-joined";
/// Code of a log file that no verified digest names.
const LOG_UNLISTED: &str = "log-unlisted";
/// Code of a folder with log files of the period and no digest.
const LOGS_WITHOUT_DIGESTS: &str = "logs-without-digests";

/// The code of something that forbids "proven".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectionCode {
    /// The evidence contradicts something.
    Finding(FindingCode),
    /// An object or a listing could not be read.
    Unread(ReadFailureKind),
    /// A stretch of time is not verified.
    Time(Coverage),
    /// A place could not be accounted for.
    Place(PlaceDoubt),
    /// A log file that no verified digest names.
    Unlisted,
    /// A folder with log files of the period and no digest.
    WithoutDigests,
    /// A chain does not continue that of the preceding record.
    NotJoined,
}

/// What an exception for a code has to name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectForm {
    /// One object: `object`.
    Object,
    /// One object, or a folder and everything in it: `object` or `folder`.
    ObjectOrFolder,
    /// A folder: `folder`.
    Folder,
    /// One chain: `account`, `region` and `trail`.
    Chain,
    /// A place: `folder`, or `account`, `region` and `trail` as far as the report names them.
    Place,
    /// A stretch of time: `from` and `to`, and `account`, of which `region` and `trail` may be left
    /// out.
    Time,
}

impl ObjectionCode {
    /// Lists every code.
    pub fn all() -> impl Iterator<Item = Self> {
        let times = [Coverage::Contradicted, Coverage::Unverified].into_iter();
        let times = times.chain(Uncovered::iter().map(Coverage::Uncovered));
        FindingCode::iter()
            .map(Self::Finding)
            .chain(ReadFailureKind::iter().map(Self::Unread))
            .chain(times.map(Self::Time))
            .chain(PlaceDoubt::iter().map(Self::Place))
            .chain([Self::Unlisted, Self::WithoutDigests, Self::NotJoined])
    }

    /// Returns the stable code for machines; never renamed once released.
    pub fn code(self) -> &'static str {
        match self {
            Self::Finding(code) => code.into(),
            Self::Unread(kind) => kind.code(),
            Self::Time(coverage) => coverage.code(),
            Self::Place(why) => why.code(),
            Self::Unlisted => LOG_UNLISTED,
            Self::WithoutDigests => LOGS_WITHOUT_DIGESTS,
            Self::NotJoined => NOT_JOINED,
        }
    }

    /// Returns the objection with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::all().find(|known| known.code() == code)
    }

    /// Returns what an exception for it has to name. A contradiction, and an object that nobody
    /// proved, is accepted one by one: an exception for a folder would also accept what an attacker
    /// adds to it later.
    pub fn form(self) -> SubjectForm {
        match self {
            Self::Finding(FindingCode::DigestDeliveredThenGone) => SubjectForm::Chain,
            Self::Finding(_) | Self::Unlisted | Self::NotJoined => SubjectForm::Object,
            Self::Unread(_) => SubjectForm::ObjectOrFolder,
            Self::Time(_) => SubjectForm::Time,
            Self::Place(_) => SubjectForm::Place,
            Self::WithoutDigests => SubjectForm::Folder,
        }
    }

    /// Returns whether an exception for it may name this subject.
    pub fn takes(self, subject: &ExceptionSubject) -> bool {
        use ExceptionSubject as Subject;
        match self.form() {
            SubjectForm::Object => matches!(subject, Subject::Object(_)),
            SubjectForm::ObjectOrFolder => {
                matches!(subject, Subject::Object(_) | Subject::Folder(_))
            }
            SubjectForm::Folder => matches!(subject, Subject::Folder(_)),
            SubjectForm::Chain => matches!(
                subject,
                Subject::Place { account: Some(_), region: Some(_), trail: Some(_), .. }
            ),
            SubjectForm::Place => match subject {
                Subject::Folder(_) => true,
                Subject::Place { account, region, trail, .. } => {
                    account.is_some() || region.is_some() || trail.is_some()
                }
                _ => false,
            },
            SubjectForm::Time => matches!(subject, Subject::Time { .. }),
        }
    }
}

/// What an exception is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExceptionSubject {
    /// One object.
    Object(ObjectLocation),
    /// A folder, with everything below it for a code whose form is [`SubjectForm::ObjectOrFolder`].
    Folder(String),
    /// A chain or place: exactly what is named, and nothing else.
    Place {
        /// Account, if the place has one.
        account: Option<AccountId>,
        /// Region, if the place has one.
        region: Option<Region>,
        /// Trail as the report names it, if the place has one.
        trail: Option<String>,
        /// Home of the trail; `None` stands for every one.
        home: Option<ChainHome>,
    },
    /// A stretch of time of one chain or of several.
    Time {
        /// Account of the chains.
        account: AccountId,
        /// Region of the chains; `None` stands for every region.
        region: Option<Region>,
        /// Trail of the chains; `None` stands for every trail.
        trail: Option<TrailName>,
        /// Home of the trail; `None` stands for every one.
        home: Option<ChainHome>,
        /// The time.
        period: Period,
    },
}

/// One reviewed exception.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedException {
    /// What was accepted.
    pub code: ObjectionCode,
    /// The bucket of delivery that it is about; `None` stands for every one. An object names its own.
    pub bucket: Option<String>,
    /// Where.
    pub subject: ExceptionSubject,
    /// Why, in the words of whoever reviewed it.
    pub reason: String,
    /// Who approved it.
    pub approved_by: String,
    /// First second at which it no longer holds.
    pub until: Timestamp,
    /// Whether it had expired when the run began. An expired exception accepts nothing.
    pub expired: bool,
}

/// The exceptions of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedExceptions {
    /// SHA-256 of the file.
    pub sha256: Hash,
    /// The exceptions, in the order of the file.
    pub entries: Vec<AcceptedException>,
}

/// What the accepted exceptions of a run amount to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExceptionsJudged {
    /// Number of findings, read failures, stretches of time and places that forbid "proven".
    pub objections: u64,
    /// Number of those that an exception accepts.
    pub accepted: u64,
    /// Whether everything that forbids "proven" is accepted. Never so without any verified time.
    pub all_accepted: bool,
    /// For each exception, in the order of the file, the number of objections that count for it:
    /// those for which it is the first that has not expired, or else the first.
    pub matches: Vec<u64>,
}

/// Something that forbids "proven", as it is compared with exceptions.
#[derive(Clone, Copy, Debug)]
pub enum Objection<'a> {
    /// A finding, a read failure or an unlisted log file, at an object.
    Object(ObjectionCode, &'a ObjectLocation),
    /// A finding about a chain as a whole.
    Chain(FindingCode, &'a ChainId),
    /// A folder that could not be listed, or has no digests.
    Folder(ObjectionCode, &'a str),
    /// A place in doubt.
    Place(&'a PlaceInDoubt),
    /// A stretch of time.
    Time(&'a ChainId, Segment),
}

impl AcceptedException {
    /// Returns whether the exception is about this objection, whether it has expired or not.
    pub fn is_about(&self, objection: &Objection<'_>) -> bool {
        match (*objection, &self.subject) {
            (Objection::Object(code, at), ExceptionSubject::Object(object)) => {
                self.code == code && object == at
            }
            (Objection::Object(code, at), ExceptionSubject::Folder(folder)) => {
                self.has_contents(code) && is_below(&at.key, folder)
            }
            (Objection::Folder(code, at), ExceptionSubject::Folder(folder)) => {
                self.code == code
                    && (same_folder(at, folder)
                        || (self.has_contents(code) && is_below(at, folder)))
            }
            (Objection::Place(place), ExceptionSubject::Folder(folder)) => {
                // Folders that are only counted are different ones the next time.
                let at = place.folder.as_deref().filter(|_| place.folders.is_none());
                self.code == ObjectionCode::Place(place.why)
                    && at.is_some_and(|at| same_folder(at, folder))
            }
            (Objection::Place(place), ExceptionSubject::Place { account, region, trail, home }) => {
                self.code == ObjectionCode::Place(place.why)
                    && place.folder.is_none()
                    && (home.is_none() || *home == place.home)
                    && (account, region, trail) == (&place.account, &place.region, &place.trail)
            }
            (
                Objection::Chain(code, chain),
                ExceptionSubject::Place { account, region, trail, home },
            ) => {
                self.code == ObjectionCode::Finding(code)
                    && account.as_ref() == Some(&chain.account)
                    && region.as_ref() == Some(&chain.source_region)
                    && trail.as_deref() == Some(chain.trail.as_str())
                    && is_home_of(home.as_ref(), chain)
            }
            (
                Objection::Time(chain, segment),
                ExceptionSubject::Time { account, region, trail, home, period },
            ) => {
                self.code == ObjectionCode::Time(segment.coverage)
                    && *account == chain.account
                    && region.as_ref().is_none_or(|region| *region == chain.source_region)
                    && trail.as_ref().is_none_or(|trail| *trail == chain.trail)
                    && is_home_of(home.as_ref(), chain)
                    && period.start <= segment.from
                    && segment.to <= period.end
            }
            _ => false,
        }
    }

    fn has_contents(&self, code: ObjectionCode) -> bool {
        self.code == code && code.form() == SubjectForm::ObjectOrFolder
    }
}

/// Finds exceptions by what they are about. A run may have millions of objections, so that they are
/// not compared with every exception.
#[derive(Clone, Debug, Default)]
pub struct ExceptionIndex {
    entries: Vec<AcceptedException>,
    by_subject: HashMap<IndexKey, Vec<usize>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum IndexKey {
    Object(ObjectLocation),
    Folder(String),
    Place(Option<AccountId>, Option<Region>, Option<String>),
    Time(AccountId),
}

impl ExceptionIndex {
    /// Creates the index of the exceptions about this bucket of delivery.
    pub fn new(exceptions: &AcceptedExceptions, bucket: &str) -> Self {
        let entries = exceptions.entries.clone();
        let mut by_subject: HashMap<IndexKey, Vec<usize>> = HashMap::new();
        for (at, entry) in entries.iter().enumerate() {
            if entry.bucket.as_deref().is_some_and(|of| of != bucket) {
                continue;
            }
            let key = match &entry.subject {
                ExceptionSubject::Object(object) => IndexKey::Object(object.clone()),
                ExceptionSubject::Folder(folder) => IndexKey::folder(folder),
                ExceptionSubject::Place { account, region, trail, .. } => {
                    IndexKey::Place(account.clone(), region.clone(), trail.clone())
                }
                ExceptionSubject::Time { account, .. } => IndexKey::Time(account.clone()),
            };
            by_subject.entry(key).or_default().push(at);
        }
        Self { entries, by_subject }
    }

    /// Returns the exception that an objection counts for, and whether that one accepts it: the first
    /// one about it that has not expired, or else the first one about it.
    pub fn find(&self, objection: &Objection<'_>) -> Option<(usize, bool)> {
        if self.entries.is_empty() {
            return None;
        }
        let keys = match *objection {
            Objection::Object(_, at) => {
                let folders = at.key.match_indices('/').map(|(end, _)| end);
                let folders = folders.filter_map(|end| at.key.get(..end)).map(IndexKey::folder);
                std::iter::once(IndexKey::Object(at.clone())).chain(folders).collect()
            }
            Objection::Folder(_, at) => {
                let folders = at.match_indices('/').map(|(end, _)| end).chain([at.len()]);
                folders.filter_map(|end| at.get(..end)).map(IndexKey::folder).collect()
            }
            Objection::Place(place) => match &place.folder {
                Some(folder) => vec![IndexKey::folder(folder)],
                None => vec![IndexKey::Place(
                    place.account.clone(),
                    place.region.clone(),
                    place.trail.clone(),
                )],
            },
            Objection::Chain(_, chain) => vec![IndexKey::Place(
                Some(chain.account.clone()),
                Some(chain.source_region.clone()),
                Some(chain.trail.to_string()),
            )],
            Objection::Time(chain, _) => vec![IndexKey::Time(chain.account.clone())],
        };
        let about = keys.iter().filter_map(|key| self.by_subject.get(key)).flatten();
        let about = about.filter_map(|at| Some((*at, self.entries.get(*at)?)));
        let about = about.filter(|(_, entry)| entry.is_about(objection));
        about.map(|(at, entry)| (entry.expired, at)).min().map(|(expired, at)| (at, !expired))
    }

    /// Returns the exception with this number.
    pub fn get(&self, number: usize) -> Option<&AcceptedException> {
        self.entries.get(number)
    }
}

impl IndexKey {
    fn folder(name: &str) -> Self {
        Self::Folder(name.trim_end_matches('/').to_owned())
    }
}

fn is_home_of(home: Option<&ChainHome>, chain: &ChainId) -> bool {
    home.is_none_or(|home| *home == chain.home())
}

fn same_folder(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

/// Returns whether a key is below a folder. `AWSLogs/1` is not below `AWSLogs/12`.
fn is_below(key: &str, folder: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    !folder.is_empty() && key.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn exception(code: &str, subject: ExceptionSubject) -> AcceptedException {
        AcceptedException {
            bucket: None,
            code: ObjectionCode::from_code(code).unwrap(),
            subject,
            reason: "reviewed".to_owned(),
            approved_by: "somebody".to_owned(),
            until: Timestamp::from_unix(2_000_000_000),
            expired: false,
        }
    }

    fn chain(region: &str, trail: &str) -> ChainId {
        ChainId {
            account: "111122223333".parse().unwrap(),
            source_region: region.parse().unwrap(),
            trail: trail.parse().unwrap(),
            home_region: "us-east-1".parse().unwrap(),
            organization: None,
        }
    }

    #[test]
    fn every_code_is_unique_and_parses_back() {
        let codes: Vec<ObjectionCode> = ObjectionCode::all().collect();
        let names: BTreeSet<&str> = codes.iter().map(|code| code.code()).collect();
        assert_eq!(names.len(), codes.len());
        for code in codes {
            assert_eq!(ObjectionCode::from_code(code.code()), Some(code));
        }
        assert_eq!(ObjectionCode::from_code("verified"), None);
        assert_eq!(ObjectionCode::from_code("pending"), None);
    }

    #[test]
    fn a_contradiction_is_accepted_only_for_its_code_and_object() {
        let at = ObjectLocation::new("b", "AWSLogs/1/x.json.gz");
        let missing = ObjectionCode::Finding(FindingCode::LogMissing);
        let here = exception("log-missing", ExceptionSubject::Object(at.clone()));
        assert!(here.is_about(&Objection::Object(missing, &at)));
        let changed = ObjectionCode::Finding(FindingCode::LogHashMismatch);
        assert!(!here.is_about(&Objection::Object(changed, &at)));
        for other in [ObjectLocation::new("c", at.key.as_str()), ObjectLocation::new("b", "x")] {
            assert!(!here.is_about(&Objection::Object(missing, &other)), "{other}");
        }
        let folder = exception("log-missing", ExceptionSubject::Folder("AWSLogs/1".to_owned()));
        assert!(!folder.is_about(&Objection::Object(missing, &at)));
        let gone = exception(
            "digest-delivered-then-gone",
            ExceptionSubject::Place {
                account: Some("111122223333".parse().unwrap()),
                region: Some("eu-west-1".parse().unwrap()),
                trail: Some("t".to_owned()),
                home: None,
            },
        );
        let code = FindingCode::DigestDeliveredThenGone;
        assert!(gone.is_about(&Objection::Chain(code, &chain("eu-west-1", "t"))));
        assert!(!gone.is_about(&Objection::Chain(code, &chain("eu-west-2", "t"))));
    }

    #[test]
    fn a_folder_accepts_what_could_not_be_read_below_it_and_nothing_beside_it() {
        let archived = ObjectionCode::Unread(ReadFailureKind::Archived);
        let folder = exception("archived", ExceptionSubject::Folder("AWSLogs/1/".to_owned()));
        let about = |key: &str| {
            let at = ObjectLocation::new("b", key);
            folder.is_about(&Objection::Object(archived, &at))
        };
        assert!(about("AWSLogs/1/x") && about("AWSLogs/1/2/x"));
        assert!(!about("AWSLogs/12/x") && !about("AWSLogs/1"));
        assert!(folder.is_about(&Objection::Folder(archived, "AWSLogs/1")));
        assert!(folder.is_about(&Objection::Folder(archived, "AWSLogs/1/2/")));
        assert!(!folder.is_about(&Objection::Folder(archived, "AWSLogs/")));
        let all = exception("archived", ExceptionSubject::Folder("/".to_owned()));
        assert!(!all.is_about(&Objection::Folder(archived, "AWSLogs/")));
    }

    #[test]
    fn a_stretch_is_accepted_if_the_exception_contains_all_of_it() {
        let time = Timestamp::from_unix;
        let subject = |region: Option<&str>| ExceptionSubject::Time {
            account: "111122223333".parse().unwrap(),
            region: region.map(|region| region.parse().unwrap()),
            trail: None,
            home: None,
            period: Period { start: time(100), end: time(200) },
        };
        let gap = |from, to| Segment {
            from: time(from),
            to: time(to),
            coverage: Coverage::Uncovered(Uncovered::Gap),
        };
        let here = chain("eu-west-1", "t");
        let narrow = exception("gap", subject(Some("eu-west-1")));
        assert!(narrow.is_about(&Objection::Time(&here, gap(100, 200))));
        assert!(!narrow.is_about(&Objection::Time(&here, gap(99, 200))));
        assert!(!narrow.is_about(&Objection::Time(&here, gap(100, 201))));
        let elsewhere = chain("us-east-1", "t");
        assert!(!narrow.is_about(&Objection::Time(&elsewhere, gap(100, 200))));
        let wide = exception("gap", subject(None));
        assert!(wide.is_about(&Objection::Time(&elsewhere, gap(120, 150))));
        let tail = exception("tail", subject(None));
        assert!(!tail.is_about(&Objection::Time(&here, gap(100, 200))));
    }

    #[test]
    fn the_index_finds_what_a_comparison_with_every_exception_finds() {
        let at = ObjectLocation::new("b", "AWSLogs/1/2/x");
        let archived = ObjectionCode::Unread(ReadFailureKind::Archived);
        let folder = |name: &str| ExceptionSubject::Folder(name.to_owned());
        let expired = |exception| AcceptedException { expired: true, ..exception };
        let index =
            |entries| ExceptionIndex::new(&AcceptedExceptions { sha256: [0; 32], entries }, "b");
        let object = || exception("archived", ExceptionSubject::Object(at.clone()));
        for (entries, found) in [
            (vec![], None),
            (vec![exception("archived", folder("AWSLogs/12"))], None),
            (vec![exception("denied", folder("AWSLogs"))], None),
            (vec![exception("denied", folder("AWSLogs")), object()], Some((1, true))),
            (vec![exception("archived", folder("AWSLogs/")), object()], Some((0, true))),
            (vec![expired(object()), exception("archived", folder("AWSLogs/1"))], Some((1, true))),
            (vec![expired(object()), expired(object())], Some((0, false))),
        ] {
            let shown = format!("{entries:?}");
            assert_eq!(index(entries).find(&Objection::Object(archived, &at)), found, "{shown}");
        }
        let listing = index(vec![exception("archived", folder("AWSLogs/1"))]);
        assert_eq!(listing.find(&Objection::Folder(archived, "AWSLogs/1/")), Some((0, true)));
        assert_eq!(listing.find(&Objection::Folder(archived, "AWSLogs/1/2")), Some((0, true)));
        assert_eq!(listing.find(&Objection::Folder(archived, "AWSLogs/")), None);
    }

    #[test]
    fn trails_of_one_name_with_different_homes_are_told_apart() {
        let near = chain("eu-west-1", "t");
        let far = ChainId { home_region: "eu-west-1".parse().unwrap(), ..near.clone() };
        let shared =
            ChainId { organization: Some("o-abcdefghij".parse().unwrap()), ..near.clone() };
        let (account, region) = (near.account.clone(), near.source_region.clone());
        let period = Period { start: Timestamp::from_unix(100), end: Timestamp::from_unix(200) };
        let time = |home| ExceptionSubject::Time {
            account: account.clone(),
            region: Some(region.clone()),
            trail: Some(near.trail.clone()),
            home,
            period,
        };
        let place = |home| ExceptionSubject::Place {
            account: Some(account.clone()),
            region: Some(region.clone()),
            trail: Some("t".to_owned()),
            home,
        };
        let segment = Segment {
            from: period.start,
            to: period.end,
            coverage: Coverage::Uncovered(Uncovered::Tail),
        };
        let gone = FindingCode::DigestDeliveredThenGone;
        for (chain, accepted) in [(&near, true), (&far, false), (&shared, false)] {
            let doubt = PlaceInDoubt::chain(PlaceDoubt::EndedUnexplained, chain);
            for (code, subject, objection) in [
                ("tail", time(Some(near.home())), Objection::Time(chain, segment)),
                ("ended-unexplained", place(Some(near.home())), Objection::Place(&doubt)),
                (
                    "digest-delivered-then-gone",
                    place(Some(near.home())),
                    Objection::Chain(gone, chain),
                ),
            ] {
                let only = exception(code, subject);
                assert_eq!(only.is_about(&objection), accepted, "{code}: {chain:?}");
            }
            // Without a home, an exception is about every trail of the name.
            assert!(exception("tail", time(None)).is_about(&Objection::Time(chain, segment)));
            let every = exception("ended-unexplained", place(None));
            assert!(every.is_about(&Objection::Place(&doubt)));
        }
    }

    #[test]
    fn folders_that_are_only_counted_cannot_be_accepted() {
        let folder = || ExceptionSubject::Folder("a".to_owned());
        let place = PlaceInDoubt::folder(PlaceDoubt::NotLookedAt, "a/");
        let accepts = exception("not-looked-at", folder());
        assert!(accepts.is_about(&Objection::Place(&place)));
        let counted = PlaceInDoubt { folders: Some(2), ..place };
        assert!(!accepts.is_about(&Objection::Place(&counted)));
    }

    #[test]
    fn a_place_is_accepted_only_as_it_is_named() {
        let place = PlaceInDoubt {
            why: PlaceDoubt::NamedNotFound,
            folder: None,
            folders: None,
            account: Some("111122223333".parse().unwrap()),
            region: None,
            trail: None,
            home: None,
        };
        let subject = |region: Option<&str>| ExceptionSubject::Place {
            account: Some("111122223333".parse().unwrap()),
            region: region.map(|region| region.parse().unwrap()),
            trail: None,
            home: None,
        };
        let named = exception("named-not-found", subject(None));
        assert!(named.is_about(&Objection::Place(&place)));
        let other = exception("named-not-found", subject(Some("eu-west-1")));
        assert!(!other.is_about(&Objection::Place(&place)));
        let expected = exception("expected-not-found", subject(None));
        assert!(!expected.is_about(&Objection::Place(&place)));
    }
}
