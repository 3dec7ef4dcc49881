//! Consistency of a record's lines: their order, and that counts, coverage and verdict match a
//! recount.
use super::frame::{Circumstances, RunEnded};
use crate::codes::check::{Check, SkipReason, SkippedCheck};
use crate::codes::finding::{Finding, Outcome};
use crate::codes::notice::Notice;
use crate::coverage::{TAIL_ALLOWANCE, is_tail_of};
use crate::digest::signing::PublicKey;
use crate::record::wire::Unreadable;
use crate::record::{
    AcceptanceTally, Asked, ChainSummary, ChainTally, DigestJudged, DigestLink, DigestProof,
    Evidence, ExceptionsJudged, LogJudged, PlaceDoubt, PlaceInDoubt, Presence, ReadVersions,
    RunEvent, RunStart, RunSummary, RunTally,
};
use crate::trail_event::KnownEnd;
use crate::vocab::budget::{
    LISTED_DIGESTS, PUBLIC_KEYS, RECORD_ABSENT, RECORD_CHAINS, RECORD_SEGMENTS, SHOWN,
};
use crate::vocab::chain_id::ChainId;
use crate::vocab::ids::{AccountId, Region};
use crate::vocab::key_layout::{DigestKey, DigestKind};
use crate::vocab::location::{ObjectLocation, escape, excerpt};
use crate::vocab::time::{HOUR, Period, Timestamp};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// The first half of the SHA-256 of a name. A chain may have a million backfill digests.
type NameHash = [u8; 16];

/// Follows the events of a run and recounts them. What it keeps of a record is bounded, so that a small
/// compressed record cannot take all memory.
#[derive(Debug, Default)]
pub struct RunCheck {
    period: Option<Period>,
    tail_allowed_from: Option<Timestamp>,
    /// The time as of which the run judged, if it read versions of then.
    as_of: Option<Timestamp>,
    /// Chains that the listing announced.
    chains: Option<u64>,
    chains_told: u64,
    last_chain: Option<ChainId>,
    open: Option<OpenChain>,
    tally: RunTally,
    acceptance: AcceptanceTally,
    /// When each accepted exception ends, and whether it had expired.
    accepted_until: Vec<(Timestamp, bool)>,
    /// What the record states of its accepted exceptions.
    exceptions: Option<ExceptionsJudged>,
    /// Public keys recorded so far.
    keys: BTreeSet<(Region, String)>,
    /// Everything that comes after the start of the chains.
    after_chains: bool,
    places_answered: bool,
    /// What the caller stated about chains that ended, by account.
    known_ends: BTreeMap<AccountId, Vec<KnownEnd>>,
    /// Chains that ended before the period without an explanation, with their last digest's end.
    unexplained: BTreeMap<ChainId, Timestamp>,
    /// Account, region and trail of those that are recorded as being in doubt.
    doubted: BTreeSet<(AccountId, Region, String)>,
    /// What was named or is expected.
    asked: Asked,
    /// The chains that answer for it.
    evidence: Evidence,
    /// What was named or is expected and is recorded as absent.
    absences: BTreeSet<PlaceInDoubt>,
    /// Whether log files that no digest names are searched for.
    unlisted: bool,
    /// Whether the record says that they are not.
    unlisted_off: bool,
    /// When the run began, by the machine's clock, if the record says so.
    began: Option<Timestamp>,
    finished: bool,
    /// Segments of coverage of all chains.
    segments: usize,
}

#[derive(Debug)]
struct OpenChain {
    id: ChainId,
    tally: ChainTally,
    /// Kind of the last digest, and its end according to its key.
    last: Option<(DigestKind, Timestamp)>,
    /// Names of the proven digests with that end.
    of_last: BTreeSet<NameHash>,
    /// What the last proven digest records about the one before it.
    link: Option<DigestLink>,
    /// Number of log files of the last digest that are still to come.
    logs_left: u64,
}

impl RunCheck {
    /// Takes the next event.
    ///
    /// # Errors
    ///
    /// Returns an error if the event is inconsistent with those before it.
    pub fn take(&mut self, event: &RunEvent) -> Result<(), Unreadable> {
        if self.finished {
            return Err(Unreadable::new("an event after `run-finished`"));
        }
        if self.period.is_none() != matches!(event, RunEvent::RunStarted(_)) {
            return Err(Unreadable::new(
                "`run-started` must be the first event and appear only once",
            ));
        }
        match event {
            RunEvent::RunStarted(start) => self.start(start)?,
            RunEvent::BucketListed { chains, .. } => {
                self.outside("bucket-listed")?;
                if self.chains.replace(*chains).is_some() {
                    return Err(Unreadable::new("`bucket-listed` must appear only once"));
                }
                within(usize::try_from(*chains).unwrap_or(usize::MAX), RECORD_CHAINS, "chains")?;
            }
            RunEvent::ListingUnread { .. } => {
                self.outside("listing-unread")?;
                self.tally.listings_unread += 1;
            }
            RunEvent::ChainStarted { chain } => self.begin(chain)?,
            RunEvent::PublicKey(key) => {
                if self.chains.is_none() || self.after_chains {
                    return Err(Unreadable::new("`public-key` before or after the chains"));
                }
                if !PublicKey::new(key.fingerprint.as_str(), &key.der).is_readable() {
                    let name = excerpt(&key.fingerprint, SHOWN);
                    return Err(Unreadable::new(format!("the bytes of key `{name}` are no key")));
                }
                self.keys.insert((key.region.clone(), key.fingerprint.clone()));
                within(self.keys.len(), PUBLIC_KEYS, "public keys")?;
            }
            RunEvent::LogNamed(_) => {
                self.inside()?;
            }
            RunEvent::SeamJudged(seam) => {
                let open = self.inside()?;
                open.no_logs_left()?;
                if seam.finding.is_some() {
                    open.tally.chain_finding();
                }
                self.tally.not_joined += u64::from(!seam.joined);
            }
            RunEvent::DigestJudged(judged) => {
                self.inside()?.digest(judged)?;
                self.signed_by_known(judged)?;
            }
            RunEvent::LogJudged(judged) => self.inside()?.log(judged)?,
            RunEvent::TrailStatus { chain, finding, .. } => {
                let open = self.inside()?;
                open.is(chain)?;
                if finding.is_some() {
                    open.tally.chain_finding();
                }
            }
            RunEvent::ChainFinished(summary) => self.end(summary)?,
            // For a trail's status, within its chain; for all other checks, after the chains.
            RunEvent::CheckNotPerformed(SkippedCheck { check, why, .. }) => {
                let is_off = (*check, *why) == (Check::UnlistedLogs, SkipReason::SwitchedOff);
                self.unlisted_off |= is_off;
            }
            RunEvent::GapExplained { chain, from, .. } => {
                self.after("gap-explained")?;
                if self.unexplained.get(chain) == Some(from) {
                    self.unexplained.remove(chain);
                }
            }
            RunEvent::LogUnlisted { .. } => {
                self.after("log-unlisted")?;
                self.tally.unlisted += 1;
            }
            RunEvent::CopyOf { .. } => self.after("copy-of")?,
            RunEvent::LogsWithoutDigests { .. } => {
                self.after("logs-without-digests")?;
                self.tally.without_digests += 1;
            }
            RunEvent::PlaceInDoubt(place) => {
                self.outside("place-in-doubt")?;
                if let Some(period) = self.period {
                    self.tally.place_in_doubt(place.why, period);
                }
                if let (PlaceDoubt::EndedUnexplained, Some(account), Some(region), Some(trail)) =
                    (place.why, &place.account, &place.region, &place.trail)
                {
                    self.doubted.insert((account.clone(), region.clone(), trail.clone()));
                    within(self.doubted.len(), RECORD_CHAINS, "chains in doubt")?;
                }
                if place.why.is_absence() {
                    self.absences.insert(place.clone());
                    within(self.absences.len(), RECORD_ABSENT, "places that were not found")?;
                }
            }
            RunEvent::PlacesAnswered(places) => {
                self.after("places-answered")?;
                if std::mem::replace(&mut self.places_answered, true) {
                    return Err(Unreadable::new("`places-answered` must appear only once"));
                }
                if !places.adds_up() {
                    return Err(Unreadable::new("not every place that was found has one answer"));
                }
            }
            RunEvent::ExceptionsJudged(judged) => {
                self.after("exceptions-judged")?;
                if self.exceptions.replace(judged.clone()).is_some() {
                    return Err(Unreadable::new("`exceptions-judged` must appear only once"));
                }
            }
            RunEvent::RunFinished(summary) => self.finish(summary)?,
        }
        self.acceptance.take(event);
        Ok(())
    }

    /// Compares the tail that the run allowed, and the exceptions that it took for expired, with the time
    /// at which its record says it was made.
    ///
    /// # Errors
    ///
    /// Returns an error if a run at that time could not allow so much.
    pub fn take_circumstances(&mut self, around: &Circumstances) -> Result<(), Unreadable> {
        let began = around.started.0;
        self.began = Some(began);
        if self.accepted_until.iter().any(|(until, expired)| *expired != (*until <= began)) {
            return Err(Unreadable::new(format!(
                "the run began at {began}, and `run-started` is wrong about whether an accepted \
                 exception had expired"
            )));
        }
        let began = self.as_of.map_or(began, |as_of| as_of.min(began));
        match self.tail_allowed_from {
            Some(from) if from < began.plus(-TAIL_ALLOWANCE) => Err(Unreadable::new(format!(
                "the run began at {began}, and `run-started` allows a tail from {from} on"
            ))),
            _ => Ok(()),
        }
    }

    /// Compares the end of the run with its beginning.
    ///
    /// # Errors
    ///
    /// Returns an error if the run ended before it began.
    pub fn take_ended(&self, ended: &RunEnded) -> Result<(), Unreadable> {
        match self.began {
            Some(began) if ended.ended.0 < began => {
                Err(Unreadable::new(format!("the run began at {began} and ended before that")))
            }
            _ => Ok(()),
        }
    }

    /// Starts the recount and checks `tail_allowed_from`: a tail can only be pending within the
    /// last hours of the period, because no period ends after its run.
    fn start(&mut self, start: &RunStart) -> Result<(), Unreadable> {
        let period = start.period;
        if period.start > period.end {
            return Err(Unreadable::new("the period ends before it starts"));
        }
        if start.tail_allowed_from.is_some_and(|from| !is_tail_of(period, from)) {
            return Err(Unreadable::value("run-started", "tail_allowed_from"));
        }
        self.period = Some(period);
        self.tail_allowed_from = start.tail_allowed_from;
        self.as_of = match start.place.versions() {
            Some(ReadVersions::AsOf(time)) if period.end > time => {
                return Err(Unreadable::new("the period ends after the time of the versions"));
            }
            Some(ReadVersions::AsOf(time)) => Some(time),
            Some(ReadVersions::Oldest) | None => None,
        };
        for known in &start.known_ends {
            self.known_ends.entry(known.account.clone()).or_default().push(known.clone());
        }
        self.asked = Asked::of_start(start).map_err(|_| {
            Unreadable::new("an account, region, trail or organization in its scope is not valid")
        })?;
        self.unlisted = start.unlisted;
        let accepted = || start.accepted.iter().flat_map(|file| &file.entries);
        // A run begins at the end of its period or later; the hour is for clocks that differ.
        let over = |until: Timestamp| until <= period.end.plus(-HOUR);
        if accepted().any(|entry| !entry.expired && over(entry.until)) {
            return Err(Unreadable::new(
                "`run-started` is wrong about whether an accepted exception had expired: it ended before \
                 the period did",
            ));
        }
        let accepted = accepted();
        self.accepted_until = accepted.map(|entry| (entry.until, entry.expired)).collect();
        Ok(())
    }

    /// Requires that a digest proven by a signature names a key whose bytes the record has.
    fn signed_by_known(&mut self, judged: &DigestJudged) -> Result<(), Unreadable> {
        let Outcome::Valid(proof) = &judged.outcome else { return Ok(()) };
        if !proof.proofs.own_signature && !proof.proofs.successor_signature {
            return Ok(());
        }
        let region = self.inside()?.id.source_region.clone();
        if self.keys.contains(&(region, proof.fingerprint.clone())) {
            return Ok(());
        }
        Err(Unreadable::new(format!(
            "a signature proves the digest `{}`, but its key `{}` is not recorded before it",
            escape(&judged.at.key),
            excerpt(&proof.fingerprint, SHOWN)
        )))
    }

    /// Returns whether the run has ended.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    fn inside(&mut self) -> Result<&mut OpenChain, Unreadable> {
        self.open.as_mut().ok_or_else(|| Unreadable::new("it belongs to a chain, but none is open"))
    }

    fn outside(&self, event: &str) -> Result<(), Unreadable> {
        match &self.open {
            Some(open) => Err(Unreadable::new(format!("`{event}` within the chain {}", open.id))),
            None => Ok(()),
        }
    }

    fn after(&mut self, event: &str) -> Result<(), Unreadable> {
        self.outside(event)?;
        self.after_chains = true;
        Ok(())
    }

    fn begin(&mut self, chain: &ChainId) -> Result<(), Unreadable> {
        self.outside("chain-started")?;
        let (Some(period), Some(chains)) = (self.period, self.chains) else {
            return Err(Unreadable::new("a chain before `bucket-listed`"));
        };
        if self.chains_told >= chains {
            return Err(Unreadable::new("there are more chains than `bucket-listed` states"));
        }
        if self.after_chains || self.last_chain.as_ref().is_some_and(|last| last >= chain) {
            return Err(Unreadable::new(format!("the chain {chain} is not where its name sorts")));
        }
        if !self.asked.has(chain) {
            return Err(Unreadable::new(format!("the chain {chain} is outside of the scope")));
        }
        self.last_chain = Some(chain.clone());
        self.open = Some(OpenChain {
            id: chain.clone(),
            tally: ChainTally::new(period, self.tail_allowed_from),
            last: None,
            of_last: BTreeSet::new(),
            link: None,
            logs_left: 0,
        });
        Ok(())
    }

    fn end(&mut self, summary: &ChainSummary) -> Result<(), Unreadable> {
        let open = self.open.take();
        let open = open.ok_or_else(|| Unreadable::new("no chain is open"))?;
        open.is(&summary.chain)?;
        open.no_logs_left()?;
        if matches!(summary.presence, Presence::Ended { .. }) && open.last.is_some() {
            return Err(Unreadable::new("a chain that ended before the period has digests in it"));
        }
        if !open.tally.agrees(summary) {
            return Err(Unreadable::new(format!(
                "counts and coverage of the chain {} are not those of its lines",
                summary.chain
            )));
        }
        if !matches!(summary.presence, Presence::Ended { .. }) {
            self.evidence.take(&summary.chain);
        }
        if let Presence::Ended { last } = summary.presence
            && !self
                .known_ends
                .get(&summary.chain.account)
                .is_some_and(|of| of.iter().any(|known| known.explains(&summary.chain, last)))
        {
            self.unexplained.insert(summary.chain.clone(), last);
        }
        self.tally.chain(summary);
        self.chains_told += 1;
        self.segments = self.segments.saturating_add(summary.segments.len());
        within(self.segments, RECORD_SEGMENTS, "stretches of coverage")
    }

    fn finish(&mut self, stated: &RunSummary) -> Result<(), Unreadable> {
        self.outside("run-finished")?;
        if self.chains != Some(self.chains_told) {
            return Err(Unreadable::new("there are not as many chains as `bucket-listed` states"));
        }
        let is_doubted = |chain: &&ChainId| {
            let ChainId { account, source_region, trail, .. } = chain;
            self.doubted.contains(&(account.clone(), source_region.clone(), trail.to_string()))
        };
        if let Some(chain) = self.unexplained.keys().find(|chain| !is_doubted(chain)) {
            return Err(Unreadable::new(format!(
                "the chain {chain} ended before the period, and no line explains or doubts that"
            )));
        }
        self.answers_for_all()?;
        if self.unlisted == self.unlisted_off {
            return Err(Unreadable::new(
                "`search_unlisted` and the line about that check contradict each other",
            ));
        }
        // What was skipped has no lines and no effect on the verdict.
        self.tally.passed_over = stated.passed_over;
        self.tally.set_aside.clone_from(&stated.set_aside);
        let recounted = std::mem::take(&mut self.tally).finish();
        if recounted.verdict != stated.verdict {
            return Err(Unreadable::new(format!(
                "the verdict is not `{}`: a recount of the lines gives `{}`",
                stated.verdict.words(),
                recounted.verdict.words()
            )));
        }
        if recounted != *stated {
            return Err(Unreadable::new("counts and coverage are not those of the chains"));
        }
        let acceptance = std::mem::take(&mut self.acceptance).finish(stated);
        if acceptance != self.exceptions {
            return Err(Unreadable::new(
                "`exceptions-judged` is not what a recount of the lines gives",
            ));
        }
        self.finished = true;
        Ok(())
    }
}

impl RunCheck {
    /// Requires that everything that was named or is expected has a chain, or a line that says that
    /// it has none.
    fn answers_for_all(&self) -> Result<(), Unreadable> {
        let (asked, evidence) = (&self.asked, &self.evidence);
        let absent = asked.named_absent(evidence).chain(asked.trails_absent(evidence));
        let mut absent = absent.chain(asked.expected_absent(evidence));
        let Some(place) = absent.find(|place| !self.absences.contains(place)) else {
            return Ok(());
        };
        let PlaceInDoubt { why, account, region, trail, .. } = &place;
        let names = [account.as_ref().map(AccountId::as_str), region.as_ref().map(Region::as_str)];
        let names = names.into_iter().chain([trail.as_deref()]).flatten();
        let names: Vec<String> = names.map(|name| excerpt(name, SHOWN)).collect();
        let what = match why {
            PlaceDoubt::ExpectedNotFound => "expects",
            _ => "names",
        };
        Err(Unreadable::new(format!(
            "it contradicts itself: `run-started` {what} {}, which has neither a chain nor a line \
             that says so",
            names.join(" ")
        )))
    }
}

impl OpenChain {
    fn is(&self, chain: &ChainId) -> Result<(), Unreadable> {
        if self.id == *chain {
            return Ok(());
        }
        Err(Unreadable::new(format!("it belongs to the chain {chain}, but {} is open", self.id)))
    }

    fn digest(&mut self, judged: &DigestJudged) -> Result<(), Unreadable> {
        self.no_logs_left()?;
        self.in_order(judged)?;
        if let Outcome::Valid(proof) = &judged.outcome {
            self.linked(judged, proof)?;
            self.link.clone_from(&proof.previous);
        }
        self.tally.digest(judged);
        let anchor = judged.notices.contains(&Notice::Anchor);
        self.logs_left = match &judged.outcome {
            Outcome::Valid(proof) if !anchor => proof.logs,
            _ => 0,
        };
        Ok(())
    }

    /// Requires that a digest which its successor's hash proves has that hash.
    fn linked(&self, judged: &DigestJudged, proof: &DigestProof) -> Result<(), Unreadable> {
        let recorded = self.link.as_ref().filter(|link| link.at == judged.at);
        let recorded = recorded.and_then(|link| link.hash).filter(|_| proof.proofs.successor_hash);
        match recorded {
            Some(recorded) if recorded != proof.hash => Err(Unreadable::new(format!(
                "the hash of the digest `{}` is not the one that its successor records and that \
                 proves it",
                escape(&judged.at.key)
            ))),
            _ => Ok(()),
        }
    }

    fn log(&mut self, judged: &LogJudged) -> Result<(), Unreadable> {
        self.logs_left = self.logs_left.checked_sub(1).ok_or_else(|| {
            Unreadable::new(format!(
                "no digest before it names enough log files to include `{}`",
                escape(&judged.at.key)
            ))
        })?;
        self.tally.log(judged);
        Ok(())
    }

    fn no_logs_left(&self) -> Result<(), Unreadable> {
        if self.logs_left == 0 {
            return Ok(());
        }
        let left = self.logs_left;
        Err(Unreadable::new(format!("{left} log files of the digest before it have no line")))
    }

    /// Checks the order: standard digests from newest to oldest, then backfill digests. The order
    /// of the latter follows their links, as far as they have any. A proven digest must be of this
    /// chain, and be there once.
    fn in_order(&mut self, judged: &DigestJudged) -> Result<(), Unreadable> {
        let parsed = DigestKey::parse(&judged.at.key);
        let is_proven = matches!(judged.outcome, Outcome::Valid(_));
        if let Some(DigestKey { chain, .. }) = parsed.as_ref().filter(|_| is_proven)
            && !self.id.differs_only_in_path(&chain.into())
        {
            let (key, id) = (escape(&judged.at.key), &self.id);
            return Err(Unreadable::new(format!("the digest `{key}` is not of the chain {id}")));
        }
        let end = parsed.map_or(judged.end, |key| key.end);
        // A digest whose link does not lead back in time is recorded at the link's position.
        if matches!(judged.outcome, Outcome::Invalid(Finding::DigestOutOfOrder { .. })) {
            return Ok(());
        }
        let wrong = match (self.last, judged.kind) {
            (Some((DigestKind::Backfill, _)), DigestKind::Standard) => true,
            (Some((DigestKind::Standard, last)), DigestKind::Standard) => end > last,
            _ => false,
        };
        if wrong {
            let key = escape(&judged.at.key);
            return Err(Unreadable::new(format!("the digest `{key}` is not where its end sorts")));
        }
        // Standard digests are in order, so that the same one has the same end.
        if judged.kind == DigestKind::Standard && self.last != Some((judged.kind, end)) {
            self.of_last.clear();
        }
        if is_proven && !self.of_last.insert(name_hash(&judged.at)) {
            let key = escape(&judged.at.key);
            return Err(Unreadable::new(format!("the digest `{key}` has two lines")));
        }
        within(self.of_last.len(), LISTED_DIGESTS, "digests of one chain")?;
        self.last = Some((judged.kind, end));
        Ok(())
    }
}

/// Returns an error if there are more than a reader keeps.
fn within(count: usize, most: usize, what: &str) -> Result<(), Unreadable> {
    if count > most { Err(Unreadable::too_many(what, most)) } else { Ok(()) }
}

fn name_hash(at: &ObjectLocation) -> NameHash {
    let mut hasher = Sha256::new();
    hasher.update(&at.bucket);
    // No bucket has a slash in its name.
    hasher.update("/");
    hasher.update(&at.key);
    let mut half = NameHash::default();
    half.copy_from_slice(hasher.finalize().split_at(16).0);
    half
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::wire::Time;
    use crate::record::{EvidencePlace, RunStart, Tool};
    use crate::vocab::time::DAY;

    fn end() -> Timestamp {
        Timestamp::from_unix(1_780_000_000)
    }

    fn started(tail_allowed_from: Option<Timestamp>) -> RunEvent {
        RunEvent::RunStarted(Box::new(RunStart {
            tool: Tool::this(),
            place: EvidencePlace::default(),
            period: Period { start: end().plus(-DAY), end: end() },
            end_was_future: false,
            tail_allowed_from,
            trails: Vec::new(),
            accounts: Vec::new(),
            regions: Vec::new(),
            organization: None,
            expected_accounts: None,
            account_names: BTreeMap::new(),
            expected_regions: None,
            known_ends: Vec::new(),
            accepted: None,
            unlisted: true,
            complete_copy: false,
            follows: None,
        }))
    }

    fn circumstances(started: Timestamp) -> Circumstances {
        Circumstances {
            started: Time(started),
            host: None,
            user: None,
            arguments: Vec::new(),
            program_sha256: None,
            aws_caller: None,
        }
    }

    /// Whoever leaves out when the run began does not keep an exception from expiring.
    #[test]
    fn an_exception_that_ended_before_the_period_did_has_expired() {
        let json = |until: Timestamp, expired: bool| {
            format!(
                "{{\"file_sha256\":\"{}\",\"entries\":[{{\"code\":\"gap\",\"account\":\
                 \"111122223333\",\"from\":\"2026-03-01T00:00:00Z\",\"to\":\"2026-03-02T00:00:00Z\",\
                 \"reason\":\"r\",\"approved_by\":\"a\",\"until\":\"{until}\",\"expired\":{expired}}}]}}",
                "00".repeat(32)
            )
        };
        for (until, expired, holds) in [
            (end().plus(DAY), false, true),
            (end(), false, true),
            (end().plus(-DAY), false, false),
            (end().plus(-DAY), true, true),
        ] {
            let RunEvent::RunStarted(mut start) = started(None) else { panic!() };
            let read = crate::record::wire::read_accepted_exceptions(&json(until, expired));
            start.accepted = Some(read.unwrap());
            let taken = RunCheck::default().take(&RunEvent::RunStarted(start));
            assert_eq!(taken.is_ok(), holds, "{until} {expired} {taken:?}");
        }
    }

    #[test]
    fn a_tail_is_bounded_by_the_period_and_the_time_of_the_run() {
        for (from, holds) in [
            (None, true),
            (Some(end().plus(-2 * HOUR)), true),
            (Some(end().plus(-1)), true),
            (Some(end().plus(-2 * HOUR - 1)), false),
            (Some(end()), false),
        ] {
            assert_eq!(RunCheck::default().take(&started(from)).is_ok(), holds, "{from:?}");
        }
        for (from, began, holds) in [
            (Some(end().plus(-2 * HOUR)), end(), true),
            // The store's clock may be ahead of the machine's; it never moves the bound back.
            (Some(end().plus(-HOUR)), end(), true),
            (Some(end().plus(-2 * HOUR)), end().plus(1), false),
            (Some(end().plus(-2 * HOUR)), end().plus(200 * DAY), false),
            (None, end().plus(200 * DAY), true),
        ] {
            let mut check = RunCheck::default();
            check.take(&started(from)).unwrap();
            let held = check.take_circumstances(&circumstances(began)).is_ok();
            assert_eq!(held, holds, "{from:?} {began}");
        }
    }
}
