//! Prints figures: one line for each program, then the ratios next to their bars.
use crate::Outcome;
use crate::measure::Run;
use crate::serve::ObjectFacts;
use std::time::Duration;

/// Prints the machine's properties, on which every figure depends.
pub(crate) fn machine() -> Outcome<()> {
    let cpus = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.unwrap_or_default().trim_start_matches([' ', '\t', ':']);
    let cores = std::thread::available_parallelism()?;
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let load: Vec<&str> = load.split(' ').take(3).collect();
    println!("{cores} cores, {model}; load {} before", load.join(" "));
    Ok(())
}

/// The results of one program over several runs, with the figures that are compared.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    pub(crate) name: String,
    /// Median of the runs' times.
    pub(crate) wall: Duration,
    /// Median of the runs' CPU times.
    pub(crate) cpu: Duration,
    /// Highest peak of resident memory, in KiB.
    pub(crate) peak: u64,
    pub(crate) last: Run,
    pub(crate) seen: ObjectFacts,
}

impl Figures {
    /// Summarizes runs; `seen` is what the server recorded of the last one.
    pub(crate) fn of(name: &str, runs: Vec<Run>, seen: ObjectFacts) -> Outcome<Self> {
        let walls = runs.iter().map(|run| run.wall).collect();
        let cpus = runs.iter().map(|run| run.cpu).collect();
        let peak = runs.iter().map(|run| run.peak).max().unwrap_or(0);
        let last = runs.into_iter().next_back().ok_or("no run")?;
        let (wall, cpu) = (median(walls), median(cpus));
        let figures = Self { name: name.to_owned(), wall, cpu, peak, last, seen };
        figures.print();
        Ok(figures)
    }

    fn print(&self) {
        let ObjectFacts { requests, gets, throttled, connections, in_flight } = self.seen;
        let each = each(self.cpu, gets);
        println!(
            "{:<28} {:>9.2} s wall {:>9.2} s CPU {:>8.0} µs CPU/object {:>7.1} MB peak  \
             {requests} requests ({gets} GETs, {throttled} throttled), {connections} connections, \
             at most {in_flight} in flight, exit status {}",
            self.name,
            self.wall.as_secs_f64(),
            self.cpu.as_secs_f64(),
            each,
            megabytes(self.peak),
            self.last.status.map_or_else(|| "none".to_owned(), |status| status.to_string()),
        );
    }
}

/// Returns the microseconds of CPU time for each of `count` items.
pub(crate) fn each(cpu: Duration, count: u64) -> f64 {
    cpu.as_secs_f64() * 1e6 / float(count.max(1))
}

/// Converts KiB to MB, the unit of the bars.
pub(crate) fn megabytes(kib: u64) -> f64 {
    float(kib) * 1024.0 / 1e6
}

/// Converts a count for division.
pub(crate) fn float(count: u64) -> f64 {
    // Counts here are far below 2^32; above it the figure would be useless anyway.
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Prints whether a figure is at least its bar.
pub(crate) fn at_least(what: &str, figure: f64, bar: f64) {
    let word = if figure >= bar { "met" } else { "MISSED" };
    println!("  {what}: {figure:.2} (bar: at least {bar}) {word}");
}

/// Prints whether a figure is at most its bar.
pub(crate) fn at_most(what: &str, figure: f64, bar: f64) {
    let word = if figure <= bar { "met" } else { "MISSED" };
    println!("  {what}: {figure:.2} (bar: at most {bar}) {word}");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
