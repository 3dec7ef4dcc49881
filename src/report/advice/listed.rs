//! Codes without a page of their own: checks, techniques and all others that a table of the book
//! explains. The tables are made from the code, so that they are read here instead of written again.
use std::fmt::Write as _;

/// The pages of the book that have such tables.
const PAGES: [&str; 2] = [
    include_str!("../../../docs/src/reference/checks.md"),
    include_str!("../../../docs/src/reference/codes.md"),
];

/// A row of a table of the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedCode {
    /// The code.
    pub code: &'static str,
    /// Title of the table.
    pub title: &'static str,
    /// What the table is about, in sentences.
    about: &'static str,
    /// The other columns: name and content.
    columns: Vec<(&'static str, &'static str)>,
}

impl ListedCode {
    /// Lists every row that has no page of its own. A code may be in several tables.
    pub fn all() -> impl Iterator<Item = Self> {
        PAGES.into_iter().flat_map(of_page)
    }

    /// Returns the first sentence of its meaning.
    pub fn meaning(&self) -> String {
        let meaning = self.columns.first().map_or("", |(_, meaning)| meaning);
        plain(meaning.split_inclusive(". ").next().unwrap_or_default().trim_end())
    }

    /// Returns the page about a code, in Markdown; `None` if no table has it.
    pub fn page(code: &str) -> Option<String> {
        let mut page = String::new();
        for listed in Self::all().filter(|it| it.code == code) {
            let space = if page.is_empty() { "" } else { "\n" };
            let about = format!("{}. {}", listed.title, listed.about);
            // Writing to a text does not fail.
            let _ = writeln!(page, "{space}# {code}\n\n{}", about.trim_end());
            for (name, content) in listed.columns {
                let (first, rest) = name.split_at_checked(1).unwrap_or((name, ""));
                let (first, content) = (first.to_uppercase(), plain(content));
                let _ = writeln!(page, "\n## {first}{rest}\n\n{content}");
            }
        }
        (!page.is_empty()).then_some(page)
    }
}

fn plain(cell: &str) -> String {
    cell.replace("\\|", "|")
}

/// Returns the rows of the tables of a page.
fn of_page(page: &'static str) -> Vec<ListedCode> {
    let (mut title, mut about, mut names) = ("", "", Vec::new());
    let mut found = Vec::new();
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix('#') {
            (title, about) = (heading.trim_start_matches('#').trim(), "");
            names.clear();
        } else if let Some(cells) = cells(line) {
            let code = cells.first().and_then(|it| it.strip_prefix('`')?.strip_suffix('`'));
            match code {
                Some(code) => {
                    let columns = names.iter().copied().zip(cells).skip(1).collect();
                    found.push(ListedCode { code, title, about, columns });
                }
                // A row with a link is about a code that has a page.
                None if names.is_empty() => names = cells,
                None => {}
            }
        } else if about.is_empty() && !line.starts_with('<') {
            about = line;
        }
    }
    found
}

/// Returns the cells of a row of a table.
fn cells(line: &'static str) -> Option<Vec<&'static str>> {
    let row = line.strip_prefix("| ")?.strip_suffix(" |")?;
    // A cell has `|` only after a backslash, and never spaces on both sides of it.
    Some(row.split(" | ").collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::IntoEnumIterator as _;
    use trailproof_core::codes::technique::Technique;
    use trailproof_core::control::check::CheckId;

    #[test]
    fn every_check_and_technique_has_a_page() {
        let checks = CheckId::all().map(CheckId::code);
        for code in checks.chain(Technique::iter().map(Technique::code)) {
            let page = ListedCode::page(code).unwrap_or_else(|| panic!("no page about {code}"));
            assert!(page.starts_with(&format!("# {code}\n\n")), "{page}");
            assert!(page.lines().count() >= 6, "{page}");
        }
        let page = ListedCode::page("key-rotation").unwrap_or_default();
        for part in ["## Requirement\n\nKMS rotates the key.", "## Severity\n\nmedium"] {
            assert!(page.contains(part), "{page}");
        }
        assert_eq!(ListedCode::page("no-such-code"), None);
    }

    #[test]
    fn every_row_has_as_many_cells_as_its_table_has_columns() {
        for listed in ListedCode::all() {
            let cells = listed.columns.iter().filter(|(_, cell)| !cell.is_empty());
            assert_eq!(cells.count(), listed.columns.len(), "{listed:?}");
            assert!(!listed.meaning().is_empty() && !listed.title.is_empty(), "{listed:?}");
        }
    }
}
