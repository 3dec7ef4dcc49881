//! The lines that only the record of a shard has. Its other lines are those of the run record.
use super::plan_lines::{PlaceShape, id};
use crate::locate::place::Place;
use crate::verify::after_chains::{AfterChains, GapsOf};
use crate::verify::discover::ends::Ended;
use crate::verify::discover::places::PlaceAnswer;
use crate::verify::other_places::OtherPlaces;
use crate::verify::unlisted::found::{BesideRegions, Entry, Results, Stray};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use trailproof_core::bytes::content::parse_hash;
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::codes::unlisted::{SetAside, UnlistedReason};
use trailproof_core::coverage::Segment;
use trailproof_core::record::wire::{
    CauseShape, ChainShape, FailureShape, KeyNameShape, SegmentShape, Time, Unreadable,
};
use trailproof_core::trail_event::KeyName;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::ids::AccountId;
use trailproof_core::vocab::location::ObjectLocation;

/// A line of a shard record.
#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum ShardLine<'a> {
    ShardStarted(ShardStarted),
    /// A digest that only one of the plan's and the shard's listings has.
    DigestChanged {
        key: String,
        /// Whether the plan has it: what disappeared in between is not proven by what is left.
        gone: bool,
    },
    /// An event that may explain a gap.
    #[serde(borrow)]
    KeptEvent(Box<CauseShape<'a>>),
    /// Stretches of a chain that no digest covers, and what may be related to them.
    #[serde(borrow)]
    ChainGaps(Box<ChainGaps<'a>>),
    /// A chain without a digest in the period.
    #[serde(borrow)]
    ChainEnded(Box<ChainEnded<'a>>),
    /// A place outside the location that holds proven digests.
    OtherPlace {
        place: String,
    },
    /// The answer for a place.
    #[serde(borrow)]
    PlaceAnswered(Box<PlaceAnswered<'a>>),
    /// An object that no verified digest names.
    ObjectUnnamed(Box<ObjectUnnamed>),
    /// Why the objects of a folder may be incomplete.
    #[serde(borrow)]
    FolderInDoubt(FolderInDoubt<'a>),
    /// Objects that no reader treats as data.
    ObjectsSetAside {
        level: Level,
        why: String,
        count: u64,
    },
    /// A log file that a verified digest names outside the folders of its region.
    NamedElsewhere {
        account: String,
        bucket: String,
        key: String,
    },
    /// An entry of a directory that was skipped.
    EntrySkipped {
        folder: String,
    },
    ShardFinished(ShardFinished),
}

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ShardStarted {
    pub(crate) schema: u32,
    pub(crate) version: String,
    pub(crate) build: Option<String>,
    /// SHA-256 of the plan's lines.
    pub(crate) plan_sha256: String,
    pub(crate) shard: u64,
    pub(crate) chains: u64,
    pub(crate) digests: u64,
    pub(crate) trails_left_out: Vec<String>,
    /// The SHA-256 of each hash ledger that was used: what its log files contain is what it states.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) ledgers: Vec<String>,
}

/// The last line about the shard.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ShardFinished {
    pub(crate) passed_over: u64,
    pub(crate) more_other_places: bool,
    pub(crate) any_covered: bool,
}

/// The level of the folders that a search is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Level {
    /// Folders of regions.
    Region,
    /// What lies beside the verified days of this account.
    Account(String),
    /// What lies beside the accounts.
    Root,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ChainGaps<'a> {
    #[serde(borrow)]
    chain: ChainShape<'a>,
    #[serde(borrow)]
    also: Vec<ChainShape<'a>>,
    folders: Vec<String>,
    #[serde(borrow)]
    kms_keys: Vec<KeyNameShape<'a>>,
    #[serde(borrow)]
    gaps: Vec<SegmentShape<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ChainEnded<'a> {
    #[serde(borrow)]
    chain: ChainShape<'a>,
    #[serde(borrow)]
    also: Vec<ChainShape<'a>>,
    folders: Vec<String>,
    #[serde(borrow)]
    kms_keys: Vec<KeyNameShape<'a>>,
    last: Time,
    proven: bool,
    counts: bool,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct PlaceAnswered<'a> {
    place: PlaceShape,
    answer: Cow<'a, str>,
    folder: Option<String>,
    reason: Option<String>,
    #[serde(borrow)]
    read_failure: Option<FailureShape<'a>>,
    #[serde(borrow)]
    chains: Vec<ChainShape<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ObjectUnnamed {
    level: Level,
    folder: String,
    key: String,
    last_modified: Option<Time>,
    reason: Option<String>,
    copy_of_sha256: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct FolderInDoubt<'a> {
    level: Level,
    folder: String,
    #[serde(borrow)]
    read_failure: FailureShape<'a>,
}

pub(super) fn chains<'a>(ids: impl IntoIterator<Item = &'a ChainId>) -> Vec<ChainShape<'a>> {
    ids.into_iter().map(Into::into).collect()
}

pub(super) fn ids(shapes: Vec<ChainShape<'_>>) -> Result<Vec<ChainId>, Unreadable> {
    shapes.into_iter().map(TryInto::try_into).collect()
}

fn keys<'a>(keys: impl IntoIterator<Item = &'a KeyName>) -> Vec<KeyNameShape<'a>> {
    keys.into_iter().map(Into::into).collect()
}

/// Passes the lines of everything that the shard knows at its end to `line`.
///
/// # Errors
///
/// `line` failed.
pub(crate) fn write_after<E>(
    after: AfterChains,
    mut line: impl FnMut(&ShardLine<'_>) -> Result<(), E>,
) -> Result<(), E> {
    for cause in after.causes.iter() {
        line(&ShardLine::KeptEvent(Box::new(cause.into())))?;
    }
    for GapsOf { chain, also, folders, kms_keys, gaps } in &after.gaps {
        line(&ShardLine::ChainGaps(Box::new(ChainGaps {
            chain: chain.into(),
            also: chains(also),
            folders: folders.clone(),
            kms_keys: keys(kms_keys),
            gaps: gaps.iter().map(Into::into).collect(),
        })))?;
    }
    for Ended { chain, also, folders, kms_keys, last, proven, counts } in &after.ended {
        line(&ShardLine::ChainEnded(Box::new(ChainEnded {
            chain: chain.into(),
            also: chains(also),
            folders: folders.clone(),
            kms_keys: keys(kms_keys),
            last: Time(*last),
            proven: *proven,
            counts: *counts,
        })))?;
    }
    let (other_places, more_other_places) = after.other_places.first();
    for place in other_places {
        line(&ShardLine::OtherPlace { place: place.clone() })?;
    }
    for (place, answer) in &after.answers {
        line(&ShardLine::PlaceAnswered(Box::new(answered(place, answer))))?;
    }
    let mut any_covered = false;
    if let Some(unlisted) = after.unlisted {
        any_covered = unlisted.any_covered;
        write_results(Level::Region, unlisted.results, &mut line)?;
        for (account, beside) in unlisted.accounts {
            let BesideRegions { elsewhere, results } = beside;
            let account = account.to_string();
            for ObjectLocation { bucket, key } in elsewhere {
                line(&ShardLine::NamedElsewhere { account: account.clone(), bucket, key })?;
            }
            write_results(Level::Account(account), results, &mut line)?;
        }
        write_results(Level::Root, unlisted.beside, &mut line)?;
    }
    for folder in after.passed_over {
        line(&ShardLine::EntrySkipped { folder })?;
    }
    line(&ShardLine::ShardFinished(ShardFinished {
        passed_over: after.tally.passed_over,
        more_other_places,
        any_covered,
    }))
}

fn answered<'a>(place: &Place, answer: &'a PlaceAnswer) -> PlaceAnswered<'a> {
    let mut line = PlaceAnswered {
        place: place.into(),
        answer: "".into(),
        folder: None,
        reason: None,
        read_failure: None,
        chains: Vec::new(),
    };
    line.answer = match answer {
        PlaceAnswer::Covered => "covered",
        PlaceAnswer::LeftOut => "left-out",
        PlaceAnswer::Empty => "empty",
        PlaceAnswer::Doubtful => "doubtful",
        PlaceAnswer::Logs(folder, reason) => {
            line.folder = Some(folder.clone());
            line.reason = Some(reason.code().to_owned());
            "logs"
        }
        PlaceAnswer::Unknown(folder, why) => {
            line.folder = Some(folder.clone());
            line.read_failure = Some(FailureShape::from(why).reproducible());
            "unknown"
        }
        PlaceAnswer::Unreadable(folder) => {
            line.folder = Some(folder.clone());
            "unreadable"
        }
        PlaceAnswer::Ended(ended) => {
            line.chains = chains(ended);
            "ended"
        }
    }
    .into();
    line
}

impl PlaceAnswered<'_> {
    /// Returns the place and the answer.
    pub(crate) fn read(self) -> Result<(Place, PlaceAnswer), Unreadable> {
        let absent = |field| move || Unreadable::value("place-answered", field);
        let folder = self.folder.ok_or_else(absent("folder"));
        let answer = match &*self.answer {
            "covered" => PlaceAnswer::Covered,
            "left-out" => PlaceAnswer::LeftOut,
            "empty" => PlaceAnswer::Empty,
            "doubtful" => PlaceAnswer::Doubtful,
            "logs" => {
                let reason = self.reason.ok_or_else(absent("reason"))?;
                let reason = id::<UnlistedReason>("place-answered", "reason", &reason)?;
                PlaceAnswer::Logs(folder?, reason)
            }
            "unknown" => {
                let why = self.read_failure.ok_or_else(absent("read_failure"))?;
                PlaceAnswer::Unknown(folder?, why.try_into()?)
            }
            "unreadable" => PlaceAnswer::Unreadable(folder?),
            "ended" => PlaceAnswer::Ended(ids(self.chains)?.into_iter().collect()),
            _ => return Err(Unreadable::value("place-answered", "answer")),
        };
        Ok((self.place.try_into()?, answer))
    }
}

fn write_results<E>(
    level: Level,
    results: Results,
    line: &mut impl FnMut(&ShardLine<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let (strays, doubts, set_aside) = results.into_parts();
    for (key, Entry { folder, stray }) in strays {
        let mut unnamed = ObjectUnnamed {
            level: level.clone(),
            folder: folder.to_string(),
            key,
            last_modified: None,
            reason: None,
            copy_of_sha256: None,
        };
        match stray {
            Stray::Unlisted { last_modified, reason } => {
                unnamed.last_modified = last_modified.map(Time);
                unnamed.reason = Some(reason.code().to_owned());
            }
            Stray::CopyOf(hash) => unnamed.copy_of_sha256 = Some(hex::encode(hash)),
        }
        line(&ShardLine::ObjectUnnamed(Box::new(unnamed)))?;
    }
    for (folder, why) in doubts {
        let read_failure = FailureShape::from(&why).reproducible();
        line(&ShardLine::FolderInDoubt(FolderInDoubt {
            level: level.clone(),
            folder,
            read_failure,
        }))?;
    }
    for (why, count) in set_aside {
        let (level, why) = (level.clone(), why.code().to_owned());
        line(&ShardLine::ObjectsSetAside { level, why, count })?;
    }
    Ok(())
}

/// Collects what a shard knew at its end from its lines.
#[derive(Debug)]
pub(crate) struct ReadAfter {
    pub(crate) after: AfterChains,
    other_places: Vec<String>,
    pub(crate) changed: Vec<String>,
    pub(crate) finished: bool,
}

impl ReadAfter {
    /// Returns a collection into `after`, which knows nothing yet.
    pub(crate) fn new(after: AfterChains) -> Self {
        Self { after, other_places: Vec::new(), changed: Vec::new(), finished: false }
    }

    /// Takes a line.
    ///
    /// # Errors
    ///
    /// Returns an error if a value is invalid, or if the line cannot be there.
    pub(crate) fn take(&mut self, line: ShardLine<'_>) -> Result<(), Unreadable> {
        if self.finished {
            return Err(Unreadable::new("a line after `shard-finished`"));
        }
        match line {
            ShardLine::ShardStarted(_) => {
                return Err(Unreadable::new("`shard-started` must be the first line"));
            }
            ShardLine::DigestChanged { key, gone } => {
                if gone {
                    let day = key.rsplit_once('/').map_or("", |(folder, _)| folder);
                    self.after.digests_gone.insert(format!("{day}/"));
                }
                self.changed.push(key);
            }
            ShardLine::KeptEvent(cause) => self.after.causes.take((*cause).try_into()?),
            ShardLine::ChainGaps(gaps) => {
                let gaps = *gaps;
                let segments: Result<Vec<Segment>, _> =
                    gaps.gaps.into_iter().map(TryInto::try_into).collect();
                self.after.gaps.push(GapsOf {
                    chain: gaps.chain.try_into()?,
                    also: ids(gaps.also)?,
                    folders: gaps.folders,
                    kms_keys: gaps.kms_keys.into_iter().map(Into::into).collect(),
                    gaps: segments?,
                });
            }
            ShardLine::ChainEnded(ended) => {
                let ended = *ended;
                self.after.ended.push(Ended {
                    chain: ended.chain.try_into()?,
                    also: ids(ended.also)?,
                    folders: ended.folders,
                    kms_keys: ended.kms_keys.into_iter().map(Into::into).collect(),
                    last: ended.last.0,
                    proven: ended.proven,
                    counts: ended.counts,
                });
            }
            ShardLine::OtherPlace { place } => self.other_places.push(place),
            ShardLine::PlaceAnswered(answered) => {
                let (place, answer) = answered.read()?;
                self.after.answers.insert(place, answer);
            }
            ShardLine::ObjectUnnamed(unnamed) => {
                let ObjectUnnamed { level, folder, key, .. } = *unnamed;
                let stray = stray(unnamed.last_modified, unnamed.reason, unnamed.copy_of_sha256)?;
                let folder: Arc<str> = folder.into();
                self.results(&level)?.take([(key, Entry { folder, stray })]);
            }
            ShardLine::FolderInDoubt(FolderInDoubt { level, folder, read_failure }) => {
                let why: ReadFailure = read_failure.try_into()?;
                self.results(&level)?.doubt(&folder, why);
            }
            ShardLine::ObjectsSetAside { level, why, count } => {
                let why: SetAside = id("objects-set-aside", "why", &why)?;
                self.results(&level)?.add_set_aside(why, count);
            }
            ShardLine::NamedElsewhere { account, bucket, key } => {
                let at = ObjectLocation::new(bucket, key);
                self.account("named-elsewhere", &account)?.elsewhere.insert(at);
            }
            ShardLine::EntrySkipped { folder } => {
                self.after.passed_over.insert(folder);
            }
            ShardLine::ShardFinished(finished) => {
                self.finished = true;
                self.after.tally.passed_over = finished.passed_over;
                let first = std::mem::take(&mut self.other_places);
                self.after.other_places = OtherPlaces::of(first, finished.more_other_places);
                if let Some(unlisted) = &mut self.after.unlisted {
                    unlisted.any_covered = finished.any_covered;
                }
            }
        }
        Ok(())
    }

    fn accounts(&mut self) -> Result<&mut BTreeMap<AccountId, BesideRegions>, Unreadable> {
        let unlisted = self.after.unlisted.as_mut();
        let unlisted = unlisted
            .ok_or_else(|| Unreadable::new("the plan switched the search for log files off"))?;
        Ok(&mut unlisted.accounts)
    }

    fn account(&mut self, of: &str, account: &str) -> Result<&mut BesideRegions, Unreadable> {
        let account = id(of, "account", account)?;
        Ok(self.accounts()?.entry(account).or_default())
    }

    fn results(&mut self, level: &Level) -> Result<&mut Results, Unreadable> {
        if let Level::Account(account) = level {
            return Ok(&mut self.account("level", account)?.results);
        }
        self.accounts()?;
        match (&mut self.after.unlisted, level) {
            (Some(unlisted), Level::Root) => Ok(&mut unlisted.beside),
            (Some(unlisted), _) => Ok(&mut unlisted.results),
            (None, _) => Err(Unreadable::value("level", "level")),
        }
    }
}

fn stray(
    last_modified: Option<Time>,
    reason: Option<String>,
    copy_of: Option<String>,
) -> Result<Stray, Unreadable> {
    let of = "object-unnamed";
    if let Some(hash) = copy_of {
        let hash = parse_hash(&hash).ok_or_else(|| Unreadable::value(of, "copy_of_sha256"))?;
        return Ok(Stray::CopyOf(hash));
    }
    let reason = id(of, "reason", reason.as_deref().unwrap_or_default())?;
    Ok(Stray::Unlisted { last_modified: last_modified.map(|at| at.0), reason })
}
