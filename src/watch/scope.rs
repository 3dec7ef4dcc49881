//! What two steps on one state must have in common: a chain of records is about one thing.
use crate::console::refusal::Refusal;
use trailproof_core::record::{ReadPlace, RunStart};
use trailproof_core::vocab::location::escape;

/// Checks that a step looks at the same as the record that it continues from. Stated ends, accepted
/// exceptions and the accounts that are expected may change: what a step judges by them stands in its
/// own record.
///
/// # Errors
///
/// A usage error that names every difference.
pub(crate) fn check_same(before: &RunStart, now: &RunStart) -> Result<(), Refusal> {
    let mut differences = Vec::new();
    let mut compare = |option: &str, before: String, now: String| {
        if before != now {
            let (before, now) = (escape(&before), escape(&now));
            differences.push(format!("{option}: `{before}` in the record, `{now}` now"));
        }
    };
    let delivered = |start: &RunStart| {
        let at = &start.place.delivered_to;
        format!("s3://{}/{}", at.bucket, at.prefix)
    };
    compare("bucket of delivery", delivered(before), delivered(now));
    compare("LOCATION", read(&before.place.read_from), read(&now.place.read_from));
    compare("--trail", list(&before.trails), list(&now.trails));
    compare("--account", list(&before.accounts), list(&now.accounts));
    compare("--region", list(&before.regions), list(&now.regions));
    let organization = |start: &RunStart| match start.organization.as_deref() {
        None => "all".to_owned(),
        Some("") => "none".to_owned(),
        Some(id) => id.to_owned(),
    };
    compare("organization", organization(before), organization(now));
    let given = |given: bool| if given { "given" } else { "not given" }.to_owned();
    let accounts = |start: &RunStart| given(start.expected_accounts.is_some());
    compare("--expect-accounts", accounts(before), accounts(now));
    let regions = |start: &RunStart| {
        start.expected_regions.as_ref().map_or_else(|| given(false), |regions| list(regions))
    };
    compare("--expect-regions", regions(before), regions(now));
    let searched = |start: &RunStart| if start.unlisted { "no" } else { "yes" }.to_owned();
    compare("--no-unlisted", searched(before), searched(now));
    let complete = |start: &RunStart| if start.complete_copy { "yes" } else { "no" }.to_owned();
    compare("--complete-copy", complete(before), complete(now));
    if differences.is_empty() {
        return Ok(());
    }
    Err(Refusal::usage(format!(
        "this step would not look at the same as the record that it continues from:\n  {}\n\nhint: \
         use one state for each scope, and begin a new one with `--start-time`",
        differences.join("\n  ")
    )))
}

fn list(texts: &[String]) -> String {
    let mut texts = texts.to_vec();
    texts.sort();
    if texts.is_empty() { "all".to_owned() } else { texts.join(", ") }
}

fn read(places: &[ReadPlace]) -> String {
    let places = places.iter().map(|at| format!("{} {}", at.kind.code(), at.place));
    places.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use trailproof_core::record::{EvidencePlace, Tool};
    use trailproof_core::vocab::time::{Period, Timestamp};

    type Change = fn(&mut RunStart);

    fn start() -> RunStart {
        RunStart {
            tool: Tool::this(),
            place: EvidencePlace::original("b", "p"),
            period: Period { start: Timestamp::from_unix(0), end: Timestamp::from_unix(10) },
            end_was_future: false,
            tail_allowed_from: None,
            trails: Vec::new(),
            accounts: vec!["111122223333".to_owned()],
            regions: Vec::new(),
            organization: None,
            expected_accounts: None,
            account_names: BTreeMap::new(),
            expected_regions: Some(vec!["eu-west-1".to_owned()]),
            known_ends: Vec::new(),
            accepted: None,
            unlisted: true,
            complete_copy: false,
            follows: None,
        }
    }

    #[test]
    fn every_difference_is_named() {
        let changes: [(&str, Change); 11] = [
            ("bucket of delivery", |start| start.place.delivered_to.bucket = "c\u{1b}".to_owned()),
            ("bucket of delivery", |start| start.place.delivered_to.prefix = String::new()),
            ("LOCATION", |start| start.place.read_from.clear()),
            ("--trail", |start| start.trails.push("t".to_owned())),
            ("--account", |start| start.accounts.clear()),
            ("--region", |start| start.regions.push("us-east-1".to_owned())),
            ("organization", |start| start.organization = Some(String::new())),
            ("--expect-accounts", |start| start.expected_accounts = Some(Vec::new())),
            ("--expect-regions", |start| start.expected_regions = None),
            ("--no-unlisted", |start| start.unlisted = false),
            ("--complete-copy", |start| start.complete_copy = true),
        ];
        for (option, change) in changes {
            let mut other = start();
            change(&mut other);
            let words = check_same(&start(), &other).unwrap_err().to_string();
            let named = words.lines().filter(|line| line.starts_with("  ")).count();
            assert!(words.contains(&format!("  {option}: ")) && named == 1, "{words}");
            assert!(!words.contains('\u{1b}'), "{words}");
        }
        let mut all = start();
        changes.iter().skip(3).for_each(|(_, change)| change(&mut all));
        let words = check_same(&start(), &all).unwrap_err().to_string();
        assert_eq!(words.lines().filter(|line| line.starts_with("  ")).count(), 8, "{words}");
    }

    #[test]
    fn what_a_record_states_of_itself_may_change() {
        let mut other = start();
        other.known_ends.push("111122223333=2026-03-01T12:00:00Z".parse().unwrap());
        other.period.end = Timestamp::from_unix(20);
        other.accounts.reverse();
        assert!(check_same(&start(), &other).is_ok());
    }
}
