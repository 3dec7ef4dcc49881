//! The circumstances of a run: the clock, the host, the user, the program.
use crate::report::record::RunEnvironment;
use crate::session::environment::now;
use crate::session::open::RunFacts;
use crate::source::mirror::custody::{Agent, FileSum};
use std::fs::File;
use std::io;
use std::sync::atomic::Ordering;
use std::time::Instant;
use trailproof_core::record::document::{Circumstances, RunEnded};
use trailproof_core::record::wire::Time;

/// Returns the circumstances of this run, and a function that measures it at its end.
pub(crate) fn environment(facts: RunFacts) -> RunEnvironment {
    let began = Instant::now();
    let circumstances = Circumstances {
        started: Time(facts.began.unwrap_or_else(now)),
        host: host(),
        user: user(),
        arguments: std::env::args_os()
            .skip(1)
            .map(|argument| without_secret(&argument.to_string_lossy()))
            .collect(),
        program_sha256: program().ok(),
        aws_caller: facts.caller,
    };
    let started = circumstances.started.0;
    let ended = Box::new(move || {
        let counts = facts.counts.now();
        RunEnded {
            // The clock may be set back meanwhile.
            ended: Time(now().max(started)),
            duration_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            requests: counts.lists + counts.gets,
            bytes: counts.bytes,
            log_files_skipped: facts.skipped.load(Ordering::Relaxed),
            store_skew_seconds: facts.clock.and_then(|clock| clock.seconds_ahead()),
        }
    });
    RunEnvironment { circumstances, ended }
}

/// Returns who runs the program, for the custody log of a mirror.
pub(crate) fn agent(aws_caller: Option<String>) -> Agent {
    Agent {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        program_sha256: program().ok(),
        host: host(),
        user: user(),
        aws_caller,
    }
}

fn host() -> Option<String> {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Some(name).filter(|name| !name.is_empty())
}

/// Returns the name of the user from the environment, or else the user's number.
fn user() -> Option<String> {
    let named = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let number = || format!("uid {}", rustix::process::geteuid().as_raw());
    Some(named.filter(|name| !name.is_empty()).unwrap_or_else(number))
}

/// Returns the SHA-256 of the running program's file.
fn program() -> io::Result<String> {
    Ok(FileSum::of(&mut File::open(std::env::current_exe()?)?)?.sha256)
}

/// Returns an argument without the parts of a URL that may be secret: user, password, query and
/// fragment. Everything up to the last `@` counts as user and password, because a password may
/// contain any character.
pub(crate) fn without_secret(argument: &str) -> String {
    let Some((before, rest)) = argument.split_once("://") else { return argument.to_owned() };
    if before == "s3" || before.ends_with("=s3") {
        return argument.to_owned();
    }
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    // An `@` after the `?` may end a password that contains a `?`.
    match (rest.rsplit_once('@'), rest.get(..end)) {
        (Some((_, host)), _) => {
            let host = host.split(['?', '#']).next().unwrap_or_default();
            format!("{before}://…@{host}")
        }
        (None, Some(kept)) if kept.len() < rest.len() => format!("{before}://{kept}…"),
        _ => argument.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_a_url_are_removed() {
        for (argument, expected) in [
            ("https://user:pass@host/x", "https://…@host/x"),
            ("--endpoint-url=http://a@b@host", "--endpoint-url=http://…@host"),
            ("s3://bucket/x@y", "s3://bucket/x@y"),
            ("a@b", "a@b"),
            ("https://user:pa/ss@127.0.0.1:1/x", "https://…@127.0.0.1:1/x"),
            ("https://user:p?a#ss@host", "https://…@host"),
            ("http://host/?X-Amz-Security-Token=SECRET", "http://host/…"),
            ("--relocate=s3://a=s3://b/x?y@z", "--relocate=s3://a=s3://b/x?y@z"),
        ] {
            assert_eq!(without_secret(argument), expected);
        }
    }
}
