//! Digests as CloudTrail writes and signs them.
use super::*;

#[test]
fn signatures_verify_with_the_other_implementation() {
    assert_signed(&TrailSpec::new().build());
    let trail = eventful(20).build();
    assert_signed(&trail);
    let used: BTreeSet<_> =
        trail.digests().map(|(id, digest)| (&digest.fingerprint, &id.region)).collect();
    let fingerprints: BTreeSet<_> = used.iter().map(|(fingerprint, _)| fingerprint).collect();
    assert_eq!((used.len(), fingerprints.len()), (4, 4), "two regions with one rotation each");
}

/// Over half a year every region gets a new key every 18 to 20 days, and no two regions share one.
#[test]
fn keys_rotate() {
    let spec = TrailSpec::new().regions(&["us-east-1", "eu-west-1"]).hours(100 * 24);
    let spec = spec.logs(LogPlan::Constant(0), LogSizes::Small).sign_with(SignWith::Fast);
    let trail = spec.build();
    let mut fingerprints = BTreeSet::new();
    for keys in trail.world.public_keys.values() {
        assert!(keys.iter().all(|key| fingerprints.insert(&key.fingerprint)));
        for pair in keys.windows(2) {
            let days = (pair[1].valid_from - pair[0].valid_from) / 86_400;
            assert!((18..=20).contains(&days), "{days}");
        }
        assert!(keys.len() >= 5);
    }
    assert_signed(&trail);
}

/// A key returned as SubjectPublicKeyInfo verifies, and digests name its fingerprint.
#[test]
fn keys_can_be_subject_public_key_info() {
    let trail = TrailSpec::new().hours(3).spki_keys().build();
    let key = &trail.world.public_keys["us-east-1"][0];
    assert_eq!(key.der, Signer::pool(0).spki);
    assert_eq!(trail.chains[0].digests[1].fingerprint, fingerprint(&key.der));
    assert_signed(&trail);
}

#[test]
fn both_signers_give_the_same_bytes() {
    let mut fingerprints = BTreeSet::from([fingerprint(&Signer::forger().pkcs1)]);
    for slot in 0..POOL {
        let signer = Signer::pool(slot);
        let text = format!("text {slot}");
        let reference = signer.sign(text.as_bytes(), SignWith::Reference);
        assert_eq!(reference, signer.sign(text.as_bytes(), SignWith::Fast));
        assert_eq!(
            reference,
            signer.sign(text.as_bytes(), SignWith::Reference),
            "the cached signature"
        );
        fingerprints.insert(fingerprint(&signer.pkcs1));
    }
    assert_eq!(fingerprints.len(), POOL + 1, "no key may occur twice");
}

/// Returns the names of all fields in the order in which they are written, including those of the
/// first two log files.
fn field_order(json: &str) -> Vec<&str> {
    let names = json.match_indices("\":").map(|(at, _)| json[..at].rsplit('"').next().unwrap());
    names.take(15 + 2 * 6).collect()
}

#[test]
fn the_json_has_the_form_of_real_digests() {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/realdata");
    let root = std::env::var_os("TRAILPROOF_REALDATA").map_or(beside, PathBuf::from);
    let Ok(files) = std::fs::read_dir(root.join("digests")) else {
        eprintln!("skipped: no real digests at {}", root.display());
        return;
    };
    let json = |spec: TrailSpec| {
        let built = spec.hours(2).build();
        String::from_utf8(built.chains[0].digests[2].json.to_vec()).unwrap()
    };
    let (escaped, plain) = (json(TrailSpec::new()), json(TrailSpec::new().plain_slashes()));
    let mut compared = 0;
    for file in files {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let text = match gzip::read(&bytes) {
            Body::Inflated { bytes: inflated, trailer: true, more: false } => {
                let header = gzip::member(b"x");
                assert_eq!(bytes[..10], header[..10], "the gzip header is AWS's");
                inflated
            }
            _ => bytes,
        };
        let real = String::from_utf8(text).unwrap();
        let ours = if real.contains("\\/") { &escaped } else { &plain };
        assert_eq!(field_order(ours), field_order(&real), "{}", path.display());
        assert_eq!(ours.contains("\\/"), real.contains("\\/"), "slashes escaped as in that year");
        // Minified: nothing between fields, no newline at the end.
        for json in [ours, &real] {
            assert!(json.ends_with("\"}]}") && !json.contains("\": ") && !json.contains(", \""));
        }
        compared += 1;
    }
    assert_eq!(compared, 3);
}

#[test]
fn links_lead_to_the_preceding_digest() {
    let trail = eventful(20).build();
    for chain in &trail.chains {
        assert_eq!(chain.standard().len(), 2 + 18, "two starting digests, 20 hours less 2");
        assert_eq!(chain.backfills().len(), 2);
        for (index, digest) in chain.digests.iter().enumerate() {
            let bytes = inflated(&trail, &digest.bucket, &digest.key);
            let value: Value = serde_json::from_slice(&bytes).unwrap();
            let names = ["S3Bucket", "S3Object", "HashValue", "HashAlgorithm", "Signature"];
            let link = names.map(|name| value[format!("previousDigest{name}")].as_str());
            assert_eq!(digest.end - digest.start, 3600);
            let Some(previous) = digest.previous else {
                assert_eq!(link, [None; 5]);
                let starting = digest.kind == DigestKind::Starting && digest.logs.is_empty();
                assert!(starting || index == chain.standard);
                continue;
            };
            let before = &chain.digests[previous];
            let object = trail.current(&before.bucket, &before.key).unwrap();
            let hash = hex::encode(Sha256::digest(&before.json));
            let signature = &object.metadata["signature"];
            let expected: [&str; 5] = [&before.bucket, &before.key, &hash, "SHA-256", signature];
            assert_eq!(link, expected.map(Some));
            if digest.kind != DigestKind::Backfill {
                assert_eq!(before.end, digest.start);
            }
        }
        let at = |kind| {
            let digests = chain.standard().iter().enumerate();
            digests.filter(|(_, one)| one.kind == kind).map(|(at, _)| at).collect::<Vec<_>>()
        };
        assert_eq!((at(DigestKind::Starting), at(DigestKind::Final)), (vec![0, 9], vec![8]));
        // The link out of the new bucket leads into the old one.
        let moved = chain.standard().iter().find(|digest| digest.bucket == "second-bucket");
        let before = &chain.digests[moved.and_then(|digest| digest.previous).unwrap()];
        assert_eq!(before.bucket, "example-trail-logs");
        let ChainId { account, region, .. } = &chain.id;
        let folder =
            format!("AWSLogs/o-a1b2c3d4e5/{account}/CloudTrail-Digest/{region}/2026/03/01/");
        let name =
            format!("{account}_CloudTrail-Digest_{region}_my_trail_eu-west-1_x_us-east-1_2026");
        assert!(
            before.key.starts_with(&format!("some/old.prefix/{folder}{name}")),
            "{}",
            before.key
        );
    }
}
