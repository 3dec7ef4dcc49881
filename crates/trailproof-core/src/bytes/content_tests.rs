//! Stored bytes: whole, cut, broken, or followed by others; in pieces of any size; within budgets.
use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn sum(stored: &[u8]) -> Content {
    read_whole(stored, 1 << 20, None).unwrap()
}

fn sha(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

#[test]
fn a_whole_member_hashes_inflated() {
    let text = b"{\"Records\":[]}".repeat(40_000);
    let mut kept = Vec::new();
    let content = read_whole(&gzip(&text), 1 << 20, Some(&mut kept)).unwrap();
    assert_eq!((content.hash, content.form), (sha(&text), Form::Gzip));
    assert_eq!((content.inflated, kept), (560_000, text));
}

#[test]
fn every_truncation_is_detected() {
    let stored = gzip(b"some bytes that are worth cutting");
    for cut in 2..stored.len() {
        assert_eq!(sum(&stored[..cut]).form, Form::GzipCutShort, "cut at {cut}");
    }
}

#[test]
fn bytes_after_the_member_are_counted_but_not_inflated() {
    let text = b"first";
    let mut stored = gzip(text);
    stored.extend(gzip(b"second"));
    let content = sum(&stored);
    assert_eq!(content.hash, sha(text));
    assert_eq!(
        content.form,
        Form::GzipAndMore { trailing: u64::try_from(stored.len()).unwrap() - 25 }
    );
    let mut padded = gzip(text);
    padded.push(0);
    assert_eq!(sum(&padded).form, Form::GzipAndMore { trailing: 1 });
}

/// Members are joined no matter how the input is split; anything other than complete members is not
/// joined.
#[test]
fn members_are_joined_in_pieces_of_any_size() {
    let parts: [&[u8]; 4] = [b"first ", b"", b"second ", b"third"];
    let stored = parts.map(gzip).concat();
    let whole = parts.concat();
    let inflated = u64::try_from(whole.len()).unwrap();
    for size in [1, 2, 7, 19, 20, 21, 1_000] {
        let (mut reader, mut kept) = (ContentReader::new(1 << 20), Vec::new());
        for piece in stored.chunks(size) {
            reader.push(piece, Some(&mut kept)).unwrap();
        }
        let content = reader.finish();
        assert_eq!(content.joined, Joined::Members { hash: sha(&whole), inflated }, "{size}");
        assert_eq!(content.whole_hash(), sha(&whole));
        assert_eq!(kept, whole, "{size}");
    }
    let cut = &stored[..stored.len() - 1];
    assert_eq!(sum(cut).joined, Joined::CutShort);
    assert_eq!(sum(&[stored.as_slice(), b"\0"].concat()).joined, Joined::No);
    let many = gzip(b"").repeat(20_001);
    assert_eq!(sum(&many).joined, Joined::OverBudget);
    let mut limited = ContentReader::new(10);
    limited.push(&stored, None).unwrap();
    assert_eq!(limited.finish().joined, Joined::OverBudget);
}

#[test]
fn a_wrong_trailer_is_broken_even_if_the_hash_is_right() {
    let stored = gzip(b"content");
    let crc = stored.len() - 8;
    for (at, fault) in [(crc, InflateFault::Crc), (crc + 4, InflateFault::Length)] {
        let mut stored = stored.clone();
        stored[at] ^= 1;
        let content = sum(&stored);
        assert_eq!((content.hash, content.form), (sha(b"content"), Form::GzipBroken(fault)));
    }
}

#[test]
fn piece_sizes_do_not_matter() {
    let mut random = 7_u32;
    let text: Vec<u8> = (0..300_000)
        .map(|_| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b'a' + random.to_le_bytes()[3] % 16
        })
        .collect();
    let mut with_more = gzip(&text);
    with_more.extend([1, 2, 3]);
    for stored in [gzip(&text), with_more, text.clone(), vec![], vec![0x1f], vec![b'{']] {
        let whole = sum(&stored);
        for size in [1, 2, 3, 7, 9, 10, 11, 4_096, 131_072] {
            let mut reader = ContentReader::new(1 << 20);
            let mut kept = Vec::new();
            for piece in stored.chunks(size) {
                reader.push(piece, Some(&mut kept)).unwrap();
            }
            assert_eq!(reader.finish(), whole, "pieces of {size}");
            // A single byte is held back until the end, when there is nowhere left to keep it; a
            // one-byte object has no meaning anyway.
            if stored.len() != 1 {
                assert_eq!(sha(&kept), whole.hash);
            }
        }
    }
}

#[test]
fn a_header_with_every_field_is_read() {
    let mut stored = vec![0x1f, 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 0xff, 2, 0, 9, 9];
    stored.extend(b"name\0comment\0\x12\x34");
    stored.extend(&gzip(b"x")[10..]);
    assert_eq!((sum(&stored).hash, sum(&stored).form), (sha(b"x"), Form::Gzip));
    stored[3] |= 0x20;
    assert_eq!(sum(&stored).form, Form::GzipBroken(InflateFault::Header));
}

#[test]
fn a_bomb_and_an_endless_header_stop_at_their_budgets() {
    let bomb = gzip(&vec![0; 4 << 20]);
    assert_eq!(read_whole(&bomb, 1 << 20, None), Err(OverBudget));
    let mut header = vec![0x1f, 0x8b, 8, FLAG_NAME, 0, 0, 0, 0, 0, 0];
    header.extend(vec![b'a'; 1 << 20]);
    assert_eq!(read_whole(&header, 1 << 20, None), Err(OverBudget));
    assert_eq!(read_whole(&vec![b'a'; 2 << 20], 1 << 20, None), Err(OverBudget));
}

const FLAG_NAME: u8 = 0x08;

#[test]
fn reset_restores_a_new_reader() {
    let mut reader = ContentReader::new(1 << 20);
    for stored in [gzip(b"one"), b"plain".to_vec(), vec![0x1f, 0x8b, 9], gzip(b"two")] {
        reader.reset(1 << 20);
        reader.push(&stored, None).unwrap();
        assert_eq!(reader.finish(), sum(&stored));
    }
}

/// What comes out of a later member before it turns out to be broken depends on how it was split.
#[test]
fn nothing_of_broken_later_members_is_kept() {
    let mut broken = gzip(&b"later".repeat(1_000));
    let end = broken.len() - 8;
    broken[end] ^= 1;
    let stored = [gzip(b"first"), broken].concat();
    let mut kept = Vec::new();
    let content = read_whole(&stored, 1 << 20, Some(&mut kept)).unwrap();
    assert!(matches!(content.form, Form::GzipAndMore { .. }), "{content:?}");
    assert_eq!((content.joined, kept.as_slice()), (Joined::No, &b"first"[..]));
}
