//! The gauges of a run. Each run is measured by itself, so that nothing is a counter.
use crate::report::RunReporter;
use std::collections::BTreeMap;
use std::io::{self, Write};
use strum::IntoEnumIterator as _;
use trailproof_core::codes::check::SkipReason;
use trailproof_core::codes::failure::ReadFailureKind;
use trailproof_core::codes::finding::{FindingCode, Outcome};
use trailproof_core::compat::event::Tally;
use trailproof_core::coverage::{Coverage, Uncovered};
use trailproof_core::record::document::{Circumstances, RunEnded};
use trailproof_core::record::{
    ChainSummary, KEYS_OF_MIRROR, Objection, ObjectionCode, Objections, Presence, RunEvent,
    RunStart, RunSummary,
};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::key_layout::DigestKind;
use trailproof_core::vocab::time::Timestamp;

/// Writes the gauges of a run in one format, with those of each chain if the flag is set.
type WriteGauges<W> = fn(&RunGauges, bool, &mut W) -> io::Result<()>;

/// A reporter that writes gauges once the run is finished.
#[derive(Debug)]
pub struct GaugeReporter<W> {
    out: W,
    gauges: RunGauges,
    per_chain: bool,
    write: WriteGauges<W>,
}

impl<W> GaugeReporter<W> {
    /// Returns a reporter to `out`.
    pub(super) fn new(out: W, per_chain: bool, write: WriteGauges<W>) -> Self {
        Self { out, gauges: RunGauges::default(), per_chain, write }
    }
}

impl<W: Write + Send> RunReporter for GaugeReporter<W> {
    fn event(&mut self, event: &RunEvent) -> io::Result<()> {
        self.gauges.take(event);
        Ok(())
    }

    fn circumstances(&mut self, around: &Circumstances) -> io::Result<()> {
        self.gauges.circumstances(around);
        Ok(())
    }

    fn ended(&mut self, ended: &RunEnded) -> io::Result<()> {
        self.gauges.ended(ended);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        (self.write)(&self.gauges, self.per_chain, &mut self.out)?;
        self.out.flush()
    }
}

/// What a gauge counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Things.
    Count,
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
    /// A point in time, in seconds since the Unix epoch.
    Time,
    /// 1 or 0, or a code.
    None,
}

/// One gauge, with a value for each of its labels, or one value without a label.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Gauge {
    /// Name as Prometheus has it, without the prefix.
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) unit: Unit,
    /// Name of the label; empty if there is none.
    pub(super) label: &'static str,
    /// Values, each with its label.
    pub(super) values: Vec<(&'static str, f64)>,
}

/// Follows the events of a run.
#[derive(Debug, Default)]
pub(super) struct RunGauges {
    start: Option<RunStart>,
    started: Option<Timestamp>,
    ended: Option<RunEnded>,
    summary: Option<RunSummary>,
    objections: Objections,
    findings: BTreeMap<FindingCode, u64>,
    read_failures: BTreeMap<ReadFailureKind, u64>,
    chain: Option<ChainId>,
    /// Whether public keys of the mirror itself were trusted.
    has_keys_of_mirror: bool,
    /// Log files that were not read again because an earlier record proves them.
    of_earlier_record: u64,
    /// The newest proven digest of each chain that counts; `None` if it has none.
    newest: BTreeMap<ChainId, Option<Timestamp>>,
}

impl RunGauges {
    /// Takes the next event.
    pub(super) fn take(&mut self, event: &RunEvent) {
        match event {
            RunEvent::RunStarted(start) => self.start = Some(start.as_ref().clone()),
            RunEvent::ChainStarted { chain } => self.chain = Some(chain.clone()),
            RunEvent::DigestJudged(judged) if judged.kind == DigestKind::Standard => {
                if let (Some(chain), Outcome::Valid(_)) = (&self.chain, &judged.outcome) {
                    let newest = self.newest.entry(chain.clone()).or_default();
                    *newest = (*newest).max(Some(judged.end));
                }
            }
            RunEvent::ChainFinished(ChainSummary { chain, presence, .. }) => match presence {
                // A chain that ended has no newest digest that should be recent.
                Presence::Ended { .. } => {
                    self.newest.remove(chain);
                }
                Presence::Present | Presence::Absent { .. } => {
                    self.newest.entry(chain.clone()).or_default();
                }
            },
            RunEvent::PublicKey(key) => self.has_keys_of_mirror |= key.source == KEYS_OF_MIRROR,
            RunEvent::CheckNotPerformed(one) if one.why == SkipReason::EarlierRecord => {
                self.of_earlier_record = one.detail.parse().unwrap_or_default();
            }
            RunEvent::RunFinished(summary) => self.summary = Some(summary.clone()),
            _ => {}
        }
        let Self { objections, findings, read_failures, .. } = self;
        objections.take(event, &mut |objection, number| {
            let code = match objection {
                Some(Objection::Object(code, _) | Objection::Folder(code, _)) => *code,
                Some(Objection::Chain(code, _)) => ObjectionCode::Finding(*code),
                Some(Objection::Place(_) | Objection::Time(..)) | None => return,
            };
            match code {
                ObjectionCode::Finding(code) => *findings.entry(code).or_default() += number,
                ObjectionCode::Unread(kind) => *read_failures.entry(kind).or_default() += number,
                _ => {}
            }
        });
    }

    /// Takes the circumstances of the run.
    pub(super) fn circumstances(&mut self, around: &Circumstances) {
        self.started = Some(around.started.0);
    }

    /// Takes the measurements of the run.
    pub(super) fn ended(&mut self, ended: &RunEnded) {
        self.ended = Some(ended.clone());
    }

    /// Returns what the run is about: where its evidence was delivered.
    pub(super) fn location(&self) -> Option<String> {
        let at = &self.start.as_ref()?.place.delivered_to;
        let slash = if at.prefix.is_empty() { "" } else { "/" };
        Some(format!("s3://{}{slash}{}", at.bucket, at.prefix))
    }

    /// Returns when the run ended, or else when it began, or else the end of its period.
    pub(super) fn time(&self) -> Option<Timestamp> {
        let ended = self.ended.as_ref().map(|ended| ended.ended.0);
        ended.or(self.started).or(self.start.as_ref().map(|start| start.period.end))
    }

    /// Returns the newest proven digest of each chain that counts.
    pub(super) fn newest(&self) -> impl Iterator<Item = (&ChainId, Option<Timestamp>)> {
        self.newest.iter().map(|(chain, newest)| (chain, *newest))
    }

    /// Returns the newest proven digest of the chain whose newest proven digest is the oldest; `None`
    /// if a chain has none.
    pub(super) fn oldest_newest(&self) -> Option<Timestamp> {
        self.newest.values().copied().min().flatten()
    }

    /// Returns the gauges of the run, except for those of single chains; `None` if it did not finish.
    pub(super) fn all(&self) -> Option<Vec<Gauge>> {
        let (start, summary) = (self.start.as_ref()?, self.summary.as_ref()?);
        let one = |value: f64| vec![("", value)];
        let (digests, logs) = (&summary.counts.digests, &summary.counts.logs);
        let mut gauges = vec![
            labelled(
                "verdict",
                "Verdict of the run: 1 for the one that holds.",
                Unit::None,
                "verdict",
                Verdict::iter()
                    .map(|verdict| (verdict.words(), f64::from(verdict == summary.verdict)))
                    .collect(),
            ),
            plain(
                "run_exit_status",
                "Exit status that belongs to the verdict.",
                Unit::None,
                f64::from(summary.verdict.exit_status()),
            ),
            plain(
                "period_start_timestamp_seconds",
                "Start of the period.",
                Unit::Time,
                seconds(start.period.start.unix()),
            ),
            plain(
                "period_end_timestamp_seconds",
                "End of the period.",
                Unit::Time,
                seconds(start.period.end.unix()),
            ),
            plain("chains", "Chains that count.", Unit::Count, number(summary.chains)),
            labelled("digests", "Standard digests.", Unit::Count, "outcome", outcomes(digests)),
            labelled(
                "backfill_digests",
                "Backfill digests.",
                Unit::Count,
                "outcome",
                outcomes(&summary.counts.backfill),
            ),
            labelled("log_files", "Log files.", Unit::Count, "outcome", outcomes(logs)),
            labelled(
                "findings",
                "Findings: the evidence contradicts something.",
                Unit::Count,
                "code",
                FindingCode::iter()
                    .map(|code| {
                        (code.into(), number(self.findings.get(&code).copied().unwrap_or(0)))
                    })
                    .collect(),
            ),
            labelled(
                "read_failures",
                "Objects and listings that could not be read.",
                Unit::Count,
                "reason",
                ReadFailureKind::iter()
                    .map(|kind| {
                        (kind.code(), number(self.read_failures.get(&kind).copied().unwrap_or(0)))
                    })
                    .collect(),
            ),
            labelled(
                "coverage_seconds",
                "Chain time by coverage.",
                Unit::Seconds,
                "coverage",
                Coverage::all().map(|coverage| covered(summary, coverage)).collect(),
            ),
            plain(
                "log_files_unlisted",
                "Log files that no verified digest names.",
                Unit::Count,
                number(summary.unlisted),
            ),
            plain(
                "listings_unread",
                "Listings that could not be read.",
                Unit::Count,
                number(summary.listings_unread),
            ),
            plain(
                "places_in_doubt",
                "Places that could not be accounted for.",
                Unit::Count,
                number(summary.places_in_doubt),
            ),
            plain(
                "log_files_of_earlier_record",
                "Log files that were not read again because an earlier record proves them.",
                Unit::Count,
                number(self.of_earlier_record),
            ),
            plain(
                "public_keys_of_mirror",
                "1 if the public keys are those in the mirror itself, which nobody else vouches for.",
                Unit::None,
                f64::from(self.has_keys_of_mirror),
            ),
            plain(
                "chains_not_joined",
                "Chains that do not continue those of the preceding record.",
                Unit::Count,
                number(summary.not_joined),
            ),
        ];
        if let Some(newest) = self.oldest_newest() {
            gauges.push(Gauge {
                name: "newest_proven_digest_timestamp_seconds",
                help: "End of the newest proven digest, of the chain for which it is the oldest.",
                unit: Unit::Time,
                label: "",
                values: one(seconds(newest.unix())),
            });
        }
        if let Some(ended) = &self.ended {
            gauges.extend([
                plain(
                    "run_completed_timestamp_seconds",
                    "When the run ended, by the clock of its host.",
                    Unit::Time,
                    seconds(ended.ended.0.unix()),
                ),
                plain(
                    "run_duration_seconds",
                    "Wall time of the run.",
                    Unit::Seconds,
                    number(ended.duration_ms) / 1_000.0,
                ),
                plain("requests", "Requests to the store.", Unit::Count, number(ended.requests)),
                plain(
                    "read_bytes",
                    "Bytes received from the store.",
                    Unit::Bytes,
                    number(ended.bytes),
                ),
            ]);
        }
        Some(gauges)
    }
}

fn plain(name: &'static str, help: &'static str, unit: Unit, value: f64) -> Gauge {
    Gauge { name, help, unit, label: "", values: vec![("", value)] }
}

fn labelled(
    name: &'static str,
    help: &'static str,
    unit: Unit,
    label: &'static str,
    values: Vec<(&'static str, f64)>,
) -> Gauge {
    Gauge { name, help, unit, label, values }
}

fn outcomes(tally: &Tally) -> Vec<(&'static str, f64)> {
    vec![
        ("valid", number(tally.valid)),
        ("invalid", number(tally.invalid)),
        ("unverified", number(tally.unverified)),
    ]
}

fn covered(summary: &RunSummary, coverage: Coverage) -> (&'static str, f64) {
    let totals = &summary.coverage;
    let all = match coverage {
        Coverage::Verified => totals.verified,
        Coverage::Contradicted => totals.contradicted,
        Coverage::Unverified => totals.unverified,
        Coverage::Pending => totals.pending,
        Coverage::Uncovered(why) => uncovered(summary, why),
    };
    (coverage.code(), seconds(all))
}

fn uncovered(summary: &RunSummary, why: Uncovered) -> i64 {
    summary.coverage.uncovered.get(&why).copied().unwrap_or(0)
}

/// Returns a number as monitoring systems hold it. Beyond 2^53 it is the nearest that they can hold.
#[expect(clippy::as_conversions, reason = "no other conversion from 64 bits to a float exists")]
pub(super) fn number(value: u64) -> f64 {
    value as f64
}

/// Returns a number of seconds as monitoring systems hold it.
#[expect(clippy::as_conversions, reason = "no other conversion from 64 bits to a float exists")]
pub(super) fn seconds(value: i64) -> f64 {
    value as f64
}
