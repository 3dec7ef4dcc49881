//! The outputs of `trail-config`, each read by something that this project did not write where there is
//! such a thing.
use super::{fixture, run, scratch};
use serde_json::Value;
use std::fs;

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_file_output_has_its_form() {
    let at = scratch("outputs");
    let path = |name: &str| at.join(name).to_str().unwrap().to_owned();
    let [ocsf, junit, sarif, page] = ["o.jsonl", "j.xml", "s.sarif", "r.html"].map(path);
    let html = format!("html={page}");
    let more = [
        "--ocsf", &ocsf, "--junit", &junit, "--sarif", &sarif, "--report", &html, "--format",
        "jsonl",
    ];
    let output = run(&fixture("plan.json"), &more);
    assert_eq!(output.status.code(), Some(1));
    let events = lines(&String::from_utf8(output.stdout).unwrap());
    let checks: Vec<&Value> = events.iter().filter(|it| it["event"] == "check").collect();
    assert_eq!(events[0]["event"], "config-started");
    assert_eq!(events.last().unwrap()["event"], "config-finished");
    let of = |status: &str| checks.iter().filter(|it| it["status"] == status).count();
    assert_eq!(events.last().unwrap()["fail"], of("FAIL"));

    let schema = fs::read_to_string("testdata/ocsf/compliance-finding-1.6.schema.json").unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let findings = lines(&fs::read_to_string(&ocsf).unwrap());
    assert_eq!(findings.len(), checks.len());
    for finding in &findings {
        let wrong: Vec<String> =
            validator.iter_errors(finding).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
    let ct001 = findings.iter().find(|it| {
        it["compliance"]["control"] == "trail-encrypted-with-customer-key (CT-001)"
            && it["resources"][0]["uid"] == "aws_cloudtrail.bad"
    });
    let compliance = &ct001.unwrap()["compliance"];
    assert_eq!(compliance["status"], "Fail");
    let requirements = compliance["requirements"].as_array().unwrap();
    assert!(requirements.contains(&"CIS AWS Foundations Benchmark 3.0: 3.5".into()));
    let standards = compliance["standards"].as_array().unwrap();
    assert!(standards.contains(&"PCI DSS 4.0.1".into()));
    assert!(!standards.contains(&"Checkov".into()), "a tool is not a standard");

    let text = fs::read_to_string(&junit).unwrap();
    assert_eq!(text.matches("<failure").count(), of("FAIL"));
    assert_eq!(text.matches("<testcase").count(), checks.len());

    let document: Value = serde_json::from_str(&fs::read_to_string(&sarif).unwrap()).unwrap();
    let run = &document["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), of("FAIL"));
    let rules: Vec<&Value> =
        run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
    for result in results {
        assert!(rules.contains(&&result["ruleId"]));
        let place = &result["locations"][0];
        assert_eq!(place["physicalLocation"]["artifactLocation"]["uri"], "plan.json");
        assert!(place["logicalLocations"][0]["fullyQualifiedName"].is_string());
    }

    let page = fs::read_to_string(&page).unwrap();
    assert!(page.contains("aws_cloudtrail.compliance") && page.contains("CKV_AWS_35"));
    assert!(page.contains("Content-Security-Policy") && !page.contains("<script"));
}

#[test]
fn annotations_are_one_line_for_each_failure() {
    let output = run(&fixture("plan.json"), &["--format", "github"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().all(|line| {
        ["::error title=", "::warning title=", "::notice title="]
            .iter()
            .any(|it| line.starts_with(it))
    }));
    assert!(
        text.contains("::error title=trail-encrypted-with-customer-key (CT-001)%3A "),
        "{text}"
    );
}

/// Names from a plan are the writer's of the plan: none reaches a terminal, a page or XML as it stands.
#[test]
fn hostile_names_are_escaped() {
    let mut plan: Value = serde_json::from_slice(&fs::read(fixture("plan.json")).unwrap()).unwrap();
    let hostile = "\u{1b}[2J<script>alert(1)</script>\u{202e}&";
    for change in plan["resource_changes"].as_array_mut().unwrap() {
        if change["type"] == "aws_cloudtrail" {
            change["address"] = format!("aws_cloudtrail.{hostile}").into();
            change["change"]["after"]["name"] = hostile.into();
            change["change"]["after"]["kms_key_id"] = hostile.into();
        }
    }
    let at = scratch("hostile");
    let file = at.join("plan.json");
    fs::write(&file, plan.to_string()).unwrap();
    let page = at.join("r.html");
    let junit = at.join("j.xml");
    let html = format!("html={}", page.display());
    for format in ["text", "github"] {
        let more =
            ["--format", format, "--report", &html, "--junit", junit.to_str().unwrap(), "--force"];
        let output = run(&file, &more);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
    }
    for file in [page, junit] {
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("<script") && !text.contains('\u{1b}'), "{}", file.display());
        assert!(!text.contains('\u{202e}'), "{}", file.display());
    }
}

/// A result that is joined comes from a file, whose texts are anyone's.
#[test]
fn nothing_of_a_joined_result_is_written_raw() {
    let at = scratch("hostile-join");
    let output = run(&fixture("state.json"), &["--format", "json"]);
    let mut document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let hostile = "\u{1b}[31m\u{202e}<script>\r\n::error::x";
    for result in document["results"].as_array_mut().unwrap() {
        result["controls"] = serde_json::json!([{ "framework": hostile, "name": hostile,
            "version": hostile, "tool": false, "id": hostile, "source": hostile }]);
        result["wanted"] = serde_json::json!({ hostile: hostile });
        result["subject"] = hostile.into();
    }
    document["inputs"][0]["sha256"] = hostile.into();
    let (one, page) = (at.join("one.json"), at.join("page.html"));
    fs::write(&one, document.to_string()).unwrap();
    let html = format!("html={}", page.to_str().unwrap());
    let mut command =
        crate::support::program::program(&["trail-config", "--report", &html, "--join"]);
    let output = command.arg(&one).arg(&one).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let page = fs::read_to_string(&page).unwrap();
    for text in [&String::from_utf8(output.stdout).unwrap(), &page] {
        for raw in ["\u{1b}", "\u{202e}", "\r"] {
            assert!(!text.contains(raw), "{raw:?}");
        }
    }
    // On a terminal, it is a text like any other.
    assert!(!page.contains("<script>"));
}
