//! A folder with a record of the demo, keys, and an attestation of it.
#![allow(dead_code, reason = "`external` uses a part")]
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use trailproof::attest::dsse::{Envelope, IN_TOTO, signed_hash};
use trailproof::attest::key::SigningKey;

pub(crate) const ATTESTATION: &str = "attestation.intoto.jsonl";

pub(crate) fn repository(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).to_str().unwrap().to_owned()
}

/// The result of a run of the program.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Checks the exit status, and that stdout or stderr contains these words.
    pub(crate) fn is(self, status: i32, words: &str) -> Self {
        assert_eq!(self.status, status, "{self:#?}");
        let printed = self.out.contains(words) || self.err.contains(words);
        assert!(printed, "`{words}` is not in {self:#?}");
        // The output must not control a terminal.
        let unsafe_byte = |text: &str| text.bytes().any(|byte| byte < 0x20 && byte != b'\n');
        assert!(!unsafe_byte(&self.out) && !unsafe_byte(&self.err), "{self:#?}");
        self
    }
}

pub(crate) struct AttestFolder(pub(crate) PathBuf);

impl AttestFolder {
    /// Creates an empty folder.
    pub(crate) fn empty(name: &str) -> Self {
        let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("attest-{name}"));
        let _ = fs::remove_dir_all(&at);
        fs::create_dir_all(&at).unwrap();
        Self(at)
    }

    /// Creates a folder with `record.jsonl`, `key.pem`, `public.pem` and an attestation.
    pub(crate) fn new(name: &str) -> Self {
        let room = Self::empty(name);
        room.record("testdata/demo", "record.jsonl");
        room.run(&["attest", "keygen", "-o", "key.pem", "--public", "public.pem"]).is(0, "key id");
        room.run(&["attest", "sign", "record.jsonl", "--key", "key.pem", "-o", ATTESTATION])
            .is(0, "verdict: contradicted");
        room
    }

    /// Records a run over the demo.
    pub(crate) fn record(&self, demo: &str, record: &str) {
        let (demo, keys) = (repository(demo), repository("testdata/demo/public-keys.json"));
        self.run(&[
            "verify",
            &demo,
            "--public-keys",
            &keys,
            "--start-time",
            "2026-03-01T00:04:11Z",
            "--end-time",
            "2026-03-04",
            "--complete-copy",
            "--record",
            record,
            "--quiet",
        ])
        .is(1, "CONTRADICTED");
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, &[])
    }

    pub(crate) fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_trailproof"))
            .args(arguments)
            .current_dir(&self.0)
            .env_clear()
            .envs([("AWS_CONFIG_FILE", "/dev/null"), ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")])
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran {
            status: output.status.code().unwrap(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// Runs `attest verify` on this file with the folder's public key.
    pub(crate) fn verify(&self, attestation: &str, more: &[&str]) -> Ran {
        let arguments = ["attest", "verify", attestation, "--key", "public.pem", "--quiet"];
        self.run(&[&arguments[..], more].concat())
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.join(name)).unwrap()
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.read(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.0.join(name), bytes).unwrap();
    }

    pub(crate) fn envelope(&self, name: &str) -> Envelope {
        Envelope::parse(&self.read(name)).unwrap().0
    }

    pub(crate) fn statement(&self, name: &str) -> Value {
        serde_json::from_slice(&self.envelope(name).payload).unwrap()
    }

    pub(crate) fn key(&self, name: &str) -> SigningKey {
        SigningKey::from_pem(&self.read(name)).unwrap()
    }

    /// Signs any payload with the folder's own key: what a dishonest signer could write.
    pub(crate) fn sign_payload(&self, payload: &[u8], kind: &str, name: &str) {
        let key = self.key("key.pem");
        let sig = key.sign(&signed_hash(kind, payload)).unwrap();
        let id = key.public().unwrap().id();
        self.write(name, Envelope::new(kind, payload.to_vec(), id, sig).to_json().to_string());
    }

    /// Signs a changed statement.
    pub(crate) fn sign_changed(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut statement = self.statement(ATTESTATION);
        change(&mut statement);
        self.sign_payload(statement.to_string().as_bytes(), IN_TOTO, name);
    }
}
