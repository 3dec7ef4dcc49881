//! The file formats of public keys, documented in `docs/src/format/key-bundle.md`.
use super::coverage::{Stretch, certain, joined};
use crate::trust::KeyRecord;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use trailproof_core::bytes::json_size::exceeds_values;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::ids::Region;
use trailproof_core::vocab::location::excerpt;
use trailproof_core::vocab::time::Timestamp;

/// Value of the field `format` in trailproof's own format.
pub(super) const FORMAT: &str = "trailproof-public-keys";
/// Version of trailproof's own format.
pub(super) const SCHEMA: u64 = 1;

/// Keys of one region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegionKeys {
    /// The keys.
    pub keys: Vec<KeyRecord>,
    /// Stretches for which `keys` contains every key, ascending.
    pub covered: Vec<Stretch>,
    /// The time since which `keys` contains every key that existed when they were requested, and
    /// the time of that request.
    pub all_since: Option<Stretch>,
}

impl RegionKeys {
    /// Records that all keys since the first time were requested at the second. The later request
    /// counts.
    pub(super) fn asked_since(&mut self, stretch: Option<Stretch>) {
        let later = |(from, asked): Stretch| (asked, std::cmp::Reverse(from));
        self.all_since = self.all_since.into_iter().chain(stretch).max_by_key(|it| later(*it));
    }
}

/// Keys of several regions, as read from files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    /// The keys by region.
    pub regions: BTreeMap<Region, RegionKeys>,
    /// Keys without a region: the output of `list-public-keys` does not name it.
    pub of_any_region: Vec<KeyRecord>,
    /// Why each unusable record cannot be a key.
    pub unusable: Vec<String>,
    /// Whether a response has a next page, so that its keys are incomplete.
    pub cut: bool,
}

/// Why a file is not a bundle, in a message that is safe to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BundleError(pub(super) String);

impl Bundle {
    /// Reads a file in any of the formats.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::path::Path;
    /// use trailproof::trust::bundle::{Bundle, check};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/demo/public-keys.json");
    /// let checked = check(&Bundle::read(&demo)?);
    /// let regions: Vec<&str> = checked.regions.keys().map(|region| region.as_str()).collect();
    /// assert_eq!(regions, ["eu-west-1", "us-east-1"]);
    /// assert!(checked.regions.values().all(|region| region.keys > 0));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not a bundle.
    pub fn read(path: &Path) -> Result<Self, BundleError> {
        let failed = |error: std::io::Error| BundleError(error.to_string());
        let file = std::fs::File::open(path).map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(budget::KEY_BUNDLE + 1).read_to_end(&mut bytes).map_err(failed)?;
        Self::parse(&bytes)
    }

    /// Parses the bytes of such a file.
    ///
    /// # Errors
    ///
    /// The bytes are not a bundle.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        let error = |words: &str| BundleError(words.to_owned());
        if u64::try_from(bytes.len()).map_or(true, |length| length > budget::KEY_BUNDLE) {
            return Err(BundleError(format!("it has more than {} bytes", budget::KEY_BUNDLE)));
        }
        // Each has a fingerprint, a value and two times.
        if exceeds_values(bytes, 8 * budget::PUBLIC_KEYS) {
            return Err(error("it has too many values to be keys"));
        }
        let document: Value = serde_json::from_slice(bytes).map_err(|why| {
            BundleError(format!("it is not JSON: {}", excerpt(&why.to_string(), 200)))
        })?;
        let mut bundle = Self::default();
        match &document {
            Value::Object(fields) if fields.contains_key("format") => bundle.own(fields)?,
            Value::Object(fields) if fields.contains_key("PublicKeyList") => {
                bundle.cut |= goes_on(fields);
                bundle.of_any_region = bundle.listed(fields.get("PublicKeyList"))?.0;
            }
            Value::Array(_) => bundle.of_any_region = bundle.listed(Some(&document))?.0,
            Value::Object(fields) => bundle.by_region(fields)?,
            _ => return Err(error("it is neither a bundle nor the output of `list-public-keys`")),
        }
        let regions = bundle.regions.values().map(|region| region.keys.len()).sum::<usize>();
        match regions + bundle.of_any_region.len() {
            0 if bundle.unusable.is_empty() && bundle.regions.is_empty() => {
                Err(error("it has no keys"))
            }
            count if count > budget::PUBLIC_KEYS => Err(error("it has too many keys")),
            _ => Ok(bundle),
        }
    }

    /// Adds the keys of a different file.
    pub fn add(&mut self, other: Self) {
        for (region, more) in other.regions {
            let into = self.regions.entry(region).or_default();
            into.keys.extend(more.keys);
            into.covered.extend(more.covered);
            into.covered = joined(std::mem::take(&mut into.covered));
            into.asked_since(more.all_since);
        }
        self.of_any_region.extend(other.of_any_region);
        self.unusable.extend(other.unusable);
        self.cut |= other.cut;
    }

    /// Reads trailproof's own format, which records what was requested.
    fn own(&mut self, fields: &Map<String, Value>) -> Result<(), BundleError> {
        let format = fields.get("format").and_then(Value::as_str);
        let schema = fields.get("schema").and_then(Value::as_u64);
        if (format, schema) != (Some(FORMAT), Some(SCHEMA)) {
            return Err(BundleError(format!("it is not `{FORMAT}` with schema {SCHEMA}")));
        }
        let regions = fields.get("regions").and_then(Value::as_object);
        for (name, told) in regions.ok_or_else(|| absent("regions"))? {
            let (keys, sound) = self.listed(told.get("PublicKeyList"))?;
            let mut covered = Vec::new();
            for span in told.get("requested").and_then(Value::as_array).into_iter().flatten() {
                let end = |name: &str| span.get(name).and_then(time);
                let (from, to) = end("from").zip(end("to")).ok_or_else(|| absent("requested"))?;
                covered.push((from, to));
            }
            let since = told.get("all_since").map(|since| {
                let end = |name: &str| since.get(name).and_then(time);
                end("from").zip(end("asked")).ok_or_else(|| absent("all_since"))
            });
            let since = since.transpose()?;
            let region = self.regions.entry(region(name)?).or_default();
            region.keys.extend(keys);
            region.covered = if sound { joined(covered) } else { Vec::new() };
            region.asked_since(since.filter(|_| sound));
        }
        Ok(())
    }

    /// Reads `{region: response}`, which users put together from the responses of several regions.
    fn by_region(&mut self, fields: &Map<String, Value>) -> Result<(), BundleError> {
        for (name, answer) in fields {
            let region = region(name)?;
            let cut = answer.as_object().is_some_and(goes_on);
            let list = if answer.is_array() { Some(answer) } else { answer.get("PublicKeyList") };
            let (keys, sound) = self.listed(list)?;
            let covered = if cut || !sound { Vec::new() } else { certain(&keys) };
            self.cut |= cut;
            self.regions.insert(region, RegionKeys { keys, covered, all_since: None });
        }
        Ok(())
    }

    /// Returns the keys of a list, and whether every entry is a key. If an entry is malformed, the
    /// missing key is unknown, so the list is complete for no time.
    fn listed(&mut self, list: Option<&Value>) -> Result<(Vec<KeyRecord>, bool), BundleError> {
        let list = list.and_then(Value::as_array).ok_or_else(|| absent("PublicKeyList"))?;
        let mut keys = Vec::new();
        let mut sound = true;
        for told in list {
            match record(told) {
                Ok(key) => keys.push(key),
                Err(why) => {
                    sound = false;
                    self.unusable.push(why);
                }
            }
        }
        Ok((keys, sound))
    }
}

/// Returns whether a response of ListPublicKeys has a next page.
fn goes_on(fields: &Map<String, Value>) -> bool {
    fields.get("NextToken").is_some_and(|token| !token.is_null())
}

fn record(told: &Value) -> Result<KeyRecord, String> {
    let text = |name: &str| told.get(name).and_then(Value::as_str);
    let fingerprint = text("Fingerprint").ok_or("a key has no `Fingerprint`")?;
    let named = |words: &str| format!("key `{}` {words}", excerpt(fingerprint, 64));
    let value = text("Value").ok_or_else(|| named("has no `Value`"))?;
    if fingerprint.len() > budget::FINGERPRINT || value.len() > budget::PUBLIC_KEY * 2 {
        return Err(named("is larger than a key can be"));
    }
    // Pretty-printed JSON may break the line within a value.
    let value: String = value.split_ascii_whitespace().collect();
    let der = STANDARD.decode(value).map_err(|_| named("has a `Value` that is not base64"))?;
    if der.len() > budget::PUBLIC_KEY {
        return Err(named("is larger than a key can be"));
    }
    let bound = |name: &str| match told.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(at) => match time(at) {
            Some(at) => Ok(Some(at)),
            None => Err(named(&format!("has a `{name}` that is not a time"))),
        },
    };
    Ok(KeyRecord {
        fingerprint: fingerprint.to_owned(),
        valid_from: bound("ValidityStartTime")?,
        valid_to: bound("ValidityEndTime")?,
        der,
    })
}

/// Parses a time as AWS CLI 1 (seconds), AWS CLI 2 (RFC 3339) or .NET (`/Date(ms)/`) prints it.
fn time(value: &Value) -> Option<Timestamp> {
    if let Some(seconds) = value.as_i64() {
        return Some(Timestamp::from_unix(seconds));
    }
    if let Some(seconds) = value.as_f64() {
        // Fractions of seconds are dropped. A number that is out of range is not a time.
        let whole = format!("{:.0}", seconds.trunc());
        return whole.parse().ok().map(Timestamp::from_unix);
    }
    let text = value.as_str()?;
    if let Some(inner) = text.strip_prefix("/Date(").and_then(|text| text.strip_suffix(")/")) {
        let digits = inner.split_once(['+']).map_or(inner, |(digits, _)| digits);
        return digits.parse::<i64>().ok().map(|ms| Timestamp::from_unix(ms.div_euclid(1_000)));
    }
    Timestamp::parse_loosely(text)
}

fn region(name: &str) -> Result<Region, BundleError> {
    name.parse().map_err(|_| BundleError(format!("`{}` is not a region", excerpt(name, 64))))
}

fn absent(name: &str) -> BundleError {
    BundleError(format!("its `{name}` is missing or has the wrong type"))
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
