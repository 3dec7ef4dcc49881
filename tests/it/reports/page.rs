//! The page: what is hidden in it, what may run, and how large it is.
use super::*;
use trailproof::report::text::Text;
use trailproof_core::codes::check::{Check, SkipReason, SkippedCheck};
use trailproof_core::codes::finding::Outcome;
use trailproof_core::coverage::Coverage;
use trailproof_core::record::{PlaceDoubt, PlaceInDoubt};

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

/// Checks that every link has a target, and that findings and the calendars' marks link to each
/// other.
pub(super) fn links_have_targets(html: &str) -> Result<(), String> {
    let goals: Vec<&str> = values(html, " id=\"").collect();
    let unique: BTreeSet<&str> = goals.iter().copied().collect();
    if unique.len() != goals.len() {
        return Err("two elements have one id".to_owned());
    }
    let links: BTreeSet<&str> = values(html, "href=\"#").collect();
    if let Some(lost) = links.iter().find(|goal| !unique.contains(*goal)) {
        return Err(format!("no target `{lost}`"));
    }
    for mark in unique.iter().filter(|id| id.starts_with("c-")) {
        let finding = mark.replace("c-", "f-");
        if !links.contains(mark) || !links.contains(finding.as_str()) {
            return Err(format!("`{mark}` and `{finding}` do not link to each other"));
        }
    }
    Ok(())
}

/// Returns the counts in the headings of the groups, by code.
fn groups(html: &str) -> BTreeMap<String, u64> {
    let mut groups = BTreeMap::new();
    for heading in html.split("<div class=\"group\">").skip(1) {
        let heading = heading.split_once("</h3>").unwrap().0;
        if heading.contains("class=\"count\"") {
            let code =
                between(heading, "<span class=\"badge ", "</span>").split_once('>').unwrap().1;
            let count = between(heading, "class=\"count\">", "&nbsp;").replace(',', "");
            *groups.entry(code.to_owned()).or_default() += count.parse::<u64>().unwrap();
        }
    }
    groups
}

/// Counts what the page groups, by code, from the events alone.
fn recount(events: &[RunEvent]) -> BTreeMap<String, u64> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut count = |code: &str| *counts.entry(code.to_owned()).or_default() += 1;
    for event in events {
        match event {
            RunEvent::DigestJudged(judged) if judged.counts => match &judged.outcome {
                Outcome::Invalid(finding) => count(finding.code()),
                Outcome::Unverified(why) => count(why.kind.code()),
                Outcome::Valid(_) => {}
            },
            RunEvent::LogJudged(judged) => match &judged.outcome {
                Outcome::Invalid(finding) => count(finding.code()),
                Outcome::Unverified(why) => count(why.kind.code()),
                Outcome::Valid(_) => {}
            },
            RunEvent::TrailStatus { finding: Some(finding), .. } => count(finding.code()),
            RunEvent::ChainFinished(chain) => {
                for segment in &chain.segments {
                    if let Coverage::Uncovered(why) = segment.coverage {
                        count(why.code());
                    }
                }
            }
            RunEvent::LogUnlisted { .. } => count("log-unlisted"),
            RunEvent::LogsWithoutDigests { .. } => count("logs-without-digests"),
            RunEvent::ListingUnread { .. } => count("listing-unread"),
            _ => {}
        }
    }
    counts
}

/// Checks that the counts of the groups are those of the events.
pub(super) fn groups_equal_a_recount(html: &str, events: &[RunEvent]) -> Result<(), String> {
    let (shown, counted) = (groups(html), recount(events));
    match shown == counted {
        true => Ok(()),
        false => Err(format!("groups {shown:?}, events {counted:?}")),
    }
}

/// Checks that the sections have this order.
fn in_order(html: &str, ids: &[&str]) {
    let at = |id: &&str| {
        html.find(&format!("<h2 id=\"{id}\"")).unwrap_or_else(|| panic!("no section `{id}`"))
    };
    let places: Vec<usize> = ids.iter().map(at).collect();
    assert!(places.is_sorted(), "{ids:?}: {places:?}");
}

#[test]
fn what_is_wrong_comes_before_what_is_covered() {
    let mut events = hostile();
    let last = events.pop().unwrap();
    let account = "111122226333".parse().unwrap();
    events.push(RunEvent::PlaceInDoubt(PlaceInDoubt {
        why: PlaceDoubt::NamedNotFound,
        folder: None,
        folders: None,
        account: Some(account),
        region: None,
        trail: None,
        home: None,
    }));
    events.push(last);
    let html = render(&events).html;
    links_have_targets(&html).unwrap();
    groups_equal_a_recount(&html, &events).unwrap();
    in_order(
        &html,
        &[
            "next",
            "findings",
            "places",
            "gaps",
            "unlisted",
            "unreadable",
            "statement",
            "coverage",
            "notices",
            "keys",
            "limits",
            "again",
            "signoff",
        ],
    );
    let places = between(&html, "<h2 id=\"places\"", "</section>");
    assert!(places.contains("account 111122226333"), "{places}");
    // What nothing explains comes before what events explain, and chain starts come last.
    let gaps = between(&html, "<h2 id=\"gaps\"", "</section>");
    let codes: Vec<&str> = values(gaps, "<caption class=\"unseen\">")
        .map(|caption| caption.split(':').next().unwrap())
        .collect();
    assert_eq!(codes, ["digests-missing", "hole", "tail", "gap", "before-first-digest"]);
}

#[test]
fn the_headline_states_the_reason_and_the_scope() {
    let html = render(&organization(61)).html;
    let head = between(&html, "<header>", "</header>");
    for part in [
        "139 digests are missing",
        "not verified",
        "Exit status 1.",
        "<a href=\"#findings\"><strong class=\"bad\">139</strong>",
        "<dt>Named</dt>",
        "expected accounts: not given",
        "8,500 chains; 500 accounts, 17 regions and 1 trail (organization-trail)",
    ] {
        assert!(head.contains(part), "{part}: {head}");
    }
    // A proven run says what it rests on and what one may state, before anything else.
    let trail = TrailSpec::new()
        .time("2026-03-01T00:04:11Z", 8)
        .logs(LogPlan::Constant(1), LogSizes::Small)
        .build();
    let html = render(&run(&trail, 0)).html;
    in_order(&html, &["statement", "findings", "gaps", "coverage"]);
    let statement = between(&html, "<h2 id=\"statement\"", "</section>");
    assert!(statement.contains("are complete and unchanged"), "{statement}");
    assert!(statement.contains("That no account is missing"), "{statement}");
    // A chain that is verified throughout needs no calendar and no section.
    assert!(!html.contains("<figure>") && !html.contains("<section class=\"chain\""));
    assert!(!render(&empty()).html.contains("<h2 id=\"statement\""));
    assert!(!render(&hostile()).html.contains("are complete and unchanged"));
}

#[test]
fn a_printed_page_names_the_evidence_and_no_value_ends_the_style() {
    let footer = |html: &str| {
        let style = between(html, "<style>", "</style>");
        style.rsplit_once("@bottom-left{content:").unwrap().1.to_owned()
    };
    let html = render(&organization(61)).html;
    assert_eq!(
        footer(&html),
        "\"Contradicted: s3://example-organization-logs\\00000a 2026-07-01T00:00:00Z to \
         2026-10-01T00:00:00Z\"}}}"
    );
    let mut events = empty();
    let Some(RunEvent::RunStarted(start)) = events.first_mut() else { panic!("no start") };
    start.place.delivered_to.bucket = "x\"}</style><script>alert(1)</script>\\\n/*".to_owned();
    let html = render(&events).html;
    assert!(!footer(&html).contains(['<', '>', '*']), "{}", footer(&html));
    assert_eq!(footer(&html).matches('"').count(), 2);
    assert_eq!((html.matches("</style>").count(), html.matches("<script").count()), (1, 0));
    assert!(html.contains("<table class=\"signatures\">"));
}

#[test]
fn an_organization_fits_on_a_page() {
    for (exceptions, sections) in [(61, 139), (1, 400)] {
        let events = organization(exceptions);
        let outputs = render(&events);
        agree_of_many(&outputs, exceptions);
        let size = outputs.html.len();
        assert!(size < 4_000_000, "every {exceptions}th: {size} bytes");
        assert_eq!(outputs.html.matches("<section class=\"chain\"").count(), sections);
        groups_equal_a_recount(&outputs.html, &events).unwrap();
        links_have_targets(&outputs.html).unwrap();
        // The matrix has the accounts with exceptions alone, and the list has all of them.
        let matrix = between(&outputs.html, "<table class=\"matrix\">", "</table>");
        let accounts = matrix.matches("<tr><th scope=\"row\">100").count();
        assert_eq!(accounts, if exceptions == 1 { 500 } else { 139 });
        assert_eq!(matrix.matches("data-in=").count(), 8_500 / exceptions);
        let found = between(&outputs.html, "<h3 id=\"found\">", "</details>");
        assert!(found.contains("500 accounts: 100000000000, ") && found.contains("in 17 regions"));
        // Findings begin on the first screens: little stands between the verdict and them.
        let before = between(&outputs.html, "<body>", "<h2 id=\"findings\">");
        assert!(before.len() < 12_000, "{} bytes", before.len());
        assert!(outputs.junit.len() < 12_000_000, "{}", outputs.junit.len());
        let left_out = between(&outputs.html, "<h2 id=\"findings\">", "</section>");
        assert_eq!(left_out.contains("more findings are left out"), exceptions == 1);
    }
}

/// Each region of each account may add a check that was not made.
#[test]
fn more_checks_that_were_not_made_than_are_kept_are_counted() {
    let mut events = empty();
    let not_made = |at: usize| {
        RunEvent::CheckNotPerformed(SkippedCheck {
            check: Check::UnlistedLogs,
            why: SkipReason::ListingUnread,
            region: None,
            detail: format!("folder {at}"),
        })
    };
    let end = events.pop().expect("a run ends");
    events.extend((0..10_003).map(not_made));
    events.push(end);
    let outputs = render(&events);
    assert_eq!(outputs.json["checks_not_performed"].as_array().unwrap().len(), 10_000);
    assert_eq!(outputs.json["left_out"]["checks_not_performed"], 3);
    let checks = between(&outputs.html, "<h3>Checks that were not made</h3>", "</section>");
    let shown = checks.matches("folder ").count();
    let more = format!(">{} more are left out", 10_003 - shown);
    assert!(shown > 0 && checks.contains(&more), "{shown}: {}", outputs.html.len());
    assert!(outputs.junit.contains("name=\"checks-not-performed-left-out\" value=\"3\""));
    let of_run = outputs
        .ocsf
        .iter()
        .filter_map(|one| one["evidences"][0]["data"]["checks_not_performed_left_out"].as_u64());
    assert_eq!(of_run.sum::<u64>(), 3);
    let mut text = Vec::new();
    let mut report = Text::new(&mut text, false);
    events.iter().for_each(|event| report.event(event).unwrap());
    report.finish().unwrap();
    drop(report);
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("\nNot checked: 3 more checks (not listed)\n"), "{}", text.len());
}

#[test]
fn more_findings_than_are_kept_are_all_counted() {
    let mut events = Vec::new();
    for event in organization(1) {
        let is_finding = matches!(event, RunEvent::DigestJudged(_));
        events.extend(std::iter::repeat_n(event, if is_finding { 2 } else { 1 }));
    }
    let mut html = Vec::new();
    let mut report = Html::new(&mut html);
    events.iter().for_each(|event| report.event(event).unwrap());
    report.finish().unwrap();
    drop(report);
    let html = String::from_utf8(html).unwrap();
    groups_equal_a_recount(&html, &events).unwrap();
    let head = between(&html, "<header>", "</header>");
    assert!(head.contains("17,000 digests are missing"), "{head}");
}

/// Checks what holds for the made-up organization: it has more findings than the page lists.
fn agree_of_many(outputs: &Outputs, exceptions: usize) {
    assert_eq!(outputs.json["verdict"], "contradicted");
    assert!(red(&outputs.junit).0 >= 8_500 / exceptions);
    assert_eq!(outputs.ocsf[0]["compliance"]["status"], "Fail");
    assert_eq!(sums(&outputs.html)["Digests"][2], u64::try_from(8_500 / exceptions).unwrap());
}
