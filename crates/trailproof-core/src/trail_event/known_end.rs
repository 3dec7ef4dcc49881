//! `--known-end`: what the user states about a chain's end.
use crate::coverage::TAIL_ALLOWANCE;
use crate::vocab::chain_id::ChainId;
use crate::vocab::ids::{AccountId, Region, TrailName};
use crate::vocab::time::{HOUR, Timestamp};
use std::fmt;
use std::str::FromStr;

/// A stated end: `ACCOUNT[/REGION][/TRAIL]=TIME`. An account alone stands for all of its chains.
///
/// A single part after the account is read as a region if it looks like one (`eu-west-1`);
/// `ACCOUNT//TRAIL=TIME` names a trail whatever it looks like.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownEnd {
    /// The account.
    pub account: AccountId,
    /// The region whose log files the chain covers.
    pub region: Option<Region>,
    /// The trail.
    pub trail: Option<TrailName>,
    /// When the chain ended.
    pub time: Timestamp,
}

/// Why a stated end is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KnownEndError {
    /// There is no `=`.
    #[error("expected ACCOUNT[/REGION][/TRAIL]=TIME")]
    NoTime,
    /// What follows the `=` is not a time in RFC 3339.
    #[error("the time is not RFC 3339, as in 2026-03-01T00:00:00Z")]
    Time,
    /// The account is not twelve digits.
    #[error("an account is twelve digits")]
    Account,
    /// The region is not valid.
    #[error("not the name of a region")]
    Region,
    /// The trail name is not valid.
    #[error("not the name of a trail")]
    Trail,
}

impl fmt::Display for KnownEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, region, trail, time } = self;
        match (region, trail) {
            (None, None) => write!(f, "{account}={time}"),
            (Some(region), None) => write!(f, "{account}/{region}={time}"),
            (None, Some(trail)) => write!(f, "{account}//{trail}={time}"),
            (Some(region), Some(trail)) => write!(f, "{account}/{region}/{trail}={time}"),
        }
    }
}

impl FromStr for KnownEnd {
    type Err = KnownEndError;

    fn from_str(text: &str) -> Result<Self, KnownEndError> {
        let (name, time) = text.split_once('=').ok_or(KnownEndError::NoTime)?;
        let time = Timestamp::parse(time).ok_or(KnownEndError::Time)?;
        let mut parts = name.splitn(3, '/');
        let account = parts.next().unwrap_or_default().parse();
        let account = account.map_err(|_| KnownEndError::Account)?;
        let region = |text: &str| text.parse().map_err(|_| KnownEndError::Region);
        let trail = |text: &str| text.parse().map_err(|_| KnownEndError::Trail);
        let (region, trail) = match (parts.next(), parts.next()) {
            (None, _) => (None, None),
            (Some(one), None) if looks_like_a_region(one) => (Some(region(one)?), None),
            (Some(one), None) => (None, Some(trail(one)?)),
            (Some(""), Some(two)) => (None, Some(trail(two)?)),
            (Some(one), Some(two)) => (Some(region(one)?), Some(trail(two)?)),
        };
        Ok(Self { account, region, trail, time })
    }
}

/// Returns whether the text has the form `AREA-DIRECTION-NUMBER`, with any number of parts before
/// the number.
fn looks_like_a_region(text: &str) -> bool {
    let mut parts = text.rsplit('-');
    let number = parts.next().unwrap_or_default();
    let words: Vec<&str> = parts.collect();
    let is_word =
        |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    words.len() >= 2
        && words.iter().all(is_word)
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

impl KnownEnd {
    /// Returns whether the statement is about this chain.
    pub fn concerns(&self, chain: &ChainId) -> bool {
        self.account == chain.account
            && self.region.as_ref().is_none_or(|region| *region == chain.source_region)
            && self.trail.as_ref().is_none_or(|trail| *trail == chain.trail)
    }

    /// Returns whether the statement explains that `chain` has no digest after the one that ends at
    /// `last`. That digest must reach the stated end: time between the two is not excused. It may
    /// end later than stated by as much as a digest may be late.
    pub fn explains(&self, chain: &ChainId, last: Timestamp) -> bool {
        self.concerns(chain)
            && self.time.plus(-HOUR) <= last
            && last <= self.time.plus(TAIL_ALLOWANCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(region: &str, trail: &str) -> ChainId {
        ChainId {
            account: "111122223333".parse().unwrap(),
            source_region: region.parse().unwrap(),
            trail: trail.parse().unwrap(),
            home_region: "us-east-1".parse().unwrap(),
            organization: None,
        }
    }

    #[test]
    fn a_stated_end_names_account_region_and_trail() {
        for (text, region, trail) in [
            ("111122223333", None, None),
            ("111122223333/eu-west-1", Some("eu-west-1"), None),
            ("111122223333/us-gov-west-1", Some("us-gov-west-1"), None),
            ("111122223333/management-events", None, Some("management-events")),
            ("111122223333/a-1", None, Some("a-1")),
            ("111122223333//eu-west-1", None, Some("eu-west-1")),
            ("111122223333/eu-west-1/t_1", Some("eu-west-1"), Some("t_1")),
        ] {
            let end: KnownEnd = format!("{text}=2026-03-01T00:00:00Z").parse().unwrap();
            assert_eq!(end.to_string().parse(), Ok(end.clone()));
            assert_eq!(end.region.as_ref().map(Region::as_str), region, "{text}");
            assert_eq!(end.trail.as_ref().map(TrailName::as_str), trail, "{text}");
        }
        for (text, error) in [
            ("111122223333", KnownEndError::NoTime),
            ("111122223333=yesterday", KnownEndError::Time),
            ("11112222333=2026-03-01T00:00:00Z", KnownEndError::Account),
            ("111122223333/=2026-03-01T00:00:00Z", KnownEndError::Trail),
            ("111122223333/EU/t=2026-03-01T00:00:00Z", KnownEndError::Region),
            ("111122223333/eu-west-1/=2026-03-01T00:00:00Z", KnownEndError::Trail),
            ("111122223333/eu-west-1/a/b=2026-03-01T00:00:00Z", KnownEndError::Trail),
        ] {
            assert_eq!(text.parse::<KnownEnd>(), Err(error), "{text}");
        }
    }

    #[test]
    fn a_stated_end_excuses_nothing_before_it() {
        let end: KnownEnd = "111122223333/eu-west-1=2026-03-01T12:00:00Z".parse().unwrap();
        let last = |hours| end.time.plus(hours * HOUR);
        let here = chain("eu-west-1", "t");
        assert!(end.explains(&here, last(0)) && end.explains(&here, last(-1)));
        assert!(!end.explains(&here, last(-2)), "an hour before the end has no digest");
        assert!(end.explains(&here, last(2)) && !end.explains(&here, last(3)));
        assert!(!end.explains(&chain("us-east-1", "t"), last(0)));
    }
}
