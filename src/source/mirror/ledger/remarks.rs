//! Remarks: what is recorded about the files of a folder, beyond their being there. They are
//! cached.
//!
//! Otherwise each verified digest and log file would have to be looked up. Log files mostly have no
//! remarks, and those of one day are in one folder, which is searched once.
use super::record::Record;
use super::sorted::FolderRemarks;
use std::collections::HashMap;
use std::mem::take;
use std::sync::{Arc, Mutex, PoisonError};
use trailproof_core::record::StoredAs;

/// The number of folders whose remarks are cached, twice: the most recent ones, and those before. A
/// chain that is being verified uses two, one of them with the digests of a day, which take some 40
/// KB.
const FOLDERS: usize = 64;

/// What is recorded about one file.
#[derive(Debug)]
pub(in crate::source::mirror) enum Said {
    /// Nothing: if there is a file under its own name, that is all there is to know.
    Nothing,
    /// The same, except for how the object is stored.
    Plain(Box<StoredAs>),
    /// A record with a remark.
    Remark(Arc<Record>),
    /// Not known without looking the object up.
    Unknown,
}

/// The remarks of one folder by file name; `None` if they are not known.
type Folder = Option<HashMap<Box<str>, Remark>>;

#[derive(Debug)]
enum Remark {
    Record(Arc<Record>),
    Plain(Box<StoredAs>),
}

/// The cached remarks of some folders.
#[derive(Debug, Default)]
pub(super) struct Remarks(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    now: HashMap<String, Arc<Folder>>,
    before: HashMap<String, Arc<Folder>>,
}

impl Kept {
    fn find(&mut self, folder: &str) -> Option<Arc<Folder>> {
        if let Some(found) = self.now.get(folder) {
            return Some(Arc::clone(found));
        }
        let (folder, found) = self.before.remove_entry(folder)?;
        self.keep(folder, Arc::clone(&found));
        Some(found)
    }

    fn keep(&mut self, folder: String, remarks: Arc<Folder>) {
        if self.now.len() >= FOLDERS {
            self.before = take(&mut self.now);
        }
        self.now.insert(folder, remarks);
    }
}

impl Remarks {
    /// Returns what is recorded about the file at this path; `read` returns the records of a folder
    /// that have remarks.
    pub(super) fn of(&self, path: &str, read: impl FnOnce(&str) -> Option<FolderRemarks>) -> Said {
        let Some(slash) = path.rfind('/') else { return Said::Unknown };
        let (folder, name) = path.split_at(slash + 1);
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept().find(folder);
        let remarks = known.unwrap_or_else(|| {
            let remarks = Arc::new(read(folder).map(|FolderRemarks { records, plain }| {
                let plain = plain.into_iter().map(|(name, stored)| (name, Remark::Plain(stored)));
                let records = records.into_iter().map(|record| {
                    let name = record.key.rsplit('/').next().unwrap_or("").into();
                    (name, Remark::Record(Arc::new(record)))
                });
                plain.chain(records).collect()
            }));
            kept().keep(folder.to_owned(), Arc::clone(&remarks));
            remarks
        });
        match remarks.as_ref() {
            None => Said::Unknown,
            Some(remarks) => match remarks.get(name) {
                Some(Remark::Record(record)) => Said::Remark(Arc::clone(record)),
                Some(Remark::Plain(stored_as)) => Said::Plain(stored_as.clone()),
                None => Said::Nothing,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_read_once_while_it_is_in_use() {
        let remarks = Remarks::default();
        let mut reads = Vec::new();
        let mut of = |path: &str| {
            let said = remarks.of(path, |folder| {
                reads.push(folder.to_owned());
                (folder != "b/odd/").then(|| FolderRemarks {
                    records: vec![Record::new("b", "k/remarked")],
                    plain: vec![("plain".into(), Box::default())],
                })
            });
            match said {
                Said::Nothing => "nothing".to_owned(),
                Said::Plain(_) => "plain".to_owned(),
                Said::Remark(record) => record.key.clone(),
                Said::Unknown => "unknown".to_owned(),
            }
        };
        assert_eq!(of("b/k/remarked"), "k/remarked");
        assert_eq!(of("b/k/other"), "nothing");
        assert_eq!(of("b/k/plain"), "plain");
        assert_eq!(of("b/odd/remarked"), "unknown");
        assert_eq!(of("none"), "unknown");
        for number in 0..3 * FOLDERS {
            of(&format!("b/{number}/x"));
            of("b/k/other");
            of("b/odd/other");
        }
        // Folders in constant use are not read again.
        let of_used = reads.iter().filter(|folder| ["b/k/", "b/odd/"].contains(&folder.as_str()));
        assert_eq!(of_used.count(), 2);
        assert_eq!(reads.len(), 3 * FOLDERS + 2);
        let kept = remarks.0.lock().unwrap();
        assert!(kept.now.len() + kept.before.len() <= 2 * FOLDERS);
    }
}
