//! The strategies generate every variant of every enum: a variant that is never generated is never
//! written and read.
use super::values::finding;
use super::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use strum::VariantNames as _;

/// The variants by enum.
type Variants = BTreeMap<&'static str, BTreeSet<&'static str>>;

/// Returns any events, the same in every run.
pub(crate) fn some_events(count: usize) -> impl Iterator<Item = RunEvent> {
    let (mut runner, events) = (TestRunner::deterministic(), event());
    (0..count).map(move |_| events.new_tree(&mut runner).unwrap().current())
}

fn all() -> Variants {
    let names = |names: &[&'static str]| names.iter().copied().collect();
    BTreeMap::from([
        ("event", RunEventName::iter().map(Into::into).collect()),
        ("outcome", names(&["valid", "invalid", "unverified"])),
        ("finding", FindingCode::iter().map(Into::into).collect()),
        ("malformed", names(Malformed::VARIANTS)),
        ("gzip", InflateFault::iter().map(Into::into).collect()),
        ("signature", names(SignatureFault::VARIANTS)),
        ("read failure", ReadFailureKind::iter().map(ReadFailureKind::code).collect()),
        ("kind", DigestKind::iter().map(DigestKind::code).collect()),
        ("proof", names(&["own-signature", "successor-signature", "successor-hash"])),
        ("notice", Notice::iter().map(Notice::code).collect()),
        ("presence", names(Presence::VARIANTS)),
        ("coverage", Coverage::all().map(Coverage::code).collect()),
        ("uncovered", Uncovered::iter().map(Uncovered::code).collect()),
        ("place doubt", PlaceDoubt::iter().map(PlaceDoubt::code).collect()),
        ("verdict", Verdict::iter().map(Verdict::words).collect()),
    ])
}

#[derive(Default)]
struct Generated(Variants);

impl Generated {
    fn note(&mut self, of: &'static str, variant: &'static str) {
        self.0.entry(of).or_default().insert(variant);
    }

    fn event(&mut self, event: &RunEvent) {
        self.note("event", RunEventName::from(event).into());
        match event {
            RunEvent::DigestJudged(judged) => {
                self.note("kind", judged.kind.code());
                judged.notices.iter().for_each(|notice| self.note("notice", notice.code()));
                self.outcome(&judged.outcome);
                if let Outcome::Valid(proof) = &judged.outcome {
                    self.proofs(proof.proofs);
                }
            }
            RunEvent::LogJudged(judged) => self.outcome(&judged.outcome),
            RunEvent::ListingUnread { why, .. } => self.note("read failure", why.kind.code()),
            RunEvent::TrailStatus { finding, .. } => {
                finding.iter().for_each(|one| self.finding(one))
            }
            RunEvent::SeamJudged(seam) => seam.finding.iter().for_each(|one| self.finding(one)),
            RunEvent::ChainFinished(summary) => {
                self.note("presence", summary.presence.code());
                for segment in &summary.segments {
                    self.note("coverage", segment.coverage.code());
                }
            }
            RunEvent::RunFinished(summary) => {
                self.note("verdict", summary.verdict.words());
                summary
                    .coverage
                    .uncovered
                    .keys()
                    .for_each(|why| self.note("uncovered", why.code()));
            }
            RunEvent::PlaceInDoubt(place) => self.note("place doubt", place.why.code()),
            RunEvent::RunStarted(_)
            | RunEvent::CopyOf { .. }
            | RunEvent::PlacesAnswered(_)
            | RunEvent::BucketListed { .. }
            | RunEvent::ChainStarted { .. }
            | RunEvent::PublicKey(_)
            | RunEvent::LogNamed(_)
            | RunEvent::GapExplained { .. }
            | RunEvent::LogUnlisted { .. }
            | RunEvent::LogsWithoutDigests { .. }
            | RunEvent::CheckNotPerformed { .. }
            | RunEvent::ExceptionsJudged(_) => {}
        }
    }

    fn outcome<P>(&mut self, outcome: &Outcome<P>) {
        match outcome {
            Outcome::Valid(_) => self.note("outcome", "valid"),
            Outcome::Invalid(finding) => {
                self.note("outcome", "invalid");
                self.finding(finding);
            }
            Outcome::Unverified(why) => {
                self.note("outcome", "unverified");
                self.note("read failure", why.kind.code());
            }
        }
    }

    fn finding(&mut self, finding: &Finding) {
        self.note("finding", finding.code());
        match finding {
            Finding::DigestMalformed(Malformed::Gzip(fault))
            | Finding::LogMalformed(Malformed::Gzip(fault)) => {
                self.note("malformed", "gzip");
                self.note("gzip", fault.into());
            }
            Finding::DigestMalformed(why) | Finding::LogMalformed(why) => {
                self.note("malformed", why.code());
            }
            Finding::DigestSignatureInvalid(fault) => self.note("signature", fault.code()),
            _ => {}
        }
    }

    fn proofs(&mut self, proofs: Proofs) {
        let Proofs { own_signature, successor_signature, successor_hash } = proofs;
        let held = [
            ("own-signature", own_signature),
            ("successor-signature", successor_signature),
            ("successor-hash", successor_hash),
        ];
        held.into_iter().filter(|(_, held)| *held).for_each(|(name, _)| self.note("proof", name));
    }
}

#[test]
fn every_variant_is_generated() {
    let mut generated = Generated::default();
    some_events(2_000).for_each(|event| generated.event(&event));
    // Few events hold a finding of any one kind.
    let (mut runner, findings) = (TestRunner::deterministic(), finding());
    for _ in 0..2_000 {
        generated.finding(&findings.new_tree(&mut runner).unwrap().current());
    }
    assert_eq!(generated.0, all());
}
