//! CloudTrail: public keys, trails and their status.
use super::json::{self, JsonError};
use super::operation::Operation;
use super::response::Response;
use super::route::Call;
use super::state::State;
use crate::world::{PublicKey, Trail, TrailStatus, World};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use serde_json::{Map, Number, Value, json};

/// Responds to an operation of CloudTrail.
pub(super) fn answer(state: &State, world: &World, call: &Call) -> Result<Response, JsonError> {
    let body: Value = serde_json::from_str(&call.page).map_err(|_| {
        JsonError::new(
            400,
            "SerializationException",
            "Start of structure or map found where not expected.",
        )
    })?;
    let answer = match call.operation {
        Operation::ListPublicKeys => list_public_keys(state, world, call, &body)?,
        Operation::DescribeTrails => describe_trails(world, call, &body),
        Operation::ListTrails => list_trails(world, call),
        Operation::GetTrail => json!({ "Trail": describe(find(world, call)?) }),
        Operation::GetTrailStatus => get_trail_status(find(world, call)?, call),
        _ => lookup_events(world, call, &body)?,
    };
    Ok(json::response(&answer))
}

/// Lists the keys of the request's region whose validity overlaps the time range. For CloudTrail a
/// missing end of the range means now; here, without a clock, the range is then open.
fn list_public_keys(
    state: &State,
    world: &World,
    call: &Call,
    body: &Value,
) -> Result<Value, JsonError> {
    let time = |name: &str| body.get(name).and_then(Value::as_f64);
    let start = time("StartTime").unwrap_or(f64::MIN);
    let end = time("EndTime").unwrap_or(f64::MAX);
    if start > end {
        return Err(JsonError::new(
            400,
            "InvalidTimeRangeException",
            "The start time must be earlier than the end time.",
        ));
    }
    let skipped = match body.get("NextToken").and_then(Value::as_str) {
        None => 0,
        Some(token) => parse_token(token)
            .ok_or_else(|| JsonError::new(400, "InvalidTokenException", "Invalid next token."))?,
    };
    let keys: Vec<&PublicKey> = world
        .public_keys
        .get(&call.region)
        .into_iter()
        .flatten()
        .filter(|key| float(key.valid_from) <= end && float(key.valid_to) >= start)
        .collect();
    let shown = state.options.key_page_size.max(1);
    let page: Vec<Value> = keys
        .iter()
        .skip(skipped)
        .take(shown)
        .map(|key| {
            json!({
                "Value": STANDARD.encode(&key.der),
                "ValidityStartTime": key.valid_from,
                "ValidityEndTime": key.valid_to,
                "Fingerprint": key.fingerprint,
            })
        })
        .collect();
    let next = skipped.saturating_add(shown);
    let mut answer = json!({ "PublicKeyList": page });
    if let (true, Some(fields)) = (next < keys.len(), answer.as_object_mut()) {
        fields.insert("NextToken".to_owned(), json!(STANDARD.encode(next.to_string())));
    }
    Ok(answer)
}

/// Lists the events of the request's region in its time range, of one name if an attribute names it, at
/// most 50 at a time.
fn lookup_events(world: &World, call: &Call, body: &Value) -> Result<Value, JsonError> {
    let time = |name: &str| body.get(name).and_then(Value::as_f64);
    let start = time("StartTime").unwrap_or(f64::MIN);
    let end = time("EndTime").unwrap_or(f64::MAX);
    if start > end {
        return Err(JsonError::new(
            400,
            "InvalidTimeRangeException",
            "The start time must be earlier than the end time.",
        ));
    }
    let skipped = match body.get("NextToken").and_then(Value::as_str) {
        None => 0,
        Some(token) => parse_token(token).ok_or_else(|| {
            JsonError::new(400, "InvalidNextTokenException", "Invalid next token.")
        })?,
    };
    let attribute = body.pointer("/LookupAttributes/0");
    let of = |field: &str| attribute.and_then(|it| it.get(field)).and_then(Value::as_str);
    let field = match of("AttributeKey") {
        None => None,
        Some("EventName") => Some("eventName"),
        Some("EventSource") => Some("eventSource"),
        Some("EventId") => Some("eventID"),
        Some(_) => {
            return Err(JsonError::new(
                400,
                "InvalidLookupAttributesException",
                "This server does not know the attribute.",
            ));
        }
    };
    let wanted = field.zip(of("AttributeValue"));
    let shown = body.get("MaxResults").and_then(Value::as_u64).unwrap_or(50).clamp(1, 50);
    let shown = usize::try_from(shown).unwrap_or(50);
    let text = |event: &Value, field: &str| {
        event.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let all = world.history.get(&call.region).into_iter().flatten();
    let found: Vec<Value> = all
        .filter_map(|raw| {
            let event: Value = serde_json::from_str(raw).ok()?;
            let at = DateTime::parse_from_rfc3339(&text(&event, "eventTime")).ok()?.timestamp();
            let is_wanted = wanted.is_none_or(|(field, value)| text(&event, field) == value);
            (is_wanted && float(at) >= start && float(at) <= end).then(|| {
                json!({
                    "EventId": text(&event, "eventID"),
                    "EventName": text(&event, "eventName"),
                    "EventSource": text(&event, "eventSource"),
                    "EventTime": at,
                    "CloudTrailEvent": raw,
                })
            })
        })
        .collect();
    let page: Vec<&Value> = found.iter().skip(skipped).take(shown).collect();
    let next = skipped.saturating_add(shown);
    let mut answer = json!({ "Events": page });
    if let (true, Some(fields)) = (next < found.len(), answer.as_object_mut()) {
        fields.insert("NextToken".to_owned(), json!(STANDARD.encode(next.to_string())));
    }
    Ok(answer)
}

fn parse_token(token: &str) -> Option<usize> {
    String::from_utf8(STANDARD.decode(token).ok()?).ok()?.parse().ok()
}

/// Converts `seconds` to a float. Times of trails are far below 2^53, where this is exact.
fn float(seconds: i64) -> f64 {
    Number::from(seconds).as_f64().unwrap_or(0.0)
}

/// Lists trails of the request's region, and shadows of trails in other regions. A trail that is
/// named by its ARN is returned in every region; names that match no trail are skipped.
fn describe_trails(world: &World, call: &Call, body: &Value) -> Value {
    let shadows = body.get("includeShadowTrails").and_then(Value::as_bool).unwrap_or(true);
    let names: Vec<&str> = body
        .get("trailNameList")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let trails: Vec<Value> = world
        .trails
        .iter()
        .filter(|trail| {
            let visible = home_region(trail) == call.region || (trail.multi_region && shadows);
            if names.is_empty() {
                visible
            } else {
                names.contains(&trail.arn.as_str())
                    || (visible && names.contains(&trail.name.as_str()))
            }
        })
        .map(describe)
        .collect();
    json!({ "trailList": trails })
}

fn list_trails(world: &World, call: &Call) -> Value {
    let trails: Vec<Value> = world
        .trails
        .iter()
        .filter(|trail| trail.multi_region || home_region(trail) == call.region)
        .map(|trail| {
            json!({ "TrailARN": trail.arn, "Name": trail.name, "HomeRegion": home_region(trail) })
        })
        .collect();
    json!({ "Trails": trails })
}

/// Finds the requested trail: by ARN in every region, by name where it is visible.
fn find<'w>(world: &'w World, call: &Call) -> Result<&'w Trail, JsonError> {
    let asked = &call.key;
    let visible = |trail: &&Trail| trail.multi_region || home_region(trail) == call.region;
    world
        .trails
        .iter()
        .find(|trail| trail.arn == *asked || (trail.name == *asked && visible(trail)))
        .ok_or_else(|| unknown_trail(call))
}

/// Returns the error with which CloudTrail responds if there is no such trail.
pub(super) fn unknown_trail(call: &Call) -> JsonError {
    let message = if call.key.starts_with("arn:") {
        format!("Unknown trail: {} for the user: 111122223333", call.key)
    } else {
        format!(
            "Unknown trail: arn:aws:cloudtrail:{}:111122223333:trail/{} for the user: 111122223333",
            call.region, call.key
        )
    };
    JsonError::new(400, "TrailNotFoundException", message)
}

fn home_region(trail: &Trail) -> &str {
    trail.arn.split(':').nth(3).unwrap_or_default()
}

fn describe(trail: &Trail) -> Value {
    let mut fields = Map::new();
    fields.insert("Name".to_owned(), json!(trail.name));
    fields.insert("S3BucketName".to_owned(), json!(trail.bucket));
    if let Some(prefix) = &trail.prefix {
        fields.insert("S3KeyPrefix".to_owned(), json!(prefix));
    }
    fields.insert("IncludeGlobalServiceEvents".to_owned(), json!(true));
    fields.insert("IsMultiRegionTrail".to_owned(), json!(trail.multi_region));
    fields.insert("HomeRegion".to_owned(), json!(home_region(trail)));
    fields.insert("TrailARN".to_owned(), json!(trail.arn));
    fields.insert("LogFileValidationEnabled".to_owned(), json!(trail.validates));
    fields.insert("HasCustomEventSelectors".to_owned(), json!(false));
    fields.insert("HasInsightSelectors".to_owned(), json!(false));
    fields.insert("IsOrganizationTrail".to_owned(), json!(trail.organization));
    Value::Object(fields)
}

/// Returns the status of `trail` in the request's region. If the world defines none for the region,
/// the trail logs as it does in its home region and has delivered nothing there: deliveries are
/// never copied from a different region, because a test would take them for digests that are gone.
fn get_trail_status(trail: &Trail, call: &Call) -> Value {
    let elsewhere = TrailStatus {
        is_logging: trail.status.get(home_region(trail)).is_some_and(|home| home.is_logging),
        ..TrailStatus::default()
    };
    let status = trail.status.get(&call.region).unwrap_or(&elsewhere);
    let mut fields = Map::new();
    fields.insert("IsLogging".to_owned(), json!(status.is_logging));
    let mut insert_known = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value);
        }
    };
    insert_known("LatestDeliveryTime", status.latest_delivery.map(Value::from));
    insert_known("LatestDigestDeliveryTime", status.latest_digest_delivery.map(Value::from));
    insert_known(
        "LatestDigestDeliveryError",
        status.latest_digest_error.as_deref().map(Value::from),
    );
    Value::Object(fields)
}
