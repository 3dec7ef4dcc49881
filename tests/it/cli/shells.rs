//! Shell completions and manual pages.
use super::*;
use trailproof_core::vocab::location::{escape, shell_word};

/// The completions contain every command and option, and the installed shells accept them.
#[test]
fn completions_have_every_command_and_shells_accept_them() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = program().args(["completions", shell]).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{shell}");
        let text = String::from_utf8(output.stdout).unwrap();
        for words in subcommands(&[]) {
            assert!(text.contains(words.last().unwrap()), "{shell}: {words:?}");
        }
        for option in ["trail-arn", "public-keys", "all-regions", "quarter"] {
            assert!(text.contains(option), "{shell}: {option}");
        }
        if shell == "bash" {
            let script = "source /dev/stdin && COMP_WORDS=(trailproof ver) COMP_CWORD=1 \
                          && _trailproof trailproof ver trailproof && echo \"${COMPREPLY[@]}\"";
            let mut child = Command::new("bash")
                .args(["-c", script])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut input = child.stdin.take().unwrap();
            std::io::Write::write_all(&mut input, text.as_bytes()).unwrap();
            drop(input);
            let stdout = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
            assert_eq!(stdout, "verify\n");
            // A kind comes before the name of a file.
            for (option, kinds) in [
                ("--report", "html=\n"),
                ("--export", "verified-intervals= verified-objects= exceptions=\n"),
            ] {
                let script = format!(
                    "source \"$1\" && COMP_WORDS=(trailproof verify {option} '') COMP_CWORD=3 \
                     && _trailproof_kinds trailproof '' {option} && echo \"${{COMPREPLY[@]}}\""
                );
                let file = crate::support::program::scratch("completions.bash");
                std::fs::write(&file, &text).unwrap();
                let output = Command::new("bash").args(["-c", &script, "bash"]).arg(&file).output();
                let offered = String::from_utf8(output.unwrap().stdout).unwrap();
                assert_eq!(offered, kinds, "{option}");
            }
        }
    }
    let output = program().args(["completions", "tcsh"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

/// Every command has a page with each of its options.
#[test]
fn every_command_has_a_manual_page() {
    let all = std::iter::once(Vec::new()).chain(subcommands(&[]));
    for words in all {
        let page = program().arg("man").args(&words).output().unwrap();
        assert!(page.status.success() && page.stderr.is_empty(), "{words:?}");
        let page = String::from_utf8(page.stdout).unwrap();
        let name = [&["trailproof".to_owned()][..], &words].concat().join("-");
        assert!(page.contains(&format!(".TH {name} 1")), "{words:?}: {page:.300}");
        let help = program().args(&words).arg("--help").output().unwrap().stdout;
        let help = String::from_utf8(help).unwrap();
        // The end of `[aliases: --since]` is not the option's own name.
        let listed = help.split_whitespace().filter(|word| word.starts_with("--"));
        let listed = listed.filter(|word| !word.ends_with(']'));
        // roff writes a literal hyphen as `\-`.
        let page = page.replace('\\', "");
        for option in listed.map(|word| word.trim_end_matches([',', '.', '`'])) {
            assert!(page.contains(option), "{words:?}: {option}");
        }
    }
    let output = program().args(["man", "none"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "error: there is no command `none`\n");
    let script = format!("exec '{}' man >/dev/full", support::PROGRAM);
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(output.status.code(), Some(6));
}

/// bash reads back what a suggested command quotes, and no shell runs a part of it.
#[test]
fn a_shell_reads_back_what_was_quoted_and_runs_none_of_it() {
    for text in [
        "s3://bucket/a-b_c.json.gz",
        "it's; exit 7; `exit 7` $(exit 7) \"y\" \\",
        "\\'; exit 7; \\'",
        "\u{1b}'; exit 7; #",
        "",
        "\u{1b}[2J it's \\ \u{202e}gz.nosj\n日",
        "~",
        "=exit",
        "!!",
    ] {
        let script = format!("printf %s {}", shell_word(text));
        assert_eq!(escape(&script), script, "a report would show it otherwise");
        let output = Command::new("bash").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), text, "{script}");
        // The POSIX shell does not know `$'`.
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{script}");
    }
}
