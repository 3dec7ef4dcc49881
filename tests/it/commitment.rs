//! Compares the commitment with two other implementations: `ct-merkle` for the trees, and twenty
//! lines of Python for all three levels.

use crate::support::worlds::{Flips, WorldKeys, WorldSource};
use ct_merkle::InclusionProof;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use serde_json::Value;
use sha2::Sha256;
use std::sync::Arc;
use trailproof::attest::merkle::{Tree, leaf_hash};
use trailproof::attest::record::Summarizer;
use trailproof::verify::plan::VerifyPlan;
use trailproof::verify::run::verify;
use trailproof_core::record::wire::write_event;
use trailproof_core::vocab::time::{Period, Timestamp};
use trailproof_testkit::trail::dice::Dice;
use trailproof_testkit::trail::{BuiltTrail, LogPlan, LogSizes, TrailSpec};

/// Returns a leaf of any length, including zero.
fn leaf(number: usize) -> Vec<u8> {
    vec![u8::try_from(number % 251).unwrap(); number % 7 * 13]
}

#[test]
fn trees_equal_those_of_ct_merkle() {
    for size in 0..=200 {
        let mut other = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        let mut tree = Tree::default();
        for number in 0..size {
            other.push(leaf(number));
            tree.push_marked(&leaf(number));
        }
        let finished = tree.finish();
        let root = other.root();
        assert_eq!(finished.root.as_slice(), root.as_bytes().as_slice(), "{size}");
        assert_eq!(finished.size, u64::try_from(size).unwrap());
        for (number, at) in finished.positions.iter().enumerate() {
            assert_eq!(at.index, u64::try_from(number).unwrap());
            assert_eq!(at.root(&leaf_hash(&leaf(number))), Some(finished.root), "{size} {number}");
            let theirs = other.prove_inclusion(number);
            assert_eq!(at.path.concat(), theirs.as_bytes(), "{size} {number}");
            // Their implementation verifies our proof.
            let ours = InclusionProof::<Sha256>::try_from_bytes(at.path.concat()).unwrap();
            root.verify_inclusion(&leaf(number), at.index, &ours).unwrap();
        }
    }
}

/// Every change of a position or of a leaf must be detected.
#[test]
fn a_changed_position_proves_nothing() {
    for size in 1..=33 {
        let mut tree = Tree::default();
        (0..size).for_each(|number| tree.push_marked(&leaf(number)));
        let finished = tree.finish();
        for (number, at) in finished.positions.iter().enumerate() {
            let hash = leaf_hash(&leaf(number));
            let proves = |at: &trailproof::attest::merkle::Position, hash| {
                at.root(&hash) == Some(finished.root)
            };
            assert!(!proves(at, leaf_hash(b"another")));
            let mut changed = at.clone();
            changed.index = (at.index + 1) % at.size;
            assert!(size == 1 || !proves(&changed, hash), "{size} {number}");
            let mut changed = at.clone();
            changed.size = at.size * 4;
            assert!(!proves(&changed, hash), "{size} {number}");
            let mut changed = at.clone();
            changed.path.push([0; 32]);
            assert!(!proves(&changed, hash), "{size} {number}");
            for level in 0..at.path.len() {
                let mut changed = at.clone();
                changed.path[level][31] ^= 1;
                assert!(!proves(&changed, hash), "{size} {number} {level}");
                let mut changed = at.clone();
                changed.path.remove(level);
                assert!(!proves(&changed, hash), "{size} {number} {level}");
            }
        }
    }
}

/// Returns the root of a tree, computed by the other implementation.
fn other_root(leaves: impl IntoIterator<Item = Vec<u8>>) -> [u8; 32] {
    let mut tree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    leaves.into_iter().for_each(|leaf| tree.push(leaf));
    tree.root().as_bytes().as_slice().try_into().unwrap()
}

/// Computes the commitment as `docs/src/format/commitment.md` defines it: with all lines in memory,
/// and every tree by `ct-merkle`.
fn by_the_document(lines: &[Vec<u8>]) -> ([u8; 32], usize) {
    let mut chain = Vec::new();
    // The (chain, kind, day) of consecutive digests, with (end, lines) of each.
    type Digest = (String, Vec<Vec<u8>>);
    let mut days: Vec<(Vec<String>, Vec<Digest>)> = Vec::new();
    for line in lines {
        let value: Value = serde_json::from_slice(line).unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match value["event"].as_str().unwrap() {
            "chain-started" => {
                let names = ["account", "source_region", "trail", "home_region", "organization"];
                chain = names.map(|name| text(&value["chain"][name])).to_vec();
            }
            "digest-judged" => {
                let end = text(&value["end"]);
                let mut day = chain.clone();
                day.extend([text(&value["kind"]), end[..10].to_owned()]);
                if days.last().is_none_or(|(last, _)| *last != day) {
                    days.push((day, Vec::new()));
                }
                days.last_mut().unwrap().1.push((end, vec![line.clone()]));
            }
            "log-judged" => {
                days.last_mut().unwrap().1.last_mut().unwrap().1.push(line.clone());
            }
            _ => {}
        }
    }
    let count = days.len();
    let days = days.into_iter().map(|(day, digests)| {
        let size = digests.len();
        let digests = digests.into_iter().map(|(end, lines)| {
            let size = lines.len();
            format!("digest\n{end}\n{size}\n{}\n", hex::encode(other_root(lines))).into_bytes()
        });
        let root = hex::encode(other_root(digests));
        format!("day\n{}\n{size}\n{root}\n", day.join("\n")).into_bytes()
    });
    (other_root(days), count)
}

/// Returns the lines of a run over the trail.
fn lines(trail: &BuiltTrail) -> Vec<Vec<u8>> {
    let whole = trail.whole();
    let end = Timestamp::from_unix(whole.to + 7_200);
    let plan = VerifyPlan {
        end_was_future: true,
        ..VerifyPlan::new(
            "example-trail-logs",
            Period { start: Timestamp::from_unix(whole.from), end },
            end,
        )
    };
    let mut lines = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(verify(
        &plan,
        // The first read of every object returns a changed byte, so every outcome is reported after
        // a second read.
        Arc::new(WorldSource { flips: Flips::new(true), ..WorldSource::new(&trail.world) }),
        Arc::new(WorldKeys(Arc::new(trail.world.clone()))),
        &mut |event| {
            let mut line = Vec::new();
            write_event(event, &mut line).unwrap();
            assert_eq!(line.pop(), Some(b'\n'));
            lines.push(line);
        },
    ));
    lines
}

fn trails() -> impl Iterator<Item = BuiltTrail> {
    let mut dice = Dice::new(23, "commitment");
    (0..12).map(move |round| {
        let mut trail = TrailSpec::new()
            .seed(round)
            .regions(&["us-east-1", "eu-west-1"])
            .time("2026-03-01T18:04:11Z", 14)
            .logs(LogPlan::Constant(u32::try_from(round % 4).unwrap()), LogSizes::Small)
            .backfill(5, 2, 1)
            .build();
        for _ in 0..round % 5 {
            let deed = trail.random_deed(&mut dice);
            let _ = trail.apply(deed);
        }
        trail
    })
}

fn sum(lines: &[Vec<u8>]) -> Summarizer {
    let mut summing = Summarizer::default();
    lines.iter().for_each(|line| summing.take(line).unwrap());
    summing
}

#[test]
fn all_three_levels_match_the_document() {
    let mut seen = std::collections::BTreeSet::new();
    for trail in trails() {
        let mut lines = lines(&trail);
        let (made, _) = sum(&lines).finish();
        let (root, days) = by_the_document(&lines);
        assert_eq!((made.root, made.days), (root, u64::try_from(days).unwrap()));
        assert!(days >= 2 && seen.insert(root), "too few evidence lines");
        // Any changed, missing or moved evidence line changes the root.
        let evidence: Vec<usize> = (0..lines.len())
            .filter(|at| {
                [&br#"{"event":"digest-judged""#[..], br#"{"event":"log-judged""#]
                    .iter()
                    .any(|start| lines[*at].starts_with(start))
            })
            .collect();
        assert_eq!(made.lines, u64::try_from(evidence.len()).unwrap());
        for at in evidence.iter().copied().step_by(7) {
            let kept = lines[at].clone();
            lines[at].insert(1, b' ');
            assert_ne!(sum(&lines).finish().0.root, root, "line {at} changed");
            lines[at] = kept;
        }
        for pair in evidence.windows(2).step_by(5) {
            let [one, other] = pair else { panic!() };
            let is_log = |at: &usize| lines[*at].starts_with(br#"{"event":"log-judged""#);
            if is_log(one) == is_log(other) && lines[*one] != lines[*other] {
                lines.swap(*one, *other);
                assert_ne!(sum(&lines).finish().0.root, root, "lines {one} and {other}");
                lines.swap(*one, *other);
            }
        }
    }
}

#[test]
fn misplaced_lines_are_rejected() {
    let lines = lines(&trails().next().unwrap());
    let log = br#"{"event":"log-judged","bucket":"b","key":"k","outcome":"valid"}"#.to_vec();
    let digest = lines.iter().find(|line| line.starts_with(br#"{"event":"digest-judged""#));
    for (before, line) in [
        // A log file's line before any digest's, and one after the chain of the last digest.
        (Vec::new(), log.clone()),
        (lines.clone(), log),
        // A digest's line outside a chain.
        (Vec::new(), digest.unwrap().clone()),
    ] {
        let mut summing = sum(&before);
        assert!(summing.take(&line).is_err(), "{}", String::from_utf8_lossy(&line));
    }
}
