//! A folder with a record of the demo, keys, and an attestation of it.
use super::program::{Ran, empty_folder, program};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use trailproof::attest::dsse::{Envelope, IN_TOTO, signed_hash};
use trailproof::attest::key::SigningKey;

pub(crate) const ATTESTATION: &str = "attestation.intoto.jsonl";

pub(crate) fn repository(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).to_str().unwrap().to_owned()
}

pub(crate) struct AttestFolder(pub(crate) PathBuf);

impl AttestFolder {
    /// Creates an empty folder.
    pub(crate) fn empty(name: &str) -> Self {
        Self(empty_folder(&format!("attest-{name}")))
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
        let mut command = program(arguments);
        Ran::from(command.current_dir(&self.0).envs(environment.iter().copied()))
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
