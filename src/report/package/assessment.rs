//! `oscal-assessment-results.json`: the results of the checks in NIST's Open Security Controls Assessment
//! Language. The schema is that of OSCAL 1.2.1, <https://pages.nist.gov/OSCAL/>.
//!
//! A finding is written only for a control of which a check fails, or of which all pass. A control with a
//! check that was not decided has observations and no finding: OSCAL knows no third state.
use super::controls::{ConfigFile, INTEGRITY, IntegrityFile, RECORD, TITLE};
use super::document::{ControlShown, ControlState, PackageDocument};
use crate::report::trail_config::result::{Basis, CheckResult};
use crate::report::trail_config::words;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io;
use trailproof_core::control::status::Status;
use trailproof_core::record::wire::write_json_pretty;
use trailproof_core::vocab::location::escape;

/// Version of OSCAL.
const OSCAL: &str = "1.2.1";

/// Namespace of the properties.
const NAMESPACE: &str = "urn:trailproof:package:v1";

/// Returns the UUID (version 5) of a part of this package, which is the same each time.
fn uuid(package: &str, parts: &[&str]) -> String {
    let mut name = NAMESPACE.as_bytes().to_vec();
    for part in [&[package], parts].concat() {
        name.push(0);
        name.extend_from_slice(part.as_bytes());
    }
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, &name);
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    uuid::Builder::from_sha1_bytes(bytes).into_uuid().to_string()
}

/// Returns an id that OSCAL takes: a token of letters, digits, `.`, `-` and `_`.
fn token(control: &ControlShown) -> String {
    let version = control.standard.rsplit(' ').next().unwrap_or_default();
    let version = Some(version).filter(|it| it.starts_with(|first: char| first.is_ascii_digit()));
    let parts = [Some(control.framework.as_str()), version, Some(control.id.as_str())];
    let joined = parts.into_iter().flatten().collect::<Vec<_>>().join("-");
    let plain = |it: char| if it.is_ascii_alphanumeric() || ".-_".contains(it) { it } else { '-' };
    joined.chars().map(plain).collect::<String>().trim_end_matches('-').to_owned()
}

/// Returns the document.
///
/// # Errors
///
/// It cannot be serialized.
pub(super) fn assessment(
    package: &PackageDocument,
    configs: &[ConfigFile],
    integrity: &IntegrityFile,
) -> io::Result<Vec<u8>> {
    let id = package.declared.id.as_str();
    let (from, to) = (package.run_text("/scope/from"), package.run_text("/scope/to"));
    let mut observations = Vec::new();
    let mut by_check: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let of_record = uuid(id, &["observation", &integrity.path]);
    by_check.entry(INTEGRITY).or_default().push(of_record.clone());
    observations.push(observed_integrity(id, &of_record, integrity));
    for config in configs {
        for (at, result) in config.report.results.iter().enumerate() {
            let own = uuid(id, &["observation", &config.path, &at.to_string()]);
            by_check.entry(result.check.code()).or_default().push(own.clone());
            observations.push(observation(id, &own, config, result, to));
        }
    }
    let decided = package.controls.iter().filter(|control| state(control).is_some());
    let findings: Vec<Value> = decided.map(|control| finding(id, control, &by_check)).collect();
    let include = package.controls.iter().map(|control| json!({ "control-id": token(control) }));
    let mut selection = Map::from_iter([(
        "description".to_owned(),
        Value::from(
            "The controls that the checks of trailproof serve, by the sources in controls.csv.",
        ),
    )]);
    put(&mut selection, "include-controls", include.collect());
    let mut result = Map::new();
    let mut set = |name: &str, value: Value| result.insert(name.to_owned(), value);
    set("uuid", uuid(id, &["result"]).into());
    set("title", "Log files and configuration of the trail".into());
    set(
        "description",
        "What trailproof verify and trail-config found. A control is satisfied as far as the checks go that serve \
         it; no tool decides all of a control."
            .into(),
    );
    set("start", from.into());
    set("end", to.into());
    set("reviewed-controls", json!({ "control-selections": [selection] }));
    put(&mut result, "observations", observations);
    put(&mut result, "findings", findings);
    let plan = uuid(id, &["plan"]);
    let mut resources = vec![json!({
        "uuid": plan,
        "title": "Checks of trailproof",
        "description": "The checks are those of trailproof's reference. There is no assessment plan.",
    })];
    let resource = |title: &str, path: &str, sha256: &str| {
        json!({
            "uuid": uuid(id, &["resource", path]),
            "title": title,
            "rlinks": [{
                "href": path.strip_prefix("data/").unwrap_or(path),
                "hashes": [{ "algorithm": "SHA-256", "value": sha256 }],
            }],
        })
    };
    resources.push(resource("Record of trailproof verify", &integrity.path, &integrity.sha256));
    resources.extend(
        configs.iter().map(|config| {
            resource("Result of trailproof trail-config", &config.path, &config.sha256)
        }),
    );
    let document = json!({
        "assessment-results": {
            "uuid": uuid(id, &["assessment-results"]),
            "metadata": {
                "title": format!("CloudTrail evidence: {}", escape(id)),
                "last-modified": to,
                "version": "1",
                "oscal-version": OSCAL,
            },
            "import-ap": { "href": format!("#{plan}") },
            "results": [result],
            "back-matter": { "resources": resources },
        },
    });
    let mut bytes = Vec::new();
    write_json_pretty(&mut bytes, &document)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Adds a list unless it is empty, which OSCAL does not allow.
fn put(fields: &mut Map<String, Value>, name: &str, list: Vec<Value>) {
    if !list.is_empty() {
        fields.insert(name.to_owned(), list.into());
    }
}

fn observed_integrity(id: &str, own: &str, integrity: &IntegrityFile) -> Value {
    let status = integrity.status();
    json!({
        "uuid": own,
        "title": TITLE,
        "description": format!(
            "{}: the verdict of the run is {}.",
            words::status(status),
            escape(&integrity.verdict)
        ),
        "props": [
            { "name": "check", "ns": NAMESPACE, "value": INTEGRITY },
            { "name": "status", "ns": NAMESPACE, "value": status.code() },
            { "name": "basis", "ns": NAMESPACE, "value": RECORD },
        ],
        "methods": ["TEST"],
        "relevant-evidence": [{
            "href": format!("#{}", uuid(id, &["resource", &integrity.path])),
            "description": format!("About {}.", escape(&integrity.subject)),
        }],
        "collected": integrity.to,
        "remarks": "The time is the end of the period.",
    })
}

fn observation(
    id: &str,
    own: &str,
    config: &ConfigFile,
    result: &CheckResult,
    period_end: &str,
) -> Value {
    let status = result.judgement.status;
    let mut fields = json!({
        "uuid": own,
        "title": words::title(result.check),
        "description": format!("{}: {}", words::status(status), words::why(result)),
        "props": [
            { "name": "check", "ns": NAMESPACE, "value": result.check.code() },
            { "name": "status", "ns": NAMESPACE, "value": status.code() },
            { "name": "basis", "ns": NAMESPACE, "value": result.basis.code() },
        ],
        "methods": [if result.basis == Basis::Live { "TEST" } else { "EXAMINE" }],
        "relevant-evidence": [{
            "href": format!("#{}", uuid(id, &["resource", &config.path])),
            "description": format!("About {}.", escape(&result.subject)),
        }],
        "collected": period_end,
    });
    match (config.report.as_of, fields.as_object_mut()) {
        (Some(as_of), Some(fields)) => {
            fields.insert("collected".to_owned(), as_of.to_string().into());
        }
        (None, Some(fields)) => {
            let words = "The result does not record when its facts were collected; this is the end of \
                         the period.";
            fields.insert("remarks".to_owned(), words.into());
        }
        (_, None) => {}
    }
    fields
}

/// Returns state and reason as OSCAL has them.
fn state(control: &ControlShown) -> Option<(&'static str, &'static str)> {
    match control.state {
        ControlState::Satisfied => Some(("satisfied", "pass")),
        ControlState::NotSatisfied => Some(("not-satisfied", "fail")),
        ControlState::Undecided | ControlState::NotApplicable => None,
    }
}

fn finding(id: &str, control: &ControlShown, by_check: &BTreeMap<&str, Vec<String>>) -> Value {
    let token = token(control);
    let (state, reason) = state(control).unwrap_or(("not-satisfied", "other"));
    let counts = |it: &&super::document::ServingCheck| it.status != Status::NotApplicable.code();
    let serving = control.checks.iter().filter(counts);
    let related = serving.clone().filter_map(|check| by_check.get(check.id.as_str())).flatten();
    let related: Vec<Value> =
        related.map(|observation| json!({ "observation-uuid": observation })).collect();
    let checks: Vec<String> =
        serving.map(|check| format!("{} {}", check.id, check.status)).collect();
    json!({
        "uuid": uuid(id, &["finding", &token]),
        "title": format!("{} {}", control.standard, control.id),
        "description": format!("The checks that serve it: {}.", checks.join(", ")),
        "target": {
            "type": "objective-id",
            "target-id": token,
            "status": { "state": state, "reason": reason },
        },
        "related-observations": related,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_tokens_and_differ_by_version() {
        let of = |framework: &str, standard: &str, id: &str| {
            token(&ControlShown {
                framework: framework.to_owned(),
                standard: standard.to_owned(),
                id: id.to_owned(),
                state: ControlState::Undecided,
                checks: Vec::new(),
            })
        };
        assert_eq!(of("pci", "PCI DSS 4.0.1", "10.3.2"), "pci-4.0.1-10.3.2");
        assert_eq!(of("hipaa", "HIPAA Security Rule", "164.312(b)"), "hipaa-164.312-b");
        assert_eq!(of("soc2", "SOC 2", "CC6.1"), "soc2-2-CC6.1");
    }

    #[test]
    fn a_uuid_has_its_version_and_is_the_same_each_time() {
        let one = uuid("package", &["a", "b"]);
        assert_eq!(one, uuid("package", &["a", "b"]));
        assert_ne!(one, uuid("package", &["ab"]));
        assert_eq!((one.len(), one.as_bytes().get(14)), (36, Some(&b'5')));
    }
}
