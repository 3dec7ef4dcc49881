//! The free space of a file system.
use std::io;
use std::path::Path;

/// The free space of a file system for the user of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Space {
    /// Free bytes.
    pub(crate) available: u64,
    /// Bytes of a block, to which the size of each file is rounded up.
    pub(crate) block: u64,
    /// The number of files that can still be created; `None` if the file system has no limit.
    pub(crate) files: Option<u64>,
}

impl Space {
    /// Returns the free space for files below `path`, which need not exist yet.
    ///
    /// # Errors
    ///
    /// The file system does not report it.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let full = std::path::absolute(path)?;
        let there = full.ancestors().find(|above| above.exists()).unwrap_or(Path::new("/"));
        let about = rustix::fs::statvfs(there)?;
        // Some network file systems report nothing.
        if about.f_blocks == 0 {
            return Err(io::Error::from(io::ErrorKind::Unsupported));
        }
        let block = about.f_frsize.max(1);
        Ok(Self {
            available: about.f_bavail.saturating_mul(block),
            block,
            files: (about.f_files > 0).then_some(about.f_favail),
        })
    }

    /// Returns the bytes that a file of this size takes.
    pub(crate) fn taken_by(block: u64, size: u64) -> u64 {
        size.div_ceil(block.max(1)).saturating_mul(block.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_space_of_a_directory_to_be_made_is_that_of_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        let there = Space::of(folder.path()).unwrap();
        let below = Space::of(&folder.path().join("new/one")).unwrap();
        assert_eq!((there.block, there.files.is_some()), (below.block, below.files.is_some()));
        assert!(there.block > 0);
    }

    #[test]
    fn a_file_takes_whole_blocks() {
        for (size, taken) in [(0, 0), (1, 4_096), (4_096, 4_096), (4_097, 8_192)] {
            assert_eq!(Space::taken_by(4_096, size), taken, "{size}");
        }
        assert_eq!(Space::taken_by(0, 7), 7);
    }
}
