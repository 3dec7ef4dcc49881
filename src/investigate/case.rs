//! Makes a case of a record: searches the right log files, judges what they show, and puts
//! everything in order of time.
use super::contents::{diffs, unproven};
use super::facts::Unattested;
use super::gathered::{CaseInput, Gathered, Regained};
use super::history::History;
use super::kms_ledger::KmsLedger;
use super::techniques::{Evidence, judge};
use super::ties::{Ties, is_wide};
use super::timeline::{affected, lost, spans, timeline};
use crate::console::refusal::Refusal;
use crate::report::case::model::{
    CaseEvent, CaseReport, KmsReader, KmsWrite, LogDiff, UnprovenLog,
};
use crate::report::events::EventsSearched;
use crate::report::names::ChainNames;
use crate::source::{ListRequest, Pages};
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::codes::technique::CaseNotice;
use trailproof_core::coverage::{Coverage, Uncovered};
use trailproof_core::record::{ProvenLog, ReadKind, RunSummary};
use trailproof_core::trail_event::{
    DEED_NAMES, EventFilter, Explanations, KeptEvents, Recorded, causes_of,
};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::key_layout::DIGEST_FOLDER;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::log_key::log_key_time;
use trailproof_core::vocab::time::{DAY, HOUR, Timestamp};

/// Events that explain a stretch and are kept.
const CAUSES: usize = 100_000;

/// Stretches without digests, and days of each, whose folders are listed.
const SPANS_LISTED: usize = 256;
const DAYS_LISTED: i64 = 8;

/// Objects of such a stretch that are named.
const LISTED: usize = 1_000;

/// Makes the case.
pub(crate) async fn investigate(mut input: CaseInput) -> Result<CaseReport, Refusal> {
    (input.facts.unattested, input.facts.unattested_capped) = unattested(&input).await;
    let end = input.start.period.end;
    let delivered = input.facts.to_search(input.lookback, end);
    let filter = EventFilter {
        names: DEED_NAMES.iter().map(|name| (*name).to_owned()).collect(),
        starved: true,
        kms_uses: true,
        rates: true,
        ..EventFilter::default()
    };
    let mut gathered = Gathered::new(
        &input.bucket,
        Ties::of(&input.facts, &input.bucket),
        KmsLedger::of(&input.facts, &input.bucket),
    );
    for event in &input.kms_events {
        gathered.kms.take(event, None);
    }
    // Where nothing is wrong, only events by themselves can be deeds, and they may be anywhere.
    let is_whole = |spans: &[(Timestamp, Timestamp)]| {
        spans.is_empty()
            || matches!(spans, [(from, to)] if *from <= input.start.period.start && *to >= end)
    };
    let hours_searched = !is_whole(&delivered);
    let delivered = (!delivered.is_empty()).then_some(delivered);
    let mut searched = gathered.search(&input, filter.clone(), delivered.clone(), false).await?;
    let mut complete = searched.is_complete();
    if let Some(regained) = &input.regained {
        searched.add_contents(gathered.search_again(regained, filter.clone(), false).await?);
    }
    let mut also_searched = Vec::new();
    for also in &input.also {
        let searched = gathered.search_also(also, filter.clone(), false).await?;
        also_searched.push((also.location.clone(), searched));
    }
    if input.pivot
        && let Some(filter) = gathered.pivots()
    {
        for also in &input.also {
            gathered.search_also(also, filter.clone(), true).await?;
        }
        complete &= gathered.search(&input, filter.clone(), delivered, true).await?.is_complete();
        if let Some(regained) = &input.regained {
            gathered.search_again(regained, filter, true).await?;
        }
    }
    let history = match &input.history {
        Some(ask) => Some(gathered.ask_history(ask, &input).await?),
        None => None,
    };
    let current = input.source.as_ref();
    let mut compared = Compared { also: also_searched, hours_searched, ..Compared::default() };
    if let Some(Regained { source, logs, replaced, .. }) = &input.regained {
        let replaced: Vec<&ProvenLog> =
            logs.iter().filter(|log| replaced.contains(&log.at)).collect();
        (compared.diffs, compared.diffs_capped) = diffs(source.as_ref(), current, &replaced).await;
    }
    let kms = std::mem::take(&mut gathered.kms);
    compared.kms_capped = kms.capped;
    (compared.kms, compared.kms_readers) = kms.finish(current).await;
    (compared.unproven, compared.unproven_capped) = unproven(current, &input.facts.unlisted).await;
    Ok(report(input, gathered, searched, complete, compared, history))
}

/// What was read beside the evidence, and what lies there instead of it.
#[derive(Default)]
struct Compared {
    also: Vec<(String, EventsSearched)>,
    /// Whether only log files of some hours were searched.
    hours_searched: bool,
    diffs: Vec<LogDiff>,
    diffs_capped: bool,
    unproven: Vec<UnprovenLog>,
    unproven_capped: bool,
    kms: Vec<KmsWrite>,
    kms_readers: Vec<KmsReader>,
    kms_capped: bool,
}

/// Lists the log files in stretches that no digest covers: CloudTrail may have gone on to deliver
/// while nothing attested it. Returns also whether there was more to list.
async fn unattested(input: &CaseInput) -> (BTreeMap<(ChainId, Timestamp), Unattested>, bool) {
    let (mut found, mut capped) = (BTreeMap::new(), false);
    let spans = input.facts.chains.iter().flat_map(|chain| {
        let spans = chain.uncovered().filter(|span| {
            !matches!(span.coverage, Coverage::Uncovered(Uncovered::DigestsMissing))
        });
        spans.map(move |span| (chain, span))
    });
    for (number, (chain, span)) in spans.enumerate() {
        if number == SPANS_LISTED {
            capped = true;
            break;
        }
        let id = &chain.summary.chain;
        let mut logs = Unattested::default();
        for folder in chain.folders.keys() {
            let folder = folder.replace(&format!("/{DIGEST_FOLDER}/"), "/CloudTrail/");
            for day in 0.. {
                let at = span.from.plus(day * DAY);
                if at.date_folder() > span.to.date_folder() {
                    break;
                }
                if day == DAYS_LISTED {
                    capped = true;
                    break;
                }
                let prefix = format!("{folder}{}/", at.date_folder());
                let request = ListRequest::names(&input.bucket, &prefix);
                let mut pages = Pages::new(input.source.as_ref(), request);
                loop {
                    let page = match pages.next().await {
                        Ok(Some(page)) => page,
                        Ok(None) => break,
                        Err(_) => {
                            capped = true;
                            break;
                        }
                    };
                    let within = page.objects.iter().filter(|object| {
                        log_key_time(&object.key, &id.account, &id.source_region)
                            .is_some_and(|time| time >= span.from && time < span.to)
                    });
                    for object in within {
                        logs.count += 1;
                        if logs.first.len() < LISTED {
                            logs.first.push(ObjectLocation::new(&input.bucket, &object.key));
                        }
                    }
                }
            }
        }
        found.insert((id.clone(), span.from), logs);
    }
    (found, capped)
}

fn report(
    input: CaseInput,
    gathered: Gathered,
    searched: EventsSearched,
    complete: bool,
    compared: Compared,
    history: Option<History>,
) -> CaseReport {
    let Gathered { done, context, data_events, .. } = gathered;
    let capped = done.capped || context.capped;
    let dropped = done.dropped.clone();
    let mut events: Vec<CaseEvent> = done.into_events().chain(context.into_events()).collect();
    events.sort_by(|one, other| {
        (one.event.time, &one.event.id, &one.log.at).cmp(&(
            other.event.time,
            &other.event.id,
            &other.log.at,
        ))
    });
    let facts = &input.facts;
    let chains: BTreeSet<ChainId> =
        facts.chains.iter().map(|chain| chain.summary.chain.clone()).collect();
    let names = ChainNames::of(&chains);
    let name_of = |chain: &ChainId| names.name(chain);
    let mut causes = KeptEvents::new(CAUSES);
    // What may be about any object of the bucket explains no stretch of time.
    let explains = |event: &&CaseEvent| event.done().is_some_and(|deed| !is_wide(deed));
    for CaseEvent { event, log, .. } in events.iter().filter(explains) {
        let recorded = Recorded { log: &log.at, chain: &log.digest.chain, bucket: &input.bucket };
        causes_of(event, recorded).into_iter().for_each(|cause| causes.take(cause));
    }
    let explanations = Explanations::new(&causes, &chains);
    let (history, told) = match history {
        Some(mut history) => (Some(std::mem::take(&mut history.events)), history),
        None => (None, History::default()),
    };
    let of_history = history.as_deref().unwrap_or_default();
    let mut history_causes = KeptEvents::new(CAUSES);
    let nowhere = ObjectLocation::new(input.bucket.as_str(), "");
    for it in of_history.iter().filter(|it| it.done().is_some()) {
        let recorded = Recorded { log: &nowhere, chain: &it.chain, bucket: &input.bucket };
        causes_of(&it.event, recorded).into_iter().for_each(|cause| history_causes.take(cause));
    }
    let history_explains = Explanations::new(&history_causes, &chains);
    let evidence = Evidence {
        record: facts,
        history: of_history,
        history_explains: &history_explains,
        events: &events,
        rates: &searched.rates,
        dropped: &dropped,
        explanations: &explanations,
        access: &input.access.lines,
        versions: input.versions.as_ref(),
        data_events,
        is_copy: input.start.place.read_from.iter().any(|from| from.kind != ReadKind::Bucket),
        bucket: &input.bucket,
        now: input
            .start
            .tail_allowed_from
            .map_or(input.start.period.end, |from| from.plus(2 * HOUR)),
        name_of: &name_of,
    };
    let judged = judge(&evidence);
    let timeline = timeline(&evidence, &judged, &compared.diffs, &compared.unproven, &compared.kms);
    let affected = affected(&evidence, &judged);
    let spans = spans(&evidence, &judged);
    let is_lost = |it: &KmsWrite| it.by_cloudtrail && it.is_there == Some(false);
    let mut notices = BTreeSet::new();
    let touched = !facts.affected.is_empty() || !facts.unlisted.is_empty();
    for (applies, notice) in [
        (touched && !data_events, CaseNotice::NoDataEvents),
        (capped || judged.capped, CaseNotice::EventsCapped),
        (facts.left_out > 0, CaseNotice::ObjectsCapped),
        (input.access.capped, CaseNotice::AccessLogsCapped),
        (input.access.unclear > 0, CaseNotice::AccessLinesUnclear),
        (touched && input.versions.is_none(), CaseNotice::VersionsNotRead),
        (input.versions_unread.is_some(), CaseNotice::VersionsUnlisted),
        (input.versions_untried, CaseNotice::VersionsUntried),
        (!complete, CaseNotice::SearchIncomplete),
        (compared.hours_searched, CaseNotice::HoursSearched),
        (input.confirm.is_some(), CaseNotice::RecordTrusted),
        (facts.unattested_capped, CaseNotice::GapsNotListed),
        (compared.also.iter().any(|(_, it)| !it.is_complete()), CaseNotice::AlsoIncomplete),
        (history.is_some(), CaseNotice::EventHistoryRead),
        (told.unread, CaseNotice::EventHistoryUnread),
        (told.capped, CaseNotice::EventHistoryCapped),
        (told.too_old, CaseNotice::EventHistoryTooOld),
        (told.other_account, CaseNotice::EventHistoryOther),
        (of_history.iter().any(|it| it.missing), CaseNotice::EventsMissing),
        (compared.diffs_capped, CaseNotice::DiffsCapped),
        (compared.unproven.iter().any(|log| log.count > 0), CaseNotice::UnprovenEvents),
        (compared.unproven_capped, CaseNotice::UnprovenCapped),
        (compared.kms.iter().any(is_lost), CaseNotice::KmsWritten),
        (compared.kms_capped, CaseNotice::ObjectsCapped),
        (input.regained.as_ref().is_some_and(|it| it.capped), CaseNotice::SearchIncomplete),
    ] {
        if applies {
            notices.insert(notice);
        }
    }
    let mut context = BTreeMap::new();
    for event in events.iter().filter(|event| !event.is_attempt()) {
        let technique = event.deed.as_ref().and_then(|deed| deed.technique);
        if let Some(kind) = technique.zip(event.not_tied) {
            *context.entry(kind).or_default() += 1;
        }
    }
    let verdict = facts.summary.as_ref().map(|summary: &RunSummary| summary.verdict);
    CaseReport {
        place: input.start.place.clone(),
        period: input.start.period,
        trails: input.start.trails.clone(),
        accounts: input.start.accounts.clone(),
        regions: input.start.regions.clone(),
        record_sha256: input.record_sha256,
        verdict: verdict.unwrap_or(Verdict::NotProven),
        with_versions: input.with_versions,
        deeds: judged.deeds,
        context,
        timeline,
        events,
        affected,
        spans,
        also: compared.also,
        history,
        versions_unread: input.versions_unread,
        access_lines: (input.access.lines.len(), input.access.unclear),
        lost: input
            .regained
            .as_ref()
            .and_then(|it| it.lost.as_ref())
            .map(|spans| lost(facts.lost_of(spans), &name_of)),
        diffs: compared.diffs,
        unproven: compared.unproven,
        kms: compared.kms,
        kms_readers: compared.kms_readers,
        searched,
        notices: notices.into_iter().collect(),
    }
}
