//! The file of known divergences, and the table in the book that is generated from it.
use super::compare::Listed;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const HEAD: &str = "\
# Where `trailproof validate-logs` differs from `aws cloudtrail validate-logs` of the AWS CLI 1.46.2.
#
# One entry for each scenario of src/test_support/scenario whose output differs. `theirs` and `ours`
# pin every byte that differs; `tests/differential` fails on a difference that is not listed, that
# has changed or that is gone. `TRAILPROOF_BLESS=1` writes them anew; title and reason are by hand.
";

/// The placeholder for a title or a reason that has not been written yet.
const UNWRITTEN: &str = "TODO";

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    divergence: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    case: String,
    title: String,
    reason: String,
    theirs: String,
    ours: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn path() -> PathBuf {
    root().join("testdata/aws-divergences.toml")
}

/// Returns whether files are to be rewritten instead of compared.
pub(crate) fn blessing() -> bool {
    std::env::var_os("TRAILPROOF_BLESS").is_some_and(|value| value == "1")
}

/// Reads all listed divergences.
pub(crate) fn read() -> Vec<Listed> {
    let text = fs::read_to_string(path()).unwrap_or_default();
    let file: File = toml::from_str(&text).unwrap();
    let listed = |entry: Entry| {
        let Entry { case, title, reason, theirs, ours } = entry;
        Listed { case, title, reason, theirs, ours }
    };
    file.divergence.into_iter().map(listed).collect()
}

/// Rewrites the file. Scenarios keep their titles and reasons.
pub(crate) fn write(found: &[Listed]) {
    let known: BTreeMap<String, Listed> =
        read().into_iter().map(|entry| (entry.case.clone(), entry)).collect();
    let mut text = HEAD.to_owned();
    for entry in found {
        let Listed { case, theirs, ours, .. } = entry;
        let old = known.get(case);
        let title = old.map_or(UNWRITTEN, |entry| &entry.title);
        let reason = old.map_or(UNWRITTEN, |entry| &entry.reason);
        let _ = write!(
            text,
            "\n[[divergence]]\ncase = {case:?}\ntitle = {title:?}\nreason = {reason:?}\n\
             theirs = {}\nours = {}\n",
            literal(theirs),
            literal(ours)
        );
    }
    fs::write(path(), text).unwrap();
    let again: Vec<Listed> = read();
    assert!(again.iter().zip(found).all(|(one, other)| {
        (&one.case, &one.theirs, &one.ours) == (&other.case, &other.theirs, &other.ours)
    }));
}

/// Returns a block as a TOML literal string. Blocks are printable ASCII.
fn literal(text: &str) -> String {
    if text.contains("'''") { format!("{text:?}") } else { format!("'''\n{text}'''") }
}

/// Returns the table for the book: one row per title, in alphabetical order.
pub(crate) fn table(entries: &[Listed]) -> String {
    let mut rows: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for entry in entries {
        match rows.iter_mut().find(|(title, ..)| *title == entry.title) {
            Some((_, _, cases)) => cases.push(&entry.case),
            None => rows.push((&entry.title, &entry.reason, vec![&entry.case])),
        }
    }
    rows.sort_by_key(|(title, ..)| title.to_lowercase());
    let mut text = String::from(
        "| Where | What `trailproof validate-logs` does instead, and why | Scenarios |\n\
         |---|---|---|\n",
    );
    for (title, reason, cases) in rows {
        let cases: Vec<String> = cases.iter().map(|case| format!("`{case}`")).collect();
        let cell = |text: &str| text.replace('|', "\\|");
        let _ = writeln!(text, "| {} | {} | {} |", cell(title), cell(reason), cases.join(", "));
    }
    text
}

mod tests {
    use super::*;
    use trailproof_testkit::scenario::Scenario;

    const START: &str = "<!-- divergences:start -->\n";
    const END: &str = "<!-- divergences:end -->";

    #[test]
    fn every_divergence_has_one_scenario_and_one_clear_reason() {
        let mut reasons: BTreeMap<String, String> = BTreeMap::new();
        let mut cases = std::collections::BTreeSet::new();
        for entry in read() {
            let Listed { case, title, reason, .. } = entry;
            assert!(Scenario::named(&case).is_some(), "{case}: no such scenario");
            assert!(cases.insert(case.clone()), "{case} is listed twice");
            assert!(title != UNWRITTEN && !title.is_empty(), "{case}: title");
            assert!(reason != UNWRITTEN && reason.ends_with('.'), "{case}: reason");
            let same = reasons.entry(title.clone()).or_insert_with(|| reason.clone());
            assert_eq!(*same, reason, "{case}: `{title}` has two reasons");
        }
    }

    /// `TRAILPROOF_BLESS=1` writes the table into the book instead.
    #[test]
    fn the_book_holds_the_table_of_divergences() {
        let path = root().join("docs/src/reference/aws-cli-differences.md");
        let page = fs::read_to_string(&path).unwrap();
        let (head, rest) = page.split_once(START).expect("the start of the table must be marked");
        let (held, tail) = rest.split_once(END).expect("the end of the table must be marked");
        let table = table(&read());
        if blessing() {
            fs::write(&path, format!("{head}{START}{table}{END}{tail}")).unwrap();
        } else {
            assert_eq!(held, table, "TRAILPROOF_BLESS=1 rewrites it");
        }
    }

    #[test]
    fn a_table_has_one_row_for_each_title() {
        let entry = |case: &str, title: &str| Listed {
            case: case.into(),
            title: title.into(),
            reason: "a|b.".into(),
            theirs: String::new(),
            ours: String::new(),
        };
        let table = table(&[entry("x", "two"), entry("y", "one"), entry("z", "two")]);
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(rows, ["| one | a\\|b. | `y` |", "| two | a\\|b. | `x`, `z` |"]);
    }
}
