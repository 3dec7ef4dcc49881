//! Many requests at once in one task, with their results in the order of the requests.
//!
//! This is for listings, whose responses take long and whose handling does not: separate tasks
//! would need a source that outlives the caller.
use super::BoxFuture;
use futures_util::StreamExt as _;
use futures_util::stream;

/// The number of concurrent listings of one kind. The source limits them across all kinds.
pub(crate) const AT_ONCE: usize = 256;

/// Runs all the work, at most [`AT_ONCE`] pieces at a time. The results are in the order of the
/// work.
pub(crate) async fn in_order<'a, T: Send>(
    work: impl IntoIterator<Item = BoxFuture<'a, T>>,
) -> Vec<T> {
    few_in_order(work, AT_ONCE).await
}

/// Does the same as [`in_order`], with at most `at_once` pieces at a time.
pub(crate) async fn few_in_order<'a, T: Send>(
    work: impl IntoIterator<Item = BoxFuture<'a, T>>,
    at_once: usize,
) -> Vec<T> {
    let work: Vec<_> = work.into_iter().collect();
    stream::iter(work).buffered(at_once).collect().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn results_are_in_order_and_concurrency_is_bounded() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = (0..1_000_usize).map(|at| -> BoxFuture<'_, usize> {
            let (now, most) = (&now, &most);
            Box::pin(async move {
                most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                for _ in 0..=(at * 7) % 5 {
                    tokio::task::yield_now().await;
                }
                now.fetch_sub(1, Ordering::Relaxed);
                at
            })
        });
        let work: Vec<_> = work.collect();
        assert_eq!(in_order(work).await, (0..1_000).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::Relaxed), AT_ONCE);
        assert!(in_order(Vec::<BoxFuture<'_, ()>>::new()).await.is_empty());
    }
}
