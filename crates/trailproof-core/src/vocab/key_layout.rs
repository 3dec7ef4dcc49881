//! The layout of a trail's bucket: building, parsing and matching the keys of digests.
//!
//! Keys are read from the right, where the parts are unambiguous: a trail's name may contain `_`
//! and even a region, its prefix may contain slashes and `AWSLogs`. Only an exact digest key is
//! accepted, so that nothing else written into the bucket can pass for one.
use super::budget;
use super::ids::{AccountId, OrganizationId, Region, TrailName};
use super::time::Timestamp;
use std::fmt;
use strum::{EnumIter, EnumString, IntoStaticStr};

/// Folder above every key of CloudTrail.
pub const ROOT: &str = "AWSLogs";
/// Folder of digests, and the part of file names that marks them.
pub const DIGEST_FOLDER: &str = "CloudTrail-Digest";
const SUFFIX: &str = ".json.gz";
const BACKFILL: &str = "_backfill";

/// The two kinds of digest, distinguished by their keys.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum DigestKind {
    /// The hourly digest.
    Standard,
    /// A digest of log files that were delivered late.
    Backfill,
}

impl DigestKind {
    /// Returns the stable code for machines; never renamed once released. It parses back to the
    /// kind.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// The part of a key before the account: prefix and organization.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyRoot {
    /// Key prefix without its last slash; empty if the trail has none.
    pub prefix: String,
    /// Organization of an organization trail.
    pub organization: Option<OrganizationId>,
}

impl KeyRoot {
    /// Returns the folder that holds the accounts, with a trailing slash.
    pub fn folder(&self) -> String {
        let mut folder = String::new();
        if !self.prefix.is_empty() {
            folder.push_str(&self.prefix);
            folder.push('/');
        }
        folder.push_str(ROOT);
        folder.push('/');
        if let Some(organization) = &self.organization {
            folder.push_str(organization.as_str());
            folder.push('/');
        }
        folder
    }
}

/// Identity of a chain by its keys: everything that its digests' keys have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChainKey {
    /// Account whose log files the chain covers.
    pub account: AccountId,
    /// Region whose log files the chain covers.
    pub source_region: Region,
    /// The trail's name.
    pub trail: TrailName,
    /// Region in the trail's ARN.
    pub home_region: Region,
    /// Prefix and organization.
    pub root: KeyRoot,
}

impl ChainKey {
    /// Returns the folder of the chain's region, with a trailing slash. Other trails may share it.
    pub fn folder(&self) -> String {
        format!("{}{}/{DIGEST_FOLDER}/{}/", self.root.folder(), self.account, self.source_region)
    }

    /// Returns the key of the digest that ends at `end`.
    pub fn digest_key(&self, end: Timestamp, kind: DigestKind) -> String {
        let Self { account, source_region, trail, home_region, .. } = self;
        let backfill = match kind {
            DigestKind::Standard => "",
            DigestKind::Backfill => BACKFILL,
        };
        format!(
            "{}{}/{account}_{DIGEST_FOLDER}_{source_region}_{trail}_{home_region}_{}{backfill}{SUFFIX}",
            self.folder(),
            end.date_folder(),
            end.key(),
        )
    }

    /// Returns a key that sorts before every digest of the chain that ends at `from` or later, and
    /// after those of earlier days: the start of a listing.
    pub fn before(&self, from: Timestamp) -> String {
        // The folder of a day sorts before everything in it.
        format!("{}{}", self.folder(), from.date_folder())
    }
}

impl fmt::Display for ChainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.account, self.source_region, self.trail)
    }
}

/// A parsed digest key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DigestKey {
    /// The chain it belongs to.
    pub chain: ChainKey,
    /// The digest's end, which the key and its date folder name.
    pub end: Timestamp,
    /// Standard or backfill.
    pub kind: DigestKind,
}

impl DigestKey {
    /// Parses a key; returns `None` unless it is exactly a digest's, including its date folder.
    pub fn parse(key: &str) -> Option<Self> {
        if key.len() > budget::KEY_LENGTH {
            return None;
        }
        let (folders, name) = key.rsplit_once('/')?;
        let stem = name.strip_suffix(SUFFIX)?;
        let (stem, kind) = match stem.strip_suffix(BACKFILL) {
            Some(stem) => (stem, DigestKind::Backfill),
            None => (stem, DigestKind::Standard),
        };
        let (stem, end) = stem.rsplit_once('_')?;
        let end = Timestamp::parse_key(end)?;

        let folders = folders.strip_suffix(end.date_folder().as_str())?.strip_suffix('/')?;
        let (folders, source_region) = folders.rsplit_once('/')?;
        let folders = folders.strip_suffix(DIGEST_FOLDER)?.strip_suffix('/')?;
        let (folders, account) = folders.rsplit_once('/')?;
        let root = parse_root(folders)?;

        // The name begins with the parts in its folders, so what remains is the trail's name.
        let stem = stem.strip_prefix(account)?.strip_prefix('_')?;
        let stem = stem.strip_prefix(DIGEST_FOLDER)?.strip_prefix('_')?;
        let stem = stem.strip_prefix(source_region)?.strip_prefix('_')?;
        let (trail, home_region) = stem.rsplit_once('_')?;

        let chain = ChainKey {
            account: account.parse().ok()?,
            source_region: source_region.parse().ok()?,
            trail: trail.parse().ok()?,
            home_region: home_region.parse().ok()?,
            root,
        };
        Some(Self { chain, end, kind })
    }

    /// Returns the key, byte for byte as it was parsed.
    pub fn build(&self) -> String {
        self.chain.digest_key(self.end, self.kind)
    }
}

/// Parses the part of a key before the account: `[prefix/]AWSLogs[/o-id]`.
pub fn parse_root(folders: &str) -> Option<KeyRoot> {
    let (above, last) = match folders.rsplit_once('/') {
        Some((above, last)) => (Some(above), last),
        None => (None, folders),
    };
    if last == ROOT {
        return Some(KeyRoot { prefix: above.unwrap_or_default().to_owned(), organization: None })
            // An empty prefix followed by a slash is a different key from one without a prefix.
            .filter(|root| above.is_none() || !root.prefix.is_empty());
    }
    let organization = Some(last.parse().ok()?);
    let root = parse_root(above?)?;
    root.organization.is_none().then_some(KeyRoot { organization, ..root })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &str = "AWSLogs/112280397275/CloudTrail-Digest/us-east-1/2019/11/08/112280397275_CloudTrail-Digest_us-east-1_cloudtrail-log-analytics-CloudTrail-1KU5PJNR4T9HG_us-east-1_20191108T164911Z.json.gz";

    #[test]
    fn a_real_key_is_parsed_and_rebuilt() {
        let key = DigestKey::parse(REAL).unwrap();
        assert_eq!(key.chain.trail.as_str(), "cloudtrail-log-analytics-CloudTrail-1KU5PJNR4T9HG");
        assert_eq!(key.end.to_string(), "2019-11-08T16:49:11Z");
        assert_eq!(key.kind, DigestKind::Standard);
        assert_eq!(key.build(), REAL);
    }

    fn chain(trail: &str, prefix: &str, organization: Option<&str>) -> ChainKey {
        ChainKey {
            account: "123456789012".parse().unwrap(),
            source_region: "eu-west-1".parse().unwrap(),
            trail: trail.parse().unwrap(),
            home_region: "us-east-1".parse().unwrap(),
            root: KeyRoot {
                prefix: prefix.to_owned(),
                organization: organization.map(|id| id.parse().unwrap()),
            },
        }
    }

    #[test]
    fn awkward_names_and_prefixes_round_trip() {
        let end = Timestamp::parse("2023-07-10T12:00:00Z").unwrap();
        for trail in
            ["abc", "a_b", "t_us-east-1_x", "t_us-east-1", "x_20230710T120000Z", "a_backfill"]
        {
            for prefix in ["", "logs", "a/b", "AWSLogs", "AWSLogs/o-a1b2c3d4e5"] {
                for organization in [None, Some("o-a1b2c3d4e5")] {
                    for kind in [DigestKind::Standard, DigestKind::Backfill] {
                        let chain = chain(trail, prefix, organization);
                        let key = chain.digest_key(end, kind);
                        let parsed = DigestKey::parse(&key);
                        let prefix_is_organization = prefix.ends_with("/o-a1b2c3d4e5");
                        if prefix_is_organization && organization.is_none() {
                            // `AWSLogs/o-…/AWSLogs/…`: the inner `AWSLogs` is the root.
                            assert_eq!(parsed.unwrap().chain.root.prefix, prefix);
                        } else {
                            assert_eq!(parsed, Some(DigestKey { chain, end, kind }), "{key}");
                        }
                    }
                }
            }
        }
    }

    proptest::proptest! {
        /// Names and prefixes may contain everything that the layout itself consists of.
        #[test]
        fn a_key_that_was_built_parses_to_its_parts(
            account in "[0-9]{12}",
            regions in ("[a-z]{2}-[a-z]{4,9}-[1-9]", "[a-z]{2}-[a-z]{4,9}-[1-9]"),
            trail in "[a-z0-9]([A-Za-z0-9._-]|_us-east-1|_20230710T120000Z|_backfill){0,6}[a-z0-9]",
            prefix in "(|(AWSLogs|CloudTrail-Digest|[a-zA-Z0-9!_.*'()=&@ -]{1,9})(/(AWSLogs|2023/07/10|[a-z]{1,4})){0,3})",
            organization in proptest::option::of("o-[a-z0-9]{10,32}"),
            seconds in 0..=4_102_444_800_i64,
            backfill: bool,
        ) {
            let chain = ChainKey {
                account: account.parse().unwrap(),
                source_region: regions.0.parse().unwrap(),
                trail: trail.parse().unwrap(),
                home_region: regions.1.parse().unwrap(),
                root: KeyRoot {
                    prefix,
                    organization: organization.map(|id| id.parse().unwrap()),
                },
            };
            let kind = if backfill { DigestKind::Backfill } else { DigestKind::Standard };
            let end = Timestamp::from_unix(seconds);
            let key = chain.digest_key(end, kind);
            proptest::prop_assert!(key.starts_with(&chain.folder()));
            proptest::prop_assert!(chain.before(end) < key);
            proptest::prop_assert_eq!(DigestKey::parse(&key), Some(DigestKey { chain, end, kind }));
        }

        /// A key that is nearly a digest's either is not taken for one, or is exactly what it says.
        #[test]
        fn a_key_that_parses_is_the_key_of_its_parts(
            at in 0..REAL.len(),
            removed in 0..3_usize,
            added in "[A-Za-z0-9/_.-]{0,2}",
        ) {
            let rest = REAL.get(at + removed..).unwrap_or_default();
            let key = format!("{}{added}{rest}", &REAL[..at]);
            if let Some(parsed) = DigestKey::parse(&key) {
                proptest::prop_assert_eq!(parsed.build(), key);
            }
        }
    }

    #[test]
    fn only_exact_digest_keys_parse() {
        for (from, to) in [
            ("2019/11/08", "2019/11/09"),
            ("2019/11/08", "2019/11"),
            ("us-east-1/", "us-east-2/"),
            ("AWSLogs/", ""),
            ("AWSLogs/", "/AWSLogs/"),
            ("AWSLogs/112280397275", "AWSLogs/112280397276"),
            (".json.gz", ".json"),
            (".json.gz", ".json.gz.gz"),
            (".json.gz", "_backfill_backfill.json.gz"),
            (".json.gz", "\n.json.gz"),
            ("164911Z", "16491Z"),
            ("CloudTrail-Digest/", "CloudTrail/"),
            ("1KU5", "1K/U5"),
            ("1KU5", "1K U5"),
        ] {
            let key = REAL.replace(from, to);
            assert_ne!(key, REAL);
            assert_eq!(DigestKey::parse(&key), None, "{key}");
        }
        assert_eq!(DigestKey::parse(&format!("{}/{REAL}", "p".repeat(1_024))), None);
    }

    #[test]
    fn a_listing_starts_before_the_day() {
        let chain = chain("abc", "p", None);
        let from = Timestamp::parse("2023-07-10T00:00:00Z").unwrap();
        let before = chain.before(from);
        assert!(chain.digest_key(from, DigestKind::Standard) > before);
        assert!(chain.digest_key(from.plus(-1), DigestKind::Standard) < before);
    }
}
