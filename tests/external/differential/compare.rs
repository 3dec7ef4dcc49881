//! Describes the differences between two runs so that every differing byte is pinned, and checks
//! them against the list.
//!
//! Pure: runs and reads nothing.
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use trailproof_testkit::scenario::Ran;

/// The number of characters of a line that are shown. A longer line is completed by its length and
/// hash.
const SHOWN: usize = 700;

/// The differences between two runs. Equal parts are omitted except for their size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The AWS CLI's side.
    pub(crate) theirs: String,
    /// Our side.
    pub(crate) ours: String,
}

/// A listed divergence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The name of the scenario.
    pub(crate) case: String,
    /// The subject in a few words. Scenarios that show the same divergence share one title.
    pub(crate) title: String,
    /// The reason why our output differs, in one sentence. Belongs to the title.
    pub(crate) reason: String,
    /// The AWS CLI's side of the difference.
    pub(crate) theirs: String,
    /// Our side of the difference.
    pub(crate) ours: String,
}

/// The result of comparing one scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// Both programs behave identically, byte for byte.
    Same,
    /// They differ exactly as listed.
    AsListed,
    /// They differ, and no difference is listed.
    Unlisted(Difference),
    /// They differ, but not as listed.
    Changed(Difference),
    /// A difference is listed, but there is none.
    Vanished,
}

impl Judgement {
    /// Returns whether the test must fail.
    pub(crate) fn is_failure(&self) -> bool {
        !matches!(self, Self::Same | Self::AsListed)
    }
}

/// Compares two runs, given the divergence that is listed for their scenario.
pub(crate) fn judge(theirs: &Ran, ours: &Ran, listed: Option<&Listed>) -> Judgement {
    match (difference(theirs, ours), listed) {
        (None, None) => Judgement::Same,
        (None, Some(_)) => Judgement::Vanished,
        (Some(found), None) => Judgement::Unlisted(found),
        (Some(found), Some(listed))
            if found.theirs == listed.theirs && found.ours == listed.ours =>
        {
            Judgement::AsListed
        }
        (Some(found), Some(_)) => Judgement::Changed(found),
    }
}

/// Returns the difference between two runs, if there is one.
///
/// In a stream that differs, runs of equal lines are omitted and counted (`= 3`). The output of a
/// program that was stopped is dropped, because its length is arbitrary.
pub(crate) fn difference(theirs: &Ran, ours: &Ran) -> Option<Difference> {
    if theirs == ours {
        return None;
    }
    let mut found = Difference { theirs: String::new(), ours: String::new() };
    if theirs.status.is_none() || ours.status.is_none() {
        found.theirs = whole(theirs);
        found.ours = whole(ours);
        return Some(found);
    }
    if theirs.status != ours.status {
        found.theirs.push_str(&status(theirs));
        found.ours.push_str(&status(ours));
    }
    for (name, one, other) in
        [("stdout", &theirs.stdout, &ours.stdout), ("stderr", &theirs.stderr, &ours.stderr)]
    {
        if one == other {
            continue;
        }
        let (one, other) = (lines(one), lines(other));
        for text in [&mut found.theirs, &mut found.ours] {
            let _ = writeln!(text, "{name}:");
        }
        let (mut at_one, mut at_other) = (0, 0);
        for (start_one, start_other, alike) in common_runs(&one, &other) {
            one[at_one..start_one].iter().for_each(|line| show(&mut found.theirs, line));
            other[at_other..start_other].iter().for_each(|line| show(&mut found.ours, line));
            if alike > 0 {
                let _ = writeln!(found.theirs, "= {alike}");
                let _ = writeln!(found.ours, "= {alike}");
            }
            (at_one, at_other) = (start_one + alike, start_other + alike);
        }
    }
    Some(found)
}

/// Returns the runs of lines that make up a longest common subsequence, followed by an empty run at
/// the end: the start in each input, and the length.
fn common_runs(one: &[&[u8]], other: &[&[u8]]) -> Vec<(usize, usize, usize)> {
    // `longest[i][j]` is the length for the lines from `i` of one input and from `j` of the other.
    let mut longest = vec![vec![0_u32; other.len() + 1]; one.len() + 1];
    for i in (0..one.len()).rev() {
        for j in (0..other.len()).rev() {
            longest[i][j] = if one[i] == other[j] {
                longest[i + 1][j + 1] + 1
            } else {
                longest[i + 1][j].max(longest[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut runs: Vec<(usize, usize, usize)> = Vec::new();
    while i < one.len() && j < other.len() {
        if one[i] == other[j] {
            match runs.last_mut() {
                Some((a, b, alike)) if *a + *alike == i && *b + *alike == j => *alike += 1,
                _ => runs.push((i, j, 1)),
            }
            (i, j) = (i + 1, j + 1);
        } else if longest[i + 1][j] >= longest[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    runs.push((one.len(), other.len(), 0));
    runs
}

fn status(ran: &Ran) -> String {
    match ran.status {
        Some(status) => format!("exit status {status}\n"),
        None => "does not end\n".to_owned(),
    }
}

fn whole(ran: &Ran) -> String {
    let mut text = status(ran);
    if ran.status.is_some() {
        for (name, stream) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
            let _ = writeln!(text, "{name}:");
            lines(stream).into_iter().for_each(|line| show(&mut text, line));
        }
    }
    text
}

fn lines(stream: &[u8]) -> Vec<&[u8]> {
    stream.split_inclusive(|byte| *byte == b'\n').collect()
}

/// Writes one line so that no two different lines look alike: prefixed with `> `, or with `~ ` if
/// it has no line break at its end. Everything except printable ASCII is escaped.
fn show(text: &mut String, line: &[u8]) {
    let (mark, line) = match line.strip_suffix(b"\n") {
        Some(line) => ("> ", line),
        None => ("~ ", line),
    };
    text.push_str(mark);
    let mut shown = String::new();
    for chunk in line.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => shown.push_str("\\\\"),
                '\t' => shown.push_str("\\t"),
                ' '..='~' => shown.push(character),
                _ => shown.extend(character.escape_unicode()),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    if shown.len() > SHOWN {
        shown.truncate(SHOWN / 4);
        let hash = hex::encode(Sha256::digest(line));
        let _ = write!(shown, " (line of {} bytes, SHA-256 {hash})", line.len());
    }
    text.push_str(&shown);
    text.push('\n');
}

mod tests {
    use super::*;

    fn ran(status: i32, stdout: &str, stderr: &str) -> Ran {
        Ran { status: Some(status), stdout: stdout.into(), stderr: stderr.into() }
    }

    fn listed(difference: &Difference) -> Listed {
        let Difference { theirs, ours } = difference.clone();
        Listed { case: "x".into(), title: "t".into(), reason: "r".into(), theirs, ours }
    }

    #[test]
    fn the_guard_accepts_equal_and_listed_results() {
        let (one, other) = (ran(0, "a\nb\n", ""), ran(1, "a\nc\n", "d\n"));
        assert_eq!(judge(&one, &one, None), Judgement::Same);
        let found = difference(&one, &other).unwrap();
        assert_eq!(judge(&one, &other, Some(&listed(&found))), Judgement::AsListed);
    }

    #[test]
    fn the_guard_rejects_an_unlisted_difference() {
        let base = ran(0, "a\nb\n", "e\n");
        for other in [
            ran(1, "a\nb\n", "e\n"),
            ran(0, "a\nb", "e\n"),
            ran(0, "a\n\nb\n", "e\n"),
            ran(0, "a\nb\n", ""),
            ran(0, "a\nb\n", "e\n\n"),
            ran(0, "a\nb\n", "E\n"),
            Ran { status: None, ..base.clone() },
        ] {
            let judged = judge(&base, &other, None);
            assert!(matches!(judged, Judgement::Unlisted(_)), "{other:?}");
            assert!(judged.is_failure());
        }
    }

    #[test]
    fn the_guard_rejects_a_change_on_either_side() {
        let (theirs, ours) = (ran(0, "a\nb\nz\n", ""), ran(255, "a\nc\nz\n", ""));
        let entry = listed(&difference(&theirs, &ours).unwrap());
        for (theirs, ours) in [
            (ran(0, "a\nB\nz\n", ""), ours.clone()),
            (theirs.clone(), ran(255, "a\nC\nz\n", "")),
            (theirs.clone(), ran(1, "a\nc\nz\n", "")),
            (theirs.clone(), ran(255, "a\nc\nz\n", "more\n")),
            // The difference has moved by one line.
            (ran(0, "a\na\nb\nz\n", ""), ran(255, "a\na\nc\nz\n", "")),
        ] {
            let judged = judge(&theirs, &ours, Some(&entry));
            assert!(matches!(judged, Judgement::Changed(_)), "{theirs:?} {ours:?}");
            assert!(judged.is_failure());
        }
    }

    #[test]
    fn the_guard_rejects_a_vanished_difference() {
        let (one, other) = (ran(0, "a\n", ""), ran(0, "b\n", ""));
        let entry = listed(&difference(&one, &other).unwrap());
        let judged = judge(&one, &one, Some(&entry));
        assert_eq!(judged, Judgement::Vanished);
        assert!(judged.is_failure());
    }

    #[test]
    fn bytes_that_look_alike_are_shown_differently() {
        let base = ran(0, "", "");
        let shown = |text: &[u8]| {
            let other = Ran { stdout: text.to_vec(), ..base.clone() };
            difference(&base, &other).unwrap().ours
        };
        let long = "A".repeat(100_000);
        let texts: [&[u8]; 12] = [
            b"a\n",
            b"a",
            b"a ",
            b"a\r\n",
            b"a\\r\n",
            b"a\t\n",
            b"a\\t\n",
            "\u{ff}\n".as_bytes(),
            b"\xff\n",
            b"\\xff\n",
            long.as_bytes(),
            long.get(1..).unwrap().as_bytes(),
        ];
        let all: std::collections::BTreeSet<String> =
            texts.iter().map(|text| shown(text)).collect();
        assert_eq!(all.len(), texts.len());
        assert!(all.iter().all(|text| text.len() < 1_000));
    }
}
