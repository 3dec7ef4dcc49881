//! The rules about what monitors a trail.
use crate::control::fact::{Fact, Reader, Unread};
use crate::control::facts::{Alert, MonitoringFacts, RuleResult};
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

/// Judges the answers of rules. Answers that a rule does not apply are passed over.
pub(super) fn rules(r: &Reader, results: &Fact<Vec<RuleResult>>) -> Judged {
    let results = r.read(results)?.cloned().unwrap_or_default();
    let of = |compliance: &str| -> Vec<Value> {
        let those = results.iter().filter(|it| it.compliance == compliance);
        those.map(|it| json!({ "rule": it.rule, "resource": it.resource })).collect()
    };
    let (bad, good) = (of("NON_COMPLIANT"), of("COMPLIANT"));
    let judged = if !bad.is_empty() {
        Judgement::fail(Reason::NotAsRequired)
    } else if good.is_empty() || !of("INSUFFICIENT_DATA").is_empty() {
        Judgement::manual(Reason::InsufficientData)
    } else {
        Judgement::pass()
    };
    Ok(judged.seen("compliant", good).seen("non_compliant", bad))
}

pub(super) fn history(r: &Reader, monitoring: &MonitoringFacts) -> Judged {
    let changes = r.read(&monitoring.changes)?.cloned().unwrap_or_default();
    let shown: Vec<Value> = changes
        .iter()
        .map(|it| json!({ "resource": it.resource, "at": it.at.to_string() }))
        .collect();
    // The first configuration that was recorded of a resource is not a change.
    let mut resources: Vec<&str> = changes.iter().map(|it| it.resource.as_str()).collect();
    resources.sort_unstable();
    let repeated = resources.windows(2).any(|pair| matches!(pair, [one, other] if one == other));
    let judged = if changes.is_empty() {
        Judgement::manual(Reason::InsufficientData)
    } else {
        Judgement::holds(!repeated, Reason::Changed)
    };
    Ok(judged.seen("configurations", shown))
}
