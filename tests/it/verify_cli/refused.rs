//! Runs that do not begin, find nothing, or cannot write their output.
use super::*;

#[test]
fn mistakes_of_the_caller_are_usage_errors() {
    let server = serve(&trail());
    for (arguments, part) in [
        (vec!["verify"], "LOCATION"),
        (vec!["verify", "s3://b"], "a period is required"),
        (vec!["verify", "s3://b", "--last", "soon"], "`soon`"),
        (vec!["verify", "s3://b", "--last", "1d", "--quarter", "2026Q1"], "--quarter"),
        (vec!["verify", "s3://", "--last", "1d"], "`s3://`"),
        (vec!["verify", "s3://b", "--since", "q3.jsonl"], "neither a time nor an existing record"),
        (vec!["verify", "some-bucket", "--last", "1d"], "did you mean `s3://some-bucket`?"),
        (vec!["verify", "s3://b", "--last", "1d", "--account", "12"], "`12`"),
        (vec!["verify", "s3://b", "--last", "1d", "--format", "xml"], "xml"),
        (vec!["verify", "s3://b", "--last", "1d", "--concurrency", "0"], "1 to 4096"),
        (
            vec!["verify", "s3://b", "--start-time", "2026-03-02", "--end-time", "2026-03-01"],
            "empty",
        ),
    ] {
        let ran = run(&server, &arguments);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(part), "{arguments:?}: {}", ran.stderr);
    }
}

#[test]
fn if_nothing_is_found_the_report_lists_what_exists() {
    let prefixed =
        TrailSpec::new().seed(2).prefix("audit/logs").time("2026-03-01T00:04:11Z", 4).build();
    let server = serve(&prefixed);
    for (location, more, part) in [
        (
            "s3://example-trail-logs/wrong",
            vec![],
            "hint: there is one in `s3://example-trail-logs/audit/logs`",
        ),
        ("s3://no-such-bucket", vec![], "no-such-bucket"),
        ("s3://example-trail-logs", vec!["--trail", "another"], "`management-events`"),
        ("s3://example-trail-logs", vec!["--account", "999999999999"], "NOTHING FOUND"),
        ("s3://example-trail-logs", vec!["--region", "sa-east-1"], "NOTHING FOUND"),
    ] {
        let ran = run(&server, &verify(location, &WHOLE, &more));
        assert_eq!(ran.status, 4, "{location} {more:?}: {}{}", ran.stdout, ran.stderr);
        let context = format!("{}{}", ran.stdout, ran.stderr);
        assert!(context.contains(part), "{location} {more:?}: {context}");
    }
    // A prefix is found without being named, and also when it is named down to the folder of
    // CloudTrail.
    for location in ["s3://example-trail-logs", "s3://example-trail-logs/audit/logs/AWSLogs/"] {
        let period = ["--start-time", "2026-03-01T00:04:11Z", "--end-time", "2026-03-01T04:04:11Z"];
        assert_eq!(run(&server, &verify(location, &period, &[])).status, 0, "{location}");
    }
    let mut other = trail();
    other.world.buckets.get_mut(BUCKET).unwrap().objects.retain(|_, _| false);
    let server = serve(&other);
    assert_eq!(run(&server, &verify("s3://example-trail-logs", &WHOLE, &[])).status, 4);
}

#[test]
fn a_run_that_cannot_begin_is_status_5_with_a_reason() {
    let denied = ServerOptions {
        access: AccessRules { denied_list_prefixes: vec![String::new()], ..AccessRules::default() },
        ..ServerOptions::default()
    };
    let server = LoopbackServer::start(trail().world, denied).unwrap();
    let ran = run(&server, &verify("s3://example-trail-logs", &WHOLE, &[]));
    assert_eq!(ran.status, 5, "{}", ran.stderr);
    assert!(ran.stderr.contains("denied"), "{}", ran.stderr);

    let server = serve(&trail());
    let arguments = verify("s3://example-trail-logs", &WHOLE, &[]);
    let ran = Ran::from(command(&server, &arguments).env_remove("AWS_ACCESS_KEY_ID"));
    assert_eq!(ran.status, 5, "{}", ran.stderr);
    let arn = "arn:aws:cloudtrail:us-east-1:111122223333:trail/gone";
    let ran = run(&server, &["verify", "--trail-arn", arn, "--last", "1d"]);
    assert_eq!(ran.status, 5);
    assert!(ran.stderr.contains("hint:"), "{}", ran.stderr);
}

#[test]
fn a_lost_output_is_status_6_and_never_hides_a_contradiction() {
    let mut contradicted = trail();
    contradicted.apply(Deed::DigestDeleted(DigestAt { chain: 0, index: 4 })).unwrap();
    for (trail, status) in [(trail(), 6), (contradicted, 1)] {
        let server = serve(&trail);
        for format in FORMATS {
            let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
            let arguments = verify("s3://example-trail-logs", &WHOLE, &["--format", format]);
            let ran = Ran::from(command(&server, &arguments).stdout(full));
            assert_eq!(ran.status, status, "{format}");
        }
    }
}
