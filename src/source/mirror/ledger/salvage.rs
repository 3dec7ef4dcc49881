//! Repairs a damaged manifest: the readable records are kept.
use super::layers::{Layers, MANIFEST};
use super::lines::{LINE, parse, regular};
use super::record::Order;
use crate::source::mirror::header::new_file;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read as _, Write as _};
use std::path::Path;

/// The damaged manifest, in the working folder.
const DAMAGED: &str = "manifest.damaged.jsonl";

/// If the manifest is damaged, replaces it with its readable records, moves the damaged one into
/// the working folder, and returns its path below the directory. Records that are lost are listed
/// and read again.
///
/// # Errors
///
/// A file cannot be read or written.
pub(in crate::source::mirror) fn salvage(root: &Path, work: &Path) -> io::Result<Option<String>> {
    let path = root.join(MANIFEST);
    let file = match regular(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    if is_sound(&path)? {
        return Ok(None);
    }
    let part = work.join("sorted.part");
    let mut to = BufWriter::with_capacity(256 << 10, new_file(&part)?);
    let mut from = BufReader::with_capacity(256 << 10, file);
    let mut last = Order::default();
    let mut line = Vec::new();
    while next(&mut from, &mut line)? {
        if let Ok(record) = parse(&line)
            && record.order() > last
        {
            last = record.order();
            to.write_all(&line)?;
            to.write_all(b"\n")?;
        }
    }
    to.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    let aside = work.join(DAMAGED);
    match std::fs::remove_file(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Whenever the run is killed, one of the two manifests is in place, except on a file system
    // without hard links, where there may be none for a moment.
    if std::fs::hard_link(&path, &aside).is_err() {
        std::fs::rename(&path, &aside)?;
    }
    std::fs::rename(&part, &path)?;
    for folder in [root, work] {
        File::open(folder)?.sync_all()?;
    }
    let name = work.file_name().unwrap_or_default().to_string_lossy();
    Ok(Some(format!("{name}/{DAMAGED}")))
}

fn is_sound(path: &Path) -> io::Result<bool> {
    let layers = Layers::of(&[path.to_owned()], std::collections::BTreeMap::new());
    let read = layers.and_then(|layers| {
        let mut records = layers.scan(&Order::default())?;
        while records.next()?.is_some() {}
        Ok(())
    });
    match read {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads the next line without its newline; a line that is too long is returned empty.
fn next(from: &mut BufReader<File>, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    if from.by_ref().take(LINE).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(true);
    }
    line.clear();
    from.skip_until(b'\n')?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readable_records_are_kept_and_the_rest_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let (root, work) = (folder.path(), folder.path().join("work"));
        std::fs::create_dir(&work).unwrap();
        let line = |key: &str| format!("{{\"bucket\":\"b\",\"key\":\"{key}\",\"absent\":true}}\n");
        let manifest = root.join(MANIFEST);
        assert_eq!(salvage(root, &work).unwrap(), None, "there is none");
        let sound = line("a") + &line("c");
        std::fs::write(&manifest, &sound).unwrap();
        assert_eq!(salvage(root, &work).unwrap(), None, "nothing is wrong with it");
        let long = line(&"x".repeat(usize::try_from(LINE).unwrap() + 9));
        for damaged in [
            sound.clone() + "{\"bucket\":\"b\",\"key\":\"d",
            line("a") + "\u{0}\u{0}\n" + &line("c"),
            line("a") + &line("c") + &line("b"),
            line("a") + &long + &line("c"),
            long + &sound,
        ] {
            std::fs::write(&manifest, &damaged).unwrap();
            assert_eq!(
                salvage(root, &work).unwrap().as_deref(),
                Some("work/manifest.damaged.jsonl")
            );
            assert_eq!(std::fs::read_to_string(&manifest).unwrap(), sound);
            assert_eq!(std::fs::read_to_string(work.join(DAMAGED)).unwrap(), damaged);
        }
    }
}
