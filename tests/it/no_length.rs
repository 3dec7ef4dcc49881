//! Stores and proxies that answer without a Content-Length: in chunks, or until the connection
//! closes. Bodies are judged as usual, and a truncated body is never a finding.
use crate::support::mirrors::*;
use trailproof_testkit::server::{
    Fault, FaultPlan, KeyMatcher, LoopbackServer, Matcher, Operation, Schedule, ServerOptions,
};
use trailproof_testkit::trail::{BuiltTrail, Deed, DigestAt, LogAt, gzip};

const AT: DigestAt = DigestAt { chain: 0, index: 5 };
const LOG: LogAt = LogAt { digest: AT, log: 0 };

/// Returns a server that frames every answer this way, with a further fault for the bodies of these
/// objects.
fn serve_so(
    trail: &BuiltTrail,
    framing: &Fault,
    cut: Option<(KeyMatcher, Fault)>,
) -> LoopbackServer {
    let mut faults = FaultPlan::new().with(Matcher::any(), Schedule::always(framing.clone()));
    if let Some((key, fault)) = cut {
        let matcher = Matcher::operation(Operation::GetObject).key(key);
        faults = faults.with(matcher, Schedule::always(fault));
    }
    let options = ServerOptions { faults, ..ServerOptions::default() };
    LoopbackServer::start(trail.world.clone(), options).unwrap()
}

/// Verifies the bucket, mirrors it and verifies the mirror. All must give the same exit status and
/// the same findings.
fn judged(name: &str, trail: &BuiltTrail, server: LoopbackServer) -> (i32, Vec<(String, String)>) {
    let online = verify_bucket(&server, trail);
    let at = fresh(&format!("no-length-{name}"));
    let mirrored = mirror(&server, trail, &at, &[]);
    drop(server);
    let offline = verify_offline(trail, &at);
    for other in [&mirrored, &offline] {
        let result = (unproven(other), &other.stderr);
        assert_eq!(other.status, online.status, "{name}: {result:?}");
        assert_eq!(unproven(other), unproven(&online), "{name}");
    }
    (online.status, unproven(&online))
}

/// Returns the objects that are not valid, each with the code of its finding or read failure.
fn unproven(ran: &Ran) -> Vec<(String, String)> {
    let judged = ran.jsonl().into_iter().filter(|event| event["outcome"].is_string());
    judged
        .filter(|event| event["outcome"] != "valid")
        .map(|event| {
            let finding =
                event["finding"]["code"].as_str().or(event["read_failure"]["code"].as_str());
            (event["key"].as_str().unwrap().to_owned(), finding.unwrap_or_default().to_owned())
        })
        .collect()
}

fn validate_logs(server: &LoopbackServer, trail: &BuiltTrail) -> Ran {
    let arn = &trail.world.trails[0].arn;
    let arguments: Vec<String> =
        ["validate-logs", "--trail-arn", arn].iter().map(|text| (*text).to_owned()).collect();
    let arguments: Vec<String> = arguments.into_iter().chain(period(trail)).collect();
    aws(server, &slices(&arguments))
}

fn key_of_log(trail: &BuiltTrail) -> String {
    trail.chains[0].digests[AT.index].logs[0].key.clone()
}

fn with(deed: Deed) -> BuiltTrail {
    let mut trail = trail();
    trail.apply(deed).unwrap();
    trail
}

#[test]
fn bodies_without_a_length_are_read_to_their_end() {
    let clean = trail();
    for (name, framing) in [("chunked", Fault::Chunked), ("close", Fault::NoLength)] {
        let server = serve_so(&clean, &framing, None);
        let ran = validate_logs(&server, &clean);
        assert_eq!(ran.status, 0, "{name}: {}{}", ran.stdout, ran.stderr);
        assert!(!ran.stdout.contains("UNVERIFIED"), "{}", ran.stdout);
        assert_eq!(judged(name, &clean, server), (0, Vec::new()), "{name}");
    }
}

/// Bytes that are wrong whatever follows are a finding. If the framing marks the end of the body,
/// missing bytes are a finding too.
#[test]
fn tampering_is_detected_in_a_body_without_a_length() {
    for (framing, deed, code) in [
        (Fault::Chunked, Deed::LogContentChanged(LOG), "log-hash-mismatch"),
        (Fault::Chunked, Deed::LogTruncated(LOG), "log-hash-mismatch"),
        (Fault::Chunked, Deed::DigestTruncatedGzip(AT), "digest-malformed"),
        (Fault::NoLength, Deed::LogTrailingGarbage(LOG), "log-trailing-data"),
        (Fault::NoLength, Deed::DigestByteFlipped(AT), "digest-signature-invalid"),
    ] {
        let trail = with(deed);
        let server = serve_so(&trail, &framing, None);
        let (status, unproven) = judged("tampered", &trail, server);
        assert_eq!(status, 1, "{deed:?}");
        assert!(unproven.iter().any(|(_, found)| found == code), "{deed:?}: {unproven:?}");
    }
}

/// A dropped connection is detected in chunked bodies. If nothing marks the end, a body that does
/// not verify may be truncated.
#[test]
fn a_truncated_body_is_not_a_finding() {
    let clean = trail();
    let digest = clean.chains[0].digests[AT.index].key.clone();
    for key in [key_of_log(&clean), digest] {
        for framing in [Fault::Chunked, Fault::NoLength] {
            // So few bytes that the remainder, which is requested four times, is not completed
            // either.
            for after in [0, 1, 60, 100] {
                let cut = (KeyMatcher::Exact(key.clone()), Fault::BodyCut { after });
                let server = serve_so(&clean, &framing, Some(cut));
                let (status, unproven) = judged("cut", &clean, server);
                assert_eq!(status, 3, "{framing:?} {after} {key}: {unproven:?}");
                assert!(unproven.iter().all(|(_, code)| code == "truncated"), "{unproven:?}");
            }
        }
    }
}

/// A body of several members, cut between two of them: the first member is complete, but is only a
/// part.
#[test]
fn a_body_cut_between_two_members_is_not_a_finding() {
    let trail = with(Deed::LogInSeveralMembers(LOG));
    let key = key_of_log(&trail);
    let body = trail.world.buckets[&bucket(&trail)].current(&key).unwrap().body.clone();
    let gzip::Body::Inflated { bytes, .. } = gzip::read(&body) else { panic!() };
    let after = gzip::member(&bytes).len();
    let server = serve_so(
        &trail,
        &Fault::NoLength,
        Some((KeyMatcher::Exact(key.clone()), Fault::BodyCut { after })),
    );
    let (status, unproven) = judged("members", &trail, server);
    assert_eq!((status, unproven), (3, vec![(key, "truncated".to_owned())]));
}

/// A body beyond the budget is abandoned there, and not read to its end.
#[test]
fn a_body_without_a_length_is_read_up_to_its_budget() {
    let mut trail = trail();
    let key = trail.chains[0].digests[AT.index].key.clone();
    let name = bucket(&trail);
    let objects = &mut trail.world.buckets.get_mut(&name).unwrap().objects;
    let version = objects.get_mut(&key).unwrap().last_mut().unwrap();
    version.body = vec![b'{'; 17 << 20].into();
    for framing in [Fault::Chunked, Fault::NoLength] {
        let server = serve_so(&trail, &framing, None);
        let ran = verify_bucket(&server, &trail);
        let unproven = unproven(&ran);
        assert!(unproven.contains(&(key.clone(), "over-budget".to_owned())), "{unproven:?}");
        assert!(!ran.stdout.contains("18446744073709551615"));
    }
}
