//! Converts events to lines.
use super::SCHEMA;
use super::lines::{
    BucketListedLine, BuiltShape, ChainStartedLine, CopyOfLine, DigestJudgedLine, GapExplainedLine,
    Line, LinkShape, ListingUnreadLine, LogJudgedLine, LogNamedLine, LogUnlistedLine,
    LogsWithoutDigestsLine, PlaceInDoubtLine, PlacesAnsweredLine, PublicKeyLine, RunStartedLine,
    SeamJudgedLine, TrailStatusLine,
};
use super::parts::{Hex, Text, Time};
use super::shown::write_json;
use crate::codes::finding::Outcome;
use crate::codes::notice::Notice;
use crate::record::event::{
    DigestJudged, DigestLink, LogJudged, LogNamed, PublicKeyUsed, RunEvent, RunStart,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;
use std::io::{self, Write};

/// The value of [`RunStartedLine::tool`].
pub(crate) const TOOL: &str = "trailproof";

/// Writes one event, followed by a newline.
///
/// # Errors
///
/// Returns an error if the writer fails.
pub fn write_event(event: &RunEvent, mut to: impl Write) -> io::Result<()> {
    write_json(&mut to, &line(event))?;
    to.write_all(b"\n")
}

fn line(event: &RunEvent) -> Line<'_> {
    match event {
        RunEvent::RunStarted(start) => Line::RunStarted(run_started(start)),
        RunEvent::BucketListed { chains, digests, left_out } => {
            Line::BucketListed(BucketListedLine {
                chains: *chains,
                digests: *digests,
                trails_left_out: texts(left_out),
            })
        }
        RunEvent::ListingUnread { folder, why } => Line::ListingUnread(ListingUnreadLine {
            folder: folder.into(),
            read_failure: why.into(),
        }),
        RunEvent::ChainStarted { chain } => {
            Line::ChainStarted(ChainStartedLine { chain: chain.into() })
        }
        RunEvent::PublicKey(key) => Line::PublicKey(public_key(key)),
        RunEvent::DigestJudged(judged) => Line::DigestJudged(Box::new(digest_judged(judged))),
        RunEvent::LogJudged(judged) => Line::LogJudged(Box::new(log_judged(judged))),
        RunEvent::LogNamed(named) => Line::LogNamed(Box::new(log_named(named))),
        RunEvent::SeamJudged(seam) => Line::SeamJudged(Box::new(SeamJudgedLine {
            bucket: (&seam.at.bucket).into(),
            key: (&seam.at.key).into(),
            end: Time(seam.end),
            sha256: Hex(seam.expected),
            joined: seam.joined,
            finding: seam.finding.as_ref().map(Into::into),
        })),
        RunEvent::ChainFinished(summary) => Line::ChainFinished(summary.into()),
        RunEvent::TrailStatus {
            chain,
            is_logging,
            latest_digest_delivery,
            latest_digest_error,
            finding,
        } => Line::TrailStatus(Box::new(TrailStatusLine {
            chain: chain.into(),
            is_logging: *is_logging,
            latest_digest_delivery: latest_digest_delivery.map(Time),
            latest_digest_error: optional(latest_digest_error.as_ref()),
            finding: finding.as_ref().map(Into::into),
        })),
        RunEvent::GapExplained { chain, from, to, event } => {
            Line::GapExplained(Box::new(GapExplainedLine {
                chain: chain.into(),
                from: Time(*from),
                to: Time(*to),
                explained_by: event.into(),
            }))
        }
        RunEvent::LogUnlisted { at, last_modified, reason } => Line::LogUnlisted(LogUnlistedLine {
            bucket: (&*at.bucket).into(),
            key: (&*at.key).into(),
            last_modified: last_modified.map(Time),
            reason: reason.code().into(),
        }),
        RunEvent::CopyOf { at, hash } => Line::CopyOf(CopyOfLine {
            bucket: (&*at.bucket).into(),
            key: (&*at.key).into(),
            sha256: Hex(*hash),
        }),
        RunEvent::LogsWithoutDigests { folder, reason } => {
            let (folder, reason) = (folder.into(), reason.code().into());
            Line::LogsWithoutDigests(LogsWithoutDigestsLine { folder, reason })
        }
        RunEvent::PlaceInDoubt(place) => Line::PlaceInDoubt(PlaceInDoubtLine {
            why: place.why.code().into(),
            folder: optional(place.folder.as_ref()),
            folders: place.folders,
            account: place.account.as_ref().map(|account| account.as_str().into()),
            region: place.region.as_ref().map(|region| region.as_str().into()),
            trail: optional(place.trail.as_ref()),
            home_region: place.home.as_ref().map(|home| home.region.as_str().into()),
            organization: place
                .home
                .as_ref()
                .and_then(|home| home.organization.as_ref())
                .map(|organization| organization.as_str().into()),
        }),
        RunEvent::PlacesAnswered(places) => Line::PlacesAnswered(PlacesAnsweredLine {
            found: places.found,
            covered: places.covered,
            empty: places.empty,
            ended: places.ended,
            doubtful: places.doubtful,
            left_out: places.left_out,
        }),
        RunEvent::CheckNotPerformed(not_made) => Line::CheckNotPerformed(not_made.into()),
        RunEvent::ExceptionsJudged(judged) => Line::ExceptionsJudged(judged.into()),
        RunEvent::RunFinished(summary) => Line::RunFinished(summary.into()),
    }
}

fn run_started(start: &RunStart) -> RunStartedLine<'_> {
    RunStartedLine {
        schema: SCHEMA,
        tool: TOOL.into(),
        version: (&start.tool.version).into(),
        build: optional(start.tool.build.as_ref()),
        built: start.tool.built.as_ref().map(|built| BuiltShape {
            committed: built.committed.map(Time),
            tree: built.tree.code().into(),
            target: (&built.target).into(),
            rustc: (&built.rustc).into(),
        }),
        delivered_to: (&start.place.delivered_to).into(),
        read_from: start.place.read_from.iter().map(Into::into).collect(),
        from: Time(start.period.start),
        to: Time(start.period.end),
        end_was_future: start.end_was_future,
        tail_allowed_from: start.tail_allowed_from.map(Time),
        trails: texts(&start.trails),
        accounts: texts(&start.accounts),
        regions: texts(&start.regions),
        organization: optional(start.organization.as_ref()),
        expected_accounts: start.expected_accounts.as_deref().map(texts),
        account_names: start
            .account_names
            .iter()
            .map(|(account, name)| (account.into(), name.into()))
            .collect(),
        expected_regions: start.expected_regions.as_deref().map(texts),
        known_ends: start.known_ends.iter().map(|end| Cow::Owned(end.to_string())).collect(),
        accepted_exceptions: start.accepted.as_ref().map(Into::into),
        search_unlisted: start.unlisted,
        complete_copy_asserted: start.complete_copy,
        follows: start.follows.as_ref().map(Into::into),
    }
}

fn public_key(key: &PublicKeyUsed) -> PublicKeyLine<'_> {
    PublicKeyLine {
        region: key.region.as_str().into(),
        fingerprint: (&key.fingerprint).into(),
        der: STANDARD.encode(&key.der).into(),
        valid_from: key.valid_from.map(Time),
        valid_to: key.valid_to.map(Time),
        source: (&key.source).into(),
    }
}

fn digest_judged(judged: &DigestJudged) -> DigestJudgedLine<'_> {
    let mut line = DigestJudgedLine {
        bucket: (&judged.at.bucket).into(),
        key: (&judged.at.key).into(),
        outcome: word(&judged.outcome).into(),
        kind: judged.kind.code().into(),
        start: None,
        end: Time(judged.end),
        counts: judged.counts,
        sha256: None,
        log_files: None,
        proofs: None,
        fingerprint: None,
        previous: None,
        finding: None,
        read_failure: None,
        notices: judged.notices.iter().map(|notice| notice.code().into()).collect(),
        found_sha256: judged.seen.found.map(Hex),
        stored_bytes: judged.seen.stored,
        etag: optional(judged.seen.etag.as_ref()),
        version_id: optional(judged.seen.version_id.as_ref()),
        stored_as: judged.seen.stored_as.as_deref().map(Into::into),
    };
    match &judged.outcome {
        Outcome::Valid(proof) => {
            line.start = Some(Time(proof.start));
            line.sha256 = Some(Hex(proof.hash));
            line.log_files = Some(proof.logs);
            line.proofs = Some(proof.proofs.codes().into_iter().map(Into::into).collect());
            line.fingerprint = Some((&proof.fingerprint).into());
            line.previous = proof.previous.as_ref().map(link);
        }
        Outcome::Invalid(finding) => line.finding = Some(finding.into()),
        Outcome::Unverified(why) => line.read_failure = Some(why.into()),
    }
    line
}

fn link(link: &DigestLink) -> LinkShape<'_> {
    LinkShape {
        bucket: (&link.at.bucket).into(),
        key: (&link.at.key).into(),
        sha256: link.hash.map(Hex),
        end: link.end.map(Time),
    }
}

fn log_judged(judged: &LogJudged) -> LogJudgedLine<'_> {
    let mut line = LogJudgedLine {
        bucket: (&judged.at.bucket).into(),
        key: (&judged.at.key).into(),
        outcome: word(&judged.outcome).into(),
        sha256: Hex(judged.expected),
        inflated_bytes: None,
        finding: None,
        read_failure: None,
        notices: Vec::new(),
        found_sha256: judged.seen.found.map(Hex),
        stored_bytes: judged.seen.stored,
        etag: optional(judged.seen.etag.as_ref()),
        version_id: optional(judged.seen.version_id.as_ref()),
        stored_as: judged.seen.stored_as.as_deref().map(Into::into),
    };
    if judged.lifecycle {
        line.notices.push(Notice::LifecycleLooksTheSame.code().into());
    }
    match &judged.outcome {
        Outcome::Valid(proof) => {
            line.stored_bytes = Some(proof.stored);
            line.inflated_bytes = Some(proof.inflated);
            if proof.stored_inflated {
                line.notices.push(Notice::StoredInflated.code().into());
            }
            if proof.several_members {
                line.notices.push(Notice::SeveralMembers.code().into());
            }
        }
        Outcome::Invalid(finding) => line.finding = Some(finding.into()),
        Outcome::Unverified(why) => line.read_failure = Some(why.into()),
    }
    line
}

fn log_named(named: &LogNamed) -> LogNamedLine<'_> {
    LogNamedLine {
        bucket: (&named.at.bucket).into(),
        key: (&named.at.key).into(),
        sha256: Hex(named.hash),
        digest: (&named.digest).into(),
        start: Time(named.start),
        end: Time(named.end),
        fingerprint: (&named.fingerprint).into(),
    }
}

fn word<P>(outcome: &Outcome<P>) -> &'static str {
    match outcome {
        Outcome::Valid(_) => "valid",
        Outcome::Invalid(_) => "invalid",
        Outcome::Unverified(_) => "unverified",
    }
}

fn texts(texts: &[String]) -> Vec<Text<'_>> {
    texts.iter().map(|text| Cow::Borrowed(text.as_str())).collect()
}

fn optional(text: Option<&String>) -> Option<Text<'_>> {
    text.map(|text| Cow::Borrowed(text.as_str()))
}
