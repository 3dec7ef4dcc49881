//! What the search of the digests found.
use super::files::LookupFile;
use crate::report::lookup::result::{LookupMatch, ObjectNow};
use crate::verify::targets::LookupTargets;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use trailproof_core::bytes::content::Hash;
use trailproof_core::codes::finding::Outcome;
use trailproof_core::coverage::{Coverage, Segment};
use trailproof_core::record::{DigestJudged, LogNamed, RunEvent};
use trailproof_core::vocab::time::Timestamp;

/// Returns what to search for: the content of the files in every form, and their names.
pub(crate) fn targets(files: &[LookupFile]) -> LookupTargets {
    let mut targets = LookupTargets::default();
    for LookupFile { name, content, .. } in files {
        targets.hashes.extend([content.content.whole_hash(), content.content.hash]);
        targets.hashes.extend(content.forms.iter().map(|(hash, _)| *hash));
        targets.names.extend(name.as_ref().map(|name| name.name.clone()));
    }
    targets
}

/// The log files and digests that were found.
#[derive(Debug)]
pub(crate) struct Found {
    targets: Arc<LookupTargets>,
    matches: Vec<LookupMatch>,
    by_hash: BTreeMap<Hash, Vec<usize>>,
    by_name: BTreeMap<String, Vec<usize>>,
    /// Whether the next judgement of a log file is about the last match.
    judging: bool,
    /// The intervals of proven digests that name log files which are not valid now, for the current
    /// chain.
    not_valid: BTreeSet<(Timestamp, Timestamp)>,
    /// Seconds of chain time that are searched although a log file keeps them from being verified.
    pub(crate) searched_besides: i64,
    /// Places of which it is open what was delivered there.
    pub(crate) places_in_doubt: u64,
}

impl Found {
    pub(crate) fn new(targets: Arc<LookupTargets>) -> Self {
        Self {
            targets,
            matches: Vec::new(),
            by_hash: BTreeMap::new(),
            by_name: BTreeMap::new(),
            judging: false,
            not_valid: BTreeSet::new(),
            searched_besides: 0,
            places_in_doubt: 0,
        }
    }

    /// Takes an event of the run.
    pub(crate) fn event(&mut self, event: &RunEvent) {
        match event {
            RunEvent::LogNamed(named) => {
                self.add(log(named));
                self.judging = true;
            }
            RunEvent::LogJudged(judged) if std::mem::take(&mut self.judging) => {
                if let Some(last) = self.matches.last_mut() {
                    last.now = now(&judged.outcome);
                    if last.now != ObjectNow::Valid {
                        self.not_valid.insert((last.start, last.end));
                    }
                }
            }
            RunEvent::DigestJudged(judged) => {
                let digest = digest(judged).filter(|digest| {
                    let name = base_name(&digest.at.key);
                    self.targets.hashes.contains(&digest.hash) || self.targets.names.contains(name)
                });
                if let Some(digest) = digest {
                    self.add(digest);
                }
            }
            RunEvent::ChainFinished(summary) => {
                let intervals = std::mem::take(&mut self.not_valid);
                let open = summary.segments.iter().filter(|segment| {
                    matches!(segment.coverage, Coverage::Contradicted | Coverage::Unverified)
                });
                self.searched_besides +=
                    open.map(|segment| within(segment, &intervals)).sum::<i64>();
            }
            RunEvent::PlaceInDoubt(_) | RunEvent::LogsWithoutDigests { .. } => {
                self.places_in_doubt += 1;
            }
            _ => {}
        }
    }

    fn add(&mut self, found: LookupMatch) {
        let number = self.matches.len();
        self.by_hash.entry(found.hash).or_default().push(number);
        let name = base_name(&found.at.key);
        if self.targets.names.contains(name) {
            self.by_name.entry(name.to_owned()).or_default().push(number);
        }
        self.matches.push(found);
    }

    /// Returns the matches with this content.
    pub(super) fn with_hash(&self, hash: &Hash) -> Vec<&LookupMatch> {
        self.of(self.by_hash.get(hash))
    }

    /// Returns the matches with this name.
    pub(super) fn with_name(&self, name: &str) -> Vec<&LookupMatch> {
        self.of(self.by_name.get(name))
    }

    fn of(&self, numbers: Option<&Vec<usize>>) -> Vec<&LookupMatch> {
        numbers.into_iter().flatten().filter_map(|number| self.matches.get(*number)).collect()
    }
}

/// Returns the seconds of a segment that lie within any of the intervals.
fn within(segment: &Segment, intervals: &BTreeSet<(Timestamp, Timestamp)>) -> i64 {
    let mut from = segment.from;
    let mut seconds = 0;
    for (start, end) in intervals {
        let (start, end) = ((*start).max(from), (*end).min(segment.to));
        if start < end {
            seconds += end.unix() - start.unix();
            from = end;
        }
    }
    seconds
}

/// Returns the name of a key without its folders.
pub(super) fn base_name(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or_default()
}

fn log(named: &LogNamed) -> LookupMatch {
    LookupMatch {
        at: named.at.clone(),
        hash: named.hash,
        digest: named.digest.clone(),
        start: named.start,
        end: named.end,
        fingerprint: named.fingerprint.clone(),
        now: ObjectNow::NotRead,
    }
}

fn digest(judged: &DigestJudged) -> Option<LookupMatch> {
    let Outcome::Valid(proof) = &judged.outcome else { return None };
    Some(LookupMatch {
        at: judged.at.clone(),
        hash: proof.hash,
        digest: judged.at.clone(),
        start: proof.start,
        end: judged.end,
        fingerprint: proof.fingerprint.clone(),
        now: ObjectNow::Valid,
    })
}

fn now<P>(outcome: &Outcome<P>) -> ObjectNow {
    match outcome {
        Outcome::Valid(_) => ObjectNow::Valid,
        Outcome::Invalid(finding) => ObjectNow::Invalid(finding.clone()),
        Outcome::Unverified(why) => ObjectNow::Unverified(why.clone()),
    }
}
