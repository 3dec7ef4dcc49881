//! The output does not depend on the order of completion: the same bytes and the same exit status
//! at any concurrency, with a store that delays each answer differently.
use crate::support::program::PROGRAM;
use std::path::Path;
use std::time::Duration;
use trailproof_testkit::scenario::{Program, Ran, Scenario};

/// Scenarios with everything that could change its place: valid, INVALID, missing and unreadable
/// objects, gaps, backfill and retries.
const SCENARIOS: [&str; 9] = [
    "realistic-log-files",
    "many-log-files-in-one-minute",
    "several-restarts",
    "changed-bucket-and-back",
    "every-other-digest-missing",
    "backfill-linked-with-one-missing",
    "many-logs-wrong",
    "logs-denied",
    "reads-reset-at-first",
];

/// The longest delay of an answer, several times what an answer takes.
const JITTER: Duration = Duration::from_millis(15);

fn run(scenario: &Scenario, concurrency: &str, jitter: Option<u64>) -> Ran {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("concurrency-home");
    std::fs::create_dir_all(&home).unwrap();
    std::fs::write(home.join("none"), "").unwrap();
    let program = Program {
        path: PROGRAM.into(),
        before: vec!["validate-logs".to_owned()],
        after: vec!["--concurrency".to_owned(), concurrency.to_owned()],
        home,
    };
    let mut stage = scenario.stage();
    if let Some(seed) = jitter {
        // Each seed draws new delays, so answers overtake each other in a different order each
        // time.
        stage.options.seed = seed;
        stage.options.latency_jitter = JITTER;
    }
    let server = stage.serve().unwrap();
    program.run(&stage, &server.endpoint(), Duration::from_secs(120)).unwrap()
}

#[test]
fn output_is_the_same_at_any_concurrency_and_order_of_answers() {
    std::thread::scope(|scope| {
        for name in SCENARIOS {
            scope.spawn(move || {
                let scenario = Scenario::named(name).unwrap();
                let alone = run(&scenario, "1", None);
                assert!(alone.status.is_some() && !alone.stdout.is_empty(), "{name}");
                for concurrency in ["1", "2", "64"] {
                    for jitter in [None, Some(1), Some(2)] {
                        let ran = run(&scenario, concurrency, jitter);
                        assert_eq!(ran.status, alone.status, "{name} at {concurrency} {jitter:?}");
                        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                        assert_eq!(text(&ran.stdout), text(&alone.stdout), "{name} {concurrency}");
                        assert_eq!(text(&ran.stderr), text(&alone.stderr), "{name} {concurrency}");
                    }
                }
            });
        }
    });
}
