//! Names of accounts, organizations, regions and trails, each restricted to what AWS allows.
//!
//! A folder or a key with parts that do not match belongs to no one: it is skipped, never guessed
//! at.
use std::fmt;
use std::str::FromStr;

/// The text does not have the form of the requested id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnId;

macro_rules! id {
    ($(#[$meta:meta])* $name:ident, $accepts:expr) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl $name {
            /// Returns the text of the id.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let accepts: fn(&str) -> bool = $accepts;
                if accepts(text) { Ok(Self(text.into())) } else { Err(NotAnId) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// An AWS account: twelve digits.
    AccountId,
    |text| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
);

id!(
    /// An organization: `o-` and 10 to 32 lower-case letters or digits.
    OrganizationId,
    |text| text.strip_prefix("o-").is_some_and(|rest| {
        (10..=32).contains(&rest.len())
            && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
);

id!(
    /// A region. The list of regions grows, so only the form is checked: lower-case letters,
    /// digits and hyphens, as in `ap-northeast-1` and `us-gov-west-1`.
    Region,
    |text| {
        (2..=32).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    }
);

id!(
    /// A trail's name: up to 128 ASCII letters, digits, `.`, `_` and `-`, beginning and ending
    /// alphanumeric. AWS requires three or more; shorter names are accepted, as they do no harm.
    TrailName,
    |text| {
        (1..=128).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text.ends_with(|last: char| last.is_ascii_alphanumeric())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
    }
);

impl Region {
    /// Returns the AWS partition of the region, by the beginning of its name as in the SDKs' own table of
    /// partitions; `aws` for any other.
    pub fn partition(&self) -> &'static str {
        const BEGINNINGS: [(&str, &str); 7] = [
            ("cn-", "aws-cn"),
            ("us-gov-", "aws-us-gov"),
            ("eusc-", "aws-eusc"),
            ("us-iso-", "aws-iso"),
            ("us-isob-", "aws-iso-b"),
            ("eu-isoe-", "aws-iso-e"),
            ("us-isof-", "aws-iso-f"),
        ];
        let of = BEGINNINGS.iter().find(|(beginning, _)| self.as_str().starts_with(beginning));
        of.map_or("aws", |(_, partition)| partition)
    }
}

/// The ARN of a trail: `arn:PARTITION:cloudtrail:HOMEREGION:ACCOUNT:trail/NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailArn {
    text: String,
    /// Region in the ARN: the trail's home region.
    pub home_region: Region,
    /// Account that owns the trail.
    pub account: AccountId,
    /// The trail's name.
    pub name: TrailName,
}

impl TrailArn {
    /// Returns the ARN as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for TrailArn {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let mut parts = text.split(':');
        let mut next = || parts.next().ok_or(NotAnId);
        let (arn, partition, service) = (next()?, next()?, next()?);
        let (region, account, resource) = (next()?, next()?, next()?);
        let partition_ok = partition.starts_with("aws")
            && partition.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        if arn != "arn" || !partition_ok || service != "cloudtrail" || parts.next().is_some() {
            return Err(NotAnId);
        }
        let name = resource.strip_prefix("trail/").ok_or(NotAnId)?;
        Ok(Self {
            text: text.to_owned(),
            home_region: region.parse()?,
            account: account.parse()?,
            name: name.parse()?,
        })
    }
}

impl fmt::Display for TrailArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        /// An id is the text that it was read from, and text with anything else in it is no id.
        #[test]
        fn ids_are_their_texts(
            account in "[0-9]{12}",
            region in "[a-z]{2,3}(-[a-z]{3,9}){1,2}-[1-9]",
            name in "[A-Za-z0-9]([A-Za-z0-9._-]{0,126}[A-Za-z0-9])?",
            partition in "aws(-[a-z]{2,3})?",
            odd in "[^A-Za-z0-9._-]",
            place in 0..200_usize,
        ) {
            let arn = format!("arn:{partition}:cloudtrail:{region}:{account}:trail/{name}");
            let read: TrailArn = arn.parse().unwrap();
            proptest::prop_assert_eq!(read.to_string(), &*arn);
            proptest::prop_assert_eq!(read.account.to_string(), &*account);
            proptest::prop_assert_eq!(read.home_region.to_string(), &*region);
            proptest::prop_assert_eq!(read.name.to_string(), &*name);
            let with_odd = |text: &str| {
                let at = place % (text.len() + 1);
                format!("{}{odd}{}", &text[..at], &text[at..])
            };
            proptest::prop_assert!(with_odd(&account).parse::<AccountId>().is_err());
            proptest::prop_assert!(with_odd(&region).parse::<Region>().is_err());
            proptest::prop_assert!(with_odd(&name).parse::<TrailName>().is_err());
        }
    }

    #[test]
    fn a_trail_arn_is_parsed() {
        let arn: TrailArn =
            "arn:aws-us-gov:cloudtrail:us-gov-west-1:123456789012:trail/a_us-east-1.b"
                .parse()
                .unwrap();
        assert_eq!(arn.home_region.as_str(), "us-gov-west-1");
        assert_eq!(arn.account.as_str(), "123456789012");
        assert_eq!(arn.name.as_str(), "a_us-east-1.b");
    }

    #[test]
    fn invalid_trail_arns_are_rejected() {
        for text in [
            "",
            "foo",
            "arn:aws:cloudtrail:us-east-1:12345678901:trail/name",
            "arn:aws:s3:us-east-1:123456789012:trail/name",
            "arn:aws:cloudtrail:us-east-1:123456789012:name",
            "arn:aws:cloudtrail:us-east-1:123456789012:trail/",
            "arn:aws:cloudtrail:us-east-1:123456789012:trail/a/b",
            "arn:aws:cloudtrail:us-east-1:123456789012:trail/name:x",
            "arn:aws:cloudtrail:../..:123456789012:trail/name",
        ] {
            assert_eq!(text.parse::<TrailArn>(), Err(NotAnId), "{text}");
        }
    }

    #[test]
    fn ids_must_have_their_form() {
        assert!("o-a1b2c3d4e5".parse::<OrganizationId>().is_ok());
        assert!("o-short".parse::<OrganizationId>().is_err());
        assert!("12345678901x".parse::<AccountId>().is_err());
        assert!("us_east_1".parse::<Region>().is_err());
        assert!("-name".parse::<TrailName>().is_err());
    }
}
