//! Copies in every layout, and what proves their digests.
use super::*;
use crate::support::by_seed;
use trailproof_testkit::trail::DeedKind;

/// The seeds of the random deeds: one test per seed.
const SEEDS: std::ops::Range<u64> = 0..4;
const ROUNDS: usize = 18;

/// Applies one to three random deeds to a trail and returns it with the deeds that could be
/// applied.
fn changed(clean: &BuiltTrail, round: usize, dice: &mut Dice) -> (BuiltTrail, Vec<DeedKind>) {
    let mut changed = clean.clone();
    let mut done = Vec::new();
    for _ in 0..=round % 3 {
        let deed = changed.random_deed(dice);
        if is_for_files(deed) && changed.apply(deed).is_ok() {
            done.push(DeedKind::from(deed));
        }
    }
    (changed, done)
}

/// A mirror with its metadata, over many combinations of deeds: the same events as over the
/// network.
fn a_mirror_is_judged_as_the_world_is(seed: u64) {
    let clean = trail();
    let mut dice = Dice::new(seed, "offline");
    let (mut compared, mut contradicted) = (0, 0);
    let mut wrong = Vec::new();
    for round in 0..ROUNDS {
        let (changed, _) = changed(&clean, round, &mut dice);
        let at = fresh(&format!("deeds-{seed}"));
        if changed.write_to(&at).is_err() {
            continue;
        }
        let keys = write_keys(&changed, &format!("deeds-{seed}"));
        let copy = verify(&changed, &at, Some(&keys), &["--complete-copy"]);
        let wire = online(&changed, &bucket(&changed), &[]);
        if copy.stdout.is_empty() {
            // If the whole trail was deleted, both report that nothing was found.
            if (wire.status.code(), wire.stdout.is_empty()) != (copy.status.code(), true) {
                let stderr = String::from_utf8_lossy(&copy.stderr);
                wrong.push(format!("round {round}: {stderr}"));
            }
            continue;
        }
        compared += 1;
        contradicted += usize::from(wire.status.code() == Some(1));
        // Without the assertion, absence from the copy is not a finding, and all other findings
        // stay.
        let open = findings(&verify(&changed, &at, Some(&keys), &[]));
        let missing = |code: &str| matches!(code, "digest-missing" | "log-missing");
        let mut accused = findings(&copy);
        accused.retain(|(_, code)| !missing(code));
        assert_eq!(open, accused, "round {round}");
        if comparable_events(&copy) != comparable_events(&wire)
            || copy.status.code() != wire.status.code()
        {
            let (copy, wire) = (comparable_events(&copy), comparable_events(&wire));
            let first = copy.iter().zip(&wire).find(|(one, other)| one != other);
            wrong.push(format!("round {round}: {first:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {compared}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 12 && contradicted > 4, "{compared} {contradicted}");
}

by_seed!(a_mirror_is_judged_as_the_world_is: seed_0 = 0, seed_1 = 1, seed_2 = 2, seed_3 = 3);

#[test]
fn the_seeds_cover_most_deeds() {
    let clean = trail();
    let mut done = BTreeSet::new();
    for seed in SEEDS {
        let mut dice = Dice::new(seed, "offline");
        (0..ROUNDS).for_each(|round| done.extend(changed(&clean, round, &mut dice).1));
    }
    assert!(done.len() > 20, "{done:?}");
}

/// Without metadata, in every layout that occurs in practice: each digest except the newest of a
/// chain is proven by its successor.
#[test]
fn every_layout_proves_all_but_the_newest_digest() {
    let mut trail = trail();
    let log = trail.chains.first().unwrap().digests.get(5).unwrap().logs.first().unwrap().clone();
    trail.delete(&log.bucket, &log.key);
    let keys = write_keys(&trail, "layouts");
    let bucket = bucket(&trail);
    let inflate = |key: &str| key.strip_suffix(".gz").unwrap_or(key).to_owned();
    let inside = |key: &str| key.strip_prefix("AWSLogs/").map(str::to_owned);
    type Layout<'l> = (&'l str, Box<dyn Fn(&str, &str) -> Option<String> + 'l>);
    let layouts: Vec<Layout<'_>> = vec![
        ("sync", Box::new(|_, key| Some(key.to_owned()))),
        ("bucket", Box::new(|bucket, key| Some(format!("{bucket}/{key}")))),
        ("deep", Box::new(|_, key| Some(format!("evidence/2026/x/{key}")))),
        ("inside", Box::new(move |_, key| inside(key))),
        (
            "inside-account",
            Box::new(|_, key| {
                key.strip_prefix("AWSLogs/")
                    .and_then(|key| key.split_once('/'))
                    .map(|(_, key)| key.to_owned())
            }),
        ),
    ];
    for (name, layout) in &layouts {
        let at = fresh(name);
        write_as(&trail.world, &at, layout);
        let open = verify(&trail, &at, Some(&keys), &[]);
        assert_eq!((open.status.code(), findings(&open)), (Some(3), BTreeSet::new()), "{name}");
        let absent = |event: &&Value| event["read_failure"]["code"] == "absent-from-copy";
        let lacks: Vec<_> =
            events(&open).iter().filter(absent).map(|event| event["key"].clone()).collect();
        assert_eq!(lacks, [json!(log.key)], "{name}");
        let output = verify(&trail, &at, Some(&keys), &["--complete-copy"]);
        assert_eq!(events(&output)[0]["complete_copy_asserted"], true);
        assert_eq!(output.status.code(), Some(1), "{name}");
        let found = findings(&output);
        assert_eq!(found, [(log.key.clone(), "log-missing".to_owned())].into(), "{name}");
        let unread: Vec<String> = events(&output)
            .iter()
            .filter(|event| event["read_failure"]["code"] == "no-signature")
            .map(|event| event["end"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(unread.len(), 2, "{name}: one per chain");
        let started = &events(&output)[0];
        assert_eq!(started["delivered_to"]["bucket"], bucket);
        let place = at.display().to_string();
        assert_eq!(started["read_from"], json!([{ "kind": "directory", "place": place }]));
    }
    // Inflated on the way, with and without the file extension. The hashes are over inflated bytes.
    for keep_name in [true, false] {
        let at = fresh("inflated");
        write_as(&trail.world, &at, |_, key| Some(key.to_owned()));
        let mut files = Vec::new();
        walk(&at, &mut files);
        for path in files {
            let mut bytes = Vec::new();
            let stored = fs::read(&path).unwrap();
            trailproof_core::bytes::content::read_whole(&stored, 1 << 30, Some(&mut bytes))
                .unwrap();
            let to = if keep_name { path.clone() } else { inflate(path.to_str().unwrap()).into() };
            fs::remove_file(&path).unwrap();
            fs::write(to, bytes).unwrap();
        }
        let output = verify(&trail, &at, Some(&keys), &["--complete-copy"]);
        let expected = [(log.key.clone(), "log-missing".to_owned())].into();
        assert_eq!(findings(&output), expected, "names kept: {keep_name}");
    }
}

fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, found) } else { found.push(path) }
    }
}

/// As the guide states for plain copies, a period that ends before the newest digest is proven.
#[test]
fn a_plain_copy_is_proven_up_to_its_newest_digest() {
    let trail = trail();
    let at = fresh("plain");
    write_as(&trail.world, &at, |_, key| Some(key.to_owned()));
    let keys = write_keys(&trail, "plain");
    let whole = trail.whole();
    for (hours, status) in [(0, 3), (2, 0)] {
        let output = offline()
            .arg("verify")
            .arg(&at)
            .args(["--start-time", &iso(whole.from)])
            .args(["--end-time", &iso(whole.to - hours * 3_600)])
            .arg("--public-keys")
            .arg(&keys)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(status), "{text}");
    }
}

/// Backfill digests that link to each other prove each other as standard digests do. If they do not
/// link, or if only their own metadata proves them, they are unproven and not findings.
#[test]
fn backfill_digests_without_metadata_are_proven_by_those_that_link_to_them() {
    // The third covers an earlier hour than the second, so a link leads forward in the walk.
    let spec = TrailSpec::new().seed(9).time(START, 8);
    let spec = spec.backfill(2, 2, 5).backfill(5, 1, 6).backfill(3, 2, 7);
    let more = spec.clone().backfill(6, 1, 8);
    // In the first trail, the newest is judged only after the one whose signature it recorded.
    for (spec, linked, proven) in [(&spec, true, 2), (&more, true, 3), (&more, false, 0)] {
        let mut trail = if linked { spec.clone().linked_backfills() } else { spec.clone() }.build();
        let chain = trail.chains.first().unwrap();
        let made: Vec<(String, String)> = chain
            .backfills()
            .iter()
            .map(|digest| (digest.key.clone(), digest.logs.first().unwrap().key.clone()))
            .collect();
        // A log file of the second backfill digest is deleted. Only a proven digest makes that a
        // finding.
        let (at, key) = (bucket(&trail), made[1].1.clone());
        trail.delete(&at, &key);
        let at = fresh("backfill");
        write_as(&trail.world, &at, |_, key| Some(key.to_owned()));
        let keys = write_keys(&trail, "backfill");
        let output = verify(&trail, &at, Some(&keys), &["--complete-copy"]);
        let reported = events(&output);
        let judged = |key: &str| {
            let event = reported.iter().filter(|event| event["key"] == key).collect::<Vec<_>>();
            assert_eq!(event.len(), 1, "each must be reported once");
            (
                event[0]["outcome"].clone(),
                event[0]["proofs"].clone(),
                event[0]["read_failure"].clone(),
            )
        };
        let outcomes: Vec<_> = made.iter().map(|(key, _)| judged(key)).collect();
        for (number, (outcome, proofs, why)) in outcomes.iter().enumerate() {
            if number < proven {
                // The newest is not proven, and it recorded the signature of its predecessor.
                let by = if number + 1 == proven { "own-signature" } else { "successor-hash" };
                assert_eq!(outcome, "valid", "{number}: {why}");
                assert!(proofs.as_array().unwrap().contains(&json!(by)), "{number}: {proofs}");
            } else {
                assert_eq!((outcome, &why["code"]), (&json!("unverified"), &json!("no-signature")));
            }
        }
        let expected: BTreeSet<_> =
            linked.then_some((key, "log-missing".to_owned())).into_iter().collect();
        assert_eq!(findings(&output), expected);
        let text = verify(&trail, &at, Some(&keys), &["--format", "text"]);
        let text = String::from_utf8(text.stdout).unwrap();
        assert!(
            text.contains("  - read the backfill digests from the original bucket: "),
            "{text}"
        );
    }
}

/// Metadata saved beside a copy is found by bucket and key, wherever the files are.
#[test]
fn saved_signatures_are_found_in_a_copy_without_a_bucket_folder() {
    let trail = trail();
    let keys = write_keys(&trail, "saved");
    let (own, at) = (fresh("saved-own"), fresh("saved"));
    trail.write_to(&own).unwrap();
    write_as(&trail.world, &at, |_, key| Some(key.to_owned()));
    assert_eq!(verdict(&verify(&trail, &at, Some(&keys), &[])), "not proven");
    fs::copy(own.join("trailproof-objects.json"), at.join("trailproof-objects.json")).unwrap();
    assert_eq!(verdict(&verify(&trail, &at, Some(&keys), &[])), "proven");
}
