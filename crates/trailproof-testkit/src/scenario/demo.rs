//! The demo, as the README verifies it from its directory.
use super::{Scenario, Stage};
use crate::trail::demo::demo;
use crate::trail::intrusion::intrusion;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new("demo", || stage("us-east-1")),
    Scenario::new("intrusion", intrusion_stage),
    Scenario::new("demo-in-the-other-region", || stage("eu-west-1").verbose()),
];

#[expect(clippy::expect_used, reason = "a deed without its target is a mistake in a scenario")]
fn intrusion_stage() -> Stage {
    let mut stage = Stage::plain();
    stage.trail = intrusion().expect("every deed has a target");
    stage.times("2026-03-01T00:00:00Z", "2026-03-04T00:00:00Z")
}

fn stage(region: &str) -> Stage {
    let mut stage = Stage::plain().set("--region", region);
    stage.trail = demo().trail;
    stage.times("2026-03-01T00:00:00Z", "2026-03-04T00:00:00Z")
}
