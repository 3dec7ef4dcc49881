//! `verify --dry-run`: estimates a run from listings alone.
use crate::cli::args::console::GlobalArgs;
use crate::cli::args::verify::VerifyArgs;
use crate::cli::terminal::interrupt::unless_interrupted;
use crate::cli::terminal::progress::Progress;
use crate::cli::terminal::request_summary::{cost, float};
use crate::console::exit::ExitStatus;
use crate::console::refusal::{Refusal, print_result};
use crate::report::numbers::{bytes, grouped};
use crate::report::words::evidence;
use crate::session::environment::now;
use crate::session::open::{CallerLookup, Session};
use crate::session::request::VerifyRequest;
use crate::source::layer::count::Counts;
use crate::verify::discover::survey::{Survey, survey};
use std::sync::Arc;
use std::time::Duration;
use trailproof_core::vocab::location::escape;

/// CPU time to fetch, inflate and hash one object (benches/RESULTS.md), with an allowance for
/// slower machines.
const EACH: Duration = Duration::from_micros(150);

/// Concurrent requests if the store answers well; the maximum of `source::limit`.
const IN_FLIGHT: u64 = 256;

/// Maximum number of unread listings that are named.
const NAMED: usize = 10;

/// Runs the command and returns the exit status: 0; 3 if a part could not be listed; 4 if nothing
/// was found. The status is no verdict on the evidence, because nothing is verified.
pub(crate) async fn run(global: &GlobalArgs, args: &VerifyArgs) -> ExitStatus {
    match unless_interrupted(attempt(global, args)).await {
        Err(signal) => signal,
        Ok(ended) => ended
            .and_then(|(text, status)| print_result(text.as_bytes(), status))
            .unwrap_or_else(|refusal| refusal.print()),
    }
}

async fn attempt(global: &GlobalArgs, args: &VerifyArgs) -> Result<(String, ExitStatus), Refusal> {
    let counts = Arc::new(Counts::default());
    let mut progress = Progress::start(&global.console, Arc::clone(&counts));
    let request = VerifyRequest::of_verify(args, now())?;
    let session =
        Session::open(&global.aws.access(), request, &counts, CallerLookup::Skipped, None).await?;
    let survey = survey(&session.plan, &session.source).await;
    progress.stop();
    session.remarks();
    session.warn_clock_skew();
    let machine = Machine {
        page_time: counts.page_time().unwrap_or_default(),
        cores: std::thread::available_parallelism().map_or(1, |cores| u64::from_count(cores.get())),
        in_flight: args.concurrency.map_or(IN_FLIGHT, u64::from_count),
    };
    // The run repeats the requests that found the chains.
    let made = session.billed.as_ref().map(|billed| billed.now().lists);
    let lists = made.map(|made| made.saturating_sub(survey.pages));
    let search = if session.plan.unlisted { survey.search } else { 0 };
    let mut text = emit(&evidence(&session.plan.place), &survey, lists, search, machine);
    if let Some(made) = made {
        text += &format!("  This listing itself took {} LIST requests.\n", grouped(made));
    }
    let status = match &survey {
        Survey { unread, .. } if !unread.is_empty() => ExitStatus::NotProven,
        _ if survey.covering == 0 && survey.logs == 0 => ExitStatus::NothingFound,
        _ => ExitStatus::Success,
    };
    Ok((text, status))
}

/// Converts the length of a collection to a `u64`.
trait FromCount {
    fn from_count(count: usize) -> Self;
}

impl FromCount for u64 {
    fn from_count(count: usize) -> Self {
        Self::try_from(count).unwrap_or(Self::MAX)
    }
}

/// The figures that the estimate of time rests on.
#[derive(Clone, Copy, Debug)]
struct Machine {
    /// Average time for a page of the listing.
    page_time: Duration,
    cores: u64,
    in_flight: u64,
}

impl Machine {
    /// Returns the seconds for a number of requests, and the basis of the estimate in words.
    fn estimate(self, requests: u64, remote: bool) -> (f64, String) {
        let processor = float(self.cores) / EACH.as_secs_f64();
        let cpu = format!("{} µs of CPU per object on {} cores", EACH.as_micros(), self.cores);
        if !remote {
            return (float(requests) / processor, format!("at {cpu}"));
        }
        let answer = self.page_time.max(Duration::from_millis(1)).as_secs_f64();
        let rate = (float(self.in_flight) / answer).min(processor);
        let words = format!(
            "at {} requests a second: {} in flight, {:.0} ms per answer as measured on the pages \
             of this listing, {cpu}",
            grouped(round(rate)),
            self.in_flight,
            answer * 1e3,
        );
        (float(requests) / rate, words)
    }
}

/// Returns the nearest whole number, for display only.
#[expect(clippy::as_conversions, reason = "a number that is only shown")]
#[expect(clippy::cast_possible_truncation, reason = "far below 2^64")]
#[expect(clippy::cast_sign_loss, reason = "rates and times are positive")]
fn round(value: f64) -> u64 {
    value.round() as u64
}

fn emit(
    location: &str,
    survey: &Survey,
    lists: Option<u64>,
    search: u64,
    machine: Machine,
) -> String {
    let objects = survey.digests + survey.logs;
    let mut lines = vec![
        format!("DRY RUN  {location}"),
        "  Only the listing was read. Nothing was verified.".to_owned(),
        format!("  chains     {}", grouped(survey.chains)),
        format!("  digests    {}", grouped(survey.digests)),
        format!(
            "  log files  {}, {} in the folders of the period's days",
            grouped(survey.logs),
            bytes(survey.log_bytes)
        ),
    ];
    let requests = match lists {
        Some(lists) => {
            let lists = lists + search;
            lines.push(format!("  requests   {}", cost(lists, objects, survey.log_bytes)));
            lists + objects
        }
        None => {
            lines.push(format!("  requests   none to S3; {} files to read", grouped(objects)));
            objects
        }
    };
    let (seconds, words) = machine.estimate(requests, lists.is_some());
    let time = match round(seconds) {
        0 => "less than a second".to_owned(),
        short @ 1..120 => format!("about {short} s"),
        long @ 120..7_200 => format!("about {} minutes", long / 60),
        hours => format!("about {} hours", hours / 3_600),
    };
    lines.push(format!("  time       {time}, {words}"));
    for (folder, why) in survey.unread.iter().take(NAMED) {
        lines.push(format!("  UNREAD     {}: {why}", escape(folder)));
    }
    if survey.unread.len() > NAMED {
        lines.push(format!("  UNREAD     and {} more", survey.unread.len() - NAMED));
    }
    if survey.covering == 0 && survey.logs == 0 && survey.unread.is_empty() {
        lines.push("  Nothing of this period was found.".to_owned());
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_bound_by_latency_or_by_cpu() {
        let machine = Machine { page_time: Duration::from_millis(100), cores: 2, in_flight: 256 };
        // 2,560 requests per second.
        let (seconds, words) = machine.estimate(25_600, true);
        assert!((seconds - 10.0).abs() < 0.01, "{seconds} {words}");
        assert!(words.contains("2,560 requests a second"), "{words}");
        // 13,333 requests per second on two cores, however fast the store is.
        let near = Machine { page_time: Duration::ZERO, ..machine };
        let (seconds, _) = near.estimate(133_333, true);
        assert!((seconds - 10.0).abs() < 0.01, "{seconds}");
        let (seconds, _) = machine.estimate(133_333, false);
        assert!((seconds - 10.0).abs() < 0.01, "{seconds}");
    }
}
