//! Keys of log files, as far as they are needed to find their time.
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

#[cfg(test)]
mod tests {
    use super::*;

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
