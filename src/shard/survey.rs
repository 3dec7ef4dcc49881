//! Surveys: the digests of the shards of a run are listed apart, and the plan that is verified is made of
//! what each saw.
use super::cut::cut;
use super::output::RecordOutput;
use super::plan::{ShardPlan, Stage};
use super::records::{OfShard, ShardFile, ShardFiles, unusable};
use super::survey_lines::{SurveyLine, SurveyReader, SurveyStarted, write_survey};
use super::work_error::{ToWrite, WorkError, expiry, refusal};
use crate::console::refusal::Refusal;
use crate::files::record_file::open_document;
use crate::report::RunReporter as _;
use crate::report::record::{Record, RecordSink};
use crate::source::ObjectSource;
use crate::verify::discover::jobs::Outside;
use crate::verify::listed_ends::ListedEnds;
use crate::verify::parts::{PartSurvey, Surveyed, survey_part};
use crate::verify::plan::VerifyPlan;
use serde::Serialize;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use trailproof_core::record::document::{BadRecord, DocumentKind, RecordFile};
use trailproof_core::record::wire::{Unreadable, write_json};

/// What `work` prints on stdout for each shard that it surveys.
#[derive(Debug, Serialize)]
pub(crate) struct ShardSurveyed {
    shard: u64,
    /// Where the survey is.
    survey: String,
    chains: u64,
    digests: u64,
}

/// Returns the name of the file of a shard's survey.
pub(crate) fn survey_name(number: u64) -> String {
    format!("survey-{number:06}.jsonl.zst")
}

/// Returns whether `work` gives a survey such a name.
pub(crate) fn is_survey(name: &str) -> bool {
    name.starts_with("survey-") && name.contains(".jsonl") && !name.ends_with(".partial")
}

/// Lists the digests of a shard and writes its survey to `to`.
///
/// # Errors
///
/// The plan has no such shard, the credentials expired, or the survey cannot be written.
pub(crate) async fn survey_shard(
    (plan, sha256): (&ShardPlan, &str),
    number: u64,
    verify: &VerifyPlan,
    source: &Arc<dyn ObjectSource>,
    to: &RecordOutput,
) -> Result<ShardSurveyed, Refusal> {
    let name = survey_name(number);
    to.check::<SurveyStarted>(&name, sha256).await?;
    let refused = |why| refusal(plan, ToWrite::Survey(number), to, why);
    let begin = || -> io::Result<_> {
        let draft = to.begin(&name)?;
        let out = RecordSink::zstd(BufWriter::new(draft.writer()?))?;
        Ok((draft, out))
    };
    let (draft, out) = begin().map_err(|error| refused(WorkError::Lost(error)))?;
    let written = survey_to(plan, verify, (sha256, number), source, out).await;
    let (chains, digests) = written.map_err(refused)?;
    let kept = to.keep(draft, &name).await;
    let survey = kept.map_err(|why| refused(why.into()))?;
    Ok(ShardSurveyed { shard: number, survey, chains, digests })
}

/// Lists the digests of a shard of the plan with this hash, and writes its survey to `out`. Returns the
/// number of its chains and digests.
///
/// # Errors
///
/// There is no such shard, the credentials expired, or the survey cannot be written.
pub(crate) async fn survey_to<W: Write + Send>(
    plan: &ShardPlan,
    verify: &VerifyPlan,
    (sha256, number): (&str, u64),
    source: &Arc<dyn ObjectSource>,
    out: RecordSink<W>,
) -> Result<(u64, u64), WorkError> {
    let index = usize::try_from(number).unwrap_or(usize::MAX);
    let part = &plan.shards.get(index).ok_or(WorkError::NoShard)?.part;
    let survey = survey_part(verify, &plan.surveyed, part, source).await;
    let PartSurvey { contribution, listed, unread, unreadable, .. } = &survey;
    let mut failures = unread.iter().map(|(_, why)| why).chain(unreadable.values());
    if let Some(why) = failures.find_map(expiry) {
        return Err(WorkError::Expired(why));
    }
    let mut out = Record::new(out, None);
    let mut put = |line: &SurveyLine<'_>| {
        out.line(|buffer| {
            write_json(&mut *buffer, line)?;
            buffer.push(b'\n');
            Ok(())
        })
    };
    put(&SurveyLine::SurveyStarted(SurveyStarted::new(sha256, number)))
        .and_then(|()| write_survey(&survey, (&plan.surveyed, part), put))
        .and_then(|()| {
            out.end();
            out.finish()
        })
        .map_err(WorkError::Lost)?;
    let chains = u64::try_from(contribution.found.len()).unwrap_or(u64::MAX);
    Ok((chains, listed.values().map(ListedEnds::count).sum()))
}

/// Returns why nothing should be planned of what was surveyed, if credentials expired meanwhile.
pub(crate) fn expired(surveyed: &Surveyed) -> Option<String> {
    let folders = surveyed.opening.unread.iter().map(|(_, why)| why);
    folders.chain(surveyed.unreadable.values()).find_map(expiry)
}

impl OfShard for SurveyStarted {
    const KIND: DocumentKind = DocumentKind::Survey;

    fn begin(file: &ShardFile) -> Result<(RecordFile, Self), BadRecord> {
        let mut survey = open_document(Self::KIND, &file.path)?;
        let name = survey.next_name()?;
        let text = std::str::from_utf8(survey.bytes()).unwrap_or_default();
        let wrong = |what| BadRecord::Line { number: 1, what };
        match serde_json::from_str(text).map_err(Unreadable::from).map_err(wrong)? {
            SurveyLine::SurveyStarted(started) if name.is_some() => Ok((survey, started)),
            _ => Err(BadRecord::line(1, "it has no `survey-started`")),
        }
    }

    fn plan_sha256(&self) -> &str {
        &self.plan_sha256
    }

    fn shard(&self) -> u64 {
        self.shard
    }
}

/// Makes the plan that is verified of the surveys of all shards. It has the bytes of the plan that one
/// machine makes.
///
/// # Errors
///
/// A survey cannot be used, is missing, or differs from a different one of its shard.
pub(crate) fn join(
    plan: ShardPlan,
    sha256: &str,
    files: Vec<ShardFile>,
) -> Result<ShardPlan, Refusal> {
    let ShardFiles { files, .. } = ShardFiles::<SurveyStarted>::open(&plan, sha256, files)?;
    let mut parts = Vec::new();
    for ((file, started), shard) in files.iter().zip(&plan.shards) {
        let read = || -> Result<PartSurvey, BadRecord> {
            let (mut lines, again) = SurveyStarted::begin(file)?;
            if again != *started {
                return Err(BadRecord::line(1, "the file changed while it was merged"));
            }
            let mut survey = SurveyReader::new(&plan.surveyed, &shard.part);
            while lines.next_name()?.is_some() {
                let number = lines.number();
                let wrong = |what| BadRecord::Line { number, what };
                let text = std::str::from_utf8(lines.bytes()).unwrap_or_default();
                let line = serde_json::from_str(text).map_err(Unreadable::from).map_err(wrong)?;
                survey.take(line).map_err(wrong)?;
            }
            let last = lines.number();
            survey.finish().map_err(|what| BadRecord::Line { number: last, what })
        };
        parts.push(read().map_err(|why| unusable::<SurveyStarted>(file, &why))?);
    }
    let ShardPlan { plan, mut surveyed, stage, reading, keys, trail, .. } = plan;
    let (outside, most) = match stage {
        Stage::Survey { outside, most } => (outside, most),
        Stage::Verify => (Outside::default(), None),
    };
    surveyed.complete(&plan, parts, outside);
    let shards = cut(&surveyed, most);
    Ok(ShardPlan { plan, surveyed, stage: Stage::Verify, reading, keys, trail, shards })
}
