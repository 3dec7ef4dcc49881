//! The gzip readers: splitting the input changes nothing, and all give the same result.
use super::*;

/// Checks that splitting the input changes nothing: pieces of any size inflate to the same content
/// as the whole.
pub(crate) fn inflate(data: &[u8]) -> bool {
    let Some((&size, stored)) = data.split_first() else { return false };
    let inflated = |size: usize| {
        let mut inflater = Inflater::new(LIMIT);
        let mut out = Vec::new();
        let mut sink = |block: &[u8]| out.extend_from_slice(block);
        let result = stored.chunks(size).try_for_each(|piece| inflater.push(piece, &mut sink));
        (result.map(|()| inflater.end()), out)
    };
    let (whole, out) = inflated(stored.len().max(1));
    let (pieces, in_pieces) = inflated(usize::from(size).max(1));
    assert_eq!(whole, pieces, "the end depends on how the input is split");
    if whole.is_ok() {
        assert!(out == in_pieces, "the content depends on how the input is split");
    }
    assert!(u64::try_from(out.len()).unwrap() <= LIMIT, "the output exceeds the allowance");

    let mut kept = Vec::new();
    let sum = read_whole(stored, LIMIT, Some(&mut kept));
    let mut reader = ContentReader::new(LIMIT);
    let pieces = stored.chunks(usize::from(size).max(1));
    let result = pieces.map(|piece| reader.push(piece, None)).find(Result::is_err);
    match &sum {
        // How much of a broken member comes out depends on the splitting; that it is broken, and
        // how, does not.
        Ok(Content { form: form @ Form::GzipBroken(_), .. }) => {
            assert_eq!(*form, reader.finish().form, "the fault depends on how the input is split");
        }
        Ok(sum) => assert_eq!(*sum, reader.finish(), "the sum depends on how the input is split"),
        Err(_) => assert!(result.is_some(), "the allowance depends on how the input is split"),
    }
    // The two readers of one member agree on how it ends.
    if let (Ok(sum), Ok(end)) = (&sum, &whole) {
        let expected = match end {
            InflateEnd::Whole { trailing: 0 } => Form::Gzip,
            InflateEnd::Whole { trailing } => Form::GzipAndMore { trailing: *trailing },
            InflateEnd::CutShort if stored.len() < 2 => Form::Plain,
            InflateEnd::CutShort => Form::GzipCutShort,
        };
        assert_eq!(sum.form, expected);
    }
    one_answer(stored, usize::from(size).max(1));
    matches!(whole, Ok(InflateEnd::Whole { .. }))
}

/// Checks that the quick decoder accepts no stream that the exact one rejects, in one piece and in
/// many, and that the reader that combines the two gives the same result as the exact one alone.
fn one_answer(stored: &[u8], size: usize) {
    let exact = inflated_by(Inflater::new(LIMIT), &[stored], false);
    let pieces: Vec<&[u8]> = stored.chunks(size).collect();
    for (pieces, last) in [(&[stored][..], true), (&[stored][..], false), (&pieces[..], false)] {
        let (quick, out) = inflated_by(Inflater::quick(LIMIT), pieces, last);
        match &quick {
            // This result is only possible if it read the stream to its end.
            Ok(InflateEnd::Whole { .. }) | Err(InflateFault::Crc | InflateFault::Length) => {
                assert_eq!(quick, exact.0, "only the quick decoder accepts this stream");
                assert!(out == exact.1, "the decoders disagree about the content");
            }
            _ => assert!(
                !matches!(exact.0, Ok(InflateEnd::Whole { .. })),
                "the quick decoder rejects a whole member: {quick:?}"
            ),
        }
    }
    let mut kept = Vec::new();
    let expected = read_whole(stored, LIMIT, Some(&mut kept));
    let mut reader = WholeReader::default();
    for pieces in [&[stored][..], &pieces[..]] {
        let mut mine = vec![7; 3];
        let sum = reader.read(pieces, LIMIT, Some(&mut mine));
        match &expected {
            // How much of a broken member comes out depends on the splitting.
            Ok(Content { form: form @ Form::GzipBroken(_), .. }) => {
                assert_eq!(sum.map(|sum| sum.form), Ok(*form));
            }
            Ok(_) if stored.len() == 1 => assert_eq!(sum, expected),
            Ok(_) => assert!(sum == expected && mine == kept, "{sum:?} and not {expected:?}"),
            Err(_) => assert_eq!(sum, expected),
        }
    }
    // For input in pieces, its result is final only if it says that it is settled.
    let mut quick = ContentReader::quick(LIMIT);
    if pieces.iter().all(|piece| quick.push(piece, None).is_ok()) {
        let sum = quick.finish();
        assert!(!sum.form.is_settled() || Ok(sum) == expected, "a settled result differs");
    }
}

fn inflated_by(
    mut inflater: Inflater,
    pieces: &[&[u8]],
    last: bool,
) -> (Result<InflateEnd, InflateFault>, Vec<u8>) {
    let mut out = Vec::new();
    let mut sink = |block: &[u8]| out.extend_from_slice(block);
    let result = pieces.iter().try_for_each(|piece| match last {
        true => inflater.push_last(piece, &mut sink),
        false => inflater.push(piece, &mut sink),
    });
    (result.map(|()| inflater.end()), out)
}
