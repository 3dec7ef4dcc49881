//! What the reader of a report can do next.
use super::collect::{Collected, Copies, Unread};
use std::borrow::Cow;
use trailproof_core::codes::denial::Denial;
use trailproof_core::codes::failure::ReadFailureKind;
use trailproof_core::codes::finding::Finding;
use trailproof_core::codes::unlisted::UnlistedReason;
use trailproof_core::coverage::{Coverage, Uncovered};
use trailproof_core::record::{EvidencePlace, PlaceDoubt, RunStart, RunSummary};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::key_layout::{DigestKey, DigestKind};
use trailproof_core::vocab::location::{excerpt, shell_word};
use trailproof_core::vocab::time::{Period, Timestamp};

/// Maximum number of accounts in a suggested command.
const ACCOUNTS: usize = 10;

/// Returns what the reader can do, most urgent first.
pub(super) fn next_steps(run: &Collected, summary: &RunSummary) -> Vec<Cow<'static, str>> {
    let unread = |kind: ReadFailureKind| {
        run.unread.entries.iter().any(|unread| unread.why.kind == kind)
            || run.listings_unread.entries.iter().any(|(_, why)| why.kind == kind)
    };
    let mut next: Vec<Cow<'static, str>> = Vec::new();
    let place = run.start.as_ref().map(|start| &start.place);
    let is_copy = place.is_some_and(EvidencePlace::is_copy);
    let is_local =
        place.and_then(|place| place.read_from.first()).is_some_and(|at| !at.kind.is_s3());
    next.extend(other_bucket(run).map(Cow::Owned));
    next.extend(copied_from(run, summary).into_iter().map(Cow::Owned));
    let mut say = |words: &'static str| next.push(Cow::Borrowed(words));
    if summary.verdict == Verdict::Contradicted && is_copy {
        say(match run.complete_copy() {
            true => {
                "compare with the original bucket first: this is a copy, and only \
                 `--complete-copy` asserts that nothing was lost on the way"
            }
            false => {
                "compare with the original bucket first: this is a copy, which may have changed \
                 since it was made"
            }
        });
    }
    if summary.verdict == Verdict::Contradicted {
        say("preserve the bucket: suspend lifecycle rules, and deny writes and deletes");
        let start = run.start.as_ref().filter(|_| !is_local);
        next.extend(start.map(|start| {
            let command = again(start, "investigate");
            format!("find out who did what, and what survives: `{command} --case case`").into()
        }));
        next.push(earlier_versions(run, is_local));
    }
    let mut say = |words: &'static str| next.push(Cow::Borrowed(words));
    let denials = || {
        let objects = run.unread.entries.iter().map(|unread| &unread.why);
        let all = objects.chain(run.listings_unread.entries.iter().map(|(_, why)| why));
        all.map(|why| (why.kind, Denial::behind(why)))
    };
    let is_about_caller =
        |denial: Denial| denial.is_about_credentials() || denial == Denial::ClockSkewed;
    let reasons = || denials().filter_map(|(_, denial)| denial);
    if reasons().any(Denial::is_about_credentials) {
        say(
            "AWS did not accept the credentials any more: renew them (`aws sso login`, or new keys), \
             and run again; with `--record` and `--resume`, what is proven is not read again",
        );
    }
    if reasons().any(|denial| denial == Denial::ClockSkewed) {
        say("set this machine's clock, and run again");
    }
    let is_forbidden = denials().any(|(kind, denial)| {
        kind == ReadFailureKind::Denied && !denial.is_some_and(is_about_caller)
    });
    if is_forbidden && is_local {
        say("make the denied files readable, and replace symbolic links by files; what cannot be \
             read may hide deletions");
    } else if is_forbidden {
        say("allow `s3:GetObject` and `s3:ListBucket` on what was denied; denied access may hide \
             deletions");
    }
    if unread(ReadFailureKind::KmsDenied) {
        say("allow `kms:Decrypt` on the key that encrypts the objects");
    }
    if unread(ReadFailureKind::Archived) {
        let archived =
            run.unread.entries.iter().find(|unread| unread.why.kind == ReadFailureKind::Archived);
        let command = archived.map(|unread| {
            let (bucket, key) = (shell_word(&unread.at.bucket), shell_word(&unread.at.key));
            format!(
                "aws s3api restore-object --bucket {bucket} --key {key} --restore-request Days=7"
            )
        });
        next.push(match command {
            Some(command) => {
                format!("restore the archived objects, then run again; for the first: `{command}`")
                    .into()
            }
            None => "restore the archived objects, then run again".into(),
        });
    }
    let mut say = |words: &'static str| next.push(Cow::Borrowed(words));
    if unread(ReadFailureKind::KeysUnavailable) && is_local {
        say("give the public keys of those regions and times with `--public-keys FILE`; \
             `trailproof keys fetch` writes such a file, and `trailproof keys check` reports what \
             it covers");
    } else if unread(ReadFailureKind::KeysUnavailable) {
        say("allow `cloudtrail:ListPublicKeys` in every region of the trail, or give the public \
             keys with `--public-keys FILE`");
    }
    let unsigned = |backfill: bool| {
        run.unread.entries.iter().any(|Unread { at, why, .. }| {
            let kind = DigestKey::parse(&at.key).map(|key| key.kind);
            let is_backfill = kind == Some(DigestKind::Backfill);
            why.kind == ReadFailureKind::NoSignature && is_backfill == backfill
        })
    };
    if unsigned(false) {
        say("read the newest digests from the original bucket, where their metadata is");
    }
    if unsigned(true) {
        say("read the backfill digests from the original bucket: a backfill digest that no other \
             one links to is proven only by its own metadata");
    }
    if run.findings.entries.iter().any(|told| told.lifecycle) {
        say("if a lifecycle rule expires old objects, begin the period a day later: the rule \
             expires a day's log files and digests together, but some log files are a day older \
             than their digest");
    }
    if unread(ReadFailureKind::AbsentFromCopy) {
        say(
            "verify the bucket itself, or take another copy; if this one is known to be complete, \
             `--complete-copy` makes absent objects count as removed",
        );
    }
    if unread(ReadFailureKind::CopyDamaged) {
        say("mirror again or take another copy: files of this one changed after it was made");
    }
    if unread(ReadFailureKind::NotFollowed) {
        say("replace symbolic links, special files and names that cannot be keys by regular \
             folders and files");
    }
    if unread(ReadFailureKind::NotCopied) {
        say("run `trailproof mirror` again for this period and scope, or verify the bucket");
    }
    if unread(ReadFailureKind::Throttled) || unread(ReadFailureKind::Network) {
        say("run again, with a lower `--concurrency` if the store still throttles");
    }
    let unvalidated = UnlistedReason::TrailWithoutValidation;
    if run.without_digests.entries.iter().any(|(_, reason)| *reason == unvalidated) {
        say("log file validation is off for a trail that delivers here, so none of its log files \
             can be proven: `aws cloudtrail update-trail --enable-log-file-validation` switches it \
             on");
    }
    if !run.unlisted.entries.is_empty() {
        if run.unlisted_facts.iter().any(|(_, reason)| *reason == unvalidated) {
            say("a trail without log file validation delivers into these folders, so no digest \
                 names its log files: switch validation on, or give the trail its own prefix");
        }
        if run.unlisted_facts.iter().any(|(_, reason)| *reason != unvalidated) {
            say("find out who wrote the log files that no digest names");
        }
    }
    if summary.not_joined > 0 {
        say("give `--since` the record of the previous run over this very bucket, or choose the \
             start of the period yourself");
    }
    if run.places_in_doubt.entries.iter().any(|doubt| doubt.why.is_absence()) {
        say(
            "check the spelling of the accounts, regions and trails that were not found; if it is \
             right, find out since when nothing has been delivered for them",
        );
    }
    let not_searched = || {
        let doubts = run.places_in_doubt.entries.iter();
        doubts.filter(|doubt| doubt.why == PlaceDoubt::NotLookedAt)
    };
    if not_searched().any(|doubt| doubt.folders.is_some()) {
        say("name the prefix of the evidence, as in `s3://BUCKET/PREFIX`: the bucket has more \
             folders than the search limit");
    }
    if not_searched().any(|doubt| doubt.folders.is_none()) {
        say(
            "find out who wrote the folders that were not searched: they look like CloudTrail's, and \
             no chain leads to them; what is evidence of a different place can be verified by itself",
        );
    }
    let open = |why: Uncovered| {
        let gaps = run.gaps.entries.iter();
        gaps.filter(move |gap| {
            gap.explained.is_empty() && gap.segment.coverage == Coverage::Uncovered(why)
        })
    };
    if open(Uncovered::Gap).next().is_some() {
        say("find out who stopped the trail, or deleted digests, in each gap: `aws cloudtrail \
             lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue=StopLogging` \
             reaches back 90 days");
    }
    if open(Uncovered::DigestsMissing).next().is_some() {
        say("look for the missing digests in other copies and earlier versions; without them the \
             log files of that time are not proven");
    }
    if open(Uncovered::Tail).chain(open(Uncovered::Absent)).next().is_some() {
        say("find out why nothing was delivered since the newest digest: `aws cloudtrail \
             get-trail-status --name TRAIL` shows the latest delivery and its error");
    }
    if let Some(begins) = open(Uncovered::BeforeFirstDigest).map(|gap| gap.segment.to).max() {
        next.push(
            format!(
                "if logging began only then, let the period begin at the last start of a chain: \
                     `--start-time {begins}`"
            )
            .into(),
        );
    }
    if let Some(newest) = young(run, summary) {
        next.push(
            format!(
                "no digest covers any of the period yet: let it begin earlier, or run again once \
                     the next digest has been delivered (the newest one ends at {newest})"
            )
            .into(),
        );
    }
    let mut say = |words: &'static str| next.push(Cow::Borrowed(words));
    if summary.verdict == Verdict::NothingFound {
        say("check the bucket, the prefix, the period and the scope");
    } else if summary.verdict != Verdict::Proven {
        say(
            "`trailproof explain CODE` prints what a code of this report means, its innocent causes, \
             what to check and what to do",
        );
    }
    next
}

/// Returns how to look for earlier versions of what is missing or changed.
fn earlier_versions(run: &Collected, is_local: bool) -> Cow<'static, str> {
    let words = "look for earlier versions of the missing or changed objects, if versioning was on";
    let first = run.findings.entries.iter().find(|told| !told.at.bucket.is_empty());
    match first.filter(|_| !is_local) {
        None => words.into(),
        Some(told) => {
            let (bucket, key) = (shell_word(&told.at.bucket), shell_word(&told.at.key));
            format!(
                "{words}; for the first of them: `aws s3api list-object-versions --bucket {bucket} \
                 --prefix {key}`"
            )
            .into()
        }
    }
}

/// Returns the command line that looks at the same evidence, in the same period and scope.
pub(super) fn again(start: &RunStart, command: &str) -> String {
    let place = start.place.read_from.first().map_or("", |at| at.place.as_str());
    let Period { start: from, end: to } = start.period;
    let mut line =
        format!("trailproof {command} {} --start-time {from} --end-time {to}", shell_word(place));
    for (option, names) in
        [("--trail", &start.trails), ("--account", &start.accounts), ("--region", &start.regions)]
    {
        for name in names {
            line.push_str(&format!(" {option} {}", shell_word(name)));
        }
    }
    line
}

/// Returns the end of the newest digest if all time of the period is still pending.
fn young(run: &Collected, summary: &RunSummary) -> Option<Timestamp> {
    let coverage = &summary.coverage;
    let pending = coverage.pending > 0 && coverage.pending == coverage.total();
    let from = run.chains.iter().flat_map(|chain| chain.segments.first()).map(|first| first.from);
    from.max().filter(|_| pending && summary.verdict == Verdict::NotProven)
}

/// Returns how to verify copies of other buckets' evidence, unless everything is proven. Copies of
/// the bucket's own evidence need no step.
fn copied_from(run: &Collected, summary: &RunSummary) -> Vec<String> {
    let own = run.start.as_ref().map_or("", |start| start.place.delivered_to.bucket.as_str());
    let others = run.copied.iter().filter(|(bucket, _)| bucket.as_str() != own);
    let others = others.filter(|_| summary.verdict != Verdict::Proven);
    let command = |(bucket, copies): (&String, &Copies)| {
        let mut command = format!("--bucket {}", shell_word(bucket));
        let bucket = excerpt(bucket, 200);
        for account in copies.accounts.iter().take(ACCOUNTS) {
            command.push_str(&format!(" --account {account}"));
        }
        format!(
            "verify the copies of what was delivered to `s3://{bucket}` in a separate run, with \
             `{command}`"
        )
    };
    others.map(command).collect()
}

/// Returns a step for the bucket that all moved digests name, if they agree on one. A copy looks
/// like this if `--bucket` is wrong, or if the bucket was guessed from planted digests.
fn other_bucket(run: &Collected) -> Option<String> {
    let mut named = run.findings.entries.iter().filter_map(|told| match &told.finding {
        Finding::DigestMoved { recorded }
            if recorded.bucket != told.at.bucket && recorded.key == told.at.key =>
        {
            Some(&recorded.bucket)
        }
        _ => None,
    });
    let bucket = named.next()?;
    named.all(|other| other == bucket).then(|| {
        format!(
            "if this is a copy of `s3://{}`, which the moved digests name, verify it as one: \
             `--bucket {}`",
            excerpt(bucket, 200),
            shell_word(bucket)
        )
    })
}
