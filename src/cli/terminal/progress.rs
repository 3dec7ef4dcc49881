//! Progress on stderr, drawn at intervals from counters that the run keeps in any case.
use super::waits::{Waits, watch};
use crate::source::layer::count::Counts;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use trailproof_core::record::RunEvent;

/// Interval at which the line is drawn.
const TICK: Duration = Duration::from_millis(200);

/// Events of the run so far.
#[derive(Debug, Default)]
struct EventCounts {
    chains: AtomicU64,
    digests: AtomicU64,
    logs: AtomicU64,
    /// Number of digests listed; zero until the listing is complete.
    listed: AtomicU64,
}

/// The progress line on stderr. If stderr is not a terminal, only wait messages are printed.
#[derive(Debug)]
pub(crate) struct Progress {
    events: Arc<EventCounts>,
    bar: Option<ProgressBar>,
    drawing: Option<tokio::task::JoinHandle<()>>,
}

impl Progress {
    /// Starts drawing, unless `quiet`.
    pub(crate) fn start(quiet: bool, counts: Arc<Counts>) -> Self {
        let events = Arc::new(EventCounts::default());
        if quiet {
            return Self { events, bar: None, drawing: None };
        }
        if !std::io::stderr().is_terminal() {
            return Self { events, bar: None, drawing: Some(watch(counts)) };
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
            bar.set_style(style);
        }
        let (drawn, seen) = (bar.clone(), Arc::clone(&events));
        let began = Instant::now();
        let drawing = tokio::spawn(async move {
            let mut waits = Waits::new();
            loop {
                let elapsed = began.elapsed();
                let wait = waits.words(elapsed, &counts.waiting());
                let wait = wait.map(|words| format!("; {words}")).unwrap_or_default();
                drawn.set_message(line(&seen, &counts, elapsed) + &wait);
                drawn.tick();
                tokio::time::sleep(TICK).await;
            }
        });
        Self { events, bar: Some(bar), drawing: Some(drawing) }
    }

    /// Counts an event.
    pub(crate) fn note(&self, event: &RunEvent) {
        if let RunEvent::BucketListed { digests, .. } = event {
            self.events.listed.store(*digests, Ordering::Relaxed);
        }
        let counter = match event {
            RunEvent::ChainFinished(_) => &self.events.chains,
            RunEvent::DigestJudged(_) => &self.events.digests,
            RunEvent::LogJudged(_) => &self.events.logs,
            _ => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Removes the line.
    pub(crate) fn stop(self) {
        drop(self);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(drawing) = self.drawing.take() {
            drawing.abort();
        }
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn line(events: &EventCounts, counts: &Counts, elapsed: Duration) -> String {
    let now = counts.now();
    let requests = now.lists + now.gets;
    let rate = requests.checked_div(elapsed.as_secs().max(1)).unwrap_or(0);
    let digests = events.digests.load(Ordering::Relaxed);
    let listed = events.listed.load(Ordering::Relaxed);
    // Digests take about equally long, so the remaining time follows from the finished ones.
    let left = match (elapsed.as_secs()).checked_mul(listed.saturating_sub(digests)) {
        Some(work) if digests > 0 => format!("{} s left", work / digests),
        _ => "listing".to_owned(),
    };
    format!(
        "{} chains, {digests} of {listed} digests, {} log files, {:.1} MB, {requests} requests \
         ({rate}/s), {} in flight, {left}",
        events.chains.load(Ordering::Relaxed),
        events.logs.load(Ordering::Relaxed),
        megabytes(now.bytes),
        now.in_flight,
    )
}

#[expect(clippy::as_conversions, reason = "a number that is only shown, to one decimal")]
#[expect(clippy::cast_precision_loss, reason = "a number that is only shown, to one decimal")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
