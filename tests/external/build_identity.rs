//! What a release build states of itself, by the script that finds it out: `crates/trailproof-core/build.rs`,
//! compiled with rustc and run in a repository of git as cargo runs it.
use crate::support::program::empty_folder;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A workspace with one commit, and the compiled script.
struct Workspace {
    top: PathBuf,
    script: PathBuf,
}

fn git(top: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=x", "-c", "user.email=x@example.com"])
        .args(arguments)
        .current_dir(top)
        .env("GIT_COMMITTER_DATE", "2026-03-01T00:04:11Z")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

impl Workspace {
    fn new(name: &str) -> Self {
        let folder = empty_folder(&format!("build-identity-{name}"));
        let script = folder.join("script");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/trailproof-core/build.rs");
        let mut rustc = Command::new("rustc");
        rustc.args(["--edition", "2024", source, "-o"]).arg(&script);
        assert!(rustc.status().unwrap().success());
        let top = folder.join("top");
        fs::create_dir_all(top.join("crates/trailproof-core")).unwrap();
        fs::write(top.join("Cargo.toml"), "").unwrap();
        git(&top, &["init", "--quiet"]);
        git(&top, &["add", "."]);
        git(&top, &["commit", "--quiet", "--message", "x"]);
        Self { top, script }
    }

    /// Returns the variables that the script sets, without their common beginning.
    fn run(&self, top: &Path, variables: &[(&str, &str)]) -> BTreeMap<String, String> {
        let output = Command::new(&self.script)
            .env_remove("TRAILPROOF_BUILD")
            .env_remove("SOURCE_DATE_EPOCH")
            .env("CARGO_MANIFEST_DIR", top.join("crates/trailproof-core"))
            .envs([("RUSTC", "rustc"), ("TARGET", "x86_64-unknown-linux-gnu")])
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let printed = String::from_utf8(output.stdout).unwrap();
        let set =
            printed.lines().filter_map(|line| line.strip_prefix("cargo::rustc-env=TRAILPROOF_"));
        set.map(|line| {
            let (name, value) = line.split_once('=').unwrap();
            (name.to_owned(), value.to_owned())
        })
        .collect()
    }
}

const RELEASE: [(&str, &str); 1] = [("PROFILE", "release")];

#[test]
fn a_release_build_states_its_commit_and_whether_the_sources_are_those_of_it() {
    let workspace = Workspace::new("clean");
    let top = &workspace.top;
    let found = workspace.run(top, &RELEASE);
    assert_eq!(found["BUILD"], git(top, &["rev-parse", "HEAD"]));
    // 2026-03-01T00:04:11Z
    assert_eq!(found["BUILD_COMMITTED"], "1772323451");
    assert_eq!(found["BUILD_TREE"], "clean");
    assert_eq!(found["BUILD_TARGET"], "x86_64-unknown-linux-gnu");
    assert!(found["BUILD_RUSTC"].starts_with("1."), "{found:?}");
    assert_eq!(workspace.run(top, &RELEASE), found, "two builds differ");
    fs::write(top.join("new.rs"), "").unwrap();
    assert_eq!(workspace.run(top, &RELEASE)["BUILD_TREE"], "modified");
    fs::remove_file(top.join("new.rs")).unwrap();
    fs::write(top.join("Cargo.toml"), "x").unwrap();
    assert_eq!(workspace.run(top, &RELEASE)["BUILD_TREE"], "modified");
    // A build for tests states nothing, so that it is not built anew after a commit.
    assert_eq!(workspace.run(top, &[("PROFILE", "debug")]), BTreeMap::new());
}

#[test]
fn an_archive_states_what_its_builder_states() {
    let workspace = Workspace::new("archive");
    // An archive of the sources, within a repository of somebody else.
    let inside = workspace.top.join("archive");
    fs::create_dir_all(inside.join("crates/trailproof-core")).unwrap();
    assert_eq!(workspace.run(&inside, &RELEASE), BTreeMap::new());
    let stated =
        [("PROFILE", "release"), ("TRAILPROOF_BUILD", "v1\nx"), ("SOURCE_DATE_EPOCH", "7")];
    let found = workspace.run(&inside, &stated);
    assert_eq!((&*found["BUILD"], &*found["BUILD_TREE"]), ("v1x", "stated"));
    assert_eq!(found["BUILD_COMMITTED"], "7");
    let found =
        workspace.run(&inside, &[("TRAILPROOF_BUILD", "v1"), ("SOURCE_DATE_EPOCH", "soon")]);
    assert!(!found.contains_key("BUILD_COMMITTED"), "{found:?}");
}
