//! How a run identifies its caller, and which services it asks.
use super::*;

#[test]
fn sts_is_not_asked_if_no_output_needs_the_caller() {
    let server = with_date(Date::Ahead(0));
    let at = fresh("unwanted");
    for more in [
        &[][..],
        &["--format", "jsonl"],
        &["--junit", "run.xml", "--ocsf", "run.ocsf"],
        &["--record", "run.jsonl", "--reproducible"],
        &["--record", "run.jsonl", "--report", "html=run.html", "--reproducible"],
        &["--dry-run"],
    ] {
        let ran = verify(&server, &at, more);
        assert_eq!((ran.status, asked_sts(&server)), (0, 0), "{more:?}: {ran:?}");
        assert!(!ran.stdout.contains(AUDITOR) && !ran.stdout.contains("skew"), "{more:?}");
    }
    let record = fs::read_to_string(at.join("run.jsonl")).unwrap();
    assert!(!record.contains(AUDITOR) && !record.contains("skew"), "{record}");
    assert!(!fs::read_to_string(at.join("run.html")).unwrap().contains(AUDITOR));
    let ran = verify(&server, &at, &["--report", "html=run.html"]);
    assert_eq!((ran.status, asked_sts(&server)), (0, 1), "{ran:?}");
    assert!(fs::read_to_string(at.join("run.html")).unwrap().contains(AUDITOR));
}

/// A run over a directory, with a configuration that could reach AWS: no request is made, and the
/// source of credentials is not examined either.
#[test]
fn a_copy_is_verified_without_asking_for_the_caller() {
    let server = with_date(Date::Ahead(3_600));
    let at = fresh("offline");
    let copy = Copy::write(&at.join("copy"), &trail()).unwrap();
    let asked = at.join("asked");
    let profile = format!(
        "[default]\nregion = us-east-1\ncredential_process = sh -c 'touch {0}; exit 1'\n",
        asked.display()
    );
    fs::write(at.join("config"), profile).unwrap();
    let record = at.join("run.jsonl");
    let (path, page) = (record.to_str().unwrap(), format!("html={}", at.join("h.html").display()));
    let set_up = |command: &mut Command| {
        let own = command.env_clear().env("AWS_CONFIG_FILE", at.join("config"));
        let own = own.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        Ran::from(own.env("AWS_ENDPOINT_URL", server.endpoint()))
    };
    let ran = set_up(&mut copy.command(&["--quiet", "--record", path, "--report", &page]));
    assert_eq!((ran.status, &*ran.stderr), (0, ""), "{ran:?}");
    assert_eq!((caller(&at), skew(&at)), (Value::Null, Value::Null));
    assert_eq!(server.requests().total, 0);
    assert!(!asked.exists(), "credentials were looked up");
    // A run that needs the same configuration does examine it.
    let ran = set_up(&mut over("verify", &server, &at, &["--record", path]));
    assert_eq!(ran.status, 5, "{ran:?}");
    assert!(asked.exists());
}

/// Whatever the outcome of the STS request, the run and its statements about the evidence are the
/// same.
#[test]
fn a_run_without_a_known_caller_succeeds() {
    let at = fresh("refused");
    let long = format!("arn:aws:iam::111122223333:user/{}", "x".repeat(3_000));
    for server in [
        with_sts(Fault::AccessDenied),
        with_sts(Fault::ExpiredToken),
        with_sts(Fault::SlowDown),
        with_sts(Fault::InternalError),
        with_sts(Fault::HangUp),
        with_sts(Fault::BodyCut { after: 20 }),
        who_is(""),
        who_is("auditor"),
        who_is("arn:aws:iam::111122223333:user/a&#10;b"),
        who_is("arn:aws:iam::111122223333:user/a&#x202e;&#x85;b"),
        who_is(&long),
    ] {
        let ran = verify(&server, &at, &["--record", "run.jsonl"]);
        assert_eq!((ran.status, &*ran.stderr), (0, ""), "{ran:?}");
        assert_eq!((asked_sts(&server), caller(&at)), (1, Value::Null));
    }
    // The run waits only briefly for a service that does not answer.
    let server = with_sts(Fault::StallBeforeHeaders(Duration::from_secs(60)));
    let begun = Instant::now();
    let ran = verify(&server, &at, &["--record", "run.jsonl"]);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!((ran.status, &*ran.stderr), (0, ""), "{ran:?}");
    assert_eq!((asked_sts(&server), caller(&at)), (1, Value::Null));
}

/// A user name may look like a piece of markup, in ASCII. It stays a name.
#[test]
fn the_answer_of_sts_is_escaped() {
    let at = fresh("escaped");
    let server = who_is("arn:aws:iam::111122223333:user/&lt;script&gt;alert(1)&lt;/script&gt;/x");
    let ran = verify(&server, &at, &["--record", "run.jsonl", "--report", "html=run.html"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(caller(&at), "arn:aws:iam::111122223333:user/<script>alert(1)</script>/x");
    let page = fs::read_to_string(at.join("run.html")).unwrap();
    assert!(page.contains("user/&#60;script&#62;"), "the name must be shown");
    assert!(!page.contains("<script"), "the name must not be a script");
}

#[test]
fn sts_has_its_own_endpoint_like_the_other_services() {
    let at = fresh("endpoints");
    let (store, sts) =
        (served(ServerOptions::default()), who_is("arn:aws:sts::1:assumed-role/r/s"));
    let run_with = |set: &[(&str, &str)]| {
        let mut command = over("verify", &store, &at, &["--record", "run.jsonl"]);
        let ran = Ran::from(command.envs(set.iter().copied()));
        assert_eq!((ran.status, &*ran.stderr), (0, ""), "{ran:?}");
        caller(&at)
    };
    let sts_url = sts.endpoint();
    assert_eq!(run_with(&[("AWS_ENDPOINT_URL_STS", &sts_url)]), "arn:aws:sts::1:assumed-role/r/s");
    assert_eq!((asked_sts(&store), asked_sts(&sts)), (0, 1));
    assert_eq!(run_with(&[("AWS_ENDPOINT_URL_STS", NOWHERE)]), Value::Null);
    // The endpoint option applies to all services.
    let mut command =
        over("verify", &sts, &at, &["--record", "run.jsonl", "--endpoint-url", &sts_url]);
    let ran = Ran::from(command.env_remove("AWS_ENDPOINT_URL"));
    assert_eq!((ran.status, asked_sts(&sts)), (0, 2), "{ran:?}");
    // A store with its own endpoint has its own credentials, which must not be sent to AWS. Every
    // TLS request would pass through this proxy.
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let at_proxy = format!("http://{}", proxy.local_addr().unwrap());
    let mut command = over("verify", &store, &at, &["--record", "run.jsonl"]);
    let command = command.env_remove("AWS_ENDPOINT_URL").env("HTTPS_PROXY", &at_proxy);
    let command = command.env("AWS_ENDPOINT_URL_CLOUDTRAIL", store.endpoint());
    let own = Ran::from(command.env("AWS_ENDPOINT_URL_S3", store.endpoint()));
    assert_eq!((own.status, caller(&at)), (0, Value::Null), "{own:?}");
    assert!(proxy.accept().is_err(), "AWS must not be asked");
}
