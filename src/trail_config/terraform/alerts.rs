//! From the rules and alarms of a plan or state to what monitors its trails.
use super::join::{Joins, Referred};
use crate::trail_config::patterns;
use std::collections::BTreeMap;
use trailproof_core::control::fact::{Fact, UnreadWhy};
use trailproof_core::control::facts::{Alert, MonitoringFacts};
use trailproof_core::control::operation::Operation as O;

/// Returns what monitors the trails of the document.
pub(super) fn monitoring(joins: &Joins<'_>) -> MonitoringFacts {
    let mut monitoring = MonitoringFacts::unread(UnreadWhy::NotInInput);
    if let Some(alerts) = alerts(joins) {
        monitoring.alerts = alerts;
    }
    monitoring
}

/// Returns the alerts of the document; `None` if it has none, since they may be configured elsewhere.
fn alerts(joins: &Joins<'_>) -> Option<Fact<Vec<Alert>>> {
    let mut targeted: BTreeMap<&str, Option<bool>> = BTreeMap::new();
    let mut unjoined = false;
    for target in joins.of_kind("aws_cloudwatch_event_target") {
        match joins.referred(target, "rule", &["aws_cloudwatch_event_rule"]) {
            Referred::Now(of) | Referred::Later(of) => {
                targeted.insert(&of.address, Some(true));
            }
            Referred::Unknown => unjoined = true,
            Referred::Name(_) | Referred::None => {}
        }
    }
    let mut alerts = Vec::new();
    let mut unknown = false;
    for rule in joins.of_kind("aws_cloudwatch_event_rule") {
        let node = rule.node();
        let Ok(pattern) = node.get("event_pattern").text() else {
            unknown = true;
            continue;
        };
        let has_target = match targeted.get(rule.address.as_str()) {
            Some(targeted) => *targeted,
            None => (!unjoined).then_some(false),
        };
        let state = joins.unless_unset(rule, "state").text();
        let enabled = joins.unless_unset(rule, "is_enabled").on();
        let in_force = match (state, enabled) {
            (Ok(Some("DISABLED")), _) | (_, Ok(Some(false))) => Some(false),
            (Ok(_), Ok(_)) => has_target,
            _ => None,
        };
        alerts.push(patterns::of_rule(&rule.address, in_force, pattern.unwrap_or_default()));
    }
    // Whether a metric has an alarm with actions; `None` if that is not known.
    let mut alarmed: BTreeMap<&str, Option<bool>> = BTreeMap::new();
    let mut unnamed = false;
    for alarm in joins.of_kind("aws_cloudwatch_metric_alarm") {
        let node = alarm.node();
        let metric = match node.get("metric_name").text() {
            Ok(Some(metric)) => metric,
            Ok(None) => continue,
            Err(_) => {
                unnamed = true;
                continue;
            }
        };
        // An action that is not known yet is one all the same.
        let actions = node.get("alarm_actions");
        let acts = match (actions.items(), node.get("actions_enabled").on()) {
            (_, Ok(Some(false))) => Some(false),
            (Ok(actions), Ok(_)) => Some(!actions.is_empty()),
            _ => None,
        };
        let found = alarmed.entry(metric).or_insert(acts);
        *found = match (*found, acts) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (None, _) | (_, None) => None,
            (Some(false), Some(false)) => Some(false),
        };
    }
    for filter in joins.of_kind("aws_cloudwatch_log_metric_filter") {
        let node = filter.node();
        let Ok(pattern) = node.get("pattern").text() else {
            unknown = true;
            continue;
        };
        let in_force = match node.text_in("metric_transformation", "name") {
            Ok(Some(metric)) => match alarmed.get(metric) {
                Some(alarmed) => *alarmed,
                None => (!unnamed).then_some(false),
            },
            Ok(None) => Some(false),
            Err(_) => None,
        };
        alerts.push(patterns::of_filter(&filter.address, in_force, pattern.unwrap_or_default()));
    }
    if unknown && !Alert::report_tampering(&alerts) {
        return Some(Fact::unread(O::ListRules, UnreadWhy::UnknownUntilApplied));
    }
    let reported = alerts.iter().any(|it| !it.operations.is_empty() || !it.decided);
    reported.then_some(Fact::Known(alerts))
}
