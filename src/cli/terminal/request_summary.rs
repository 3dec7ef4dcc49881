//! The request summary: the requests of a run and what S3 charges for them.
use crate::console::stream::print_to_stderr;
use crate::report::numbers::{bytes, grouped};
use crate::source::layer::count::Counts;
use std::io::IsTerminal as _;

/// USD for 1,000 LIST requests: S3 Standard, US East (N. Virginia), according to
/// <https://aws.amazon.com/s3/pricing/> in November 2026. Other regions and storage classes differ,
/// some by more than half.
const LIST_PRICE: f64 = 0.005;

/// USD for 1,000 GET requests, from the same page.
const GET_PRICE: f64 = 0.0004;

/// Origin of the prices, as printed.
const PRICES: &str = "S3 Standard in us-east-1, November 2026";

/// Number of requests below which the summary is printed to a terminal only. Prices are per
/// thousand requests.
const WORTH_SAYING: u64 = 1_000;

/// Prints the request summary at the end of a run, unless `quiet`.
pub(crate) fn print_request_summary(quiet: bool, counts: &Counts) {
    let now = counts.now();
    let watched = std::io::stderr().is_terminal();
    if quiet || (!watched && now.lists + now.gets < WORTH_SAYING) {
        return;
    }
    print_to_stderr(&format!(
        "S3: {}{}",
        cost(now.lists, now.gets, now.bytes),
        match counts.unneeded() {
            0 => String::new(),
            1 => "; 1 digest was read ahead and not needed".to_owned(),
            more => format!("; {} digests were read ahead and not needed", grouped(more)),
        }
    ));
}

/// Describes requests, bytes and their price. Every attempt counts, as it does for S3.
pub(crate) fn cost(lists: u64, gets: u64, read: u64) -> String {
    format!(
        "{} LIST and {} GET requests, {}; estimated price {} ({PRICES}; without data transfer)",
        grouped(lists),
        grouped(gets),
        bytes(read),
        dollars(lists, gets),
    )
}

/// Returns the price in USD, to a hundredth of a cent. Only zero requests have the price zero.
fn dollars(lists: u64, gets: u64) -> String {
    let price = (float(lists) * LIST_PRICE + float(gets) * GET_PRICE) / 1_000.0;
    if price > 0.0 && price < 0.0001 {
        "less than 0.0001 USD".to_owned()
    } else if price < 0.1 {
        format!("{price:.4} USD")
    } else {
        format!("{price:.2} USD")
    }
}

#[expect(clippy::as_conversions, reason = "a number that is only shown, to a few digits")]
#[expect(clippy::cast_precision_loss, reason = "a number that is only shown, to a few digits")]
pub(crate) fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed by hand: 4,821 LIST are 0.0241 USD, 57,935 GET are 0.0232 USD.
    #[test]
    fn the_price_is_that_of_the_requests() {
        assert_eq!(dollars(4_821, 57_935), "0.0473 USD");
        assert_eq!(dollars(0, 0), "0.0000 USD");
        assert_eq!(dollars(0, 1), "less than 0.0001 USD");
        assert_eq!(dollars(0, 1_000_000_000), "400.00 USD");
        assert_eq!(dollars(1_000, 0), "0.0050 USD");
    }

    #[test]
    fn the_summary_is_marked_as_an_estimate_and_dates_its_prices() {
        let line = cost(4, 1_234, 5_000);
        for part in ["4 LIST", "1,234 GET", "5.0 kB", "estimate", "us-east-1", "2026"] {
            assert!(line.contains(part), "{line}");
        }
    }
}
