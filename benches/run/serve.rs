//! The server in a separate process, and its protocol: one line in, one line out.
use crate::Outcome;
use crate::bare;
use crate::measure::cpu_of;
use crate::world::{BUCKET, LATER, REGION, Sized, listed_from};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;
use trailproof_testkit::server::{
    GeneratedTrail, LoopbackServer, Operation, ServerOptions, Throttling,
};
use trailproof_testkit::world::{Bucket, Version, World};

/// The behaviour of the served store.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Store {
    /// Milliseconds before each response.
    pub(crate) latency: u64,
    /// Requests a second above which it responds with 503; `None` for no limit.
    pub(crate) rate: Option<u32>,
    /// Versions of each object, of which the oldest is what was delivered; none more if 0.
    pub(crate) versions: u32,
}

/// What the server recorded of one run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ObjectFacts {
    pub(crate) requests: u64,
    pub(crate) gets: u64,
    pub(crate) throttled: u64,
    pub(crate) connections: u64,
    pub(crate) in_flight: u64,
}

/// Runs the server until its standard input ends: `--serve WORLD LATENCY RATE VERSIONS`.
pub(crate) fn serve(mut arguments: impl Iterator<Item = String>) -> Outcome<()> {
    let mut next = || arguments.next().ok_or("too few arguments of `--serve`");
    let sized: Sized = next()?.parse()?;
    let latency = Duration::from_millis(next()?.parse()?);
    let rate: u32 = next()?.parse()?;
    let versions: u32 = next()?.parse()?;
    // The expectations are not needed, and take as much memory as the world.
    let mut world: World = sized.0.build().world;
    add_versions(&mut world, versions);
    let throttling = (rate > 0).then(|| Throttling {
        requests_per_second: f64::from(rate),
        burst: f64::from(rate) / 20.0,
    });
    let options = ServerOptions { latency, throttling, ..ServerOptions::default() };
    let server = LoopbackServer::start(world, options)?;
    println!("{}", server.endpoint());
    answer(&server)
}

/// Answers each line of standard input with one line.
fn answer(server: &LoopbackServer) -> Outcome<()> {
    for line in std::io::stdin().lock().lines() {
        match line?.as_str() {
            "forget" => {
                server.forget();
                println!("done");
            }
            "seen" => {
                let seen = server.requests();
                let gets = seen.of(Operation::GetObject);
                let (total, throttled) = (seen.total, seen.throttled);
                println!("{total} {gets} {throttled} {} {}", seen.connections, seen.max_in_flight);
            }
            _ => {
                let (objects, inflated, nanoseconds) = bare::inflate_and_hash(&server.world())?;
                println!("{objects} {inflated} {nanoseconds}");
            }
        }
    }
    Ok(())
}

/// Runs a server whose listings are computed, until its standard input ends:
/// `--serve-listings ACCOUNTS REGIONS HOURS LATENCY`.
pub(crate) fn serve_listings(mut arguments: impl Iterator<Item = String>) -> Outcome<()> {
    let mut next = || arguments.next().ok_or("too few arguments of `--serve-listings`");
    let (accounts, regions) = (next()?.parse()?, next()?.parse()?);
    let hours = next()?.parse()?;
    let bucket = BUCKET.to_owned();
    let generated = GeneratedTrail { bucket, accounts, regions, start: listed_from(hours), hours };
    let latency = Duration::from_millis(next()?.parse()?);
    let mut world = World::default();
    let (objects, settings) = (BTreeMap::new(), BTreeMap::new());
    let bucket = Bucket { region: REGION.to_owned(), objects, settings };
    world.buckets.insert(BUCKET.to_owned(), bucket);
    let options = ServerOptions { latency, generated: Some(generated), ..ServerOptions::default() };
    let server = LoopbackServer::start(world, options)?;
    println!("{}", server.endpoint());
    answer(&server)
}

/// Writes later versions over each object, all of them after everything was delivered.
fn add_versions(world: &mut World, versions: u32) {
    for bucket in world.buckets.values_mut().filter(|_| versions > 1) {
        let on = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        bucket.settings.insert("versioning".to_owned(), on.to_owned());
        for of_key in bucket.objects.values_mut() {
            let Some(first) = of_key.last().cloned() else { continue };
            of_key.extend((1..versions).map(|number| Version {
                version_id: format!("{}-{number}", first.version_id),
                last_modified: LATER + i64::from(number),
                ..first.clone()
            }));
        }
    }
}

/// The server, as seen by the measuring process. The server ends when this is dropped.
pub(crate) struct Server {
    child: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    pub(crate) endpoint: String,
}

impl Server {
    /// Starts the server and waits until the world is built.
    pub(crate) fn start(sized: Sized, store: Store) -> Outcome<Self> {
        let numbers = [store.rate.unwrap_or(0), store.versions].map(|number| number.to_string());
        let world = ["--serve".to_owned(), sized.to_string(), store.latency.to_string()];
        Self::spawn(world.into_iter().chain(numbers))
    }

    /// Starts a server that lists an organization's trail of any length, of which nothing can be read.
    pub(crate) fn of_listings(accounts: u32, hours: u32, latency: u64) -> Outcome<Self> {
        let words = ["--serve-listings".to_owned(), accounts.to_string(), "17".to_owned()];
        Self::spawn(words.into_iter().chain([hours.to_string(), latency.to_string()]))
    }

    fn spawn(arguments: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let commands = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().ok_or("the server has no output")?);
        let mut server = Self { child, commands, answers, endpoint: String::new() };
        server.endpoint = server.line()?;
        Ok(server)
    }

    fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        if line.is_empty() { Err("the server ended".into()) } else { Ok(line.trim().to_owned()) }
    }

    fn ask(&mut self, command: &str) -> Outcome<String> {
        let commands = self.commands.as_mut().ok_or("the server has no input")?;
        writeln!(commands, "{command}")?;
        commands.flush()?;
        self.line()
    }

    fn numbers<const N: usize>(&mut self, command: &str) -> Outcome<[u64; N]> {
        let answer = self.ask(command)?;
        let numbers: Result<Vec<u64>, _> = answer.split(' ').map(str::parse).collect();
        Ok(numbers?.try_into().map_err(|_| "unexpected response of the server")?)
    }

    /// Resets the server's counters, so that the next run starts from zero.
    pub(crate) fn forget(&mut self) -> Outcome<()> {
        self.ask("forget").map(drop)
    }

    /// Returns what the server has recorded since then.
    pub(crate) fn seen(&mut self) -> Outcome<ObjectFacts> {
        let [requests, gets, throttled, connections, in_flight] = self.numbers("seen")?;
        Ok(ObjectFacts { requests, gets, throttled, connections, in_flight })
    }

    /// Returns the CPU time that the server has used so far, over all runs.
    pub(crate) fn cpu(&self) -> Outcome<Duration> {
        cpu_of(self.child.id())
    }

    /// Inflates and hashes every object in the server's process, in one bare loop. Returns objects,
    /// inflated bytes and CPU time.
    pub(crate) fn inflate_and_hash(&mut self) -> Outcome<(u64, u64, Duration)> {
        let [objects, inflated, nanoseconds] = self.numbers("loop")?;
        Ok((objects, inflated, Duration::from_nanos(nanoseconds)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server ends when its input does.
        drop(self.commands.take());
        let _ = self.child.wait();
    }
}
