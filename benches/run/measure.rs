//! Runs a program and measures its resources.
//!
//! CPU time and memory are read from `/proc`: for a process that has ended and has not been waited
//! for, the kernel still reports the CPU time of all its threads, to a hundredth of a second.
use crate::Outcome;
use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The resources that one run used.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    /// Peak of resident memory, in KiB.
    pub(crate) peak: u64,
    pub(crate) status: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// Length of a kernel tick. Linux reports 100 ticks a second to programs on every architecture in
/// use.
const TICK: Duration = Duration::from_millis(10);

/// Runs the command until it ends.
pub(crate) fn run(command: &mut Command) -> Outcome<Run> {
    let begun = Instant::now();
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut out = child.stdout.take().ok_or("no output")?;
    let mut err = child.stderr.take().ok_or("no output")?;
    let gathered = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        out.read_to_end(&mut bytes).map(|_| bytes)
    });
    let errors = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        err.read_to_end(&mut bytes).map(|_| bytes)
    });
    let folder = format!("/proc/{}", child.id());
    let mut peak = 0;
    let cpu = loop {
        if let Some(kib) = high_water(&folder) {
            peak = kib;
        }
        let stat = std::fs::read_to_string(format!("{folder}/stat"))?;
        if let Some(cpu) = cpu_of_ended(&stat) {
            break cpu;
        }
        // Poll often at first, so that short runs are timed accurately; later the polling must cost
        // nothing.
        let pause = begun.elapsed() / 200;
        std::thread::sleep(pause.clamp(Duration::from_millis(1), Duration::from_millis(20)));
    };
    let wall = begun.elapsed();
    let status = child.wait()?.code();
    let stdout = gathered.join().map_err(|_| "reading the output failed")??;
    let stderr = errors.join().map_err(|_| "reading the output failed")??;
    Ok(Run { wall, cpu, peak, status, stdout, stderr })
}

fn high_water(folder: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("{folder}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Returns the CPU time in user and kernel mode of a process that has ended.
fn cpu_of_ended(stat: &str) -> Option<Duration> {
    // The name, in parentheses, may contain any character.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    if fields.next()? != "Z" {
        return None;
    }
    // The fields are numbered from 1; the state is the third, user time the fourteenth.
    let mut times = fields.skip(10).map(|field| field.parse::<u32>().ok());
    Some(TICK * (times.next()?? + times.next()??))
}

/// Returns the CPU time used so far by a running process, to a hundredth of a second.
pub(crate) fn cpu_of(process: u32) -> Outcome<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, rest) = stat.rsplit_once(") ").ok_or("an empty file")?;
    let mut times = rest.split(' ').skip(11);
    let mut next = || times.next().ok_or("too few fields");
    Ok(TICK * (next()?.parse::<u32>()? + next()?.parse::<u32>()?))
}

/// Returns the CPU time of this thread.
pub(crate) fn thread_cpu() -> Outcome<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split(' ').next().ok_or("an empty file")?;
    Ok(Duration::from_nanos(nanoseconds.parse()?))
}
