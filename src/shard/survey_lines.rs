//! The lines of a survey: what one shard lists of its digests.
use super::plan_lines::{FolderUnread, ListedShape, PlaceShape, SCHEMA, TIMES, times};
use super::shard_lines::{chains, ids};
use crate::locate::place::Place;
use crate::verify::chain::moments::Moments;
use crate::verify::part::Part;
use crate::verify::parts::{PartSurvey, Surveyed};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io;
use trailproof_core::record::Tool;
use trailproof_core::record::wire::{ChainShape, FailureShape, Time, Unreadable};
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::time::Timestamp;

/// A line of a survey.
#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum SurveyLine<'a> {
    SurveyStarted(SurveyStarted),
    /// A folder that could not be listed.
    #[serde(borrow)]
    FolderUnread(FolderUnread<'a>),
    /// Times around which chains of the shard begin and end.
    TimesSearched {
        times: Vec<(Time, Time)>,
    },
    /// A chain in scope.
    #[serde(borrow)]
    ChainFound(ChainFound<'a>),
    /// One region of one account below a root.
    #[serde(borrow)]
    PlaceListed(Box<PlaceListed<'a>>),
    /// An entry of a directory that was skipped.
    EntrySkipped {
        folder: String,
    },
}

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SurveyStarted {
    pub(crate) schema: u32,
    pub(crate) version: String,
    pub(crate) build: Option<String>,
    /// SHA-256 of the plan's lines.
    pub(crate) plan_sha256: String,
    pub(crate) shard: u64,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ChainFound<'a> {
    #[serde(borrow)]
    chain: ChainShape<'a>,
    /// Whether it has digests of the period.
    present: bool,
    /// If it has none: other paths of its trail, and the end of its newest digest before the period.
    #[serde(borrow)]
    older: Option<(Vec<ChainShape<'a>>, Time)>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct PlaceListed<'a> {
    place: PlaceShape,
    /// Whether it has log files of the period, and no digest of it.
    logs_alone: bool,
    #[serde(borrow)]
    read_failure: Option<FailureShape<'a>>,
    listed: Vec<ListedShape>,
}

impl SurveyStarted {
    pub(crate) fn new(plan_sha256: &str, shard: u64) -> Self {
        let Tool { version, build, .. } = Tool::this();
        Self { schema: SCHEMA, version, build, plan_sha256: plan_sha256.to_owned(), shard }
    }
}

/// Passes the lines of a survey of `part` to `line`, without the first.
pub(crate) fn write_survey(
    survey: &PartSurvey,
    (surveyed, part): (&Surveyed, &Part),
    mut line: impl FnMut(&SurveyLine<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let PartSurvey { contribution, listed, unread, unreadable, passed_over } = survey;
    for (folder, why) in unread {
        let read_failure = FailureShape::from(why);
        line(&SurveyLine::FolderUnread(FolderUnread { folder: folder.clone(), read_failure }))?;
    }
    for part in contribution.moments.intervals().chunks(TIMES) {
        line(&SurveyLine::TimesSearched { times: times(part) })?;
    }
    for chain in &contribution.found {
        let older = contribution.older.get(chain);
        line(&SurveyLine::ChainFound(ChainFound {
            chain: chain.into(),
            present: contribution.present.contains(chain),
            older: older.map(|(also, last)| (chains(also), Time(*last))),
        }))?;
    }
    for place in places_of(surveyed, part) {
        let at = (place.account.clone(), place.region.clone());
        line(&SurveyLine::PlaceListed(Box::new(PlaceListed {
            place: place.into(),
            logs_alone: contribution.with_logs.contains(place),
            read_failure: unreadable.get(place).map(Into::into),
            listed: listed.get(&at).map(|ends| ListedShape::of(ends, place)).unwrap_or_default(),
        })))?;
    }
    for folder in passed_over {
        line(&SurveyLine::EntrySkipped { folder: folder.clone() })?;
    }
    Ok(())
}

fn places_of<'s>(surveyed: &'s Surveyed, part: &'s Part) -> impl Iterator<Item = &'s Place> {
    let places = surveyed.places.places.iter();
    places.filter(|place| part.has(&place.account, &place.region))
}

/// Collects the survey of a part from its lines.
pub(crate) struct SurveyReader<'p> {
    part: &'p Part,
    survey: PartSurvey,
    times: Vec<(Timestamp, Timestamp)>,
    /// Places of the part that were not listed yet.
    left: BTreeSet<&'p Place>,
}

impl<'p> SurveyReader<'p> {
    /// Returns a reader of the survey of `part`.
    pub(crate) fn new(surveyed: &'p Surveyed, part: &'p Part) -> Self {
        let left = places_of(surveyed, part).collect();
        Self { part, survey: PartSurvey::default(), times: Vec::new(), left }
    }

    /// Takes a line.
    ///
    /// # Errors
    ///
    /// A value is invalid or is not about the part.
    pub(crate) fn take(&mut self, line: SurveyLine<'_>) -> Result<(), Unreadable> {
        match line {
            SurveyLine::SurveyStarted(_) => {
                return Err(Unreadable::new("`survey-started` must be the first line"));
            }
            SurveyLine::FolderUnread(FolderUnread { folder, read_failure }) => {
                self.survey.unread.push((folder, read_failure.try_into()?));
            }
            SurveyLine::TimesSearched { times } => {
                self.times.extend(times.into_iter().map(|(from, to)| (from.0, to.0)));
            }
            SurveyLine::ChainFound(found) => self.chain(found)?,
            SurveyLine::PlaceListed(listed) => self.place(*listed)?,
            SurveyLine::EntrySkipped { folder } => {
                self.survey.passed_over.insert(folder);
            }
        }
        Ok(())
    }

    fn chain(&mut self, found: ChainFound<'_>) -> Result<(), Unreadable> {
        let chain: ChainId = found.chain.try_into()?;
        if !self.part.has_chain(&chain) {
            return Err(Unreadable::new(format!("the chain {chain} is not in this shard")));
        }
        let seen = &mut self.survey.contribution;
        if found.present {
            seen.present.insert(chain.clone());
        }
        if let Some((also, last)) = found.older {
            seen.older.insert(chain.clone(), (ids(also)?, last.0));
        }
        seen.found.insert(chain);
        Ok(())
    }

    fn place(&mut self, line: PlaceListed<'_>) -> Result<(), Unreadable> {
        let place: Place = line.place.try_into()?;
        if !self.left.remove(&place) {
            let words = "the place is not in this shard, or was listed twice";
            return Err(Unreadable::new(words));
        }
        if line.logs_alone {
            self.survey.contribution.with_logs.insert(place.clone());
        }
        let at = (place.account.clone(), place.region.clone());
        let ends = self.survey.listed.entry(at).or_default();
        for shape in line.listed {
            let (key, kind, runs) = shape.read(&place)?;
            ends.add(key, kind, runs);
        }
        if let Some(why) = line.read_failure {
            self.survey.unreadable.insert(place, why.try_into()?);
        }
        Ok(())
    }

    /// Returns the survey.
    ///
    /// # Errors
    ///
    /// A place of the part was not listed.
    pub(crate) fn finish(mut self) -> Result<PartSurvey, Unreadable> {
        if let Some(place) = self.left.first() {
            let folder = place.digest_folder();
            return Err(Unreadable::new(format!("it does not list the place of `{folder}`")));
        }
        self.survey.contribution.moments = self.times.into_iter().collect::<Moments>();
        Ok(self.survey)
    }
}
