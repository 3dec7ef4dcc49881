//! `cargo xtask release`: everything that people install, from one clone.
//!
//! The same binary is in every package, and nothing in a package depends on when, where or by whom it was
//! made: owners, times and orders are fixed, and [`run::Task`] runs every program with
//! `SOURCE_DATE_EPOCH`. Nothing is published.
//!
//! Which programs make the packages, and why:
//!
//! - `cargo-auditable` records the dependencies in the binary, where scanners look for them.
//! - `cargo-zigbuild` and `zig` build for musl. Debian has a C compiler for musl on one architecture only;
//!   zig has it for all, in a wheel, so that the C code is compiled by a pinned compiler too.
//! - `dpkg-deb`, `rpmbuild` and `umoci` are the formats' own programs, and Debian packages.
//!   `cargo-deb` and `cargo-generate-rpm` would add hundreds of crates to write ten lines of text each.
//! - `maturin` makes the wheel, and comes as a wheel.
//! - The bill of materials and the notices are [`dependencies`]: they hold what cargo prints, in the
//!   order that a release needs. `cargo-cyclonedx` and `cargo-about` take minutes to build and know
//!   neither the C library nor the C code inside crates.
mod build;
mod dependencies;
mod image;
mod packages;
mod plan;
mod run;
mod stage;
pub(crate) use plan::release;
