//! Work that waits only for a disk. It is distributed over the threads by a few tasks, because one
//! task per small log file would cost a tenth of the time to read it.
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time after which a task yields its thread: long enough that yielding costs nothing, short enough
/// for timers and signals.
const TURN: Duration = Duration::from_millis(2);

type Queue<W> = Arc<Mutex<std::iter::Enumerate<std::vec::IntoIter<W>>>>;

/// Runs `run` over each piece of `work` and returns the results in the order of the work. Idle
/// threads take part, so that a few large files are not all read by one thread.
pub(crate) async fn share_out<W, T, F, R>(work: Vec<W>, run: F) -> Vec<T>
where
    W: Send + 'static,
    T: Send + 'static,
    F: Fn(W) -> R + Clone + Send + 'static,
    R: Future<Output = T> + Send + 'static,
{
    let threads = tokio::runtime::Handle::current().metrics().num_workers();
    let helpers = threads.min(work.len()).saturating_sub(1);
    let queue: Queue<W> = Arc::new(Mutex::new(work.into_iter().enumerate()));
    let helpers: Vec<_> =
        (0..helpers).map(|_| tokio::spawn(work_off(Arc::clone(&queue), run.clone()))).collect();
    let mut done = work_off(queue, run).await;
    for helper in helpers {
        match helper.await {
            Ok(more) => done.extend(more),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // An awaited task is cancelled only if the run itself is dropped.
                Err(_) => std::future::pending().await,
            },
        }
    }
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

async fn work_off<W, T, R>(queue: Queue<W>, run: impl Fn(W) -> R) -> Vec<(usize, T)>
where
    R: Future<Output = T>,
{
    let mut done = Vec::new();
    let mut begun = Instant::now();
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some((at, work)) = next else { return done };
        done.push((at, run(work).await));
        if begun.elapsed() > TURN {
            tokio::task::yield_now().await;
            begun = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 3)]
    async fn results_come_in_the_order_of_the_work() {
        for count in [0, 1, 2, 3, 100] {
            let run = |number: u64| async move {
                tokio::time::sleep(Duration::from_micros(number * 7 % 5)).await;
                number * 2
            };
            let results = share_out((0..count).collect(), run).await;
            assert_eq!(results, (0..count).map(|number| number * 2).collect::<Vec<_>>());
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_panic_in_any_work_is_passed_on() {
        for bad in 0..4 {
            let run = move |number: u64| async move {
                assert_ne!(number, bad, "on purpose");
            };
            let shared = tokio::spawn(async move { share_out((0..4).collect(), run).await });
            assert!(shared.await.is_err_and(|error| error.is_panic()));
        }
    }
}
