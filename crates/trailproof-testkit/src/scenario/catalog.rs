//! All scenarios, by name.
use super::stage::Scenario;
use super::{
    backfill, bad_input, chains, demo, digests, hostile, keys, listing, logs, missing,
    organization, reading, times,
};

impl Scenario {
    /// Returns every scenario.
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
            demo::SCENARIOS,
            bad_input::SCENARIOS,
        ]
        .concat()
    }

    /// Returns the scenario with this name.
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
