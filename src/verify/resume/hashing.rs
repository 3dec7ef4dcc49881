//! Hashes log files before any digest names them, for a run that need not read them again.
//!
//! What is hashed here is proven by nothing. It spares a read only if a proven digest records the same
//! hash, and the store still lists the very object.
use crate::locate::place::Place;
use crate::source::fetch::hash_log;
use crate::source::{ListRequest, Listed, ObjectSource, Pages};
use crate::verify::schedule::ordered::{InOrder, Ordered, ordered};
use std::sync::Arc;
use trailproof_core::bytes::content::Hash;
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::codes::finding::Outcome;
use trailproof_core::log_file::LogProof;
use trailproof_core::record::{LogJudged, ObjectFacts};
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::log_key::is_named_as_log;
use trailproof_core::vocab::time::{DAY, Period};

/// Log files that are hashed at once. The source limits its requests itself.
const AT_ONCE: usize = 512;

/// One part of several with about the same number of days, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HashPart {
    pub(crate) number: u64,
    pub(crate) of: u64,
}

impl HashPart {
    /// Returns a part as people count them; `None` if it is none of the parts.
    pub(crate) fn new(number: u64, of: u64) -> Option<Self> {
        (1..=of).contains(&number).then(|| Self { number: number - 1, of })
    }
}

/// A log file that was hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HashedLog {
    pub(crate) at: ObjectLocation,
    /// SHA-256 of its content.
    pub(crate) sha256: Hash,
    /// What a digest with this hash would find.
    pub(crate) proof: LogProof,
    pub(crate) seen: ObjectFacts,
}

impl HashedLog {
    /// Returns the judgement of a digest with this hash, as a record holds it.
    pub(crate) fn judged(self) -> LogJudged {
        let Self { at, sha256, proof, seen } = self;
        LogJudged { at, expected: sha256, outcome: Outcome::Valid(proof), lifecycle: false, seen }
    }
}

/// What came of one object or folder.
#[derive(Debug)]
pub(crate) enum HashItem {
    Log(Box<HashedLog>),
    /// It could not be read or listed, so the run that comes after reads it.
    Unread(ReadFailure),
    /// It does not read as a log file.
    Other,
}

/// Returns the folders of days of log files in a part, in canonical order. A log file may lie in the
/// folder of the day before its digest.
pub(crate) fn day_folders<'a>(
    places: impl IntoIterator<Item = (&'a Place, &'a Vec<String>)>,
    period: Period,
    part: HashPart,
) -> Vec<String> {
    let mut folders = Vec::new();
    for (place, names) in places {
        for name in names {
            let mut day = period.start.plus(-DAY);
            let last = period.end.plus(-1).date_folder();
            loop {
                folders.push(format!("{}{}/", place.folder(name), day.date_folder()));
                if day.date_folder() >= last {
                    break;
                }
                day = day.plus(DAY);
            }
        }
    }
    let is_own = |at: &usize| u64::try_from(*at).is_ok_and(|at| at % part.of == part.number);
    folders.into_iter().enumerate().filter(|(at, _)| is_own(at)).map(|(_, it)| it).collect()
}

/// Hashes the log files in these folders, and passes each to `take` in the order of the keys.
pub(crate) async fn hash_folders(
    source: &Arc<dyn ObjectSource>,
    bucket: &str,
    folders: &[String],
    take: &mut (dyn FnMut(HashItem) + Send),
) {
    let (queue, results) = ordered(AT_ONCE);
    let list = async {
        for folder in folders {
            if list_and_hash(source, bucket, folder, &queue).await.is_none() {
                break;
            }
        }
        drop(queue);
    };
    tokio::join!(list, pass_on(results, take));
}

async fn pass_on(mut results: InOrder<HashItem>, take: &mut (dyn FnMut(HashItem) + Send)) {
    while let Some(item) = results.next().await {
        take(item);
    }
}

/// Starts to hash the log files of a folder. Returns `None` if nobody takes them any more.
async fn list_and_hash(
    source: &Arc<dyn ObjectSource>,
    bucket: &str,
    folder: &str,
    queue: &Ordered<HashItem>,
) -> Option<()> {
    let mut pages = Pages::new(source.as_ref(), ListRequest::all(bucket, folder));
    loop {
        let page = match pages.next().await {
            Ok(Some(page)) => page,
            Ok(None) => return Some(()),
            Err(why) => return queue.ready(HashItem::Unread(why)).await.ok(),
        };
        // An object without an ETag cannot be recognized, and an archived one cannot be read.
        let readable = |it: &Listed| it.etag.is_some() && !it.archived && is_named_as_log(&it.key);
        for listed in page.objects.into_iter().filter(readable) {
            let (source, at) = (Arc::clone(source), ObjectLocation::new(bucket, listed.key));
            let hashed = async move {
                match hash_log(source.as_ref(), &at).await {
                    Ok(Some((sha256, proof, seen))) => {
                        HashItem::Log(Box::new(HashedLog { at, sha256, proof, seen }))
                    }
                    Ok(None) => HashItem::Other,
                    Err(why) => HashItem::Unread(why),
                }
            };
            queue.pending(|| tokio::spawn(hashed)).await.ok()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailproof_core::vocab::key_layout::KeyRoot;
    use trailproof_core::vocab::time::Timestamp;

    #[test]
    fn every_day_is_in_one_part() {
        let place = Place {
            root: KeyRoot { prefix: String::new(), organization: None },
            account: "111122223333".parse().unwrap(),
            region: "us-east-1".parse().unwrap(),
        };
        let names = vec!["CloudTrail".to_owned(), "CloudTrail-Insight".to_owned()];
        let time = |text: &str| Timestamp::parse(text).unwrap();
        let period =
            Period { start: time("2026-02-28T23:00:00Z"), end: time("2026-03-02T00:00:00Z") };
        let part = |number, of| day_folders([(&place, &names)], period, HashPart { number, of });
        let all = part(0, 1);
        let days: Vec<&str> =
            all.iter().map(|it| it.split("/us-east-1/").nth(1).unwrap()).collect();
        let expected = ["2026/02/27/", "2026/02/28/", "2026/03/01/"];
        assert_eq!(days, [expected, expected].concat());
        assert!(all[5].starts_with("AWSLogs/111122223333/CloudTrail-Insight/us-east-1/"));
        for of in [2, 3, 7] {
            let mut parts: Vec<String> = (0..of).flat_map(|number| part(number, of)).collect();
            parts.sort();
            let mut sorted = all.clone();
            sorted.sort();
            assert_eq!(parts, sorted, "{of}");
        }
    }
}
