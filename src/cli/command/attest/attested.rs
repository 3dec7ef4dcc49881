//! What a signed statement attests, as text that is safe to show.
use crate::attest::key::VerifyingKey;
use crate::attest::statement::Statement;
use crate::cli::args::attest::Required;
use crate::console::exit::ExitStatus;
use crate::report::numbers::grouped;
use crate::report::words;
use serde_json::Value;
use std::io::{self, Write};
use trailproof_core::codes::check::Check;
use trailproof_core::record::{DeliveredTo, EvidencePlace, ReadKind, ReadPlace};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::location::excerpt;
use trailproof_core::vocab::time::{HOUR, Timestamp};

/// Maximum number of exceptions, gaps and accepted exceptions that are listed, each.
const LISTED: usize = 10;

/// What a statement attests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attested<'a> {
    statement: &'a Statement,
    verdict: Verdict,
}

impl<'a> Attested<'a> {
    /// Returns what the statement attests.
    ///
    /// # Errors
    ///
    /// The statement has no verdict that this version knows.
    pub(crate) fn of(statement: &'a Statement) -> Result<Self, String> {
        Ok(Self { statement, verdict: statement.verdict()? })
    }

    /// Returns the value at a path of names, or `None` if it is null or absent.
    fn value(self, pointer: &str) -> Option<&'a Value> {
        let mut parts = pointer.split('/');
        let first = self.statement.predicate.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part)).filter(|value| !value.is_null())
    }

    fn text(self, pointer: &str) -> Option<String> {
        let value = self.value(pointer)?;
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Array(names) if names.iter().all(Value::is_string) => {
                names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
            }
            other => other.to_string(),
        };
        Some(excerpt(&text, budget::SHOWN))
    }

    fn count(self, pointer: &str) -> u64 {
        self.value(pointer).and_then(Value::as_u64).unwrap_or_default()
    }

    fn list(self, pointer: &str) -> &'a [Value] {
        self.value(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the attested verdict in capitals, and what the accepted exceptions amount to.
    pub(crate) fn headline(self) -> String {
        let accepted = match self.is_accepted() {
            true => " (all of it accepted)",
            false => "",
        };
        format!("{}{accepted}", self.verdict.words().to_uppercase())
    }

    /// Returns whether exceptions accept everything that forbids "proven".
    fn is_accepted(self) -> bool {
        let refused = matches!(self.verdict, Verdict::NotProven | Verdict::Contradicted);
        let (all, accepted) = (
            self.count("acceptedExceptions/objections"),
            self.count("acceptedExceptions/accepted"),
        );
        let states = self.value("acceptedExceptions/allAccepted") == Some(&Value::Bool(true));
        refused && states && all > 0 && all == accepted
    }

    /// Returns whether the attested result meets a requirement.
    pub(crate) fn meets(self, required: Required) -> bool {
        let proven = self.verdict == Verdict::Proven;
        match required {
            Required::Proven => proven,
            Required::ProvenOrAccepted => proven || self.is_accepted(),
        }
    }

    /// Returns the exit status of the attested verdict.
    pub(crate) fn exit_status(self) -> ExitStatus {
        self.verdict.into()
    }

    /// Writes whether the attested result meets a requirement.
    pub(crate) fn requirement(self, required: Required, out: &mut impl Write) -> io::Result<()> {
        let (mark, words) = match self.meets(required) {
            true => ("met", "meets"),
            false => ("NOT MET", "does not meet"),
        };
        let name = match required {
            Required::Proven => "proven",
            Required::ProvenOrAccepted => "proven-or-accepted",
        };
        writeln!(out, "  {mark:<12} the attested result {words} `--require {name}`")
    }

    /// Writes the content of the statement.
    pub(crate) fn write(self, key: &VerifyingKey, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "\nit attests")?;
        for (name, words) in [
            ("verdict", Some(self.verdict.words().to_owned())),
            ("evidence", self.place()),
            ("from", self.text("scope/from")),
            ("to", self.text("scope/to")),
            ("named", self.named()),
            ("expected", self.expected()),
            ("accounts", self.text("scope/found/accounts")),
            ("regions", self.text("scope/found/regions")),
            ("chains", self.value("result/chains").map(|_| grouped(self.count("result/chains")))),
            ("digests", self.objects(&["digests", "backfillDigests"])),
            ("log files", self.objects(&["logFiles"])),
            ("time", self.time()),
            ("signed by", Some(format!("the key {}", key.id()))),
            (
                "operator",
                self.text("operator/declared").map(|name| format!("{name} (self-declared)")),
            ),
            (
                "verifier",
                self.text("verifier/version").map(|version| format!("trailproof {version}")),
            ),
            ("started", self.text("invocation/startedAt")),
        ] {
            if let Some(words) = words {
                writeln!(out, "  {name:<10} {words}")?;
            }
        }
        for code in self.list("method/checksMade").iter().filter_map(Value::as_str) {
            let known =
                code.parse::<Check>().ok().map(|check| format!(": {}", words::check(check)));
            let code = excerpt(code, budget::SHOWN);
            writeln!(out, "  {:<10} {code}{}", "check made", known.unwrap_or_default())?;
        }
        for skipped in self.list("method/checksNotMade/listed").iter().take(LISTED) {
            let why = fields(skipped, &["check", "why", "region"]);
            writeln!(out, "  {:<10} {why}", "not made")?;
        }
        self.listed(
            "exceptions",
            "contradicted, not read, unlisted or in doubt",
            &["key", "folder", "account", "region", "trail", "event"],
            out,
        )?;
        self.listed("gaps", "without digests", &["reason", "from", "to"], out)?;
        self.accepted(out)
    }

    /// Writes the first entries of a list, and how many more there are.
    fn listed(
        self,
        name: &str,
        meaning: &str,
        names: &[&str],
        out: &mut impl Write,
    ) -> io::Result<()> {
        let listed = self.list(&format!("{name}/listed"));
        let total = u64::try_from(listed.len()).unwrap_or(u64::MAX);
        let total = total.saturating_add(self.count(&format!("{name}/leftOut")));
        if total == 0 {
            return Ok(());
        }
        writeln!(out, "\n{name} ({}, {meaning})", grouped(total))?;
        for entry in listed.iter().take(LISTED) {
            let code = ["/finding/code", "/readFailure/code", "/why"];
            let code = code.iter().find_map(|at| entry.pointer(at)?.as_str());
            let code = code.map(|code| format!("{} ", excerpt(code, budget::SHOWN)));
            let chain = entry.get("chain").map(|chain| fields(chain, &["account", "sourceRegion"]));
            let chain = chain.filter(|_| entry.get("key").is_none());
            let chain = chain.map(|chain| format!("{chain} ")).unwrap_or_default();
            writeln!(out, "  {}{chain}{}", code.unwrap_or_default(), fields(entry, names))?;
        }
        let more = total.saturating_sub(u64::try_from(LISTED).unwrap_or(u64::MAX));
        match more {
            0 => Ok(()),
            more => writeln!(out, "  … and {} more", grouped(more)),
        }
    }

    fn accepted(self, out: &mut impl Write) -> io::Result<()> {
        let Some(file) = self.text("acceptedExceptions/fileSha256") else { return Ok(()) };
        writeln!(
            out,
            "\naccepted exceptions: {} of {} reasons against a proven verdict, by the file with SHA-256 {file}",
            grouped(self.count("acceptedExceptions/accepted")),
            grouped(self.count("acceptedExceptions/objections")),
        )?;
        let listed = self.list("acceptedExceptions/listed");
        for entry in listed {
            let subject = fields(
                entry,
                &["code", "bucket", "key", "folder", "account", "region", "trail", "from", "to"],
            );
            let text = |name: &str, limit| {
                excerpt(entry.get(name).and_then(Value::as_str).unwrap_or_default(), limit)
            };
            let matches = entry.get("matches").and_then(Value::as_u64).unwrap_or_default();
            let outcome = match (entry.get("expired").and_then(Value::as_bool), matches) {
                (Some(false), 0) => "about nothing".to_owned(),
                (Some(false), matches) => format!("accepts {}", grouped(matches)),
                _ => "expired, accepts nothing".to_owned(),
            };
            writeln!(out, "  {subject}: {outcome}")?;
            writeln!(
                out,
                "    {} (approved by {}, until {})",
                text("reason", budget::EXCEPTION_REASON),
                text("approvedBy", budget::EXCEPTION_APPROVER),
                text("until", budget::SHOWN),
            )?;
        }
        Ok(())
    }

    /// Returns how many objects of these kinds are valid, contradicted and not read.
    fn objects(self, kinds: &[&str]) -> Option<String> {
        self.value("result/counts")?;
        let sum = |of: &str| {
            let each = kinds.iter().map(|kind| self.count(&format!("result/counts/{kind}/{of}")));
            grouped(each.fold(0, u64::saturating_add))
        };
        Some(format!(
            "{} valid, {} contradicted or missing, {} not checked",
            sum("valid"),
            sum("invalid"),
            sum("unverified")
        ))
    }

    /// Returns how much of the time is verified.
    fn time(self) -> Option<String> {
        let seconds = |name: &str| {
            let value = self.value(&format!("result/coverageSeconds/{name}"));
            value.and_then(Value::as_i64).unwrap_or_default()
        };
        let uncovered = self.value("result/coverageSeconds/uncovered")?.as_object()?;
        let uncovered = uncovered.values().filter_map(Value::as_i64);
        let uncovered = uncovered.fold(0, i64::saturating_add);
        let verified = seconds("verified");
        let open = seconds("contradicted").saturating_add(seconds("unverified"));
        let total = verified.saturating_add(open).saturating_add(uncovered);
        let hours = |seconds: i64| grouped(u64::try_from(seconds / HOUR).unwrap_or_default());
        Some(format!("{} of {} chain-hours verified", hours(verified), hours(total)))
    }

    /// Returns the scope that was requested.
    fn named(self) -> Option<String> {
        let named = self.value("scope/named")?;
        let parts = parts(named, &["organization", "trails", "accounts", "regions"]);
        let all = || "everything at that location".to_owned();
        Some(if parts.is_empty() { all() } else { parts.join("; ") })
    }

    /// Returns the expected accounts, regions and known ends.
    fn expected(self) -> Option<String> {
        let expected = self.value("scope/expected")?;
        let given = |name: &str| match expected.get(name) {
            Some(Value::Null) | None => format!("{name} not given"),
            Some(value) => format!("{name} {}", excerpt(&value.to_string(), budget::SHOWN)),
        };
        let mut words = vec![given("accounts"), given("regions")];
        words.extend(parts(expected, &["knownEnds"]));
        Some(words.join("; "))
    }

    /// Returns where the evidence was delivered and read.
    fn place(self) -> Option<String> {
        let scope = self.value("scope")?;
        let text = |value: &Value, name: &str| {
            value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let to = scope.get("deliveredTo")?;
        let read = |at: &Value| {
            let kind = at.get("kind")?.as_str()?.parse::<ReadKind>().ok()?;
            let as_of = at.get("asOf").and_then(Value::as_str).and_then(Timestamp::parse);
            Some(ReadPlace { kind, place: text(at, "place"), as_of })
        };
        let place = EvidencePlace {
            delivered_to: DeliveredTo { bucket: text(to, "bucket"), prefix: text(to, "prefix") },
            read_from: scope.get("readFrom")?.as_array()?.iter().filter_map(read).collect(),
        };
        Some(excerpt(&words::evidence(&place), budget::SHOWN))
    }
}

/// Returns the texts of the fields that are present.
fn fields(of: &Value, names: &[&str]) -> String {
    let texts = names.iter().filter_map(|name| of.get(*name).and_then(Value::as_str));
    let texts: Vec<String> = texts.map(|text| excerpt(text, budget::KEY_LENGTH)).collect();
    texts.join(" ")
}

/// Returns the fields that are present, each with its name.
fn parts(of: &Value, names: &[&str]) -> Vec<String> {
    let told = |name: &&str| {
        let value = of.get(*name).filter(|value| !value.is_null())?;
        Some(format!("{name} {}", excerpt(&value.to_string(), budget::SHOWN)))
    };
    names.iter().filter_map(told).collect()
}
