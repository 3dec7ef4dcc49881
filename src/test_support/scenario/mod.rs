//! Named scenarios of `validate-logs`: a world, how it is served, and what a caller asks.
//!
//! They say nothing of what must come out: the AWS CLI says that, run against the same server, and
//! where it is wrong `testdata/aws-divergences.toml` does. The same scenarios are served by hand
//! with `cargo run --features test-support --example serve-trail`.
mod backfill;
mod bad_input;
mod chains;
mod digests;
mod hostile;
mod keys;
mod listing;
mod logs;
mod missing;
mod organization;
mod program;
mod reading;
mod stage;
mod times;

pub use program::{Program, Ran};
pub use stage::Stage;

/// One scenario. Its world is built when it is asked for, the same each time.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What it is known by, in kebab case.
    pub name: &'static str,
    stage: fn() -> Stage,
}

impl Scenario {
    const fn new(name: &'static str, stage: fn() -> Stage) -> Self {
        Self { name, stage }
    }

    /// Builds the world.
    pub fn stage(&self) -> Stage {
        (self.stage)()
    }

    /// Every scenario.
    pub fn all() -> Vec<Self> {
        [
            times::SCENARIOS,
            chains::SCENARIOS,
            missing::SCENARIOS,
            backfill::SCENARIOS,
            organization::SCENARIOS,
            digests::SCENARIOS,
            logs::SCENARIOS,
            keys::SCENARIOS,
            listing::SCENARIOS,
            reading::SCENARIOS,
            hostile::SCENARIOS,
            bad_input::SCENARIOS,
        ]
        .concat()
    }

    /// The scenario of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|scenario| scenario.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::Scenario;
    use std::collections::BTreeSet;

    #[test]
    fn every_name_is_used_once_and_in_kebab_case() {
        let all = Scenario::all();
        let names: BTreeSet<&str> = all.iter().map(|scenario| scenario.name).collect();
        assert_eq!(names.len(), all.len());
        for name in names {
            assert!(
                name.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
                "{name}"
            );
        }
    }
}
