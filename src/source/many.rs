//! Many requests at once in one task, with their results in the order in which they were asked for.
//!
//! For listings, of which the answer takes long and its handling does not: a task of its own would
//! need a source that outlives the caller. (`futures-util` has the same behind a feature that
//! nothing else here switches on.)
use crate::source::BoxFuture;
use std::future::poll_fn;
use std::task::Poll;

/// Listings of one kind that are under way at once. Across all kinds, the source bounds them.
pub(crate) const AT_ONCE: usize = 32;

/// Does all the work, at most [`AT_ONCE`] pieces at a time; results come in the order of the work.
pub(crate) async fn in_order<'a, T>(work: impl IntoIterator<Item = BoxFuture<'a, T>>) -> Vec<T> {
    let mut work = work.into_iter().enumerate();
    let mut running: Vec<(usize, BoxFuture<'a, T>)> = Vec::new();
    let mut done: Vec<(usize, T)> = Vec::new();
    poll_fn(|context| {
        loop {
            running.extend(work.by_ref().take(AT_ONCE.saturating_sub(running.len())));
            let before = done.len();
            running.retain_mut(|(at, one)| match one.as_mut().poll(context) {
                Poll::Ready(value) => {
                    done.push((*at, value));
                    false
                }
                Poll::Pending => true,
            });
            if done.len() == before {
                // Each has been polled since it was begun or woke us.
                return if running.is_empty() { Poll::Ready(()) } else { Poll::Pending };
            }
        }
    })
    .await;
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, value)| value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn results_come_in_order_and_so_many_at_once() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = (0..100_usize).map(|at| -> BoxFuture<'_, usize> {
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
        assert_eq!(in_order(work).await, (0..100).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::Relaxed), AT_ONCE);
        assert!(in_order(Vec::<BoxFuture<'_, ()>>::new()).await.is_empty());
    }
}
