//! The binary of a target.
use super::plan::Release;
use super::run::{Failure, Task, about, write};
use std::path::{Path, PathBuf};

/// A target of the compiler, and the names that packages have for it.
pub(crate) struct Target {
    /// The name that Rust has for it.
    pub(crate) triple: String,
    /// The name of the processor in Debian packages and container images.
    pub(crate) debian: &'static str,
    /// The name of the processor in RPM packages, wheels and the formula.
    pub(crate) processor: &'static str,
    /// Whether this machine runs its programs.
    pub(crate) native: bool,
}

impl Target {
    /// Finds a target, and installs its standard library if it is missing.
    ///
    /// # Errors
    ///
    /// The target is unknown, or its standard library is neither installed nor can be.
    pub(crate) fn find(release: &Release, triple: &str) -> Result<Self, Failure> {
        let (debian, processor) = match triple.split_once('-') {
            Some(("x86_64", "unknown-linux-musl" | "unknown-linux-gnu")) => ("amd64", "x86_64"),
            Some(("aarch64", "unknown-linux-musl" | "unknown-linux-gnu")) => ("arm64", "aarch64"),
            _ => return Err(format!("`{triple}`: nothing is packaged for this target")),
        };
        let sysroot = release.task("rustc").with(["--print", "sysroot"]).output()?;
        let library = Path::new(sysroot.trim_end()).join("lib/rustlib").join(triple).join("lib");
        if !library.exists() {
            let added = release.task("rustup").with(["target", "add", triple]).output();
            added.map_err(|failure| format!("`{triple}`: no standard library: {failure}"))?;
        }
        let native = std::env::consts::ARCH == processor;
        Ok(Self { triple: triple.to_owned(), debian, processor, native })
    }

    /// Returns whether the C library of this target is musl.
    pub(crate) fn is_musl(&self) -> bool {
        self.triple.ends_with("-musl")
    }
}

/// Adds what makes a build independent of the folders it runs in, and static.
fn settings(release: &Release, target: &Target, task: Task) -> Result<Task, Failure> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        .ok_or("neither `CARGO_HOME` nor `HOME` is set")?;
    // The last that matches wins: `target/` is usually below the top.
    let maps = [(&release.top, "/trailproof"), (&home, "/cargo"), (&release.target, "/target")]
        .map(|(from, to)| format!("{}={to}", from.display()));
    let mut rust: Vec<String> =
        maps.iter().map(|map| format!("--remap-path-prefix={map}")).collect();
    if !target.is_musl() {
        rust.push("-Ctarget-feature=+crt-static".to_owned());
    }
    let c: Vec<String> = maps.iter().map(|map| format!("-ffile-prefix-map={map}")).collect();
    // The unit separator, so that a folder may have a space in its name.
    Ok(task
        .set("CARGO_ENCODED_RUSTFLAGS", rust.join("\u{1f}"))
        .set("CFLAGS", c.join(" "))
        .set("CARGO_INCREMENTAL", "0")
        .set("CARGO_TARGET_DIR", &release.target)
        .set("CARGO_ZIGBUILD_CACHE_DIR", release.target.join("zig")))
}

/// Builds the program and returns its path.
///
/// # Errors
///
/// The build fails, or the binary is not there.
pub(crate) fn build(release: &Release, target: &Target) -> Result<PathBuf, Failure> {
    let subcommand = if target.is_musl() { "zigbuild" } else { "build" };
    let task = settings(release, target, release.task("cargo"))?
        .with(["auditable", subcommand, "--locked", "--package", "trailproof", "--bin"])
        .with(["trailproof", "--profile", &release.profile, "--target", &target.triple]);
    task.output()?;
    // Cargo's oldest profile has a folder with a different name.
    let folder = if release.profile == "dev" { "debug" } else { &release.profile };
    let built = release.target.join(&target.triple).join(folder).join("trailproof");
    about(&built, built.metadata())?;
    Ok(built)
}

/// Builds a wheel with maturin, from the crates that [`build`] has built, into this folder.
///
/// # Errors
///
/// The build fails.
pub(crate) fn build_wheel(
    release: &Release,
    target: &Target,
    bill: &Path,
    out: &Path,
) -> Result<(), Failure> {
    // maturin calls `cargo` by this name, and knows nothing of cargo-auditable.
    let cargo = release.work.join("cargo-auditable/cargo");
    write(&cargo, "#!/bin/sh\nexec cargo auditable \"$@\"\n")?;
    let made = release.task("chmod").with(["+x".as_ref(), cargo.as_os_str()]);
    made.output()?;
    let mut task = settings(release, target, release.task("maturin"))?
        .set("CARGO", &cargo)
        .with(["build", "--locked", "--quiet", "--profile", &release.profile, "--target"])
        .with([&target.triple])
        .with(["--sbom-include".as_ref(), bill.as_os_str(), "--out".as_ref(), out.as_os_str()]);
    task = if target.is_musl() {
        // A static binary runs beside any C library: pip must take the wheel on both kinds of Linux.
        task.with(["--zig", "--auditwheel", "skip", "--compatibility", "manylinux_2_17"])
            .with(["--compatibility", "musllinux_1_2"])
    } else {
        task.with(["--auditwheel", "skip", "--compatibility", "linux"])
    };
    task.output().map(drop)
}
