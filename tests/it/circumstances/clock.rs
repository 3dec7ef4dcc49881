//! What is told of the clock.
use super::*;

#[test]
fn a_clock_that_is_far_off_is_told() {
    let at = fresh("skewed");
    let words = |date: Date, more: &[&str]| {
        let ran = verify(&with_date(date), &at, more);
        assert_eq!(ran.status, Some(0), "{ran:?}");
        ran.stderr
    };
    for (ahead, side) in [(3_600, "ahead of"), (-3_600, "behind")] {
        for more in [&["--record", "run.jsonl"][..], &[], &["--dry-run"]] {
            let told = words(Date::Ahead(ahead), more);
            assert!(told.starts_with("warning: the store's clock is 3"), "{told}");
            assert!(told.contains(&format!(" seconds {side} this machine's")), "{told}");
            assert_eq!(told.lines().count(), 1, "{told}");
        }
        assert!((skew(&at).as_i64().unwrap() - ahead).abs() <= 1, "{}", skew(&at));
    }
    assert_eq!(words(Date::Ahead(50), &[]), "");
    assert_eq!(words(Date::Ahead(-50), &[]), "");
}

#[test]
fn a_date_that_is_none_says_nothing() {
    let at = fresh("dates");
    for date in [
        "",
        "yesterday",
        "Mon, 01 Mar 2026 00:00:00 GMT",
        "Sun, 01 Mar 2026 00:00:00 GMT+",
        // As a cache in between has it.
        "Sun, 01 Mar 2026 00:00:00 GMT\r\nAge: 5",
    ] {
        let server = with_date(Date::Words(date.to_owned()));
        let ran = verify(&server, &at, &["--record", "run.jsonl"]);
        assert_eq!((ran.status, &*ran.stderr), (Some(0), ""), "{date}: {ran:?}");
        assert_eq!(skew(&at), Value::Null, "{date}");
    }
    let ran = verify(&served(ServerOptions::default()), &at, &["--record", "run.jsonl"]);
    assert_eq!((ran.status, skew(&at)), (Some(0), Value::Null), "{ran:?}");
    // One of long ago is a clock that is far off.
    let epoch = with_date(Date::Words("Thu, 01 Jan 1970 00:00:00 GMT".to_owned()));
    let ran = verify(&epoch, &at, &["--record", "run.jsonl"]);
    assert!(skew(&at).as_i64().unwrap() < -1_700_000_000, "{ran:?}");
}
