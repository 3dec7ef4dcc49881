//! Reading without opening first.
use super::*;

/// A body that differs from its announced length must not pass as complete.
#[tokio::test]
async fn a_file_whose_length_changes_during_a_read_is_a_failure() {
    let at = fresh("length");
    for (length, kind) in
        [(300_000, ReadFailureKind::Truncated), (700_000, ReadFailureKind::ChangedWhileReading)]
    {
        write(&at, "k", &vec![7; 600_000]);
        let mirror = DirectorySource::open(&at).unwrap();
        let k = ObjectLocation::new("b", "k");
        let mut reader = mirror.open(&k, &ReadFrom::default()).await.ok().unwrap();
        assert!(reader.chunk().await.unwrap().is_some());
        fs::OpenOptions::new().write(true).open(at.join("k")).unwrap().set_len(length).unwrap();
        let failed = loop {
            match reader.chunk().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the body ended silently"),
                Err(why) => break why,
            }
        };
        assert_eq!(failed.kind, kind);
    }
}

/// Reads a file in place. Returns its pieces joined, and whether only the last piece was marked as
/// last.
pub(super) fn read_in_place(
    mirror: &dyn ObjectSource,
    key: &str,
) -> Result<(Vec<u8>, ObjectMetadata), ReadError> {
    let at = ObjectLocation::new("bucket", key);
    let (mut bytes, mut ended) = (Vec::new(), false);
    let read = mirror.read_in_place(&at, &mut |piece| {
        assert!(!ended, "{key}: a piece after the last one");
        bytes.extend_from_slice(piece.bytes);
        ended = piece.last;
        ControlFlow::Continue(())
    });
    let about = read.unwrap()?;
    assert!(ended, "{key}: no last piece");
    Ok((bytes, about))
}

#[tokio::test]
async fn reading_in_place_equals_opening() {
    let at = fresh("here");
    const PIECE: usize = 256 << 10;
    for length in [0, 1, 5, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 7] {
        let body: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let key = format!("AWSLogs/{length}");
        write(&at, &key, &body);
        let mirror = DirectorySource::open(&at).unwrap();
        let here = read_in_place(&mirror, &key).unwrap();
        assert!(here == read(&mirror, &key, 0).await.unwrap(), "{length} bytes");
        assert!(here.0 == body, "{length} bytes");
    }
}

#[test]
fn reading_in_place_follows_no_link_and_stays_inside() {
    let at = fresh("here-hostile");
    write(&at, "secret", b"outside");
    write(&at, "elsewhere/b", b"outside");
    write(&at, "mirror/AWSLogs/a", b"inside");
    symlink(at.join("secret"), at.join("mirror/AWSLogs/link")).unwrap();
    symlink(&at, at.join("mirror/up")).unwrap();
    let mirror = DirectorySource::open(&at.join("mirror")).unwrap();
    assert_eq!(read_in_place(&mirror, "AWSLogs/a").unwrap().0, b"inside");
    // The folder is cached now. A link put in its place is not followed.
    fs::rename(at.join("mirror/AWSLogs"), at.join("mirror/moved")).unwrap();
    symlink(at.join("elsewhere"), at.join("mirror/AWSLogs")).unwrap();
    for key in
        ["AWSLogs/b", "AWSLogs/link", "up/secret", "../secret", "AWSLogs", "moved//a", "moved/a/b"]
    {
        match read_in_place(&mirror, key) {
            Err(ReadError::Failure(why)) => {
                assert_eq!(why.kind, ReadFailureKind::Denied, "{key}: {why}");
            }
            other => panic!("{key}: {other:?}"),
        }
    }
    assert_eq!(read_in_place(&mirror, "moved/none").unwrap_err(), ReadError::Missing);
}
