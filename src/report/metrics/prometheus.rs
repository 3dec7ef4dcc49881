//! `--metrics FILE.prom`: the text format of Prometheus, for the textfile collector of its node
//! exporter. The collector refuses files with times of samples, so there are none.
use super::gauges::{GaugeReporter, RunGauges, seconds};
use std::fmt::Write as _;
use std::io::{self, Write};
use trailproof_core::vocab::location::escape;

/// What every name begins with.
const PREFIX: &str = "trailproof_";

/// Name of the gauge that each chain has.
const OF_CHAIN: &str = "chain_newest_proven_digest_timestamp_seconds";

/// Returns the reporter for `--metrics`, with a series for each chain if `per_chain`.
pub fn prometheus<W: Write + Send>(out: W, per_chain: bool) -> GaugeReporter<W> {
    GaugeReporter::new(out, per_chain, write)
}

fn write<W: Write>(gauges: &RunGauges, per_chain: bool, out: &mut W) -> io::Result<()> {
    let (Some(all), Some(location)) = (gauges.all(), gauges.location()) else { return Ok(()) };
    let location = label("location", &location);
    let mut text = String::new();
    for gauge in all {
        header(&mut text, gauge.name, gauge.help);
        for (value, number) in gauge.values {
            let more = match gauge.label {
                "" => String::new(),
                name => format!(",{}", label(name, value)),
            };
            let _ = writeln!(text, "{PREFIX}{}{{{location}{more}}} {number}", gauge.name);
        }
    }
    if per_chain {
        chains(gauges, &mut text, &location);
    }
    out.write_all(text.as_bytes())
}

fn chains(gauges: &RunGauges, text: &mut String, location: &str) {
    header(text, OF_CHAIN, "End of the newest proven digest of a chain.");
    for (chain, newest) in gauges.newest() {
        let Some(newest) = newest else { continue };
        let organization = chain.organization.as_ref().map(ToString::to_string);
        let labels = [
            label("account", chain.account.as_str()),
            label("region", chain.source_region.as_str()),
            label("trail", chain.trail.as_str()),
            label("home_region", chain.home_region.as_str()),
            label("organization", &organization.unwrap_or_default()),
        ];
        let number = seconds(newest.unix());
        let _ = writeln!(text, "{PREFIX}{OF_CHAIN}{{{location},{}}} {number}", labels.join(","));
    }
}

fn header(text: &mut String, name: &str, help: &str) {
    let _ = writeln!(text, "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} gauge");
}

/// Returns a label. What could control a terminal is escaped before the format's own escapes.
fn label(name: &str, value: &str) -> String {
    let value = escape(value).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{name}=\"{value}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_end_early() {
        for (value, expected) in [
            ("s3://b/p", "x=\"s3://b/p\""),
            ("a\"b", "x=\"a\\\"b\""),
            ("a\\", "x=\"a\\\\\""),
            ("a\nb", "x=\"a\\\\u{a}b\""),
        ] {
            assert_eq!(label("x", value), expected);
        }
    }
}
