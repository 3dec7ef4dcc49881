//! The GitHub Action: its script is run with the files and variables that GitHub gives it, and what it
//! prints is read as GitHub's runner reads it.
use crate::support::program::{PROGRAM, Ran, empty_folder, isolate};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TOP: &str = env!("CARGO_MANIFEST_DIR");

/// The public keys of the demo, one argument on each line.
const KEYS: &str = "--public-keys\ntestdata/demo/public-keys.json\n";

/// A step of a workflow.
struct Step {
    ran: Ran,
    /// The lines of the file of outputs.
    outputs: Vec<String>,
    summary: String,
}

impl Step {
    /// Runs the script with these variables.
    fn run(name: &str, variables: &[(&str, &str)]) -> Self {
        let folder = empty_folder(&format!("action-{name}"));
        let mut command = Command::new("bash");
        isolate(&mut command).current_dir(TOP).arg("scripts/action");
        command.env("PATH", "/usr/bin:/bin").envs([
            ("RUNNER_TEMP", folder.as_path()),
            ("GITHUB_OUTPUT", &folder.join("output")),
            ("GITHUB_STEP_SUMMARY", &folder.join("summary")),
        ]);
        let ran = Ran::from(command.envs(variables.iter().copied()));
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
        let outputs = read("output").lines().map(str::to_owned).collect();
        Self { ran, outputs, summary: read("summary") }
    }

    /// Returns an output. GitHub takes the last of several lines.
    fn output(&self, name: &str) -> &str {
        let start = format!("{name}=");
        self.outputs.iter().rev().find_map(|line| line.strip_prefix(&start)).unwrap()
    }

    /// Returns the lines that GitHub obeys: those that start with `::`, and are not between
    /// `::stop-commands::WORD` and `::WORD::`.
    fn commands(&self) -> Vec<&str> {
        let (mut obeyed, mut stopped) = (Vec::new(), None);
        for line in self.ran.stdout.lines().map(str::trim_start) {
            if let Some(word) = &stopped {
                if line == format!("::{word}::") {
                    stopped = None;
                }
            } else if let Some(word) = line.strip_prefix("::stop-commands::") {
                stopped = Some(word.to_owned());
            } else if line.starts_with("::") {
                obeyed.push(line);
            }
        }
        assert_eq!(stopped, None, "commands stay stopped");
        obeyed
    }
}

/// Writes a program that prints these files and exits with a status.
fn stub(name: &str, printed: &str, status: i32) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = empty_folder(&format!("action-stub-{name}"));
    fs::write(folder.join("printed"), printed).unwrap();
    let program = folder.join("trailproof");
    let script = format!("#!/bin/sh\ncat '{}/printed'\nexit {status}\n", folder.display());
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

fn demo(name: &str, period: &str, args: &str) -> Step {
    Step::run(
        name,
        &[
            ("INPUT_PROGRAM", PROGRAM),
            ("INPUT_COMMAND", "verify"),
            ("INPUT_LOCATION", "testdata/demo"),
            ("INPUT_PERIOD", period),
            ("INPUT_ARGS", args),
        ],
    )
}

#[test]
fn a_proven_copy_passes_without_annotations() {
    let step = demo("proven", "2026-03-01T00:04:11Z/2026-03-02", KEYS);
    assert_eq!(step.ran.status, 0, "{:#?}", step.ran);
    assert_eq!((step.output("verdict"), step.output("exit-status")), ("proven", "0"));
    assert_eq!(step.outputs.len(), 4, "{:?}", step.outputs);
    assert!(step.commands().is_empty(), "{}", step.ran.stdout);
    assert!(step.summary.starts_with("### trailproof verify: proven\n"), "{}", step.summary);
    for name in ["record.jsonl.zst", "junit.xml", "report.html", "report.txt"] {
        assert!(Path::new(step.output("folder")).join(name).is_file(), "{name} is missing");
    }
    assert!(Path::new(step.output("record")).is_file());
}

#[test]
fn a_contradicted_copy_is_annotated() {
    let args = format!("{KEYS}\r\n\n--complete-copy");
    let step = demo("contradicted", "2026-03-01T00:04:11Z/2026-03-04", &args);
    // The step that judges comes last, after the artifact is uploaded.
    assert_eq!(step.ran.status, 0, "{:#?}", step.ran);
    assert_eq!((step.output("verdict"), step.output("exit-status")), ("contradicted", "1"));
    let commands = step.commands();
    let [annotation] = commands.as_slice() else { panic!("{commands:?}") };
    let start = "::error title=trailproof verify%3A contradicted::CONTRADICTED";
    assert!(annotation.starts_with(start) && annotation.contains("%0A"), "{annotation}");
    assert!(step.summary.contains("digest-missing"), "{}", step.summary);
}

#[test]
fn a_configuration_is_annotated_by_the_program() {
    let step = Step::run(
        "trail-config",
        &[
            ("INPUT_PROGRAM", PROGRAM),
            ("INPUT_COMMAND", "trail-config"),
            ("INPUT_ARGS", "--terraform\ntestdata/trail-config/state.json"),
        ],
    );
    assert_eq!((step.output("verdict"), step.output("exit-status")), ("fail", "1"));
    assert_eq!(step.output("record"), "");
    let commands = step.commands();
    assert!(commands.len() > 10, "{commands:?}");
    assert!(commands.iter().any(|line| line.starts_with("::error title=trail-encrypted")));
    assert!(step.summary.contains("error: trail-encrypted-with-customer-key (CT-001): trail"));
    assert!(Path::new(step.output("folder")).join("trail-config.sarif").is_file());
}

/// Nothing that an input contains is evaluated, becomes an option that is not in `args`, or reaches
/// GitHub as a command or an output.
#[test]
fn hostile_inputs_are_only_text() {
    let folder = empty_folder("action-hostile-made");
    let made = folder.join("made");
    let hostile = [
        format!("$(touch {})", made.display()),
        format!("`touch {}`", made.display()),
        format!("x; touch {} #", made.display()),
        format!("a[$(touch {})]", made.display()),
        "x\nverdict=proven\n::set-output name=verdict::proven".to_owned(),
        "::set-output name=verdict::proven".to_owned(),
        "--quarter=2026Q1".to_owned(),
        "*".to_owned(),
        "${{ github.token }}".to_owned(),
    ];
    for (index, text) in hostile.iter().enumerate() {
        for name in ["INPUT_LOCATION", "INPUT_PERIOD", "INPUT_ARGS"] {
            let mut variables = vec![
                ("INPUT_PROGRAM", PROGRAM),
                ("INPUT_LOCATION", "testdata/demo"),
                ("INPUT_PERIOD", "2026-03-01/2026-03-02"),
                ("INPUT_ARGS", KEYS),
            ];
            variables.retain(|(variable, _)| *variable != name);
            variables.push((name, text));
            let step = Step::run(&format!("hostile-{index}-{name}"), &variables);
            assert!(!made.exists(), "{name} was evaluated: {text}");
            assert_eq!(step.outputs.len(), 4, "{name}: {text}: {:?}", step.outputs);
            assert_eq!(step.output("verdict"), "none", "{name}: {text}: {:#?}", step.ran);
            let commands = step.commands();
            assert_eq!(commands.len(), 1, "{name}: {text}: {commands:?}");
            assert!(commands[0].starts_with("::error title=trailproof"), "{commands:?}");
        }
        let step = Step::run("hostile-command", &[("INPUT_COMMAND", text)]);
        assert_eq!((step.ran.status, step.outputs.len()), (2, 0), "{:#?}", step.ran);
    }
}

/// What the program prints may come from the names of objects.
#[test]
fn hostile_reports_are_only_text() {
    let printed = "CONTRADICTED 100%\n::set-output name=verdict::proven\n::add-path::/x\n\
        ::stop-commands::x\n::x::\n  ::error::y\n</pre><script>x</script>\n&lt;\n";
    let program = stub("hostile", printed, 1);
    let step = Step::run("hostile-report", &[("INPUT_PROGRAM", program.to_str().unwrap())]);
    assert_eq!(step.output("verdict"), "contradicted");
    assert_eq!(step.output("record"), "", "a record that was not written is named");
    let commands = step.commands();
    let [annotation] = commands.as_slice() else { panic!("{commands:?}") };
    assert!(annotation.contains("::CONTRADICTED 100%25%0A::set-output"), "{annotation}");
    assert_eq!(step.summary.matches("</pre>").count(), 1, "{}", step.summary);
    assert!(!step.summary.contains("<script>") && step.summary.contains("&amp;lt;"));
}

#[test]
fn a_release_is_downloaded_and_its_sum_checked() {
    let machine = Ran::from(Command::new("uname").arg("-m")).stdout;
    let name = format!("trailproof-1.2.3-{}-unknown-linux-musl", machine.trim());
    let folder = empty_folder("action-releases");
    let program = stub("released", "PROVEN\n", 0);
    let bin = folder.join(&name).join("bin");
    fs::create_dir_all(&bin).unwrap();
    fs::copy(&program, bin.join("trailproof")).unwrap();
    let archive = format!("{name}.tar.gz");
    let in_folder = |program: &str, arguments: &[&str]| {
        let ran = Ran::from(Command::new(program).args(arguments).current_dir(&folder));
        assert_eq!(ran.status, 0, "{ran:#?}");
        ran.stdout
    };
    in_folder("tar", &["-czf", &archive, &name]);
    let sums = in_folder("sha256sum", &[&archive]);
    let from = format!("file://{}", folder.display());
    let step = |version: &str, sums: &str| {
        fs::write(folder.join("SHA256SUMS"), sums).unwrap();
        let from = ("INPUT_DOWNLOAD_FROM", from.as_str());
        Step::run("download", &[from, ("INPUT_VERSION", version)])
    };
    assert_eq!(step("v1.2.3", &sums).output("verdict"), "proven");
    let wrong = sums.replace(&sums[..8], "00000000");
    let two = format!("{sums}{sums}");
    for (version, sums) in [
        ("v1.2.3", wrong.as_str()),
        ("v1.2.3", ""),
        ("v1.2.3", &two),
        ("v1.2.4", &sums),
        ("main", &sums),
        ("v1.2.3/../x", &sums),
        ("", &sums),
    ] {
        let step = step(version, sums);
        assert_eq!((step.ran.status, step.outputs.len()), (2, 0), "{version}: {:#?}", step.ran);
        assert_eq!(step.commands().len(), 1, "{version}: {:#?}", step.ran);
    }
}

#[test]
fn the_last_step_judges_the_exit_status() {
    let judge = |status: &str, fail_on: &str| {
        let mut command = Command::new("bash");
        isolate(&mut command).current_dir(TOP).args(["scripts/action", "judge"]);
        command.env("PATH", "/usr/bin:/bin");
        Ran::from(command.env("EXIT_STATUS", status).env("INPUT_FAIL_ON", fail_on)).status
    };
    for status in [0, 1, 2, 3, 4, 5, 6, 70] {
        assert_eq!(judge(&status.to_string(), "any"), status);
        let expected = if status == 3 { 0 } else { status };
        assert_eq!(judge(&status.to_string(), "contradicted"), expected);
    }
    // The step before did not get that far.
    for (status, fail_on) in [("", "any"), ("x", "any"), ("0; exit 0", "any"), ("0", "never")] {
        assert_eq!(judge(status, fail_on), 2, "{status}, {fail_on}");
    }
}

/// `action.yml` passes every input that the script reads, and evaluates none in a shell.
#[test]
fn the_action_passes_its_inputs_as_variables() {
    let read = |name: &str| fs::read_to_string(Path::new(TOP).join(name)).unwrap();
    let (action, script) = (read("action.yml"), read("scripts/action"));
    let names = script.split("${").filter_map(|rest| rest.strip_prefix("INPUT_"));
    let mut names: Vec<String> = names
        .map(|rest| rest.chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect())
        .collect();
    names.sort();
    names.dedup();
    assert!(names.len() >= 8, "{names:?}");
    for name in names {
        let input = name.to_lowercase().replace('_', "-");
        let passed = format!("INPUT_{name}: ${{{{ inputs.{input} }}}}\n");
        assert!(action.contains(&passed), "`{passed}` is missing");
        assert!(action.contains(&format!("\n  {input}:\n")), "`{input}` is not declared");
    }
    for line in action.lines().filter(|line| line.trim_start().starts_with("run:")) {
        assert!(!line.contains("${{"), "a shell evaluates an expression: {line}");
    }
}
