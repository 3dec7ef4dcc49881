//! Converts lines to events.
use super::FindingShape;
use super::exceptions::{ExceptionsJudgedShape, home};
use super::lines::{
    BucketListedLine, ChainStartedLine, CopyOfLine, DigestJudgedLine, GapExplainedLine, LinkShape,
    ListingUnreadLine, LogJudgedLine, LogNamedLine, LogUnlistedLine, LogsWithoutDigestsLine,
    PlaceInDoubtLine, PlacesAnsweredLine, PublicKeyLine, RunStartedLine, SeamJudgedLine,
    TrailStatusLine,
};
use super::parts::{FailureShape, SkippedCheckShape, Text};
use super::sums::{ChainFinishedShape, RunFinishedShape};
use super::unreadable::Unreadable;
use super::write::TOOL;
use super::{PREVIEW, SCHEMA};
use crate::codes::finding::{Finding, Outcome};
use crate::codes::notice::Notice;
use crate::codes::unlisted::UnlistedReason;
use crate::digest::judge::{PROOFS, Proofs};
use crate::log_file::LogProof;
use crate::record::event::{
    BuildIdentity, DigestJudged, DigestLink, DigestProof, LogJudged, LogNamed, ObjectFacts,
    PublicKeyUsed, RunEvent, RunEventName, RunStart, SeamJudged, Tool,
};
use crate::record::place::{EvidencePlace, ReadPlace};
use crate::record::place_doubt::{PlaceInDoubt, PlacesAnswered};
use crate::vocab::budget;
use crate::vocab::location::ObjectLocation;
use crate::vocab::time::Period;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::borrow::Cow;

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    event: Text<'a>,
}

/// Returns the name of the event on a line.
///
/// # Errors
///
/// Returns an error if the line is not a JSON object with a field `event`.
pub fn event_name(line: &str) -> Result<Cow<'_, str>, Unreadable> {
    Ok(serde_json::from_str::<Named<'_>>(line)?.event)
}

/// Parses the event on one line, without its newline. Returns `None` for an event whose name this
/// version does not know, which is to be skipped. Unknown fields are ignored.
///
/// # Errors
///
/// Returns an error if the line is invalid or the stream has a different schema.
pub fn read_event(line: &str) -> Result<Option<RunEvent>, Unreadable> {
    let Ok(name) = event_name(line)?.parse() else { return Ok(None) };
    Ok(Some(match name {
        RunEventName::RunStarted => RunEvent::RunStarted(Box::new(run_start(line)?)),
        RunEventName::BucketListed => {
            let line: BucketListedLine<'_> = serde_json::from_str(line)?;
            RunEvent::BucketListed {
                chains: line.chains,
                digests: line.digests,
                left_out: owned(line.trails_left_out),
            }
        }
        RunEventName::ListingUnread => {
            let line: ListingUnreadLine<'_> = serde_json::from_str(line)?;
            let folder = bounded(line.folder, "folder")?;
            RunEvent::ListingUnread { folder, why: line.read_failure.try_into()? }
        }
        RunEventName::ChainStarted => {
            let line: ChainStartedLine<'_> = serde_json::from_str(line)?;
            RunEvent::ChainStarted { chain: line.chain.try_into()? }
        }
        RunEventName::PublicKey => RunEvent::PublicKey(public_key(serde_json::from_str(line)?)?),
        RunEventName::DigestJudged => {
            RunEvent::DigestJudged(digest_judged(serde_json::from_str(line)?)?)
        }
        RunEventName::LogJudged => RunEvent::LogJudged(log_judged(serde_json::from_str(line)?)?),
        RunEventName::LogNamed => {
            let line: LogNamedLine<'_> = serde_json::from_str(line)?;
            RunEvent::LogNamed(LogNamed {
                at: at(line.bucket, line.key)?,
                hash: line.sha256.0,
                digest: line.digest.into(),
                start: line.start.0,
                end: line.end.0,
                fingerprint: fingerprint(line.fingerprint)?,
            })
        }
        RunEventName::TrailStatus => {
            let line: TrailStatusLine<'_> = serde_json::from_str(line)?;
            RunEvent::TrailStatus {
                chain: line.chain.try_into()?,
                is_logging: line.is_logging,
                latest_digest_delivery: line.latest_digest_delivery.map(|at| at.0),
                latest_digest_error: line.latest_digest_error.map(Cow::into_owned),
                finding: line.finding.map(Finding::try_from).transpose()?,
            }
        }
        RunEventName::SeamJudged => {
            let line: SeamJudgedLine<'_> = serde_json::from_str(line)?;
            RunEvent::SeamJudged(SeamJudged {
                at: at(line.bucket, line.key)?,
                end: line.end.0,
                expected: line.sha256.0,
                joined: line.joined,
                finding: line.finding.map(Finding::try_from).transpose()?,
            })
        }
        RunEventName::ChainFinished => {
            let line: ChainFinishedShape<'_> = serde_json::from_str(line)?;
            RunEvent::ChainFinished(line.try_into()?)
        }
        RunEventName::GapExplained => {
            let line: GapExplainedLine<'_> = serde_json::from_str(line)?;
            RunEvent::GapExplained {
                chain: line.chain.try_into()?,
                from: line.from.0,
                to: line.to.0,
                event: line.explained_by.into(),
            }
        }
        RunEventName::LogUnlisted => {
            let line: LogUnlistedLine<'_> = serde_json::from_str(line)?;
            RunEvent::LogUnlisted {
                at: at(line.bucket, line.key)?,
                last_modified: line.last_modified.map(|at| at.0),
                reason: reason(&line.reason)?,
            }
        }
        RunEventName::CopyOf => {
            let line: CopyOfLine<'_> = serde_json::from_str(line)?;
            RunEvent::CopyOf { at: at(line.bucket, line.key)?, hash: line.sha256.0 }
        }
        RunEventName::LogsWithoutDigests => {
            let line: LogsWithoutDigestsLine<'_> = serde_json::from_str(line)?;
            RunEvent::LogsWithoutDigests {
                reason: reason(&line.reason)?,
                folder: bounded(line.folder, "folder")?,
            }
        }
        RunEventName::PlaceInDoubt => {
            let line: PlaceInDoubtLine<'_> = serde_json::from_str(line)?;
            let wrong = |field| Unreadable::value("place-in-doubt", field);
            RunEvent::PlaceInDoubt(PlaceInDoubt {
                why: line.why.parse().map_err(|_| Unreadable::unknown("why", &line.why))?,
                folder: line.folder.map(|text| bounded(text, "folder")).transpose()?,
                folders: line.folders,
                account: line
                    .account
                    .map(|text| text.parse().map_err(|_| wrong("account")))
                    .transpose()?,
                region: line
                    .region
                    .map(|text| text.parse().map_err(|_| wrong("region")))
                    .transpose()?,
                trail: line.trail.map(|text| bounded(text, "trail")).transpose()?,
                home: home(line.home_region, line.organization).map_err(wrong)?,
            })
        }
        RunEventName::PlacesAnswered => {
            let line: PlacesAnsweredLine = serde_json::from_str(line)?;
            RunEvent::PlacesAnswered(PlacesAnswered {
                found: line.found,
                covered: line.covered,
                empty: line.empty,
                ended: line.ended,
                doubtful: line.doubtful,
                left_out: line.left_out,
            })
        }
        RunEventName::CheckNotPerformed => {
            let line: SkippedCheckShape<'_> = serde_json::from_str(line)?;
            RunEvent::CheckNotPerformed(line.try_into()?)
        }
        RunEventName::ExceptionsJudged => {
            let line: ExceptionsJudgedShape = serde_json::from_str(line)?;
            RunEvent::ExceptionsJudged(line.into())
        }
        RunEventName::RunFinished => {
            let line: RunFinishedShape<'_> = serde_json::from_str(line)?;
            RunEvent::RunFinished(line.try_into()?)
        }
    }))
}

/// Parses the first event. The schema number comes first, because a different schema has different
/// fields.
fn run_start(line: &str) -> Result<RunStart, Unreadable> {
    #[derive(Deserialize)]
    struct Schema {
        schema: u64,
    }
    let Schema { schema } = serde_json::from_str(line)?;
    if schema == PREVIEW {
        return Err(Unreadable::new(
            "a record of schema 1, which was a preview format and cannot be read: run `trailproof \
             verify` again",
        ));
    }
    if schema != u64::from(SCHEMA) {
        return Err(Unreadable::new(format!(
            "a record of schema {schema}; this version of trailproof reads schema {SCHEMA}"
        )));
    }
    let line: RunStartedLine<'_> = serde_json::from_str(line)?;
    if line.tool != TOOL {
        return Err(Unreadable::unknown("tool", &line.tool));
    }
    let built = line.built.map(|built| {
        let tree = built.tree.parse().map_err(|_| Unreadable::unknown("tree", &built.tree))?;
        Ok::<_, Unreadable>(BuildIdentity {
            committed: built.committed.map(|at| at.0),
            tree,
            target: built.target.into_owned(),
            rustc: built.rustc.into_owned(),
        })
    });
    Ok(RunStart {
        tool: Tool {
            version: line.version.into_owned(),
            build: line.build.map(Cow::into_owned),
            built: built.transpose()?,
        },
        place: EvidencePlace {
            delivered_to: line.delivered_to.into(),
            read_from: line
                .read_from
                .into_iter()
                .map(ReadPlace::try_from)
                .collect::<Result<_, _>>()?,
        },
        period: Period { start: line.from.0, end: line.to.0 },
        end_was_future: line.end_was_future,
        tail_allowed_from: line.tail_allowed_from.map(|at| at.0),
        trails: owned(line.trails),
        accounts: owned(line.accounts),
        regions: owned(line.regions),
        organization: line.organization.map(Cow::into_owned),
        expected_accounts: line.expected_accounts.map(owned),
        account_names: line
            .account_names
            .into_iter()
            .map(|(account, name)| (account.into_owned(), name.into_owned()))
            .collect(),
        expected_regions: line.expected_regions.map(owned),
        known_ends: line
            .known_ends
            .iter()
            .map(|end| end.parse().map_err(|_| Unreadable::value("run-started", "known_ends")))
            .collect::<Result<_, _>>()?,
        accepted: line.accepted_exceptions.map(TryInto::try_into).transpose()?,
        unlisted: line.search_unlisted,
        complete_copy: line.complete_copy_asserted,
        follows: line.follows.map(TryInto::try_into).transpose()?,
    })
}

fn reason(code: &str) -> Result<UnlistedReason, Unreadable> {
    code.parse().map_err(|_| Unreadable::unknown("reason", code))
}

fn public_key(line: PublicKeyLine<'_>) -> Result<PublicKeyUsed, Unreadable> {
    let wrong = |field| Unreadable::value("public-key", field);
    let der = STANDARD.decode(line.der.as_bytes()).map_err(|_| wrong("der"))?;
    if der.len() > budget::PUBLIC_KEY {
        return Err(wrong("der"));
    }
    Ok(PublicKeyUsed {
        region: line.region.parse().map_err(|_| wrong("region"))?,
        fingerprint: fingerprint(line.fingerprint)?,
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
            fingerprint: fingerprint(line.fingerprint.ok_or_else(need("fingerprint"))?)?,
            previous: line.previous.map(link).transpose()?,
        }),
    };
    let kind = line.kind.parse().map_err(|_| Unreadable::unknown("kind", &line.kind))?;
    let notices = line
        .notices
        .iter()
        .map(|code| code.parse().map_err(|_| Unreadable::unknown("notice", code)));
    Ok(DigestJudged {
        at: at(line.bucket, line.key)?,
        kind,
        end: line.end.0,
        outcome,
        notices: notices.collect::<Result<_, _>>()?,
        counts: line.counts,
        seen: ObjectFacts {
            stored: line.stored_bytes,
            found: line.found_sha256.map(|hash| hash.0),
            etag: line.etag.map(Cow::into_owned),
            version_id: line.version_id.map(Cow::into_owned),
            stored_as: line.stored_as.map(|stored_as| Box::new(stored_as.into())),
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
            several_members: noted(Notice::SeveralMembers),
        }),
    };
    Ok(LogJudged {
        at: at(line.bucket, line.key)?,
        expected: line.sha256.0,
        outcome,
        lifecycle,
        seen: ObjectFacts {
            stored: line.stored_bytes,
            found: line.found_sha256.map(|hash| hash.0),
            etag: line.etag.map(Cow::into_owned),
            version_id: line.version_id.map(Cow::into_owned),
            stored_as: line.stored_as.map(|stored_as| Box::new(stored_as.into())),
        },
    })
}

/// Returns the fault of an object, or `None` if it is valid.
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
            Err(Unreadable::new("`outcome` and its other fields do not agree"))
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

fn link(shape: LinkShape<'_>) -> Result<DigestLink, Unreadable> {
    Ok(DigestLink {
        at: at(shape.bucket, shape.key)?,
        hash: shape.sha256.map(|hash| hash.0),
        end: shape.end.map(|at| at.0),
    })
}

fn at(bucket: Text<'_>, key: Text<'_>) -> Result<ObjectLocation, Unreadable> {
    Ok(ObjectLocation { bucket: bounded(bucket, "bucket")?, key: bounded(key, "key")? })
}

/// Returns a name that is not longer than a run can have read it.
fn bounded(text: Text<'_>, field: &str) -> Result<String, Unreadable> {
    match text.len() > budget::RECORD_NAME {
        true => Err(Unreadable::too_long(field)),
        false => Ok(text.into_owned()),
    }
}

fn fingerprint(text: Text<'_>) -> Result<String, Unreadable> {
    match text.chars().count() > budget::FINGERPRINT {
        true => Err(Unreadable::too_long("fingerprint")),
        false => Ok(text.into_owned()),
    }
}

fn owned(texts: Vec<Text<'_>>) -> Vec<String> {
    texts.into_iter().map(Cow::into_owned).collect()
}
