//! The regions of AWS by partition, used only to ask all of them.
//!
//! A bucket's own folders show which regions it has evidence from. This list is for fetching keys
//! without a bucket. It ages, so every command that uses it prints the regions that it asked.

/// The source of the list, for messages. It is the list of the endpoint rules in
/// `aws-sdk-cloudtrail` 1.130.0, identical to `partitions.json` of AWS CLI 1.46.2. AWS offers no
/// list that needs no permission.
pub const ORIGIN: &str = "the endpoint rules of aws-sdk-cloudtrail 1.130.0";

/// A partition: regions that share accounts and credentials.
#[derive(Debug, PartialEq, Eq)]
pub struct Partition {
    /// The partition's name in ARNs.
    pub name: &'static str,
    /// The prefix of its regions, which no other partition has; empty for the commercial partition.
    prefix: &'static str,
    /// The partition's regions, ascending.
    pub regions: &'static [&'static str],
}

/// Returns the partition of `region`. A region that is not in the list is assigned by its prefix.
pub fn partition_of(region: &str) -> &'static Partition {
    PARTITIONS.iter().find(|partition| region.starts_with(partition.prefix)).unwrap_or(&COMMERCIAL)
}

static COMMERCIAL: Partition = Partition {
    name: "aws",
    prefix: "",
    regions: &[
        "af-south-1",
        "ap-east-1",
        "ap-east-2",
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-south-1",
        "ap-south-2",
        "ap-southeast-1",
        "ap-southeast-2",
        "ap-southeast-3",
        "ap-southeast-4",
        "ap-southeast-5",
        "ap-southeast-6",
        "ap-southeast-7",
        "ca-central-1",
        "ca-west-1",
        "eu-central-1",
        "eu-central-2",
        "eu-north-1",
        "eu-south-1",
        "eu-south-2",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "il-central-1",
        "me-central-1",
        "me-south-1",
        "mx-central-1",
        "sa-east-1",
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
    ],
};

/// All partitions except the commercial one.
static PARTITIONS: &[Partition] = &[
    Partition { name: "aws-cn", prefix: "cn-", regions: &["cn-north-1", "cn-northwest-1"] },
    Partition {
        name: "aws-us-gov",
        prefix: "us-gov-",
        regions: &["us-gov-east-1", "us-gov-west-1"],
    },
    Partition { name: "aws-eusc", prefix: "eusc-", regions: &["eusc-de-east-1"] },
    Partition { name: "aws-iso", prefix: "us-iso-", regions: &["us-iso-east-1", "us-iso-west-1"] },
    Partition {
        name: "aws-iso-b",
        prefix: "us-isob-",
        regions: &["us-isob-east-1", "us-isob-west-1"],
    },
    Partition { name: "aws-iso-e", prefix: "eu-isoe-", regions: &["eu-isoe-west-1"] },
    Partition {
        name: "aws-iso-f",
        prefix: "us-isof-",
        regions: &["us-isof-east-1", "us-isof-south-1"],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_cloudtrail::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
    use trailproof_core::vocab::ids::Region;

    /// The SDK, whose own list is private, knows each region by name and assigns it to the same
    /// partition.
    #[tokio::test]
    async fn the_sdk_puts_every_region_into_the_same_partition() {
        let resolver = DefaultResolver::new();
        let url = async |region: &str| {
            let params = Params::builder().region(region.to_owned()).build().unwrap();
            resolver.resolve_endpoint(&params).await.unwrap().url().to_owned()
        };
        let mut suffixes = std::collections::BTreeSet::new();
        for partition in PARTITIONS.iter().chain([&COMMERCIAL]) {
            assert!(partition.regions.is_sorted());
            let mut suffix = None;
            for name in partition.regions {
                // ARNs name the same partition.
                assert_eq!(name.parse::<Region>().unwrap().partition(), partition.name, "{name}");
                assert_eq!(partition_of(name), partition, "{name}");
                let url = url(name).await;
                let rest = url.split_once(name).unwrap().1.to_owned();
                assert_eq!(*suffix.get_or_insert(rest.clone()), rest, "{name}");
            }
            suffixes.extend(suffix);
        }
        // The commercial partition and GovCloud share one suffix; each other partition has its own.
        assert_eq!(suffixes.len(), PARTITIONS.len(), "{suffixes:?}");
    }

    #[test]
    fn a_future_region_is_assigned_by_its_prefix() {
        assert_eq!(partition_of("eu-east-9").name, "aws");
        assert_eq!(partition_of("cn-south-1").name, "aws-cn");
        assert_eq!(partition_of("us-gov-north-1").name, "aws-us-gov");
    }
}
