//! The packages of a target: archive, Debian, RPM, wheel, and the Homebrew formula that downloads archives.
use super::build::{Target, build_wheel};
use super::plan::Release;
use super::run::{Failure, about, copy, write};
use super::stage::{files_below, set_times};
use std::fs;
use std::path::{Path, PathBuf};

const SUMMARY: &str = "verifies AWS CloudTrail log files, digests and signatures";
const DESCRIPTION: &str = "\
trailproof says what an AWS CloudTrail bucket proves: it verifies digest chains, signatures and log
files, and names every hour that they do not cover.";

/// Makes the archive, which can be unpacked over `/usr/local`, and returns its name.
///
/// # Errors
///
/// `tar` or `gzip` fails.
pub(crate) fn archive(
    release: &Release,
    target: &Target,
    staged: &Path,
) -> Result<String, Failure> {
    let name = format!("trailproof-{}-{}", release.version, target.triple);
    let packed = release.out.join(format!("{name}.tar"));
    let tar = release.task("tar").with(["--create", "--format=gnu", "--sort=name"]);
    let tar = tar.with(["--owner=0", "--group=0", "--numeric-owner", "--mode=go=rX,u+rw,a-s"]);
    let tar =
        tar.with([format!("--mtime=@{}", release.epoch), format!("--transform=s,^usr,{name},")]);
    let folder = staged.parent().ok_or("the staged files are in no folder")?;
    tar.with(["--file".as_ref(), packed.as_os_str()])
        .with(["--directory".as_ref(), folder.as_os_str(), "usr".as_ref()])
        .output()?;
    release
        .task("gzip")
        .with([release.effort("-9", "-1"), "--no-name"])
        .with([&packed])
        .output()?;
    Ok(format!("{name}.tar.gz"))
}

/// Returns the version as Debian and RPM sort it: a candidate comes before the release.
fn sortable(release: &Release) -> String {
    release.version.replace('-', "~")
}

/// Returns who made the commit of the release.
fn maintainer(release: &Release) -> Result<String, Failure> {
    let name = release.task("git").with(["log", "-1", "--format=%an <%ae>"]).output()?;
    Ok(name.trim_end().to_owned())
}

/// Copies the staged files as a distribution has them: manual pages are compressed.
fn distributed(release: &Release, staged: &Path, root: &Path) -> Result<(), Failure> {
    about(root, fs::create_dir_all(root))?;
    release.task("cp").with(["-a", "--"]).with([staged, root]).output()?;
    let pages = root.join("usr/share/man/man1");
    let gzip = release.task_in("gzip", &pages).with(["-9", "--no-name", "--"]);
    gzip.with(files_below(&pages)?).output().map(drop)
}

/// Makes the Debian package.
///
/// # Errors
///
/// `dpkg-deb` fails, or a file cannot be written.
pub(crate) fn debian(release: &Release, target: &Target, staged: &Path) -> Result<(), Failure> {
    let root = release.work.join(&target.triple).join("debian");
    distributed(release, staged, &root)?;
    let documents = root.join("usr/share/doc/trailproof");
    // Debian reads this name.
    let licence = fs::read_to_string(release.top.join("LICENSE-MIT"));
    let licence = about(&release.top.join("LICENSE-MIT"), licence)?;
    let alternative = "trailproof may be used under the Apache License, Version 2.0 \
        (/usr/share/common-licenses/Apache-2.0), or under the following terms.";
    write(&documents.join("copyright"), format!("{alternative}\n\n{licence}"))?;
    let files = files_below(&root)?;
    let sums = release.task_in("md5sum", &root).with(["--"]).with(&files).output()?;
    write(&root.join("DEBIAN/md5sums"), sums)?;
    let control = format!(
        "Package: trailproof\nVersion: {}\nArchitecture: {}\nMaintainer: {}\nSection: utils\n\
         Priority: optional\nRecommends: ca-certificates\nDescription: {SUMMARY}\n {}\n",
        sortable(release),
        target.debian,
        maintainer(release)?,
        DESCRIPTION.replace('\n', "\n "),
    );
    write(&root.join("DEBIAN/control"), control)?;
    set_times(release, &root)?;
    let name = format!("trailproof_{}_{}.deb", sortable(release), target.debian);
    let build = release.task("dpkg-deb").with(["--root-owner-group", "-Zxz"]);
    let build = build.with([release.effort("-z9", "-z0"), "--build"]);
    build.with([&root, &release.out.join(name)]).output().map(drop)
}

/// Makes the RPM package.
///
/// # Errors
///
/// `rpmbuild` fails, or a file cannot be written.
pub(crate) fn rpm(release: &Release, target: &Target, staged: &Path) -> Result<(), Failure> {
    let folder = release.work.join(&target.triple).join("rpm");
    let root = folder.join("root");
    distributed(release, staged, &root)?;
    set_times(release, &root)?;
    let files: Vec<String> =
        files_below(&root)?.iter().map(|path| format!("/{}", path.display())).collect();
    let spec = format!(
        "Name: trailproof\nVersion: {}\nRelease: 1\nSummary: {SUMMARY}\nLicense: MIT OR Apache-2.0\n\
         Packager: {}\nAutoReqProv: no\n\n%description\n{DESCRIPTION}\n\n\
         %install\ncp -a {}/. %{{buildroot}}/\n\n%files\n%defattr(-,root,root)\n{}\n",
        sortable(release),
        maintainer(release)?,
        root.display(),
        files.join("\n"),
    );
    let path = folder.join("trailproof.spec");
    write(&path, spec)?;
    let define = |value: String| ["--define".to_owned(), value];
    let mut build = release.task("rpmbuild").with(["-bb", "--quiet", "--target", target.processor]);
    for value in [
        format!("_topdir {}", folder.display()),
        format!("_rpmdir {}", folder.display()),
        "_rpmfilename package.rpm".to_owned(),
        "_buildhost localhost".to_owned(),
        "use_source_date_epoch_as_buildtime 1".to_owned(),
        "clamp_mtime_to_source_date_epoch 1".to_owned(),
        format!("_binary_payload {}.xzdio", release.effort("w9", "w0")),
        "_build_id_links none".to_owned(),
        // The files stay as they are: not stripped, not compressed again.
        "__os_install_post %{nil}".to_owned(),
        "debug_package %{nil}".to_owned(),
    ] {
        build = build.with(define(value));
    }
    build.with([&path]).output()?;
    let name = format!("trailproof-{}-1.{}.rpm", sortable(release), target.processor);
    copy(&folder.join("package.rpm"), &release.out.join(name), 0o644)
}

/// Makes the wheel.
///
/// # Errors
///
/// maturin fails, or the wheel has a different binary than the other packages.
pub(crate) fn wheel(
    release: &Release,
    target: &Target,
    binary: &Path,
    bill: &Path,
) -> Result<(), Failure> {
    let folder = release.work.join(&target.triple).join("wheel");
    build_wheel(release, target, bill, &folder)?;
    let made: Vec<PathBuf> = files_below(&folder)?;
    let [name] = made.as_slice() else {
        return Err(format!("maturin made {} files instead of one wheel", made.len()));
    };
    let unpacked = release.work.join(&target.triple).join("wheel-unpacked");
    let unpack = release.task("python3").with(["-m", "zipfile", "-e"]);
    unpack.with([&folder.join(name), &unpacked]).output()?;
    let program = files_below(&unpacked)?
        .into_iter()
        .find(|path| path.ends_with("scripts/trailproof"))
        .ok_or("the wheel has no program")?;
    let packed = about(&unpacked, fs::read(unpacked.join(program)))?;
    if packed != about(binary, fs::read(binary))? {
        return Err("the wheel has a different binary than the other packages".to_owned());
    }
    copy(&folder.join(name), &release.out.join(name), 0o644)
}

/// Writes the Homebrew formula of these archives.
///
/// # Errors
///
/// An archive cannot be read, or the formula cannot be written.
pub(crate) fn formula(
    release: &Release,
    from: &str,
    archives: &[(&Target, String)],
) -> Result<(), Failure> {
    let mut places = String::new();
    for (target, name) in archives {
        let sum = release.task("sha256sum").with([release.out.join(name)]).output()?;
        let sum = sum.split(' ').next().unwrap_or_default();
        let processor = if target.processor == "x86_64" { "intel" } else { "arm" };
        places += &format!(
            "\n  on_{processor} do\n    url \"{from}/{name}\"\n    sha256 \"{sum}\"\n  end\n"
        );
    }
    let formula = format!(
        r##"class Trailproof < Formula
  desc "Says what an AWS CloudTrail bucket proves"
  version "{}"
  license any_of: ["MIT", "Apache-2.0"]

  depends_on :linux
{places}
  def install
    bin.install "bin/trailproof"
    man1.install Dir["share/man/man1/*.1"]
    bash_completion.install "share/bash-completion/completions/trailproof"
    fish_completion.install "share/fish/vendor_completions.d/trailproof.fish"
    zsh_completion.install "share/zsh/vendor-completions/_trailproof"
    doc.install Dir["share/doc/trailproof/*"]
  end

  test do
    assert_match version.to_s, shell_output("#{{bin}}/trailproof --version")
  end
end
"##,
        release.version
    );
    write(&release.out.join("trailproof.rb"), formula)
}
