//! A queue of results in the order in which their work was started, whichever finishes first.
//!
//! The producer waits once `window` results are outstanding, so that memory does not grow with the
//! run or with the slowest object.
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinHandle;

/// The permit that a result holds in a budget, if it holds one.
pub(crate) type Permit = Option<OwnedSemaphorePermit>;

/// The side that starts work.
#[derive(Debug)]
pub(crate) struct Ordered<T>(mpsc::Sender<Slot<T>>);

/// The side that receives results.
#[derive(Debug)]
pub(crate) struct InOrder<T>(mpsc::Receiver<Slot<T>>);

#[derive(Debug)]
enum Slot<T> {
    /// A result, and the permit that it holds until the receiver is done with it.
    Ready(T, Permit),
    /// A result that is still pending, and its permit.
    Pending(JoinHandle<T>, Permit),
}

/// The error that the receiver of results is gone, so that further work is useless.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closed;

/// Returns the two sides of a queue of at most `window` results.
pub(crate) fn ordered<T>(window: usize) -> (Ordered<T>, InOrder<T>) {
    let (sender, receiver) = mpsc::channel(window);
    (Ordered(sender), InOrder(receiver))
}

impl<T> Ordered<T> {
    /// Adds a result that is available.
    pub(crate) async fn ready(&self, value: T) -> Result<(), Closed> {
        self.ready_in(None, value).await
    }

    /// Does the same as [`Self::ready`], for a result that holds a permit.
    pub(crate) async fn ready_in(&self, place: Permit, value: T) -> Result<(), Closed> {
        self.0.send(Slot::Ready(value, place)).await.map_err(|_| Closed)
    }

    /// Waits for a place in the queue, then starts the work and adds its result.
    pub(crate) async fn pending(
        &self,
        start: impl FnOnce() -> JoinHandle<T>,
    ) -> Result<(), Closed> {
        self.pending_in(None, start).await
    }

    /// Does the same as [`Self::pending`], for work that holds a permit.
    pub(crate) async fn pending_in(
        &self,
        place: Permit,
        start: impl FnOnce() -> JoinHandle<T>,
    ) -> Result<(), Closed> {
        let permit = self.0.reserve().await.map_err(|_| Closed)?;
        permit.send(Slot::Pending(start(), place));
        Ok(())
    }
}

impl<T> InOrder<T> {
    /// Returns the next result, or `None` after the last.
    ///
    /// A panic in the work is a bug and is passed on here, so that the program exits with 70.
    pub(crate) async fn next(&mut self) -> Option<T> {
        self.next_in_place().await.map(|(value, _)| value)
    }

    /// Does the same as [`Self::next`], and returns the permit of the result too.
    pub(crate) async fn next_in_place(&mut self) -> Option<(T, Permit)> {
        match self.0.recv().await? {
            Slot::Ready(value, place) => Some((value, place)),
            Slot::Pending(task, place) => match task.await {
                Ok(value) => Some((value, place)),
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => None,
                },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn results_come_in_the_order_in_which_work_was_started() {
        let (queue, mut results) = ordered(16);
        let producer = async move {
            for number in 0_u64..16 {
                let wait = Duration::from_millis((number * 7) % 5);
                queue
                    .pending(|| {
                        tokio::spawn(async move {
                            tokio::time::sleep(wait).await;
                            number
                        })
                    })
                    .await
                    .unwrap();
            }
            queue.ready(16).await.unwrap();
        };
        let consumer = async move {
            let mut told = Vec::new();
            while let Some(number) = results.next().await {
                told.push(number);
            }
            told
        };
        let ((), told) = tokio::join!(producer, consumer);
        assert_eq!(told, (0..=16).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn work_is_not_started_before_there_is_room() {
        let (queue, _results) = ordered::<()>(1);
        queue.ready(()).await.unwrap();
        let started = queue.pending(|| panic!("started without room"));
        assert!(tokio::time::timeout(Duration::from_millis(20), started).await.is_err());
    }
}
