//! The rules about the trail itself.
use crate::control::fact::{Fact, Reader, Unread, UnreadWhy};
use crate::control::facts::{Delivery, Facts, TrailFacts, TrailStatus};
use crate::control::operation::Operation;
use crate::control::policy::PARTITIONS;
use crate::control::selectors::{ReadsAndWrites, Recorded, Selectors};
use crate::control::status::{Judgement, Pitfall, Reason};
use crate::vocab::time::{HOUR, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeSet;

type Judged = Result<Judgement, Unread>;

/// Maximum age of the latest log file in the home region: the health check of an organization's trail.
const LOGS_RECENT: i64 = HOUR;
/// Maximum age of the latest digest. CloudTrail delivers one each hour, up to 1.5 hours late.
const DIGESTS_RECENT: i64 = 3 * HOUR;
/// Time by which clocks may differ: that of this machine, and those of AWS.
const SKEW: i64 = HOUR;
/// Maximum age of the latest delivery to CloudWatch Logs.
const CLOUDWATCH_RECENT: i64 = 24 * HOUR;

/// Requires that a switch is on.
pub(super) fn switch(r: &Reader, fact: &Fact<bool>) -> Judged {
    let on = r.on(fact)?;
    Ok(Judgement::holds(on, Reason::NotAsRequired).seen("enabled", on))
}

/// Returns whether a key's name is an alias of AWS, such as `alias/aws/s3`.
pub(super) fn is_aws_alias(key: &str) -> bool {
    let alias = key.rsplit_once(":alias/").map(|(_, name)| name);
    alias.or(key.strip_prefix("alias/")).is_some_and(|name| name.starts_with("aws/"))
}

pub(super) fn encrypted(r: &Reader, facts: &Facts) -> Judged {
    let Some(key) = r.read(&facts.trail.kms_key)?.filter(|key| !key.is_empty()) else {
        return Ok(Judgement::fail(Reason::NoKey).seen("key", Value::Null));
    };
    let seen = |judgement: Judgement| judgement.seen("key", key.as_str());
    if is_aws_alias(key) {
        let failed = seen(Judgement::fail(Reason::KeyManagedByAws));
        return Ok(failed.pitfall(Pitfall::AwsManagedKey));
    }
    let unnamed = Fact::unread(Operation::DescribeKey, UnreadWhy::NotAsked);
    let description = facts.key.as_ref().map_or(&unnamed, |key| &key.description);
    let described = match r.read(description) {
        Ok(Some(described)) => described,
        Ok(None) => {
            let gone = Unread::new(Operation::DescribeKey, UnreadWhy::NotFound);
            return Ok(seen(Judgement::not_available(gone)));
        }
        Err(unread) => return Ok(seen(Judgement::not_available(unread))),
    };
    let seen = |judgement: Judgement| {
        seen(judgement)
            .seen("customer_managed", described.customer)
            .seen("key_state", described.state.as_str())
    };
    if !described.customer {
        let failed = seen(Judgement::fail(Reason::KeyManagedByAws));
        return Ok(failed.pitfall(Pitfall::AwsManagedKey));
    }
    let pending = described.state.starts_with("Pending") && described.state.contains("Deletion");
    let reason = if pending { Reason::KeyPendingDeletion } else { Reason::KeyUnusable };
    let judged = seen(Judgement::holds(described.state == "Enabled", reason));
    Ok(judged
        .pitfall_if(pending, Pitfall::KeyDeletionMakesLogsUnreadable)
        .pitfall(Pitfall::OldFilesKeepTheirEncryption))
}

pub(super) fn multi_region(r: &Reader, trail: &TrailFacts) -> Judged {
    let multi = r.on(&trail.multi_region)?;
    if !multi {
        return Ok(Judgement::fail(Reason::NotAsRequired).seen("multi_region", false));
    }
    let logging = match r.on(&trail.logging) {
        Ok(logging) => logging,
        Err(unread) => return Ok(Judgement::not_available(unread).seen("multi_region", true)),
    };
    let judged = Judgement::holds(logging, Reason::NotLogging);
    Ok(judged.seen("multi_region", true).seen("logging", logging))
}

pub(super) fn logging(r: &Reader, trail: &TrailFacts) -> Judged {
    let statuses = trail.status.iter().map(|(region, status)| (region, r.read(status)));
    let (mut stopped, mut unread) = (Vec::new(), Vec::new());
    for (region, status) in statuses {
        match status {
            Ok(Some(status)) if status.is_logging => {}
            Ok(status) => {
                let since = status.and_then(|status| status.stopped);
                stopped.push(json!({
                    "region": region,
                    "stopped": since.map(|at| at.to_string()),
                }));
            }
            Err(why) => unread.push(why),
        }
    }
    if !stopped.is_empty() {
        return Ok(Judgement::fail(Reason::NotLogging).seen("not_logging", stopped));
    }
    let home = r.on(&trail.logging)?;
    if !home {
        return Ok(Judgement::fail(Reason::NotLogging).seen("logging", false));
    }
    if let Some(first) = unread.pop() {
        let mut judgement = Judgement::not_available(first).seen("logging", true);
        judgement.unread.extend(unread);
        return Ok(judgement);
    }
    let regions: Vec<&str> = trail.status.keys().map(String::as_str).collect();
    Ok(Judgement::pass().seen("logging", true).seen("regions", regions))
}

/// What is wrong with a delivery.
enum Trouble {
    Error(String),
    TooOld,
    Never,
    /// There was none, and the first is not due yet.
    NotDue,
    /// It is said to be later than the answer itself.
    Future,
}

fn trouble(
    delivery: &Delivery,
    started: Option<Timestamp>,
    as_of: Option<Timestamp>,
    age: Option<i64>,
) -> Option<Trouble> {
    if let Some(error) = delivery.error.as_ref().filter(|error| !error.is_empty()) {
        return Some(Trouble::Error(error.clone()));
    }
    let age = age?;
    let is_older = |at: Timestamp| as_of.map(|now| now.unix().saturating_sub(at.unix()) > age);
    match (delivery.latest, started.and_then(is_older)) {
        (None, Some(false)) => Some(Trouble::NotDue),
        (None, _) => Some(Trouble::Never),
        (Some(latest), _)
            if as_of.is_some_and(|now| latest.unix().saturating_sub(now.unix()) > SKEW) =>
        {
            Some(Trouble::Future)
        }
        (Some(latest), _) => is_older(latest).unwrap_or_default().then_some(Trouble::TooOld),
    }
}

/// Judges one kind of delivery in every region that was asked. `age` gives the maximum age in a region;
/// without one only errors count there.
fn deliveries(
    r: &Reader,
    facts: &Facts,
    of: impl Fn(&TrailStatus) -> &Delivery,
    age: impl Fn(bool) -> Option<i64>,
) -> Judged {
    let trail = &facts.trail;
    if trail.status.is_empty() {
        let why = match &trail.logging {
            Fact::Unread(unread) => unread.clone(),
            _ => Unread::new(Operation::GetTrailStatus, UnreadWhy::NotAsked),
        };
        return Err(why);
    }
    let home = trail.home_region.value();
    let (mut wrong, mut unread, mut seen) = (Vec::new(), Vec::new(), Vec::new());
    if !home.is_some_and(|home| trail.status.contains_key(home)) {
        // Other regions say nothing about the one that is always judged.
        unread.push(Unread::new(Operation::GetTrailStatus, UnreadWhy::NotAsked));
    }
    let mut not_due = false;
    let mut reason = Reason::DeliveryTooOld;
    for (region, status) in &trail.status {
        let status = match r.read(status) {
            Ok(status) => status.cloned().unwrap_or_default(),
            Err(why) => {
                unread.push(why);
                continue;
            }
        };
        let delivery = of(&status);
        let latest = delivery.latest.map(|at| at.to_string());
        seen.push(json!({ "region": region, "latest": latest }));
        match trouble(delivery, status.started, facts.as_of, age(home == Some(region))) {
            None => {}
            Some(Trouble::NotDue) => not_due = true,
            Some(Trouble::Future) => {
                unread.push(Unread::new(Operation::GetTrailStatus, UnreadWhy::Malformed));
            }
            Some(Trouble::Error(error)) => {
                reason = Reason::DeliveryFailed;
                wrong.push(json!({ "region": region, "latest": latest, "error": error }));
            }
            Some(Trouble::TooOld | Trouble::Never) => {
                wrong.push(json!({ "region": region, "latest": latest }));
            }
        }
    }
    let as_of = facts.as_of.map(|at| at.to_string());
    if !wrong.is_empty() {
        return Ok(Judgement::fail(reason).seen("as_of", as_of).seen("deliveries", wrong));
    }
    if facts.as_of.is_none() {
        // Without the time of the answer, an age is not known.
        return Err(Unread::new(Operation::GetTrailStatus, UnreadWhy::NotAsked));
    }
    if let Some(first) = unread.pop() {
        let mut judgement = Judgement::not_available(first).seen("deliveries", seen);
        judgement.unread.extend(unread);
        return Ok(judgement);
    }
    let judged = match not_due {
        true => Judgement::manual(Reason::InsufficientData),
        false => Judgement::pass(),
    };
    Ok(judged.seen("as_of", as_of).seen("deliveries", seen))
}

/// A region without events has no log files, so that only the home region is judged by age.
pub(super) fn delivery(r: &Reader, facts: &Facts) -> Judged {
    deliveries(r, facts, |status| &status.logs, |is_home| is_home.then_some(LOGS_RECENT))
}

/// Digests are delivered each hour, with or without log files.
pub(super) fn digests(r: &Reader, facts: &Facts) -> Judged {
    if !r.on(&facts.trail.validation)? {
        return Ok(Judgement::not_applicable(Reason::NotConfigured).seen("validation", false));
    }
    deliveries(r, facts, |status| &status.digests, |_| Some(DIGESTS_RECENT))
}

pub(super) fn cloudwatch(r: &Reader, facts: &Facts) -> Judged {
    let Some(group) = r.read(&facts.trail.log_group)?.filter(|group| !group.is_empty()) else {
        return Ok(Judgement::fail(Reason::NotConfigured).seen("log_group", Value::Null));
    };
    let age = |is_home: bool| is_home.then_some(CLOUDWATCH_RECENT);
    let judged = match deliveries(r, facts, |status| &status.cloudwatch, age) {
        Ok(judged) => judged,
        Err(unread) => Judgement::not_available(unread),
    };
    Ok(judged.seen("log_group", group.as_str()))
}

fn recorded(recorded: &Recorded) -> &'static str {
    match recorded {
        Recorded::All(_) => "all",
        Recorded::Narrowed { .. } => "some",
        Recorded::None => "none",
    }
}

fn seen_events(judgement: Judgement, events: &ReadsAndWrites) -> Judgement {
    judgement.seen("reads", recorded(&events.reads)).seen("writes", recorded(&events.writes))
}

fn is_all(events: &ReadsAndWrites) -> bool {
    matches!((&events.reads, &events.writes), (Recorded::All(_), Recorded::All(_)))
}

fn is_none(events: &ReadsAndWrites) -> bool {
    matches!((&events.reads, &events.writes), (Recorded::None, Recorded::None))
}

pub(super) fn management(r: &Reader, trail: &TrailFacts) -> Judged {
    let Some(selectors) = r.read(&trail.selectors)? else {
        return Ok(Judgement::pass().seen("reads", "all").seen("writes", "all"));
    };
    let events = selectors.management();
    let reason = if is_none(&events) { Reason::NoManagementEvents } else { Reason::EventsNarrowed };
    let judged = seen_events(Judgement::holds(is_all(&events), reason), &events);
    let replaced = selectors.are_advanced() && is_none(&events);
    Ok(judged.pitfall_if(replaced, Pitfall::AdvancedSelectorsReplaceDefault))
}

pub(super) fn excluded(r: &Reader, trail: &TrailFacts) -> Judged {
    let Some(selectors) = r.read(&trail.selectors)? else { return Ok(Judgement::pass()) };
    let events = selectors.management();
    if is_none(&events) {
        return Ok(Judgement::not_applicable(Reason::NoManagementEvents));
    }
    let (mut named, mut some, mut narrowed) = (BTreeSet::new(), false, false);
    for side in [&events.reads, &events.writes] {
        match side {
            Recorded::All(excluded) => named.extend(excluded.iter().cloned()),
            Recorded::Narrowed { sources } => {
                narrowed = true;
                some |= *sources;
            }
            Recorded::None => {}
        }
    }
    let judged = match (some || !named.is_empty(), narrowed) {
        (true, _) => Judgement::fail(Reason::SourcesExcluded),
        (false, true) => Judgement::manual(Reason::EventsNarrowed),
        (false, false) => Judgement::pass(),
    };
    Ok(judged.seen("excluded", named.into_iter().collect::<Vec<_>>()))
}

fn bucket_arn(partition: &str, bucket: &str) -> String {
    format!("arn:{partition}:s3:::{bucket}/")
}

/// Returns the partition of an ARN; all of them if it is not known. Policies and selectors of another
/// partition than the trail's are refused by AWS, so that one that fits any fits the trail's.
pub(super) fn partitions(arn: Option<&str>) -> Vec<&str> {
    match arn.and_then(|arn| arn.split(':').nth(1)) {
        Some(partition) => vec![partition],
        None => PARTITIONS.to_vec(),
    }
}

/// Returns how far the data events of a bucket are recorded, at best.
fn object_data(selectors: &Selectors, trail: &TrailFacts, bucket: &str) -> ReadsAndWrites {
    let none = ReadsAndWrites { reads: Recorded::None, writes: Recorded::None };
    let of = |partition| selectors.object_data(&bucket_arn(partition, bucket));
    let mut each = partitions(trail.arn.as_deref()).into_iter().map(of);
    each.find(|events| !is_none(events)).unwrap_or(none)
}

pub(super) fn log_bucket_data(r: &Reader, facts: &Facts) -> Judged {
    let trail = &facts.trail;
    let selectors = r.read(&trail.selectors)?;
    let name = facts.bucket.name.as_deref().or(trail.bucket.value().map(String::as_str));
    let events = selectors.map(|selectors| object_data(selectors, trail, name.unwrap_or_default()));
    Ok(match events {
        Some(events) if is_all(&events) => seen_events(Judgement::pass(), &events),
        // A different trail, of this or of the bucket's account, may record them.
        Some(events) => seen_events(Judgement::manual(Reason::OtherTrailMayRecord), &events),
        None => Judgement::manual(Reason::OtherTrailMayRecord),
    })
}

pub(super) fn data(r: &Reader, trail: &TrailFacts) -> Judged {
    if trail.data_buckets.is_empty() {
        return Ok(Judgement::not_applicable(Reason::NoBucketNamed));
    }
    let selectors = r.read(&trail.selectors)?;
    let is_covered = |bucket: &&String| {
        selectors.is_some_and(|selectors| is_all(&object_data(selectors, trail, bucket)))
    };
    let missing: Vec<&str> = trail
        .data_buckets
        .iter()
        .filter(|bucket| !is_covered(bucket))
        .map(String::as_str)
        .collect();
    let judged = Judgement::holds(missing.is_empty(), Reason::EventsNarrowed);
    Ok(judged.seen("buckets", trail.data_buckets.clone()).seen("not_recorded", missing))
}

pub(super) fn insights(r: &Reader, trail: &TrailFacts) -> Judged {
    let insights = r.read(&trail.insights)?.cloned().unwrap_or_default();
    let judged = Judgement::holds(!insights.is_empty(), Reason::NotConfigured);
    Ok(judged.seen("insights", insights))
}
