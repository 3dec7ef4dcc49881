//! When requests in flight become more and fewer.
use super::*;

const QUICK: Load = Load::Answered(Duration::from_millis(30));
const SLOW: Load = Load::Answered(Duration::from_millis(300));

/// As many permits as can be had at once.
async fn all(pace: &Arc<Pace>) -> Vec<Permit> {
    let mut permits = Vec::new();
    while pace.free() > 0 {
        permits.push(pace.permit().await.unwrap());
    }
    permits
}

#[tokio::test]
async fn quick_answers_bring_more_up_to_the_most_and_slow_ones_do_not() {
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
async fn what_nobody_waits_for_is_not_added() {
    let pace = Pace::with(AT_FIRST, Some(100));
    pace.note(QUICK);
    assert_eq!(pace.free(), AT_FIRST);
}

#[tokio::test]
async fn a_refusal_halves_once_a_round_and_never_below_one() {
    let pace = Pace::with(8, Some(8));
    let permits = all(&pace).await;
    // All that were under way are refused together.
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
async fn after_a_refusal_it_grows_by_one_a_round() {
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
async fn a_fixed_number_stays_whatever_the_store_says() {
    let pace = Pace::new(InFlight::Fixed(3));
    pace.note(Load::Refused);
    pace.note(QUICK);
    assert_eq!(all(&pace).await.len(), 3);
}

#[tokio::test]
async fn quick_pages_bring_more_and_slow_ones_take_none_away() {
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
