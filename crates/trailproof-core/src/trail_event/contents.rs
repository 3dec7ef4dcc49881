//! The events of a log file as CloudTrail wrote them, byte for byte, without secrets.
use super::secrets::{holds_value, is_secret, names_value, without_parameters};
use crate::record::wire::shown_json;
use std::borrow::Cow;
use std::ops::Range;

/// JSON texts inside of JSON texts that are looked into.
const NESTED: usize = 4;

/// Written in place of a secret, as a JSON text.
const REDACTED: &str = "\"[redacted]\"";

/// Returns a text with the credentials of signed URLs replaced, and those in a text that is JSON
/// itself.
pub(super) fn text_without_secrets(text: &str) -> Cow<'_, str> {
    cleaned(text, NESTED)
}

fn cleaned(text: &str, nested: usize) -> Cow<'_, str> {
    let json = text.trim_start_matches('\u{feff}').trim_start();
    if nested > 0 && json.starts_with(['{', '[']) {
        let mut scan = Scan::of(json.as_bytes());
        let mut copy = Copy { kept: Vec::new(), redacted: false, nested: nested - 1 };
        let is_whole = scan.copy(0, &mut copy).is_some() && scan.is_at_end();
        if is_whole {
            let inner = String::from_utf8(copy.kept).ok().filter(|_| copy.redacted);
            return inner.map_or(Cow::Borrowed(text), Cow::Owned);
        }
    }
    let plain = match within(text, nested) {
        Cow::Borrowed(text) => without_parameters(text),
        Cow::Owned(text) => Cow::Owned(without_parameters(&text).into_owned()),
    };
    if nested > 0 && plain.contains('%') {
        let decoded = percent_encoding::percent_decode_str(&plain).decode_utf8_lossy();
        // A text whose meaning has a secret is shown by its meaning.
        if decoded != plain
            && let Cow::Owned(clean) = cleaned(&decoded, nested - 1)
            && clean != decoded
        {
            return Cow::Owned(clean);
        }
    }
    plain
}

/// Beginnings of JSON in a text that turn out to be none, after which no more are looked for: each may have
/// to be read to its end.
const NO_JSON: usize = 8;

/// Returns a text with the credentials of each JSON text in it replaced, whatever is around it.
fn within(text: &str, nested: usize) -> Cow<'_, str> {
    let (mut out, mut kept, mut at, mut wrong) = (String::new(), 0, 0, 0);
    while nested > 0
        && wrong < NO_JSON
        && let Some(found) = text.get(at..).and_then(|rest| rest.find(['{', '[']))
    {
        let from = at + found;
        let json = text.as_bytes().get(from..).unwrap_or_default();
        let mut scan = Scan::of(json);
        let mut copy = Copy { kept: Vec::new(), redacted: false, nested: nested - 1 };
        at = from + 1;
        if scan.copy(0, &mut copy).is_none() {
            wrong += 1;
            continue;
        }
        at = from + scan.at;
        if copy.redacted {
            out += text.get(kept..from).unwrap_or_default();
            out += &String::from_utf8_lossy(&copy.kept);
            kept = at;
        }
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    out += text.get(kept..).unwrap_or_default();
    Cow::Owned(out)
}

/// Maximum depth of nested JSON. CloudTrail's events have less than 20 levels.
const DEPTH: usize = 128;

/// Returns the events of a log file: each is one element of the list `Records`. Returns `None` if
/// the content does not have the form of a log file.
pub fn events(content: &[u8]) -> Option<Vec<&[u8]>> {
    let mut scan = Scan::of(content);
    let mut found = None;
    scan.object(0, |scan, name| {
        if !scan.is(name, "Records") {
            return scan.value();
        }
        let mut records = Vec::new();
        scan.list(1, |scan| {
            let from = scan.at;
            scan.value()?;
            records.push(scan.bytes.get(from..scan.at)?);
            Some(())
        })?;
        found = Some(records);
        Some(())
    })?;
    scan.is_at_end().then_some(found).flatten()
}

/// Returns the JSON of an event in its shortest form: no blanks outside of strings, characters that
/// could control a terminal escaped, everything else as it was, and secrets replaced. Returns also
/// whether there was a secret. Returns `None` if it is not JSON, or nested too deeply.
pub fn without_secrets(event: &[u8]) -> Option<(String, bool)> {
    let mut scan = Scan::of(event);
    let mut copy = Copy { kept: Vec::with_capacity(event.len()), redacted: false, nested: NESTED };
    scan.copy(0, &mut copy)?;
    scan.is_at_end().then_some(())?;
    Some((shown_json(String::from_utf8(copy.kept).ok()?), copy.redacted))
}

struct Copy {
    kept: Vec<u8>,
    redacted: bool,
    /// JSON texts inside of this one that may still be looked into.
    nested: usize,
}

impl Copy {
    /// Replaces these stretches of what was copied, if they are credentials.
    fn redact(&mut self, values: Vec<Range<usize>>, are_secret: bool) {
        let Some(first) = values.first().filter(|_| are_secret).map(|first| first.start) else {
            return;
        };
        let rest = self.kept.split_off(first);
        let mut kept = first;
        for value in values {
            self.kept
                .extend_from_slice(rest.get(kept - first..value.start - first).unwrap_or_default());
            self.kept.extend_from_slice(REDACTED.as_bytes());
            kept = value.end;
        }
        self.kept.extend_from_slice(rest.get(kept - first..).unwrap_or_default());
        self.redacted = true;
    }
}

/// A reader of JSON that finds where values begin and end. It accepts some texts that are not JSON;
/// what it returns is parsed later.
#[derive(Clone, Copy)]
pub(super) struct Scan<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Scan<'b> {
    pub(super) fn of(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Returns whether nothing but blanks is left.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.blank();
        self.at == self.bytes.len()
    }

    pub(super) fn bytes(&self, of: Range<usize>) -> Option<&'b [u8]> {
        self.bytes.get(of)
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Skips blanks and this byte.
    fn expect(&mut self, byte: u8) -> Option<()> {
        self.blank();
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Skips a string and returns the range of its text with its quotation marks.
    pub(super) fn string(&mut self) -> Option<Range<usize>> {
        let from = self.at;
        self.expect(b'"')?;
        let from = from.max(self.at - 1);
        loop {
            let rest = self.bytes.get(self.at..)?;
            self.at += memchr::memchr2(b'"', b'\\', rest)? + 1;
            if self.bytes.get(self.at - 1) == Some(&b'"') {
                return Some(from..self.at);
            }
            self.at += 1;
        }
    }

    pub(super) fn text(&self, of: &Range<usize>) -> Cow<'b, str> {
        let quoted = self.bytes.get(of.clone()).unwrap_or_default();
        let plain = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
        if memchr::memchr(b'\\', plain).is_none() {
            return String::from_utf8_lossy(plain);
        }
        // Half of a surrogate pair is no text; what is around it is looked at as it was written.
        let text = serde_json::from_slice::<String>(quoted);
        text.map_or_else(|_| String::from_utf8_lossy(plain), Cow::Owned)
    }

    fn is(&self, name: &Range<usize>, expected: &str) -> bool {
        self.text(name) == expected
    }

    pub(super) fn object(
        &mut self,
        depth: usize,
        mut member: impl FnMut(&mut Self, &Range<usize>) -> Option<()>,
    ) -> Option<()> {
        (depth < DEPTH).then_some(())?;
        self.expect(b'{')?;
        self.blank();
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            self.blank();
            let name = self.string()?;
            self.expect(b':')?;
            self.blank();
            member(self, &name)?;
            self.blank();
            self.at += 1;
            match self.bytes.get(self.at - 1)? {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    pub(super) fn list(
        &mut self,
        depth: usize,
        mut element: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        (depth < DEPTH).then_some(())?;
        self.expect(b'[')?;
        self.blank();
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            self.blank();
            element(self)?;
            self.blank();
            self.at += 1;
            match self.bytes.get(self.at - 1)? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    /// Skips a value, however deep it is: one hostile event must not hide the others of its file.
    fn value(&mut self) -> Option<()> {
        let mut open = Vec::new();
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                }
                byte @ (b'{' | b'[') => {
                    // Both closing brackets come two after their opening ones in ASCII.
                    open.push(byte + 2);
                    self.at += 1;
                }
                byte @ (b'}' | b']') => {
                    (open.pop()? == byte).then(|| self.at += 1)?;
                }
                b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' if !open.is_empty() => self.at += 1,
                _ => {
                    self.plain()?;
                }
            }
            if open.is_empty() {
                return Some(());
            }
        }
    }

    /// Skips a number, `true`, `false` or `null`.
    pub(super) fn plain(&mut self) -> Option<Range<usize>> {
        let from = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        {
            self.at += 1;
        }
        (self.at > from).then_some(from..self.at)
    }

    /// Returns whether the string that follows is the name of a credential.
    fn is_secret_name(mut self) -> bool {
        self.blank();
        self.peek() == Some(b'"') && self.string().is_some_and(|text| is_secret(&self.text(&text)))
    }

    /// Returns whether the text that follows is the name of a credential, and no ARN, action or path that ends
    /// like one.
    fn is_plain_secret_name(self) -> bool {
        let mut scan = self;
        let text = scan.string().map(|quoted| scan.text(&quoted));
        let is_plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '-' | '.');
        text.is_some_and(|text| text.chars().all(is_plain)) && self.is_secret_name()
    }

    /// Skips a value and copies it without secrets.
    fn copy(&mut self, depth: usize, to: &mut Copy) -> Option<()> {
        self.blank();
        match self.peek()? {
            b'{' => {
                to.kept.push(b'{');
                // Whether it names the credential that it holds, as in
                // `{"name": "password", "value": "…"}`, and what it may be.
                let (mut named, mut values) = (false, Vec::new());
                self.object(depth, |scan, name| {
                    if to.kept.last() != Some(&b'{') {
                        to.kept.push(b',');
                    }
                    to.kept.extend_from_slice(scan.bytes.get(name.clone())?);
                    to.kept.push(b':');
                    let text = scan.text(name);
                    let first = scan.peek()?;
                    named |= names_value(&text) && scan.is_secret_name();
                    // Lists and counts of tokens and secrets are none; a text may be one.
                    let one = text.strip_suffix('s').filter(|_| first == b'"');
                    let is_secret = is_secret(&text) || one.is_some_and(is_secret);
                    if is_secret && first != b'n' {
                        to.kept.extend_from_slice(REDACTED.as_bytes());
                        to.redacted = true;
                        return scan.value();
                    }
                    let from = to.kept.len();
                    scan.copy(depth + 1, to)?;
                    if first != b'n' && holds_value(&text) {
                        values.push(from..to.kept.len());
                    }
                    Some(())
                })?;
                to.redact(values, named);
                to.kept.push(b'}');
            }
            b'[' => {
                to.kept.push(b'[');
                // Names and values in turn, as in `["Authorization", "…"]`. The value of a single pair may
                // be anything; longer lists have only texts.
                let (mut count, mut texts, mut named, mut values) = (0, true, false, Vec::new());
                self.list(depth, |scan| {
                    if to.kept.last() != Some(&b'[') {
                        to.kept.push(b',');
                    }
                    count += 1;
                    texts &= scan.peek()? == b'"';
                    let names = count % 2 == 1 && scan.is_plain_secret_name();
                    let from = to.kept.len();
                    scan.copy(depth + 1, to)?;
                    if std::mem::replace(&mut named, names) {
                        values.push(from..to.kept.len());
                    }
                    Some(())
                })?;
                to.redact(values, count == 2 || (count % 2 == 0 && texts));
                to.kept.push(b']');
            }
            b'"' => {
                let quoted = self.string()?;
                match cleaned(&self.text(&quoted), to.nested) {
                    Cow::Borrowed(_) => to.kept.extend_from_slice(self.bytes.get(quoted)?),
                    Cow::Owned(text) => {
                        to.kept.extend_from_slice(serde_json::to_string(&text).ok()?.as_bytes());
                        to.redacted = true;
                    }
                }
            }
            _ => {
                let text = self.plain()?;
                to.kept.extend_from_slice(self.bytes.get(text)?);
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(content: &str) -> Option<Vec<&str>> {
        let found = events(content.as_bytes())?;
        Some(found.into_iter().map(|event| std::str::from_utf8(event).unwrap()).collect())
    }

    #[test]
    fn the_events_of_a_log_file_are_its_records() {
        for (content, expected) in [
            (r#"{"Records":[]}"#, Some(vec![])),
            (
                r#"{"Records":[{"a":"}]"},{"b":["\"",[]]}]}"#,
                Some(vec![r#"{"a":"}]"}"#, r#"{"b":["\"",[]]}"#]),
            ),
            (
                " {\n\"x\": {\"Records\":[1]} , \"Records\" : [ {} , {\"a\" : 1} ] } ",
                Some(vec!["{}", "{\"a\" : 1}"]),
            ),
            (r#"{"\u0052ecords":[{}]}"#, Some(vec!["{}"])),
            (r#"{"Records":[{}"#, None),
            (r#"{"Records":[{}]}x"#, None),
            (r#"{"Records":{}}"#, None),
            (r#"{"Other":[]}"#, None),
            (r#"{"Records":[{}],}"#, None),
            ("", None),
            ("[]", None),
        ] {
            assert_eq!(shown(content), expected, "{content}");
        }
        // An event that is nested too deeply is skipped by itself.
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let content = format!("{{\"Records\":[{{\"a\":1}},{deep},{{}}]}}");
        assert_eq!(shown(&content), Some(vec!["{\"a\":1}", &deep, "{}"]));
        assert_eq!(without_secrets(deep.as_bytes()), None);
        assert_eq!(shown("{\"Records\":[[}]]}"), None);
    }

    #[test]
    fn secrets_are_replaced_and_everything_else_is_kept() {
        for (event, expected) in [
            (r#"{"a": 1.50, "b":[1 ,2],"c":"\u003c x"}"#, r#"{"a":1.50,"b":[1,2],"c":"\u003c x"}"#),
            (
                r#"{"responseElements":{"credentials":{"sessionToken":"S","accessKeyId":"A"}}}"#,
                r#"{"responseElements":{"credentials":{"sessionToken":"[redacted]","accessKeyId":"A"}}}"#,
            ),
            (
                r#"{"SecretAccessKey":{"x":["S"]},"y":1}"#,
                r#"{"SecretAccessKey":"[redacted]","y":1}"#,
            ),
            (r#"{"session\u0054oken":"S"}"#, r#"{"session\u0054oken":"[redacted]"}"#),
            (r#"{"sessionToken":null}"#, r#"{"sessionToken":null}"#),
            (r#"[{"sessionToken":"S"},{}]"#, r#"[{"sessionToken":"[redacted]"},{}]"#),
        ] {
            let (copy, redacted) = without_secrets(event.as_bytes()).unwrap();
            assert_eq!(copy, expected);
            assert_eq!(redacted, event.contains("\"S\""), "{event}");
        }
        // Names are compared without case, `-` and `_`; texts may be JSON or hold signed URLs.
        for name in [
            "SESSION_TOKEN",
            "security-token",
            "x-amz-security-token",
            "X-Amz-Signature",
            "token",
            "accessToken",
            "refreshToken",
            "idToken",
            "clientSecret",
            "secretBinary",
            "privateKey",
            "masterUserPassword",
            "password",
            "webIdentityToken",
            "sAMLAssertion",
            "authParameters",
            "secret",
            "Authorization",
            "apiKey",
            "Set-Cookie",
            "AWSSecretAccessKey",
            "aws_session_token",
            "secret_key",
            "bearerToken",
            "sharedSecret",
            "x-amz-server-side-encryption-customer-key",
        ] {
            let event = serde_json::json!({"requestParameters": {name: "SECRET"}}).to_string();
            let (copy, redacted) = without_secrets(event.as_bytes()).unwrap();
            assert!(redacted && !copy.contains("SECRET"), "{copy}");
        }
        for text in [
            "https://b.s3.amazonaws.com/k?X-Amz-Security-Token=SECRET&a=b",
            "a x-amz-signature=SECRET b",
            "k%3FX-Amz-Credential%3DSECRET%26a",
            "AWS4-HMAC-SHA256 SignedHeaders=host, Signature=SECRET",
            "a=b&SecretAccessKey=SECRET&c=d",
            "https://x.example/?sv=1&sig=SECRET",
            "k%26sig%3DSECRET",
            "https://user:SECRET@host.example/x",
            "postgres://a:SECRET@db/b?c=d",
            "{\"sessionToken\":\"SECRET\"}",
            "[{\"a\":\"{\\\"password\\\":\\\"SECRET\\\"}\"}]",
            "export DB_PASSWORD=SECRET",
            "mysql --user root --password SECRET -h db",
            "app.db.password: SECRET\nother: 1",
            "curl -H 'Authorization: Bearer SECRET' https://x.example",
            "Cookie: a=SECRET; b=SECRET",
            "{'password': 'SECRET'",
            "environment[\"API_KEY\"] = \"SECRET\"",
            "password = \"a SECRET, and more\"",
            "{\\\"password\\\": \\\"a SECRET\\\"",
            "<password>a SECRET</password>",
            "password\t=\tSECRET",
            "password => SECRET",
            "%7B%22secret_key%22%3A%22SECRET%22%7D",
            "sig=abc&x=%7B%22secret_key%22%3A%22SECRET%22%7D",
            "%FF%7B%22secret_key%22%3A%22SECRET%22%7D",
            "\u{feff}{\"secret_key\": \"SECRET\"}",
            "key: -----BEGIN RSA PRIVATE KEY-----\nSECRET\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN CERTIFICATE-----x -----BEGIN PRIVATE KEY-----SECRET",
            "sent {\"name\": \"password\", \"value\": \"SECRET\"} and {\"a\": 1}",
            "{\"name\": \"password\", \"value\": \"SECRET\"}\n{\"a\": 1}",
            "[not JSON] {\"key\": \"password\", \"value\": \"SECRET\"}",
            "DB_PASSWORD=ab,SECRET",
            "DB_PASSWORD=ab,SECRET,other=1",
            "Authorization: Digest username=\"a\", response=\"SECRET\"",
            "Cookie: a=\"SECRET\"",
            "password: |\n  SECRET\n  SECRET\nother: 1",
            "https://u:password=ab@SECRET",
            "X-Vault-Token: SECRET",
            "with eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJTRUNSRVQifQ.SECRET",
        ] {
            let event = serde_json::json!({"userAgent": text, "b": 1}).to_string();
            let (copy, redacted) = without_secrets(event.as_bytes()).unwrap();
            assert!(redacted && !copy.contains("SECRET"), "{copy}");
            assert!(serde_json::from_str::<serde_json::Value>(&copy).unwrap()["b"] == 1, "{copy}");
        }
        // Only a value in an element has blanks: nothing else of a text may be hidden behind one.
        let event =
            serde_json::json!({"userAgent": "<password => SECRET and the rest"}).to_string();
        let (copy, _) = without_secrets(event.as_bytes()).unwrap();
        assert!(!copy.contains("SECRET") && copy.contains(" and the rest"), "{copy}");
        // Lists of names and values.
        for list in [
            serde_json::json!([{"name": "password", "value": "SECRET"}]),
            serde_json::json!([{"value": "SECRET", "name": "DB_PASSWORD"}]),
            serde_json::json!([{"key": "sessionToken", "value": {"x": ["SECRET"]}}]),
            serde_json::json!([{"ParameterKey": "MasterPassword", "ParameterValue": "SECRET"}]),
            serde_json::json!([{"parameterName": "/prod/db/password", "stringValue": "SECRET"}]),
            serde_json::json!([{"Name": "API_KEY", "Value": "MySECRETpassword"}]),
            serde_json::json!({"k": "token", "v": "SECRET"}),
            serde_json::json!([{"headerName": "Authorization", "headerValue": "SECRET"}]),
            serde_json::json!([{"OptionName": "DBPassword", "Namespace": "x", "Value": "SECRET"}]),
            serde_json::json!([["Authorization", "Bearer SECRET"], ["Accept", "*/*"]]),
            serde_json::json!(["PATH=/bin", "DB_PASSWORD=SECRET"]),
            serde_json::json!("[{\"name\":\"password\",\"value\":\"SECRET\"}]"),
            serde_json::json!([{"name": "password", "plainText": "SECRET"}]),
            serde_json::json!(["Accept", "*/*", "Authorization", "Bearer SECRET"]),
            serde_json::json!({"headers": {"X-Vault-Token": ["SECRET"]}, "tokenCode": "SECRET"}),
            serde_json::json!({"passwordValue": "SECRET", "newPassword1": "SECRET"}),
            serde_json::json!({"secrets": "SECRET", "userData": "SECRET", "pwd": "SECRET"}),
        ] {
            let event = serde_json::json!({"requestParameters": {"environment": list}});
            let (copy, redacted) = without_secrets(event.to_string().as_bytes()).unwrap();
            assert!(redacted && !copy.contains("SECRET"), "{copy}");
            serde_json::from_str::<serde_json::Value>(&copy).unwrap();
        }
        for list in [
            serde_json::json!([{"name": "LOG_LEVEL", "value": "debug"}]),
            serde_json::json!([{"key": "passwordPolicy", "value": "strict"}]),
            serde_json::json!([{"name": "password", "description": "of the database"}]),
            serde_json::json!([["a", "b"], ["password", "x", "y"]]),
            // What policies name is judged.
            serde_json::json!(["arn:aws:s3:::b/password", "arn:aws:s3:::b/*"]),
            serde_json::json!(["arn:aws:s3:::acme-secrets", "arn:aws:s3:::acme-secrets/*"]),
            serde_json::json!(["secretsmanager:GetSecretValue", "iam:PassRole"]),
            // Counts and references.
            serde_json::json!({"tokens": {"input": 5}, "secrets": [{"valueFrom": "arn"}]}),
            // Whoever is called like a credential is shown all the same.
            serde_json::json!({"userName": "svc-secret", "sessionContext": {"mfa": true}}),
            serde_json::json!({"eventName": "GetSecretValue", "additionalEventData": "x"}),
            serde_json::json!("100% of a%20b and %zz"),
        ] {
            let event = serde_json::json!({"requestParameters": {"environment": list}}).to_string();
            assert_eq!(without_secrets(event.as_bytes()), Some((event, false)));
        }
        // Names of things are not secrets, and what a person is accused by is kept.
        for (name, value) in [
            ("secretId", "arn:aws:secretsmanager:us-east-1:111122223333:secret:x"),
            ("nextToken", "NAME"),
            ("customerKeyMD5", "NAME"),
            ("userAgent", "https://example.com:443/a@b design=NAME"),
        ] {
            let event = serde_json::json!({name: value}).to_string();
            let (copy, redacted) = without_secrets(event.as_bytes()).unwrap();
            assert!(!redacted && copy.contains(value), "{copy}");
        }
        for kept in ["nextToken", "clientToken", "keyId", "passwordPolicy"] {
            let event = serde_json::json!({kept: "{\"a\":\"x-amz-date=1\"}"}).to_string();
            assert_eq!(without_secrets(event.as_bytes()), Some((event, false)));
        }
        for wrong in ["", "{", "{\"a\"}", "{} {}", "\"\u{0}"] {
            assert_eq!(without_secrets(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
