//! The AWS configuration as the AWS CLI would read it. Each case runs in its own process, because
//! environment and files would be shared by tests in one process.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};
use trailproof::aws::config::{AwsConfig, AwsOptions, EndpointScope, Service};

/// Not a test: the program that the tests start in separate processes. It prints the configuration
/// that it finds.
#[tokio::test]
#[ignore = "run by the other tests"]
async fn probe() {
    let option = |name: &str| std::env::var(name).ok();
    let every = option("PROBE_EVERY").is_some();
    let options = AwsOptions {
        profile: option("PROBE_PROFILE"),
        region: option("PROBE_REGION"),
        endpoint_url: option("PROBE_ENDPOINT"),
        endpoint_scope: if every { EndpointScope::Every } else { EndpointScope::CloudTrail },
        ..AwsOptions::default()
    };
    let config = match AwsConfig::load(options).await {
        Ok(config) => config,
        Err(error) => return report("setup", &error.to_string()),
    };
    match config.region() {
        Ok(region) => report("region", region.as_ref()),
        Err(error) => report("region", &error.to_string()),
    }
    for service in [Service::S3, Service::CloudTrail, Service::Organizations, Service::Sts] {
        report(&format!("{service:?}"), config.endpoint(service).as_deref().unwrap_or("none"));
    }
    match config.check_credentials().await {
        Ok(()) => report("credentials", "ok"),
        Err(error) => report("credentials", &error.to_string()),
    }
}

#[expect(clippy::print_stdout, reason = "read by the process that started this one")]
fn report(name: &str, value: &str) {
    println!("{name}={value}");
}

/// Returns what a process with this environment and these files finds.
fn found(name: &str, environment: &[(&str, &str)], config: &str) -> String {
    let home: PathBuf =
        std::env::temp_dir().join(format!("trailproof-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&home).unwrap();
    std::fs::write(home.join("config"), config).unwrap();
    std::fs::write(home.join("credentials"), "").unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "aws_setup::probe", "--nocapture"])
        .env_clear()
        .env("HOME", &home)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("AWS_CONFIG_FILE", home.join("config"))
        .env("AWS_SHARED_CREDENTIALS_FILE", home.join("credentials"))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    std::fs::remove_dir_all(&home).unwrap();
    String::from_utf8(output.stdout).unwrap()
}

const KEYS: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "secret")];

#[test]
fn without_configuration_nothing_is_set() {
    let found = found("nothing", &[], "");
    assert!(found.contains("region=You must specify a region."), "{found}");
    assert!(found.contains("credentials=Unable to locate credentials."), "{found}");
    assert!(found.contains("S3=none\nCloudTrail=none\nOrganizations=none\n"), "{found}");
}

#[test]
fn options_override_the_environment_and_it_overrides_the_profile() {
    let config = "[default]\nregion = eu-north-1\n";
    assert!(found("profile", &KEYS, config).contains("region=eu-north-1\n"));
    let mut set = KEYS.to_vec();
    set.push(("AWS_DEFAULT_REGION", "eu-west-2"));
    let shown = found("environment", &set, config);
    assert!(shown.contains("region=eu-west-2\n") && shown.contains("credentials=ok"), "{shown}");
    set.push(("PROBE_REGION", "eu-west-3"));
    assert!(found("option", &set, config).contains("region=eu-west-3\n"));
}

#[test]
fn the_named_profile_is_used_for_region_keys_and_endpoints() {
    let config = "[profile audit]\nregion = sa-east-1\naws_access_key_id = A\n\
                  aws_secret_access_key = S\nservices = local\n\
                  [services local]\ns3 =\n  endpoint_url = http://127.0.0.1:9\n";
    let found = found("named", &[("PROBE_PROFILE", "audit")], config);
    assert!(found.contains("region=sa-east-1\n"), "{found}");
    assert!(found.contains("credentials=ok"), "{found}");
    assert!(found.contains("S3=http://127.0.0.1:9\nCloudTrail=none\n"), "{found}");
}

#[test]
fn a_profile_that_no_file_defines_is_named() {
    let found = found("absent", &[("PROBE_PROFILE", "nobody")], "[default]\n");
    assert!(found.contains("The config profile (nobody) could not be found"), "{found}");
}

/// Keys in the environment do not belong to the requested profile.
#[test]
fn a_profile_option_overrides_keys_in_the_environment() {
    let config = "[profile audit]\nregion = sa-east-1\n";
    let mut set = KEYS.to_vec();
    set.push(("PROBE_PROFILE", "audit"));
    let shown = found("before", &set, config);
    assert!(shown.contains("credentials=Unable to locate credentials."), "{shown}");
    let mut set = KEYS.to_vec();
    set.push(("AWS_PROFILE", "audit"));
    let shown = found("beside", &set, config);
    assert!(shown.contains("region=sa-east-1\n") && shown.contains("credentials=ok"), "{shown}");
}

#[test]
fn a_credential_process_is_run() {
    let config = "[default]\ncredential_process = echo \
                  {\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\"}\n";
    let found = found("process", &[], &config.replace('"', "\\\""));
    assert!(found.contains("credentials=ok"), "{found}");
}

/// As in the AWS CLI's validate-logs, `--endpoint-url` applies only to CloudTrail.
#[test]
fn the_endpoint_option_applies_only_to_its_services() {
    let mut set = KEYS.to_vec();
    set.push(("PROBE_ENDPOINT", "http://127.0.0.1:1"));
    set.push(("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:2"));
    set.push(("AWS_ENDPOINT_URL", "http://127.0.0.1:3"));
    let shown = found("endpoint", &set, "");
    let expected = "S3=http://127.0.0.1:2\nCloudTrail=http://127.0.0.1:1\n\
                    Organizations=http://127.0.0.1:3\nSts=http://127.0.0.1:3\n";
    assert!(shown.contains(expected), "{shown}");
    set.push(("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:4"));
    let shown = found("sts", &set, "");
    assert!(shown.contains("Sts=http://127.0.0.1:4\n"), "{shown}");
    set.push(("PROBE_EVERY", "1"));
    let shown = found("every", &set, "");
    assert!(shown.contains("S3=http://127.0.0.1:1\n"), "{shown}");
}

/// If instance metadata does not answer, a run without credentials must not wait for it.
#[test]
fn silent_instance_metadata_costs_at_most_two_seconds() {
    // It accepts connections and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let set = [
        ("AWS_EC2_METADATA_DISABLED", "false"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint.as_str()),
    ];
    let begun = Instant::now();
    let found = found("metadata", &set, "");
    assert!(found.contains("credentials=Unable to locate credentials."), "{found}");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

/// Nobody asked for instance metadata, so their refusal is no message of its own.
#[test]
fn refused_instance_metadata_are_no_credentials() {
    let refuses = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", refuses.local_addr().unwrap());
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        for mut stream in refuses.incoming().flatten() {
            let _ = stream.read(&mut [0; 4_096]);
            let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let set = [
        ("AWS_EC2_METADATA_DISABLED", "false"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint.as_str()),
    ];
    let found = found("refused", &set, "");
    assert!(found.contains("credentials=Unable to locate credentials."), "{found}");
}

#[test]
fn an_unreadable_ca_bundle_is_reported() {
    let found = found("bundle", &[("AWS_CA_BUNDLE", "/nowhere/ca.pem")], "");
    assert!(found.contains("setup=`AWS_CA_BUNDLE` names `/nowhere/ca.pem`"), "{found}");
}
