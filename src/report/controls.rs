//! The controls of frameworks and the checks of other tools that ask about the same as a check. An id is
//! listed only where a source maps it.
use super::trail_config::result::{Control, ControlSource};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::control::check::CheckId;

/// Ids with their sources and dates.
const CONTROLS: &str = include_str!("controls.json");

/// The data file.
#[derive(Debug, Deserialize)]
pub(crate) struct Controls {
    sources: BTreeMap<String, Source>,
    frameworks: BTreeMap<String, Framework>,
    checks: BTreeMap<String, Vec<Mapping>>,
}

#[derive(Debug, Deserialize)]
struct Source {
    name: String,
    date: String,
}

#[derive(Debug, Deserialize)]
struct Framework {
    name: String,
    tool: bool,
}

#[derive(Debug, Deserialize)]
struct Mapping {
    framework: String,
    version: Option<String>,
    source: String,
    ids: Vec<String>,
}

/// The controls of a standard that the integrity of log files serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ServedStandard {
    /// Code of the standard.
    pub(crate) framework: String,
    /// Its name.
    pub(crate) name: String,
    /// Its version, if it has several.
    pub(crate) version: Option<String>,
    /// Ids of the controls.
    pub(crate) ids: Vec<String>,
    /// Who maps them.
    pub(crate) source: String,
    /// The date of the source.
    pub(crate) date: String,
}

impl ServedStandard {
    /// Returns name and version.
    pub(crate) fn standard(&self) -> String {
        match &self.version {
            Some(version) => format!("{} {version}", self.name),
            None => self.name.clone(),
        }
    }
}

/// The check whose controls the integrity of log files serves: validation makes digests, and a run
/// uses them.
pub(crate) const INTEGRITY: CheckId = CheckId::TrailLogFileValidation;

/// Name of the set of the three public policies CT-001 to CT-003.
pub(crate) const POLICIES: &str = "seed-ct";

/// The names of `--framework`.
pub(crate) const FRAMEWORKS: [&str; 10] = [
    "cis",
    "fedramp",
    "gdpr",
    "hipaa",
    "iso27001",
    "nist-800-53",
    "nist-csf",
    "pci",
    POLICIES,
    "soc2",
];

impl Controls {
    /// Reads the data file.
    ///
    /// # Errors
    ///
    /// It is malformed, which a test excludes.
    pub(crate) fn load() -> Result<Self, serde_json::Error> {
        serde_json::from_str(CONTROLS)
    }

    /// Returns the controls of a check.
    pub(crate) fn of(&self, check: CheckId) -> Vec<Control> {
        let mappings = self.checks.get(check.code()).into_iter().flatten();
        let control = |mapping: &Mapping, id: &String| {
            let framework = self.frameworks.get(&mapping.framework);
            Control {
                framework: mapping.framework.clone(),
                name: framework.map_or_else(String::new, |it| it.name.clone()),
                version: mapping.version.clone(),
                tool: framework.is_some_and(|it| it.tool),
                id: id.clone(),
                source: mapping.source.clone(),
            }
        };
        mappings
            .flat_map(|mapping| mapping.ids.iter().map(move |id| control(mapping, id)))
            .collect()
    }

    /// Returns the controls of standards that the integrity of log files serves.
    pub(crate) fn of_integrity(&self) -> Vec<ServedStandard> {
        let mappings = self.checks.get(INTEGRITY.code()).into_iter().flatten();
        let served = |mapping: &Mapping| {
            let framework = self.frameworks.get(&mapping.framework).filter(|it| !it.tool)?;
            let source = self.sources.get(&mapping.source)?;
            Some(ServedStandard {
                framework: mapping.framework.clone(),
                name: framework.name.clone(),
                version: mapping.version.clone(),
                ids: mapping.ids.clone(),
                source: source.name.clone(),
                date: source.date.clone(),
            })
        };
        mappings.filter_map(served).collect()
    }

    /// Returns the same as JSON.
    ///
    /// # Errors
    ///
    /// The data file is malformed, which a test excludes.
    pub(crate) fn integrity_json() -> Result<Vec<serde_json::Value>, serde_json::Error> {
        Self::load()?.of_integrity().iter().map(serde_json::to_value).collect()
    }

    /// Returns the standards, and their requirements, that a check serves; not the checks of tools.
    pub(crate) fn standards(&self, check: CheckId) -> (BTreeSet<String>, BTreeSet<String>) {
        let controls = self.of(check);
        let frameworks = || controls.iter().filter(|control| !control.tool);
        let requirement = |it: &Control| format!("{}: {}", it.standard(), it.id);
        (frameworks().map(Control::standard).collect(), frameworks().map(requirement).collect())
    }

    /// Returns whether a framework has a control that a check serves.
    pub(crate) fn selects(&self, framework: &str, check: CheckId) -> bool {
        if framework == POLICIES {
            return check.policy().is_some();
        }
        let mappings = self.checks.get(check.code()).into_iter().flatten();
        mappings.into_iter().any(|mapping| mapping.framework == framework)
    }

    /// Lists the sources.
    pub(crate) fn sources(&self) -> Vec<ControlSource> {
        let source = |(code, source): (&String, &Source)| ControlSource {
            code: code.clone(),
            name: source.name.clone(),
            date: source.date.clone(),
        };
        self.sources.iter().map(source).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_file_names_only_what_it_defines() {
        let controls = Controls::load().unwrap();
        for (check, mappings) in &controls.checks {
            assert!(check.parse::<CheckId>().is_ok(), "{check}");
            for mapping in mappings {
                assert!(controls.frameworks.contains_key(&mapping.framework), "{mapping:?}");
                assert!(controls.sources.contains_key(&mapping.source), "{mapping:?}");
                assert!(!mapping.ids.is_empty() && mapping.ids.iter().all(|id| !id.is_empty()));
            }
        }
        for framework in FRAMEWORKS {
            let selected = CheckId::all().filter(|check| controls.selects(framework, *check));
            assert!(selected.count() >= 2, "{framework}");
        }
    }

    #[test]
    fn integrity_serves_controls_of_standards_and_no_checks_of_tools() {
        let served = Controls::load().unwrap().of_integrity();
        let pci = served.iter().find(|it| it.framework == "pci").unwrap();
        assert!(pci.ids.contains(&"10.3.4".to_owned()), "{pci:?}");
        assert_eq!(pci.version.as_deref(), Some("4.0.1"));
        assert!(!served.iter().any(|it| it.framework == "prowler" || it.framework == "checkov"));
    }

    #[test]
    fn the_three_policies_have_the_ids_that_their_sources_give() {
        let controls = Controls::load().unwrap();
        let ids = |check, framework: &str| {
            let of = controls.of(check).into_iter().filter(|it| it.framework == framework);
            of.map(|it| format!("{} {}", it.version.unwrap_or_default(), it.id)).collect::<Vec<_>>()
        };
        let key = CheckId::TrailEncryptedWithCustomerKey;
        assert_eq!(ids(key, "checkov"), [" CKV_AWS_35"]);
        assert_eq!(ids(key, "security-hub"), [" CloudTrail.2"]);
        assert_eq!(ids(CheckId::TrailLogFileValidation, "checkov"), [" CKV_AWS_36"]);
        assert_eq!(ids(CheckId::TrailMultiRegion, "checkov"), [" CKV_AWS_67"]);
        assert_eq!(
            ids(CheckId::TrailLogFileValidation, "cis"),
            ["1.4 3.2", "2.0 3.2", "3.0 3.2", "4.0 3.2", "5.0 3.2", "6.0 4.2", "7.0 4.2"]
        );
    }
}
