//! Log files: records that look like CloudTrail's, in a number that gives them realistic sizes.
use super::dice::Dice;
use super::event::EventSpec;
use super::gzip;
use super::location::iso;
use super::spec::LogSizes;
use bytes::Bytes;

// Natural logarithms of 2 KB, and of the deviation with which 95 % are below 15 KB: ln(15,000 /
// 2,000) / 1.645.
const MEDIAN: f64 = 7.6;
const DEVIATION: f64 = 1.22;
// Measured size of the records below under gzip -6: of the first one, and of each further one.
const FIRST_RECORD: f64 = 800.0;
const NEXT_RECORD: f64 = 150.0;
// In the available corpora, real log files reach some 52 KB; AWS documents "typically less than 128
// KB".
const MOST_RECORDS: f64 = 400.0;
// Natural logarithms of 6 KB, and of the deviation with which 99 % are below 0.7 MB.
const MIXED_MEDIAN: f64 = 8.7;
const MIXED_DEVIATION: f64 = 2.05;
// Gives some 20 MB.
const LARGE_RECORDS: f64 = 130_000.0;

const USERS: [&str; 6] = ["alice", "benjamin", "bert-jan", "deploy", "grafana", "terraform"];
const AGENTS: [&str; 4] = [
    "[S3Console/0.4, aws-internal/3 aws-sdk-java/1.12.488 Linux/5.4.247-169.350.amzn2int.x86_64]",
    "aws-cli/2.15.30 Python/3.11.8 Linux/6.1.79-99.167.amzn2023.x86_64 exe/x86_64.amzn.2023",
    "APN/1.0 HashiCorp/1.0 Terraform/1.7.4 aws-sdk-go-v2/1.25.2 os/linux lang/go#1.21.6",
    "Boto3/1.34.54 md/Botocore#1.34.54 ua/2.0 os/linux#6.1.0 md/arch#x86_64 lang/python#3.12.1",
];
const CALLS: [(&str, &str, &str); 8] = [
    (
        "s3.amazonaws.com",
        "GetBucketPublicAccessBlock",
        "{\"publicAccessBlock\":\"\",\"bucketName\":\"$\"}",
    ),
    (
        "ec2.amazonaws.com",
        "DescribeInstances",
        "{\"instancesSet\":{\"items\":[{\"instanceId\":\"i-$\"}]},\"filterSet\":{}}",
    ),
    (
        "sts.amazonaws.com",
        "AssumeRole",
        "{\"roleArn\":\"arn:aws:iam::111122223333:role/deploy\",\"roleSessionName\":\"$\"}",
    ),
    (
        "kms.amazonaws.com",
        "Decrypt",
        "{\"encryptionContext\":{\"id\":\"$\"},\"encryptionAlgorithm\":\"SYMMETRIC_DEFAULT\"}",
    ),
    (
        "logs.amazonaws.com",
        "DescribeLogStreams",
        "{\"logGroupName\":\"/aws/lambda/$\",\"limit\":50}",
    ),
    ("iam.amazonaws.com", "ListAttachedRolePolicies", "{\"roleName\":\"$\"}"),
    ("lambda.amazonaws.com", "GetFunction20150331v2", "{\"functionName\":\"$\"}"),
    ("dynamodb.amazonaws.com", "DescribeTable", "{\"tableName\":\"$\"}"),
];

/// One log file before it has a name.
#[derive(Clone, Debug)]
pub struct LogContent {
    /// The object's bytes: one gzip member. Objects that repeat a body share its bytes.
    pub body: Bytes,
    /// Hex SHA-256 of the inflated bytes.
    pub hash: String,
    /// Time of its newest event.
    pub newest: i64,
    /// Time of its oldest event.
    pub oldest: i64,
}

/// Where and when a log file's events happened.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The account.
    pub account: &'a str,
    /// The region.
    pub region: &'a str,
    /// Time in the log file's name; its events are earlier.
    pub time: i64,
}

/// Creates a log file with the records of `events` after the random ones.
pub fn log_file(
    dice: &mut Dice,
    sizes: LogSizes,
    scene: Scene<'_>,
    events: &[EventSpec],
) -> LogContent {
    let count = match sizes {
        LogSizes::Small => 1 + dice.below(2),
        LogSizes::Realistic | LogSizes::Repeated => {
            let size = (MEDIAN + DEVIATION * dice.normal()).exp();
            records_for(size, MOST_RECORDS)
        }
        LogSizes::Mixed => {
            let size = (MIXED_MEDIAN + MIXED_DEVIATION * dice.normal()).exp();
            records_for(size, LARGE_RECORDS)
        }
        LogSizes::Large => records_for(f64::MAX, LARGE_RECORDS),
    };
    let mut json = String::from("{\"Records\":[");
    let (mut newest, mut oldest) = (i64::MIN, i64::MAX);
    let mut push = |time: i64, record: &str| {
        newest = newest.max(time);
        oldest = oldest.min(time);
        if !json.ends_with('[') {
            json.push(',');
        }
        json.push_str(record);
    };
    for _ in 0..count {
        // Most events are a few minutes old; one in forty is more than an hour old, so that it
        // precedes the digest's interval.
        let age = if dice.below(40) == 0 { 3600 + dice.below(3600) } else { 20 + dice.below(280) };
        let time = scene.time - i64::from(age);
        push(time, &random_record(dice, scene, time));
    }
    for event in events {
        let time = event.time.unwrap_or(scene.time - 60);
        push(time, &told_record(dice, scene, time, event));
    }
    json.push_str("]}");
    let hash = super::digest_json::sha256(json.as_bytes());
    let body = Bytes::from(gzip::member(json.as_bytes()));
    LogContent { body, hash, newest, oldest }
}

fn records_for(size: f64, most: f64) -> u32 {
    let further = ((size - FIRST_RECORD) / NEXT_RECORD).clamp(0.0, most).round();
    // Found by counting, because a float cannot be converted without `as`.
    (1..).find(|&count| f64::from(count) >= further + 1.0).unwrap_or(1)
}

fn pick<T: Copy, const N: usize>(dice: &mut Dice, from: &[T; N], otherwise: T) -> T {
    let end = u32::try_from(N).unwrap_or(0);
    let at = usize::try_from(dice.below(end)).unwrap_or(0);
    from.get(at).copied().unwrap_or(otherwise)
}

fn random_record(dice: &mut Dice, scene: Scene<'_>, time: i64) -> String {
    let user = pick(dice, &USERS, "alice");
    let agent = pick(dice, &AGENTS, "aws-cli");
    let (source, name, request) = pick(dice, &CALLS, ("", "", "null"));
    let request = request.replace('$', &dice.hex(4));
    let principal = format!("arn:aws:iam::{}:user/{user}", scene.account);
    let address = format!("10.248.{}.{}", dice.below(4), dice.below(64));
    record(
        dice,
        scene,
        time,
        Told {
            principal,
            user,
            address: &address,
            agent,
            source,
            name,
            request: &request,
            response: "null",
            id: None,
            data: false,
            error: None,
            writes: false,
        },
    )
}

fn told_record(dice: &mut Dice, scene: Scene<'_>, time: i64, event: &EventSpec) -> String {
    let user = escaped(event.principal.rsplit('/').next().unwrap_or("unknown"));
    let fields = Told {
        principal: escaped(&event.principal),
        user: &user,
        address: &escaped(&event.address),
        agent: "aws-cli/2.15.30",
        source: &escaped(&event.source),
        name: &escaped(&event.name),
        request: &event.request,
        response: &event.response,
        id: Some(&escaped(&event.id)),
        data: event.data,
        error: event.error.as_deref(),
        writes: event.writes,
    };
    record(dice, scene, time, fields)
}

// Tests may put hostile text into an event; the log file remains valid JSON.
fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.get(1..quoted.len() - 1).unwrap_or("").to_owned()
}

struct Told<'a> {
    principal: String,
    user: &'a str,
    address: &'a str,
    agent: &'a str,
    source: &'a str,
    name: &'a str,
    request: &'a str,
    response: &'a str,
    id: Option<&'a str>,
    data: bool,
    error: Option<&'a str>,
    writes: bool,
}

fn record(dice: &mut Dice, scene: Scene<'_>, time: i64, fields: Told<'_>) -> String {
    let Told {
        principal,
        user,
        address,
        agent,
        source,
        name,
        request,
        response,
        id,
        data,
        error,
        writes,
    } = fields;
    let category = if data { "Data" } else { "Management" };
    let error = error.map(|code| format!("\"errorCode\":\"{}\",", escaped(code)));
    let error = error.unwrap_or_default();
    let Scene { account, region, .. } = scene;
    let id = id.map_or_else(|| dice.uuid(), str::to_owned);
    let (request_id, host_id) = (dice.uuid(), dice.letters(76));
    let access_key = format!("ASIATFQR7NSC{}", user.len() * 8191 + account.len());
    let (time, since) = (iso(time), iso(scene.time - 7200 - i64::from(dice.below(8)) * 600));
    format!(
        "{{\"eventVersion\":\"1.08\",\"userIdentity\":{{\"type\":\"IAMUser\",\"principalId\":\"AIDATFQR7NSC5U6Q3TMDR\",\
         \"arn\":\"{principal}\",\"accountId\":\"{account}\",\"accessKeyId\":\"{access_key}\",\"userName\":\"{user}\",\
         \"sessionContext\":{{\"sessionIssuer\":{{}},\"webIdFederationData\":{{}},\"attributes\":\
         {{\"creationDate\":\"{since}\",\"mfaAuthenticated\":\"true\"}}}}}},\"eventTime\":\"{time}\",\
         \"eventSource\":\"{source}\",\"eventName\":\"{name}\",\"awsRegion\":\"{region}\",\
         \"sourceIPAddress\":\"{address}\",\"userAgent\":\"{agent}\",{error}\"requestParameters\":{request},\
         \"responseElements\":{response},\"additionalEventData\":{{\"SignatureVersion\":\"SigV4\",\
         \"CipherSuite\":\"TLS_AES_128_GCM_SHA256\",\"bytesTransferredIn\":0,\
         \"AuthenticationMethod\":\"AuthHeader\",\"x-amz-id-2\":\"{host_id}\"}},\
         \"requestID\":\"{request_id}\",\"eventID\":\"{id}\",\"readOnly\":{},\
         \"eventType\":\"AwsApiCall\",\"managementEvent\":{},\"recipientAccountId\":\"{account}\",\
         \"eventCategory\":\"{category}\",\"tlsDetails\":{{\"tlsVersion\":\"TLSv1.3\",\
         \"cipherSuite\":\"TLS_AES_128_GCM_SHA256\",\"clientProvidedHostHeader\":\"{region}.{source}\"}}}}",
        !writes, !data
    )
}
