//! The rules about what monitors a trail.
use crate::control::fact::{Reader, Unread};
use crate::control::facts::{Alert, Change, Facts, MonitoringFacts, RuleResult};
use crate::control::status::{Judgement, Reason};
use serde_json::{Value, json};

type Judged = Result<Judgement, Unread>;

pub(super) fn alerts(r: &Reader, monitoring: &MonitoringFacts) -> Judged {
    let alerts = r.read(&monitoring.alerts)?.cloned().unwrap_or_default();
    let naming = alerts.iter().filter(|it| !it.operations.is_empty() || !it.decided);
    let shown: Vec<Value> = naming
        .map(|it| {
            json!({
                "name": it.name,
                "in_force": it.in_force,
                "operations": it.operations,
                "decided": it.decided,
            })
        })
        .collect();
    let undecided = alerts.iter().any(|it| !it.decided && it.in_force != Some(false));
    let judged = if Alert::report_tampering(&alerts) {
        Judgement::pass()
    } else if !Alert::may_report_tampering(&alerts) {
        Judgement::fail(Reason::NotConfigured)
    } else if undecided {
        Judgement::manual(Reason::PatternUndecided)
    } else {
        Judgement::manual(Reason::FactUnread)
    };
    Ok(judged.seen("alerts", shown))
}

pub(super) fn recorder(r: &Reader, monitoring: &MonitoringFacts) -> Judged {
    let recorders = r.read(&monitoring.recorders)?.cloned().unwrap_or_default();
    let good = |it: &crate::control::facts::Recorder| {
        it.recording && it.last_status.eq_ignore_ascii_case("success")
    };
    let shown: Vec<Value> = recorders
        .iter()
        .map(|it| json!({ "name": it.name, "recording": it.recording, "last_status": it.last_status }))
        .collect();
    let holds = !recorders.is_empty() && recorders.iter().all(good);
    let reason = if recorders.is_empty() { Reason::NotConfigured } else { Reason::NotAsRequired };
    Ok(Judgement::holds(holds, reason).seen("recorders", shown))
}

/// Judges the answers of rules about the trail and its bucket. Those about the account are about all of its
/// trails; those about other resources are passed over.
pub(super) fn rules(r: &Reader, facts: &Facts) -> Judged {
    let results = r.read(&facts.monitoring.rules)?.cloned().unwrap_or_default();
    let trail = &facts.trail;
    let is = |resource: &str, names: &[Option<&str>]| names.contains(&Some(resource));
    let of_trail = [trail.name.as_deref(), trail.arn.as_deref(), trail.account.as_deref()];
    let of_bucket = [facts.bucket.name.as_deref()];
    let (of_trail, others): (Vec<RuleResult>, Vec<RuleResult>) =
        results.into_iter().partition(|it| is(&it.resource, &of_trail));
    let of_bucket: Vec<RuleResult> =
        others.into_iter().filter(|it| is(&it.resource, &of_bucket)).collect();
    Ok(compliance(&[of_trail, of_bucket]))
}

/// Judges the answers of the rules of conformance packs.
pub(super) fn packs(r: &Reader, monitoring: &MonitoringFacts) -> Judged {
    Ok(compliance(&[r.read(&monitoring.packs)?.cloned().unwrap_or_default()]))
}

/// Judges answers of rules; in each group one must be compliant. Answers that a rule does not apply are
/// passed over.
fn compliance(groups: &[Vec<RuleResult>]) -> Judgement {
    let those = |compliance: &'static str| {
        move |group: &Vec<RuleResult>| {
            let those = group.iter().filter(|it| it.compliance == compliance);
            those.map(|it| json!({ "rule": it.rule, "resource": it.resource })).collect::<Vec<_>>()
        }
    };
    let of = |compliance| -> Vec<Value> { groups.iter().flat_map(those(compliance)).collect() };
    let (bad, good) = (of("NON_COMPLIANT"), of("COMPLIANT"));
    let some_are_good = |group: &Vec<RuleResult>| !those("COMPLIANT")(group).is_empty();
    let judged = if !bad.is_empty() {
        Judgement::fail(Reason::NotAsRequired)
    } else if !groups.iter().all(some_are_good) || !of("INSUFFICIENT_DATA").is_empty() {
        Judgement::manual(Reason::InsufficientData)
    } else {
        Judgement::pass()
    };
    judged.seen("compliant", good).seen("non_compliant", bad)
}

pub(super) fn history(r: &Reader, facts: &Facts) -> Judged {
    let changes = r.read(&facts.monitoring.changes)?.cloned().unwrap_or_default();
    let trail = &facts.trail;
    let of_trail = |it: &Change| {
        let names = [trail.name.as_ref(), trail.arn.as_ref()];
        names.contains(&Some(&it.resource))
    };
    let of_bucket = |it: &Change| {
        let name = it.resource.rsplit_once(":::").map_or(it.resource.as_str(), |(_, name)| name);
        facts.bucket.name.as_deref() == Some(name)
    };
    let (trails, others): (Vec<Change>, Vec<Change>) = changes.into_iter().partition(of_trail);
    let buckets: Vec<Change> = others.into_iter().filter(of_bucket).collect();
    let shown: Vec<Value> = [&trails, &buckets]
        .into_iter()
        .flatten()
        .map(|it| json!({ "resource": it.resource, "at": it.at.to_string() }))
        .collect();
    // The first configuration that was recorded of a resource is not a change.
    let judged = if trails.len() > 1 || buckets.len() > 1 {
        Judgement::fail(Reason::Changed)
    } else if trails.is_empty() || buckets.is_empty() {
        Judgement::manual(Reason::InsufficientData)
    } else {
        Judgement::pass()
    };
    Ok(judged.seen("configurations", shown))
}
