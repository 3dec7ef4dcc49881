//! What the binary is made of: the bill of materials, and the notices that licences require.
use super::build::Target;
use super::plan::Release;
use super::run::{Failure, about, write};
use super::stage::files_below;
use crate::say;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The names of files with licences and notices, without their endings.
const TEXTS: [&str; 6] = ["COPYING", "COPYRIGHT", "LICENCE", "LICENSE", "NOTICE", "UNLICENSE"];

/// Words of licences that a crate without a text of its own is under, and the text of ours.
const DECLARED: [(&str, &str); 2] = [("Apache-2.0", "LICENSE-APACHE"), ("MIT", "LICENSE-MIT")];

/// A crate's name and version.
type Name = (String, String);

/// The crates of the binary, as `cargo metadata` describes them.
struct Crates {
    /// Those whose code is in the binary.
    linked: BTreeSet<Name>,
    /// Those, and the crates that ran to build it.
    all: BTreeSet<Name>,
    metadata: Value,
}

impl Crates {
    fn find(release: &Release, target: &Target) -> Result<Self, Failure> {
        let cargo = |arguments: &[&str]| release.task("cargo").with(arguments).output();
        let tree = |edges: &str| {
            let edges = ["tree", "--locked", "--prefix", "none", "--format", "{p}", "-e", edges];
            let package = ["--package", "trailproof", "--target", &target.triple];
            cargo(&[&edges[..], &package].concat()).map(|printed| names(&printed))
        };
        let filter = ["--filter-platform", &target.triple];
        let metadata =
            cargo(&[&["metadata", "--locked", "--format-version=1"][..], &filter].concat())?;
        let metadata = serde_json::from_str(&metadata)
            .map_err(|error| format!("cannot read the output of `cargo metadata`: {error}"))?;
        Ok(Self { linked: tree("normal,no-proc-macro")?, all: tree("normal,build")?, metadata })
    }

    /// Returns the descriptions of these crates, in order.
    fn described<'c>(
        &'c self,
        wanted: &BTreeSet<Name>,
    ) -> Result<BTreeMap<Name, &'c Value>, Failure> {
        let packages = array(&self.metadata, "packages");
        let described: BTreeMap<Name, &Value> = packages
            .map(|package| ((text(package, "name"), text(package, "version")), package))
            .filter(|(name, _)| wanted.contains(name))
            .collect();
        match wanted.iter().find(|name| !described.contains_key(*name)) {
            Some((name, _)) => Err(format!("`cargo metadata` does not describe `{name}`")),
            None => Ok(described),
        }
    }
}

/// Reads the lines `NAME vVERSION …` of `cargo tree`.
fn names(printed: &str) -> BTreeSet<Name> {
    let name = |line: &str| {
        let mut words = line.split(' ');
        let name = words.next()?.to_owned();
        Some((name, words.next()?.strip_prefix('v')?.to_owned()))
    };
    printed.lines().filter_map(name).collect()
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn array<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// Returns the licences of a crate as an SPDX expression. Old crates separate alternatives by a slash.
fn licences(package: &Value) -> String {
    text(package, "license").replace(" / ", " OR ").replace('/', " OR ")
}

/// Writes the bill of materials of a binary, as CycloneDX 1.5, and returns its path.
///
/// # Errors
///
/// Cargo fails, or a file cannot be read or written.
pub(crate) fn bill_of_materials(
    release: &Release,
    target: &Target,
    binary: &Path,
) -> Result<PathBuf, Failure> {
    let crates = Crates::find(release, target)?;
    let described = crates.described(&crates.all)?;
    let lock = release.top.join("Cargo.lock");
    let checksums = checksums(&about(&lock, fs::read_to_string(&lock))?);
    let sum = release.task("sha256sum").with([binary]).output()?;
    let sum = sum.split(' ').next().unwrap_or_default();
    let time = ["-u", "+%Y-%m-%dT%H:%M:%SZ", "-d", &format!("@{}", release.epoch)];
    let time = release.task("date").with(time).output()?;
    let compiler = release.task("rustc").with(["--version"]).output()?;

    let reference = |(name, version): &Name| format!("{name}@{version}");
    let own = ("trailproof".to_owned(), release.version.clone());
    let mut components = Vec::new();
    for (name, package) in described.iter().filter(|(name, _)| **name != own) {
        let mut component = json!({
            "type": "library",
            "bom-ref": reference(name),
            "name": name.0,
            "version": name.1,
            "scope": if crates.linked.contains(name) { "required" } else { "excluded" },
            "licenses": [{ "expression": licences(package) }],
        });
        // The crates of the workspace are in no registry.
        if let Some(sum) = checksums.get(name)
            && let Some(fields) = component.as_object_mut()
        {
            let address = format!("pkg:cargo/{}@{}", name.0, name.1.replace('+', "%2B"));
            fields.insert("purl".to_owned(), json!(address));
            fields.insert("hashes".to_owned(), json!([{ "alg": "SHA-256", "content": sum }]));
        }
        components.push(component);
    }
    let mut linked = vec![("std", compiler.split(' ').nth(1), "MIT OR Apache-2.0")];
    linked.push(if target.is_musl() {
        ("musl", None, "MIT")
    } else {
        ("glibc", None, "LGPL-2.1-or-later")
    });
    for (name, version, licence) in linked {
        let mut component = json!({
            "type": "library",
            "bom-ref": name,
            "name": name,
            "scope": "required",
            "licenses": [{ "expression": licence }],
        });
        if let (Some(version), Some(fields)) = (version, component.as_object_mut()) {
            fields.insert("version".to_owned(), json!(version));
        }
        components.push(component);
    }

    // `cargo metadata` names crates by ids.
    let packages = array(&crates.metadata, "packages");
    let ids: BTreeMap<String, Name> = packages
        .map(|package| (text(package, "id"), (text(package, "name"), text(package, "version"))))
        .collect();
    let mut dependencies = Vec::new();
    for node in array(crates.metadata.get("resolve").unwrap_or(&Value::Null), "nodes") {
        let Some(name) = ids.get(&text(node, "id")).filter(|name| crates.all.contains(*name))
        else {
            continue;
        };
        let mut on: Vec<String> = array(node, "deps")
            .filter(|edge| array(edge, "dep_kinds").any(|kind| text(kind, "kind") != "dev"))
            .filter_map(|edge| ids.get(&text(edge, "pkg")))
            .filter(|name| crates.all.contains(*name))
            .map(reference)
            .collect();
        on.sort();
        dependencies.push(json!({ "ref": reference(name), "dependsOn": on }));
    }
    dependencies.sort_by_key(|dependency| text(dependency, "ref"));

    let bill = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": time.trim_end(),
            "component": {
                "type": "application",
                "bom-ref": reference(&own),
                "name": own.0,
                "version": own.1,
                "licenses": [{ "expression": "MIT OR Apache-2.0" }],
                "hashes": [{ "alg": "SHA-256", "content": sum }],
                "properties": [{ "name": "trailproof:target", "value": target.triple }],
            },
        },
        "components": components,
        "dependencies": dependencies,
    });
    let path = release.out.join(format!("trailproof-{}-{}.cdx.json", own.1, target.triple));
    write(&path, format!("{bill:#}\n"))?;
    Ok(path)
}

/// Reads the checksums of `Cargo.lock`.
fn checksums(lock: &str) -> BTreeMap<Name, String> {
    let field = |package: &str, name: &str| {
        let line = package.lines().find_map(|line| line.strip_prefix(name))?;
        line.strip_prefix(" = \"")?.strip_suffix('"').map(str::to_owned)
    };
    let package = |package: &str| {
        let name = (field(package, "name")?, field(package, "version")?);
        Some((name, field(package, "checksum")?))
    };
    lock.split("[[package]]").filter_map(package).collect()
}

/// Writes the licences and notices of everything in the binary, and returns the path.
///
/// # Errors
///
/// Cargo fails, a text cannot be read, or a crate has neither a text nor a licence whose text is known.
pub(crate) fn notices(release: &Release, target: &Target) -> Result<PathBuf, Failure> {
    let crates = Crates::find(release, target)?;
    let mut described = crates.described(&crates.linked)?;
    described.retain(|_, package| package.get("source").is_some_and(Value::is_string));
    let mut list = String::new();
    // Which crates have a text.
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for ((name, version), package) in &described {
        let shown = format!("{name} {version}");
        list += &format!("{shown}: {}\n", licences(package));
        let manifest = text(package, "manifest_path");
        let folder = Path::new(&manifest).parent().ok_or("a manifest is in no folder")?;
        let mut found = texts_below(folder)?;
        if found.is_empty() {
            let expression = licences(package);
            let declared = DECLARED.iter().find(|(licence, _)| expression.contains(licence));
            let (licence, file) =
                declared.ok_or(format!("`{shown}` has no text of `{expression}`"))?;
            let file = release.top.join(file);
            let authors: Vec<&str> = array(package, "authors").filter_map(Value::as_str).collect();
            let held = format!("Copyright (c) {}", authors.join(", "));
            let terms = about(&file, fs::read_to_string(&file))?;
            // Our own line of copyright is not theirs.
            let terms: Vec<&str> =
                terms.lines().filter(|line| !line.starts_with("Copyright")).collect();
            found.push(format!("{licence}. {held}\n\n{}", terms.join("\n")));
        }
        for found in found {
            texts.entry(found).or_default().push(shown.clone());
        }
    }
    if let Some(terms) = library_terms(release, target)? {
        list += "musl: MIT\n";
        texts.entry(terms).or_default().push("musl".to_owned());
    }
    list += "The standard library of Rust: MIT OR Apache-2.0 (rust-standard-library.html)\n";
    let mut sections: Vec<(Vec<String>, String)> =
        texts.into_iter().map(|(text, of)| (of, text)).collect();
    sections.sort();
    let mut page = format!("trailproof contains the following software.\n\n{list}");
    for (of, text) in sections {
        page += &format!("\n{}\n{}\n\n{}\n", "=".repeat(100), of.join(", "), text.trim_end());
    }
    let path = release.out.join(format!("THIRD-PARTY-{}.txt", target.triple));
    write(&path, page)?;
    Ok(path)
}

/// Reads every licence and notice below the folder of a crate. C code inside has its own.
fn texts_below(folder: &Path) -> Result<Vec<String>, Failure> {
    let is_text = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        // Code has such names too.
        let ends = path.extension().is_none_or(|end| {
            ["apache", "md", "mit", "txt"].iter().any(|text| end.eq_ignore_ascii_case(text))
                || end.to_string_lossy().contains('-')
        });
        ends && TEXTS.iter().any(|text| name.starts_with(text))
    };
    let mut found = BTreeSet::new();
    for path in files_below(folder)?.into_iter().filter(is_text) {
        let path = folder.join(path);
        let text = String::from_utf8_lossy(&about(&path, fs::read(&path))?).replace('\r', "");
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        found.insert(lines.join("\n").trim().to_owned());
    }
    found.remove("");
    Ok(found.into_iter().collect())
}

/// Reads the licence of the C library that zig brings, if the target has it.
fn library_terms(release: &Release, target: &Target) -> Result<Option<String>, Failure> {
    if !target.is_musl() {
        say("note: the notices do not have those of the system's C library\n");
        return Ok(None);
    }
    let printed = release.task("python-zig").with(["env"]).output()?;
    let folder = printed
        .split('"')
        .find(|text| text.ends_with("/lib") && Path::new(text).is_dir())
        .ok_or("`python-zig env` does not name its library")?;
    let path = Path::new(folder).join("libc/musl/COPYRIGHT");
    about(&path, fs::read_to_string(&path)).map(Some)
}
