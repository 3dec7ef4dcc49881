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
    let plain = without_parameters(text);
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
        serde_json::from_slice::<String>(quoted).unwrap_or_default().into()
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

    /// Returns whether the object that follows names the credential that it holds, as in
    /// `{"name": "password", "value": "…"}`.
    fn names_secret(mut self, depth: usize) -> bool {
        let mut named = false;
        // What cannot be read is not copied either.
        let _ = self.object(depth, |scan, name| {
            named |= names_value(&scan.text(name)) && scan.is_secret_name();
            scan.value()
        });
        named
    }

    /// Returns whether the text that follows is the name of a credential, and no ARN, action or path that ends
    /// like one.
    fn is_plain_secret_name(self) -> bool {
        let mut scan = self;
        let text = scan.string().map(|quoted| scan.text(&quoted));
        let is_plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '-' | '.');
        text.is_some_and(|text| text.chars().all(is_plain)) && self.is_secret_name()
    }

    /// Returns whether the list that follows is the name of a credential and its value.
    fn begins_pair(mut self, depth: usize) -> bool {
        let (mut count, mut named) = (0, false);
        let _ = self.list(depth, |scan| {
            count += 1;
            named |= count == 1 && scan.is_plain_secret_name();
            if count > 2 { None } else { scan.value() }
        });
        named && count == 2
    }

    /// Skips a value and copies it without secrets.
    fn copy(&mut self, depth: usize, to: &mut Copy) -> Option<()> {
        self.blank();
        match self.peek()? {
            b'{' => {
                to.kept.push(b'{');
                let named = self.names_secret(depth);
                self.object(depth, |scan, name| {
                    if to.kept.last() != Some(&b'{') {
                        to.kept.push(b',');
                    }
                    to.kept.extend_from_slice(scan.bytes.get(name.clone())?);
                    to.kept.push(b':');
                    let text = scan.text(name);
                    let is_value = named && holds_value(&text);
                    // Lists and counts of tokens and secrets are none; a text may be one.
                    let one = text.strip_suffix('s').filter(|_| scan.peek() == Some(b'"'));
                    let is_secret = is_secret(&text) || one.is_some_and(is_secret);
                    if (is_secret || is_value) && scan.peek()? != b'n' {
                        to.kept.extend_from_slice(REDACTED.as_bytes());
                        to.redacted = true;
                        return scan.value();
                    }
                    scan.copy(depth + 1, to)
                })?;
                to.kept.push(b'}');
            }
            b'[' => {
                to.kept.push(b'[');
                let named = self.begins_pair(depth);
                let mut number = 0;
                self.list(depth, |scan| {
                    if to.kept.last() != Some(&b'[') {
                        to.kept.push(b',');
                    }
                    number += 1;
                    if named && number == 2 {
                        to.kept.extend_from_slice(REDACTED.as_bytes());
                        to.redacted = true;
                        return scan.value();
                    }
                    scan.copy(depth + 1, to)
                })?;
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
