//! The plan of a run in shards: what is verified, and what its shards must know of each other.
use super::cut::{Shard, cut};
pub(crate) use super::plan_lines::KeysShape;
use super::plan_lines::{
    ChainOnLine, FolderUnread, ListedShape, PlacePlanned, PlaceShape, PlanLine, PlanStarted,
    ReadingShape, RuleShape, SCHEMA, ShardPlanned, StageShape, StoreShape, TIMES, home, id, times,
};
use crate::locate::place::Place;
use crate::report::RunReporter as _;
use crate::report::record::{Record, RecordSink};
use crate::session::reading::{Reading, ReadingRule, Store};
use crate::verify::chain::moments::{EndedIn, Moments};
use crate::verify::discover::jobs::Outside;
use crate::verify::part::Part;
use crate::verify::parts::Surveyed;
use crate::verify::plan::{Expected, VerifyPlan};
use crate::verify::resume::seam::{PreviousRecord, Seam};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use trailproof_core::bytes::content::parse_hash;
use trailproof_core::record::document::{BadRecord, RecordFile};
use trailproof_core::record::wire::{Time, Unreadable, read_event, write_json};
use trailproof_core::record::{RunEvent, RunStart, Tool};
use trailproof_core::vocab::chain_id::{ChainId, Scope, TrailFilter};
use trailproof_core::vocab::ids::{AccountId, TrailArn};
use trailproof_core::vocab::location::{ObjectLocation, excerpt};
use trailproof_core::vocab::time::Timestamp;

/// A plan.
#[derive(Debug)]
pub(crate) struct ShardPlan {
    /// What is verified. A trail's status is requested only by workers.
    pub(crate) plan: VerifyPlan,
    /// What the shards must know of each other.
    pub(crate) surveyed: Surveyed,
    /// How the evidence is read.
    pub(crate) reading: Reading,
    /// Where the public keys come from.
    pub(crate) keys: KeysShape,
    /// The trail whose status is requested.
    pub(crate) trail: Option<TrailArn>,
    /// What the shards are for.
    pub(crate) stage: Stage,
    /// The shards, in canonical order.
    pub(crate) shards: Vec<Shard>,
}

/// What the shards of a plan are for.
#[derive(Clone, Debug)]
pub(crate) enum Stage {
    /// To list their digests. The plan that is verified is made of their surveys.
    Survey {
        /// What lies outside the scope.
        outside: Outside,
        /// The number of shards of that plan, if it is limited.
        most: Option<usize>,
    },
    /// To be verified.
    Verify,
}

impl From<&Reading> for ReadingShape {
    fn from(reading: &Reading) -> Self {
        let store = |store: &Store| match store {
            Store::S3 => StoreShape::S3,
            // Workers need not run in the same folder.
            Store::Directory(path) => {
                let path = path.canonicalize().unwrap_or_else(|_| path.clone());
                StoreShape::Directory(path.to_string_lossy().into_owned())
            }
        };
        let rule = |rule: &ReadingRule| RuleShape {
            bucket: rule.bucket.clone(),
            prefix: rule.prefix.clone(),
            store: store(&rule.store),
            to_bucket: rule.to_bucket.clone(),
            to_prefix: rule.to_prefix.clone(),
            complete: rule.complete,
        };
        let below = reading.below.as_ref().map(store);
        Self { below, rules: reading.rules.iter().map(rule).collect() }
    }
}

impl From<ReadingShape> for Reading {
    fn from(shape: ReadingShape) -> Self {
        let store = |store: StoreShape| match store {
            StoreShape::S3 => Store::S3,
            StoreShape::Directory(path) => Store::Directory(PathBuf::from(path)),
        };
        let rule = |rule: RuleShape| ReadingRule {
            bucket: rule.bucket,
            prefix: rule.prefix,
            store: store(rule.store),
            to_bucket: rule.to_bucket,
            to_prefix: rule.to_prefix,
            complete: rule.complete,
        };
        Self { below: shape.below.map(store), rules: shape.rules.into_iter().map(rule).collect() }
    }
}

impl ShardPlan {
    /// Returns a plan over sources that the caller brings, cut into at most `most` shards.
    pub(crate) fn new(
        verify: &VerifyPlan,
        surveyed: Surveyed,
        stage: Stage,
        most: Option<usize>,
    ) -> Self {
        let shards = cut(&surveyed, most);
        Self {
            plan: verify.clone(),
            surveyed,
            reading: Reading { below: None, rules: Vec::new() },
            keys: KeysShape::None,
            trail: None,
            stage,
            shards,
        }
    }

    /// Writes the plan.
    ///
    /// # Errors
    ///
    /// The writer fails, or a line is longer than a reader accepts.
    pub(crate) fn write(&self, to: impl Write + Send) -> io::Result<()> {
        let mut out = Record::new(RecordSink::Plain(to), None);
        let Self { plan, surveyed, .. } = self;
        let line = |line: &PlanLine<'_>, out: &mut Record<_>| {
            out.line(|buffer| {
                write_json(&mut *buffer, line)?;
                buffer.push(b'\n');
                Ok(())
            })
        };
        line(&PlanLine::PlanStarted(Box::new(self.started())), &mut out)?;
        out.event(&RunEvent::RunStarted(Box::new(plan.start())))?;
        for event in &plan.left_open {
            out.event(event)?;
        }
        for (folder, why) in &surveyed.opening.unread {
            let unread = FolderUnread { folder: folder.clone(), read_failure: why.into() };
            line(&PlanLine::FolderUnread(unread), &mut out)?;
        }
        for part in surveyed.across.moments.intervals().chunks(TIMES) {
            line(&PlanLine::TimesSearched { times: times(part) }, &mut out)?;
        }
        for (account, region) in surveyed.across.moments.ended() {
            let (account, region) = (account.as_ref().map(ToString::to_string), region.to_string());
            line(&PlanLine::RestartsSearched { account, region }, &mut out)?;
        }
        for trail in &surveyed.across.continuing {
            line(&PlanLine::TrailContinues(trail.into()), &mut out)?;
        }
        for chain in &surveyed.across.expected {
            line(&PlanLine::ChainExpected(ChainOnLine { chain: chain.into() }), &mut out)?;
        }
        if let Stage::Survey { outside, .. } = &self.stage {
            for chain in &outside.go_on {
                line(&PlanLine::ChainOutside(ChainOnLine { chain: chain.into() }), &mut out)?;
            }
        }
        for (chain, seam) in plan.since.iter().flat_map(|since| &since.chains) {
            let seam = seam.as_ref().map(|seam| {
                let Seam { at, end, hash } = seam;
                (at.bucket.clone(), at.key.clone(), Time(*end), hex::encode(hash))
            });
            line(&PlanLine::ChainBefore { chain: chain.into(), seam }, &mut out)?;
        }
        for place in &surveyed.places.places {
            line(&PlanLine::PlacePlanned(Box::new(self.place(place))), &mut out)?;
        }
        for folder in &surveyed.passed_over {
            line(&PlanLine::EntrySkipped { folder: folder.clone() }, &mut out)?;
        }
        for (shard, planned) in (0..).zip(&self.shards) {
            line(&PlanLine::ShardPlanned(planned.on_line(shard)), &mut out)?;
        }
        out.end();
        out.finish()
    }

    fn started(&self) -> PlanStarted<'_> {
        let Self { plan, surveyed, .. } = self;
        let Tool { version, build, .. } = Tool::this();
        let (stage, outside_unknown) = match &self.stage {
            Stage::Survey { outside, most } => {
                let most = most.map(|most| u64::try_from(most).unwrap_or(u64::MAX));
                (StageShape::Survey { most }, &outside.unknown)
            }
            Stage::Verify => (StageShape::Verify, &surveyed.across.outside_unknown),
        };
        PlanStarted {
            schema: SCHEMA,
            version,
            build,
            stage,
            now: Time(plan.now),
            bucket: plan.bucket.clone(),
            roots: plan.roots.clone(),
            reading: (&self.reading).into(),
            keys: self.keys.clone(),
            trail_arn: self.trail.as_ref().map(ToString::to_string),
            status_prefix: surveyed.status_prefix.clone(),
            status_not_asked: surveyed.opening.status_not_asked.as_ref().map(Into::into),
            outside_unknown: outside_unknown.as_ref().map(Into::into),
            expected_over: surveyed.across.over.as_ref().map(Into::into),
            shards: u64::try_from(self.shards.len()).unwrap_or(u64::MAX),
        }
    }

    fn place(&self, place: &Place) -> PlacePlanned<'_> {
        let surveyed = &self.surveyed;
        let at = (place.account.clone(), place.region.clone());
        let listed = surveyed.listed.get(&at);
        PlacePlanned {
            place: place.into(),
            digests: !surveyed.places.without_digests.contains(place),
            log_folders: surveyed.places.log_folders.get(place).cloned().unwrap_or_default(),
            read_failure: surveyed.unreadable.get(place).map(Into::into),
            listed: listed.map(|ends| ListedShape::of(ends, place)).unwrap_or_default(),
        }
    }

    /// Reads a plan to its end. Returns it with the SHA-256 of its lines.
    ///
    /// # Errors
    ///
    /// The plan cannot be read or was cut short, a line is invalid, or a different version of the
    /// program made it.
    pub(crate) fn read(mut file: RecordFile) -> Result<(Self, String), BadRecord> {
        let mut reading: Option<PlanReader> = None;
        while let Some(name) = file.next_name()? {
            let number = file.number();
            let wrong = |what| BadRecord::Line { number, what };
            let text = std::str::from_utf8(file.bytes()).unwrap_or_default();
            match &mut reading {
                None => reading = Some(PlanReader::begin(text).map_err(wrong)?),
                Some(reader) => reader.take(&name, text).map_err(wrong)?,
            }
        }
        let sha256 = file.sha256().unwrap_or_default().to_owned();
        let last = file.number();
        let plan = reading.ok_or_else(|| BadRecord::line(last, "the plan holds nothing"))?;
        let plan = plan.finish().map_err(|what| BadRecord::Line { number: last, what })?;
        Ok((plan, sha256))
    }
}

impl Shard {
    fn on_line(&self, shard: u64) -> ShardPlanned {
        let from = self.part.from.as_ref();
        ShardPlanned {
            shard,
            from: from.map(|(account, region)| (account.to_string(), region.to_string())),
            digests: self.digests,
            accounts: self.accounts.iter().map(ToString::to_string).collect(),
            roots: self.roots,
        }
    }
}

/// A plan that is being read.
struct PlanReader {
    started: Started,
    start: Option<RunStart>,
    left_open: Vec<RunEvent>,
    surveyed: Surveyed,
    times: Vec<(Timestamp, Timestamp)>,
    ended: Vec<EndedIn>,
    before: BTreeMap<ChainId, Option<Seam>>,
    stage: Stage,
    shards: Vec<Shard>,
}

/// What the first line of a plan holds beside what goes elsewhere at once.
struct Started {
    now: Time,
    bucket: String,
    roots: Vec<String>,
    reading: Reading,
    keys: KeysShape,
    trail: Option<TrailArn>,
    shards: u64,
}

impl PlanReader {
    fn begin(text: &str) -> Result<Self, Unreadable> {
        let PlanLine::PlanStarted(line) = serde_json::from_str(text)? else {
            return Err(Unreadable::new("`plan-started` must be the first line"));
        };
        let own = Tool::this();
        if line.schema != SCHEMA || line.version != own.version || line.build != own.build {
            let version = excerpt(&line.version, 40);
            return Err(Unreadable::new(format!(
                "trailproof {version} made the plan, and this is {}: plan, workers and merge must be \
                 of one version and build",
                own.version
            )));
        }
        let mut surveyed = Surveyed { status_prefix: line.status_prefix, ..Surveyed::default() };
        surveyed.opening.status_not_asked =
            line.status_not_asked.map(TryInto::try_into).transpose()?;
        let unknown = line.outside_unknown.map(TryInto::try_into).transpose()?;
        let stage = match line.stage {
            StageShape::Verify => {
                surveyed.across.outside_unknown = unknown;
                Stage::Verify
            }
            StageShape::Survey { most } => Stage::Survey {
                outside: Outside { go_on: BTreeSet::new(), unknown },
                most: most.map(|most| usize::try_from(most).unwrap_or(usize::MAX)),
            },
        };
        surveyed.across.over = line.expected_over.map(TryInto::try_into).transpose()?;
        let trail = line.trail_arn.map(|arn| id("plan-started", "trail_arn", &arn));
        Ok(Self {
            started: Started {
                now: line.now,
                bucket: line.bucket,
                roots: line.roots,
                reading: line.reading.into(),
                keys: line.keys,
                trail: trail.transpose()?,
                shards: line.shards,
            },
            start: None,
            left_open: Vec::new(),
            surveyed,
            times: Vec::new(),
            ended: Vec::new(),
            before: BTreeMap::new(),
            stage,
            shards: Vec::new(),
        })
    }

    fn take(&mut self, name: &str, text: &str) -> Result<(), Unreadable> {
        if let "run-started" | "listing-unread" | "place-in-doubt" = name {
            match read_event(text)? {
                Some(RunEvent::RunStarted(start)) => self.start = Some(*start),
                Some(event) => self.left_open.push(event),
                None => {}
            }
            return Ok(());
        }
        match serde_json::from_str::<PlanLine<'_>>(text)? {
            PlanLine::PlanStarted(_) => {
                return Err(Unreadable::new("`plan-started` must appear only once"));
            }
            PlanLine::FolderUnread(FolderUnread { folder, read_failure }) => {
                self.surveyed.opening.unread.push((folder, read_failure.try_into()?));
            }
            PlanLine::TimesSearched { times } => {
                self.times.extend(times.into_iter().map(|(from, to)| (from.0, to.0)));
            }
            PlanLine::RestartsSearched { account, region } => {
                self.ended.push(home(account, &region)?);
            }
            PlanLine::TrailContinues(trail) => {
                self.surveyed.across.continuing.insert(trail.try_into()?);
            }
            PlanLine::ChainExpected(line) => {
                self.surveyed.across.expected.insert(line.chain.try_into()?);
            }
            PlanLine::ChainOutside(line) => match &mut self.stage {
                Stage::Survey { outside, .. } => {
                    outside.go_on.insert(line.chain.try_into()?);
                }
                Stage::Verify => {
                    let words = "`chain-outside` in a plan whose shards are not surveyed";
                    return Err(Unreadable::new(words));
                }
            },
            PlanLine::ChainBefore { chain, seam } => {
                let seam = match seam {
                    Some((bucket, key, end, hash)) => {
                        let hash = parse_hash(&hash)
                            .ok_or_else(|| Unreadable::value("chain-before", "seam"))?;
                        Some(Seam { at: ObjectLocation::new(bucket, key), end: end.0, hash })
                    }
                    None => None,
                };
                self.before.insert(chain.try_into()?, seam);
            }
            PlanLine::PlacePlanned(line) => self.place(*line)?,
            PlanLine::EntrySkipped { folder } => {
                self.surveyed.passed_over.insert(folder);
            }
            PlanLine::ShardPlanned(line) => self.shard(&line)?,
        }
        Ok(())
    }

    fn place(&mut self, line: PlacePlanned<'_>) -> Result<(), Unreadable> {
        let place: Place = PlaceShape::try_into(line.place)?;
        let surveyed = &mut self.surveyed;
        if !line.log_folders.is_empty() {
            surveyed.places.log_folders.insert(place.clone(), line.log_folders);
        }
        if !line.digests {
            surveyed.places.without_digests.insert(place.clone());
        }
        if let Some(why) = line.read_failure {
            surveyed.unreadable.insert(place.clone(), why.try_into()?);
        }
        let at = (place.account.clone(), place.region.clone());
        let listed = surveyed.listed.entry(at).or_default();
        for shape in line.listed {
            let (key, kind, runs) = shape.read(&place)?;
            listed.add(key, kind, runs);
        }
        surveyed.places.places.insert(place);
        Ok(())
    }

    fn shard(&mut self, line: &ShardPlanned) -> Result<(), Unreadable> {
        let number = u64::try_from(self.shards.len()).unwrap_or(u64::MAX);
        let from = line.begins()?;
        let in_order = match (self.shards.last(), &from) {
            (None, None) => true,
            (Some(last), Some(from)) => last.part.from.as_ref().is_none_or(|last| last < from),
            _ => false,
        };
        if line.shard != number || !in_order {
            return Err(Unreadable::new("the shard is not where its number and its place sort"));
        }
        if let Some(last) = self.shards.last_mut() {
            last.part.to.clone_from(&from);
        }
        let accounts = line.accounts.iter().map(|text| id("shard-planned", "accounts", text));
        self.shards.push(Shard {
            part: Part { from, to: None },
            digests: line.digests,
            accounts: accounts.collect::<Result<_, _>>()?,
            roots: line.roots,
        });
        Ok(())
    }

    fn finish(mut self) -> Result<ShardPlan, Unreadable> {
        let start = self.start.ok_or_else(|| Unreadable::new("the plan has no `run-started`"))?;
        if u64::try_from(self.shards.len()).ok() != Some(self.started.shards) {
            return Err(Unreadable::new("the plan has not as many shards as it states"));
        }
        let mut moments = self.times.into_iter().collect::<Moments>();
        self.ended.into_iter().for_each(|home| moments.ended_in(home));
        self.surveyed.across.moments = moments;
        let mut plan = planned(&start, self.started.bucket, self.started.roots)?;
        plan.now = self.started.now.0;
        plan.left_open = self.left_open;
        plan.since =
            start.follows.map(|follows| Arc::new(PreviousRecord::of(follows, self.before)));
        Ok(ShardPlan {
            plan,
            surveyed: self.surveyed,
            reading: self.started.reading,
            keys: self.started.keys,
            trail: self.started.trail,
            stage: self.stage,
            shards: self.shards,
        })
    }
}

/// Returns what the first event of a run describes.
fn planned(start: &RunStart, bucket: String, roots: Vec<String>) -> Result<VerifyPlan, Unreadable> {
    let of = "run-started";
    let trail = |text: &String| match text.starts_with("arn:") {
        true => id(of, "trails", text).map(TrailFilter::Arn),
        false => id(of, "trails", text).map(TrailFilter::Name),
    };
    let organization = start.organization.as_ref().map(|text| match text.as_str() {
        "" => Ok(None),
        text => id(of, "organization", text).map(Some),
    });
    let accounts = |texts: &[String], field: &str| -> Result<Vec<AccountId>, Unreadable> {
        texts.iter().map(|text| id(of, field, text)).collect()
    };
    let regions = |texts: &[String], field: &str| -> Result<Vec<_>, Unreadable> {
        texts.iter().map(|text| id(of, field, text)).collect()
    };
    let scope = Scope {
        trails: start.trails.iter().map(trail).collect::<Result<_, _>>()?,
        accounts: accounts(&start.accounts, "accounts")?,
        regions: regions(&start.regions, "regions")?,
        organization: organization.transpose()?,
    };
    let expected_accounts = start.expected_accounts.as_deref();
    let expected_regions = start.expected_regions.as_deref();
    Ok(VerifyPlan {
        place: start.place.clone(),
        roots,
        scope,
        end_was_future: start.end_was_future,
        unlisted: start.unlisted,
        accepted: start.accepted.clone(),
        complete_copy: start.complete_copy,
        expected: Expected {
            accounts: expected_accounts
                .map(|texts| accounts(texts, "expected_accounts"))
                .transpose()?,
            regions: expected_regions
                .map(|texts| regions(texts, "expected_regions"))
                .transpose()?,
            known_ends: start.known_ends.clone(),
            names: start
                .account_names
                .iter()
                .map(|(account, name)| Ok((id(of, "account_names", account)?, name.clone())))
                .collect::<Result<_, Unreadable>>()?,
        },
        ..VerifyPlan::new(&bucket, start.period, start.period.end)
    })
}
