//! What is a credential: by the name of a field, and in texts.
use std::borrow::Cow;
use std::ops::Range;

/// Names of fields whose values are credentials, in lower case and without `-` and `_`. AWS itself
/// hides some of them in some services.
const SECRETS: [&str; 26] = [
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
    "tokencode",
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

/// What a token is for that is no credential: it continues or repeats a request. In the same form, before
/// `token`.
const OTHER_TOKENS: [&str; 12] = [
    "backward",
    "client",
    "continuation",
    "creator",
    "forward",
    "idempotency",
    "marker",
    "next",
    "page",
    "pagination",
    "request",
    "starting",
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
pub(super) fn names_value(name: &str) -> bool {
    let plain = plain_name(name);
    // These name what was called, and who called it.
    if plain == "eventname" || plain == "username" {
        return false;
    }
    plain == "k" || plain == "n" || NAME_ENDS.iter().any(|end| plain.ends_with(end))
}

/// Returns whether a field holds a value that another one names.
pub(super) fn holds_value(name: &str) -> bool {
    let plain = plain_name(name);
    if plain.ends_with("context") || plain == "additionaleventdata" {
        return false;
    }
    plain == "v" || plain == "val" || VALUE_ENDS.iter().any(|end| plain.ends_with(end))
}

/// Returns whether the values of a field are credentials.
pub(super) fn is_secret(name: &str) -> bool {
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
    // Counts of tokens, and names of secrets, are none.
    let one = plain.strip_suffix('s').filter(|one| !matches!(*one, "token" | "secret"));
    one.unwrap_or(plain)
}

fn is_secret_name(plain: &str) -> bool {
    let token = plain.strip_suffix("token");
    SECRETS.binary_search(&plain).is_ok()
        || plain.ends_with("secretaccesskey")
        || token.is_some_and(|what| !OTHER_TOKENS.iter().any(|other| what.ends_with(other)))
        || SECRET_ENDS.iter().any(|end| plain.ends_with(end))
}

/// Replaces the values of parameters that are credentials, as in `X-Amz-Signature=VALUE&`.
pub(super) fn without_parameters(text: &str) -> Cow<'_, str> {
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
    redacted(text, values)
}

/// Returns the text with these stretches replaced. Stretches that touch are one.
fn redacted(text: &str, mut values: Vec<Range<usize>>) -> Cow<'_, str> {
    values.retain(|value| !value.is_empty());
    if values.is_empty() {
        return Cow::Borrowed(text);
    }
    values.sort_by_key(|value| value.start);
    let mut joined: Vec<Range<usize>> = Vec::new();
    for value in values {
        match joined.last_mut() {
            Some(last) if value.start <= last.end => last.end = last.end.max(value.end),
            _ => joined.push(value),
        }
    }
    let (mut out, mut kept) = (String::new(), 0);
    for value in joined {
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
        // `<password>VALUE</password>`
        let is_element = from > 0 && bytes.get(from - 1) == Some(&b'<') && rest.starts_with('>');
        let value = match unspaced.strip_prefix(['=', ':']) {
            // A part of an ARN is not a name.
            Some(_) if is_part && unspaced.starts_with(':') => continue,
            Some(value) => value.trim_start_matches('>'),
            None if is_flag && rest.starts_with(' ') => rest,
            None if is_element => rest.trim_start_matches('>'),
            None => continue,
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
        // A header's value has blanks: it ends with its line, or with the quotation marks around both.
        let is_header = ["authorization", "cookie"].iter().any(|it| name.ends_with(it));
        let is_quoted = from > 0 && matches!(bytes.get(from - 1), Some(b'"' | b'\''));
        let ends: &[char] = match (is_header, is_element) {
            (_, true) => &['<'],
            (true, _) if is_quoted => &['"', '\'', '\n', '\r', '\\', '<', '>'],
            (true, _) => &['\n', '\r', '<', '>'],
            (false, _) => &['&', ' ', '"', '\'', ';', '<', '>', '\\', '\n', '\r', '\t', '}', ']'],
        };
        let is_end = |(at, it): &(usize, char)| match it {
            ',' if !is_header && !is_element => ends_at_comma(value, *at),
            it => ends.contains(it),
        };
        let length = value.char_indices().find(is_end).map_or(value.len(), |(at, _)| at);
        let length = block(value).unwrap_or(length);
        if length > 0 {
            values.push(begin..begin + length);
            at = begin + length;
        }
    }
}

/// Returns whether the comma there ends a value: if the next assignment, or nothing, follows it.
fn ends_at_comma(value: &str, at: usize) -> bool {
    let is_name = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '-' | '.');
    let rest = value.get(at + 1..).unwrap_or_default();
    let after = rest.trim_start_matches(is_name);
    rest.is_empty() || (after.len() < rest.len() && after.starts_with(['=', ':']))
}

/// Returns the length of an indented block, as YAML has it: `|` or `>` and the indented lines that follow.
fn block(value: &str) -> Option<usize> {
    if !value.starts_with(['|', '>']) {
        return None;
    }
    // Nothing but few marks and blanks is before the end of the line.
    let end = value.bytes().take(16).position(|it| it == b'\n')?;
    let (first, rest) = (value.get(..end)?, value.get(end + 1..)?);
    let mark = first.trim_end_matches(['\r', ' ', '-', '+']);
    if mark != "|" && mark != ">" {
        return None;
    }
    let lines = rest.split_inclusive('\n').take_while(|line| line.starts_with([' ', '\t']));
    Some(first.len() + 1 + lines.map(str::len).sum::<usize>())
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
        at = from + 1;
        if label.is_some_and(|label| label.ends_with("private key")) {
            let end = rest.find("-----end ").map_or(lower.len(), |end| from + end);
            values.push(from..end);
            at = end.max(at);
        }
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
