//! The requests about a bucket. Their answers are XML; they are kept as received, and judged in the JSON
//! that the AWS CLI makes of them.
use super::recorder::{About, Slot};
use super::services::{Live, ask, retries, timeouts};
use crate::aws::config::Service;
use crate::trail_config::answers::{Answer, Answers};
use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_bucket_acl::GetBucketAclOutput;
use aws_sdk_s3::operation::get_bucket_encryption::GetBucketEncryptionOutput;
use aws_sdk_s3::operation::get_bucket_lifecycle_configuration::GetBucketLifecycleConfigurationOutput;
use aws_sdk_s3::operation::get_bucket_notification_configuration::GetBucketNotificationConfigurationOutput;
use aws_sdk_s3::operation::get_bucket_replication::GetBucketReplicationOutput;
use aws_sdk_s3::types::{LifecycleRule, ReplicationRule, ServerSideEncryptionRule};
use serde_json::{Value, json};
use trailproof_core::control::operation::Operation as O;

impl Live {
    fn buckets(&self, region: &str) -> Client {
        let config = self.bucket_config();
        let endpoint = config.endpoint(Service::S3);
        let mut builder = aws_sdk_s3::config::Builder::from(config.sdk())
            .region(aws_sdk_s3::config::Region::new(region.to_owned()))
            // Stores other than S3 rarely have a host name for each bucket.
            .force_path_style(endpoint.is_some())
            .retry_config(retries())
            .timeout_config(timeouts());
        builder.set_endpoint_url(endpoint);
        Client::from_conf(builder.build())
    }

    /// Returns the region of a bucket. S3 names it even where it refuses.
    async fn region_of(&mut self, bucket: &str, home: &str, answers: &mut Answers) -> String {
        let about = About { operation: O::HeadBucket, region: home, target: bucket };
        let client = self.buckets(home);
        let slot = Slot::default();
        let request = client.head_bucket().bucket(bucket);
        let sent = request.customize().interceptor(slot.clone()).send().await;
        let named = match &sent {
            Ok(output) => output.bucket_region().map(str::to_owned),
            Err(error) => error
                .raw_response()
                .and_then(|response| response.headers().get("x-amz-bucket-region"))
                .map(str::to_owned),
        };
        let refused: bool = matches!(&sent, Err(SdkError::ServiceError(_)));
        let answer = self.recorder.note(about, &slot, sent, |_| Some(Value::Null));
        match named {
            Some(region) => {
                answers.put(O::HeadBucket, "", Answer::Is(json!({ "BucketRegion": region })));
                region
            }
            None if refused => {
                answers.put(O::HeadBucket, "", answer);
                home.to_owned()
            }
            // A store that is not S3 names no region.
            None => {
                answers.put(O::HeadBucket, "", Answer::Is(json!({})));
                home.to_owned()
            }
        }
    }

    /// Asks everything about a bucket.
    pub(super) async fn about_bucket(&mut self, bucket: &str, home: &str, answers: &mut Answers) {
        let region = self.region_of(bucket, home, answers).await;
        let client = self.buckets(&region);
        macro_rules! put {
            ($operation:expr, $method:ident, $shape:expr) => {{
                let about = About { operation: $operation, region: &region, target: bucket };
                let request = client.$method().bucket(bucket);
                let answer = ask!(self.recorder, about, request, $shape);
                answers.put($operation, "", answer);
            }};
        }
        put!(O::GetBucketVersioning, get_bucket_versioning, |it| Some(json!({
            "Status": it.status.map(|it| it.as_str().to_owned()),
            "MFADelete": it.mfa_delete.map(|it| it.as_str().to_owned()),
        })));
        put!(O::GetObjectLockConfiguration, get_object_lock_configuration, |it| {
            let configuration = it.object_lock_configuration?;
            let retention = configuration.rule.and_then(|rule| rule.default_retention);
            Some(json!({ "ObjectLockConfiguration": {
                "ObjectLockEnabled":
                    configuration.object_lock_enabled.map(|it| it.as_str().to_owned()),
                "Rule": retention.map(|it| json!({ "DefaultRetention": {
                    "Mode": it.mode.as_ref().map(|it| it.as_str()),
                    "Days": it.days,
                    "Years": it.years,
                } })),
            } }))
        });
        put!(O::GetBucketEncryption, get_bucket_encryption, encryption);
        put!(O::GetPublicAccessBlock, get_public_access_block, |it| {
            let block = it.public_access_block_configuration?;
            Some(json!({ "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": block.block_public_acls,
                "BlockPublicPolicy": block.block_public_policy,
                "IgnorePublicAcls": block.ignore_public_acls,
                "RestrictPublicBuckets": block.restrict_public_buckets,
            } }))
        });
        put!(O::GetBucketPolicy, get_bucket_policy, |it| Some(json!({ "Policy": it.policy? })));
        put!(O::GetBucketPolicyStatus, get_bucket_policy_status, |it| {
            let public = it.policy_status?.is_public;
            Some(json!({ "PolicyStatus": { "IsPublic": public } }))
        });
        put!(O::GetBucketAcl, get_bucket_acl, acl);
        put!(O::GetBucketOwnershipControls, get_bucket_ownership_controls, |it| {
            let rules = it.ownership_controls?.rules;
            let rules: Vec<Value> = rules
                .iter()
                .map(|rule| json!({ "ObjectOwnership": rule.object_ownership.as_str() }))
                .collect();
            Some(json!({ "OwnershipControls": { "Rules": rules } }))
        });
        put!(O::GetBucketLifecycleConfiguration, get_bucket_lifecycle_configuration, lifecycle);
        put!(O::GetBucketLogging, get_bucket_logging, |it| {
            let logging = it.logging_enabled.map(
                |it| json!({ "TargetBucket": it.target_bucket, "TargetPrefix": it.target_prefix }),
            );
            Some(match logging {
                Some(logging) => json!({ "LoggingEnabled": logging }),
                None => json!({}),
            })
        });
        put!(O::GetBucketReplication, get_bucket_replication, replication);
        put!(
            O::GetBucketNotificationConfiguration,
            get_bucket_notification_configuration,
            notifications
        );
    }
}

fn encryption(it: GetBucketEncryptionOutput) -> Option<Value> {
    let rule = |rule: &ServerSideEncryptionRule| {
        let by_default = rule.apply_server_side_encryption_by_default.as_ref();
        let mut value = json!({
            "ApplyServerSideEncryptionByDefault": by_default.map(|it| json!({
                "SSEAlgorithm": it.sse_algorithm.as_str(),
                "KMSMasterKeyID": it.kms_master_key_id,
            })),
            "BucketKeyEnabled": rule.bucket_key_enabled,
        });
        if let (Some(blocked), Some(fields)) =
            (&rule.blocked_encryption_types, value.as_object_mut())
        {
            let types: Vec<&str> = blocked.encryption_type().iter().map(|it| it.as_str()).collect();
            fields.insert("BlockedEncryptionTypes".to_owned(), json!({ "EncryptionType": types }));
        }
        value
    };
    let rules: Vec<Value> =
        it.server_side_encryption_configuration?.rules.iter().map(rule).collect();
    Some(json!({ "ServerSideEncryptionConfiguration": { "Rules": rules } }))
}

fn acl(it: GetBucketAclOutput) -> Option<Value> {
    let grants: Vec<Value> = it
        .grants()
        .iter()
        .map(|grant| {
            let grantee = grant.grantee();
            json!({
                "Grantee": grantee.map(|it| json!({ "URI": it.uri(), "ID": it.id() })),
                "Permission": grant.permission().map(|it| it.as_str()),
            })
        })
        .collect();
    Some(json!({ "Grants": grants }))
}

fn lifecycle(it: GetBucketLifecycleConfigurationOutput) -> Option<Value> {
    let smallest = it.transition_default_minimum_object_size().map(|it| it.as_str().to_owned());
    let mut value = json!({ "Rules": it.rules().iter().map(lifecycle_rule).collect::<Vec<_>>() });
    if let (Some(smallest), Some(fields)) = (smallest, value.as_object_mut()) {
        fields.insert("TransitionDefaultMinimumObjectSize".to_owned(), smallest.into());
    }
    Some(value)
}

/// Returns an object without the fields that are not set, as the AWS CLI prints it.
fn set(fields: Value) -> Value {
    match fields {
        Value::Object(fields) => fields.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        other => other,
    }
}

#[expect(deprecated, reason = "rules of old buckets have their prefix outside of a filter")]
fn lifecycle_rule(rule: &LifecycleRule) -> Value {
    let filter = rule.filter().map(|filter| {
        let and = filter.and().map(|and| {
            set(json!({
                "Prefix": and.prefix(),
                "Tags": (!and.tags().is_empty()).then(|| and.tags().len()),
                "ObjectSizeGreaterThan": and.object_size_greater_than(),
                "ObjectSizeLessThan": and.object_size_less_than(),
            }))
        });
        set(json!({
            "Prefix": filter.prefix(),
            "Tag": filter.tag().map(|tag| tag.key()),
            "ObjectSizeGreaterThan": filter.object_size_greater_than(),
            "ObjectSizeLessThan": filter.object_size_less_than(),
            "And": and,
        }))
    });
    let transitions: Vec<Value> = rule
        .transitions()
        .iter()
        .map(|it| {
            set(json!({
                "Days": it.days(),
                "Date": it.date().map(|it| it.secs()),
                "StorageClass": it.storage_class().map(|it| it.as_str()),
            }))
        })
        .collect();
    set(json!({
        "ID": rule.id(),
        "Status": rule.status().as_str(),
        "Prefix": rule.prefix(),
        "Filter": filter,
        "Expiration": rule.expiration().map(|it| set(json!({
            "Days": it.days(),
            "Date": it.date().map(|it| it.secs()),
        }))),
        "NoncurrentVersionExpiration": rule
            .noncurrent_version_expiration()
            .map(|it| set(json!({ "NoncurrentDays": it.noncurrent_days() }))),
        "Transitions": transitions,
    }))
}

fn replication(it: GetBucketReplicationOutput) -> Option<Value> {
    let configuration = it.replication_configuration?;
    let rules: Vec<Value> = configuration.rules.iter().map(replication_rule).collect();
    Some(json!({ "ReplicationConfiguration": { "Rules": rules } }))
}

#[expect(deprecated, reason = "rules of old buckets have their prefix outside of a filter")]
fn replication_rule(rule: &ReplicationRule) -> Value {
    let filter = rule.filter().map(|filter| {
        let and = filter.and().map(|and| {
            set(json!({
                "Prefix": and.prefix(),
                "Tags": (!and.tags().is_empty()).then(|| and.tags().len()),
            }))
        });
        set(json!({
            "Prefix": filter.prefix(),
            "Tag": filter.tag().map(|tag| tag.key()),
            "And": and,
        }))
    });
    let kms = rule
        .source_selection_criteria()
        .and_then(|it| it.sse_kms_encrypted_objects())
        .map(|it| json!({ "SseKmsEncryptedObjects": { "Status": it.status().as_str() } }));
    let markers = rule.delete_marker_replication().and_then(|it| it.status());
    set(json!({
        "Status": rule.status().as_str(),
        "Prefix": rule.prefix(),
        "Filter": filter,
        "Destination": rule.destination().map(|it| set(json!({
            "Bucket": it.bucket(),
            "Account": it.account(),
        }))),
        "SourceSelectionCriteria": kms,
        "DeleteMarkerReplication": markers.map(|it| json!({ "Status": it.as_str() })),
    }))
}

fn notifications(it: GetBucketNotificationConfigurationOutput) -> Option<Value> {
    let functions: Vec<Value> = it
        .lambda_function_configurations()
        .iter()
        .map(|it| {
            let rules = it.filter().and_then(|it| it.key()).map(|key| {
                let rules = key.filter_rules().iter();
                rules
                    .map(|rule| {
                        json!({
                            "Name": rule.name().map(|it| it.as_str()),
                            "Value": rule.value(),
                        })
                    })
                    .collect::<Vec<_>>()
            });
            set(json!({
                "LambdaFunctionArn": it.lambda_function_arn(),
                "Events": it.events().iter().map(|it| it.as_str()).collect::<Vec<_>>(),
                "Filter": rules.map(|rules| json!({ "Key": { "FilterRules": rules } })),
            }))
        })
        .collect();
    Some(json!({ "LambdaFunctionConfigurations": functions }))
}
