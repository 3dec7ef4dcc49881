//! Keys of the wrong kind.
use crate::support::attest_room::{ATTESTATION, AttestFolder, repository};

#[test]
fn a_key_of_the_wrong_kind_is_named() {
    let room = AttestFolder::new("keys");
    let key = |name: &str| repository(&format!("tests/it/attest/keys/{name}.pem"));
    let curve = "a key on a curve other than P-256";
    let cases = [
        ("rsa", "it is an RSA key", "it is a private key, but a public key is required"),
        ("rsa-public", "it is a public key, but a private key is required", "it is an RSA key"),
        ("p384", curve, "it is a private key, but"),
        ("p384-public", "it is a public key, but", curve),
        ("ed25519", "it is not an ECDSA key", "it is a private key, but"),
        ("ed25519-public", "it is a public key, but", "it is not an ECDSA key"),
        ("encrypted", "it is an encrypted private key", "it is an encrypted private key"),
        ("sec1", "in SEC 1 form", "in SEC 1 form"),
        ("certificate", "it is a certificate", "it is a certificate"),
    ];
    for (name, signing, verifying) in cases {
        let at = key(name);
        room.run(&["attest", "sign", "record.jsonl", "--key", &at, "-o", "x"]).is(2, signing);
        room.run(&["attest", "verify", ATTESTATION, "--key", &at]).is(2, verifying);
        assert!(!room.0.join("x").exists());
    }
    // A key that openssl generated works as well as one of ours.
    room.run(&["attest", "sign", "record.jsonl", "--key", &key("p256"), "-o", "x"]).is(0, "");
    room.run(&["attest", "verify", "x", "--key", &key("p256-public")]).is(0, "HOLDS");
    room.verify("x", &[]).is(1, "is not signed by the key");
    for (name, text) in [
        ("empty", ""),
        ("text", "hello"),
        ("broken", "-----BEGIN PRIVATE KEY-----\n!!!\n-----END PRIVATE KEY-----\n"),
        ("hollow", "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n"),
        ("hostile", "-----BEGIN \u{1b}[2J-----\nMAA=\n-----END \u{1b}[2J-----\n"),
    ] {
        room.write(name, text);
        room.run(&["attest", "sign", "record.jsonl", "--key", name, "-o", "y"])
            .is(2, "cannot sign");
        room.run(&["attest", "verify", "x", "--key", name]).is(2, "cannot use the key");
    }
    room.run(&["attest", "verify", "x", "--key", "no-such"]).is(5, "cannot read `no-such`");
    // The signing key must be given, and only once.
    room.run(&["attest", "sign", "record.jsonl", "-o", "y"]).is(2, "");
    let both = ["attest", "sign", "record.jsonl", "-o", "y", "--key", "key.pem", "--kms", "k"];
    room.run(&both).is(2, "");
}
