//! Serves a small world on a loopback port until it is killed: `serve-trail [PORT [LATENCY_MS]]`.
//!
//! A stub: the trail builder is to make the world.
#[cfg(feature = "test-support")]
#[expect(clippy::print_stdout, reason = "the endpoint is what the caller is to read")]
fn main() -> std::io::Result<()> {
    use std::time::Duration;
    use trailproof::test_support::server::{LoopbackServer, ServerOptions};

    let number = |index| std::env::args().nth(index).and_then(|it| it.parse::<u16>().ok());
    let options = ServerOptions {
        port: number(1).unwrap_or(0),
        latency: Duration::from_millis(number(2).unwrap_or(0).into()),
        ..ServerOptions::default()
    };
    let server = LoopbackServer::start(small::world(), options)?;
    println!("{}", server.endpoint());
    loop {
        std::thread::park();
    }
}

#[cfg(not(feature = "test-support"))]
fn main() {}

#[cfg(feature = "test-support")]
mod small {
    use std::collections::BTreeMap;
    use trailproof::test_support::world::{Bucket, PublicKey, Trail, TrailStatus, Version, World};

    const REGION: &str = "us-east-1";

    /// Two thousand objects, one trail and one key, none of which is real.
    pub(super) fn world() -> World {
        let mut bucket = Bucket::new(REGION);
        for number in 0..2000 {
            let body = format!("{{\"Records\":[{number}]}}").repeat(200);
            let version = Version {
                version_id: String::new(),
                body: body.into(),
                metadata: BTreeMap::from([("signature".to_owned(), "ab".repeat(256))]),
                content_type: "application/json".to_owned(),
                content_encoding: None,
                storage_class: "STANDARD".to_owned(),
                last_modified: 1_600_000_000 + i64::from(number),
                delete_marker: false,
            };
            let day = number % 28 + 1;
            bucket.put(&format!("AWSLogs/2020/09/{day:02}/{number:04}.json"), version);
        }
        let status = TrailStatus { is_logging: true, ..TrailStatus::default() };
        let trail = Trail {
            arn: format!("arn:aws:cloudtrail:{REGION}:123456789012:trail/audit"),
            name: "audit".to_owned(),
            bucket: "evidence".to_owned(),
            prefix: None,
            multi_region: true,
            organization: true,
            status: BTreeMap::from([(REGION.to_owned(), status)]),
        };
        let key = PublicKey {
            der: vec![0x30, 0x00],
            fingerprint: "00".repeat(16),
            valid_from: 1_600_000_000,
            valid_to: 1_602_592_000,
        };
        World {
            buckets: BTreeMap::from([("evidence".to_owned(), bucket)]),
            trails: vec![trail],
            public_keys: BTreeMap::from([(REGION.to_owned(), vec![key])]),
            organization_id: Some("o-abcdef1234".to_owned()),
        }
    }
}
