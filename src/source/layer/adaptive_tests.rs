//! When the number of requests in flight grows and shrinks.
use super::*;

const QUICK: Load = Load::Answered(Duration::from_millis(30));
const SLOW: Load = Load::Answered(Duration::from_millis(300));

/// Takes all permits that are available at once.
async fn all(limit: &Arc<AdaptiveLimit>) -> Vec<Permit> {
    let mut permits = Vec::new();
    while limit.free() > 0 {
        permits.push(limit.permit().await.unwrap());
    }
    permits
}

#[tokio::test]
async fn quick_responses_raise_the_limit_to_its_maximum() {
    let limit = AdaptiveLimit::with(INITIAL, Some(100));
    let mut permits = all(&limit).await;
    assert_eq!(permits.len(), INITIAL);
    limit.note(QUICK);
    permits.extend(all(&limit).await);
    assert_eq!(permits.len(), INITIAL + GAIN);
    for _ in 0..100 {
        limit.note(SLOW);
    }
    assert_eq!(limit.free(), 0);
    drop(permits);
    assert_eq!(limit.free(), INITIAL);
    let mut permits = all(&limit).await;
    for _ in 0..100 {
        limit.note(QUICK);
        permits.extend(all(&limit).await);
    }
    assert_eq!(permits.len(), 100);
}

#[tokio::test]
async fn no_permit_is_added_without_demand() {
    let limit = AdaptiveLimit::with(INITIAL, Some(100));
    limit.note(QUICK);
    assert_eq!(limit.free(), INITIAL);
}

#[tokio::test]
async fn a_refusal_halves_the_limit_once_a_round_to_no_less_than_one() {
    let limit = AdaptiveLimit::with(8, Some(8));
    let permits = all(&limit).await;
    // All requests in flight are refused together.
    for _ in 0..8 {
        limit.note(Load::Refused);
    }
    drop(permits);
    assert_eq!(limit.free(), 4);
    for _ in 0..100 {
        let permits = all(&limit).await;
        limit.note(Load::Refused);
        drop(permits);
    }
    assert_eq!(limit.free(), 1);
}

#[tokio::test]
async fn after_a_refusal_the_limit_grows_by_one_a_round() {
    let limit = AdaptiveLimit::with(8, Some(8));
    let permits = all(&limit).await;
    limit.note(Load::Refused);
    drop(permits);
    let permits = all(&limit).await;
    assert_eq!(permits.len(), 4);
    for _ in 0..4 {
        assert_eq!(limit.free(), 0);
        limit.note(QUICK);
    }
    assert_eq!(limit.free(), 1);
}

#[tokio::test]
async fn a_fixed_limit_never_changes() {
    let limit = AdaptiveLimit::new(InFlight::Fixed(3));
    limit.note(Load::Refused);
    limit.note(QUICK);
    assert_eq!(all(&limit).await.len(), 3);
}

#[tokio::test]
async fn quick_pages_raise_the_limit_and_slow_ones_do_not_lower_it() {
    let limit = AdaptiveLimit::with(INITIAL, Some(100));
    let mut permits = all(&limit).await;
    for _ in 0..10 {
        limit.note(Load::Listed(Duration::from_millis(30)));
        permits.extend(all(&limit).await);
    }
    assert_eq!(permits.len(), INITIAL + 10 * GAIN);
    for _ in 0..10 {
        limit.note(Load::Listed(Duration::from_secs(3)));
    }
    drop(permits);
    assert_eq!(limit.free(), INITIAL + 10 * GAIN);
}
