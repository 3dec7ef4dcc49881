//! When the number of requests in flight grows and shrinks.
use super::*;

const QUICK: Load = Load::Answered(Duration::from_millis(30));
const SLOW: Load = Load::Answered(Duration::from_millis(300));

/// Takes all permits that are available at once.
async fn all(pace: &Arc<Pace>) -> Vec<Permit> {
    let mut permits = Vec::new();
    while pace.free() > 0 {
        permits.push(pace.permit().await.unwrap());
    }
    permits
}

#[tokio::test]
async fn quick_responses_raise_the_limit_to_its_maximum() {
    let pace = Pace::with(AT_FIRST, Some(100));
    let mut permits = all(&pace).await;
    assert_eq!(permits.len(), AT_FIRST);
    pace.note(QUICK);
    permits.extend(all(&pace).await);
    assert_eq!(permits.len(), AT_FIRST + GAIN);
    for _ in 0..100 {
        pace.note(SLOW);
    }
    assert_eq!(pace.free(), 0);
    drop(permits);
    assert_eq!(pace.free(), AT_FIRST);
    let mut permits = all(&pace).await;
    for _ in 0..100 {
        pace.note(QUICK);
        permits.extend(all(&pace).await);
    }
    assert_eq!(permits.len(), 100);
}

#[tokio::test]
async fn no_permit_is_added_without_demand() {
    let pace = Pace::with(AT_FIRST, Some(100));
    pace.note(QUICK);
    assert_eq!(pace.free(), AT_FIRST);
}

#[tokio::test]
async fn a_refusal_halves_the_limit_once_a_round_to_no_less_than_one() {
    let pace = Pace::with(8, Some(8));
    let permits = all(&pace).await;
    // All requests in flight are refused together.
    for _ in 0..8 {
        pace.note(Load::Refused);
    }
    drop(permits);
    assert_eq!(pace.free(), 4);
    for _ in 0..100 {
        let permits = all(&pace).await;
        pace.note(Load::Refused);
        drop(permits);
    }
    assert_eq!(pace.free(), 1);
}

#[tokio::test]
async fn after_a_refusal_the_limit_grows_by_one_a_round() {
    let pace = Pace::with(8, Some(8));
    let permits = all(&pace).await;
    pace.note(Load::Refused);
    drop(permits);
    let permits = all(&pace).await;
    assert_eq!(permits.len(), 4);
    for _ in 0..4 {
        assert_eq!(pace.free(), 0);
        pace.note(QUICK);
    }
    assert_eq!(pace.free(), 1);
}

#[tokio::test]
async fn a_fixed_limit_never_changes() {
    let pace = Pace::new(InFlight::Fixed(3));
    pace.note(Load::Refused);
    pace.note(QUICK);
    assert_eq!(all(&pace).await.len(), 3);
}

#[tokio::test]
async fn quick_pages_raise_the_limit_and_slow_ones_do_not_lower_it() {
    let pace = Pace::with(AT_FIRST, Some(100));
    let mut permits = all(&pace).await;
    for _ in 0..10 {
        pace.note(Load::Listed(Duration::from_millis(30)));
        permits.extend(all(&pace).await);
    }
    assert_eq!(permits.len(), AT_FIRST + 10 * GAIN);
    for _ in 0..10 {
        pace.note(Load::Listed(Duration::from_secs(3)));
    }
    drop(permits);
    assert_eq!(pace.free(), AT_FIRST + 10 * GAIN);
}
