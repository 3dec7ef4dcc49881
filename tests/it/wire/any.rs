//! Strategies for any event: every kind, with any values that it can hold.
use super::values::*;
use super::*;
use trailproof_core::codes::check::{Check, SkipReason, SkippedCheck};
use trailproof_core::record::{
    AcceptedException, AcceptedExceptions, BuildIdentity, DeliveredTo, EvidencePlace,
    ExceptionSubject, ExceptionsJudged, Follows, ObjectionCode, ReadKind, ReadPlace, SourceTree,
};

/// Returns a strategy for any event. A new variant of the enum does not compile until it is handled
/// here.
pub(crate) fn event() -> impl Strategy<Value = RunEvent> {
    one_of(RunEventName::iter().map(|name| {
        match name {
            RunEventName::RunStarted => run_started().boxed(),
            RunEventName::BucketListed => bucket_listed().boxed(),
            RunEventName::ListingUnread => {
                let unread = (text(), failure());
                unread.prop_map(|(folder, why)| RunEvent::ListingUnread { folder, why }).boxed()
            }
            RunEventName::ChainStarted => {
                chain().prop_map(|chain| RunEvent::ChainStarted { chain }).boxed()
            }
            RunEventName::PublicKey => public_key().boxed(),
            RunEventName::DigestJudged => digest().boxed(),
            RunEventName::LogJudged => log().boxed(),
            RunEventName::LogNamed => log_named().boxed(),
            RunEventName::SeamJudged => seam().boxed(),
            RunEventName::ChainFinished => chain_finished().boxed(),
            RunEventName::TrailStatus => trail_status().boxed(),
            RunEventName::GapExplained => gap_explained().boxed(),
            RunEventName::LogUnlisted => {
                let reason = any_of(UnlistedReason::iter());
                (place(), prop::option::of(time()), reason)
                    .prop_map(|(at, last_modified, reason)| RunEvent::LogUnlisted {
                        at,
                        last_modified,
                        reason,
                    })
                    .boxed()
            }
            RunEventName::CopyOf => {
                (place(), hash()).prop_map(|(at, hash)| RunEvent::CopyOf { at, hash }).boxed()
            }
            RunEventName::LogsWithoutDigests => {
                let reason = prop::sample::select(UnlistedReason::iter().collect::<Vec<_>>());
                let folder = (text(), reason);
                folder
                    .prop_map(|(folder, reason)| RunEvent::LogsWithoutDigests { folder, reason })
                    .boxed()
            }
            RunEventName::PlaceInDoubt => place_in_doubt().boxed(),
            RunEventName::ExceptionsJudged => {
                (any::<(u64, u64, bool)>(), prop::collection::vec(any::<u64>(), 0..3))
                    .prop_map(|((objections, accepted, all_accepted), matches)| {
                        RunEvent::ExceptionsJudged(ExceptionsJudged {
                            objections,
                            accepted,
                            all_accepted,
                            matches,
                        })
                    })
                    .boxed()
            }
            RunEventName::PlacesAnswered => any::<[u64; 6]>()
                .prop_map(|[found, covered, empty, ended, doubtful, left_out]| {
                    let places =
                        PlacesAnswered { found, covered, empty, ended, doubtful, left_out };
                    RunEvent::PlacesAnswered(places)
                })
                .boxed(),
            RunEventName::CheckNotPerformed => {
                not_made().prop_map(RunEvent::CheckNotPerformed).boxed()
            }
            RunEventName::RunFinished => run_finished().boxed(),
        }
    }))
}

pub(super) fn digest() -> impl Strategy<Value = RunEvent> {
    let proofs = (1..8_u8).prop_map(|bits| Proofs {
        own_signature: bits & 1 > 0,
        successor_signature: bits & 2 > 0,
        successor_hash: bits & 4 > 0,
    });
    let link = (place(), prop::option::of(hash()), prop::option::of(time()))
        .prop_map(|(at, hash, end)| DigestLink { at, hash, end });
    let proof = (time(), hash(), proofs, any::<u64>(), text(), prop::option::of(link)).prop_map(
        |(start, hash, proofs, logs, fingerprint, previous)| DigestProof {
            start,
            hash,
            proofs,
            logs,
            fingerprint,
            previous,
        },
    );
    let notices = prop::collection::vec(any_of(Notice::iter()), 0..3);
    let kind = any_of(DigestKind::iter());
    (place(), kind, time(), outcome(proof), notices, any::<bool>(), seen()).prop_map(
        |(at, kind, end, outcome, notices, counts, seen)| {
            RunEvent::DigestJudged(DigestJudged { at, kind, end, outcome, notices, counts, seen })
        },
    )
}

fn log() -> impl Strategy<Value = RunEvent> {
    let proof = (any::<u64>(), any::<u64>(), any::<bool>(), any::<bool>()).prop_map(
        |(stored, inflated, stored_inflated, several_members)| LogProof {
            stored,
            inflated,
            stored_inflated,
            several_members,
        },
    );
    let parts = (place(), hash(), outcome(proof), any::<bool>(), seen());
    parts.prop_map(|(at, expected, outcome, lifecycle, mut seen)| {
        // The size is recorded only once.
        if let Outcome::Valid(proof) = &outcome {
            seen.stored = Some(proof.stored);
        }
        RunEvent::LogJudged(LogJudged { at, expected, outcome, lifecycle, seen })
    })
}

fn counts() -> impl Strategy<Value = Counts> {
    let tally = || {
        any::<(u64, u64, u64)>().prop_map(|(valid, invalid, unverified)| Tally {
            valid,
            invalid,
            unverified,
        })
    };
    (tally(), tally(), tally(), any::<(u64, u64, u64)>()).prop_map(
        |(digests, backfill, logs, (chain_findings, stored_bytes, inflated_bytes))| Counts {
            digests,
            backfill,
            logs,
            chain_findings,
            stored_bytes,
            inflated_bytes,
        },
    )
}

fn chain_finished() -> impl Strategy<Value = RunEvent> {
    let presence = prop_oneof![
        Just(Presence::Present),
        prop::option::of(time()).prop_map(|last| Presence::Absent { last }),
        time().prop_map(|last| Presence::Ended { last }),
    ];
    let coverage = any_of(Coverage::all());
    let segment = (time(), 1..1_000_000_i64, coverage)
        .prop_map(|(to, seconds, coverage)| Segment { from: to.plus(-seconds), to, coverage });
    let segments = prop::collection::vec(segment, 0..4);
    (chain(), presence, segments, counts()).prop_map(|(chain, presence, segments, counts)| {
        RunEvent::ChainFinished(ChainSummary { chain, presence, segments, counts })
    })
}

fn run_finished() -> impl Strategy<Value = RunEvent> {
    let seconds = || 0..i64::MAX;
    let uncovered = prop::collection::btree_map(any_of(Uncovered::iter()), seconds(), 0..3);
    let covered = (seconds(), seconds(), seconds(), seconds());
    let coverage = (covered, uncovered).prop_map(
        |((verified, contradicted, unverified, pending), uncovered): (_, BTreeMap<_, _>)| {
            CoverageTotals { verified, contradicted, unverified, pending, uncovered }
        },
    );
    let set_aside = prop::collection::btree_map(any_of(SetAside::iter()), any::<u64>(), 0..3);
    let counted = (any::<[u64; 7]>(), set_aside);
    (any_of(Verdict::iter()), counts(), coverage, counted).prop_map(
        |(verdict, counts, coverage, (counted, set_aside))| {
            let [
                chains,
                ended,
                unlisted,
                listings_unread,
                places_in_doubt,
                not_joined,
                passed_over,
            ] = counted;
            RunEvent::RunFinished(RunSummary {
                verdict,
                counts,
                chains,
                ended,
                coverage,
                unlisted,
                listings_unread,
                not_joined,
                places_in_doubt,
                passed_over,
                set_aside,
            })
        },
    )
}

fn not_made() -> impl Strategy<Value = SkippedCheck> {
    let check = prop::sample::select(Check::iter().collect::<Vec<_>>());
    let why = prop::sample::select(SkipReason::iter().collect::<Vec<_>>());
    let region = prop::option::of(Just("eu-west-1".parse().unwrap()));
    (check, why, region, text()).prop_map(|(check, why, region, detail)| SkippedCheck {
        check,
        why,
        region,
        detail,
    })
}

fn run_started() -> impl Strategy<Value = RunEvent> {
    let texts = || prop::collection::vec(text(), 0..3);
    let expected = (prop::option::of(text()), prop::option::of(texts()), prop::option::of(texts()));
    let read = (
        prop::sample::select(ReadKind::iter().collect::<Vec<_>>()),
        text(),
        prop::option::of(time()),
    )
        .prop_map(|(kind, place, as_of)| ReadPlace { kind, place, as_of });
    let place = (text(), text(), prop::collection::vec(read, 0..3)).prop_map(
        |(bucket, prefix, read_from)| EvidencePlace {
            delivered_to: DeliveredTo { bucket, prefix },
            read_from,
        },
    );
    let follows = ("[0-9a-f]{64}", text(), time(), time(), texts(), texts()).prop_map(
        |(sha256, bucket, start, end, trails, regions)| Follows {
            sha256,
            verdict: Verdict::NotProven,
            bucket,
            period: Period { start, end },
            trails,
            accounts: Vec::new(),
            regions,
        },
    );
    let words = (text(), prop::option::of(text()), place, prop::option::of(follows));
    let times = (time(), time(), prop::option::of(time()));
    let ends = ["111122223333=2026-03-01T00:00:00Z", "111122223333//t=2026-03-01T00:00:00Z"];
    let ends = prop::sample::subsequence(ends.to_vec(), 0..=2);
    let stated = (ends, prop::option::of(accepted_exceptions()));
    (words, times, any::<(bool, bool, bool)>(), texts(), texts(), texts(), expected, stated)
        .prop_map(
            |(
                words,
                times,
                (end_was_future, unlisted, complete_copy),
                trails,
                accounts,
                regions,
                expected,
                (ends, accepted),
            )| {
                let (organization, expected_accounts, expected_regions) = expected;
                let (version, build, place, follows) = words;
                let (start, end, tail_allowed_from) = times;
                RunEvent::RunStarted(Box::new(RunStart {
                    tool: Tool {
                        built: build.as_ref().map(|text| BuildIdentity {
                            committed: Some(start).filter(|_| unlisted),
                            tree: if complete_copy {
                                SourceTree::Clean
                            } else {
                                SourceTree::Modified
                            },
                            target: text.clone(),
                            rustc: version.clone(),
                        }),
                        version,
                        build,
                    },
                    place,
                    tail_allowed_from,
                    period: Period { start, end },
                    end_was_future,
                    trails,
                    accounts,
                    regions,
                    organization,
                    // Its keys are accounts, and not fields of the format.
                    account_names: Default::default(),
                    expected_accounts,
                    expected_regions,
                    known_ends: ends.iter().map(|end| end.parse().unwrap()).collect(),
                    accepted,
                    unlisted,
                    complete_copy,
                    follows,
                }))
            },
        )
}

fn accepted_exceptions() -> impl Strategy<Value = AcceptedExceptions> {
    let home = prop::option::of(chain().prop_map(|chain| chain.home()));
    let subjects = (place(), text(), any::<(bool, bool)>(), time(), time(), home);
    let subjects = subjects.prop_map(|(at, name, (region, trail), start, end, home)| {
        let region = region.then(|| "eu-west-1".parse().unwrap());
        let trail_name = trail.then(|| "t".parse().unwrap());
        let account = "111122223333";
        [
            ExceptionSubject::Object(at),
            ExceptionSubject::Folder(name.clone()),
            ExceptionSubject::Place {
                account: Some(account.parse().unwrap()),
                region: region.clone(),
                trail: trail.then_some(name),
                home: home.clone(),
            },
            ExceptionSubject::Place {
                account: Some(account.parse().unwrap()),
                region: Some("eu-west-1".parse().unwrap()),
                trail: Some("t".to_owned()),
                home: home.clone(),
            },
            ExceptionSubject::Time {
                account: account.parse().unwrap(),
                region,
                trail: trail_name,
                home,
                period: Period { start, end },
            },
        ]
    });
    let entry = (any_of(ObjectionCode::all()), subjects, text(), text(), time(), any::<bool>())
        .prop_map(|(code, subjects, reason, approved_by, until, expired)| AcceptedException {
            code,
            bucket: None,
            subject: subjects.into_iter().find(|subject| code.takes(subject)).unwrap(),
            reason,
            approved_by,
            until,
            expired,
        });
    (hash(), prop::collection::vec(entry, 0..3))
        .prop_map(|(sha256, entries)| AcceptedExceptions { sha256, entries })
}

fn bucket_listed() -> impl Strategy<Value = RunEvent> {
    let left_out = prop::collection::vec(text(), 0..3);
    (any::<(u64, u64)>(), left_out).prop_map(|((chains, digests), left_out)| {
        RunEvent::BucketListed { chains, digests, left_out }
    })
}

fn public_key() -> impl Strategy<Value = RunEvent> {
    let key = (text(), prop::collection::vec(any::<u8>(), 0..40), any::<bool>(), time(), text());
    key.prop_map(|(fingerprint, der, has_validity, at, source)| {
        RunEvent::PublicKey(PublicKeyUsed {
            region: "eu-west-1".parse().unwrap(),
            fingerprint,
            der,
            valid_from: has_validity.then_some(at),
            valid_to: has_validity.then_some(at),
            source,
        })
    })
}

fn log_named() -> impl Strategy<Value = RunEvent> {
    (place(), hash(), place(), time(), time(), text()).prop_map(
        |(at, hash, digest, start, end, fingerprint)| {
            RunEvent::LogNamed(LogNamed { at, hash, digest, start, end, fingerprint })
        },
    )
}

fn trail_status() -> impl Strategy<Value = RunEvent> {
    (chain(), any::<bool>(), prop::option::of((time(), text())), prop::option::of(finding()))
        .prop_map(|(chain, is_logging, delivery, finding)| RunEvent::TrailStatus {
            chain,
            is_logging,
            latest_digest_delivery: delivery.as_ref().map(|(at, _)| *at),
            latest_digest_error: delivery.map(|(_, error)| error),
            finding,
        })
}

fn gap_explained() -> impl Strategy<Value = RunEvent> {
    (chain(), time(), time(), [text(), text(), text(), text()], place()).prop_map(
        |(chain, from, to, [name, id, principal, address], log)| RunEvent::GapExplained {
            chain,
            from,
            to,
            event: ExplainingEvent { time: from, name, id, principal, address, log },
        },
    )
}

fn seam() -> impl Strategy<Value = RunEvent> {
    (place(), time(), hash(), any::<bool>(), prop::option::of(finding())).prop_map(
        |(at, end, expected, joined, finding)| {
            RunEvent::SeamJudged(SeamJudged { at, end, expected, joined, finding })
        },
    )
}

fn place_in_doubt() -> impl Strategy<Value = RunEvent> {
    let named =
        (prop::option::of(text()), prop::option::of(any::<u64>()), prop::option::of(text()));
    (any_of(PlaceDoubt::iter()), named, prop::option::of(chain())).prop_map(
        |(why, (folder, folders, trail), chain)| {
            RunEvent::PlaceInDoubt(PlaceInDoubt {
                why,
                folder,
                folders,
                account: chain.as_ref().map(|chain| chain.account.clone()),
                region: chain.as_ref().map(|chain| chain.source_region.clone()),
                trail,
                home: chain.map(|chain| chain.home()),
            })
        },
    )
}
