//! Results in the order in which their work was handed out, whatever finishes first.
//!
//! The producer waits once `window` results are outstanding, so that memory does not grow with the
//! run or with the slowest object.
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinHandle;

/// A place that a result takes elsewhere, where it takes one.
pub(crate) type Place = Option<OwnedSemaphorePermit>;

/// The side that hands out work.
#[derive(Debug)]
pub(crate) struct Ordered<T>(mpsc::Sender<Slot<T>>);

/// The side that takes results.
#[derive(Debug)]
pub(crate) struct InOrder<T>(mpsc::Receiver<Slot<T>>);

#[derive(Debug)]
enum Slot<T> {
    /// A result, and the place that it takes until whoever takes it is done with it.
    Ready(T, Place),
    /// The same of a result that is on its way.
    Pending(JoinHandle<T>, Place),
}

/// The reader of results is gone, so there is no use in going on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closed;

/// A queue of at most `window` results.
pub(crate) fn ordered<T>(window: usize) -> (Ordered<T>, InOrder<T>) {
    let (sender, receiver) = mpsc::channel(window);
    (Ordered(sender), InOrder(receiver))
}

impl<T> Ordered<T> {
    /// A result that is there already.
    pub(crate) async fn ready(&self, value: T) -> Result<(), Closed> {
        self.ready_in(None, value).await
    }

    /// As [`Self::ready`], of a result that takes a place elsewhere too.
    pub(crate) async fn ready_in(&self, place: Place, value: T) -> Result<(), Closed> {
        self.0.send(Slot::Ready(value, place)).await.map_err(|_| Closed)
    }

    /// A place in the queue, for work that is started only once there is one.
    pub(crate) async fn pending(
        &self,
        start: impl FnOnce() -> JoinHandle<T>,
    ) -> Result<(), Closed> {
        self.pending_in(None, start).await
    }

    /// As [`Self::pending`], for work that takes a place elsewhere too.
    pub(crate) async fn pending_in(
        &self,
        place: Place,
        start: impl FnOnce() -> JoinHandle<T>,
    ) -> Result<(), Closed> {
        let permit = self.0.reserve().await.map_err(|_| Closed)?;
        permit.send(Slot::Pending(start(), place));
        Ok(())
    }
}

impl<T> InOrder<T> {
    /// The next result, or `None` after the last.
    ///
    /// A panic of the work is ours and goes on here, to become the exit status of a bug.
    pub(crate) async fn next(&mut self) -> Option<T> {
        self.next_in_place().await.map(|(value, _)| value)
    }

    /// As [`Self::next`], with the place that the result takes until it is dropped.
    pub(crate) async fn next_in_place(&mut self) -> Option<(T, Place)> {
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
    async fn order_is_that_of_handing_out() {
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
