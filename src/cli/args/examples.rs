//! Examples in `--help` and in the manual pages. A test parses each of them.

pub(super) const VERIFY: &str = "\
Examples:
  A quarter, with everything that an auditor may ask for later:
    trailproof verify s3://example-trail-logs --quarter 2026Q3 --expect-accounts organization \\
        --record 2026Q3.jsonl.zst --report html=2026Q3.html
  The last seven days of one account, up to now:
    trailproof verify s3://example-trail-logs --last 7d --account 111122223333
  A mirror, offline, with the keys that were fetched when it was made:
    trailproof verify evidence/ --public-keys keys.json
  How many requests it takes, before anything is read:
    trailproof verify s3://example-trail-logs --quarter 2026Q3 --dry-run";

pub(super) const VALIDATE_LOGS: &str = "\
Examples:
  trailproof validate-logs --start-time 2026-07-01T00:00:00Z --verbose \\
      --trail-arn arn:aws:cloudtrail:us-east-1:111122223333:trail/management-events";

pub(super) const LOOKUP: &str = "\
Examples:
  Where a file comes from; its name says account, region and time:
    trailproof lookup --in s3://example-trail-logs suspicious.json.gz
  A directory of files, found in a mirror:
    trailproof lookup --in evidence/ --quarter 2026Q3 --public-keys keys.json received/";

pub(super) const EVENTS: &str = "\
Examples:
  Who stopped or changed a trail:
    trailproof events s3://example-trail-logs --last 30d --name StopLogging --name UpdateTrail
  What an access key did in the hours that a record proves, as CSV:
    trailproof events 2026Q3.jsonl.zst --access-key AKIDEXAMPLE --format csv";

pub(super) const INVESTIGATE: &str = "\
Examples:
  From a record whose verdict is contradicted or not proven:
    trailproof investigate 2026Q3.jsonl.zst --case case/
  From the bucket, and what an address did beside it:
    trailproof investigate s3://example-trail-logs --last 14d --case case/ \\
        --pivot source-ip=198.51.100.7";

pub(super) const REPLAY: &str = "\
Examples:
  trailproof replay 2026Q3.jsonl.zst
  trailproof replay 2026Q3.jsonl.zst --quiet --format json --report html=2026Q3.html";

pub(super) const PLAN: &str = "\
Examples:
  In at most 400 shards:
    trailproof plan s3://example-trail-logs --quarter 2026Q3 --shards 400 --output plan.jsonl
  Kept in S3, for workers on many machines:
    trailproof plan s3://example-trail-logs --quarter 2026Q3 --output s3://results/2026Q3/plan.jsonl";

pub(super) const WORK: &str = "\
Examples:
  One shard by its number:
    trailproof work plan.jsonl --shard 17 --to shards/
  The shard that Slurm, AWS Batch or Kubernetes numbers for this task:
    trailproof work plan.jsonl --shard-from-env --to shards/
  With plan and records in S3:
    trailproof work s3://results/2026Q3/plan.jsonl --shard 17 --to s3://results/2026Q3";

pub(super) const MERGE: &str = "\
Examples:
  From a directory:
    trailproof merge plan.jsonl shards/ --record 2026Q3.jsonl.zst
  From S3:
    trailproof merge s3://results/2026Q3/plan.jsonl s3://results/2026Q3 --record 2026Q3.jsonl.zst";

pub(super) const WATCH: &str = "\
Examples:
  The first step says where the chain of records begins:
    trailproof watch s3://example-trail-logs --state state/ --start-time 2026-07-01
  Every further step, by a scheduler, with metrics for Prometheus:
    trailproof watch s3://example-trail-logs --state state/ --quiet --metrics trailproof.prom";

pub(super) const MIRROR: &str = "\
Examples:
  How much there is to copy, and whether the disk has room for it:
    trailproof mirror s3://example-trail-logs evidence/ --quarter 2026Q3 --dry-run
  The copy; the same command goes on after an interruption:
    trailproof mirror s3://example-trail-logs evidence/ --quarter 2026Q3
  A check against bit rot, each week with a different fiftieth of the files:
    trailproof mirror check evidence/ --sample 2%";

pub(super) const RECOVER: &str = "\
Examples:
  What can be recovered, without writing anything:
    trailproof recover 2026Q3.jsonl.zst --dry-run
  The proven versions, as a mirror that `verify` proves:
    trailproof recover 2026Q3.jsonl.zst --to recovered/";

pub(super) const KEYS: &str = "\
Examples:
  The keys of seven years, for verification without AWS:
    trailproof keys fetch --start-time 2019-10-01 --region us-east-1,eu-west-1 --output keys.json
  Whether a file of keys has all that a mirror needs:
    trailproof keys check keys.json --mirror evidence/";

pub(super) const TRAIL_CONFIG: &str = "\
Examples:
  Every trail that delivers to a bucket, for one framework:
    trailproof trail-config s3://example-trail-logs --framework pci
  A plan of Terraform, before it is applied, for GitHub code scanning:
    trailproof trail-config --terraform plan.json --sarif trailproof.sarif";

pub(super) const ATTEST: &str = "\
Examples:
  trailproof attest keygen --output key.pem --public public.pem
  trailproof attest sign 2026Q3.jsonl.zst --key key.pem --output 2026Q3.intoto.jsonl
  trailproof attest verify 2026Q3.intoto.jsonl --key public.pem --record 2026Q3.jsonl.zst \\
      --require proven";

pub(super) const PACKAGE: &str = "\
Examples:
  Everything that `package.toml` describes, in one command:
    trailproof package create --config package.toml --to 2026Q3-package --key key.pem
  What the auditor runs, and what changed since the quarter before:
    trailproof package check 2026Q3-package --key public.pem
    trailproof package compare 2026Q2-package 2026Q3-package";

pub(super) const EXPLAIN: &str = "\
Examples:
  trailproof explain digest-missing
  trailproof explain bucket-no-early-expiry";

/// Every text of this file.
#[cfg(test)]
pub(super) const ALL: [&str; 17] = [
    VERIFY,
    VALIDATE_LOGS,
    LOOKUP,
    EVENTS,
    INVESTIGATE,
    REPLAY,
    PLAN,
    WORK,
    MERGE,
    WATCH,
    MIRROR,
    RECOVER,
    KEYS,
    TRAIL_CONFIG,
    ATTEST,
    PACKAGE,
    EXPLAIN,
];
