#!/bin/sh
# Gathers the configuration of one CloudTrail trail with the AWS CLI, for
#     trailproof trail-config --evidence DIR
# Every command only reads. Each writes one file: OPERATION.json, or OPERATION.error with the message.
#
# usage: sh evidence.sh TRAIL_ARN DIR
set -u
if [ "$#" -ne 2 ] || [ -e "$2" ]; then
    echo "usage: sh evidence.sh TRAIL_ARN DIR (a folder that does not exist yet)" >&2
    exit 2
fi
trail=$1
mkdir -p -- "$2" && cd -- "$2" || exit 5
home=$(printf '%s' "$trail" | cut -d: -f4)
date -u +%Y-%m-%dT%H:%M:%SZ >as-of

get() {
    file=$1
    shift
    if aws "$@" --output json >"$file.json" 2>"$file.error"; then
        rm -f -- "$file.error"
    else
        rm -f -- "$file.json"
    fi
}

get describe-trails cloudtrail describe-trails --trail-name-list "$trail" --region "$home"
value() {
    aws cloudtrail describe-trails --trail-name-list "$trail" --region "$home" \
        --query "trailList[0].$1" --output text 2>/dev/null | sed 's/^None$//'
}
bucket=$(value S3BucketName)
key=$(value KmsKeyId)

get get-event-selectors cloudtrail get-event-selectors --trail-name "$trail" --region "$home"
get get-insight-selectors cloudtrail get-insight-selectors --trail-name "$trail" --region "$home"
regions=$home
if [ "$(value IsMultiRegionTrail)" = True ]; then
    regions=$(aws account list-regions --region-opt-status-contains ENABLED ENABLED_BY_DEFAULT \
        --query 'Regions[].RegionName' --output text 2>/dev/null) || regions=$home
fi
for region in $regions; do
    get "get-trail-status.$region" cloudtrail get-trail-status --name "$trail" --region "$region"
done

if [ -n "$bucket" ]; then
    for operation in head-bucket get-bucket-versioning get-object-lock-configuration \
        get-bucket-encryption get-public-access-block get-bucket-policy get-bucket-policy-status \
        get-bucket-acl get-bucket-ownership-controls get-bucket-lifecycle-configuration \
        get-bucket-logging get-bucket-replication get-bucket-notification-configuration; do
        get "$operation" s3api "$operation" --bucket "$bucket"
    done
fi
if [ -n "$key" ]; then
    region=$(printf '%s' "$key" | cut -d: -f4)
    get describe-key kms describe-key --key-id "$key" --region "$region"
    get get-key-policy kms get-key-policy --key-id "$key" --policy-name default --region "$region"
    get get-key-rotation-status kms get-key-rotation-status --key-id "$key" --region "$region"
fi

# The key of the bucket's default encryption, if it is not the trail's.
if [ -n "$bucket" ]; then
    default=$(aws s3api get-bucket-encryption --bucket "$bucket" --output text 2>/dev/null \
        --query 'ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.KMSMasterKeyID')
    case $default in
    arn:*:key/*)
        if [ "$default" != "$key" ]; then
            get "describe-key.default" kms describe-key --key-id "$default" \
                --region "$(printf '%s' "$default" | cut -d: -f4)"
        fi
        ;;
    esac
fi

get describe-organization organizations describe-organization
get list-accounts organizations list-accounts
get list-roots organizations list-roots
get list-delegated-administrators organizations list-delegated-administrators \
    --service-principal cloudtrail.amazonaws.com

get list-rules events list-rules --region "$home"
for rule in $(aws events list-rules --region "$home" --query 'Rules[].Name' --output text 2>/dev/null); do
    get "list-targets-by-rule.$rule" events list-targets-by-rule --rule "$rule" --region "$home"
done
get describe-metric-filters logs describe-metric-filters --region "$home"
get describe-configuration-recorder-status configservice describe-configuration-recorder-status \
    --region "$home"
for rule in $(aws configservice describe-config-rules --region "$home" \
    --query 'ConfigRules[].ConfigRuleName' --output text 2>/dev/null); do
    get "get-compliance-details-by-config-rule.$rule" configservice \
        get-compliance-details-by-config-rule --config-rule-name "$rule" --region "$home"
done
get get-resource-config-history.trail configservice get-resource-config-history \
    --resource-type AWS::CloudTrail::Trail --resource-id "$trail" --region "$home"
if [ -n "$bucket" ]; then
    get get-resource-config-history.bucket configservice get-resource-config-history \
        --resource-type AWS::S3::Bucket --resource-id "$bucket" --region "$home"
fi

sha256sum -- * >../evidence-sums.$$ && mv -- "../evidence-sums.$$" SHA256SUMS
