//! What the lines of a record say of each other: their order, and that counts, coverage and verdict
//! are those of a recount.
use crate::chain_id::ChainId;
use crate::event::wire::Unreadable;
use crate::event::{
    ChainSummary, ChainTally, DigestJudged, LogJudged, Presence, RunEvent, RunSummary, RunTally,
};
use crate::finding::{Finding, Outcome};
use crate::key_layout::{DigestKey, DigestKind};
use crate::location::escape;
use crate::notice::Notice;
use crate::time::{Period, Timestamp};

/// Follows the events of a run and recounts them.
#[derive(Debug, Default)]
pub struct RunCheck {
    period: Option<Period>,
    /// Chains that the listing announced.
    chains: Option<u64>,
    chains_told: u64,
    last_chain: Option<ChainId>,
    open: Option<OpenChain>,
    tally: RunTally,
    /// What comes after the chains began.
    after_chains: bool,
    finished: bool,
}

#[derive(Debug)]
struct OpenChain {
    id: ChainId,
    tally: ChainTally,
    /// Kind of the last digest, and the end that its key tells.
    last: Option<(DigestKind, Timestamp)>,
    /// Log files of the last digest that are still to come.
    logs_left: u64,
}

impl RunCheck {
    /// Takes the next event.
    ///
    /// # Errors
    ///
    /// What is wrong with it after those before it.
    pub fn take(&mut self, event: &RunEvent) -> Result<(), Unreadable> {
        if self.finished {
            return Err(Unreadable::new("an event after `run-finished`"));
        }
        if self.period.is_none() != matches!(event, RunEvent::RunStarted(_)) {
            return Err(Unreadable::new("`run-started` is the first event, and comes once"));
        }
        match event {
            RunEvent::RunStarted(start) => self.period = Some(start.period),
            RunEvent::BucketListed { chains, .. } => {
                self.outside("bucket-listed")?;
                if self.chains.replace(*chains).is_some() {
                    return Err(Unreadable::new("`bucket-listed` comes once"));
                }
            }
            RunEvent::ListingUnread { .. } => {
                self.outside("listing-unread")?;
                self.tally.listings_unread += 1;
            }
            RunEvent::ChainStarted { chain } => self.begin(chain)?,
            RunEvent::PublicKey(_) | RunEvent::LogNamed(_) => {
                self.inside()?;
            }
            RunEvent::SeamJudged(seam) => {
                let open = self.inside()?;
                open.no_logs_left()?;
                if seam.finding.is_some() {
                    open.tally.chain_finding();
                }
            }
            RunEvent::DigestJudged(judged) => self.inside()?.digest(judged)?,
            RunEvent::LogJudged(judged) => self.inside()?.log(judged)?,
            RunEvent::TrailStatus { chain, finding, .. } => {
                let open = self.inside()?;
                open.is(chain)?;
                if finding.is_some() {
                    open.tally.chain_finding();
                }
            }
            RunEvent::ChainFinished(summary) => self.end(summary)?,
            // Of a trail's status within its chain, of all others after the chains.
            RunEvent::CheckNotPerformed { .. } => {}
            RunEvent::GapExplained { .. } => self.after("gap-explained")?,
            RunEvent::LogUnlisted { .. } => {
                self.after("log-unlisted")?;
                self.tally.unlisted += 1;
            }
            RunEvent::CopyOf { .. } => self.after("copy-of")?,
            RunEvent::LogsWithoutDigests { .. } => {
                self.after("logs-without-digests")?;
                self.tally.without_digests += 1;
            }
            RunEvent::RunFinished(summary) => self.finish(summary)?,
        }
        Ok(())
    }

    /// Whether the run has come to its end.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    fn inside(&mut self) -> Result<&mut OpenChain, Unreadable> {
        self.open.as_mut().ok_or_else(|| Unreadable::new("it belongs to a chain, and none is open"))
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
        let (Some(period), Some(_)) = (self.period, self.chains) else {
            return Err(Unreadable::new("a chain before `bucket-listed`"));
        };
        if self.after_chains || self.last_chain.as_ref().is_some_and(|last| last >= chain) {
            return Err(Unreadable::new(format!("the chain {chain} is not where its name sorts")));
        }
        self.last_chain = Some(chain.clone());
        self.open = Some(OpenChain {
            id: chain.clone(),
            tally: ChainTally::new(period),
            last: None,
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
        self.tally.chain(summary);
        self.chains_told += 1;
        Ok(())
    }

    fn finish(&mut self, told: &RunSummary) -> Result<(), Unreadable> {
        self.outside("run-finished")?;
        if self.chains != Some(self.chains_told) {
            return Err(Unreadable::new("there are not as many chains as `bucket-listed` tells"));
        }
        // What was passed over has no lines, and weighs nothing.
        self.tally.passed_over = told.passed_over;
        self.tally.set_aside.clone_from(&told.set_aside);
        let recounted = std::mem::take(&mut self.tally).finish();
        if recounted.verdict != told.verdict {
            return Err(Unreadable::new(format!(
                "the verdict is not `{}`: a recount of the lines gives `{}`",
                told.verdict.words(),
                recounted.verdict.words()
            )));
        }
        if recounted != *told {
            return Err(Unreadable::new("counts and coverage are not those of the chains"));
        }
        self.finished = true;
        Ok(())
    }
}

impl OpenChain {
    fn is(&self, chain: &ChainId) -> Result<(), Unreadable> {
        if self.id == *chain {
            return Ok(());
        }
        Err(Unreadable::new(format!("it is of the chain {chain}, and {} is open", self.id)))
    }

    fn digest(&mut self, judged: &DigestJudged) -> Result<(), Unreadable> {
        self.no_logs_left()?;
        self.in_order(judged)?;
        self.tally.digest(judged);
        let anchor = judged.notices.contains(&Notice::Anchor);
        self.logs_left = match &judged.outcome {
            Outcome::Valid(proof) if !anchor => proof.logs,
            _ => 0,
        };
        Ok(())
    }

    fn log(&mut self, judged: &LogJudged) -> Result<(), Unreadable> {
        self.logs_left = self.logs_left.checked_sub(1).ok_or_else(|| {
            Unreadable::new(format!(
                "no digest before it names so many log files as to name `{}`",
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

    /// Standard digests come from the newest to the oldest, and backfill digests after them. Of
    /// these the order follows their links, as far as they have any.
    fn in_order(&mut self, judged: &DigestJudged) -> Result<(), Unreadable> {
        let end = DigestKey::parse(&judged.at.key).map_or(judged.end, |key| key.end);
        // What a link names that does not lead back in time is told where the link is.
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
        self.last = Some((judged.kind, end));
        Ok(())
    }
}
