//! The forms in which public keys come in files. `docs/src/format/key-bundle.md` documents them.
use super::coverage::{Stretch, certain, joined};
use crate::trust::KeyRecord;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::ids::Region;
use trailproof_core::vocab::location::excerpt;
use trailproof_core::vocab::time::Timestamp;

/// What the first field of our own form holds.
pub(super) const FORMAT: &str = "trailproof-public-keys";
/// Number of our own form.
pub(super) const SCHEMA: u64 = 1;

/// Keys of one region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegionKeys {
    /// The keys.
    pub keys: Vec<KeyRecord>,
    /// Stretches of which the keys are all, ascending.
    pub covered: Vec<Stretch>,
    /// From when on the keys are all that there were when they were asked for, and when that was.
    pub all_since: Option<Stretch>,
}

impl RegionKeys {
    /// Takes that all keys from then on were asked for at that time. The later time counts.
    pub(super) fn asked_since(&mut self, stretch: Option<Stretch>) {
        let later = |(from, asked): Stretch| (asked, std::cmp::Reverse(from));
        self.all_since = self.all_since.into_iter().chain(stretch).max_by_key(|it| later(*it));
    }
}

/// Keys of some regions, as files tell them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    /// By region.
    pub regions: BTreeMap<Region, RegionKeys>,
    /// Keys of which the file does not tell the region: `list-public-keys` does not print it.
    pub of_any_region: Vec<KeyRecord>,
    /// Records that cannot be a key: what is wrong with each.
    pub unusable: Vec<String>,
    /// Whether an answer says that it goes on: its keys are then not all.
    pub cut: bool,
}

/// Why a file is no bundle, in words that are safe to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleError(pub(super) String);

impl std::fmt::Display for BundleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Bundle {
    /// Reads a file of any of the forms.
    ///
    /// # Errors
    ///
    /// That it cannot be read, or what about it is no bundle.
    pub fn read(path: &Path) -> Result<Self, BundleError> {
        let failed = |error: std::io::Error| BundleError(error.to_string());
        let file = std::fs::File::open(path).map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(budget::KEY_BUNDLE + 1).read_to_end(&mut bytes).map_err(failed)?;
        Self::parse(&bytes)
    }

    /// Reads the bytes of such a file.
    ///
    /// # Errors
    ///
    /// What about them is no bundle.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        let error = |words: &str| BundleError(words.to_owned());
        if u64::try_from(bytes.len()).map_or(true, |length| length > budget::KEY_BUNDLE) {
            return Err(BundleError(format!("it has more than {} bytes", budget::KEY_BUNDLE)));
        }
        let document: Value = serde_json::from_slice(bytes).map_err(|why| {
            BundleError(format!("it is no JSON: {}", excerpt(&why.to_string(), 200)))
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
            _ => return Err(error("it is neither a bundle nor an answer of `list-public-keys`")),
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

    /// Adds what another file tells.
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

    /// Our own form, which tells what was asked for.
    fn own(&mut self, fields: &Map<String, Value>) -> Result<(), BundleError> {
        let format = fields.get("format").and_then(Value::as_str);
        let schema = fields.get("schema").and_then(Value::as_u64);
        if (format, schema) != (Some(FORMAT), Some(SCHEMA)) {
            return Err(BundleError(format!("it is no `{FORMAT}` of schema {SCHEMA}")));
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

    /// `{region: answer}`, as people put together the answers for several regions.
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

    /// The keys of a list, and whether every entry of it is one: of a list with another entry nobody
    /// knows which key is wanting, so that it is all keys of no time.
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

/// Whether an answer of ListPublicKeys says that there is another page.
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
    // Printed JSON may break the line within a value.
    let value: String = value.split_ascii_whitespace().collect();
    let der = STANDARD.decode(value).map_err(|_| named("has a `Value` that is no base64"))?;
    if der.len() > budget::PUBLIC_KEY {
        return Err(named("is larger than a key can be"));
    }
    let bound = |name: &str| match told.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(at) => match time(at) {
            Some(at) => Ok(Some(at)),
            None => Err(named(&format!("has a `{name}` that is no time"))),
        },
    };
    Ok(KeyRecord {
        fingerprint: fingerprint.to_owned(),
        valid_from: bound("ValidityStartTime")?,
        valid_to: bound("ValidityEndTime")?,
        der,
    })
}

/// A time as the AWS CLI prints it, 1 (seconds) and 2 (RFC 3339), and as .NET does: `/Date(ms)/`.
fn time(value: &Value) -> Option<Timestamp> {
    if let Some(seconds) = value.as_i64() {
        return Some(Timestamp::from_unix(seconds));
    }
    if let Some(seconds) = value.as_f64() {
        // Fractions of seconds are of no account; what is no time at all is none.
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
    name.parse().map_err(|_| BundleError(format!("`{}` is no region", excerpt(name, 64))))
}

fn absent(name: &str) -> BundleError {
    BundleError(format!("its `{name}` is absent or of another kind"))
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
