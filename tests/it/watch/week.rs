//! A week of hourly steps: a trail that grows, a store that fails for two hours, a day without steps, and
//! a digest that is deleted.
use super::*;
use trailproof_testkit::server::{Fault, FaultPlan, Matcher, Schedule};

const HOURS: i64 = 7 * 24;

/// The hours, counted from the beginning of the trail, at which something happens.
const STORE_FAILS: [i64; 2] = [30, 31];
const NO_STEPS: std::ops::Range<i64> = 50..74;
/// The digest that ends then is deleted before a step has read it.
const DELETED: i64 = 84;

#[test]
fn a_week_of_hourly_steps_alerts_once() {
    let trail = trail(20, u32::try_from(HOURS).unwrap());
    let mut watched = Watched::new("week", trail);
    let deleted = watched.digest(watched.hour(DELETED));
    watched.deleted.push((deleted.clone(), watched.hour(DELETED) + HOUR / 2));
    let file = watched.state.with_extension("prom");
    let prom = file.to_str().unwrap();
    let mut alerted = Vec::new();
    let mut proven_to = None;
    for hour in 3..=HOURS {
        if NO_STEPS.contains(&hour) {
            continue;
        }
        let fails = STORE_FAILS.contains(&hour);
        let plan = match fails {
            true => FaultPlan::new().with(Matcher::any(), Schedule::always(Fault::InternalError)),
            false => FaultPlan::new(),
        };
        watched.server.replace_faults(plan);
        // Most of the time of such a short run goes into the hash of the program, for the record.
        let ran =
            watched.step(watched.hour(hour), &["--reproducible", "--quiet", "--metrics", prom]);
        // The digest of an hour is covered by the step two hours after its end.
        let contradicted = hour >= DELETED + 2;
        let expected = match (fails, contradicted) {
            // The bucket could not be listed, so that no run started.
            (true, _) => 5,
            (_, true) => 1,
            _ => 0,
        };
        assert_eq!(ran.status, expected, "hour {hour}: {ran:#?}");
        // The file has the newest run that finished.
        let text = fs::read_to_string(&file).unwrap();
        let has = |name: &str, label: &str, value: i64| {
            let line =
                format!("trailproof_{name}{{location=\"s3://{}\"{label}}} {value}", watched.bucket);
            assert!(text.lines().any(|other| other == line), "hour {hour}: {line}: {text}");
        };
        if !fails {
            let verdict = if contradicted { "contradicted" } else { "proven" };
            has("verdict", &format!(",verdict=\"{verdict}\""), 1);
            has("run_exit_status", "", expected.into());
            has("findings", ",code=\"digest-missing\"", contradicted.into());
            has("period_end_timestamp_seconds", "", watched.hour(hour) - ALLOWANCE);
            // The digest of the hour after the period is there too, unless it was deleted.
            let newest = if hour == DELETED + 1 { DELETED - 1 } else { hour - 1 };
            let newest = watched.hour(newest);
            has("newest_proven_digest_timestamp_seconds", "", newest);
        }
        alerted.extend(alerts(&ran).iter().map(|line| (hour, (*line).to_owned())));
        // What is proven as a whole ends at the end of the newest step that proved all of it.
        if expected == 0 {
            proven_to = Some(watched.hour(hour) - ALLOWANCE);
        }
        let newest = watched.names("records").pop();
        let named = proven_to.map(|to| format!("{}.jsonl.zst", Timestamp::from_unix(to).key()));
        assert_eq!(newest, named, "hour {hour}");
    }
    let [(hour, line)] = alerted.as_slice() else { panic!("{alerted:#?}") };
    assert_eq!(*hour, DELETED + 2, "{line}");
    let end = Timestamp::from_unix(watched.hour(DELETED)).key();
    let words = "alert: contradicted: new: 1 digest-missing, 1 digests-missing; record `";
    assert!(
        line.starts_with(words) && line.ends_with(&format!("attempts/{end}.jsonl.zst`")),
        "{line}"
    );
    // The steps before the failure, those after it, and those after the missing day.
    let steps =
        (3..DELETED + 2).filter(|hour| !NO_STEPS.contains(hour) && !STORE_FAILS.contains(hour));
    assert_eq!(watched.names("records").len(), steps.count());
    let whole = watched.step(watched.hour(HOURS), &["--check-state"]);
    whole.is(0, "records, up to ");

    // Somebody reviews it. The verdict stays, and the chain of records goes on.
    let (region, trail) = (&watched.trail.chains[0].id.region, &watched.trail.chains[0].id.trail);
    let (account, bucket) = (&watched.trail.chains[0].id.account, &watched.bucket);
    let rest = "reason = \"SEC-12\"\napproved-by = \"Jane Doe\"\nuntil = 2999-12-31\n";
    let (from, to) = (iso(watched.hour(DELETED) - HOUR), iso(watched.hour(DELETED)));
    let accepted = format!(
        "[[exception]]\ncode = \"digest-missing\"\nobject = \"s3://{bucket}/{deleted}\"\n{rest}\
         [[exception]]\ncode = \"digests-missing\"\naccount = \"{account}\"\nregion = \"{region}\"\n\
         trail = \"{trail}\"\nfrom = \"{from}\"\nto = \"{to}\"\n{rest}"
    );
    let file = watched.state.with_extension("toml");
    fs::write(&file, accepted).unwrap();
    let ran = watched.step(watched.hour(HOURS), &["--accept", file.to_str().unwrap()]);
    assert_eq!((ran.status, alerts(&ran).len()), (1, 0), "{ran:#?}");
    // Without the document of the newest step, the newest record says how things stand.
    let latest = watched.state.join("latest.json");
    let aside = latest.with_extension("aside");
    fs::rename(&latest, &aside).unwrap();
    watched.step(watched.hour(HOURS), &[]).is(1, "there is nothing new yet");
    fs::rename(&aside, &latest).unwrap();
    let ran = watched.step(watched.hour(HOURS) + HOUR / 2, &[]);
    assert_eq!((ran.status, alerts(&ran).len()), (0, 0), "{ran:#?}");
    assert_eq!(watched.latest()["verdict"], "proven");
}
