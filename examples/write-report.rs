//! Writes the report of a made-up run for inspection: `write-report KIND html|junit|ocsf FILE`,
//! where KIND is `organization`, `every-chain`, `hostile` or `empty`.
#![expect(clippy::unwrap_used, reason = "an example ends by panicking")]
#![expect(clippy::panic, reason = "an example ends by panicking")]
#[path = "../tests/support/run_events.rs"]
mod run_events;

use std::fs::File;
use std::io::BufWriter;
use trailproof::report::RunReporter;
use trailproof::report::html::Html;
use trailproof::report::junit::Junit;
use trailproof::report::ocsf::Ocsf;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, format, file] = arguments.as_slice() else { panic!("KIND, FORMAT and FILE") };
    let events = match kind.as_str() {
        "organization" => run_events::organization(61),
        "every-chain" => run_events::organization(1),
        "hostile" => run_events::hostile(),
        "empty" => run_events::empty(),
        kind => panic!("there is no run `{kind}`"),
    };
    let out = BufWriter::new(File::create(file).unwrap());
    let mut report: Box<dyn RunReporter> = match format.as_str() {
        "html" => Box::new(Html::new(out)),
        "junit" => Box::new(Junit::new(out)),
        "ocsf" => Box::new(Ocsf::new(out)),
        format => panic!("there is no format `{format}`"),
    };
    for event in &events {
        report.event(event).unwrap();
    }
    report.finish().unwrap();
}
