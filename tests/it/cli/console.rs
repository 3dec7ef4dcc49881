//! What the program shows on a terminal: its width, its colours, and the options about them.
use crate::support::program::{Ran, program as isolated, scratch};
use std::fs;
use std::path::Path;
use std::process::Command;

const VERIFY_DEMO: [&str; 9] = [
    "verify",
    "testdata/demo",
    "--public-keys",
    "testdata/demo/public-keys.json",
    "--start-time",
    "2026-03-01T00:04:11Z",
    "--end-time",
    "2026-03-04",
    "--complete-copy",
];

/// Runs `verify` over the demo.
fn demo(more: &[&str], environment: &[(&str, &str)]) -> Ran {
    let arguments = [&VERIFY_DEMO[..], more].concat();
    let mut command = isolated(&arguments);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).envs(environment.iter().copied());
    Ran::from(&mut command)
}

/// Runs `verify` over the demo on a terminal of so many columns, and returns what it shows. `None` if
/// there is no `script`, which makes the terminal.
fn on_terminal(columns: usize, more: &[&str]) -> Option<String> {
    let program = isolated(&[""; 0]);
    let words = [&VERIFY_DEMO[..], more, &["--progress", "never"]].concat().join(" ");
    let line = format!(
        "stty cols {columns} rows 40; '{}' {words}",
        program.get_program().to_str().unwrap()
    );
    let mut script = Command::new("script");
    for (name, value) in program.get_envs() {
        script.env(name, value.unwrap());
    }
    script.args(["-q", "-e", "-c", &line, "/dev/null"]).env("TERM", "xterm").env_remove("NO_COLOR");
    script.env("SHELL", "/bin/sh").current_dir(env!("CARGO_MANIFEST_DIR"));
    let Ok(output) = script.output() else {
        println!("skipped: `script` is not installed");
        return None;
    };
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    Some(String::from_utf8(output.stdout).unwrap().replace('\r', ""))
}

/// Returns a text without what switches colours.
fn plain(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or(part, |(_, rest)| rest))
}

#[test]
fn on_a_terminal_nothing_but_keys_and_commands_is_wider_than_it() {
    for columns in [60, 80, 120] {
        let Some(shown) = on_terminal(columns, &["--verbose"]) else { return };
        let shown = plain(&shown);
        for line in shown.lines().filter(|line| line.chars().count() > columns) {
            let text = line.trim_start();
            // A key, a hash or a command, alone on its line.
            assert!(!text.contains(' ') || text.starts_with('`'), "{columns}: {line}");
        }
        // Nothing but line breaks and spaces is different from what a file has.
        let file = demo(&["--verbose"], &[]).stdout;
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let (shown, file) = (words(&shown), words(&file));
        let table = |words: &[String]| words.iter().position(|word| word == "Evidence").unwrap();
        assert_eq!(shown[table(&shown)..][..file[table(&file)..].len()], file[table(&file)..]);
    }
}

#[test]
fn the_last_line_on_a_terminal_repeats_the_verdict() {
    let Some(shown) = on_terminal(80, &[]) else { return };
    let last = plain(shown.lines().last().unwrap());
    assert_eq!(last, "CONTRADICTED: 2 findings, 2.0 h of 143.9 h not verified. Exit status 1.");
}

#[test]
fn colour_is_used_on_a_terminal_or_when_it_is_asked_for() {
    let coloured = |ran: &Ran| ran.stdout.contains("\u{1b}[1;31mCONTRADICTED\u{1b}[0m");
    assert!(!demo(&[], &[]).stdout.contains('\u{1b}'));
    assert!(coloured(&demo(&["--color", "always"], &[("NO_COLOR", "1")])));
    assert!(coloured(&demo(&[], &[("CLICOLOR_FORCE", "1")])));
    assert!(!demo(&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]).stdout.contains('\u{1b}'));
    let Some(shown) = on_terminal(80, &[]) else { return };
    assert!(shown.contains("\u{1b}[1;31mCONTRADICTED"), "{shown}");
    assert!(shown.contains("\u{1b}[31mdigest-missing\u{1b}[0m"), "{shown}");
    assert!(shown.contains("\u{1b}[33mdigests-missing\u{1b}[0m"), "{shown}");
    assert!(!on_terminal(80, &["--color", "never"]).unwrap().contains('\u{1b}'));
}

#[test]
fn a_run_says_which_files_it_wrote_unless_it_is_quiet() {
    let (record, report) = (scratch("console.jsonl"), scratch("console.html"));
    let html = format!("html={}", report.display());
    let outputs = ["--record", record.to_str().unwrap(), "--report", &html, "--force"];
    let note = format!("note: wrote `{}`, `{}`\n", record.display(), report.display());
    assert_eq!(demo(&outputs, &[]).stderr, note);
    assert_eq!(demo(&[&outputs[..], &["-q"]].concat(), &[]).stderr, "");
    fs::remove_file(&report).unwrap();
    let replayed = ["replay", record.to_str().unwrap(), "--report", &html];
    let ran = Ran::from(&mut isolated(&replayed));
    assert_eq!((ran.status, ran.stderr), (1, format!("note: wrote `{}`\n", report.display())));
    // Before or after the command, as every global option.
    let ran = Ran::from(&mut isolated(&[&["-q"], &replayed[..], &["--force"]].concat()));
    assert_eq!((ran.status, ran.stderr.as_str()), (1, ""));
    // What was not written is not listed.
    let nowhere = format!("html={}", Path::new("/nowhere/at/all.html").display());
    let ran = demo(&["--report", &nowhere], &[]);
    assert!(!ran.stderr.contains("note: wrote"), "{ran:#?}");
}

#[test]
fn help_is_a_command_too() {
    let help = Ran::from(&mut isolated(&["help", "keys", "fetch"]));
    assert_eq!(help, Ran::from(&mut isolated(&["keys", "fetch", "--help"])));
    assert!(help.stdout.contains("\nExamples:\n") || help.stdout.contains("--output"), "{help:#?}");
    let page = Ran::from(&mut isolated(&["man", "verify"])).is(0, ".SH EXAMPLES");
    for section in [".SH \"EXIT STATUS\"", ".SH ENVIRONMENT", ".SH \"SEE ALSO\""] {
        assert!(page.stdout.contains(section), "{section}: {page:#?}");
    }
    assert!(page.stdout.contains("trailproof\\-mirror(1)"), "{page:#?}");
}
