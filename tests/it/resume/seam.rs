//! Runs that each continue the previous one.
use super::*;
use crate::support::copy::replay;

/// Returns the world as it was at a time, without later deliveries.
fn until(trail: &BuiltTrail, at: i64) -> BuiltTrail {
    let mut earlier = trail.clone();
    let gone: Vec<(String, String)> = trail
        .digests()
        .filter(|(_, digest)| digest.end > at)
        .map(|(_, digest)| (digest.bucket.clone(), digest.key.clone()))
        .collect();
    for (bucket, key) in gone {
        earlier.world.buckets.get_mut(&bucket).unwrap().objects.remove(&key);
    }
    earlier
}

/// Returns a record of the first part of the trail, and the bench over the whole trail.
fn joined(name: &str, trail: &BuiltTrail, middle: i64) -> (Bench, String) {
    let bench = Bench::new(name, &until(trail, middle));
    let record = bench.file("first.jsonl");
    let whole = trail.whole();
    let ran = bench.verify(&with(&period(whole.from, middle), &["--record", &record]));
    // Chains with their own phases have tails that are not covered yet.
    assert!([0, 3].contains(&ran.status), "{}{}", ran.stdout, ran.stderr);
    bench.server.replace_world(trail.world.clone());
    (bench, record)
}

#[test]
fn consecutive_runs_join_without_a_seam() {
    let trail = trail();
    let whole = trail.whole();
    let middle = whole.from + 10 * HOUR;
    let (bench, record) = joined("joins", &trail, middle);
    let (end, second) = (iso(whole.to), bench.file("second.jsonl"));
    let ran = bench.verify(&["--since", &record, "--end-time", &end, "--record", &second]);
    assert_eq!(ran.status, 0, "{}{}", ran.stdout, ran.stderr);
    let seams = ran.of_kind("seam-judged");
    assert_eq!(seams.len(), 2, "one per chain");
    assert!(seams.iter().all(|seam| seam["joined"] == true && seam["finding"].is_null()));
    let started = &ran.of_kind("run-started")[0];
    assert_eq!(started["from"], iso(middle - 1), "the last verified second must be checked again");
    let last = fs::read_to_string(&record).unwrap().lines().last().unwrap().to_owned();
    assert_eq!(
        started["follows"]["sha256"],
        serde_json::from_str::<Value>(&last).unwrap()["sha256"]
    );
    // What was read before is not read again, except for the digests at the seam and their log
    // files.
    let digests = ran.of_kind("digest-judged").iter().filter(|one| one["counts"] == true).count();
    assert_eq!(digests, 2 * 11);
    assert_eq!(replay(&[&second, "--format", "jsonl"]).stdout, ran.stdout);
    // A time as the value of `--since` works as before.
    let ran = bench.verify(&["--since", &iso(middle), "--end-time", &end]);
    assert_eq!((ran.status, ran.of_kind("seam-judged").len()), (0, 0));
}

/// Every deed at the seam is found. Without the record most of them would not be.
#[test]
fn a_missing_or_changed_digest_at_the_seam_is_found() {
    let trail = trail();
    let whole = trail.whole();
    let middle = whole.from + 10 * HOUR;
    // Index 0 is the starting digest, so index 10 ends where the first run ended.
    let at = DigestAt { chain: 0, index: 10 };
    let later = DigestAt { chain: 0, index: 11 };
    let newest = trail.chains[0].standard - 1;
    let cases: Vec<(&str, Vec<Deed>, &str)> = vec![
        ("deleted", vec![Deed::DigestDeleted(at)], "digest-missing"),
        ("flipped", vec![Deed::DigestByteFlipped(at)], "digest-"),
        ("forged", vec![Deed::DigestForged(at)], "digest-"),
        ("after", vec![Deed::DigestDeleted(later)], "digest-missing"),
        (
            "all-newer-and-it",
            vec![Deed::NewestDigestsDeleted { chain: 0, count: newest - 9 }],
            "digest-missing",
        ),
    ];
    for (name, deeds, code) in cases {
        let (bench, record) = joined(name, &trail, middle);
        let mut changed = trail.clone();
        changed.apply_all(&deeds).unwrap();
        bench.server.replace_world(changed.world.clone());
        let ran = bench.verify(&["--since", &record, "--end-time", &iso(whole.to)]);
        assert_eq!(ran.status, 1, "{name}: {}", ran.stdout);
        // Reported once: by the digest's own line, or by the seam if the walk does not reach it.
        let reported = ran.stdout.matches(&format!("\"code\":\"{code}")).count();
        assert_eq!(reported, 1, "{name}: {}", ran.stdout);
    }
    // A chain without any remaining object, not even digests: only the record knows of it.
    let (bench, record) = joined("vanished", &trail, middle);
    let mut changed = trail.clone();
    let objects = &mut changed.world.buckets.get_mut(&bench.bucket).unwrap().objects;
    objects.retain(|key, _| !key.contains("eu-west-1"));
    bench.server.replace_world(changed.world.clone());
    let ran = bench.verify(&["--since", &record, "--end-time", &iso(whole.to)]);
    assert_eq!(ran.status, 1, "{}", ran.stdout);
    let seam = ran.of_kind("seam-judged");
    let gone = seam.iter().find(|seam| seam["joined"] == false).unwrap();
    assert_eq!(gone["finding"]["code"], "digest-missing");
    let without = bench.verify(&with(&period(middle, whole.to), &[]));
    assert_eq!(without.status, 0, "without the record nothing must be missed: {}", without.stdout);
}

/// Hourly runs over an organization, each continuing the record of the previous one. The digests of
/// each chain end at different times.
#[test]
fn many_consecutive_runs_join_each_other() {
    let scale = Scale { accounts: 3, regions: 4, hours: 12, logs: 0.5, sizes: LogSizes::Small };
    let trail = scale.build();
    let whole = trail.whole();
    let (bench, mut record) = joined("many", &trail, whole.from + 4 * HOUR);
    for step in 0..4 {
        let end = whole.from + (6 + 2 * step) * HOUR;
        bench.server.replace_world(until(&trail, end).world);
        let next = bench.file(&format!("{step}.jsonl.zst"));
        let ran = bench.verify(&["--since", &record, "--end-time", &iso(end), "--record", &next]);
        let seams = ran.of_kind("seam-judged");
        assert_eq!(seams.len(), 12, "{}{}", ran.stdout, ran.stderr);
        assert!(seams.iter().all(|seam| seam["joined"] == true), "{seams:?}");
        assert!(!ran.stdout.contains("\"outcome\":\"invalid\""), "{}", ran.stdout);
        record = next;
    }
}

/// A record of a different bucket with chains of the same names: no chain joins it.
#[test]
fn a_run_that_does_not_join_its_record_is_reported_as_not_proven() {
    let trail = trail();
    let whole = trail.whole();
    let middle = whole.from + 10 * HOUR;
    let (bench, record) = joined("elsewhere", &trail, middle);
    let other = bench.file("other.jsonl");
    let text = fs::read_to_string(&record).unwrap().replace(&bench.bucket, "another-bucket");
    let (before, _) = text.trim_end().rsplit_once('\n').unwrap();
    let (before, lines) = (format!("{before}\n"), before.lines().count());
    let hash = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&before));
    let last = format!("{{\"event\":\"record-finished\",\"lines\":{lines},\"sha256\":\"{hash}\"}}");
    fs::write(&other, format!("{before}{last}\n")).unwrap();
    let end = iso(whole.to);
    let page = bench.file("page.html");
    let junit = bench.file("junit.xml");
    let report = format!("html={page}");
    let ran = bench.verify(&[
        "--since",
        &other,
        "--end-time",
        &end,
        "--report",
        &report,
        "--junit",
        &junit,
    ]);
    assert_eq!(ran.status, 3, "{}{}", ran.stdout, ran.stderr);
    let finished = &ran.of_kind("run-finished")[0];
    assert_eq!(
        (&finished["verdict"], &finished["chains_not_joined"]),
        (&"not proven".into(), &2.into())
    );
    let follows = &ran.of_kind("run-started")[0]["follows"];
    assert_eq!(
        (&follows["verdict"], &follows["bucket"]),
        (&"proven".into(), &"another-bucket".into())
    );
    let text = bench.verify(&["--since", &other, "--end-time", &end, "--format", "text"]).stdout;
    assert!(
        text.contains("  not-joined (") && text.contains("0 of 2 chains continue from it"),
        "{text}"
    );
    assert!(text.contains("(proven for s3://another-bucket, "), "{text}");
    for file in [page, junit] {
        assert!(fs::read_to_string(&file).unwrap().contains("not-joined"), "{file}");
    }
    let json = bench.verify(&["--since", &other, "--end-time", &end, "--format", "json"]).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["not_joined"].as_array().unwrap().len(), 2);
}
