//! The key of a log file, as far as its time goes.
use super::ids::{AccountId, Region};
use super::time::Timestamp;

/// The time in a log file's name, `ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHMMZ_UNIQUE.json.gz`, of
/// this account and region; `None` where the name is not a log file's. Only the name is looked at:
/// log files of insights and network activity lie in other folders under names of their own.
pub fn log_key_time(key: &str, account: &AccountId, region: &Region) -> Option<Timestamp> {
    let name = key.rsplit('/').next()?;
    let rest = name.strip_prefix(account.as_str())?.strip_prefix("_CloudTrail_")?;
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
}
