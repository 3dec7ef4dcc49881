//! A server that stands for all of AWS and records what the first request for evidence looks like:
//! who signed it, for which region, and where it was sent.
use std::collections::BTreeMap;
use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Largest request body that is read. Those of STS have a few hundred bytes.
const BODY: usize = 64 << 10;

/// A running recorder. Its threads end with the process.
pub(super) struct Recorder {
    pub(super) port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let into = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let into = Arc::clone(&into);
                std::thread::spawn(move || serve(stream, &into));
            }
        });
        Self { port, seen }
    }

    /// Returns the first request for evidence since the last call, and forgets all requests.
    pub(super) fn first(&self) -> Option<String> {
        let mut seen = self.seen.lock().unwrap();
        let first = seen.first().cloned();
        seen.clear();
        first
    }
}

struct Request {
    method: String,
    target: String,
    headers: BTreeMap<String, String>,
    body: String,
}

fn read(reader: &mut impl std::io::BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; usize::min(length, BODY)];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, target, headers, body: String::from_utf8_lossy(&body).into_owned() })
}

/// Returns the key and the region that signed a request.
fn signer(request: &Request) -> (String, String) {
    let credential = request
        .headers
        .get("authorization")
        .and_then(|header| header.split_once("Credential="))
        .and_then(|(_, rest)| rest.split_once(','))
        .map_or("nobody/-/-", |(credential, _)| credential);
    let parts: Vec<&str> = credential.split('/').collect();
    (parts[0].to_owned(), parts[2].to_owned())
}

fn serve(stream: TcpStream, seen: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    while let Some(request) = read(&mut reader) {
        let (status, kind, body) = answer(&request, seen);
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
             X-aws-ec2-metadata-token-ttl-seconds: 21600\r\n\r\n",
            body.len()
        );
        if stream.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

fn answer(request: &Request, seen: &Mutex<Vec<String>>) -> (&'static str, &'static str, String) {
    let note = |what: String| seen.lock().unwrap().push(what);
    let path = request.target.split('?').next().unwrap_or_default();
    let ok = "200 OK";
    if request.method == "CONNECT" {
        note(format!("connect {}", request.target));
        return ("502 Bad Gateway", "text/plain", String::new());
    }
    if request.body.contains("Action=AssumeRole") {
        return (ok, "text/xml", assumed(request));
    }
    if path == "/container" {
        return (ok, "application/json", keys_as_json("KEYCONTAINER"));
    }
    if path == "/latest/api/token" {
        return (ok, "text/plain", "token".to_owned());
    }
    if path == "/latest/meta-data/iam/security-credentials/" {
        return (ok, "text/plain", "role".to_owned());
    }
    if path == "/latest/meta-data/iam/security-credentials/role" {
        return (ok, "application/json", keys_as_json("KEYINSTANCE"));
    }
    let (key, region) = signer(request);
    let token = match request.headers.get("x-amz-security-token") {
        Some(token) => format!(" token={token}"),
        None => String::new(),
    };
    let payer = match request.headers.get("x-amz-request-payer") {
        Some(payer) => format!(" payer={payer}"),
        None => String::new(),
    };
    let host = request.headers.get("host").map_or("", String::as_str);
    let host = host.split(':').next().unwrap_or_default();
    note(format!("{key} {region} {host} {}{payer}{token}", path.trim_end_matches('/')));
    let list = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
    (ok, "application/xml", list.to_owned())
}

fn keys_as_json(key: &str) -> String {
    format!(
        "{{\"Code\":\"Success\",\"Type\":\"AWS-HMAC\",\"LastUpdated\":\"2026-01-01T00:00:00Z\",\
         \"AccessKeyId\":\"{key}\",\"SecretAccessKey\":\"secret\",\"Token\":\"token\",\
         \"Expiration\":\"2099-01-01T00:00:00Z\"}}"
    )
}

/// Answers AssumeRole and AssumeRoleWithWebIdentity with a key that shows who assumed which role.
fn assumed(request: &Request) -> String {
    let parameter = |name: &str| {
        let mut pairs = request.body.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    };
    let role = parameter("RoleArn").rsplit("%2F").next().unwrap_or_default().to_owned();
    let (source, _) = signer(request);
    // Both ways to encode a space.
    let external = parameter("ExternalId").replace('+', "%20");
    let action = parameter("Action");
    format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result>\
         <AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/r/s</Arn>\
         <AssumedRoleId>A:s</AssumedRoleId></AssumedRoleUser>\
         <Credentials><AccessKeyId>{role}.of.{source}.{external}</AccessKeyId>\
         <SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>\
         <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></{action}Result>\
         </{action}Response>"
    )
}
