//! Every way in which one digest can be wrong.
use super::stage::digest;
use super::{Scenario, Stage};
use crate::trail::gzip;
use crate::trail::{Deed, TrailSpec};
use crate::world::Version;

/// The digest to which deeds are done, in the middle of the chain.
const AT: usize = 3;

fn done(deed: Deed) -> Stage {
    Stage::done(deed).verbose()
}

/// Changes the object of the digest directly.
fn changed(change: impl Fn(&mut Version)) -> Stage {
    let stage = Stage::plain().verbose();
    let key = stage.digest_key(AT);
    stage.world(|world| {
        let bucket = world.buckets.values_mut().next();
        bucket
            .and_then(|bucket| bucket.objects.get_mut(&key))
            .into_iter()
            .flatten()
            .for_each(change);
    })
}

/// Changes the content of the digest directly; its signature no longer holds.
fn rewritten(from: &'static str, to: &'static str) -> Stage {
    changed(|version| {
        if let gzip::Body::Inflated { bytes, .. } = gzip::read(&version.body) {
            let text = String::from_utf8_lossy(&bytes).replacen(from, to, 1);
            version.body = gzip::member(text.as_bytes()).into();
        }
    })
}

fn resigned(signature: impl Fn(&str) -> String) -> Stage {
    changed(|version| {
        if let Some(value) = version.metadata.get_mut("signature") {
            *value = signature(value);
        }
    })
}

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new("digest-byte-flipped", || done(Deed::DigestByteFlipped(digest(AT)))),
    Scenario::new("digest-byte-flipped-quiet", || Stage::done(Deed::DigestByteFlipped(digest(AT)))),
    Scenario::new("newest-digest-byte-flipped", || done(Deed::DigestByteFlipped(digest(6)))),
    Scenario::new("chain-start-byte-flipped", || done(Deed::DigestByteFlipped(digest(0)))),
    Scenario::new("several-digests-wrong", || {
        Stage::plain().deeds(&[
            Deed::DigestByteFlipped(digest(5)),
            Deed::DigestNotJson(digest(4)),
            Deed::DigestDeleted(digest(2)),
            Deed::DigestMetadataMissing(digest(1)),
        ])
    }),
    Scenario::new("every-digest-wrong", || {
        let deeds: Vec<Deed> = (0..7).map(|at| Deed::DigestNotGzip(digest(at))).collect();
        Stage::plain().deeds(&deeds).verbose()
    }),
    Scenario::new("digest-forged", || done(Deed::DigestForged(digest(AT)))),
    Scenario::new("digest-forged-with-a-known-fingerprint", || {
        done(Deed::DigestForgedKnownFingerprint(digest(AT)))
    }),
    Scenario::new("digest-moved", || {
        done(Deed::DigestMoved { from: digest(AT), to: digest(AT + 1) })
    }),
    Scenario::new("digests-swapped", || {
        done(Deed::DigestSwapped { one: digest(AT), other: digest(AT + 2) })
    }),
    Scenario::new("digests-of-two-trails-swapped", || {
        let other = TrailSpec::new().hours(6).trail("second-trail", "us-east-1").seed(2);
        let other_at = crate::trail::DigestAt { chain: 1, index: AT };
        Stage::among(TrailSpec::new().hours(6), [other])
            .deeds(&[Deed::DigestSwapped { one: digest(AT), other: other_at }])
            .verbose()
    }),
    Scenario::new("digest-not-gzip", || done(Deed::DigestNotGzip(digest(AT)))),
    Scenario::new("digest-not-json", || done(Deed::DigestNotJson(digest(AT)))),
    Scenario::new("digest-cut-short", || done(Deed::DigestTruncatedGzip(digest(AT)))),
    Scenario::new("digest-without-a-trailer", || {
        changed(|version| version.body.truncate(version.body.len() - 8))
    }),
    Scenario::new("digest-without-a-byte", || changed(|version| version.body.clear())),
    Scenario::new("digest-with-trailing-data", || done(Deed::DigestTrailingData(digest(AT)))),
    Scenario::new("digest-with-a-second-member", || done(Deed::DigestSecondMember(digest(AT)))),
    Scenario::new("digest-stored-inflated", || done(Deed::DigestStoredInflated(digest(AT)))),
    Scenario::new("digest-without-log-files", || done(Deed::DigestWithoutLogFiles(digest(AT)))),
    Scenario::new("digest-without-metadata", || done(Deed::DigestMetadataMissing(digest(AT)))),
    Scenario::new("digest-without-metadata-and-json", || {
        Stage::plain()
            .deeds(&[Deed::DigestNotJson(digest(AT)), Deed::DigestMetadataMissing(digest(AT))])
    }),
    Scenario::new("digest-without-the-algorithm", || {
        changed(|version| {
            version.metadata.remove("signature-algorithm");
        })
    }),
    Scenario::new("digest-with-another-algorithm", || {
        changed(|version| {
            version.metadata.insert("signature-algorithm".to_owned(), "MD5".to_owned());
        })
    }),
    Scenario::new("signature-of-odd-length", || done(Deed::DigestSignatureOddHex(digest(AT)))),
    Scenario::new("signature-not-hexadecimal", || done(Deed::DigestSignatureNonHex(digest(AT)))),
    Scenario::new("signature-of-odd-length-and-not-hexadecimal", || {
        resigned(|_| "not hexadecimal".to_owned())
    }),
    Scenario::new("signature-flipped", || done(Deed::DigestSignatureFlipped(digest(AT)))),
    Scenario::new("signature-empty", || resigned(|_| String::new())),
    Scenario::new("signature-cut-to-whole-bytes", || {
        resigned(|text| text.chars().take(100).collect())
    }),
    Scenario::new("signature-in-upper-case", || resigned(str::to_uppercase)),
    Scenario::new("signature-with-two-bytes-before-it", || resigned(|text| format!("0000{text}"))),
    Scenario::new("field-absent", || rewritten("\"digestPublicKeyFingerprint\"", "\"gone\"")),
    Scenario::new("field-null", || {
        rewritten("\"digestEndTime\":\"2026-03-01T03:04:11Z\"", "\"digestEndTime\":null")
    }),
    Scenario::new("field-of-another-type", || {
        rewritten("\"digestEndTime\":\"2026-03-01T03:04:11Z\"", "\"digestEndTime\":7")
    }),
    Scenario::new("fingerprint-null", || {
        changed(|version| {
            if let gzip::Body::Inflated { bytes, .. } = gzip::read(&version.body) {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let field = "\"digestPublicKeyFingerprint\":";
                if let Some((head, tail)) = text.split_once(field) {
                    let (_, rest) = tail.split_once(',').unwrap_or_default();
                    let text = format!("{head}{field}null,{rest}");
                    version.body = gzip::member(text.as_bytes()).into();
                }
            }
        })
    }),
    Scenario::new("digest-is-a-list", || {
        changed(|version| version.body = gzip::member(b"[]").into())
    }),
    Scenario::new("digest-is-an-empty-object", || {
        changed(|version| version.body = gzip::member(b"{}").into())
    }),
    Scenario::new("digest-is-not-utf-8", || {
        changed(|version| version.body = gzip::member(b"{\"a\":\"\xff\"}").into())
    }),
    Scenario::new("digest-begins-with-a-mark-of-order", || {
        changed(|version| version.body = gzip::member(b"\xef\xbb\xbf{}").into())
    }),
];
