//! `--metrics-emf`: lines in CloudWatch's embedded metric format. Written to a log that CloudWatch Logs
//! receives, each becomes metrics without a request of ours.
//!
//! CloudWatch delivers at least once, so every metric is a gauge: a second delivery changes nothing.
use super::gauges::{GaugeReporter, RunGauges, Unit, seconds};
use serde_json::{Map, Value, json};
use std::io::{self, Write};
use trailproof_core::vocab::time::Timestamp;

/// Namespace of the metrics.
const NAMESPACE: &str = "Trailproof";

/// Characters of the value of a dimension.
const DIMENSION: usize = 1_024;

/// Metrics of one directive.
const METRICS: usize = 100;

/// Returns the reporter for `--metrics-emf`, with a line for each chain if `per_chain`.
pub fn emf<W: Write + Send>(out: W, per_chain: bool) -> GaugeReporter<W> {
    GaugeReporter::new(out, per_chain, write)
}

fn write<W: Write>(gauges: &RunGauges, per_chain: bool, out: &mut W) -> io::Result<()> {
    let (all, location) = (gauges.all(), gauges.location());
    if let (Some(all), Some(location), Some(time)) = (all, location, gauges.time()) {
        let mut metrics = Vec::new();
        for gauge in all {
            let unit = match gauge.unit {
                Unit::Count => "Count",
                Unit::Bytes => "Bytes",
                Unit::Seconds => "Seconds",
                Unit::None => "None",
                // CloudWatch has no alarms on points in time: the age below takes their place.
                Unit::Time => continue,
            };
            // A metric for each reason would cost money, and none of them has an alarm of its own.
            if ["findings", "read_failures"].contains(&gauge.name) {
                let total = gauge.values.iter().map(|(_, value)| value).sum();
                metrics.push((camel(gauge.name, ""), unit, total));
                continue;
            }
            for (label, value) in gauge.values {
                metrics.push((camel(gauge.name, label), unit, value));
            }
        }
        if let Some(newest) = gauges.oldest_newest() {
            metrics.push(age(time, newest));
        }
        let of_run = [("Location", location.as_str())];
        for some in metrics.chunks(METRICS) {
            line(out, time, &of_run, some)?;
        }
        if per_chain {
            chains(gauges, out, time, &location)?;
        }
    }
    Ok(())
}

fn chains<W: Write>(
    gauges: &RunGauges,
    out: &mut W,
    time: Timestamp,
    location: &str,
) -> io::Result<()> {
    for (chain, newest) in gauges.newest() {
        let Some(newest) = newest else { continue };
        let dimensions = [
            ("Location", location),
            ("Account", chain.account.as_str()),
            ("Region", chain.source_region.as_str()),
            ("Trail", chain.trail.as_str()),
        ];
        line(out, time, &dimensions, &[age(time, newest)])?;
    }
    Ok(())
}

fn line<W: Write>(
    out: &mut W,
    time: Timestamp,
    dimensions: &[(&str, &str)],
    metrics: &[(String, &str, f64)],
) -> io::Result<()> {
    let mut line = Map::new();
    let names: Vec<&str> = dimensions.iter().map(|(name, _)| *name).collect();
    let units = metrics.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit }));
    let directive = json!({
        "Namespace": NAMESPACE,
        "Dimensions": [names],
        "Metrics": units.collect::<Vec<_>>(),
    });
    let about = json!({ "Timestamp": time.unix() * 1_000, "CloudWatchMetrics": [directive] });
    line.insert("_aws".to_owned(), about);
    for (name, value) in dimensions {
        line.insert((*name).to_owned(), Value::from(dimension(value)));
    }
    for (name, _, value) in metrics {
        line.insert(name.clone(), json!(value));
    }
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}

fn age(time: Timestamp, newest: Timestamp) -> (String, &'static str, f64) {
    let age = time.unix().saturating_sub(newest.unix()).max(0);
    ("NewestProvenDigestAge".to_owned(), "Seconds", seconds(age))
}

/// Returns the value of a dimension, which CloudWatch accepts only in ASCII.
fn dimension(value: &str) -> String {
    let ascii = |c: char| match c {
        ' '..='~' => c.to_string(),
        _ => c.escape_unicode().to_string(),
    };
    value.chars().map(ascii).collect::<String>().chars().take(DIMENSION).collect()
}

/// Returns a name as CloudWatch has them: `log_files` and `valid` as `LogFilesValid`.
fn camel(name: &str, label: &str) -> String {
    let name = name.trim_end_matches("_seconds");
    let words = name.split('_').chain(label.split(['-', ' ', '_']));
    words
        .filter_map(|word| {
            let mut letters = word.chars();
            Some(format!("{}{}", letters.next()?.to_ascii_uppercase(), letters.as_str()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_dimensions_are_what_cloudwatch_accepts() {
        assert_eq!(camel("log_files", "valid"), "LogFilesValid");
        assert_eq!(camel("coverage_seconds", "before-first-digest"), "CoverageBeforeFirstDigest");
        assert_eq!(camel("verdict", "not proven"), "VerdictNotProven");
        assert_eq!(dimension("s3://b/\u{e9}\n"), "s3://b/\\u{e9}\\u{a}");
        assert_eq!(dimension(&"\u{e9}".repeat(1_000)).len(), DIMENSION);
    }
}
