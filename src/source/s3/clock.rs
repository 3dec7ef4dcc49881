//! How far the store's clock is ahead of ours, measured by the `Date` headers of its first
//! responses.
use aws_sdk_s3::config::interceptors::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Requests whose responses are measured. The first of them also resolve names and open connections
/// before the store sees them, so the quickest of a few is more accurate than the very first. After
/// them, the cost for each request is one read of a number.
const LOOKED_AT: u32 = 8;

/// The longest time of a response whose `Date` is used: the time is accurate to half of that.
const USABLE: Duration = Duration::from_secs(20);

/// Length of `Mon, 16 Dec 2019 23:48:18 GMT`, the only form in which dates are sent.
const DATE: usize = 29;

/// The store's clock compared with ours, as measured from its responses.
#[derive(Debug, Default)]
pub struct StoreClock {
    /// Requests so far. They are counted only up to those whose responses are measured, and a few
    /// more that were sent at the same moment.
    asked: AtomicU32,
    best: Mutex<Option<Measured>>,
}

/// The measurement of one response.
#[derive(Clone, Copy, Debug)]
struct Measured {
    ahead: i64,
    took: Duration,
}

/// When a request was sent.
#[derive(Clone, Copy, Debug)]
struct Sent {
    at: SystemTime,
    begun: Instant,
}

impl Storable for Sent {
    type Storer = StoreReplace<Self>;
}

impl StoreClock {
    /// Returns by how many whole seconds the store's clock is ahead of this machine's; negative if
    /// it is behind; `None` if no response has shown it.
    ///
    /// It is accurate to a second, because both clocks are read in whole seconds, plus half the
    /// time of the quickest of the first responses.
    pub fn seconds_ahead(&self) -> Option<i64> {
        let best = self.best.lock().unwrap_or_else(PoisonError::into_inner);
        best.map(|measured| measured.ahead)
    }

    /// Returns whether the next response is to be measured.
    fn looks(&self) -> bool {
        self.asked.load(Ordering::Relaxed) < LOOKED_AT
            && self.asked.fetch_add(1, Ordering::Relaxed) < LOOKED_AT
    }

    /// Takes the date of a response that came `took` after its request was sent. An invalid date,
    /// or one that took too long, is ignored.
    fn take(&self, date: &str, sent: SystemTime, took: Duration) {
        let middle = sent.checked_add(took / 2);
        let middle = middle.and_then(|middle| middle.duration_since(UNIX_EPOCH).ok());
        let middle = middle.and_then(|since| i64::try_from(since.as_secs()).ok());
        let (Some(date), Some(middle)) = (read_date(date), middle) else { return };
        let mut best = self.best.lock().unwrap_or_else(PoisonError::into_inner);
        if took <= USABLE && best.is_none_or(|best| took < best.took) {
            *best = Some(Measured { ahead: date.saturating_sub(middle), took });
        }
    }
}

/// Parses a `Date` header into seconds since the Unix epoch. Only the exact form of the standard is
/// accepted: a wrong day of the week shows that the sender's dates are unreliable.
fn read_date(text: &str) -> Option<i64> {
    if text.len() != DATE {
        return None;
    }
    let date = DateTime::from_str(text, DateTimeFormat::HttpDate).ok()?;
    let again = date.fmt(DateTimeFormat::HttpDate).ok()?;
    (again == text).then(|| date.secs())
}

/// Measures the first responses of a store.
#[derive(Clone, Debug)]
pub(super) struct ReadsClock(pub(super) Arc<StoreClock>);

#[dyn_dispatch_hint]
impl Intercept for ReadsClock {
    fn name(&self) -> &'static str {
        "ReadsClock"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        components: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.0.looks()
            && let Some(clock) = components.time_source()
        {
            let sent = Sent { at: clock.now(), begun: Instant::now() };
            bag.interceptor_state().store_put(sent);
        }
        Ok(())
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(sent) = bag.load::<Sent>() else { return Ok(()) };
        let headers = context.response().headers();
        // A response with an age comes from a cache in between, and its date is old.
        if let (Some(date), None) = (headers.get("date"), headers.get("age")) {
            self.0.take(date, sent.at, sent.begun.elapsed());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-01T00:00:00Z.
    const NOW: u64 = 1_772_323_200;
    const QUICK: Duration = Duration::from_millis(40);

    fn at(milliseconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(NOW * 1_000 + milliseconds)
    }

    fn ahead(date: &str, sent: SystemTime, took: Duration) -> Option<i64> {
        let clock = StoreClock::default();
        clock.take(date, sent, took);
        clock.seconds_ahead()
    }

    #[test]
    fn whole_seconds_are_compared_at_the_middle() {
        for (date, sent, took, expected) in [
            ("Sun, 01 Mar 2026 00:00:00 GMT", at(0), QUICK, 0),
            ("Sun, 01 Mar 2026 00:00:00 GMT", at(960), QUICK, 0),
            // The middle is in the next second.
            ("Sun, 01 Mar 2026 00:00:01 GMT", at(990), QUICK, 0),
            ("Sun, 01 Mar 2026 00:00:03 GMT", at(0), Duration::from_secs(6), 0),
            ("Sun, 01 Mar 2026 00:01:00 GMT", at(0), QUICK, 60),
            ("Sat, 28 Feb 2026 23:59:59 GMT", at(0), QUICK, -1),
            ("Sat, 28 Feb 2026 23:00:00 GMT", at(500), QUICK, -3_600),
            ("Thu, 01 Jan 1970 00:00:00 GMT", at(0), QUICK, -1_772_323_200),
        ] {
            assert_eq!(ahead(date, sent, took), Some(expected), "{date}");
        }
    }

    #[test]
    fn an_invalid_date_is_ignored() {
        for date in [
            "",
            "now",
            "Sun, 01 Mar 2026 00:00:00 UTC",
            "Sun, 01 Mar 2026 00:00:00",
            "Sun, 01 Mar 2026 00:00:00.5 GMT",
            "Sun, 1 Mar 2026 00:00:00 GMT",
            "Sunday, 01-Mar-26 00:00:00 GMT",
            "Sun Mar  1 00:00:00 2026",
            "2026-03-01T00:00:00Z",
            "sun, 01 mar 2026 00:00:00 gmt",
            // A wrong day of the week.
            "Mon, 01 Mar 2026 00:00:00 GMT",
            "Mon, 30 Feb 2026 00:00:00 GMT",
            "Sun, 01 Mar 2026 24:00:00 GMT",
            "Sun, 01 Mar 2026 00:00:60 GMT",
            "Sun, +1 Mar 2026 00:00:00 GMT",
            "Sun, 01 Mar +026 00:00:00 GMT",
            "Sun, 01 Mar -026 00:00:00 GMT",
            "Sun, 01 Mar 0000 00:00:00 GMT",
            "Sun, 01 Mär 2026 00:00:00 GM",
            " Sun, 01 Mar 2026 00:00:00 GMT",
            "äääääääääääää GM",
            &"Sun, 01 Mar 2026 00:00:00 GMT".repeat(1_000),
        ] {
            assert_eq!(ahead(date, at(0), QUICK), None, "{date:.40}");
        }
        let right = "Sun, 01 Mar 2026 00:00:00 GMT";
        assert_eq!(ahead(right, at(0), USABLE + QUICK), None, "it took too long");
        assert_eq!(ahead(right, UNIX_EPOCH - Duration::from_secs(1), QUICK), None);
    }

    #[test]
    fn extreme_dates_can_be_counted() {
        for (date, sent) in [
            ("Fri, 31 Dec 9999 23:59:59 GMT", UNIX_EPOCH),
            ("Mon, 01 Jan 0001 00:00:00 GMT", at(0)),
        ] {
            assert!(ahead(date, sent, QUICK).is_some_and(|ahead| ahead != 0), "{date}");
        }
    }

    #[test]
    fn the_quickest_of_the_first_responses_counts() {
        let clock = StoreClock::default();
        for (date, took) in [
            ("Sun, 01 Mar 2026 00:00:05 GMT", 300),
            ("Sun, 01 Mar 2026 00:00:07 GMT", 20),
            ("Sun, 01 Mar 2026 00:00:09 GMT", 200),
        ] {
            clock.take(date, at(0), Duration::from_millis(took));
        }
        assert_eq!(clock.seconds_ahead(), Some(7));
        let looked_at = (0..100).filter(|_| clock.looks()).count();
        assert_eq!(looked_at, usize::try_from(LOOKED_AT).unwrap());
    }
}
