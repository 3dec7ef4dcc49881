//! Keys of log files, as far as they are needed to find their time.
use super::budget;
use super::ids::{AccountId, Region};
use super::key_layout::DIGEST_FOLDER;
use super::time::Timestamp;

/// The beginning of the names of log folders, in any case.
const LOGS: &str = "CloudTrail";

/// Returns whether a folder of this name directly below an account's folder holds log files:
/// `CloudTrail`, `CloudTrail-Insight`, and any other name with this beginning, in any case, except
/// the folder of digests.
pub fn is_log_folder(name: &str) -> bool {
    let begins = name.get(..LOGS.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(LOGS));
    begins && name != DIGEST_FOLDER
}

/// Folders that other AWS services create beside CloudTrail's in an account's folder, from their
/// user guides. None of them holds log files of CloudTrail, and some hold millions of objects.
const OF_OTHER_SERVICES: [&str; 13] = [
    "Config",
    "GuardDuty",
    "WAFLogs",
    "aws-waf-logs",
    "bedrock",
    "elasticloadbalancing",
    "globalaccelerator",
    "network-firewall",
    "redshift",
    "s3-access-logs",
    "vpc-lattice",
    "vpcdnsquerylogs",
    "vpcflowlogs",
];

/// Returns whether a different AWS service creates the folder of this name in an account's folder.
pub fn is_of_other_service(name: &str) -> bool {
    OF_OTHER_SERVICES.binary_search(&name).is_ok()
}

/// Returns whether a key ends in the name of a log file of CloudTrail.
pub fn is_named_as_log(key: &str) -> bool {
    let name = key.rsplit('/').next().and_then(DeliveredName::parse);
    name.is_some_and(|name| !name.digest)
}

/// Returns the time in a log file's name,
/// `ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHMMZ_UNIQUE.json.gz`, of this account and region, or `None`
/// if the name is not a log file's. For other kinds of log files, such as those of Insights, the
/// name has `CloudTrail-Insight` or the like in place of `CloudTrail`.
pub fn log_key_time(key: &str, account: &AccountId, region: &Region) -> Option<Timestamp> {
    let name = key.rsplit('/').next()?;
    let rest = name.strip_prefix(account.as_str())?.strip_prefix('_')?;
    let (kind, rest) = rest.split_once('_')?;
    if kind == DIGEST_FOLDER || !is_log_folder(kind) {
        return None;
    }
    let rest = rest.strip_prefix(region.as_str())?.strip_prefix('_')?;
    let (time, rest) = rest.split_once('_')?;
    rest.strip_suffix(".json.gz")?;
    let minute = time.strip_suffix('Z')?;
    Timestamp::parse_key(&format!("{minute}00Z"))
}

/// What the name of a delivered file, without its folders, says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveredName {
    /// The name as it was delivered, with `.json.gz`.
    pub name: String,
    /// The account.
    pub account: AccountId,
    /// The region.
    pub region: Region,
    /// The time in the name.
    pub time: Timestamp,
    /// Whether it is a digest's name.
    pub digest: bool,
}

impl DeliveredName {
    /// Parses the name of a log file, `ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHMMZ_UNIQUE.json.gz`, or
    /// of a digest, `ACCOUNT_CloudTrail-Digest_REGION_TRAIL_HOMEREGION_YYYYMMDDTHHMMSSZ.json.gz`.
    /// The `.gz` may be absent, as in the name of an inflated file.
    pub fn parse(name: &str) -> Option<Self> {
        if name.len() > budget::KEY_LENGTH || name.contains('/') {
            return None;
        }
        let stem = name.strip_suffix(".gz").unwrap_or(name).strip_suffix(".json")?;
        let (account, rest) = stem.split_once('_')?;
        let (kind, rest) = rest.split_once('_')?;
        let (region, rest) = rest.split_once('_')?;
        let digest = kind == DIGEST_FOLDER;
        let time = if digest {
            let (_, time) = rest.strip_suffix("_backfill").unwrap_or(rest).rsplit_once('_')?;
            Timestamp::parse_key(time)?
        } else if is_log_folder(kind) {
            let (time, _) = rest.split_once('_')?;
            Timestamp::parse_key(&format!("{}00Z", time.strip_suffix('Z')?))?
        } else {
            return None;
        };
        let (account, region) = (account.parse().ok()?, region.parse().ok()?);
        Some(Self { name: format!("{stem}.json.gz"), account, region, time, digest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_other_services_are_known_by_name() {
        assert!(OF_OTHER_SERVICES.is_sorted());
        assert!(is_of_other_service("vpcflowlogs") && !is_of_other_service("VPCFlowLogs"));
        assert!(!is_of_other_service("CloudTrail") && !is_of_other_service("us-east-1"));
    }

    #[test]
    fn a_delivered_name_says_account_region_and_time() {
        let read = |name: &str| {
            DeliveredName::parse(name).map(|read| {
                assert_eq!(read.account.as_str(), "123456789012", "{name}");
                assert_eq!(read.region.as_str(), "us-east-1", "{name}");
                assert!(read.name.ends_with(".json.gz"), "{name}");
                (read.time.to_string(), read.digest)
            })
        };
        let log = "123456789012_CloudTrail_us-east-1_20230710T1220Z_WMiHxZgr5Hdd6UDc.json.gz";
        let expected = Some(("2023-07-10T12:20:00Z".to_owned(), false));
        assert_eq!(read(log), expected);
        assert_eq!(read(log.strip_suffix(".gz").unwrap()), expected);
        assert_eq!(read(&log.replace("CloudTrail", "CloudTrail-Insight")), expected);
        let digest = "123456789012_CloudTrail-Digest_us-east-1_a_b_eu-west-1_20230710T122033Z";
        let expected = Some(("2023-07-10T12:20:33Z".to_owned(), true));
        assert_eq!(read(&format!("{digest}.json.gz")), expected);
        assert_eq!(read(&format!("{digest}_backfill.json.gz")), expected);
        for other in [
            "",
            "notes.json",
            &log.replace(".json", ".txt"),
            &log.replace("_20230710", "_20231310"),
            &log.replace("1220Z", "1220"),
            &log.replace("123456789012", "12345678901"),
            &log.replace("us-east-1", "US"),
            &log.replace("CloudTrail", "Config"),
            &format!("a/{log}"),
            &format!("{log}.bak"),
            &log.replace("Dc", &"x".repeat(1_024)),
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn only_a_log_file_of_this_account_and_region_has_a_time() {
        let (account, region) = ("123456789012".parse().unwrap(), "us-east-1".parse().unwrap());
        let time = |key: &str| log_key_time(key, &account, &region).map(|at| at.to_string());
        let key = "a/123456789012_CloudTrail_us-east-1_20230710T1220Z_WMiHxZgr5Hdd6UDc.json.gz";
        assert_eq!(time(key).as_deref(), Some("2023-07-10T12:20:00Z"));
        let insight = key.replace("_CloudTrail_", "_CloudTrail-Insight_");
        assert_eq!(time(&insight).as_deref(), Some("2023-07-10T12:20:00Z"));
        for other in [
            key.replace("us-east-1", "us-east-2"),
            key.replace("9012_", "9013_"),
            key.replace(".json.gz", ".json"),
            key.replace("1220Z", "1220"),
            key.replace("CloudTrail", "CloudTrail-Digest"),
        ] {
            assert_eq!(time(&other), None, "{other}");
        }
    }

    #[test]
    fn log_folders_are_recognised_by_their_prefix() {
        for name in
            ["CloudTrail", "CloudTrail-Insight", "cloudtrail", "CLOUDTRAIL-x", "CloudTrail2"]
        {
            assert!(is_log_folder(name), "{name}");
        }
        for name in ["CloudTrail-Digest", "Config", "Cloud", "", "CloudTraił"] {
            assert!(!is_log_folder(name), "{name}");
        }
    }
}
