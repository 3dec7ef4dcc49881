//! The events of a log file as CloudTrail wrote them, byte for byte, without secrets.
use crate::record::wire::shown_json;
use std::borrow::Cow;
use std::ops::Range;

/// Names of fields whose values are credentials, in lower case and without `-` and `_`. AWS itself
/// hides some of them in some services.
const SECRETS: [&str; 25] = [
    "accesstoken",
    "authorizationcode",
    "authorizationtoken",
    "authparameters",
    "authtoken",
    "clientsecret",
    "idtoken",
    "mfacode",
    "pass",
    "privatekey",
    "pwd",
    "refreshtoken",
    "samlassertion",
    "secretaccesskey",
    "secretbinary",
    "secretstring",
    "securitytoken",
    "sessiontoken",
    "signintoken",
    "token",
    "userdata",
    "webidentitytoken",
    "xamzcredential",
    "xamzsecuritytoken",
    "xamzsignature",
];

/// Ends of names of fields whose values are credentials, in the same form: an event may have them from any
/// service, and from programs that nobody foresaw.
const SECRET_ENDS: [&str; 15] = [
    "accesstoken",
    "accountkey",
    "apikey",
    "authorization",
    "authtoken",
    "bearertoken",
    "cookie",
    "customerkey",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "secretkey",
    "sessiontoken",
];

/// Parameters of URLs and forms whose values are credentials, in lower case.
const PARAMETERS: [&str; 12] = [
    "access_token",
    "client_secret",
    "id_token",
    "password",
    "refresh_token",
    "secretaccesskey",
    "sessiontoken",
    "sig",
    "signature",
    "x-amz-credential",
    "x-amz-security-token",
    "x-amz-signature",
];

/// JSON texts inside of JSON texts that are looked into.
const NESTED: usize = 4;

/// Written in place of a secret, as a JSON text.
const REDACTED: &str = "\"[redacted]\"";

/// Ends of names of fields that name the value beside them, as in `{"name": "password", "value": "…"}`, in
/// lower case and without `-` and `_`.
const NAME_ENDS: [&str; 10] = [
    "attribute",
    "field",
    "header",
    "key",
    "label",
    "name",
    "option",
    "parameter",
    "setting",
    "variable",
];

/// Ends of names of fields that hold such a value, in the same form.
const VALUE_ENDS: [&str; 9] =
    ["content", "contents", "data", "default", "plaintext", "string", "text", "value", "values"];

/// Returns a name in lower case and without `-`, `_` and `.`.
fn plain_name(name: &str) -> String {
    let plain = name.chars().filter(|it| !matches!(it, '-' | '_' | '.'));
    plain.map(|it| it.to_ascii_lowercase()).collect()
}

/// Returns whether a field names the value of another one.
fn names_value(name: &str) -> bool {
    let plain = plain_name(name);
    plain == "k" || plain == "n" || NAME_ENDS.iter().any(|end| plain.ends_with(end))
}

/// Returns whether a field holds a value that another one names.
fn holds_value(name: &str) -> bool {
    let plain = plain_name(name);
    plain == "v" || plain == "val" || VALUE_ENDS.iter().any(|end| plain.ends_with(end))
}

/// Returns whether the values of a field are credentials.
fn is_secret(name: &str) -> bool {
    // A name in a list may have a path or a kind before it: `/app/db/password`, `header.authorization`.
    let last = name.rsplit(['/', ':', '[', ' ']).next().unwrap_or_default();
    let plain = plain_name(last.trim_end_matches([']', '"', '\'']));
    is_secret_name(&plain) || is_secret_name(bare(&plain))
}

/// Returns a name without what says only how often, or in which form: `passwordValue`, `newPassword1`,
/// `secrets`.
fn bare(plain: &str) -> &str {
    let plain = plain.trim_end_matches(|it: char| it.is_ascii_digit());
    let forms = ["value", "text", "string", "header", "pem", "base64"];
    let plain = forms.iter().find_map(|form| plain.strip_suffix(form)).unwrap_or(plain);
    plain.strip_suffix('s').unwrap_or(plain)
}

fn is_secret_name(plain: &str) -> bool {
    SECRETS.binary_search(&plain).is_ok()
        || plain.ends_with("secretaccesskey")
        || SECRET_ENDS.iter().any(|end| plain.ends_with(end))
}

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
    if nested > 0
        && text.contains('%')
        && let Ok(decoded) = percent_encoding::percent_decode_str(text).decode_utf8()
        && decoded != text
    {
        // A text whose meaning has a secret is shown by its meaning.
        if let Cow::Owned(clean) = cleaned(&decoded, nested - 1)
            && clean != decoded
            && without_parameters(text) == text
        {
            return Cow::Owned(clean);
        }
    }
    without_parameters(text)
}

/// Replaces the values of parameters that are credentials, as in `X-Amz-Signature=VALUE&`.
fn without_parameters(text: &str) -> Cow<'_, str> {
    let lower = text.to_ascii_lowercase();
    let mut values: Vec<Range<usize>> = Vec::new();
    for name in PARAMETERS {
        for (at, _) in lower.match_indices(name) {
            if !begins_name(&lower, at) {
                continue;
            }
            let after = at + name.len();
            let rest = lower.get(after..).unwrap_or_default();
            let Some(assigns) = ["=", "%3d", ": ", ":"].into_iter().find(|it| rest.starts_with(it))
            else {
                continue;
            };
            let from = after + assigns.len();
            let value = lower.get(from..).unwrap_or_default();
            let plain = value.find(['&', ' ', '"', '\'', ',', ';', '<', '>', '\\']);
            let plain = plain.unwrap_or(value.len());
            let escaped = value.get(..plain).and_then(|value| value.find("%26"));
            values.push(from..from + escaped.unwrap_or(plain));
        }
    }
    assigned(&lower, &mut values);
    private_keys(&lower, &mut values);
    web_tokens(text, &mut values);
    // `https://USER:PASSWORD@HOST/`
    for (at, mark) in lower.match_indices("://") {
        let from = at + mark.len();
        let authority = lower.get(from..).unwrap_or_default();
        let end = authority.find(['/', ' ', '"', '?']).unwrap_or(authority.len());
        let user = authority.get(..end).and_then(|authority| authority.rfind('@'));
        let user = user.and_then(|end| authority.get(..end));
        if let Some(colon) = user.and_then(|user| user.find(':')) {
            let password = from + colon + 1..from + user.map_or(0, str::len);
            values.push(password);
        }
    }
    if values.is_empty() {
        return Cow::Borrowed(text);
    }
    values.sort_by_key(|value| value.start);
    let (mut out, mut kept) = (String::new(), 0);
    for value in values {
        if value.start < kept || value.is_empty() {
            continue;
        }
        out += text.get(kept..value.start).unwrap_or_default();
        out += "[redacted]";
        kept = value.end;
    }
    out += text.get(kept..).unwrap_or_default();
    Cow::Owned(out)
}

/// Adds the values of assignments to names of credentials, as in `DB_PASSWORD=VALUE`, `"password": "VALUE"`,
/// `Authorization: Bearer VALUE` and `--password VALUE`.
fn assigned(text: &str, values: &mut Vec<Range<usize>>) {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if !is_name(*byte) {
            at += 1;
            continue;
        }
        let length = bytes.get(at..).unwrap_or_default().iter().take_while(|it| is_name(**it));
        let (from, end) = (at, at + length.count());
        at = end;
        let Some(name) = text.get(from..end).filter(|name| is_secret(name)) else { continue };
        let rest = text.get(end..).unwrap_or_default();
        let after_quote = rest.trim_start_matches(['"', '\'', '\\', ']']);
        let unspaced = after_quote.trim_start_matches([' ', '\t']);
        let is_flag = name.starts_with("--") || name.starts_with('-') && name.len() > 2;
        let is_part = from > 0 && matches!(bytes.get(from - 1), Some(b':' | b'/'));
        let value = match unspaced.strip_prefix(['=', ':']) {
            // A part of an ARN is not a name.
            Some(_) if is_part && unspaced.starts_with(':') => continue,
            Some(value) => value.trim_start_matches('>'),
            None if is_flag && rest.starts_with(' ') => rest,
            None => {
                // `<password>VALUE</password>`
                let is_element = from > 0 && bytes.get(from - 1) == Some(&b'<');
                let Some(value) = rest.strip_prefix('>').filter(|_| is_element) else { continue };
                value
            }
        };
        let quoted = value.trim_start_matches([' ', '\t']);
        let value = quoted.trim_start_matches(['"', '\'', '\\']);
        let begin = text.len() - value.len();
        let quotes = quoted.get(..quoted.len() - value.len()).unwrap_or_default();
        if let Some(length) = closing(value, quotes).filter(|length| *length > 0) {
            values.push(begin..begin + length);
            at = begin + length;
            continue;
        }
        // A header's value has blanks: it ends with its line.
        let is_header = ["authorization", "cookie"].iter().any(|it| name.ends_with(it));
        let ends: &[char] = match is_header {
            true => &['"', '\'', '\n', '\r', '\\', '<', '>'],
            false => &['&', ' ', '"', '\'', ',', ';', '<', '>', '\\', '\n', '\r', '\t', '}', ']'],
        };
        let length = value.find(ends).unwrap_or(value.len());
        if length > 0 {
            values.push(begin..begin + length);
            at = begin + length;
        }
    }
}

/// Returns the length of a text in quotation marks, before which these stand: it ends with the same ones, not
/// escaped any further.
fn closing(value: &str, quotes: &str) -> Option<usize> {
    if !quotes.ends_with(['"', '\'']) || quotes.chars().filter(|it| *it != '\\').count() != 1 {
        return None;
    }
    let ends = value.match_indices(quotes).map(|(at, _)| at);
    ends.into_iter().find(|at| *at == 0 || value.as_bytes().get(at - 1) != Some(&b'\\'))
}

/// Adds private keys in PEM.
fn private_keys(lower: &str, values: &mut Vec<Range<usize>>) {
    let mut at = 0;
    while let Some(found) = lower.get(at..).and_then(|rest| rest.find("-----begin ")) {
        let from = at + found;
        let rest = lower.get(from..).unwrap_or_default();
        let label = rest.get("-----begin ".len()..).and_then(|it| it.split("-----").next());
        let end = rest.find("-----end ").map_or(lower.len(), |end| from + end);
        if label.is_some_and(|label| label.ends_with("private key")) {
            values.push(from..end);
        }
        at = end.max(from + 1);
    }
}

/// Characters of the shortest token that is one: its header alone has more than twenty.
const WEB_TOKEN: usize = 40;

/// Adds JSON web tokens: Base64 of `{"`, and parts that dots divide.
fn web_tokens(text: &str, values: &mut Vec<Range<usize>>) {
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find("eyJ")) {
        let from = at + found;
        let rest = text.as_bytes().get(from..).unwrap_or_default();
        let length = rest.iter().take_while(is_part).count();
        let before = from.checked_sub(1).and_then(|at| text.as_bytes().get(at));
        let dots = rest.get(..length).unwrap_or_default().iter().filter(|it| **it == b'.').count();
        if length >= WEB_TOKEN && dots >= 2 && !before.is_some_and(|it| is_part(&it)) {
            values.push(from..from + length);
        }
        at = from + length;
    }
}

/// Returns whether a name begins there: `sig` is a name, and the end of others. A percent sign with two digits
/// stands for any character.
fn begins_name(lower: &str, at: usize) -> bool {
    let before = lower.get(..at).unwrap_or_default();
    let escaped = before.len().checked_sub(3).and_then(|from| before.get(from..));
    escaped.is_some_and(|it| it.starts_with('%'))
        || !before.chars().next_back().is_some_and(char::is_alphanumeric)
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

    /// Returns whether the list that follows is the name of a credential and its value.
    fn begins_pair(mut self, depth: usize) -> bool {
        let (mut count, mut named) = (0, false);
        let _ = self.list(depth, |scan| {
            count += 1;
            named |= count == 1 && scan.is_secret_name();
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
                    if (is_secret(&text) || is_value) && scan.peek()? != b'n' {
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
        ] {
            let event = serde_json::json!({"userAgent": text, "b": 1}).to_string();
            let (copy, redacted) = without_secrets(event.as_bytes()).unwrap();
            assert!(redacted && !copy.contains("SECRET"), "{copy}");
            assert!(serde_json::from_str::<serde_json::Value>(&copy).unwrap()["b"] == 1, "{copy}");
        }
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
