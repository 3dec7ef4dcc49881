//! The requests about a trail, its key and its organization.
use super::recorder::{About, Recorder, Slot};
use crate::aws::config::{AwsConfig, Service};
use crate::aws::regions::partition_of;
use crate::aws::words::SetupError;
use crate::report::trail_config::result::Call;
use crate::trail_config::answers::{Answer, Answers, means_region_off};
use crate::trail_config::shapes::{encryption, list, text};
use aws_sdk_organizations::types::PolicyType;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use trailproof_core::control::fact::{Unread, UnreadWhy};
use trailproof_core::control::operation::Operation as O;
use trailproof_core::vocab::budget;

/// Attempts for each request, as many as the AWS CLI makes.
const ATTEMPTS: u32 = 5;
/// Time for name resolution, TCP and TLS together; as for S3.
const CONNECT: Duration = Duration::from_secs(10);
/// Time from a request to its response; the AWS CLI's value.
const ANSWER: Duration = Duration::from_secs(60);
/// Levels of organizational units; Organizations allows five below the root.
const LEVELS: usize = 10;

/// Roles for what belongs to a different account than the trail.
#[derive(Clone, Debug, Default)]
pub(crate) struct LiveRoles {
    pub(crate) bucket: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) organization: Option<String>,
}

/// Asks AWS, and keeps every answer.
#[derive(Debug)]
pub(crate) struct Live {
    trail: AwsConfig,
    bucket: AwsConfig,
    key: AwsConfig,
    organization: AwsConfig,
    pub(super) recorder: Recorder,
}

pub(super) fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS)
}

pub(super) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(ANSWER).build()
}

/// Sends a request and records its answer.
macro_rules! ask {
    ($recorder:expr, $about:expr, $request:expr, $shape:expr) => {{
        let slot = Slot::default();
        let sent = $request.customize().interceptor(slot.clone()).send().await;
        $recorder.note($about, &slot, sent, $shape)
    }};
}
pub(super) use ask;

/// Pages of one list; Organizations returns up to 20 entries in each, or fewer.
const PAGES: usize = 10_000;

/// Sends a request for each page of a list, and returns one answer with all of its entries.
macro_rules! ask_all {
    ($recorder:expr, $about:expr, $name:literal, $request:expr) => {{
        let about: About<'_> = $about;
        let unread = |why| Answer::Unread(Unread::new(about.operation, why));
        let (mut entries, mut token) = (Vec::new(), None);
        let mut pages = 0..PAGES;
        loop {
            if pages.next().is_none() || entries.len() > budget::FOLDERS {
                break unread(UnreadWhy::OverBudget);
            }
            let page = match ask!($recorder, about, $request.set_next_token(token), |_| None) {
                Answer::Is(page) => page,
                other => break other,
            };
            let Some(list) = page.get($name).and_then(Value::as_array) else {
                break unread(UnreadWhy::Malformed);
            };
            entries.extend(list.iter().cloned());
            token = text(&page, "NextToken").filter(|token| !token.is_empty());
            if token.is_none() {
                break Answer::Is(json!({ $name: entries }));
            }
        }
    }};
}

impl Live {
    /// Uses the credentials of `config`, or those of the roles.
    pub(crate) async fn new(config: &AwsConfig, roles: &LiveRoles) -> Self {
        let of = async |role: &Option<String>| match role {
            Some(role) => config.assuming(role).await,
            None => config.clone(),
        };
        Self {
            trail: config.clone(),
            bucket: of(&roles.bucket).await,
            key: of(&roles.key).await,
            organization: of(&roles.organization).await,
            recorder: Recorder::default(),
        }
    }

    /// Returns the configuration for requests about the bucket.
    pub(super) fn bucket_config(&self) -> &AwsConfig {
        &self.bucket
    }

    /// Returns the requests and the bodies of their answers.
    pub(crate) fn into_calls(self) -> (Vec<Call>, Vec<Vec<u8>>) {
        (self.recorder.calls, self.recorder.bodies)
    }

    fn trails(&self, region: &str) -> aws_sdk_cloudtrail::Client {
        let mut builder = aws_sdk_cloudtrail::config::Builder::from(self.trail.sdk())
            .region(aws_sdk_cloudtrail::config::Region::new(region.to_owned()))
            .retry_config(retries())
            .timeout_config(timeouts());
        builder.set_endpoint_url(self.trail.endpoint(Service::CloudTrail));
        aws_sdk_cloudtrail::Client::from_conf(builder.build())
    }

    fn keys(&self, region: &str) -> aws_sdk_kms::Client {
        let mut builder = aws_sdk_kms::config::Builder::from(self.key.sdk())
            .region(aws_sdk_kms::config::Region::new(region.to_owned()))
            .retry_config(retries())
            .timeout_config(timeouts());
        builder.set_endpoint_url(self.key.endpoint(Service::Kms));
        aws_sdk_kms::Client::from_conf(builder.build())
    }

    fn organizations(&self) -> aws_sdk_organizations::Client {
        let mut builder = aws_sdk_organizations::config::Builder::from(self.organization.sdk())
            .retry_config(retries())
            .timeout_config(timeouts());
        builder.set_endpoint_url(self.organization.endpoint(Service::Organizations));
        if self.organization.region().is_err() {
            let region = aws_sdk_organizations::config::Region::from_static("us-east-1");
            builder.set_region(Some(region));
        }
        aws_sdk_organizations::Client::from_conf(builder.build())
    }

    /// Returns the trails that DescribeTrails describes in `region`: the one with this ARN, or all.
    ///
    /// # Errors
    ///
    /// The answer was not read.
    pub(crate) async fn described(
        &mut self,
        region: &str,
        arn: Option<&str>,
    ) -> Result<Vec<Value>, trailproof_core::control::fact::Unread> {
        let about = About { operation: O::DescribeTrails, region, target: arn.unwrap_or_default() };
        let client = self.trails(region);
        let mut request = client.describe_trails();
        if let Some(arn) = arn {
            request = request.trail_name_list(arn);
        }
        let answer = ask!(self.recorder, about, request, |_| None);
        let mut answers = Answers::default();
        answers.put(O::DescribeTrails, "", answer);
        let described = answers.get(O::DescribeTrails, "")?;
        let trails = described.map(|it| list(it, "trailList")).unwrap_or_default();
        let is_asked = |it: &&Value| arn.is_none() || text(it, "TrailARN").as_deref() == arn;
        Ok(trails.iter().filter(is_asked).take(budget::CONFIG_TRAILS).cloned().collect())
    }

    /// Asks everything about one trail. Organizations is asked once and its answers are in `shared`.
    pub(crate) async fn about_trail(&mut self, described: &Value, shared: &Answers) -> Answers {
        let mut answers = shared.clone();
        let arn = text(described, "TrailARN").unwrap_or_default();
        let home = text(described, "HomeRegion")
            .or_else(|| arn.split(':').nth(3).map(str::to_owned))
            .unwrap_or_default();
        self.selectors(&arn, &home, &mut answers).await;
        let multi = described.get("IsMultiRegionTrail").and_then(Value::as_bool);
        let regions: Vec<String> = match multi {
            Some(true) => partition_of(&home).regions.iter().map(|it| (*it).to_owned()).collect(),
            _ => vec![home.clone()],
        };
        for region in regions {
            let about = About { operation: O::GetTrailStatus, region: &region, target: &arn };
            let client = self.trails(&region);
            let request = client.get_trail_status().name(&arn);
            let answer = ask!(self.recorder, about, request, |_| None);
            let off = self.recorder.calls.last().and_then(|call| call.error_code.as_deref());
            // The home region is on: the same error there is a refusal.
            if region != home && off.is_some_and(means_region_off) {
                continue;
            }
            answers.put(O::GetTrailStatus, &region, answer);
        }
        if let Some(bucket) = text(described, "S3BucketName") {
            self.about_bucket(&bucket, &home, &mut answers).await;
        }
        let key = text(described, "KmsKeyId");
        if let Some(key) = &key {
            self.about_key(key, &home, &mut answers).await;
        }
        // The key of the bucket's default encryption may be a different one.
        let default = match answers.get(O::GetBucketEncryption, "") {
            Ok(Some(answer)) => encryption(answer).ok().and_then(|it| it.key),
            _ => None,
        };
        if let Some(default) = default.filter(|it| key.as_ref() != Some(it)) {
            let (client, about) = self.key_client(&default, &home);
            let request = client.describe_key().key_id(&default);
            let answer = ask!(self.recorder, about(O::DescribeKey), request, |_| None);
            answers.put(O::DescribeKey, &default, answer);
        }
        answers
    }

    /// Returns the client for a key in its region, and what requests are about it.
    fn key_client<'a>(
        &self,
        key: &'a str,
        home: &'a str,
    ) -> (aws_sdk_kms::Client, impl Fn(O) -> About<'a> + use<'a>) {
        let of_arn = key.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(2));
        let region = of_arn.filter(|region| !region.is_empty()).unwrap_or(home);
        (self.keys(region), move |operation| About { operation, region, target: key })
    }

    async fn selectors(&mut self, arn: &str, home: &str, answers: &mut Answers) {
        let client = self.trails(home);
        let about = |operation| About { operation, region: home, target: arn };
        let request = client.get_event_selectors().trail_name(arn);
        let answer = ask!(self.recorder, about(O::GetEventSelectors), request, |_| None);
        answers.put(O::GetEventSelectors, "", answer);
        let request = client.get_insight_selectors().trail_name(arn);
        let answer = ask!(self.recorder, about(O::GetInsightSelectors), request, |_| None);
        answers.put(O::GetInsightSelectors, "", answer);
    }

    async fn about_key(&mut self, key: &str, home: &str, answers: &mut Answers) {
        let (client, about) = self.key_client(key, home);
        let request = client.describe_key().key_id(key);
        let answer = ask!(self.recorder, about(O::DescribeKey), request, |_| None);
        // GetKeyPolicy and GetKeyRotationStatus take no alias.
        let id = match &answer {
            Answer::Is(value) => value.get("KeyMetadata").and_then(|it| text(it, "Arn")),
            _ => None,
        };
        let id = id.unwrap_or_else(|| key.to_owned());
        answers.put(O::DescribeKey, "", answer);
        let request = client.get_key_policy().key_id(&id).policy_name("default");
        let answer = ask!(self.recorder, about(O::GetKeyPolicy), request, |_| None);
        answers.put(O::GetKeyPolicy, "", answer);
        let request = client.get_key_rotation_status().key_id(&id);
        let answer = ask!(self.recorder, about(O::GetKeyRotationStatus), request, |_| None);
        answers.put(O::GetKeyRotationStatus, "", answer);
    }

    /// Asks Organizations: the accounts, and the service control policies in force for each.
    pub(crate) async fn about_organization(&mut self) -> Answers {
        let mut answers = Answers::default();
        let client = self.organizations();
        let request = client.describe_organization();
        let answer = ask!(self.recorder, about(O::DescribeOrganization, ""), request, |_| None);
        let found = matches!(answer, Answer::Is(_));
        answers.put(O::DescribeOrganization, "", answer);
        if !found {
            // Outside of an organization, or denied: the further requests have the same answer.
            return answers;
        }
        let of_all = about(O::ListAccounts, "");
        let accounts = ask_all!(self.recorder, of_all, "Accounts", client.list_accounts());
        let ids: Vec<String> = match &accounts {
            Answer::Is(all) => {
                list(all, "Accounts").iter().filter_map(|it| text(it, "Id")).collect()
            }
            _ => Vec::new(),
        };
        let found = matches!(accounts, Answer::Is(_));
        answers.put(O::ListAccounts, "", accounts);
        if !found {
            return answers;
        }
        let answer = ask_all!(self.recorder, about(O::ListRoots, ""), "Roots", client.list_roots());
        answers.put(O::ListRoots, "", answer);
        let service = "cloudtrail.amazonaws.com";
        let request = || client.list_delegated_administrators().service_principal(service);
        let operation = O::ListDelegatedAdministrators;
        let of_service = about(operation, service);
        let answer = ask_all!(self.recorder, of_service, "DelegatedAdministrators", request());
        answers.put(operation, "", answer);
        let mut targets: BTreeSet<String> = ids.into_iter().collect();
        let mut policies = BTreeSet::new();
        // From the accounts up, level by level, until all are roots.
        for _ in 0..LEVELS {
            let mut above = BTreeSet::new();
            for target in &targets {
                let denied = self.policies_of(&client, target, &mut answers, &mut policies).await;
                if denied {
                    return answers;
                }
                if target.starts_with("r-") {
                    continue;
                }
                let request = || client.list_parents().child_id(target);
                let of_target = about(O::ListParents, target);
                let answer = ask_all!(self.recorder, of_target, "Parents", request());
                if let Answer::Is(page) = &answer {
                    above.extend(list(page, "Parents").iter().filter_map(|it| text(it, "Id")));
                }
                answers.put(O::ListParents, target, answer);
            }
            targets = above
                .into_iter()
                .filter(|target| answers.get(O::ListPoliciesForTarget, target).is_err())
                .collect();
            if targets.is_empty() {
                break;
            }
        }
        for policy in policies {
            let request = client.describe_policy().policy_id(&policy);
            let answer = ask!(self.recorder, about(O::DescribePolicy, &policy), request, |_| None);
            answers.put(O::DescribePolicy, &policy, answer);
        }
        answers
    }

    /// Lists the policies that are attached to a target. Returns whether that was denied, which it then is
    /// for every target.
    async fn policies_of(
        &mut self,
        client: &aws_sdk_organizations::Client,
        target: &str,
        answers: &mut Answers,
        policies: &mut BTreeSet<String>,
    ) -> bool {
        let about = about(O::ListPoliciesForTarget, target);
        let filter = PolicyType::ServiceControlPolicy;
        let request = || client.list_policies_for_target().target_id(target).filter(filter.clone());
        let answer = ask_all!(self.recorder, about, "Policies", request());
        let mut denied = false;
        match &answer {
            Answer::Is(page) => {
                policies.extend(list(page, "Policies").iter().filter_map(|it| text(it, "Id")));
            }
            Answer::Unread(unread) => denied = unread.why == UnreadWhy::Denied,
            Answer::Nothing => {}
        }
        answers.put(O::ListPoliciesForTarget, target, answer);
        denied
    }
}

/// Returns what a request to Organizations is about. Its endpoint in the commercial partition is that of
/// us-east-1.
fn about(operation: O, target: &str) -> About<'_> {
    About { operation, region: "us-east-1", target }
}

/// Returns the region in which trails are looked for: that of the ARN, or the configured one.
///
/// # Errors
///
/// No region is configured.
pub(crate) fn first_region(config: &AwsConfig, arn: Option<&str>) -> Result<String, SetupError> {
    match arn.and_then(|arn| arn.split(':').nth(3)) {
        Some(region) if !region.is_empty() => Ok(region.to_owned()),
        _ => Ok(config.region()?.as_ref().to_owned()),
    }
}
