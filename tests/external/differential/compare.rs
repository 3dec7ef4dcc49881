//! What differs between two runs, in a form that pins every differing byte; and whether it is listed.
//!
//! Pure: runs nothing, reads nothing.
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use trailproof_testkit::scenario::Ran;

/// Characters of a line that are shown. Of a longer one the length and the hash say the rest.
const SHOWN: usize = 700;

/// What differs between two runs. What is alike is left out, but for how much of it there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The AWS CLI's part.
    pub(crate) theirs: String,
    /// Our part.
    pub(crate) ours: String,
}

/// One listed divergence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The scenario.
    pub(crate) case: String,
    /// What it is about, in a few words. Scenarios that show the same thing share one.
    pub(crate) title: String,
    /// Why ours differs, in one sentence, which goes with the title.
    pub(crate) reason: String,
    /// The AWS CLI's part of the difference.
    pub(crate) theirs: String,
    /// Our part of it.
    pub(crate) ours: String,
}

/// What the comparison of one scenario came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// Both programs did the same, byte for byte.
    Same,
    /// They differ exactly as listed.
    AsListed,
    /// They differ and it is not listed.
    Unlisted(Difference),
    /// They differ otherwise than listed.
    Changed(Difference),
    /// A difference is listed and there is none.
    Vanished,
}

impl Judgement {
    /// Whether the test must fail.
    pub(crate) fn is_failure(&self) -> bool {
        !matches!(self, Self::Same | Self::AsListed)
    }
}

/// Compares two runs with what is listed for their scenario.
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

/// What differs between two runs, if anything does.
///
/// Of a stream that differs, runs of lines that are alike are left out and counted (`= 3`). Of a program that was stopped nothing is kept, as it could have written any amount.
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

/// The runs of lines that a longest common subsequence is made of, and an empty one at the end: where
/// each begins in one and in the other, and how long it is.
fn common_runs(one: &[&[u8]], other: &[&[u8]]) -> Vec<(usize, usize, usize)> {
    // `longest[i][j]` is the length for what follows line `i` of one and line `j` of the other.
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

/// Writes one line so that no two lines look alike: `> ` in front, or `~ ` where it has no line
/// break at its end; everything but printable ASCII is escaped.
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
    fn the_guard_lets_pass_what_is_the_same_or_as_listed() {
        let (one, other) = (ran(0, "a\nb\n", ""), ran(1, "a\nc\n", "d\n"));
        assert_eq!(judge(&one, &one, None), Judgement::Same);
        let found = difference(&one, &other).unwrap();
        assert_eq!(judge(&one, &other, Some(&listed(&found))), Judgement::AsListed);
    }

    #[test]
    fn the_guard_stops_an_unlisted_difference() {
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
    fn the_guard_stops_a_changed_difference_of_either_side() {
        let (theirs, ours) = (ran(0, "a\nb\nz\n", ""), ran(255, "a\nc\nz\n", ""));
        let entry = listed(&difference(&theirs, &ours).unwrap());
        for (theirs, ours) in [
            (ran(0, "a\nB\nz\n", ""), ours.clone()),
            (theirs.clone(), ran(255, "a\nC\nz\n", "")),
            (theirs.clone(), ran(1, "a\nc\nz\n", "")),
            (theirs.clone(), ran(255, "a\nc\nz\n", "more\n")),
            // The difference has moved by a line.
            (ran(0, "a\na\nb\nz\n", ""), ran(255, "a\na\nc\nz\n", "")),
        ] {
            let judged = judge(&theirs, &ours, Some(&entry));
            assert!(matches!(judged, Judgement::Changed(_)), "{theirs:?} {ours:?}");
            assert!(judged.is_failure());
        }
    }

    #[test]
    fn the_guard_stops_a_difference_that_vanished() {
        let (one, other) = (ran(0, "a\n", ""), ran(0, "b\n", ""));
        let entry = listed(&difference(&one, &other).unwrap());
        let judged = judge(&one, &one, Some(&entry));
        assert_eq!(judged, Judgement::Vanished);
        assert!(judged.is_failure());
    }

    #[test]
    fn bytes_that_look_alike_are_told_apart() {
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
