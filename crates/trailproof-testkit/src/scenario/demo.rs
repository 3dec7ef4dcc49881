//! The demo, as the README verifies it from its directory.
use super::{Scenario, Stage};
use crate::trail::demo::demo;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new("demo", || stage("us-east-1")),
    Scenario::new("demo-in-the-other-region", || stage("eu-west-1").verbose()),
];

fn stage(region: &str) -> Stage {
    let mut stage = Stage::plain().set("--region", region);
    stage.trail = demo().trail;
    stage.times("2026-03-01T00:00:00Z", "2026-03-04T00:00:00Z")
}
