//! Organization trails, member accounts, several regions.
use super::{Scenario, Stage};
use crate::server::{Fault, FaultPlan, Matcher, Operation, Schedule};
use crate::trail::TrailSpec;

const OWNER: &str = "111122223333";
const MEMBER: &str = "444455556666";
const BUCKET: &str = "example-trail-logs";

fn spec() -> TrailSpec {
    TrailSpec::new().hours(3).organization("o-exampleorg1").accounts(&[OWNER, MEMBER])
}

fn member() -> Stage {
    Stage::of(spec()).set("--account-id", MEMBER).verbose()
}

fn regions() -> Stage {
    Stage::of(TrailSpec::new().hours(3).regions(&["us-east-1", "eu-west-1"])).verbose()
}

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new("organization-member", member),
    Scenario::new("organization-owner", || Stage::of(spec()).set("--account-id", OWNER).verbose()),
    Scenario::new("organization-with-prefix", || {
        Stage::of(spec().prefix("audit")).set("--account-id", MEMBER).verbose()
    }),
    Scenario::new("organization-without-account", || Stage::of(spec())),
    Scenario::new("organization-account-that-is-no-member", || {
        Stage::of(spec()).set("--account-id", "777788889999")
    }),
    Scenario::new("organization-with-bucket", || member().set("--s3-bucket", BUCKET)),
    Scenario::new("organization-with-bucket-and-prefix", || {
        Stage::of(spec().prefix("audit"))
            .set("--account-id", MEMBER)
            .set("--s3-bucket", BUCKET)
            .set("--s3-prefix", "audit")
            .verbose()
    }),
    Scenario::new("organization-with-bucket-without-account", || {
        Stage::of(spec()).set("--s3-bucket", BUCKET).verbose()
    }),
    Scenario::new("organization-not-in-use", || {
        member().world(|world| world.organization_id = None)
    }),
    Scenario::new("organization-denied", || {
        member().faults(|_| {
            let matcher = Matcher::operation(Operation::DescribeOrganization);
            FaultPlan::new().with(matcher, Schedule::always(Fault::AccessDenied))
        })
    }),
    Scenario::new("two-organizations-in-one-bucket", || {
        let other = TrailSpec::new().hours(3).organization("o-otherorg0001").seed(2);
        Stage::among(TrailSpec::new().hours(3).organization("o-exampleorg1"), [other])
            .set("--s3-bucket", BUCKET)
    }),
    Scenario::new("other-account-in-a-plain-trail", || Stage::plain().set("--account-id", MEMBER)),
    Scenario::new("region-of-the-home", regions),
    Scenario::new("region-other-than-the-home", || regions().set("--region", "eu-west-1")),
    Scenario::new("region-without-digests", || regions().set("--region", "eu-central-1")),
    Scenario::new("region-configured-is-not-the-source-region", || {
        // The keys come from the configured region, the digests from the home region.
        regions().env("AWS_DEFAULT_REGION", Some("eu-west-1"))
    }),
    Scenario::new("endpoint-on-the-command-line", || {
        regions().env("AWS_ENDPOINT_URL_CLOUDTRAIL", None).set("--endpoint-url", "{endpoint}")
    }),
    Scenario::new("trail-of-another-partition", || {
        let mut spec = TrailSpec::new()
            .hours(3)
            .regions(&["us-gov-west-1"])
            .trail("management-events", "us-gov-west-1");
        spec.partition = "aws-us-gov".to_owned();
        Stage::of(spec).env("AWS_DEFAULT_REGION", Some("us-gov-west-1")).verbose()
    }),
    Scenario::new("bucket-in-another-region", || {
        Stage::of(TrailSpec::new().hours(3).bucket("far-trail-logs", "ap-southeast-2"))
            .served(|options| options.enforce_bucket_region = true)
            .verbose()
    }),
];
