//! What retrying guarantees: one complete body of one object, or a failure with the number of
//! attempts.
use super::*;
use crate::source::layer::limit::{InFlight, Limited};
use crate::source::scripted::{Act, Scripted, at};
use ReadFailureKind::{ChangedWhileReading, Denied, Network, Throttled, Timeout, Truncated};

fn retrying(acts: impl IntoIterator<Item = Act>) -> Retrying<Scripted> {
    Retrying::new(Scripted::new(b"abcdef", acts), RetryPolicy::at_once(5))
}

async fn read<S: ObjectSource + 'static>(source: &Retrying<S>) -> Result<Vec<u8>, ReadError> {
    let mut reader = source.open(&at(), &ReadFrom::default()).await?;
    let mut all = Vec::new();
    while let Some(bytes) = reader.chunk().await.map_err(ReadError::Failure)? {
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}

fn failure(result: Result<Vec<u8>, ReadError>) -> (ReadFailureKind, u32) {
    match result {
        Err(ReadError::Failure(failure)) => (failure.kind, failure.attempts),
        other => panic!("{other:?}"),
    }
}

fn offsets(source: &Retrying<Scripted>) -> Vec<u64> {
    source.below.asked.lock().unwrap().iter().map(|from| from.offset).collect()
}

#[tokio::test]
async fn faults_within_the_budget_are_not_seen() {
    let source = retrying([
        Act::Fail(Network),
        Act::Break(2, Truncated),
        Act::Fail(Throttled),
        Act::Break(3, Timeout),
        Act::Whole,
    ]);
    assert_eq!(read(&source).await.unwrap(), b"abcdef");
    assert_eq!(offsets(&source), [0, 0, 2, 2, 5]);
    let asked = source.below.asked.lock().unwrap().clone();
    // It is resumed only as the same object.
    assert_eq!(asked[4].if_etag.as_deref(), Some("e"));
    assert_eq!(asked[0].if_etag, None);
}

#[tokio::test]
async fn the_budget_holds_for_opening_and_body_together() {
    let source = retrying([Act::Fail(Network)]);
    assert_eq!(failure(read(&source).await), (Network, 5));
    assert_eq!(offsets(&source).len(), 5);
    let source = retrying([Act::Fail(Network), Act::Fail(Network), Act::Break(1, Truncated)]);
    assert_eq!(failure(read(&source).await), (Truncated, 5));
    assert_eq!(offsets(&source), [0, 0, 0, 1, 2]);
}

#[tokio::test]
async fn a_permanent_failure_is_not_retried() {
    let source = retrying([Act::Missing]);
    assert_eq!(read(&source).await, Err(ReadError::Missing));
    assert_eq!(offsets(&source).len(), 1);
    let source = retrying([Act::Fail(Denied)]);
    assert_eq!(failure(read(&source).await), (Denied, 1));
    let source = retrying([Act::Fail(ChangedWhileReading)]);
    assert_eq!(failure(read(&source).await), (ChangedWhileReading, 1));
}

#[tokio::test]
async fn an_object_that_changed_is_not_continued() {
    for second in [Act::Missing, Act::Resized, Act::Fail(ChangedWhileReading)] {
        let source = retrying([Act::Break(2, Network), second]);
        assert_eq!(failure(read(&source).await), (ChangedWhileReading, 2));
    }
}

/// Without an ETag, nothing shows that the rest belongs to what was returned.
#[tokio::test]
async fn without_an_etag_only_an_unread_body_is_restarted() {
    let mut scripted = Scripted::new(b"abcdef", [Act::Break(0, Network), Act::Whole]);
    scripted.etag = None;
    let source = Retrying::new(scripted, RetryPolicy::at_once(5));
    assert_eq!(read(&source).await.unwrap(), b"abcdef");
    let mut scripted = Scripted::new(b"abcdef", [Act::Break(1, Truncated), Act::Whole]);
    scripted.etag = None;
    let source = Retrying::new(scripted, RetryPolicy::at_once(5));
    assert_eq!(failure(read(&source).await), (Truncated, 1));
}

#[tokio::test]
async fn listings_are_retried_too() {
    let source = retrying([Act::Fail(Throttled), Act::Fail(Network), Act::Whole]);
    assert!(source.list(&ListRequest::all("bucket", "")).await.is_ok());
    let source = retrying([Act::Fail(Throttled)]);
    let failure = source.list(&ListRequest::all("bucket", "")).await.unwrap_err();
    assert_eq!((failure.kind, failure.attempts), (Throttled, 5));
}

/// The permit of the broken reader must be free before the next one is requested.
#[tokio::test]
async fn a_limit_of_one_does_not_block_itself() {
    let below = Limited::new(
        Scripted::new(b"abcdef", [Act::Break(2, Network), Act::Whole]),
        InFlight::Fixed(1),
    );
    let source = Retrying::new(below, RetryPolicy::at_once(5));
    assert_eq!(read(&source).await.unwrap(), b"abcdef");
}

#[test]
fn waits_stay_within_bounds_that_double() {
    let policy = RetryPolicy::default();
    for (made, kind, bound) in [
        (1, Network, 100),
        (2, Network, 200),
        (4, Network, 800),
        (1, Throttled, 1_000),
        (4, Throttled, 8_000),
        (30, Throttled, 20_000),
        (u32::MAX, Network, 20_000),
    ] {
        let bound = Duration::from_millis(bound);
        for dice in [0, 1, u64::MAX / 2, u64::MAX] {
            assert!(policy.wait(made, kind, dice) <= bound, "{made} {dice}");
        }
        let micros = u64::try_from(bound.as_micros()).unwrap();
        assert_eq!(policy.wait(made, kind, micros), bound);
    }
    assert_eq!(RetryPolicy::at_once(3).wait(2, Throttled, 7), Duration::ZERO);
}
