//! The fuzz targets on stable Rust: each over seeds from the demo and over a fixed number of
//! mutations of them, the same ones in every run.
//!
//! It is no fuzzer (`fuzz/README.md` says how to run one): it keeps the targets compiling and their
//! claims true for what is near real data. `TRAILPROOF_FUZZ_RUNS` multiplies the number of inputs.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]
#[path = "../fuzz/pool.rs"]
mod pool;
#[path = "../fuzz/targets.rs"]
mod targets;

use pool::Pool;

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut drawn = self.0;
        drawn = (drawn ^ (drawn >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        drawn = (drawn ^ (drawn >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        drawn ^ (drawn >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 1).unwrap().checked_rem(end).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.byte()).collect()
    }
}

/// Changes `data` in one of the ways in which fuzzers do.
fn mutate(data: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    let at = dice.below(data.len() + 1);
    let until = (at + dice.below(16)).min(data.len());
    match dice.below(8) {
        0 if at < data.len() => data[at] ^= 1 << dice.below(8),
        1 if at < data.len() => data[at] = [0, 0x7f, 0xff, b'/', b'_', b'"'][dice.below(6)],
        2 => data.insert(at, dice.byte()),
        3 => drop(data.drain(at..until)),
        4 => {
            let copied = data[at..until].to_vec();
            let to = dice.below(data.len() + 1);
            data.splice(to..to, copied);
        }
        5 => data.truncate(at),
        6 => {
            let from = dice.below(other.len() + 1);
            data.splice(at.., other[from..].iter().copied());
        }
        _ if at < data.len() => data[at] = dice.byte(),
        _ => data.push(dice.byte()),
    }
}

/// Runs `target` over the seeds and over `runs` mutations of them. Both kinds of input must occur:
/// those that it takes and those that it refuses.
fn smoke(target: fn(&[u8]) -> bool, seeds: &[Vec<u8>], runs: usize) {
    let more = std::env::var("TRAILPROOF_FUZZ_RUNS").ok().map_or(1, |times| times.parse().unwrap());
    let (mut taken, mut refused) = (0, 0);
    let mut run = |data: &[u8]| if target(data) { taken += 1 } else { refused += 1 };
    seeds.iter().for_each(|seed| run(seed));
    run(&[]);
    let mut dice = Dice(42);
    for _ in 0..runs * more {
        let mut data = seeds[dice.below(seeds.len())].clone();
        for _ in 0..=dice.below(4) {
            let other = &seeds[dice.below(seeds.len())];
            mutate(&mut data, other, &mut dice);
        }
        run(&data);
    }
    assert!(taken > runs / 100 && refused > runs / 100, "{taken} taken, {refused} refused");
}

#[test]
fn inflate() {
    let sizes = [1, 7, 255];
    let stored = Pool::get().digests.iter().map(|digest| &digest.stored).take(24);
    let seeds: Vec<_> =
        stored.flat_map(|stored| sizes.map(|size| [&[size][..], stored].concat())).collect();
    smoke(targets::inflate, &seeds, 2_000);
}

#[test]
fn digest_parse() {
    let digests = Pool::get().digests.iter().take(24);
    let seeds: Vec<_> =
        digests.flat_map(|digest| [digest.stored.clone(), digest.inflated.clone()]).collect();
    smoke(targets::digest_parse, &seeds, 5_000);
}

#[test]
fn key_layout() {
    let prefixes = ["", "p/", "a b+c/AWSLogs/", "../", "AWSLogs/o-a1b2c3d4e5/"];
    let keys = Pool::get().objects.iter();
    let mut seeds: Vec<String> =
        keys.flat_map(|key| prefixes.map(|prefix| format!("{prefix}{key}"))).collect();
    let backfill = |key: &String| key.replace(".json.gz", "_backfill.json.gz");
    seeds.extend(seeds.iter().map(backfill).collect::<Vec<_>>());
    let seeds: Vec<_> = seeds.into_iter().map(String::into_bytes).collect();
    smoke(targets::key_layout, &seeds, 20_000);
}

#[test]
fn public_key() {
    // SubjectPublicKeyInfo of an RSA key of 2,048 bits is these bytes before the PKCS#1 ones.
    let before = hex::decode("30820122300d06092a864886f70d01010105000382010f00").unwrap();
    let mut seeds = Pool::get().public_keys.clone();
    seeds.extend(seeds.iter().map(|key| [before.as_slice(), key].concat()).collect::<Vec<_>>());
    smoke(targets::public_key, &seeds, 5_000);
}

#[test]
fn key_bundle() {
    let demo = include_str!("../testdata/demo/public-keys.json");
    let answers: serde_json::Value = serde_json::from_str(demo).unwrap();
    let (region, answer) = answers.as_object().unwrap().iter().next().unwrap();
    let one = &answer["PublicKeyList"][0];
    let own = serde_json::json!({ "format": "trailproof-public-keys", "schema": 1, "regions": {
        region: { "requested": [{ "from": "2026-02-01T00:00:00Z", "to": "2026-04-01T00:00:00Z" }],
            "PublicKeyList": [one] } } });
    let mut odd = one.clone();
    odd["ValidityStartTime"] = serde_json::json!(i64::MIN);
    odd["ValidityEndTime"] = serde_json::json!(i64::MAX);
    let seeds = [
        answers.clone(),
        answer.clone(),
        serde_json::json!([one, odd]),
        serde_json::json!({ region: [one, odd] }),
        own,
    ];
    let seeds: Vec<_> = seeds.iter().map(|seed| seed.to_string().into_bytes()).collect();
    smoke(targets::key_bundle, &seeds, 3_000);
}

#[test]
fn aws_walk() {
    let mut dice = Dice(7);
    let mut seeds: Vec<_> = (0..200).map(|length| dice.bytes(length)).collect();
    // Mostly the truth, with a lie now and then.
    for _ in 0..100 {
        let lies = (0..160).map(|_| if dice.below(12) == 0 { dice.byte() } else { 0 }).collect();
        seeds.push(lies);
    }
    smoke(targets::aws_walk, &seeds, 300);
}
