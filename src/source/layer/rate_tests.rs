//! The rate against simulated stores, one step of the clock at a time.
#![expect(clippy::as_conversions, reason = "small counts of a simulation")]
#![expect(clippy::cast_possible_truncation, reason = "small counts of a simulation")]
use super::*;

const STEP: Duration = Duration::from_millis(1);

/// A store that answers `rate` requests a second, with some in reserve after a pause.
struct Store {
    rate: f64,
    tokens: f64,
}

/// The result of a run over a store.
#[derive(Debug, Default)]
struct Came {
    answered: u32,
    refused: u32,
    given_up: bool,
    time: Duration,
}

/// Requests `wanted` objects as fast as the rate allows, with at most 64 in flight, each answered
/// after 10 ms; refused requests are repeated. `rate` returns what the store can answer at each
/// time.
fn run(wanted: u32, rate: impl Fn(Duration) -> f64) -> Came {
    let mut estimate = RateEstimate::new(PATIENCE);
    let mut store = Store { rate: rate(Duration::ZERO), tokens: 50.0 };
    let mut under_way: std::collections::VecDeque<(Duration, bool)> = Default::default();
    let (mut now, mut came) = (Duration::ZERO, Came::default());
    while came.answered < wanted && !came.given_up {
        now += STEP;
        assert!(now < 2 * PATIENCE, "it does not end: {came:?}");
        store.rate = rate(now);
        store.tokens = (store.tokens + store.rate * STEP.as_secs_f64()).min(50.0);
        while under_way.front().is_some_and(|(due, _)| *due <= now) {
            let (_, answered) = under_way.pop_front().unwrap();
            if answered {
                estimate.answered(now);
                came.answered += 1;
            } else {
                estimate.refused(now, under_way.len() as u32);
                came.refused += 1;
            }
        }
        let left = (wanted - came.answered) as usize;
        while under_way.len() < left.min(64) {
            match estimate.admission(now) {
                Admission::Now => {
                    let answered = store.tokens >= 1.0;
                    store.tokens -= if answered { 1.0 } else { 0.0 };
                    under_way.push_back((now + 10 * STEP, answered));
                }
                Admission::After(_) => break,
                Admission::Never => {
                    came.given_up = true;
                    break;
                }
            }
        }
    }
    came.time = now;
    came
}

#[test]
fn a_store_with_a_rate_is_asked_at_that_rate() {
    for (wanted, rate) in [(3_400, 1_000.0), (3_400, 300.0), (20_000, 5_500.0), (300, 20.0)] {
        let came = run(wanted, |_| rate);
        let ideal = f64::from(wanted) / rate;
        let ratio = came.time.as_secs_f64() / ideal;
        assert!(ratio < 1.15, "{rate}: {ratio:.2} times the ideal time; {came:?}");
        let share = f64::from(came.refused) / f64::from(wanted);
        assert!(share < 0.5, "{rate}: {share:.2} refused; {came:?}");
    }
}

#[test]
fn a_store_that_grows_is_followed() {
    let came = run(20_000, |now| if now.as_secs() < 3 { 500.0 } else { 3_000.0 });
    // 1,500 in the first three seconds; the rest takes 6.2 seconds at 3,000 a second.
    assert!(came.time < Duration::from_secs(12), "{came:?}");
}

#[test]
fn a_store_that_weakens_is_spared() {
    let came = run(6_000, |now| if now.as_secs() < 2 { 2_000.0 } else { 200.0 });
    assert!(came.refused < 1_000, "{came:?}");
    assert!(came.time < Duration::from_secs(16), "{came:?}");
}

#[test]
fn a_store_that_never_refuses_is_never_held() {
    let mut estimate = RateEstimate::new(PATIENCE);
    for at in 0..10_000 {
        assert_eq!(estimate.admission(STEP * at), Admission::Now);
        estimate.answered(STEP * at);
    }
    assert!(!estimate.holds());
}

#[test]
fn a_store_that_refuses_everything_is_given_up_and_not_before() {
    let came = run(1, |now| if now < PATIENCE - 10 * STEP { 0.0 } else { 10.0 });
    // The first request takes the tokens of the beginning.
    assert!(!came.given_up && came.answered == 1, "{came:?}");
    let came = run(100, |_| 0.0);
    assert!(came.given_up, "{came:?}");
    let slack = Duration::from_secs(3);
    assert!(came.time >= PATIENCE && came.time < PATIENCE + slack, "{came:?}");
    // The store is not flooded meanwhile.
    assert!(came.refused < 500, "{came:?}");
}

/// Refusals that are unrelated to the rate must not stop a run.
#[test]
fn refusals_at_random_cost_no_more_than_the_floor() {
    let mut estimate = RateEstimate::new(PATIENCE);
    let (mut now, mut asked) = (Duration::ZERO, 0_u32);
    while asked < 500 {
        match estimate.admission(now) {
            Admission::Now => {
                asked += 1;
                if asked % 10 < 3 { estimate.refused(now, 0) } else { estimate.answered(now) }
            }
            Admission::After(wait) => now += wait,
            Admission::Never => panic!("given up"),
        }
    }
    assert!(now < Duration::from_secs(12), "{now:?}");
}
