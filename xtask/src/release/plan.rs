//! What a release is made of, and the order of its steps.
use super::build::{Target, build};
use super::dependencies::{bill_of_materials, notices};
use super::run::{Failure, Task, about, write};
use super::{image, packages, stage};
use crate::say;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The targets of a release. They are static: musl is part of the binary.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"];

const USAGE: &str = "\
usage: cargo xtask release [--dry-run] [OPTION]...

Makes everything that people install in `target/release-artifacts/`, and publishes nothing.

  --dry-run              accept a tree with changes, a commit without its tag, and a target whose
                         standard library cannot be installed: it is left out
  --profile PROFILE      build with this profile instead of `release`
  --target TRIPLE        build for this target; repeatable [default: x86-64 and 64-bit ARM, with musl]
  --download-from URL    the folder that the Homebrew formula downloads the archives from
";

/// A release of one commit.
pub(crate) struct Release {
    /// The top of the clone.
    pub(crate) top: PathBuf,
    /// The folder of cargo's outputs.
    pub(crate) target: PathBuf,
    /// The folder that gets the packages.
    pub(crate) out: PathBuf,
    /// The folder for everything else; it can be removed.
    pub(crate) work: PathBuf,
    pub(crate) version: String,
    /// Whether a package may lack what this machine does not have.
    pub(crate) dry_run: bool,
    /// The time of the commit, in seconds since 1970: every file of the release has it.
    pub(crate) epoch: String,
    pub(crate) profile: String,
    /// The URL of the folder with the archives, without a slash at its end.
    pub(crate) download_from: Option<String>,
}

impl Release {
    /// Prepares a program that runs at the top of the clone.
    pub(crate) fn task(&self, program: &str) -> Task {
        self.task_in(program, &self.top)
    }

    /// Returns the first word for what people download, and the second for what is only tried: it is
    /// large, and soon thrown away.
    pub(crate) fn effort<'w>(&self, best: &'w str, fastest: &'w str) -> &'w str {
        if self.profile == "release" { best } else { fastest }
    }

    /// Prepares a program that runs in a folder.
    pub(crate) fn task_in(&self, program: &str, folder: &Path) -> Task {
        Task::new(program, folder, &self.epoch)
    }
}

struct Options {
    dry_run: bool,
    profile: String,
    targets: Vec<String>,
    download_from: Option<String>,
}

fn options(mut arguments: impl Iterator<Item = String>) -> Option<Options> {
    let mut found = Options {
        dry_run: false,
        profile: "release".to_owned(),
        targets: Vec::new(),
        download_from: None,
    };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--dry-run" => found.dry_run = true,
            "--profile" => found.profile = arguments.next()?,
            "--target" => found.targets.push(arguments.next()?),
            "--download-from" => {
                found.download_from = Some(arguments.next()?.trim_end_matches('/').to_owned());
            }
            _ => return None,
        }
    }
    if found.targets.is_empty() {
        found.targets = TARGETS.map(str::to_owned).to_vec();
    }
    Some(found)
}

/// Makes a release, as the arguments ask.
pub(crate) fn release(arguments: impl Iterator<Item = String>) -> ExitCode {
    let Some(options) = options(arguments) else {
        say(USAGE);
        return ExitCode::from(2);
    };
    match make(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&format!("error: {failure}\n"));
            ExitCode::FAILURE
        }
    }
}

fn make(options: Options) -> Result<(), Failure> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let top = about(&top, top.canonicalize())?;
    // Before the commit is known there is no other time.
    let git = |arguments: &[&str]| {
        let printed = Task::new("git", &top, "0").with(arguments).output()?;
        Ok::<_, Failure>(printed.trim_end().to_owned())
    };
    let epoch = git(&["log", "-1", "--format=%ct"])?;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let mut doubts = Vec::new();
    if !git(&["status", "--porcelain"])?.is_empty() {
        doubts.push("the tree has changes that are not committed".to_owned());
    }
    let tag = format!("v{version}");
    if !git(&["tag", "--points-at", "HEAD"])?.lines().any(|name| name == tag) {
        doubts.push(format!("the commit does not have the tag `{tag}`"));
    }
    if options.download_from.is_none() {
        doubts.push("no formula is made without `--download-from`".to_owned());
    }
    if !options.dry_run
        && let Some(doubt) = doubts.first()
    {
        return Err(doubt.clone());
    }
    for doubt in &doubts {
        say(&format!("note: {doubt}\n"));
    }

    // All outputs of cargo are below one folder, wherever that is.
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| top.join("target"), PathBuf::from);
    let release = Release {
        out: target.join("release-artifacts"),
        work: target.join("release-work"),
        target,
        top,
        version,
        dry_run: options.dry_run,
        epoch,
        profile: options.profile,
        download_from: options.download_from,
    };
    for folder in [&release.out, &release.work] {
        if folder.exists() {
            about(folder, fs::remove_dir_all(folder))?;
        }
        about(folder, fs::create_dir_all(folder))?;
    }
    let mut targets = Vec::new();
    for triple in &options.targets {
        match Target::find(&release, triple) {
            Ok(target) => targets.push(target),
            Err(failure) if options.dry_run => say(&format!("note: left out: {failure}\n")),
            Err(failure) => return Err(failure),
        }
    }
    // A program that runs here prints the manual pages of all.
    targets.sort_by_key(|target| !target.native);
    if targets.is_empty() {
        return Err("no target can be built".to_owned());
    }

    let mut archives = Vec::new();
    for target in &targets {
        say(&format!("note: building for {}\n", target.triple));
        let binary = build(&release, target)?;
        let notices = notices(&release, target)?;
        let bill = bill_of_materials(&release, target, &binary)?;
        let staged = stage::stage(&release, target, &binary, &notices)?;
        archives.push((target, packages::archive(&release, target, &staged)?));
        packages::debian(&release, target, &staged)?;
        packages::rpm(&release, target, &staged)?;
        packages::wheel(&release, target, &binary, &bill)?;
        image::image(&release, target, &staged)?;
    }
    if let Some(from) = &release.download_from {
        packages::formula(&release, from, &archives)?;
    }
    sums(&release)
}

/// Writes `SHA256SUMS`, which names every file beside it.
fn sums(release: &Release) -> Result<(), Failure> {
    let listed = about(&release.out, fs::read_dir(&release.out))?;
    let mut names = Vec::new();
    for entry in listed {
        let entry = about(&release.out, entry)?;
        names.push(entry.file_name());
    }
    names.sort();
    let sums = release.task_in("sha256sum", &release.out).with(["--"]).with(&names).output()?;
    write(&release.out.join("SHA256SUMS"), &sums)?;
    say(&format!("{sums}note: these files are in {}\n", release.out.display()));
    Ok(())
}
