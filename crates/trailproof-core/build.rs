//! States what this build was made from, for `--version`, records and attestations.
//!
//! Only a release build asks git. The demo and the tests are built again and again, and would be built
//! anew after every commit. Whoever builds without git states the commit in `TRAILPROOF_BUILD`, and its
//! time in `SOURCE_DATE_EPOCH`, in any build.
//!
//! It is not a crate of others: those that do this (`vergen-gix`, `shadow-rs`, `built`) bring a git
//! implementation or the time of the build, and four lines of output need two commands of git.
use std::path::Path;
use std::process::Command;

/// Folders and files that a build is made from, relative to the workspace.
const SOURCES: [&str; 5] = ["Cargo.lock", "Cargo.toml", "crates", "src", "rust-toolchain.toml"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=TRAILPROOF_BUILD");
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    let stated = variable("TRAILPROOF_BUILD");
    let identity = match stated {
        Some(commit) => Some((commit, variable("SOURCE_DATE_EPOCH"), "stated")),
        None if variable("PROFILE").is_some_and(|profile| profile == "release") => of_git(),
        None => None,
    };
    let Some((commit, committed, tree)) = identity else { return };
    set("TRAILPROOF_BUILD", &commit);
    if let Some(committed) = committed.filter(|text| text.parse::<i64>().is_ok()) {
        set("TRAILPROOF_BUILD_COMMITTED", &committed);
    }
    set("TRAILPROOF_BUILD_TREE", tree);
    set("TRAILPROOF_BUILD_TARGET", &variable("TARGET").unwrap_or_default());
    set("TRAILPROOF_BUILD_RUSTC", &rustc().unwrap_or_default());
}

/// Returns the commit, its time in seconds since the Unix epoch, and whether the sources differ from it.
/// `None` if the sources are not a clone: those of an archive that lies in somebody's repository are not.
fn of_git() -> Option<(String, Option<String>, &'static str)> {
    let workspace =
        Path::new(&variable("CARGO_MANIFEST_DIR")?).join("../..").canonicalize().ok()?;
    let git =
        |arguments: &[&str]| output(Command::new("git").args(arguments).current_dir(&workspace));
    let top = git(&["rev-parse", "--show-toplevel"])?;
    if Path::new(&top).canonicalize().ok()? != workspace {
        return None;
    }
    // The log changes with each commit and each change of branch, the index with what is staged.
    for name in ["HEAD", "index", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", name])?;
        watch(&workspace.join(path));
    }
    for name in SOURCES {
        watch(&workspace.join(name));
    }
    let commit = git(&["rev-parse", "HEAD"])?;
    let committed = git(&["log", "-1", "--format=%ct"]);
    let tree = match git(&["status", "--porcelain"])?.as_str() {
        "" => "clean",
        _ => "modified",
    };
    Some((commit, committed, tree))
}

/// Returns the version of the compiler, such as `1.94.1`.
fn rustc() -> Option<String> {
    let printed = output(Command::new(variable("RUSTC")?).arg("--version"))?;
    printed.split(' ').nth(1).map(str::to_owned)
}

/// Runs a command, and returns what it prints if it succeeds.
fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim_end().to_owned())
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn watch(path: &Path) {
    if path.exists() {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

fn set(name: &str, value: &str) {
    // A line break would be read as a further instruction.
    let value: String = value.chars().filter(|c| !c.is_control()).collect();
    println!("cargo::rustc-env={name}={value}");
}
