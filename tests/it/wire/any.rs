//! Any event: every kind, with any values that it can hold.
use super::values::*;
use super::*;

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
    let notices = prop::collection::vec(prop::sample::select(Notice::ALL.to_vec()), 0..3);
    let kind = prop_oneof![Just(DigestKind::Standard), Just(DigestKind::Backfill)];
    (place(), kind, time(), outcome(proof), notices, any::<bool>(), seen()).prop_map(
        |(at, kind, end, outcome, notices, counts, seen)| {
            RunEvent::DigestJudged(DigestJudged { at, kind, end, outcome, notices, counts, seen })
        },
    )
}

pub(super) fn log() -> impl Strategy<Value = RunEvent> {
    let proof = (any::<u64>(), any::<u64>(), any::<bool>()).prop_map(
        |(stored, inflated, stored_inflated)| LogProof { stored, inflated, stored_inflated },
    );
    let parts = (place(), hash(), outcome(proof), any::<bool>(), seen());
    parts.prop_map(|(at, expected, outcome, lifecycle, mut seen)| {
        // What is told of the size is told once.
        if let Outcome::Valid(proof) = &outcome {
            seen.stored = Some(proof.stored);
        }
        RunEvent::LogJudged(LogJudged { at, expected, outcome, lifecycle, seen })
    })
}

fn coverage() -> impl Strategy<Value = Coverage> {
    prop::sample::select(vec![
        Coverage::Verified,
        Coverage::Contradicted,
        Coverage::Unverified,
        Coverage::Uncovered(Uncovered::BeforeFirstDigest),
        Coverage::Uncovered(Uncovered::Gap),
        Coverage::Uncovered(Uncovered::DigestsMissing),
        Coverage::Uncovered(Uncovered::Tail),
        Coverage::Uncovered(Uncovered::Hole),
    ])
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

pub(super) fn chain_finished() -> impl Strategy<Value = RunEvent> {
    let presence = prop_oneof![
        Just(Presence::Present),
        prop::option::of(time()).prop_map(|last| Presence::Absent { last }),
        time().prop_map(|last| Presence::Ended { last }),
    ];
    let segment = (time(), time(), coverage()).prop_map(|(from, to, coverage)| Segment {
        from,
        to,
        coverage,
    });
    let segments = prop::collection::vec(segment, 0..4);
    (chain(), presence, segments, any::<i64>(), counts()).prop_map(
        |(chain, presence, segments, tail_allowed, counts)| {
            RunEvent::ChainFinished(ChainSummary {
                chain,
                presence,
                segments,
                tail_allowed,
                counts,
            })
        },
    )
}

pub(super) fn run_finished() -> impl Strategy<Value = RunEvent> {
    let verdict = prop::sample::select(vec![
        Verdict::Proven,
        Verdict::Contradicted,
        Verdict::NotProven,
        Verdict::NothingFound,
    ]);
    let uncovered = prop::collection::btree_map(
        prop::sample::select(vec![Uncovered::Gap, Uncovered::Tail, Uncovered::Hole]),
        any::<i64>(),
        0..3,
    );
    let coverage =
        (any::<(i64, i64, i64)>(), uncovered).prop_map(
            |((verified, contradicted, unverified), uncovered): (_, BTreeMap<_, _>)| {
                CoverageTotals { verified, contradicted, unverified, uncovered }
            },
        );
    (verdict, counts(), coverage, any::<[u64; 5]>()).prop_map(
        |(verdict, counts, coverage, [chains, ended, unlisted, listings_unread, passed_over])| {
            RunEvent::RunFinished(RunSummary {
                verdict,
                counts,
                chains,
                ended,
                coverage,
                unlisted,
                listings_unread,
                passed_over,
            })
        },
    )
}

pub(super) fn run_started() -> impl Strategy<Value = RunEvent> {
    let texts = || prop::collection::vec(text(), 0..3);
    let words = (text(), text(), text(), prop::option::of(text()), prop::option::of(text()));
    (words, time(), time(), any::<(bool, bool, bool)>(), texts(), texts(), texts()).prop_map(
        |(words, start, end, flags, trails, accounts, regions)| {
            let (version, location, bucket, build, follows) = words;
            let (end_was_future, unlisted, complete_copy) = flags;
            RunEvent::RunStarted(Box::new(RunStart {
                tool: Tool { version, build },
                location,
                bucket,
                period: Period { start, end },
                end_was_future,
                trails,
                accounts,
                regions,
                unlisted,
                complete_copy,
                follows,
            }))
        },
    )
}

pub(super) fn rest() -> impl Strategy<Value = RunEvent> {
    let key = (text(), prop::collection::vec(any::<u8>(), 0..40), any::<bool>(), time(), text());
    let key = key.prop_map(|(fingerprint, der, told, at, source)| {
        RunEvent::PublicKey(PublicKeyTold {
            region: "eu-west-1".parse().unwrap(),
            fingerprint,
            der,
            valid_from: told.then_some(at),
            valid_to: told.then_some(at),
            source,
        })
    });
    let named = (place(), hash(), place(), time(), time(), text()).prop_map(
        |(at, hash, digest, start, end, fingerprint)| {
            RunEvent::LogNamed(LogNamed { at, hash, digest, start, end, fingerprint })
        },
    );
    let status =
        (chain(), any::<bool>(), prop::option::of((time(), text())), prop::option::of(finding()))
            .prop_map(|(chain, is_logging, told, finding)| RunEvent::TrailStatus {
                chain,
                is_logging,
                latest_digest_delivery: told.as_ref().map(|(at, _)| *at),
                latest_digest_error: told.map(|(_, error)| error),
                finding,
            });
    let explained = (chain(), time(), time(), [text(), text(), text(), text()], place()).prop_map(
        |(chain, from, to, [name, id, principal, address], log)| RunEvent::GapExplained {
            chain,
            from,
            to,
            event: ExplainingEvent { time: from, name, id, principal, address, log },
        },
    );
    let seam = (place(), time(), hash(), any::<bool>(), prop::option::of(finding())).prop_map(
        |(at, end, expected, joined, finding)| {
            RunEvent::SeamJudged(SeamJudged { at, end, expected, joined, finding })
        },
    );
    prop_oneof![
        key,
        named,
        status,
        explained,
        seam,
        (any::<(u64, u64)>(), prop::collection::vec(text(), 0..3)).prop_map(
            |((chains, digests), left_out)| RunEvent::BucketListed { chains, digests, left_out }
        ),
        (text(), failure()).prop_map(|(folder, why)| RunEvent::ListingUnread { folder, why }),
        chain().prop_map(|chain| RunEvent::ChainStarted { chain }),
        place().prop_map(|at| RunEvent::LogUnlisted { at }),
        text().prop_map(|folder| RunEvent::LogsWithoutDigests { folder }),
        (text(), text()).prop_map(|(check, why)| RunEvent::CheckNotPerformed { check, why }),
    ]
}
