//! Serves one scenario on a loopback port until it is killed, and prints how to point the AWS CLI
//! and trailproof at it:
//!
//! `cargo run --example serve-trail -- [--port N] [--latency MS] [--list] SCENARIO`
fn main() -> std::process::ExitCode {
    match serving::run(std::env::args().skip(1)) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(problem) => {
            serving::say(&format!("serve-trail: {problem}\n{}", serving::USAGE));
            std::process::ExitCode::from(2)
        }
    }
}

mod serving {
    use std::io::Write as _;
    use std::time::Duration;
    use trailproof_core::vocab::location::shell_word;
    use trailproof_testkit::scenario::Scenario;

    pub(super) const USAGE: &str = "usage: serve-trail [--port N] [--latency MS] [--list] SCENARIO";

    /// The command line.
    #[derive(Default)]
    struct Wanted {
        port: u16,
        latency: u16,
        list: bool,
        scenario: Option<String>,
    }

    pub(super) fn run(arguments: impl Iterator<Item = String>) -> Result<(), String> {
        let wanted = read(arguments)?;
        if wanted.list {
            Scenario::all().iter().for_each(|scenario| show(scenario.name));
            return Ok(());
        }
        let name = wanted.scenario.ok_or("a scenario must be named; `--list` shows them all")?;
        let scenario = Scenario::named(&name)
            .ok_or_else(|| format!("there is no scenario `{name}`; `--list` shows them all"))?;
        let mut stage = scenario.stage();
        stage.options.port = wanted.port;
        stage.options.latency = Duration::from_millis(wanted.latency.into());
        let server = stage.serve().map_err(|error| format!("cannot serve: {error}"))?;
        let endpoint = server.endpoint();
        let arguments = stage.arguments(&endpoint);
        let arguments: Vec<_> = arguments.iter().map(|word| shell_word(word)).collect();
        let arguments = arguments.join(" ");
        show(&format!("# {name} at {endpoint}, until this is killed"));
        for (variable, value) in stage.environment(&endpoint, "/dev/null") {
            show(&format!("export {variable}={}", shell_word(&value)));
        }
        show(&format!("aws cloudtrail validate-logs {arguments}"));
        show(&format!("trailproof validate-logs {arguments}"));
        loop {
            std::thread::park();
        }
    }

    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Wanted, String> {
        let mut wanted = Wanted::default();
        while let Some(argument) = arguments.next() {
            let mut number = || {
                let value = arguments.next().and_then(|value| value.parse().ok());
                value.ok_or_else(|| format!("`{argument}` needs a number up to 65535"))
            };
            match argument.as_str() {
                "--port" => wanted.port = number()?,
                "--latency" => wanted.latency = number()?,
                "--list" => wanted.list = true,
                option if option.starts_with('-') => {
                    return Err(format!("there is no option `{option}`"));
                }
                _ if wanted.scenario.is_some() => return Err("one scenario at a time".to_owned()),
                _ => wanted.scenario = Some(argument),
            }
        }
        Ok(wanted)
    }

    fn show(line: &str) {
        // If the pipe was closed, the reader has what it needs.
        let _ = writeln!(std::io::stdout(), "{line}");
    }

    pub(super) fn say(line: &str) {
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}
