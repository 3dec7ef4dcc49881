//! The files of a target, in the folders of an installed program. Every package is made from them.
use super::build::Target;
use super::plan::Release;
use super::run::{Failure, Task, about, copy, write};
use crate::say;
use std::fs;
use std::path::{Path, PathBuf};

/// The shells with completions, and where each of them looks for those of an installed program.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "share/bash-completion/completions/trailproof"),
    ("fish", "share/fish/vendor_completions.d/trailproof.fish"),
    ("zsh", "share/zsh/vendor-completions/_trailproof"),
];

/// Fills a folder that looks like `/usr` of a machine with the program, and returns it.
///
/// # Errors
///
/// A file cannot be read or written, or the program does not print its pages.
pub(crate) fn stage(
    release: &Release,
    target: &Target,
    binary: &Path,
    notices: &Path,
) -> Result<PathBuf, Failure> {
    let staged = release.work.join(&target.triple).join("usr");
    copy(binary, &staged.join("bin/trailproof"), 0o755)?;
    let documents = staged.join("share/doc/trailproof");
    for name in ["CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "README.md"] {
        copy(&release.top.join(name), &documents.join(name), 0o644)?;
    }
    copy(notices, &documents.join("THIRD-PARTY.txt"), 0o644)?;
    // The notices of Rust's standard library, as its documentation has them.
    let sysroot = release.task("rustc").with(["--print", "sysroot"]).output()?;
    let library = Path::new(sysroot.trim_end()).join("share/doc/rust/COPYRIGHT-library.html");
    if library.exists() {
        copy(&library, &documents.join("rust-standard-library.html"), 0o644)?;
    } else if release.dry_run {
        say(
            "note: the notices of the standard library are missing: this toolchain has no rust-docs\n",
        );
    } else {
        return Err(
            "`rustup component add rust-docs` must bring the standard library's notices".into()
        );
    }

    // The pages are the same for all targets, and a program of a different one may not run here.
    let texts = release.work.join("texts");
    if target.native {
        let print = |arguments: &[&str]| program(release, binary).with(arguments).output();
        for (shell, path) in COMPLETIONS {
            write(&texts.join(path), print(&["completions", shell])?)?;
        }
        pages(&print, &texts.join("share/man/man1"), &[])?;
    }
    if !texts.exists() {
        return Err(format!("`{}` must follow a target of this machine", target.triple));
    }
    let copied = release.task("cp").with(["-a", "--"]).with([texts.join("share")]).with([&staged]);
    copied.output()?;
    Ok(staged)
}

/// Runs the program without anything that could change what it prints.
fn program(release: &Release, binary: &Path) -> Task {
    release.task(&binary.to_string_lossy()).set("NO_COLOR", "1").set("COLUMNS", "100")
}

/// Writes the manual page of a command and those of the commands below it, which it lists.
fn pages(
    print: &impl Fn(&[&str]) -> Result<String, Failure>,
    folder: &Path,
    command: &[&str],
) -> Result<(), Failure> {
    let page = print(&[&["man"], command].concat())?;
    let name = [&["trailproof"], command].concat().join("-");
    let start = format!("{}\\-", name.replace('-', "\\-"));
    for line in page.lines() {
        let listed = line.strip_prefix(&start).and_then(|rest| rest.strip_suffix("(1)"));
        if let Some(below) = listed {
            let below = below.replace('\\', "");
            pages(print, folder, &[command, &[&below]].concat())?;
        }
    }
    write(&folder.join(format!("{name}.1")), page)
}

/// Gives everything below a folder the time of the release.
///
/// # Errors
///
/// The folder cannot be read.
pub(crate) fn set_times(release: &Release, folder: &Path) -> Result<(), Failure> {
    let at = format!("--date=@{}", release.epoch);
    let touch = ["-exec", "touch", "--no-dereference", &at, "--", "{}", "+"];
    release.task("find").with([folder]).with(touch).output()?;
    Ok(())
}

/// Lists the files below a folder, in order, each with its path from there.
///
/// # Errors
///
/// A folder cannot be read.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(next) = open.pop() {
        for entry in about(&next, fs::read_dir(&next))? {
            let path = about(&next, entry)?.path();
            if path.is_dir() {
                open.push(path);
            } else if let Ok(below) = path.strip_prefix(folder) {
                found.push(below.to_path_buf());
            }
        }
    }
    found.sort();
    Ok(found)
}
