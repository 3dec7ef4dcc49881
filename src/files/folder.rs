//! Folders that get their name only when they are complete.
use super::atomic::{folder, sync_folder};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder that is being written. If it is dropped before [`Self::keep`], it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct StagedFolder {
    made: TempDir,
    target: PathBuf,
}

impl StagedFolder {
    /// Starts to write the folder that will become `target`, beside it.
    pub(crate) fn create(target: &Path) -> io::Result<Self> {
        let above = folder(target);
        std::fs::create_dir_all(above)?;
        let made = tempfile::Builder::new().prefix(".trailproof-").tempdir_in(above)?;
        Ok(Self { made, target: target.to_owned() })
    }

    /// Returns the path until the folder is complete.
    pub(crate) fn path(&self) -> &Path {
        self.made.path()
    }

    /// Gives the folder its name. What has that name is replaced only if `replace` allows it.
    pub(crate) fn keep(self, replace: bool) -> io::Result<()> {
        open_to_others(self.path())?;
        if std::fs::symlink_metadata(&self.target).is_err() {
            std::fs::rename(self.path(), &self.target)?;
        } else if replace {
            let aside =
                tempfile::Builder::new().prefix(".trailproof-").tempdir_in(folder(&self.target))?;
            let old = aside.path().join("old");
            std::fs::rename(&self.target, &old)?;
            if let Err(error) = std::fs::rename(self.path(), &self.target) {
                // The folder that was to be replaced stays.
                std::fs::rename(&old, &self.target)?;
                return Err(error);
            }
        } else {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        // The folder has its name now, and nothing is left to be removed.
        let _ = self.made.keep();
        sync_folder(&self.target)
    }
}

/// A temporary folder is for its owner alone; this one gets the mode of any folder that a program
/// makes.
fn open_to_others(made: &Path) -> io::Result<()> {
    let like = made.join(".like");
    std::fs::create_dir(&like)?;
    let mode = std::fs::metadata(&like)?.permissions().mode();
    std::fs::remove_dir(&like)?;
    std::fs::set_permissions(made, std::fs::Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn staged(target: &Path, content: &str) -> StagedFolder {
        let staged = StagedFolder::create(target).unwrap();
        std::fs::write(staged.path().join("file"), content).unwrap();
        staged
    }

    #[test]
    fn a_folder_replaces_another_only_if_that_is_allowed() {
        let room = tempfile::tempdir().unwrap();
        let target = room.path().join("below/target");
        let content = || std::fs::read_to_string(target.join("file")).unwrap();
        staged(&target, "one").keep(false).unwrap();
        assert_eq!(content(), "one");
        let refused = staged(&target, "two").keep(false).unwrap_err();
        assert_eq!((refused.kind(), content()), (io::ErrorKind::AlreadyExists, "one".to_owned()));
        staged(&target, "three").keep(true).unwrap();
        drop(staged(&target, "four"));
        assert_eq!(content(), "three");
        let left = std::fs::read_dir(room.path().join("below")).unwrap().count();
        assert_eq!(left, 1, "temporary folders are left behind");
    }
}
