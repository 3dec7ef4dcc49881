//! Which module may use which. The table is the architecture. Within one crate the compiler cannot
//! enforce it; between crates it enforces it only until someone adds a dependency.
use crate::support::module_graph::circles;
use std::fs;
use std::path::{Path, PathBuf};

/// A top-level module of the root package and the modules that it may name. Every module may name
/// `trailproof-core`.
const MAY_USE: &[(&str, &[&str])] = &[
    ("aws", &[]),
    ("source", &["aws"]),
    ("trust", &["aws"]),
    ("locate", &["source", "trust"]),
    ("verify", &["locate", "source", "trust"]),
    ("compat", &["locate", "source", "trust", "verify"]),
    ("report", &[]),
    ("attest", &["aws"]),
    ("console", &[]),
    ("files", &["console"]),
    ("investigate", &["console", "files", "report", "source", "trust", "verify"]),
    ("lookup", &["console", "report", "verify"]),
    ("package", &["attest", "console", "files", "report"]),
    ("trail_config", &["aws", "console", "files", "report"]),
    ("session", &["aws", "console", "files", "locate", "report", "source", "trust", "verify"]),
    ("shard", &["console", "files", "locate", "report", "session", "source", "trust", "verify"]),
    ("watch", &["console", "files", "session", "verify"]),
    ("fuzzed", &["console", "package", "report", "shard", "trail_config"]),
    (
        "cli",
        &[
            "attest",
            "aws",
            "compat",
            "console",
            "files",
            "investigate",
            "locate",
            "lookup",
            "package",
            "report",
            "session",
            "shard",
            "source",
            "trail_config",
            "trust",
            "verify",
            "watch",
        ],
    ),
];

/// The dependencies of `trailproof-core`. No runtime, no client, no file system and no crate of the
/// AWS SDK: what it cannot name, it cannot do.
const CORE_IS_BUILT_WITH: &[&str] = &[
    "aws-lc-rs",
    "base64",
    "chrono",
    "crc-fast",
    "flate2",
    "hex",
    "md-5",
    "memchr",
    "percent-encoding",
    "serde",
    "serde_json",
    "sha2",
    "sirocco",
    "strum",
    "thiserror",
    "zstd",
];

/// The parts of the standard library that `trailproof-core` must not name: files, network, threads,
/// clock.
const NOT_FOR_CORE: &[&str] =
    &["std::env", "std::fs", "std::net", "std::process", "std::thread", "std::time", "async fn"];

/// The paths that may name crates of the AWS SDK. All other code reaches S3 and CloudTrail through
/// our traits.
const AWS_CRATES_IN: &[&str] =
    &["attest/kms", "aws/", "source/s3/", "trail_config/live/", "trust/cloudtrail"];

/// The implementations that `verify` must not name. It may use only the traits of those modules.
const NOT_FOR_VERIFY: &[&str] =
    &["source::directory", "source::mirror", "source::s3", "trust::bundle", "trust::cloudtrail"];

/// The folders that contain Rust files.
const FOLDERS: &[&str] = &["benches", "crates", "examples", "fuzz", "src", "tests", "xtask"];

/// The maximum number of lines in a file, without its tests.
const LONGEST: usize = 600;

/// Exceptions to the limit, such as `src/cli/args.rs`, each with its reason.
const LONGER: &[&str] = &[];

/// The source folders of crates in which files must not use each other in a circle.
const WITHOUT_CIRCLES: &[&str] =
    &["src", "crates/trailproof-core/src", "crates/trailproof-testkit/src"];

fn source_files(folder: &str) -> Vec<(String, String)> {
    fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    walk(&root, &mut found);
    found
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

/// Returns the part of a line that is code.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// Returns the paths within the crate that a text names, with their line numbers:
/// `crate::module::…` outside comments.
fn named(text: &str) -> Vec<(usize, String)> {
    let mut paths = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for part in code(line).split("crate::").skip(1) {
            let end = part.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
            paths.push((number + 1, part[..end.unwrap_or(part.len())].to_owned()));
        }
    }
    paths
}

fn room(name: &str) -> &str {
    name.split('/').next().unwrap().trim_end_matches(".rs")
}

/// Counts the lines of a file before its tests.
fn length(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines.iter().position(|line| *line == "mod tests {");
    let attributes = |tests: usize| {
        let above = lines[..tests].iter().rev();
        above.take_while(|line| line.starts_with("#[")).copied().collect::<Vec<_>>()
    };
    match tests.map(|tests| (tests, attributes(tests))) {
        Some((tests, above)) if above.contains(&"#[cfg(test)]") => tests - above.len(),
        _ => lines.len(),
    }
}

/// Lists files that are too long and not exceptions, and exceptions that are not too long.
fn wrong_lengths(files: &[(String, String)], longer: &[&str]) -> Vec<String> {
    let long = files.iter().filter(|(_, text)| length(text) > LONGEST);
    let long: Vec<&str> = long.map(|(name, _)| name.as_str()).collect();
    let unnamed = long.iter().filter(|name| !longer.contains(name));
    let stale = longer.iter().filter(|name| !long.contains(name));
    unnamed
        .map(|name| format!("{name}: longer than {LONGEST} lines without its tests"))
        .chain(stale.map(|name| format!("{name}: an exception that has at most {LONGEST} lines")))
        .collect()
}

fn breaches(files: &[(String, String)]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, text) in files {
        let room = room(name);
        if room == "lib" || room == "main" {
            continue;
        }
        let Some((_, allowed)) = MAY_USE.iter().find(|(known, _)| *known == room) else {
            wrong.push(format!("{name}: there is no rule for `{room}`"));
            continue;
        };
        for (line, path) in named(text) {
            let used = path.split("::").next().unwrap();
            if used != room && !allowed.contains(&used) {
                wrong.push(format!("{name}:{line}: `{room}` may not use `{used}`"));
            }
            if room == "verify" && NOT_FOR_VERIFY.iter().any(|inner| path.starts_with(inner)) {
                wrong.push(format!("{name}:{line}: `verify` knows `{used}` by its traits only"));
            }
        }
        for (number, line) in text.lines().enumerate() {
            let aws = code(line).contains("aws_sdk_")
                || code(line).contains("aws_config")
                || code(line).contains("aws_smithy");
            if aws && !AWS_CRATES_IN.iter().any(|place| name.starts_with(place)) {
                wrong.push(format!("{name}:{}: names a crate of AWS's SDK", number + 1));
            }
        }
        if name.ends_with("mod.rs") && text.lines().any(|line| code(line).contains("fn ")) {
            let is_trait = text.contains("pub trait ");
            if !is_trait {
                wrong.push(format!("{name}: a `mod.rs` holds no logic"));
            }
        }
    }
    wrong
}

#[test]
fn modules_use_only_what_the_table_allows() {
    let files = source_files("src");
    let wrong = breaches(&files);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(files.len() > 20, "no source files found");
}

/// Lists the names in the `[dependencies]` section of a manifest.
fn dependencies(manifest: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(manifest);
    let parsed: toml::Table = fs::read_to_string(path).unwrap().parse().unwrap();
    parsed["dependencies"].as_table().unwrap().keys().cloned().collect()
}

#[test]
fn core_and_testkit_stay_within_their_limits() {
    assert_eq!(dependencies("crates/trailproof-core/Cargo.toml"), CORE_IS_BUILT_WITH);
    let testkit = dependencies("crates/trailproof-testkit/Cargo.toml");
    let ours: Vec<_> = testkit.iter().filter(|name| name.starts_with("trailproof")).collect();
    assert!(ours.is_empty(), "the model depends on {ours:?}");
    assert!(!testkit.is_empty());
    let files = source_files("crates/trailproof-core/src");
    assert!(!files.is_empty());
    for (name, text) in &files {
        for (number, line) in text.lines().enumerate() {
            let word = NOT_FOR_CORE.iter().find(|word| code(line).contains(*word));
            assert_eq!(word, None, "{name}:{}: core must not do I/O or read a clock", number + 1);
        }
    }
}

#[test]
fn no_file_is_too_long() {
    let mut all = Vec::new();
    for folder in FOLDERS {
        let files = source_files(folder);
        assert!(!files.is_empty(), "no files found in `{folder}`");
        all.extend(files.into_iter().map(|(name, text)| (format!("{folder}/{name}"), text)));
    }
    let wrong = wrong_lengths(&all, LONGER);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn no_files_form_a_circle() {
    for folder in WITHOUT_CIRCLES {
        let mut files = source_files(folder);
        // The binary is a separate crate.
        files.retain(|(name, _)| name != "main.rs");
        assert!(!files.is_empty(), "no files found in `{folder}`");
        let wrong: Vec<String> = circles(&files).iter().map(|circle| circle.join(", ")).collect();
        assert!(wrong.is_empty(), "circles in `{folder}`:\n{}", wrong.join("\n"));
    }
}

#[test]
fn every_rule_detects_a_violation() {
    let file = |name: &str, text: &str| vec![(name.to_owned(), text.to_owned())];
    for (name, text) in [
        ("trust/x.rs", "use crate::verify::Narrator;"),
        ("report/x.rs", "let x = crate::source::Listed;"),
        ("verify/x.rs", "use crate::source::s3::S3Source;"),
        ("verify/x.rs", "use crate::trust::bundle::Bundle;"),
        ("verify/x.rs", "use aws_sdk_s3::Client;"),
        ("unknown/x.rs", ""),
        ("verify/mod.rs", "pub fn x() {}"),
    ] {
        assert_eq!(breaches(&file(name, text)).len(), 1, "{name}: {text:.40}");
    }
    assert!(breaches(&file("cli/x.rs", "use crate::verify::x; // aws_sdk_s3")).is_empty());
    for (text, wrong) in [
        ("\n".repeat(LONGEST), 0),
        ("\n".repeat(LONGEST + 1), 1),
        ("\n".repeat(LONGEST) + "#[cfg(test)]\nmod tests {\n    use super::*;\n}\n", 0),
        ("mod tests {\n".to_owned() + &"\n".repeat(LONGEST), 1),
    ] {
        assert_eq!(wrong_lengths(&file("src/x.rs", &text), &[]).len(), wrong);
        assert_eq!(wrong_lengths(&file("src/x.rs", &text), &["src/x.rs"]).len(), 1 - wrong);
    }
    assert_eq!(wrong_lengths(&[], &["src/gone.rs"]).len(), 1);
}

#[test]
fn every_circle_is_found() {
    let read = |files: &[(&str, &str)]| {
        let file = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        let files: Vec<(String, String)> = files.iter().map(file).collect();
        circles(&files).iter().map(|circle| circle.join(" ")).collect::<Vec<_>>()
    };
    for (one, other) in [
        ("use super::b::X;", "use super::a::Y;"),
        ("use super::{b::X, c};", "fn f() { crate::room::a::y() }"),
        ("use crate::room::{\n    b::{X, Z},\n};", "type Y = super::a::Y;"),
        ("use super::Export;", "use super::super::room::a;"),
        ("use super::Renamed;", "use crate::Far;"),
    ] {
        let files = [
            ("lib.rs", "mod room;\npub use room::Far;"),
            ("room/mod.rs", "mod a;\nmod b;\npub use b::{Export, X as Renamed};\npub use a::Far;"),
            ("room/a.rs", one),
            ("room/b.rs", other),
            ("room/c.rs", "use super::a::Y;"),
        ];
        let expected = if one.contains(", c}") {
            "room/a.rs room/b.rs room/c.rs"
        } else {
            "room/a.rs room/b.rs"
        };
        assert_eq!(read(&files), [expected], "{one}");
    }
    // Three files in two folders.
    let files = [
        ("a.rs", "use crate::b::X;"),
        ("b/mod.rs", "mod c;\npub trait T { fn f(&self, of: &crate::d::D); }"),
        ("b/c.rs", "use crate::a::Y;"),
        ("d.rs", "use crate::b::c::Z;"),
    ];
    assert_eq!(read(&files), ["a.rs b/c.rs b/mod.rs d.rs"]);
    let none = [
        ("room/mod.rs", "mod a;\nmod b;\npub use a::A;\npub trait T { fn f(&self) -> a::A; }"),
        // Every file in a folder may use what the folder's own file defines.
        ("room/a.rs", "use super::T;\nuse super::b::B; // super::c\n"),
        (
            "room/b.rs",
            "use trailproof_core::a;\n#[cfg(test)]\nmod tests {\n    use super::super::a::A;\n}\n",
        ),
    ];
    assert_eq!(read(&none), [""; 0]);
}
