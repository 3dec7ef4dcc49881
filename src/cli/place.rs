//! Where evidence lies, as it is typed.
use super::refusal::Refusal;
use std::path::PathBuf;
use trailproof_core::budget::SHOWN;
use trailproof_core::key_layout::ROOT;
use trailproof_core::location::excerpt;

/// A bucket with a prefix, or a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// `s3://BUCKET[/PREFIX]`: the prefix has no slash at its end.
    Bucket(String, String),
    /// A directory.
    Directory(PathBuf),
}

/// Reads a location: a bucket by its `s3://`, else a directory that is there. A prefix ends before
/// the folder `AWSLogs` if that is part of it.
pub(super) fn location(text: &str) -> Result<Place, Refusal> {
    let place = place(text)?;
    match place {
        Place::Bucket(bucket, prefix) => {
            let mut folders: Vec<&str> = prefix.split('/').collect();
            if let Some(root) = folders.iter().position(|folder| *folder == ROOT) {
                folders.truncate(root);
            }
            Ok(Place::Bucket(bucket, folders.join("/")))
        }
        directory @ Place::Directory(_) => Ok(directory),
    }
}

fn place(text: &str) -> Result<Place, Refusal> {
    let shown = excerpt(text, SHOWN);
    let refused = |words: &str| {
        let hint = "hint: `s3://BUCKET/PREFIX`, or a directory with a copy of it";
        Err(Refusal::usage(format!("{words}\n\n{hint}")))
    };
    let Some(rest) = text.strip_prefix("s3://") else {
        let path = PathBuf::from(text);
        return match std::fs::metadata(&path) {
            Ok(about) if about.is_dir() => Ok(Place::Directory(path)),
            Ok(_) => refused(&format!("`{shown}` is no directory")),
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                Err(Refusal::not_started(format!("cannot read `{shown}`: {error}")))
            }
            Err(_) => {
                refused(&format!("cannot read `{shown}` as a location: there is no such directory"))
            }
        };
    };
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if !is_bucket(bucket) {
        return refused(&format!("cannot read `{shown}` as a location"));
    }
    let folders: Vec<&str> = prefix.split('/').filter(|folder| !folder.is_empty()).collect();
    Ok(Place::Bucket(bucket.to_owned(), folders.join("/")))
}

fn is_bucket(name: &str) -> bool {
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    !name.is_empty() && name.bytes().all(named)
}

/// Reads the name of a bucket, with or without its scheme. What is none would be looked for under that
/// name, and all evidence be called moved.
pub(super) fn bucket_name(text: &str) -> Result<&str, Refusal> {
    let name = text.strip_prefix("s3://").unwrap_or(text);
    let name = name.strip_suffix('/').unwrap_or(name);
    is_bucket(name)
        .then_some(name)
        .ok_or_else(|| Refusal::usage(format!("`{}` is no name of a bucket", excerpt(text, SHOWN))))
}

/// One `--relocate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moved {
    /// Bucket of delivery.
    pub(super) bucket: String,
    /// What recorded keys begin with; ends in a slash or is empty.
    pub(super) prefix: String,
    /// Where that lies now.
    pub(super) to: Place,
}

/// Reads `s3://OLD[/PREFIX]=s3://NEW[/PREFIX]` or `…=DIRECTORY`.
pub(super) fn moved(text: &str) -> Result<Moved, Refusal> {
    let read = text.split_once('=').map(|(old, new)| Ok::<_, Refusal>((place(old)?, place(new)?)));
    match read.transpose()? {
        Some((Place::Bucket(bucket, prefix), to)) => {
            Ok(Moved { bucket, prefix: folder(&prefix), to })
        }
        _ => Err(Refusal::usage(format!(
            "cannot read `{}` as a relocation\n\nhint: `--relocate s3://OLD/PREFIX=s3://NEW/PREFIX`",
            excerpt(text, SHOWN)
        ))),
    }
}

/// A prefix with the slash that makes it a folder; none for no prefix.
pub(super) fn folder(prefix: &str) -> String {
    if prefix.is_empty() { String::new() } else { format!("{prefix}/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_told_by_its_scheme() {
        let bucket = |bucket: &str, prefix: &str| {
            Ok::<_, ()>(Place::Bucket(bucket.to_owned(), prefix.to_owned()))
        };
        let read = |text: &str| location(text).map_err(drop);
        assert_eq!(read("s3://b"), bucket("b", ""));
        assert_eq!(read("s3://b//p/q/"), bucket("b", "p/q"));
        assert_eq!(read("s3://b/p/AWSLogs/1/CloudTrail"), bucket("b", "p"));
        assert_eq!(read("."), Ok(Place::Directory(PathBuf::from("."))));
        for wrong in ["", "s3://", "s3:///p", "s3://b c", "no/such/directory", "Cargo.toml"] {
            assert_eq!(read(wrong), Err(()), "{wrong}");
        }
    }

    #[test]
    fn a_bucket_s_name_is_one() {
        for (text, name) in [("b-1.x_y", "b-1.x_y"), ("s3://b", "b"), ("s3://b/", "b")] {
            assert_eq!(bucket_name(text).ok(), Some(name));
        }
        for wrong in ["", "s3://", "a b", "b/p", "s3://b/p", "Wrong Bucket/", "s3:b", "\u{1b}"] {
            assert!(bucket_name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_relocation_has_two_places() {
        let read = moved("s3://old/p=s3://new").map_err(drop);
        let to = Place::Bucket("new".to_owned(), String::new());
        assert_eq!(read, Ok(Moved { bucket: "old".to_owned(), prefix: "p/".to_owned(), to }));
        assert!(moved("s3://old=.").is_ok());
        for wrong in ["", "s3://old", "=", ".=s3://new", "s3://old=", "s3://=s3://new"] {
            assert!(moved(wrong).is_err(), "{wrong}");
        }
    }
}
