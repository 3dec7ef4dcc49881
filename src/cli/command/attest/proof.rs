//! `trailproof attest prove` and `attest check-proof`: proofs that one object was attested.
use super::files::{attestation, read, shown, signed_statement, unusable, verifying_key};
use crate::attest::inclusion::{Proof, ProvenLine};
use crate::attest::record::read_record;
use crate::cli::args::attest::{CheckProofArgs, ProveArgs};
use crate::console::exit::ExitStatus;
use crate::console::refusal::{Refusal, print_result};
use crate::files::atomic::write;
use crate::report::words::expected_and_found;
use serde_json::Value;
use trailproof_core::record::wire::FindingShape;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::location::{ObjectLocation, escape, excerpt};

/// Writes the proof for one object.
pub(crate) fn prove(args: &ProveArgs) -> Result<ExitStatus, Refusal> {
    let at = object(&args.object)?;
    let path = shown(&args.record);
    let record = read_record(&args.record, Some(at.clone()))
        .map_err(|why| Refusal::not_started(format!("cannot use the record `{path}`: {why}")))?;
    let found = record.places.len();
    if found == 0 {
        return Err(Refusal::contradicted(format!(
            "the record `{path}` has no digest or log file `{at}`"
        )));
    }
    if found > budget::PLACES {
        return Err(Refusal::not_started(format!(
            "`{at}` has {found} lines in the record `{path}`"
        )));
    }
    let proof = Proof::new(&at, &record.places).and_then(|proof| proof.to_text());
    let text = proof
        .map_err(|why| Refusal::not_started(format!("cannot use the record `{path}`: {why}")))?;
    match &args.output {
        Some(output) => write(output, text.as_bytes(), args.force).map(|()| ExitStatus::Success),
        None => print_result(text.as_bytes(), ExitStatus::Success),
    }
}

/// Checks a proof.
pub(crate) fn check(args: &CheckProofArgs) -> Result<ExitStatus, Refusal> {
    let key = verifying_key(&args.key)?;
    let bytes = read(&args.proof, budget::ATTESTATION)?;
    let path = shown(&args.proof);
    let proof = Proof::parse(&bytes)
        .map_err(|why| Refusal::not_started(format!("cannot use `{path}` as a proof: {why}")))?;
    let given = attestation(&args.attestation)?;
    let statement = signed_statement(&args.attestation, &given, &key)?;
    let committed = statement.commitment().map_err(|why| unusable(&args.attestation, &why))?;
    let lines = proof.check(&committed.root, committed.days).map_err(|why| {
        Refusal::contradicted(format!("`{path}` does not prove `{}`: {why}", proof.object()))
    })?;
    let mut text = format!("{}\n", proof.object());
    for line in &lines {
        text.push_str(&told(line));
    }
    text.push_str(&format!(
        "\nproven: these lines are in the record that the key {} attested.\nnot checked: the \
         object itself, and whether the record has other lines about it.\n",
        key.id()
    ));
    print_result(text.as_bytes(), ExitStatus::Success)
}

/// Returns the content of a proven line as text that is safe to show.
fn told(proven: &ProvenLine) -> String {
    let line = &proven.line;
    let value = |value: &Value, pointer: &str| -> Option<String> {
        let found = value.pointer(pointer)?;
        let text = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
        (!found.is_null()).then(|| excerpt(&text, budget::SHOWN_FAILURE))
    };
    let mut text = String::new();
    let mut say = |name: &str, words: Option<String>| {
        if let Some(words) = words {
            text.push_str(&format!("  {name:<10} {words}\n"));
        }
    };
    let is_digest = value(line, "/event").as_deref() == Some("digest-judged");
    say("kind", Some(if is_digest { "digest" } else { "log file" }.to_owned()));
    say("outcome", value(line, "/outcome"));
    say("finding", value(line, "/finding/code"));
    let finding = line.get("finding").filter(|finding| !finding.is_null()).map(Value::to_string);
    let finding = finding
        .and_then(|text| serde_json::from_str::<FindingShape<'_>>(&text).ok()?.try_into().ok());
    let words = finding.as_ref().map(expected_and_found);
    say("expected", words.as_ref().map(|(expected, _)| expected.clone()));
    say("found", words.map(|(_, found)| found));
    say("unread", value(line, "/read_failure/code"));
    say("sha256", value(line, "/sha256").or_else(|| value(line, "/expected_sha256")));
    say("observed", value(line, "/found_sha256"));
    say("size", value(line, "/stored_bytes").map(|bytes| format!("{bytes} bytes as stored")));
    let digest = &proven.digest;
    let interval = value(digest, "/start").zip(value(digest, "/end"));
    say("interval", interval.map(|(start, end)| format!("{start} to {end}")));
    if !is_digest {
        let at = value(digest, "/bucket").zip(value(digest, "/key"));
        say("digest", at.map(|(bucket, key)| format!("s3://{bucket}/{key}")));
        say("", value(digest, "/outcome").map(|outcome| format!("which is {outcome}")));
    }
    let proofs = digest.pointer("/proofs").and_then(Value::as_array);
    let proofs = proofs.map(|list| list.iter().filter_map(Value::as_str).collect::<Vec<_>>());
    say("proofs", proofs.map(|list| escape(&list.join(", ")).into_owned()));
    let day = &proven.day;
    let chain = [&day.account, &day.source_region, &day.trail];
    say("chain", Some(chain.map(|name| escape(name)).join(" ")));
    text
}

fn object(text: &str) -> Result<ObjectLocation, Refusal> {
    ObjectLocation::parse(text).ok_or_else(|| {
        Refusal::usage(format!(
            "`{}` is not the location of an object\n\nhint: give the location of delivery, as \
             `s3://BUCKET/KEY`",
            excerpt(text, budget::SHOWN)
        ))
    })
}
