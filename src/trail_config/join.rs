//! Joins two results of the same trails, made with different credentials: what one could not read, the
//! other may have read.
use crate::report::trail_config::result::{CheckResult, ConfigReport, TrailShown};
use std::collections::BTreeMap;
use trailproof_core::control::check::CheckId;
use trailproof_core::control::status::Status;

/// Returns the joined result: a decision beats one that is not available, and a contradiction is recorded.
///
/// # Errors
///
/// The two require different things.
pub(crate) fn join(
    mut one: ConfigReport,
    other: ConfigReport,
) -> Result<ConfigReport, &'static str> {
    if one.wanted != other.wanted {
        return Err("they require different numbers of days");
    }
    let offset = one.calls.len();
    one.calls.extend(other.calls);
    // An organization may have hundreds of trails, each with all checks.
    let mut results: BTreeMap<(String, CheckId), usize> = BTreeMap::new();
    for (at, result) in one.results.iter().enumerate() {
        results.entry((result.trail.clone(), result.check)).or_insert(at);
    }
    for mut result in other.results {
        result.calls.iter_mut().for_each(|call| *call = call.saturating_add(offset));
        let at = *results
            .entry((result.trail.clone(), result.check))
            .or_insert_with(|| one.results.len());
        match one.results.get_mut(at) {
            Some(found) => *found = joined(found, result),
            None => one.results.push(result),
        }
    }
    let mut trails: BTreeMap<String, usize> = BTreeMap::new();
    for (at, trail) in one.trails.iter().enumerate() {
        trails.entry(trail.subject.clone()).or_insert(at);
    }
    for trail in other.trails {
        let at = *trails.entry(trail.subject.clone()).or_insert_with(|| one.trails.len());
        match one.trails.get_mut(at) {
            Some(found) => {
                let TrailShown { name, bucket, key, .. } = trail;
                found.name = found.name.take().or(name);
                found.bucket = found.bucket.take().or(bucket);
                found.key = found.key.take().or(key);
            }
            None => one.trails.push(trail),
        }
    }
    for input in other.inputs {
        if !one.inputs.contains(&input) {
            one.inputs.push(input);
        }
    }
    for record in other.records {
        if !one.records.contains(&record) {
            one.records.push(record);
        }
    }
    one.incomplete |= other.incomplete;
    one.as_of = one.as_of.max(other.as_of);
    if one.framework != other.framework {
        one.framework = None;
    }
    // By trail, and then in the order of the checks.
    one.results.sort_by_key(|result| (trails.get(&result.trail), result.check));
    Ok(one)
}

/// How much a decision says.
fn rank(status: Status) -> u8 {
    match status {
        Status::Fail => 4,
        Status::Pass => 3,
        Status::Manual => 2,
        Status::NotApplicable => 1,
        Status::NotAvailable => 0,
    }
}

fn joined(one: &CheckResult, other: CheckResult) -> CheckResult {
    let (mine, theirs) = (one.judgement.status, other.judgement.status);
    // Each that was read must be seen: also that one could not be decided, and the other was.
    let was_read = |status: Status| status != Status::NotAvailable;
    let contradicts = mine != theirs && was_read(mine) && was_read(theirs);
    let (mut kept, lost) =
        if rank(theirs) > rank(mine) { (other, one.clone()) } else { (one.clone(), other) };
    kept.calls.extend(lost.calls);
    if contradicts {
        kept.contradicts = Some(lost.judgement.status);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::trail_config::result::Basis;
    use trailproof_core::control::facts::Wanted;
    use trailproof_core::control::status::{Judgement, Reason};

    fn report(status: Status) -> ConfigReport {
        ConfigReport {
            as_of: None,
            framework: None,
            wanted: Wanted::default(),
            inputs: Vec::new(),
            records: Vec::new(),
            incomplete: false,
            trails: vec![TrailShown {
                subject: "t".to_owned(),
                name: None,
                bucket: None,
                key: None,
                basis: Basis::Live,
            }],
            results: vec![CheckResult {
                check: CheckId::BucketVersioning,
                trail: "t".to_owned(),
                subject: "b".to_owned(),
                basis: Basis::Live,
                judgement: Judgement::new(status, Reason::AsRequired),
                wanted: serde_json::Value::Null,
                calls: vec![0],
                controls: Vec::new(),
                contradicts: None,
            }],
            calls: Vec::new(),
            sources: Vec::new(),
        }
    }

    #[test]
    fn a_decision_beats_what_was_not_available_from_either_side() {
        for (one, other, kept, contradicts) in [
            (Status::Pass, Status::NotAvailable, Status::Pass, None),
            (Status::NotAvailable, Status::Fail, Status::Fail, None),
            (Status::Manual, Status::Pass, Status::Pass, Some(Status::Manual)),
            (Status::Fail, Status::Manual, Status::Fail, Some(Status::Manual)),
            (Status::NotApplicable, Status::Manual, Status::Manual, Some(Status::NotApplicable)),
            (Status::Manual, Status::NotAvailable, Status::Manual, None),
            (Status::Manual, Status::Manual, Status::Manual, None),
            (Status::Pass, Status::Fail, Status::Fail, Some(Status::Pass)),
            (Status::Fail, Status::Pass, Status::Fail, Some(Status::Pass)),
            (Status::NotApplicable, Status::Pass, Status::Pass, Some(Status::NotApplicable)),
            (Status::Pass, Status::Pass, Status::Pass, None),
        ] {
            let joined = join(report(one), report(other)).unwrap();
            assert_eq!((joined.results.len(), joined.trails.len()), (1, 1));
            assert_eq!(joined.results[0].judgement.status, kept);
            assert_eq!(joined.results[0].contradicts, contradicts);
        }
        let mut stricter = report(Status::Pass);
        stricter.wanted.retention_days = 2_555;
        assert!(join(report(Status::Pass), stricter).is_err());
    }
}
