//! Signs with a key in KMS: with a loopback KMS that follows AWS's rules for `Sign`, and with the
//! third-party implementation in moto.
//!
//! `TRAILPROOF_MOTO_SERVER` names the moto program, as for `foreign_servers`. moto 5.2 does not
//! know the `MessageType` `DIGEST` and signs the hash of the hash. trailproof must reject that
//! signature.
use crate::foreign_servers::foreign::moto;
use crate::support::attest_room::AttestFolder;
use aws_sdk_kms::Client;
use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_kms::types::{KeySpec, KeyUsageType};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use trailproof::attest::key::{SigningKey, VerifyingKey};

/// Creates a key and returns its ARN and its public key in PEM.
async fn key(client: &Client, spec: KeySpec) -> (String, Vec<u8>) {
    let made = client.create_key().key_spec(spec).key_usage(KeyUsageType::SignVerify);
    let arn = made.send().await.unwrap().key_metadata.unwrap().arn.unwrap();
    let public = client.get_public_key().key_id(&arn).send().await.unwrap();
    (arn, public.public_key.unwrap().into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kms_that_signs_the_wrong_bytes_is_detected() {
    let Some(moto) = moto("kms") else { return };
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new("AKIAEXAMPLE", "secret", None, None, "test"))
        .region(Region::new("eu-west-1"))
        .endpoint_url(&moto.endpoint)
        .build();
    let client = Client::from_conf(config);
    let (arn, public) = key(&client, KeySpec::EccNistP256).await;
    assert!(arn.starts_with("arn:aws:kms:eu-west-1:"), "{arn}");
    let (wrong, _) = key(&client, KeySpec::EccNistP384).await;
    let room = AttestFolder::new("kms");
    // The region comes from the ARN.
    let aws = [
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL_KMS", moto.endpoint.as_str()),
    ];
    let sign = |arn: &str| {
        let sign = ["attest", "sign", "record.jsonl", "--kms", arn, "-o", "kms.json", "--force"];
        room.run_with(&sign, &aws)
    };
    // moto hashes the hash once more, and its signature is not accepted.
    sign(&arn).is(5, "the new signature does not match the key");
    VerifyingKey::from_der(&public).unwrap();
    sign(&wrong).is(5, "a key on a curve other than P-256");
    sign("arn:aws:kms:eu-west-1:123456789012:key/no-such").is(5, "calling the GetPublicKey");
    // moto keeps the keys of each region separately.
    let key_id = arn.rsplit('/').next().unwrap();
    sign(key_id).is(5, "calling the GetPublicKey");
    assert!(!room.0.join("kms.json").exists());
    let sign =
        ["attest", "sign", "record.jsonl", "--kms", arn.as_str(), "-o", "kms.json", "--force"];
    room.run(&sign).is(5, "Unable to locate credentials");
}

const ARN: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// Starts a KMS with one key that answers any number of requests. It ends with the test process.
fn loopback(key: SigningKey) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            while let Some((operation, body)) = request(&mut stream) {
                let (status, answer) = answer(&key, &operation, &body);
                let answer = answer.to_string();
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-type: application/x-amz-json-1.1\r\n\
                     content-length: {}\r\n\r\n",
                    answer.len()
                );
                stream.get_mut().write_all((head + &answer).as_bytes()).unwrap();
            }
        }
    });
    endpoint
}

/// Returns the operation and the body of the next request.
fn request(stream: &mut BufReader<TcpStream>) -> Option<(String, Value)> {
    let (mut operation, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            if line == "\r\n" {
                break;
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "x-amz-target" => value.rsplit('.').next()?.clone_into(&mut operation),
            "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((operation, serde_json::from_slice(&body).ok()?))
}

fn answer(key: &SigningKey, operation: &str, body: &Value) -> (&'static str, Value) {
    let refuse = |kind: &str| ("400 Bad Request", json!({ "__type": kind, "message": "refused" }));
    if body["KeyId"] != ARN {
        return refuse("NotFoundException");
    }
    match operation {
        "GetPublicKey" => {
            let pem = key.public().unwrap().to_pem().unwrap();
            let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
            let answer = json!({ "KeyId": ARN, "PublicKey": der, "KeySpec": "ECC_NIST_P256" });
            ("200 OK", answer)
        }
        "Sign" => {
            let message = STANDARD.decode(body["Message"].as_str().unwrap()).unwrap();
            // AWS requires a digest of 32 bytes for ECDSA_SHA_256.
            let Ok(hash) = <[u8; 32]>::try_from(message) else {
                return refuse("ValidationException");
            };
            if body["MessageType"] != "DIGEST" || body["SigningAlgorithm"] != "ECDSA_SHA_256" {
                return refuse("ValidationException");
            }
            let signature = STANDARD.encode(key.sign(&hash).unwrap());
            ("200 OK", json!({ "KeyId": ARN, "Signature": signature }))
        }
        _ => refuse("UnknownOperationException"),
    }
}

#[test]
fn a_kms_signature_verifies_with_its_public_key() {
    let room = AttestFolder::new("kms-loopback");
    let key = SigningKey::generate().unwrap();
    room.write("kms-public.pem", key.public().unwrap().to_pem().unwrap());
    let endpoint = loopback(key);
    let aws = [
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_ENDPOINT_URL_KMS", endpoint.as_str()),
    ];
    let sign = |key: &str| {
        let sign = ["attest", "sign", "record.jsonl", "--kms", key, "-o", "kms.json", "--force"];
        room.run_with(&sign, &aws)
    };
    // The region comes from the ARN. Without one, no region is configured here.
    sign(ARN).is(0, "signed by the key");
    let verify = ["attest", "verify", "kms.json", "--key", "kms-public.pem"];
    room.run(&[&verify[..], &["--record", "record.jsonl"]].concat()).is(0, "HOLDS");
    room.verify("kms.json", &[]).is(1, "is not signed by the key");
    sign("1234abcd").is(5, "You must specify a region");
    sign(&ARN.replace("ab", "cd")).is(5, "An error occurred (NotFoundException)");
}
