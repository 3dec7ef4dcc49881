//! Advice about time, places and everything that is neither a finding nor a read failure.
use super::Advice;
use super::failures::failure;
use super::findings::finding;
use trailproof_core::coverage::{Coverage, Uncovered};
use trailproof_core::record::{ObjectionCode, PlaceDoubt};

const STOPPED: &str = "`aws cloudtrail lookup-events --lookup-attributes \
                       AttributeKey=EventName,AttributeValue=StopLogging` reaches back 90 days.";
const STATUS: &str = "`aws cloudtrail get-trail-status --name TRAIL` shows whether logging is on, the \
                      latest delivery, and the error if delivery fails.";

pub(super) fn objection(code: ObjectionCode) -> Advice {
    match code {
        ObjectionCode::Finding(code) => finding(code),
        ObjectionCode::Unread(kind) => failure(kind),
        ObjectionCode::Time(coverage) => time(coverage),
        ObjectionCode::Place(why) => place(why),
        ObjectionCode::Unlisted => unlisted(),
        ObjectionCode::WithoutDigests => without_digests(),
        ObjectionCode::NotJoined => not_joined(),
    }
}

fn time(coverage: Coverage) -> Advice {
    match coverage {
        Coverage::Verified => Advice {
            means: "A proven digest covers the time, and every log file that it names is proven.",
            causes: &[],
            check: &[],
            act: &["Nothing."],
        },
        Coverage::Contradicted => Advice {
            means: "The digest of that time, or a log file that it names, is contradicted by the \
                    evidence.",
            causes: &["See the finding of the object."],
            check: &["Which finding has an object of that time? The calendar of the HTML report \
                       links to it."],
            act: &["Follow the page about the finding’s code."],
        },
        Coverage::Unverified => Advice {
            means: "The digest of that time, or a log file that it names, could not be checked.",
            causes: &["See the read failure of the object."],
            check: &["Which object of that time could not be read?"],
            act: &["Follow the page about the read failure’s code, and verify again."],
        },
        Coverage::Pending => pending(),
        Coverage::Uncovered(why) => uncovered(why),
    }
}

fn uncovered(why: Uncovered) -> Advice {
    match why {
        Uncovered::BeforeFirstDigest => Advice {
            means: "The time comes before the first digest of the chain. A first digest proves \
                    nothing about what was delivered before its end.",
            causes: &[
                "The trail was created, or its validation was switched on, within the period.",
                "The period begins a few minutes too early.",
            ],
            check: &[
                "When was the trail created? A `CreateTrail` or `UpdateTrail` event shows it.",
            ],
            act: &[
                "If logging began only then, let the period begin at the end of the first digest: \
                    the report has the `--start-time`.",
            ],
        },
        Uncovered::Gap => Advice {
            means: "The chain ended and a new one was started later. Logging was off in between, or \
                    the digests of that time are gone, and nothing left shows which.",
            causes: &[
                "The trail was stopped, changed or deleted and made again, on purpose.",
                "CloudTrail could not deliver: the bucket’s policy or the key’s was changed.",
            ],
            check: &[
                "Does the report show an event that explains it? Then look at who did it and why.",
                STOPPED,
                "Are there log files of that time? Log files without digests are reported as \
                 `log-unlisted`.",
            ],
            act: &[
                "Find out who stopped the trail, or who deleted digests.",
                "If it was planned, record it as an accepted exception; the time stays unproven.",
            ],
        },
        Uncovered::DigestsMissing => Advice {
            means: "The digests of that time are missing, and a later, proven digest leads to them. \
                    Log files of that time may be there, but nothing proves them.",
            causes: &["See the finding `digest-missing` at the end of that time."],
            check: &["Are the log files of that time still in the bucket?"],
            act: &[
                "Look for the digests in other copies and in earlier versions, and verify again.",
            ],
        },
        Uncovered::Tail => Advice {
            means: "The time comes after the newest digest of the chain, and the next one is overdue.",
            causes: &[
                "The trail or the account was closed.",
                "Delivery fails: the bucket’s policy or the key’s was changed.",
            ],
            check: &[STATUS, STOPPED],
            act: &[
                "Find out why nothing was delivered since, and repair delivery now: what is not \
                    delivered is lost after some days.",
                "If the chain ended on purpose, state it: `--known-end ACCOUNT/REGION=TIME`.",
            ],
        },
        Uncovered::Hole => Advice {
            means: "Two linked digests leave a stretch between them that neither covers.",
            causes: &["None is known: CloudTrail’s digests adjoin each other."],
            check: &["What are the start and the end of the two digests?"],
            act: &["Report it to AWS support with the two digests."],
        },
        Uncovered::Absent => Advice {
            means: "The chain, or the place that was named or expected, has no digest at all in the \
                    period.",
            causes: &[
                "The account or region was not in use, or was closed.",
                "The trail does not deliver for that account or region.",
                "The name is misspelt.",
            ],
            check: &[
                STATUS,
                "Is the account active? `aws organizations list-accounts`.",
                "Did its siblings go on? Then everything of it may have been deleted.",
            ],
            act: &[
                "Find out since when nothing was delivered for it, and whether anything was \
                    deleted.",
                "If it ended on purpose, state it: `--known-end ACCOUNT=TIME`.",
            ],
        },
    }
}

fn place(why: PlaceDoubt) -> Advice {
    match why {
        PlaceDoubt::NamedNotFound => Advice {
            means: "An account, region or trail that was named has no digest in the period.",
            causes: &["The name is misspelt.", "It delivers to a different bucket or prefix."],
            check: &[
                "Which accounts, regions and trails are there? The report names what was found.",
            ],
            act: &["Correct the name. If it is right, find out since when nothing was delivered."],
        },
        PlaceDoubt::ExpectedNotFound => Advice {
            means: "An account or region that was expected has no digest in the period.",
            causes: &[
                "A new account that is not in the trail’s scope yet.",
                "An account that was closed before the period, in a list that is not up to \
                       date.",
            ],
            check: &["Is the account active, and since when? `aws organizations list-accounts`."],
            act: &["Correct the list of expected accounts, or find out why nothing was delivered."],
        },
        PlaceDoubt::DigestsUnreadable => Advice {
            means: "A folder of digests holds objects, and none of them has the key of a digest.",
            causes: &["A copier renamed the files."],
            check: &["What are the names? A digest is named \
                       `ACCOUNT_CloudTrail-Digest_REGION_TRAIL_HOMEREGION_TIME.json.gz`."],
            act: &["Restore the names, or copy again from the bucket."],
        },
        PlaceDoubt::NotLookedAt => Advice {
            means: "These folders were not searched, and evidence may be in them: a limit ended the \
                    search, or they look like CloudTrail’s and are in no place to which a chain \
                    leads.",
            causes: &[
                "The bucket has very many folders beside the evidence.",
                "Somebody copied an account’s log files to a different folder, without `AWSLogs` \
                 above it.",
                "The location holds evidence of several buckets.",
            ],
            check: &[
                "Below which prefix is the evidence?",
                "Who wrote the folders, and when? `aws s3api list-objects-v2 --bucket BUCKET --prefix \
                 FOLDER`.",
            ],
            act: &[
                "Name the prefix: `s3://BUCKET/PREFIX`.",
                "Verify evidence of a different place by itself.",
            ],
        },
        PlaceDoubt::EndedUnexplained => Advice {
            means: "A chain ended before the period, and no event in a verified log file explains why.",
            causes: &[
                "The trail was deleted, or the account or region was closed, by an event that \
                       lies outside of what the run could read.",
                "The trail was given a different bucket or prefix.",
            ],
            check: &[
                "Does the management account’s trail have the event, such as `DeleteTrail`, \
                       `StopLogging` or `CloseAccount`?",
                STATUS,
            ],
            act: &[
                "If the end is known, state it: `--known-end ACCOUNT/REGION=TIME`.",
                "Otherwise find out who ended it.",
            ],
        },
    }
}

fn unlisted() -> Advice {
    Advice {
        means: "A log file is in a folder of log files, in verified time, and no verified digest \
                names it. As far as the digests show, CloudTrail did not deliver it: somebody else \
                may have put it there.",
        causes: &[
            "A trail without log file validation delivers to the same folders.",
            "A tool wrote a result, an index or a copy there.",
            "A digest after the period still names it.",
        ],
        check: &[
            "Who owns it, and when was it last modified? The report shows the time.",
            "Do queries over the bucket, such as Athena’s, read it? Then its records are in \
                  their results.",
        ],
        act: &["Find out who wrote it. Until then, exclude it from queries: `--export \
                verified-objects=FILE` lists what is proven."],
    }
}

fn without_digests() -> Advice {
    Advice {
        means: "A folder holds log files of the period, and no digest of any trail covers their \
                account and region. None of them can be proven.",
        causes: &[
            "Log file validation is off for the trail.",
            "`CloudTrail-Digest` was left out of a copy, as many tools advise.",
        ],
        check: &["Is validation on? `aws cloudtrail describe-trails` shows \
                  `LogFileValidationEnabled`."],
        act: &[
            "Copy `CloudTrail-Digest` too, if this is a copy.",
            "Switch validation on, for the future: `aws cloudtrail update-trail --name TRAIL \
                --enable-log-file-validation`.",
        ],
    }
}

fn not_joined() -> Advice {
    Advice {
        means: "A chain does not continue from the record that `--since` names: the newest digest \
                that the record proves was not found, is not proven, or differs.",
        causes: &[
            "The record is of a different bucket, copy or scope.",
            "A lifecycle rule expired that digest since.",
        ],
        check: &["Which bucket, period and scope does the record have? The report names them."],
        act: &[
            "Give the record of the previous run over this very bucket.",
            "If it is the right record, treat it as a deletion: see `digest-missing`.",
        ],
    }
}

pub(super) fn listing_unread() -> Advice {
    Advice {
        means: "A listing could not be read, so that chains or log files may be missing from the run.",
        causes: &[
            "The identity lacks `s3:ListBucket` for that prefix.",
            "In a directory: file permissions, or a link that was not followed.",
        ],
        check: &["`aws s3 ls s3://BUCKET/PREFIX/` with the same identity."],
        act: &["Follow the page about the read failure’s code, and verify again."],
    }
}

pub(super) fn pending() -> Advice {
    Advice {
        means: "The time comes after the newest digest, whose successor is not due yet. Digests end \
                every hour and are delivered up to two hours later.",
        causes: &["This is normal for a period that reaches up to now."],
        check: &[],
        act: &["Nothing. A run a few hours later verifies the time."],
    }
}

pub(super) fn copy_of() -> Advice {
    Advice {
        means: "An object that no verified digest names has the content of a log file that one names \
                under a different key.",
        causes: &["Somebody copied or renamed log files within the bucket."],
        check: &["Do queries count its records twice?"],
        act: &["Delete the copy or move it out of the folders of log files, if nobody needs it."],
    }
}

pub(super) fn unvalidated() -> Advice {
    Advice {
        means: "DescribeTrails names a trail that delivers to this bucket and prefix and has log file \
                validation switched off. Its log files look like files that somebody added.",
        causes: &["The trail was made without validation, which is the default of the API and of \
                   Terraform."],
        check: &[
            "`aws cloudtrail describe-trails` shows `LogFileValidationEnabled` of every trail.",
        ],
        act: &[
            "Switch validation on: `aws cloudtrail update-trail --name TRAIL \
                --enable-log-file-validation`.",
            "Or give the trail its own prefix, so that its log files do not mix with proven ones.",
        ],
    }
}
