//! Progress on stderr, drawn at intervals from counters that the run keeps in any case.
use super::estimate::{Rate, Work};
use super::waits::{Waits, watch};
use crate::cli::args::console::{ConsoleArgs, ProgressMode};
use crate::console::stream::print_to_stderr;
use crate::report::numbers::{bytes, grouped};
use crate::source::layer::count::Counts;
use crate::verify::plan::Workload;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use trailproof_core::record::RunEvent;

/// Interval at which the line on a terminal is drawn.
const TICK: Duration = Duration::from_millis(200);

/// Interval of the lines of `--progress json`.
const JSON_TICK: Duration = Duration::from_secs(1);

/// Interval of the lines of `--progress always` where stderr is not a terminal.
const LINE_TICK: Duration = Duration::from_secs(10);

/// Columns of the line. A narrower terminal cuts it off.
const COLUMNS: usize = 80;

/// Longest and shortest bar, in columns. A shorter one shows nothing.
const BAR: (usize, usize) = (24, 8);

/// What a run is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Opening,
    Listing,
    Verifying,
    /// Every chain is verified, and folders are searched for what no digest names.
    Searching,
    /// A mirror copies what the verification did not read.
    Copying,
}

impl Phase {
    const ALL: [Self; 5] =
        [Self::Opening, Self::Listing, Self::Verifying, Self::Searching, Self::Copying];

    fn word(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Listing => "listing",
            Self::Verifying => "verifying",
            Self::Searching => "searching",
            Self::Copying => "copying",
        }
    }
}

/// Everything that the line is made of, shared by the run and the drawing.
#[derive(Debug)]
struct Seen {
    began: Instant,
    counts: Arc<Counts>,
    workload: Arc<Workload>,
    /// Number of log files that were not read again.
    skipped: OnceLock<Arc<AtomicU64>>,
    phase: AtomicU8,
    /// Digests in the listing; zero until it is complete.
    listed: AtomicU64,
    chains: AtomicU64,
    chains_finished: AtomicU64,
}

/// The progress of a run on stderr.
#[derive(Debug)]
pub(crate) struct Progress {
    seen: Arc<Seen>,
    bar: Option<ProgressBar>,
    drawing: Option<tokio::task::JoinHandle<()>>,
    quiet: bool,
}

impl Progress {
    /// Starts to report progress as requested.
    pub(crate) fn start(console: &ConsoleArgs, counts: Arc<Counts>) -> Self {
        let ConsoleArgs { quiet, progress: mode, .. } = *console;
        let seen = Arc::new(Seen::new(counts));
        let terminal = std::io::stderr().is_terminal();
        let mut progress = Self { seen: Arc::clone(&seen), bar: None, drawing: None, quiet };
        if quiet {
            return progress;
        }
        let drawing = match mode {
            ProgressMode::Json => tokio::spawn(lines(seen, JSON_TICK, json_line)),
            ProgressMode::Auto | ProgressMode::Always if terminal => {
                let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
                if let Ok(style) = ProgressStyle::with_template("{wide_msg}") {
                    bar.set_style(style);
                }
                progress.bar = Some(bar.clone());
                tokio::spawn(draw(seen, bar))
            }
            ProgressMode::Always => tokio::spawn(lines(seen, LINE_TICK, |view| view.line(COLUMNS))),
            ProgressMode::Auto | ProgressMode::Never => watch(Arc::clone(&seen.counts)),
        };
        progress.drawing = Some(drawing);
        progress
    }

    /// Returns the counters of requests that are shown.
    pub(crate) fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.seen.counts)
    }

    /// Returns the counters for the run to keep.
    pub(crate) fn workload(&self) -> Arc<Workload> {
        Arc::clone(&self.seen.workload)
    }

    /// Takes the counter of log files that are not read again.
    pub(crate) fn skips(&self, skipped: &Arc<AtomicU64>) {
        // A run has one record that it resumes from.
        let _ = self.seen.skipped.set(Arc::clone(skipped));
    }

    /// Takes an event of the run.
    pub(crate) fn note(&self, event: &RunEvent) {
        let seen = &self.seen;
        match event {
            RunEvent::RunStarted(_) => seen.enter(Phase::Listing),
            RunEvent::BucketListed { digests, chains, .. } => {
                seen.listed.store(*digests, Ordering::Relaxed);
                seen.chains.store(*chains, Ordering::Relaxed);
                seen.enter(Phase::Verifying);
            }
            RunEvent::ChainFinished(_) => {
                let finished = seen.chains_finished.fetch_add(1, Ordering::Relaxed) + 1;
                if finished == seen.chains.load(Ordering::Relaxed) {
                    seen.enter(Phase::Searching);
                }
            }
            _ => {}
        }
    }

    /// Reports that log files are read, whose number is not known.
    pub(crate) fn searching(&self) {
        self.seen.enter(Phase::Searching);
    }

    /// Reports that a mirror copies what the verification did not read.
    pub(crate) fn copying(&self) {
        self.seen.enter(Phase::Copying);
    }

    /// Removes the line.
    pub(crate) fn stop(&mut self) {
        if let Some(drawing) = self.drawing.take() {
            drawing.abort();
        }
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Removes the line and prints how far the run is that a signal ended, and how to go on unless
    /// something else says so.
    pub(crate) fn interrupted(&mut self, hint: Option<&str>) {
        self.stop();
        if self.quiet {
            return;
        }
        let view = self.seen.view(&Rate::default());
        let hint = hint.map(|hint| format!("\n\nhint: {hint}")).unwrap_or_default();
        print_to_stderr(&format!("{}{hint}", view.interrupted()));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Seen {
    fn new(counts: Arc<Counts>) -> Self {
        Self {
            began: Instant::now(),
            counts,
            workload: Arc::default(),
            skipped: OnceLock::new(),
            phase: AtomicU8::new(0),
            listed: AtomicU64::new(0),
            chains: AtomicU64::new(0),
            chains_finished: AtomicU64::new(0),
        }
    }

    fn enter(&self, phase: Phase) {
        let at = Phase::ALL.iter().position(|known| *known == phase);
        self.phase.store(at.and_then(|at| u8::try_from(at).ok()).unwrap_or(0), Ordering::Relaxed);
    }

    fn phase(&self) -> Phase {
        let at = usize::from(self.phase.load(Ordering::Relaxed));
        Phase::ALL.get(at).copied().unwrap_or(Phase::Opening)
    }

    fn work(&self) -> Work {
        let (now, waiting) = (self.counts.now(), self.counts.waiting());
        let failed = waiting.refused + waiting.broken;
        Work {
            listed: self.listed.load(Ordering::Relaxed),
            walked: self.workload.walked(),
            named: self.workload.named(),
            skipped: self.skipped.get().map_or(0, |skipped| skipped.load(Ordering::Relaxed)),
            done: now.gets.saturating_sub(failed + now.in_flight),
        }
    }

    /// Notes in `rate` how much is read by now, once reading has begun.
    fn look(&self, rate: &mut Rate) {
        match self.phase() {
            Phase::Opening | Phase::Listing => *rate = Rate::default(),
            Phase::Verifying | Phase::Searching | Phase::Copying => {
                rate.look(self.began.elapsed(), self.work().done);
            }
        }
    }

    fn view(&self, rate: &Rate) -> View {
        let (now, work) = (self.counts.now(), self.work());
        View {
            phase: self.phase(),
            elapsed: self.began.elapsed(),
            requests: now.lists + now.gets,
            bytes: now.bytes,
            refused: self.counts.waiting().refused,
            per_second: rate.per_second(),
            left: rate.left(&work),
            work,
        }
    }
}

/// Draws the line on a terminal until the task is aborted.
async fn draw(seen: Arc<Seen>, bar: ProgressBar) {
    let (mut waits, mut rate) = (Waits::new(), Rate::default());
    loop {
        seen.look(&mut rate);
        let view = seen.view(&rate);
        bar.set_message(match waits.words(view.elapsed, &seen.counts.waiting()) {
            Some(words) => view.waiting(&words),
            None => view.line(COLUMNS),
        });
        bar.tick();
        tokio::time::sleep(TICK).await;
    }
}

/// Prints a line at intervals until the task is aborted.
async fn lines(seen: Arc<Seen>, every: Duration, line: fn(&View) -> String) {
    let mut rate = Rate::default();
    loop {
        seen.look(&mut rate);
        tokio::time::sleep(every).await;
        seen.look(&mut rate);
        print_to_stderr(&line(&seen.view(&rate)));
    }
}

/// One look at a run.
#[derive(Clone, Copy, Debug)]
struct View {
    phase: Phase,
    elapsed: Duration,
    work: Work,
    requests: u64,
    bytes: u64,
    /// Requests that the store throttled.
    refused: u64,
    per_second: Option<f64>,
    left: Option<Duration>,
}

impl View {
    /// Returns how much is done, in percent, rounded down. Only what is done is 100 %: what is still to
    /// come is estimated.
    fn percent(&self) -> Option<u64> {
        let expected = self.work.expected()?.max(1);
        let share = u128::from(self.work.done) * 100 / u128::from(expected);
        Some(u64::try_from(share).unwrap_or(99).min(99))
    }

    /// Returns the line, which is at most `columns` wide: phase, percentage, bar, objects, rate and the
    /// time left.
    fn line(&self, columns: usize) -> String {
        let mut after = Vec::new();
        let (done, expected) = (grouped(self.work.done), self.work.expected());
        match (self.phase, expected) {
            (Phase::Opening | Phase::Listing, _) => {
                after.push(format!("{} requests", grouped(self.requests)));
            }
            (_, Some(expected)) => after.push(format!("{done}/{}", grouped(expected))),
            (_, None) => after.push(format!("{done} of {}+", grouped(self.work.listed))),
        }
        if let Some(rate) = self.per_second.filter(|_| self.is_reading()) {
            after.push(format!("{rate:.0}/s"));
        }
        let throttled = (self.refused > 0).then(|| format!("throttled {}", grouped(self.refused)));
        after.push(throttled.unwrap_or_else(|| bytes(self.bytes)));
        if let Some(left) = self.left.filter(|_| self.phase == Phase::Verifying) {
            after.push(about(left));
        }
        let percent = self.percent().filter(|_| self.phase == Phase::Verifying);
        let before = match percent {
            Some(percent) => format!("{:9} {percent:>2} %", self.phase.word()),
            None => format!("{:9}", self.phase.word()),
        };
        let after = after.join("  ");
        let rest = before.chars().count() + after.chars().count() + "  []  ".len();
        let bar = columns.saturating_sub(rest).min(BAR.0);
        let line = match percent {
            Some(percent) if bar >= BAR.1 => {
                let full = usize::try_from(percent).unwrap_or(0) * bar / 100;
                format!("{before}  [{}{}]  {after}", "#".repeat(full), "-".repeat(bar - full))
            }
            _ => format!("{before}  {after}"),
        };
        line.chars().take(columns).collect()
    }

    /// Returns the line of a run that waits for the store.
    fn waiting(&self, words: &str) -> String {
        match self.percent() {
            Some(percent) => format!("{} {percent} %: {words}", self.phase.word()),
            None => format!("{}: {words}", self.phase.word()),
        }
    }

    fn is_reading(&self) -> bool {
        !matches!(self.phase, Phase::Opening | Phase::Listing)
    }

    /// Returns how far a run is that was interrupted.
    fn interrupted(&self) -> String {
        let read = match (self.work.done, self.work.expected()) {
            (0, _) => "nothing was read".to_owned(),
            (done, Some(expected)) => {
                format!("{} of about {} objects were read", grouped(done), grouped(expected))
            }
            (done, None) => format!("{} objects were read", grouped(done)),
        };
        let (phase, seconds) = (self.phase.word(), self.elapsed.as_secs());
        format!("interrupted after {seconds} s while {phase}: {read} ({})", bytes(self.bytes))
    }
}

/// Returns the view as a line of JSON. Names are stable; what is not known is null.
fn json_line(view: &View) -> String {
    let line = json!({
        "phase": view.phase.word(),
        "elapsed_seconds": view.elapsed.as_secs(),
        "objects_read": view.work.done,
        "objects_expected": view.work.expected(),
        "digests_listed": view.work.listed,
        "requests": view.requests,
        "requests_throttled": view.refused,
        "bytes": view.bytes,
        "objects_per_second": view.per_second.map(f64::round),
        "seconds_left": view.left.map(|left| left.as_secs()),
    });
    line.to_string()
}

/// Returns a time left in words that do not pretend to be exact.
fn about(left: Duration) -> String {
    match left.as_secs() {
        0..5 => "a few seconds left".to_owned(),
        seconds @ 5..60 => format!("about {} s left", seconds.div_ceil(5) * 5),
        seconds @ 60..3_600 => format!("about {} min left", seconds.div_ceil(60)),
        seconds @ 3_600..360_000 => {
            format!("about {} h {} min left", seconds / 3_600, seconds % 3_600 / 60)
        }
        _ => "more than 100 h left".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(phase: Phase, work: Work) -> View {
        View {
            phase,
            elapsed: Duration::from_secs(4),
            work,
            requests: 3_184,
            bytes: 9_900_000,
            refused: 0,
            per_second: Some(743.2),
            left: Some(Duration::from_secs(19)),
        }
    }

    fn reading() -> Work {
        Work { listed: 2_870, walked: 500, named: 2_531, skipped: 0, done: 2_974 }
    }

    #[test]
    fn the_line_shows_share_bar_objects_rate_and_time_left() {
        assert_eq!(
            view(Phase::Verifying, reading()).line(80),
            "verifying 17 %  [##--------------]  2,974/17,397  743/s  9.9 MB  about 20 s left"
        );
        assert_eq!(
            view(Phase::Listing, Work::default()).line(80),
            "listing    3,184 requests  9.9 MB"
        );
        let early = Work { walked: 1, named: 4, done: 7, ..reading() };
        assert_eq!(
            View { left: None, ..view(Phase::Verifying, early) }.line(80),
            "verifying  7 of 2,870+  743/s  9.9 MB"
        );
        let throttled = View { refused: 36, ..view(Phase::Verifying, reading()) };
        assert!(throttled.line(80).contains("  throttled 36  "), "{}", throttled.line(80));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_none_says_that_all_is_done() {
        let huge = 999_999_999_999;
        for work in [
            Work { listed: huge, walked: huge, named: huge, skipped: 0, done: huge },
            Work { listed: 1, walked: 1, named: 0, skipped: 0, done: 1 },
            Work {
                listed: u64::MAX,
                walked: u64::MAX,
                named: u64::MAX,
                skipped: 0,
                done: u64::MAX,
            },
        ] {
            for phase in Phase::ALL {
                for columns in [20, 60, 80, 160] {
                    let line = view(phase, work).line(columns);
                    assert!(line.chars().count() <= columns, "{line}");
                    assert!(!line.contains("100 %"), "{line}");
                }
            }
        }
    }

    #[test]
    fn an_interrupted_run_says_how_far_it_was() {
        assert_eq!(
            view(Phase::Verifying, reading()).interrupted(),
            "interrupted after 4 s while verifying: 2,974 of about 17,397 objects were read (9.9 MB)"
        );
        assert_eq!(
            View { bytes: 0, ..view(Phase::Opening, Work::default()) }.interrupted(),
            "interrupted after 4 s while opening: nothing was read (0 bytes)"
        );
    }

    #[test]
    fn the_time_left_is_rounded_up() {
        for (seconds, words) in [
            (0, "a few seconds left"),
            (5, "about 5 s left"),
            (6, "about 10 s left"),
            (60, "about 1 min left"),
            (61, "about 2 min left"),
            (3_600, "about 1 h 0 min left"),
            (7_259, "about 2 h 0 min left"),
            (400_000, "more than 100 h left"),
        ] {
            assert_eq!(about(Duration::from_secs(seconds)), words);
        }
    }

    #[test]
    fn a_line_of_json_has_stable_names() {
        let line: serde_json::Value =
            serde_json::from_str(&json_line(&view(Phase::Verifying, reading()))).unwrap();
        assert_eq!(
            line,
            json!({
                "phase": "verifying",
                "elapsed_seconds": 4,
                "objects_read": 2_974,
                "objects_expected": 17_397,
                "digests_listed": 2_870,
                "requests": 3_184,
                "requests_throttled": 0,
                "bytes": 9_900_000,
                "objects_per_second": 743.0,
                "seconds_left": 19,
            })
        );
    }
}
