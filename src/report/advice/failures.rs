//! Advice about what could not be read.
use super::Advice;
use trailproof_core::codes::failure::ReadFailureKind;

const AGAIN: &str = "Run again. With `--record` and `--resume`, what is proven is not read again.";

pub(super) fn failure(kind: ReadFailureKind) -> Advice {
    match kind {
        ReadFailureKind::Denied => Advice {
            means: "The store denied access (403). Without permission to list the bucket, S3 answers \
                    the same for objects that do not exist, so that `denied` may hide a deletion.",
            causes: &[
                "The identity lacks `s3:GetObject` or `s3:ListBucket`.",
                "A bucket policy, a VPC endpoint policy or a service control policy denies it.",
                "The object belongs to a different account, in a bucket with object ownership \
                 `ObjectWriter`.",
                "In a directory: file permissions.",
            ],
            check: &[
                "Who are you? `aws sts get-caller-identity`.",
                "Can you read one object? `aws s3api head-object --bucket BUCKET --key KEY`.",
            ],
            act: &[
                "Allow `s3:ListBucket` on the bucket and `s3:GetObject` on its objects; the book has \
                 the policy.",
                AGAIN,
            ],
        },
        ReadFailureKind::Archived => Advice {
            means: "The object is in an archive storage class and has not been restored.",
            causes: &["A lifecycle rule moves old objects to Glacier Flexible Retrieval or Deep \
                       Archive, or Intelligent-Tiering archived them."],
            check: &[
                "`aws s3api head-object --bucket BUCKET --key KEY` shows the storage class, and \
                       whether a restore is under way.",
            ],
            act: &[
                "Restore it: `aws s3api restore-object --bucket BUCKET --key KEY --restore-request \
                 Days=7`. For many objects, use S3 Batch Operations.",
                AGAIN,
            ],
        },
        ReadFailureKind::KmsDenied => Advice {
            means: "The KMS key that encrypts the object may not be used, or no longer exists.",
            causes: &[
                "The identity lacks `kms:Decrypt`, or the key’s policy does not name it.",
                "The key is disabled or scheduled for deletion.",
            ],
            check: &["What is the state of the key? `aws kms describe-key --key-id KEY`."],
            act: &[
                "Allow `kms:Decrypt` in the key’s policy and in the identity’s.",
                "If the key is scheduled for deletion, cancel that now: a deleted key makes its \
                 objects unreadable indefinitely.",
                AGAIN,
            ],
        },
        ReadFailureKind::Throttled => Advice {
            means: "The store throttled every attempt (503 SlowDown).",
            causes: &["Other programs use the same prefix heavily, or the store is small."],
            check: &["Does a lower `--concurrency` help?"],
            act: &[AGAIN],
        },
        ReadFailureKind::Network => Advice {
            means: "The connection failed on every attempt, or the answer was not valid.",
            causes: &["A proxy, a VPN or a firewall in between.", "The store was unavailable."],
            check: &["Does `aws s3 ls s3://BUCKET` work from the same machine?"],
            act: &[AGAIN],
        },
        ReadFailureKind::Timeout => Advice {
            means: "No data arrived in time, on every attempt.",
            causes: &["A slow connection or an overloaded store."],
            check: &["Does a lower `--concurrency` help?"],
            act: &[AGAIN],
        },
        ReadFailureKind::Truncated => Advice {
            means: "The answer ended before its announced length, on every attempt.",
            causes: &["A proxy that cuts connections.", "A damaged object of the store."],
            check: &["Does `aws s3 cp s3://BUCKET/KEY .` get all of it?"],
            act: &[AGAIN],
        },
        ReadFailureKind::ChangedWhileReading => Advice {
            means: "The object was replaced while it was being read, on every attempt.",
            causes: &[
                "A replication or a copy is under way.",
                "A file in a directory is being \
                       written.",
            ],
            check: &[
                "Who writes to the bucket or directory right now? CloudTrail writes an object \
                       once.",
            ],
            act: &["Find out what writes there, and stop it.", AGAIN],
        },
        ReadFailureKind::NoSuchBucket => Advice {
            means: "The bucket does not exist.",
            causes: &[
                "A link of a chain leads to a bucket from which the trail was moved, and which was \
                 deleted since.",
                "The bucket name is misspelt.",
            ],
            check: &["Does `aws s3api head-bucket --bucket BUCKET` find it?"],
            act: &[
                "If its objects are elsewhere, name that place: `--relocate s3://OLD=s3://NEW` or \
                    `--relocate s3://OLD=DIRECTORY`.",
            ],
        },
        ReadFailureKind::VersionUnknown => Advice {
            means: "No version of the object from the requested time is left. It is not known whether \
                    the object existed then: it may have been removed for good since.",
            causes: &[
                "A lifecycle rule removes noncurrent versions.",
                "Versioning was switched on after that time.",
                "Somebody deleted the version by its ID.",
            ],
            check: &[
                "Which versions are left? `aws s3api list-object-versions --bucket BUCKET --prefix KEY`.",
                "Is there a `DeleteObject` event with a `versionId`? `trailproof events` searches the \
                 verified log files.",
            ],
            act: &[
                "Choose a later time for `--as-of`.",
                "Look for a mirror or a replica of that time.",
            ],
        },
        ReadFailureKind::OverBudget => Advice {
            means: "A limit of trailproof was used up, such as the size of one object. It stopped \
                    looking, which says nothing about the object.",
            causes: &[
                "An unusually large object or listing.",
                "A file that was made to be large when \
                       inflated.",
            ],
            check: &["How large is it, inflated? The limits are in the book."],
            act: &[
                "Find out who wrote it: CloudTrail’s own log files stay far below the limits.",
                "Narrow the run with `--account`, `--region` or a shorter period.",
            ],
        },
        ReadFailureKind::KeysUnavailable => Advice {
            means: "CloudTrail’s public keys for that region and time could not be obtained, so no \
                    signature could be checked.",
            causes: &[
                "The identity lacks `cloudtrail:ListPublicKeys`, or the region is not enabled.",
                "A copy was verified without `--public-keys`.",
            ],
            check: &["`trailproof keys check FILE` shows which regions and times a file covers."],
            act: &[
                "Allow `cloudtrail:ListPublicKeys` in every region of the trail.",
                "Or fetch the keys where AWS can be reached, with `trailproof keys fetch`, and give \
                 them with `--public-keys FILE`.",
            ],
        },
        ReadFailureKind::NoSignature => Advice {
            means: "There is no signature to check: the object’s metadata has none, and no proven \
                    successor records one.",
            causes: &[
                "The newest digests of a copy: their signature is in S3 metadata, which most copiers \
                 drop, and their successor is not there yet.",
                "A backfill digest of a copy that no other one links to.",
            ],
            check: &["Does `aws s3api head-object --bucket BUCKET --key KEY` show the metadata \
                       `signature`?"],
            act: &[
                "Verify the original bucket, or mirror it with `trailproof mirror`, which keeps \
                    the metadata.",
                "Copy a few hours more than you need: a later digest proves the \
                    ones before it.",
            ],
        },
        ReadFailureKind::NotCopied => Advice {
            means: "A mirror does not have the object: it was not copied, or was removed since. What \
                    the bucket holds there is not known.",
            causes: &["The mirror was made for a different period or scope, or was interrupted."],
            check: &["For which periods and scopes was the mirror made? `trailproof-mirror.json` \
                       lists them."],
            act: &[
                "Run `trailproof mirror` again for this period and scope, or verify the bucket.",
            ],
        },
        ReadFailureKind::AbsentFromCopy => Advice {
            means: "A copy does not have the object. Absence from a copy accuses nobody: what the \
                    bucket of delivery holds there is not known.",
            causes: &[
                "The copy was made of a part, for a shorter time, or replication began later.",
                "`recover` made it, and found no version that proves the object. The detail names what \
                 became of it.",
            ],
            check: &["Is the object in the original bucket?"],
            act: &[
                "Verify the bucket itself, or take another copy.",
                "Only if the copy is known to be complete, `--complete-copy` makes absent objects \
                 count as removed.",
            ],
        },
        ReadFailureKind::CopyDamaged => Advice {
            means: "A file of a mirror does not have the bytes that were verified when the mirror was \
                    made. The copy changed since; the bucket may be intact.",
            causes: &[
                "A damaged disk or memory.",
                "Somebody edited, inflated or compressed the file.",
            ],
            check: &["`sha256sum --check SHA256SUMS` in the mirror lists every file that changed."],
            act: &[
                "Take the file from another copy, or run `trailproof mirror` again.",
                "Find out whether the disk fails or somebody wrote to the mirror.",
            ],
        },
        ReadFailureKind::NotFollowed => Advice {
            means: "A symbolic link, a special file, or a name that cannot be a key, in a directory. \
                    It was not read, because it could lead anywhere.",
            causes: &["A copier that keeps links, or a mount."],
            check: &["What is it? `ls -l` shows where a link leads."],
            act: &["Replace it by a regular folder or file, and verify again."],
        },
        ReadFailureKind::DeliveredElsewhere => Advice {
            means: "The object is genuine evidence of a different place, which its detail names. It \
                    proves nothing about this one.",
            causes: &["Logs of several buckets were copied into one."],
            check: &["Which bucket and key does the detail name?"],
            act: &[
                "Verify the copies of each bucket in a run of their own, with `--bucket BUCKET`.",
            ],
        },
        ReadFailureKind::UnknownForm => Advice {
            means: "The digest is as CloudTrail signed it, and this version does not know the form of a \
                    field, which its detail names. What the digest names was not verified.",
            causes: &[
                "CloudTrail has a new kind of digest, such as one with another hash algorithm.",
            ],
            check: &["Is there a newer version of trailproof?"],
            act: &[
                "Verify again with a version that knows the form.",
                "If there is none, report the field and its value; the digest itself stays with you.",
            ],
        },
    }
}
