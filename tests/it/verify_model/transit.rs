//! Faults in transit are not findings and change nothing.
use super::*;

#[test]
fn a_byte_corrupted_in_transit_is_read_again_and_not_a_finding() {
    let trail = clean(8);
    let period = covered(&trail);
    for once in [true, false] {
        let source = WorldSource { flips: Flips::new(once), ..WorldSource::new(&trail.world) };
        let events = run_over(&trail, &period, source, 2);
        assert_eq!(findings(&events).is_empty(), once);
        assert_eq!(check(&trail, &period, &events).is_ok(), once);
    }
}

#[test]
fn faults_alone_never_cause_a_finding() {
    let trail = clean(12);
    let period = covered(&trail);
    let faults: [fn(&trailproof_core::vocab::location::ObjectLocation) -> Option<ReadFailureKind>;
        3] = [
        |at| at.key.contains("CloudTrail-Digest").then_some(ReadFailureKind::Denied),
        |at| (!at.key.contains("CloudTrail-Digest")).then_some(ReadFailureKind::Throttled),
        |at| {
            (at.key.len() + at.key.bytes().map(usize::from).sum::<usize>())
                .is_multiple_of(3)
                .then_some(ReadFailureKind::Network)
        },
    ];
    for fault in faults {
        let source = WorldSource { faults: fault, ..WorldSource::new(&trail.world) };
        let events = run_over(&trail, &period, source, 2);
        assert_eq!(findings(&events), []);
        assert_eq!(summary(&events).verdict, Verdict::NotProven);
    }
}

#[test]
fn events_are_the_same_at_any_concurrency_and_page_size() {
    let mut trail = TrailSpec::new()
        .seed(3)
        .regions(&["us-east-1", "eu-west-1", "ap-south-1"])
        .time("2026-03-01T00:04:11Z", 16)
        .logs(LogPlan::Constant(3), LogSizes::Small)
        .build();
    let mut dice = Dice::new(1, "concurrency");
    for _ in 0..6 {
        let deed = trail.random_deed(&mut dice);
        let _ = trail.apply(deed);
    }
    let period = covered(&trail);
    let first = run_over(&trail, &period, WorldSource::new(&trail.world), 1);
    check(&trail, &period, &first).unwrap();
    for (workers, page) in [(1, 3), (2, 7), (8, 1_000)] {
        let source = WorldSource { page, ..WorldSource::new(&trail.world) };
        assert_eq!(run_over(&trail, &period, source, workers), first, "{workers} workers");
    }
}
