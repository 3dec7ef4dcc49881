//! The configurations that are compared. `PORT` stands for the recorder's port, `HOME` for the home
//! directory.

/// One configuration.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) environment: &'static [(&'static str, &'static str)],
    pub(super) config: &'static str,
    pub(super) credentials: &'static str,
    /// Options that both programs take.
    pub(super) options: &'static [&'static str],
    /// What trailproof does differently on purpose, and why.
    pub(super) differs: Option<(&'static str, &'static str)>,
}

const fn case(
    name: &'static str,
    environment: &'static [(&'static str, &'static str)],
    config: &'static str,
    credentials: &'static str,
) -> Case {
    Case { name, environment, config, credentials, options: &[], differs: None }
}

const fn with(options: &'static [&'static str], case: Case) -> Case {
    Case { options, ..case }
}

const fn differs(to: &'static str, why: &'static str, case: Case) -> Case {
    Case { differs: Some((to, why)), ..case }
}

/// The recorder as every service's endpoint.
const HERE: (&str, &str) = ("AWS_ENDPOINT_URL", "http://127.0.0.1:PORT");
/// The recorder as a proxy, which shows the host that the program chose.
const PROXY: (&str, &str) = ("HTTPS_PROXY", "http://127.0.0.1:PORT");
const ID: (&str, &str) = ("AWS_ACCESS_KEY_ID", "KEYENV");
const SECRET: (&str, &str) = ("AWS_SECRET_ACCESS_KEY", "s");
const REGION: (&str, &str) = ("AWS_DEFAULT_REGION", "eu-west-2");

/// Keys of several profiles.
const KEYS: &str = "[default]\naws_access_key_id=KEYDEFAULT\naws_secret_access_key=s\n\
                    [a]\naws_access_key_id=KEYA\naws_secret_access_key=s\n\
                    [b]\naws_access_key_id=KEYB\naws_secret_access_key=s\n\
                    [my team]\naws_access_key_id=KEYTEAM\naws_secret_access_key=s\n";
const ROLE: &str = "[profile r]\nregion=eu-west-1\nrole_arn=arn:aws:iam::111122223333:role/R\n";

pub(super) const CASES: &[Case] = &[
    // Which keys.
    case("keys of the environment", &[HERE, ID, SECRET, REGION], "", ""),
    case(
        "keys and a token of the environment",
        &[HERE, ID, SECRET, REGION, ("AWS_SESSION_TOKEN", "t")],
        "",
        "",
    ),
    case("keys of the default profile", &[HERE, REGION], "", KEYS),
    case(
        "keys in the config file",
        &[HERE, REGION],
        "[default]\naws_access_key_id=KEYC\naws_secret_access_key=s\n",
        "",
    ),
    case(
        "keys in both files",
        &[HERE, REGION],
        "[default]\naws_access_key_id=KEYC\naws_secret_access_key=s\n",
        KEYS,
    ),
    case("environment over default profile", &[HERE, ID, SECRET, REGION], "", KEYS),
    case("no keys", &[HERE, REGION], "", ""),
    case("AWS_PROFILE", &[HERE, REGION, ("AWS_PROFILE", "a")], "", KEYS),
    case("AWS_DEFAULT_PROFILE", &[HERE, REGION, ("AWS_DEFAULT_PROFILE", "a")], "", KEYS),
    case(
        "AWS_DEFAULT_PROFILE and AWS_PROFILE",
        &[HERE, REGION, ("AWS_DEFAULT_PROFILE", "a"), ("AWS_PROFILE", "b")],
        "",
        KEYS,
    ),
    case(
        "AWS_PROFILE and keys of the environment",
        &[HERE, ID, SECRET, REGION, ("AWS_PROFILE", "a")],
        "",
        KEYS,
    ),
    with(&["--profile", "a"], case("--profile", &[HERE, REGION], "", KEYS)),
    with(
        &["--profile", "a"],
        case("--profile and keys of the environment", &[HERE, ID, SECRET, REGION], "", KEYS),
    ),
    with(
        &["--profile", "a"],
        case("--profile and AWS_PROFILE", &[HERE, REGION, ("AWS_PROFILE", "b")], "", KEYS),
    ),
    with(&["--profile", "x"], case("a profile in no file", &[HERE, ID, SECRET, REGION], "", KEYS)),
    case("AWS_PROFILE in no file", &[HERE, ID, SECRET, REGION, ("AWS_PROFILE", "x")], "", KEYS),
    with(
        &["--profile", "e"],
        case(
            "a profile without keys",
            &[HERE, ID, SECRET, REGION],
            "[profile e]\noutput=json\n",
            "",
        ),
    ),
    with(&["--no-sign-request"], case("unsigned", &[HERE, ID, SECRET, REGION], "", KEYS)),
    with(&["--no-sign-request"], case("unsigned without keys", &[HERE, REGION], "", "")),
    // How files are read.
    with(
        &["--profile", "my team"],
        case("a name in single quotes", &[HERE], "[profile 'my team']\nregion=eu-west-3\n", KEYS),
    ),
    with(
        &["--profile", "my team"],
        case("a name in double quotes", &[HERE], "[profile \"my team\"]\nregion=eu-west-3\n", KEYS),
    ),
    with(
        &["--profile", "my team"],
        case(
            "a name with an escaped space",
            &[HERE],
            "[profile my\\ team]\nregion=eu-west-3\n",
            KEYS,
        ),
    ),
    with(
        &["--profile", "my team"],
        case(
            "a name with a bare space",
            &[HERE, REGION],
            "[profile my team]\nregion=eu-west-3\n",
            "",
        ),
    ),
    with(
        &["--profile", "é%20"],
        case(
            "a name beyond ASCII",
            &[HERE, REGION],
            "",
            "[é%20]\naws_access_key_id=KEYE\naws_secret_access_key=s\n",
        ),
    ),
    case(
        "profile default and default",
        &[HERE],
        "[default]\nregion=eu-west-1\n[profile default]\nregion=eu-west-3\n",
        KEYS,
    ),
    case(
        "default after profile default",
        &[HERE],
        "[profile default]\nregion=eu-west-3\n[default]\nregion=eu-west-1\n",
        KEYS,
    ),
    case("colons, capitals and indentation", &[HERE], "[default]\n REGION : eu-west-3\n", KEYS),
    case("comments", &[HERE], "# one\n[default]\n; two\nregion=eu-west-3\n# three\n", KEYS),
    case("CR LF", &[HERE], "[default]\r\nregion=eu-west-3\r\n", KEYS),
    case(
        "a section for all",
        &[HERE],
        "[DEFAULT]\nregion=eu-west-3\n[default]\noutput=json\n",
        KEYS,
    ),
    case(
        "sections of other tools",
        &[HERE],
        "[toolkit]\nx=y\n[default]\nregion=eu-west-3\n[a b c]\n",
        KEYS,
    ),
    case(
        "a repeated section",
        &[HERE, REGION],
        "[default]\nregion=eu-west-1\n[default]\nregion=eu-west-3\n",
        KEYS,
    ),
    case("a setting before the first section", &[HERE, REGION], "region=eu-west-1\n", KEYS),
    case("a line that is neither", &[HERE, REGION], "[default]\nnothing\n", KEYS),
    case(
        "a file named with a variable",
        &[HERE, ("AWS_CONFIG_FILE", "$HOME/other"), ("TEAM", "x")],
        "",
        KEYS,
    ),
    // Which region.
    case("region of the profile", &[HERE], "[default]\nregion=eu-west-3\n", KEYS),
    case("region of the environment", &[HERE, REGION], "[default]\nregion=eu-west-3\n", KEYS),
    case("no region", &[HERE], "", KEYS),
    differs(
        "KEYDEFAULT eu-west-1 127.0.0.1 /example-logs",
        "the AWS CLI 2 and all SDKs read it; the AWS CLI 1 does not",
        case("AWS_REGION", &[HERE, REGION, ("AWS_REGION", "eu-west-1")], "", KEYS),
    ),
    // Roles.
    with(
        &["--profile", "r"],
        case(
            "a role with a source profile",
            &[HERE],
            concat!(
                "[profile r]\nregion=eu-west-1\nrole_arn=arn:aws:iam::111122223333:role/R\n",
                "source_profile=a\n"
            ),
            KEYS,
        ),
    ),
    with(
        &["--profile", "r"],
        case(
            "a role with an external id",
            &[HERE],
            concat!(
                "[profile r]\nregion=eu-west-1\nrole_arn=arn:aws:iam::111122223333:role/R\n",
                "source_profile=a\nexternal_id=External\n"
            ),
            KEYS,
        ),
    ),
    with(
        &["--profile", "r"],
        case(
            "a role of a quoted profile",
            &[HERE],
            concat!(
                "[profile r]\nregion=eu-west-1\nrole_arn=arn:aws:iam::111122223333:role/R\n",
                "source_profile=my team\n"
            ),
            KEYS,
        ),
    ),
    with(
        &["--profile", "r"],
        case(
            "a role of a role",
            &[HERE],
            concat!(
                "[profile r]\nregion=eu-west-1\nrole_arn=arn:aws:iam::111122223333:role/R\n",
                "source_profile=q\n[profile q]\nrole_arn=arn:aws:iam::111122223333:role/Q\nsource_profile=b\n"
            ),
            KEYS,
        ),
    ),
    with(
        &["--profile", "r"],
        case(
            "a role of its own keys",
            &[HERE],
            concat!(
                "[profile r]\nregion=eu-west-1\nrole_arn=arn:aws:iam::111122223333:role/R\n",
                "source_profile=r\n"
            ),
            "[r]\naws_access_key_id=KEYR\naws_secret_access_key=s\n",
        ),
    ),
    with(
        &["--profile", "r"],
        case(
            "a role of the environment's keys",
            &[HERE, ID, SECRET],
            concat!(
                "[profile r]\nregion=eu-west-1\nrole_arn=arn:aws:iam::111122223333:role/R\n",
                "credential_source=Environment\n"
            ),
            KEYS,
        ),
    ),
    with(&["--profile", "r"], case("a role without a source", &[HERE], ROLE, KEYS)),
    with(
        &["--profile", "r"],
        case(
            "a role whose source is absent",
            &[HERE],
            concat!(
                "[profile r]\nregion=eu-west-1\nrole_arn=arn:aws:iam::111122223333:role/R\n",
                "source_profile=gone\n"
            ),
            KEYS,
        ),
    ),
    with(
        &["--profile", "r"],
        case(
            "a role that needs a code, without a terminal",
            &[HERE],
            concat!(
                "[profile r]\nregion=eu-west-1\nrole_arn=arn:aws:iam::111122223333:role/R\n",
                "source_profile=a\nmfa_serial=arn:aws:iam::111122223333:mfa/me\n"
            ),
            KEYS,
        ),
    ),
    case(
        "web identity of the environment",
        &[
            HERE,
            REGION,
            ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/W"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "HOME/token"),
        ],
        "",
        "",
    ),
    case(
        "web identity over keys of the profile",
        &[
            HERE,
            REGION,
            ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/W"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "HOME/token"),
        ],
        "",
        KEYS,
    ),
    case(
        "web identity whose token is gone",
        &[
            HERE,
            REGION,
            ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/W"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "HOME/gone"),
        ],
        "",
        "",
    ),
    with(
        &["--profile", "a"],
        case(
            "--profile over web identity",
            &[
                HERE,
                REGION,
                ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/W"),
                ("AWS_WEB_IDENTITY_TOKEN_FILE", "HOME/token"),
            ],
            "",
            KEYS,
        ),
    ),
    with(
        &["--profile", "w"],
        case(
            "web identity of a profile",
            &[HERE, REGION],
            "[profile w]\nrole_arn=arn:aws:iam::111122223333:role/W\nweb_identity_token_file=HOME/token\n",
            "",
        ),
    ),
    // Other sources.
    case(
        "a credential process",
        &[HERE, REGION],
        "[default]\ncredential_process = cat HOME/process\n",
        "",
    ),
    case(
        "a credential process over two lines",
        &[HERE, REGION],
        "[default]\ncredential_process = cat\n  HOME/process\n",
        "",
    ),
    case(
        "a credential process that fails",
        &[HERE, REGION],
        "[default]\ncredential_process = false\n",
        "",
    ),
    case(
        "a container",
        &[HERE, REGION, ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:PORT/container")],
        "",
        "",
    ),
    case(
        "an instance",
        &[
            HERE,
            REGION,
            ("AWS_EC2_METADATA_DISABLED", "false"),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:PORT"),
        ],
        "",
        "",
    ),
    with(
        &["--profile", "s"],
        case(
            "SSO without a login",
            &[HERE],
            "[profile s]\nregion=eu-west-1\nsso_session=x\nsso_account_id=111122223333\nsso_role_name=R\n[sso-session x]\nsso_region=eu-west-1\nsso_start_url=https://example.awsapps.com/start\n",
            "",
        ),
    ),
    case(
        "a process and keys of the credentials file",
        &[HERE, REGION],
        "[default]\ncredential_process = cat HOME/process\n",
        KEYS,
    ),
    case(
        "a process and keys of the config file",
        &[HERE, REGION],
        "[default]\ncredential_process = cat HOME/process\naws_access_key_id=KEYC\naws_secret_access_key=s\n",
        "",
    ),
    case(
        "a process with a number sign",
        &[HERE, REGION],
        "[default]\ncredential_process = cat HOME/process # 'a\n",
        "",
    ),
    case(
        "a process with a variable",
        &[HERE, REGION],
        "[default]\ncredential_process = cat $HOME/process\n",
        "",
    ),
    case(
        "a token of the config file and keys of the credentials file",
        &[HERE, REGION],
        "[default]\naws_session_token=stale\n",
        KEYS,
    ),
    case("half of the keys of the environment", &[HERE, ID, REGION], "", KEYS),
    case("the other half", &[HERE, SECRET, REGION], "", KEYS),
    case(
        "a secret under the SDK's name",
        &[HERE, ID, REGION, ("SECRET_ACCESS_KEY", "s")],
        "",
        KEYS,
    ),
    case(
        "web identity of the environment and of the profile",
        &[
            HERE,
            REGION,
            ("AWS_PROFILE", "w"),
            ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/E"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "HOME/token"),
        ],
        "[profile w]\nrole_arn=arn:aws:iam::111122223333:role/W\nweb_identity_token_file=HOME/token\n",
        "",
    ),
    with(
        &["--profile", "r"],
        case(
            "an external id with a number sign",
            &[HERE],
            concat!(
                "[profile r]\nregion=eu-west-1\nrole_arn=arn:aws:iam::111122223333:role/R\n",
                "source_profile=a\nexternal_id=tenant #7\n"
            ),
            KEYS,
        ),
    ),
    with(
        &["--profile", "r"],
        case(
            "a role of a process",
            &[HERE],
            concat!(
                "[profile r]\nregion=eu-west-1\nrole_arn=arn:aws:iam::111122223333:role/R\n",
                "source_profile=p\n[profile p]\ncredential_process=cat HOME/process\n"
            ),
            "",
        ),
    ),
    // Which endpoint.
    case(
        "an endpoint of S3",
        &[
            ID,
            SECRET,
            REGION,
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
            ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:PORT"),
        ],
        "",
        "",
    ),
    case(
        "an endpoint with a path",
        &[ID, SECRET, REGION, ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:PORT/s3")],
        "",
        "",
    ),
    case(
        "an endpoint with a path and a slash",
        &[ID, SECRET, REGION, ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:PORT/s3/")],
        "",
        "",
    ),
    case(
        "an endpoint of the profile",
        &[REGION],
        "[default]\nendpoint_url=http://127.0.0.1:PORT\n",
        KEYS,
    ),
    case(
        "an endpoint of a services section",
        &[REGION],
        "[default]\nservices=x\n[services x]\ns3 =\n  endpoint_url = http://127.0.0.1:PORT\n",
        KEYS,
    ),
    case(
        "endpoints that are ignored",
        &[
            PROXY,
            ID,
            SECRET,
            REGION,
            ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9"),
            ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),
        ],
        "",
        "",
    ),
    with(
        &["--endpoint-url", "http://127.0.0.1:PORT/x"],
        case("--endpoint-url", &[ID, SECRET, REGION], "", ""),
    ),
    case(
        "virtual addressing of an endpoint",
        &[ID, SECRET, REGION, ("AWS_ENDPOINT_URL_S3", "http://localhost:PORT")],
        "[default]\ns3 =\n  addressing_style = virtual\n",
        "",
    ),
    case("S3 itself", &[PROXY, ID, SECRET, REGION], "", ""),
    case(
        "path addressing of S3 itself",
        &[PROXY, ID, SECRET, REGION],
        "[default]\ns3 =\n  addressing_style = path\n",
        "",
    ),
    case(
        "dual stack by the environment",
        &[PROXY, ID, SECRET, REGION, ("AWS_USE_DUALSTACK_ENDPOINT", "true")],
        "",
        "",
    ),
    case(
        "dual stack of the profile",
        &[PROXY, ID, SECRET, REGION],
        "[default]\nuse_dualstack_endpoint = true\n",
        "",
    ),
    case(
        "dual stack of S3 in the profile",
        &[PROXY, ID, SECRET, REGION],
        "[default]\ns3 =\n  use_dualstack_endpoint = true\n",
        "",
    ),
    case(
        "FIPS by the environment",
        &[PROXY, ID, SECRET, REGION, ("AWS_USE_FIPS_ENDPOINT", "true")],
        "",
        "",
    ),
    case(
        "FIPS of the profile",
        &[PROXY, ID, SECRET, REGION],
        "[default]\nuse_fips_endpoint = true\n",
        "",
    ),
    case(
        "FIPS and dual stack",
        &[
            PROXY,
            ID,
            SECRET,
            REGION,
            ("AWS_USE_FIPS_ENDPOINT", "true"),
            ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
        ],
        "",
        "",
    ),
    case(
        "transfer acceleration",
        &[PROXY, ID, SECRET, REGION],
        "[default]\ns3 =\n  use_accelerate_endpoint = true\n",
        "",
    ),
    case("China", &[PROXY, ID, SECRET, ("AWS_DEFAULT_REGION", "cn-north-1")], "", ""),
    case("GovCloud", &[PROXY, ID, SECRET, ("AWS_DEFAULT_REGION", "us-gov-west-1")], "", ""),
    with(
        &["--request-payer", "requester"],
        case("the caller pays", &[HERE, ID, SECRET, REGION], "", ""),
    ),
];
