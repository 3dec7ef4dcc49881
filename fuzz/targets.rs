//! The fuzz targets: one function each, which takes any bytes and asserts claims that must always
//! hold.
//!
//! Shared by libFuzzer (`fuzz_targets/`) and by `tests/it/fuzz_smoke.rs`, which runs on stable
//! Rust. Each returns whether its input got past the first gate, so that the smoke test can check
//! that its inputs reach the code behind it.
#![expect(clippy::unwrap_used, reason = "a claim that does not hold ends the target by panicking")]
#[path = "documents.rs"]
pub(crate) mod documents;
#[path = "inflation.rs"]
pub(crate) mod inflation;

use super::pool::Pool;
use std::collections::BTreeMap;
use trailproof::trust::bundle::{Bundle, check, fetched};
use trailproof_core::bytes::content::{Content, ContentReader, Form, read_whole};
use trailproof_core::bytes::inflate::{InflateEnd, InflateFault, Inflater};
use trailproof_core::bytes::whole::WholeReader;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::codes::finding::{Malformed, Outcome};
use trailproof_core::compat::facts::{Fact, Need, Step};
use trailproof_core::compat::walk::AwsWalk;
use trailproof_core::digest::document::DigestClaim;
use trailproof_core::digest::signing::{KeyRing, PublicKey};
use trailproof_core::vocab::key_layout::{DigestKey, DigestKind};
use trailproof_core::vocab::time::{InclusivePeriod, Timestamp};

/// Allowance for the inflated bytes of one input: enough for a digest, and fast enough for a
/// fuzzer.
const LIMIT: u64 = 1 << 20;

/// Checks that a digest that parses gives a string to sign of four parts, which are its own.
pub(crate) fn digest_parse(data: &[u8]) -> bool {
    let mut inflated = Vec::new();
    let Ok(content) = read_whole(data, LIMIT, Some(&mut inflated)) else { return false };
    let Ok(claim) = DigestClaim::parse(&content, &inflated) else { return false };
    assert!(matches!(content.form, Form::Gzip | Form::Plain), "{:?}", content.form);
    assert_eq!(claim.hash, content.hash);
    let text = claim.string_to_sign();
    let rest = text.strip_prefix(&claim.end_text).unwrap().strip_prefix('\n').unwrap();
    let rest = rest.strip_prefix(&claim.location.bucket).unwrap().strip_prefix('/').unwrap();
    let rest = rest.strip_prefix(&claim.location.key).unwrap().strip_prefix('\n').unwrap();
    let (hash, previous) = rest.split_once('\n').unwrap();
    assert_eq!(hash.len(), 64);
    assert_eq!(previous, claim.previous_signature.as_deref().unwrap_or("null"));
    // Whatever a hostile digest contains, showing it must not control a terminal.
    let shown = claim.location.to_string();
    assert!(!shown.contains(char::is_control), "{shown:?}");
    true
}

/// Checks that a digest's key is rebuilt byte for byte, and that no other key has the same parts.
pub(crate) fn key_layout(data: &[u8]) -> bool {
    let Ok(key) = std::str::from_utf8(data) else { return false };
    let Some(parsed) = DigestKey::parse(key) else { return false };
    assert_eq!(parsed.build(), key);
    assert_eq!(DigestKey::parse(&parsed.build()).as_ref(), Some(&parsed));
    // Listings of a chain start at its folder, so a key must be below it.
    assert!(key.starts_with(&parsed.chain.folder()), "{key}");
    true
}

/// Checks that a key of any bytes is kept unchanged and verifies nothing by accident of its
/// encoding.
pub(crate) fn public_key(data: &[u8]) -> bool {
    let key = PublicKey::new("f", data);
    assert_eq!(key.der(), data);
    assert!(!key.fingerprint_is_exact(), "an MD5 is not one letter");
    for signature in [&[][..], data, &[0; 256]] {
        assert!(key.is_readable() || !key.verifies(data, signature));
    }
    let readable = key.is_readable();
    let mut ring = KeyRing::default();
    ring.add(key);
    assert!(ring.get("f").is_some() && !ring.is_empty());
    readable
}

/// Checks that a file of public keys is rejected or accepted with messages that cannot control a
/// terminal, that its coverage ascends, and that writing its keys and reading them again gives the
/// same keys.
pub(crate) fn key_bundle(data: &[u8]) -> bool {
    let is_safe = |words: &str| assert!(!words.contains(char::is_control), "{words:?}");
    let bundle = match Bundle::parse(data) {
        Ok(bundle) => bundle,
        Err(why) => {
            is_safe(&why.to_string());
            return false;
        }
    };
    let checked = check(&bundle);
    checked.wrong.iter().chain(&checked.odd).for_each(|words| is_safe(words));
    for listed in bundle.regions.values() {
        assert!(listed.covered.iter().all(|(from, to)| from <= to), "{:?}", listed.covered);
        assert!(listed.covered.is_sorted_by(|one, next| one.1 < next.0), "{:?}", listed.covered);
    }
    let keys: BTreeMap<_, _> =
        bundle.regions.iter().map(|(region, held)| (region.clone(), held.keys.clone())).collect();
    if !keys.is_empty() {
        let span = (Timestamp::from_unix(0), Timestamp::from_unix(1));
        let again = Bundle::parse(fetched(&keys, span).as_bytes()).unwrap();
        assert_eq!(again.unusable, [""; 0]);
        for (region, mut keys) in keys {
            keys.sort_by(|one, other| {
                (one.valid_from, &one.fingerprint).cmp(&(other.valid_from, &other.fingerprint))
            });
            assert_eq!(again.regions[&region].keys, keys);
        }
    }
    checked.keys > 0
}

/// Bytes that drive decisions; after the last one, every byte is zero.
struct Dice<'d>(std::slice::Iter<'d, u8>);

impl Dice<'_> {
    fn next(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }

    fn below(&mut self, end: usize) -> usize {
        let drawn = usize::from(self.next()) << 8 | usize::from(self.next());
        drawn.checked_rem(end).unwrap_or(0)
    }
}

/// Checks that the walk ends whatever facts it receives, judges only valid digests as valid, and
/// goes back in time.
pub(crate) fn aws_walk(data: &[u8]) -> bool {
    let pool = Pool::get();
    let mut dice = Dice(data.iter());
    let kind = if dice.next() & 15 == 15 { DigestKind::Backfill } else { DigestKind::Standard };
    let region = if dice.next() & 1 == 0 { "us-east-1" } else { "eu-west-1" };
    let (from, to) = pool.span();
    let cut = i64::from(dice.next()) * 600;
    let period = InclusivePeriod { start: from.plus(cut - 3_600), end: to.plus(7_200 - cut) };
    let ring = if dice.next() & 7 == 7 { KeyRing::default() } else { pool.keys.clone() };
    let mut walk = AwsWalk::new(kind, &pool.bucket, period, ring);

    let mut listed = 0;
    let mut fed = 0;
    let mut proven: Vec<Timestamp> = Vec::new();
    while *walk.need() != Need::Nothing {
        // Each digest is requested at most twice, and its keys once.
        let bound = 4 * (listed + pool.digests.len()) + 16;
        assert!(fed < bound, "the walk does not end");
        fed += 1;
        assert!(walk.ahead().count() <= listed);
        let fact = answer(pool, region, walk.need().clone(), &mut dice, &mut listed);
        for step in walk.feed(fact) {
            if let Step::Judged(at, Outcome::Valid(digest)) = step {
                let truth = pool.find(&at).unwrap();
                assert_eq!(digest.hash, truth.read.content.hash, "{at}");
                assert_eq!(digest.location, at);
                proven.push(digest.end);
            }
        }
    }
    assert!(walk.feed(Fact::Missing).is_empty(), "a walk that has ended settles nothing");
    if kind == DigestKind::Standard {
        assert!(proven.windows(2).all(|pair| pair[1] < pair[0]), "time does not decrease");
    }
    proven.len() > 1
}

/// Returns a fact for `need`: usually the truth.
fn answer(pool: &Pool, region: &str, need: Need, dice: &mut Dice<'_>, listed: &mut usize) -> Fact {
    let lie = dice.next();
    let failure = || ReadFailure::new(ReadFailureKind::Network, "dice");
    if lie == 255 {
        // A fact that does not match the need.
        return if matches!(need, Need::Listing { .. }) {
            Fact::Missing
        } else {
            Fact::Listed(Vec::new())
        };
    }
    match need {
        Need::Listing { .. } => {
            let mut keys: Vec<DigestKey> = pool.keys_of(region).cloned().collect();
            match lie >> 5 {
                5 => keys.retain(|_| dice.next() & 3 != 0),
                6 => {
                    keys.extend(pool.digests.iter().map(|digest| digest.key.clone()));
                    for _ in 0..dice.below(20) {
                        let at = dice.below(keys.len());
                        let mut key = keys[at].clone();
                        key.end = Timestamp::from_unix(i64::from(dice.next()) << dice.below(56));
                        keys.push(key);
                    }
                }
                7 if lie & 16 == 0 => return Fact::ListingFailed(failure()),
                7 => keys.clear(),
                _ => {}
            }
            *listed += keys.len();
            Fact::Listed(keys)
        }
        Need::Keys { .. } => match lie >> 6 {
            0 | 1 => Fact::Keys(pool.keys.clone()),
            2 => Fact::Keys(KeyRing::default()),
            _ => Fact::KeysFailed(failure()),
        },
        Need::Digest(at) => {
            let Some(truth) = pool.find(&at) else { return Fact::Missing };
            let mut read = truth.read.clone();
            match lie >> 3 {
                31 => return Fact::Missing,
                30 => return Fact::Unreadable(failure()),
                29 => read = pool.digests[dice.below(pool.digests.len())].read.clone(),
                28 => read.claim = Err(Malformed::Json),
                27 => read.signature = None,
                26 => read.signature = Some("0".repeat(dice.below(600))),
                25 => read.signature_algorithm = None,
                24 => read.backfill_generated = Some("2026-03-01T00:00:00Z".to_owned()),
                23 => {
                    if let Ok(claim) = &mut read.claim {
                        claim.hash[dice.below(32)] ^= 1;
                    }
                }
                _ => {}
            }
            Fact::Read(Box::new(read))
        }
        Need::Nothing => Fact::Missing,
    }
}
