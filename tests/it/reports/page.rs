//! The page: what is hidden in it, what may run, and how large it is.
use super::*;

/// Returns a character that no page may show unescaped.
fn hidden(text: &str) -> Option<char> {
    text.chars().find(|c| {
        (c.is_control() && *c != '\n')
            || ['\u{200b}', '\u{202e}', '\u{2066}', '\u{feff}'].contains(c)
    })
}

#[test]
fn no_evidence_becomes_markup_of_the_page() {
    let outputs = render(&hostile());
    check_ocsf(&outputs.ocsf).unwrap();
    for mark in MARKS {
        assert!(!outputs.html.contains(mark), "{mark:?}");
        assert!(!outputs.junit.contains(mark), "{mark:?}");
    }
    assert_eq!((hidden(&outputs.html), hidden(&outputs.junit)), (None, None));
    let body = between(&outputs.html, "</style>", "</html>");
    for part in ["<script", "<img", " style=", "http:", "https:", "url(http", "<link", "<base"] {
        assert!(!body.contains(part), "{part}");
    }
    // The text is present all the same: escaped, with invisible characters spelt out.
    for part in ["&#60;script&#62;", "\\u{1b}[2J", "\\u{202e}gz.nosj"] {
        assert!(outputs.html.contains(part), "{part}");
    }
    assert_eq!(outputs.html.matches("<!--").count() + outputs.junit.matches("<!--").count(), 0);
    red(&outputs.junit);
}

#[test]
fn the_policy_allows_only_the_one_style() {
    let html = render(&empty()).html;
    let policy = between(&html, "Content-Security-Policy\" content=\"", "\"");
    let style = between(&html, "<style>", "</style>");
    let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(style));
    assert_eq!(policy, format!("default-src 'none'; style-src 'sha256-{hash}'"));
    assert_eq!(html.matches("<style").count(), 1);
    // The policy comes before anything that it could forbid.
    assert!(html.find("Content-Security-Policy").unwrap() < html.find("<title").unwrap());
}

#[test]
fn an_organization_fits_on_a_page() {
    for (exceptions, sections) in [(61, 139), (1, 400)] {
        let outputs = render(&organization(exceptions));
        agree_of_many(&outputs, exceptions);
        let size = outputs.html.len();
        assert!(size < 5_000_000, "every {exceptions}th: {size} bytes");
        assert_eq!(outputs.html.matches("<section class=\"chain\"").count(), sections);
        // All 500 accounts have their row, and every link of the page has a target.
        let matrix = between(&outputs.html, "<table class=\"matrix\">", "</table>");
        assert_eq!(matrix.matches("<tr><th scope=\"row\">100").count(), 500);
        assert_eq!(matrix.matches("<td class=").count(), 8_500);
        let goals: BTreeSet<&str> = values(&outputs.html, "id=\"").collect();
        let lost: Vec<&str> =
            values(&outputs.html, "href=\"#").filter(|goal| !goals.contains(goal)).collect();
        assert!(lost.is_empty(), "{lost:?}");
        assert!(outputs.junit.len() < 12_000_000, "{}", outputs.junit.len());
        let left_out = between(&outputs.html, "<h2 id=\"findings\">", "</section>");
        assert_eq!(left_out.contains("more findings are left out"), exceptions == 1);
    }
}

/// Checks what holds for the made-up organization: it has more findings than the page lists.
fn agree_of_many(outputs: &Outputs, exceptions: usize) {
    assert_eq!(outputs.json["verdict"], "contradicted");
    assert!(red(&outputs.junit).0 >= 8_500 / exceptions);
    assert_eq!(outputs.ocsf[0]["compliance"]["status"], "Fail");
    assert_eq!(sums(&outputs.html)["Digests"][2], u64::try_from(8_500 / exceptions).unwrap());
}
