//! `--metrics FILE.prom`: the text format of Prometheus, for the textfile collector of its node
//! exporter. The collector refuses files with times of samples, so there are none.
use super::gauges::{RunGauges, seconds};
use crate::report::RunReporter;
use std::fmt::Write as _;
use std::io::{self, Write};
use trailproof_core::record::RunEvent;
use trailproof_core::record::document::{Circumstances, RunEnded};
use trailproof_core::vocab::location::escape;

/// What every name begins with.
const PREFIX: &str = "trailproof_";

/// Name of the gauge that each chain has.
const OF_CHAIN: &str = "chain_newest_proven_digest_timestamp_seconds";

/// The reporter for `--metrics`.
#[derive(Debug)]
pub struct Prometheus<W> {
    out: W,
    gauges: RunGauges,
    per_chain: bool,
}

impl<W: Write> Prometheus<W> {
    /// Returns a reporter that writes the file to `out` once the run is finished, with a series for
    /// each chain if `per_chain`.
    pub fn new(out: W, per_chain: bool) -> Self {
        Self { out, gauges: RunGauges::default(), per_chain }
    }
}

impl<W: Write + Send> RunReporter for Prometheus<W> {
    fn event(&mut self, event: &RunEvent) -> io::Result<()> {
        self.gauges.take(event);
        Ok(())
    }

    fn circumstances(&mut self, around: &Circumstances) -> io::Result<()> {
        self.gauges.circumstances(around);
        Ok(())
    }

    fn ended(&mut self, ended: &RunEnded) -> io::Result<()> {
        self.gauges.ended(ended);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if let (Some(gauges), Some(location)) = (self.gauges.all(), self.gauges.location()) {
            let location = label("location", &location);
            let mut text = String::new();
            for gauge in gauges {
                header(&mut text, gauge.name, gauge.help);
                for (value, number) in gauge.values {
                    let more = match gauge.label {
                        "" => String::new(),
                        name => format!(",{}", label(name, value)),
                    };
                    let _ = writeln!(text, "{PREFIX}{}{{{location}{more}}} {number}", gauge.name);
                }
            }
            if self.per_chain {
                self.chains(&mut text, &location);
            }
            self.out.write_all(text.as_bytes())?;
        }
        self.out.flush()
    }
}

impl<W> Prometheus<W> {
    fn chains(&self, text: &mut String, location: &str) {
        header(text, OF_CHAIN, "End of the newest proven digest of a chain.");
        for (chain, newest) in self.gauges.newest() {
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
            let _ =
                writeln!(text, "{PREFIX}{OF_CHAIN}{{{location},{}}} {number}", labels.join(","));
        }
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
