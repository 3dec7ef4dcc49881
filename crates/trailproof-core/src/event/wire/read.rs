//! Lines into events.
use super::FindingShape;
use super::SCHEMA;
use super::lines::{
    BucketListedLine, ChainStartedLine, CheckNotPerformedLine, DigestJudgedLine, FolderLine,
    GapExplainedLine, LinkShape, ListingUnreadLine, LogJudgedLine, LogNamedLine, PublicKeyLine,
    RunStartedLine, SeamJudgedLine, TrailStatusLine,
};
use super::parts::{FailureShape, PlaceShape, Text};
use super::sums::{ChainFinishedShape, RunFinishedShape};
use super::unreadable::Unreadable;
use super::write::{PROOFS, TOOL};
use crate::budget;
use crate::event::run::{
    DigestJudged, DigestLink, DigestProof, LogJudged, LogNamed, PublicKeyTold, RunEvent, RunStart,
    SeamJudged, Seen, Tool,
};
use crate::finding::{Finding, Outcome};
use crate::judge::Proofs;
use crate::key_layout::DigestKind;
use crate::location::ObjectLocation;
use crate::log_check::LogProof;
use crate::notice::Notice;
use crate::time::Period;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::borrow::Cow;

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    event: Text<'a>,
}

/// The name of the event on a line.
///
/// # Errors
///
/// That the line is no JSON object with a field `event`.
pub(in crate::event) fn event_name(line: &str) -> Result<Cow<'_, str>, Unreadable> {
    Ok(serde_json::from_str::<Named<'_>>(line)?.event)
}

/// The event on one line, without its newline; `None` for an event of a name that this version does
/// not know, which is to be passed over. Unknown fields are.
///
/// # Errors
///
/// What is wrong with the line, or that the stream is of another schema.
pub fn read_event(line: &str) -> Result<Option<RunEvent>, Unreadable> {
    Ok(Some(match &*event_name(line)? {
        "run-started" => RunEvent::RunStarted(Box::new(run_start(line)?)),
        "bucket-listed" => {
            let line: BucketListedLine<'_> = serde_json::from_str(line)?;
            RunEvent::BucketListed {
                chains: line.chains,
                digests: line.digests,
                left_out: owned(line.trails_left_out),
            }
        }
        "listing-unread" => {
            let line: ListingUnreadLine<'_> = serde_json::from_str(line)?;
            let folder = line.folder.into_owned();
            RunEvent::ListingUnread { folder, why: line.read_failure.try_into()? }
        }
        "chain-started" => {
            let line: ChainStartedLine<'_> = serde_json::from_str(line)?;
            RunEvent::ChainStarted { chain: line.chain.try_into()? }
        }
        "public-key" => RunEvent::PublicKey(public_key(serde_json::from_str(line)?)?),
        "digest-judged" => RunEvent::DigestJudged(digest_judged(serde_json::from_str(line)?)?),
        "log-judged" => RunEvent::LogJudged(log_judged(serde_json::from_str(line)?)?),
        "log-named" => {
            let line: LogNamedLine<'_> = serde_json::from_str(line)?;
            RunEvent::LogNamed(LogNamed {
                at: at(line.bucket, line.key),
                hash: line.sha256.0,
                digest: line.digest.into(),
                start: line.start.0,
                end: line.end.0,
                fingerprint: line.fingerprint.into_owned(),
            })
        }
        "trail-status" => {
            let line: TrailStatusLine<'_> = serde_json::from_str(line)?;
            RunEvent::TrailStatus {
                chain: line.chain.try_into()?,
                is_logging: line.is_logging,
                latest_digest_delivery: line.latest_digest_delivery.map(|at| at.0),
                latest_digest_error: line.latest_digest_error.map(Cow::into_owned),
                finding: line.finding.map(Finding::try_from).transpose()?,
            }
        }
        "seam-judged" => {
            let line: SeamJudgedLine<'_> = serde_json::from_str(line)?;
            RunEvent::SeamJudged(SeamJudged {
                at: at(line.bucket, line.key),
                end: line.end.0,
                expected: line.sha256.0,
                joined: line.joined,
                finding: line.finding.map(Finding::try_from).transpose()?,
            })
        }
        "chain-finished" => {
            let line: ChainFinishedShape<'_> = serde_json::from_str(line)?;
            RunEvent::ChainFinished(line.try_into()?)
        }
        "gap-explained" => {
            let line: GapExplainedLine<'_> = serde_json::from_str(line)?;
            RunEvent::GapExplained {
                chain: line.chain.try_into()?,
                from: line.from.0,
                to: line.to.0,
                event: line.explained_by.into(),
            }
        }
        "log-unlisted" => {
            let line: PlaceShape<'_> = serde_json::from_str(line)?;
            RunEvent::LogUnlisted { at: line.into() }
        }
        "logs-without-digests" => {
            let line: FolderLine<'_> = serde_json::from_str(line)?;
            RunEvent::LogsWithoutDigests { folder: line.folder.into_owned() }
        }
        "check-not-performed" => {
            let line: CheckNotPerformedLine<'_> = serde_json::from_str(line)?;
            let (check, why) = (line.check.into_owned(), line.why.into_owned());
            RunEvent::CheckNotPerformed { check, why }
        }
        "run-finished" => {
            let line: RunFinishedShape<'_> = serde_json::from_str(line)?;
            RunEvent::RunFinished(line.try_into()?)
        }
        _ => return Ok(None),
    }))
}

/// The number of the format comes before everything else: another one has other fields.
fn run_start(line: &str) -> Result<RunStart, Unreadable> {
    #[derive(Deserialize)]
    struct Schema {
        schema: u64,
    }
    let Schema { schema } = serde_json::from_str(line)?;
    if schema != u64::from(SCHEMA) {
        return Err(Unreadable::new(format!(
            "a record of schema {schema}; this version of trailproof reads schema {SCHEMA}"
        )));
    }
    let line: RunStartedLine<'_> = serde_json::from_str(line)?;
    if line.tool != TOOL {
        return Err(Unreadable::unknown("tool", &line.tool));
    }
    Ok(RunStart {
        tool: Tool { version: line.version.into_owned(), build: line.build.map(Cow::into_owned) },
        location: line.location.into_owned(),
        bucket: line.bucket.into_owned(),
        period: Period { start: line.from.0, end: line.to.0 },
        end_was_future: line.end_was_future,
        trails: owned(line.trails),
        accounts: owned(line.accounts),
        regions: owned(line.regions),
        unlisted: line.search_unlisted,
        complete_copy: line.complete_copy_asserted,
        follows: line.follows.map(Cow::into_owned),
    })
}

fn public_key(line: PublicKeyLine<'_>) -> Result<PublicKeyTold, Unreadable> {
    let wrong = |field| Unreadable::value("public-key", field);
    let der = STANDARD.decode(line.der.as_bytes()).map_err(|_| wrong("der"))?;
    if der.len() > budget::PUBLIC_KEY {
        return Err(wrong("der"));
    }
    Ok(PublicKeyTold {
        region: line.region.parse().map_err(|_| wrong("region"))?,
        fingerprint: line.fingerprint.into_owned(),
        der,
        valid_from: line.valid_from.map(|at| at.0),
        valid_to: line.valid_to.map(|at| at.0),
        source: line.source.into_owned(),
    })
}

fn digest_judged(line: DigestJudgedLine<'_>) -> Result<DigestJudged, Unreadable> {
    let need = |field| move || Unreadable::absent("digest-judged", field);
    let outcome = match outcome(&line.outcome, line.finding, line.read_failure)? {
        Some(judged) => judged,
        None => Outcome::Valid(DigestProof {
            start: line.start.ok_or_else(need("start"))?.0,
            hash: line.sha256.ok_or_else(need("sha256"))?.0,
            proofs: proofs(&line.proofs.ok_or_else(need("proofs"))?)?,
            logs: line.log_files.ok_or_else(need("log_files"))?,
            fingerprint: line.fingerprint.ok_or_else(need("fingerprint"))?.into_owned(),
            previous: line.previous.map(link),
        }),
    };
    let kind = match &*line.kind {
        "standard" => DigestKind::Standard,
        "backfill" => DigestKind::Backfill,
        other => return Err(Unreadable::unknown("kind", other)),
    };
    let notices = line
        .notices
        .iter()
        .map(|code| Notice::from_code(code).ok_or_else(|| Unreadable::unknown("notice", code)));
    Ok(DigestJudged {
        at: at(line.bucket, line.key),
        kind,
        end: line.end.0,
        outcome,
        notices: notices.collect::<Result<_, _>>()?,
        counts: line.counts,
        seen: Seen {
            stored: line.stored_bytes,
            found: line.found_sha256.map(|hash| hash.0),
            etag: line.etag.map(Cow::into_owned),
            version_id: line.version_id.map(Cow::into_owned),
        },
    })
}

fn log_judged(line: LogJudgedLine<'_>) -> Result<LogJudged, Unreadable> {
    let need = |field| move || Unreadable::absent("log-judged", field);
    let noted = |notice: Notice| line.notices.iter().any(|code| code == notice.code());
    let lifecycle = noted(Notice::LifecycleLooksTheSame);
    let outcome = match outcome(&line.outcome, line.finding, line.read_failure)? {
        Some(judged) => judged,
        None => Outcome::Valid(LogProof {
            stored: line.stored_bytes.ok_or_else(need("stored_bytes"))?,
            inflated: line.inflated_bytes.ok_or_else(need("inflated_bytes"))?,
            stored_inflated: noted(Notice::StoredInflated),
        }),
    };
    Ok(LogJudged {
        at: at(line.bucket, line.key),
        expected: line.sha256.0,
        outcome,
        lifecycle,
        seen: Seen {
            stored: line.stored_bytes,
            found: line.found_sha256.map(|hash| hash.0),
            etag: line.etag.map(Cow::into_owned),
            version_id: line.version_id.map(Cow::into_owned),
        },
    })
}

/// What speaks against an object; `None` where it is valid.
fn outcome<P>(
    word: &str,
    finding: Option<FindingShape<'_>>,
    failure: Option<FailureShape<'_>>,
) -> Result<Option<Outcome<P>>, Unreadable> {
    match (word, finding, failure) {
        ("valid", None, None) => Ok(None),
        ("invalid", Some(finding), None) => Ok(Some(Outcome::Invalid(finding.try_into()?))),
        ("unverified", None, Some(why)) => Ok(Some(Outcome::Unverified(why.try_into()?))),
        ("valid" | "invalid" | "unverified", ..) => {
            Err(Unreadable::new("`outcome` and what stands beside it do not agree"))
        }
        (other, ..) => Err(Unreadable::unknown("outcome", other)),
    }
}

fn proofs(names: &[Text<'_>]) -> Result<Proofs, Unreadable> {
    let mut proofs = Proofs::default();
    for name in names {
        let known = PROOFS.iter().find(|(known, _)| known == name);
        let (_, held) = known.ok_or_else(|| Unreadable::unknown("proof", name))?;
        *held(&mut proofs) = true;
    }
    if !proofs.any() {
        return Err(Unreadable::new("a valid digest without a proof"));
    }
    Ok(proofs)
}

fn link(shape: LinkShape<'_>) -> DigestLink {
    DigestLink {
        at: at(shape.bucket, shape.key),
        hash: shape.sha256.map(|hash| hash.0),
        end: shape.end.map(|at| at.0),
    }
}

fn at(bucket: Text<'_>, key: Text<'_>) -> ObjectLocation {
    ObjectLocation { bucket: bucket.into_owned(), key: key.into_owned() }
}

fn owned(texts: Vec<Text<'_>>) -> Vec<String> {
    texts.into_iter().map(Cow::into_owned).collect()
}
