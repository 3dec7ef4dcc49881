//! The container image: the program, its documents and the certificates of this machine, and nothing
//! that could be run beside it. It is made without a daemon and without a registry.
use super::build::Target;
use super::plan::Release;
use super::run::{Failure, about, copy, write};
use super::stage::set_times;
use std::fs;
use std::path::Path;

/// The user of the image. It owns nothing.
const USER: &str = "65532:65532";

/// Where Debian keeps the certificates that the program trusts.
const CERTIFICATES: &str = "etc/ssl/certs/ca-certificates.crt";

/// Makes the image, as an archive that `podman load`, `docker load` and `skopeo` read.
///
/// # Errors
///
/// `umoci` or `tar` fails, or this machine has no certificates.
pub(crate) fn image(release: &Release, target: &Target, staged: &Path) -> Result<(), Failure> {
    let folder = release.work.join(&target.triple).join("image");
    let root = folder.join("root");
    let (program, documents) = ("usr/bin/trailproof", "usr/share/doc/trailproof");
    let above = staged.parent().ok_or("the staged files are in no folder")?;
    copy(&above.join(program), &root.join(program), 0o755)?;
    copy(&Path::new("/").join(CERTIFICATES), &root.join(CERTIFICATES), 0o644)?;
    let user = format!("trailproof:x:{USER}::/work:/nonexistent\n");
    write(&root.join("etc/passwd"), user)?;
    let at = root.join("usr/share/doc");
    about(&at, fs::create_dir_all(&at))?;
    let from = above.join(documents);
    release.task("cp").with(["-a", "--"]).with([&from, &at]).output()?;
    // Whoever runs the image writes there, where it is not mounted read-only: outputs, and temporary
    // files.
    for name in ["work", "tmp"] {
        let writable = root.join(name);
        about(&writable, fs::create_dir(&writable))?;
        release.task("chmod").with(["1777"]).with([&writable]).output()?;
    }
    set_times(release, &root)?;

    let time = ["-u", "+%Y-%m-%dT%H:%M:%SZ", "-d", &format!("@{}", release.epoch)];
    let time = release.task("date").with(time).output()?;
    let time = time.trim_end();
    let layout = folder.join("layout");
    let named = format!("{}:{}", layout.display(), release.version);
    let umoci = |command: &str, arguments: &[&str]| {
        let task = release.task("umoci").with([command, "--image", &named]);
        task.with(arguments).output().map(drop)
    };
    release.task("umoci").with(["init", "--layout"]).with([&layout]).output()?;
    umoci("new", &[])?;
    let history = ["--history.created", time, "--history.created_by", "cargo xtask release"];
    // With `--rootless`, root owns the files, whoever makes the release.
    for path in ["etc", "tmp", "usr", "work"] {
        let (from, to) = (root.join(path), format!("/{path}"));
        let paths = ["--rootless", &from.to_string_lossy(), &to];
        umoci("insert", &[&history[..], &paths].concat())?;
    }
    let labels = [
        ("title", "trailproof"),
        ("version", &release.version),
        ("licenses", "MIT OR Apache-2.0"),
        ("created", time),
    ]
    .map(|(name, value)| format!("--config.label=org.opencontainers.image.{name}={value}"));
    let user = format!("--config.user={USER}");
    let settings = [
        "--os=linux",
        &user,
        "--config.entrypoint=/usr/bin/trailproof",
        "--config.workingdir=/work",
    ];
    let described = ["--architecture", target.debian, "--created", time];
    let labels = labels.each_ref().map(String::as_str);
    umoci("config", &[&settings[..], &history, &described, &labels].concat())?;
    // The layouts of the steps before are no longer named.
    release.task("umoci").with(["gc", "--layout"]).with([&layout]).output()?;

    let name = format!("trailproof-{}-{}.oci.tar", release.version, target.debian);
    let tar = release.task("tar").with(["--create", "--format=gnu", "--sort=name"]);
    let tar = tar.with(["--owner=0", "--group=0", "--numeric-owner", "--mode=go=rX,u+rw,a-s"]);
    tar.with([format!("--mtime=@{}", release.epoch)])
        .with(["--file".as_ref(), release.out.join(name).as_os_str()])
        .with(["--directory".as_ref(), layout.as_os_str(), ".".as_ref()])
        .output()
        .map(drop)
}
