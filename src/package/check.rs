//! Checks a package: every hash, that nothing was added or removed, who signed it, and that everything
//! that was made is what the record and the results give. Compares packages that hold.
use super::derive::{Copied, Derived, bag_info, derive, sums, this_program};
use super::manifest::{
    self, BAGIT, CIRCUMSTANCES, DECLARATION, DOCUMENT, INFO, MANIFEST, Manifest, SIGNATURE, Sums,
    TAG_MANIFEST, field,
};
use super::statement;
use super::tree::{Listing, Tree};
use crate::attest::dsse::Envelope;
use crate::attest::key::VerifyingKey;
use crate::console::refusal::Refusal;
use crate::report::package::check::{FaultCode, PackageChecked, PackageState, SignatureState};
use crate::report::package::compare::{PackagesCompared, Side};
use crate::report::package::document::{PackageDocument, Role, SCHEMA};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use trailproof_core::vocab::budget::{ATTESTATION, PACKAGE_DOCUMENT, PACKAGE_FILES, SHOWN};
use trailproof_core::vocab::location::{escape, excerpt};

/// The files beside `data` that a package may have.
const TAGS: [&str; 6] = [BAGIT, INFO, MANIFEST, TAG_MANIFEST, CIRCUMSTANCES, SIGNATURE];

/// The tag files that every package has, and that its tag manifest names.
const REQUIRED: [&str; 3] = [BAGIT, INFO, MANIFEST];

/// Files that are made from the document, which therefore does not name them.
const FROM_DOCUMENT: [&str; 3] = [DOCUMENT, "data/index.html", "data/index.md"];

/// Folder of the payload. What is beside it and in no manifest does not belong to the bag.
const PAYLOAD: &str = "data/";

/// Names that desktops and file systems give to files and folders of their own, in lower case.
const OF_DESKTOP: [&str; 12] = [
    ".directory",
    ".ds_store",
    ".fseventsd",
    ".localized",
    ".spotlight-v100",
    ".temporaryitems",
    ".trashes",
    "__macosx",
    "desktop.ini",
    "ehthumbs.db",
    "lost+found",
    "thumbs.db",
];

/// Returns whether a desktop or a file system made this file, or the folder that it is in.
fn is_of_desktop(path: &str) -> bool {
    path.split('/').any(|part| {
        let part = part.to_ascii_lowercase();
        OF_DESKTOP.contains(&part.as_str()) || part.starts_with("._") || part.starts_with(".nfs")
    })
}

/// Returns whether a file beside the payload means something to a reader of packages or of bags.
fn has_meaning(path: &str) -> bool {
    let is_manifest = path.starts_with("manifest-") || path.starts_with("tagmanifest-");
    TAGS.contains(&path) || path == "fetch.txt" || is_manifest
}

/// Lists the files of a package's folder that the package did not write, for a command that would
/// delete them: what is in no manifest, and no file that every package has.
///
/// # Errors
///
/// The folder cannot be read.
pub(super) fn foreign_files(directory: &Path) -> io::Result<Vec<String>> {
    let tree = Tree::open(directory)?;
    let listing = tree.list();
    let named = |name: &str, payload: bool| match tree.read(name, PACKAGE_DOCUMENT) {
        Ok(bytes) => manifest::read(&bytes, payload).sums,
        Err(_) => Sums::new(),
    };
    let (payload, tags) = (named(MANIFEST, true), named(TAG_MANIFEST, false));
    let is_own = |path: &String| {
        payload.contains_key(path) || tags.contains_key(path) || TAGS.contains(&path.as_str())
    };
    let files = listing.files.into_iter().filter(|path| !is_own(path));
    let odd = listing.odd.into_iter().filter(|path| !is_of_desktop(path));
    let unread = listing.unread.into_iter().map(|(path, _)| path);
    let cut = listing.cut.then(|| "a file that was not looked at".to_owned());
    Ok(files.filter(|path| !is_of_desktop(path)).chain(odd).chain(unread).chain(cut).collect())
}

/// Keys that are expected to have signed.
#[derive(Debug, Default)]
pub(crate) struct ExpectedKeys {
    /// The package.
    pub(crate) package: Option<VerifyingKey>,
    /// The attestation in it.
    pub(crate) attestation: Option<VerifyingKey>,
}

/// Reads the document of a package, if its manifest names these bytes, and the SHA-256 of the manifest.
///
/// # Errors
///
/// Returns why it cannot be used, in words that are safe to show.
pub(super) fn document_of(tree: &Tree) -> Result<(PackageDocument, String), String> {
    let read = |path: &str| {
        let bytes = tree.read(path, PACKAGE_DOCUMENT);
        bytes.map_err(|error| format!("`{path}` cannot be read: {error}"))
    };
    let manifest = read(MANIFEST)?;
    let bytes = read(DOCUMENT)?;
    let named = manifest::read(&manifest, true).sums.get(DOCUMENT).copied();
    if named != Some(Sha256::digest(&bytes).into()) {
        return Err(format!("`{DOCUMENT}` is not the file that the manifest names"));
    }
    Ok((parse(&bytes)?, hex::encode(Sha256::digest(&manifest))))
}

fn parse(bytes: &[u8]) -> Result<PackageDocument, String> {
    let value = crate::attest::strict_json::parse(bytes)?;
    let schema = value.get("schema").and_then(serde_json::Value::as_u64);
    if schema != Some(SCHEMA) {
        return Err(format!("it has a schema other than {SCHEMA}"));
    }
    let document: PackageDocument =
        serde_json::from_value(value).map_err(|error| excerpt(&error.to_string(), SHOWN))?;
    if document.files.len().max(document.declared.inputs.len()) > PACKAGE_FILES {
        return Err(format!("it names more than {PACKAGE_FILES} files"));
    }
    Ok(document)
}

/// Checks the package in a folder.
///
/// # Errors
///
/// The folder cannot be read, or holds no package.
pub(crate) fn check(directory: &Path, keys: &ExpectedKeys) -> Result<PackageChecked, Refusal> {
    examine(directory, keys).map(|examined| examined.checked)
}

/// A package that was checked.
#[derive(Debug)]
struct Examined {
    /// The result.
    checked: PackageChecked,
    /// What this version makes of its inputs, if they can be used.
    derived: Option<Derived>,
    /// SHA-256 of its manifest, in hex.
    manifest_sha256: String,
}

/// Checks a package, and returns what its inputs give.
///
/// # Errors
///
/// The folder cannot be read, or holds no package.
fn examine(directory: &Path, keys: &ExpectedKeys) -> Result<Examined, Refusal> {
    let shown = escape(&directory.to_string_lossy()).into_owned();
    let tree = Tree::open(directory)
        .map_err(|error| Refusal::not_started(format!("cannot read `{shown}`: {error}")))?;
    let listing = tree.list();
    if !listing.files.contains(BAGIT) && !listing.files.contains(MANIFEST) {
        return Err(Refusal::not_started(format!(
            "`{shown}` is not a package: it has neither `{BAGIT}` nor `{MANIFEST}`"
        )));
    }
    let mut check = Check { tree, listing, found: Copied::new(), to: PackageChecked::default() };
    check.to.directory = directory.to_string_lossy().into_owned();
    let payload = check.manifest(MANIFEST, true);
    let tags = check.manifest(TAG_MANIFEST, false);
    check.files(&payload.sums);
    check.files(&tags.sums);
    check.listed(&payload, &tags);
    check.declaration(&payload);
    let document = check.document(&payload);
    let derived = document.as_ref().and_then(|document| check.made(document, &payload));
    if let Some(document) = &document {
        check.signature(document, keys.package.as_ref());
        check.attestation(document, derived.as_ref(), keys);
        check.made_elsewhere(document);
    }
    let sum = check.tree.hash(MANIFEST).map(|(hash, _)| hex::encode(hash));
    Ok(Examined { checked: check.to, derived, manifest_sha256: sum.unwrap_or_default() })
}

/// Compares the packages in two folders.
///
/// # Errors
///
/// One of them cannot be read, or does not hold.
pub(crate) fn compare(old: &Path, new: &Path) -> Result<PackagesCompared, Refusal> {
    Ok(PackagesCompared::of(side(old)?, side(new)?))
}

fn side(directory: &Path) -> Result<Side, Refusal> {
    let shown = escape(&directory.to_string_lossy()).into_owned();
    let Examined { checked, derived, manifest_sha256 } =
        examine(directory, &ExpectedKeys::default())?;
    let words = || {
        let first = checked.first().unwrap_or_default();
        format!(
            "`{shown}` cannot be compared: {first}\n\nhint: `trailproof package check` lists all"
        )
    };
    match (checked.state(), derived) {
        (PackageState::Contradicted, _) => Err(Refusal::contradicted(words())),
        // What is compared is made of the inputs, whichever version made the pages.
        (_, Some(derived)) if checked.has_usable_inputs() => {
            Ok(Side { document: derived.document, manifest_sha256 })
        }
        _ => Err(Refusal::not_proven(words())),
    }
}

struct Check {
    tree: Tree,
    listing: Listing,
    /// Hashes and lengths of the files that were read.
    found: Copied,
    to: PackageChecked,
}

impl Check {
    fn fault(&mut self, code: FaultCode, path: &str, detail: impl Into<String>) {
        self.to.add(code, path, detail.into());
    }

    fn unread(&mut self, path: &str, error: &io::Error) {
        let code = match error.kind() {
            io::ErrorKind::NotFound => FaultCode::FileMissing,
            // What is not a regular file is listed as such.
            io::ErrorKind::InvalidInput | io::ErrorKind::NotADirectory => FaultCode::NotAFile,
            _ => FaultCode::FileUnread,
        };
        if code != FaultCode::NotAFile || !self.listing.odd.contains(path) {
            self.fault(code, path, error.to_string());
        }
    }

    fn manifest(&mut self, name: &str, payload: bool) -> Manifest {
        let bytes = match self.tree.read(name, PACKAGE_DOCUMENT) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.unread(name, &error);
                return Manifest::default();
            }
        };
        let manifest = manifest::read(&bytes, payload);
        for (line, why) in &manifest.wrong {
            self.fault(FaultCode::ManifestMalformed, name, format!("line {line}: {why}"));
        }
        if manifest.cut {
            self.fault(FaultCode::NotLookedAt, name, "it has more lines than are read");
        }
        manifest
    }

    /// Compares files with a manifest.
    fn files(&mut self, sums: &Sums) {
        for (path, expected) in sums {
            match self.tree.hash(path) {
                Ok(found) => {
                    if found.0 != *expected {
                        let (expected, is) = (hex::encode(expected), hex::encode(found.0));
                        let detail = format!("its SHA-256 is {is}, and was {expected}");
                        self.fault(FaultCode::FileChanged, path, detail);
                    }
                    self.found.insert(path.clone(), found);
                }
                Err(error) => self.unread(path, &error),
            }
        }
    }

    /// Reports what no manifest names.
    fn listed(&mut self, payload: &Manifest, tags: &Manifest) {
        let listing = std::mem::take(&mut self.listing);
        for path in &listing.files {
            let known = payload.sums.contains_key(path) || tags.sums.contains_key(path);
            if known || path == TAG_MANIFEST {
                continue;
            }
            if is_of_desktop(path) && path.starts_with(PAYLOAD) {
                self.fault(FaultCode::DesktopFile, path, "a desktop left it there");
            } else if path.starts_with(PAYLOAD) || has_meaning(path) {
                self.fault(FaultCode::FileAdded, path, "no manifest names it");
            } else {
                self.to.add_beside(path);
            }
        }
        for path in tags.sums.keys().filter(|path| !TAGS.contains(&path.as_str())) {
            self.fault(FaultCode::FileAdded, path, "no package has such a file");
        }
        for name in REQUIRED {
            if !tags.sums.contains_key(name) {
                let detail = format!("it does not name `{name}`");
                self.fault(FaultCode::ManifestMalformed, TAG_MANIFEST, detail);
            }
        }
        for path in &listing.odd {
            if listing.other_names.contains(path) && !path.starts_with(PAYLOAD) {
                self.to.add_beside(path);
                continue;
            }
            if listing.other_names.contains(path) && is_of_desktop(path) {
                self.fault(FaultCode::DesktopFile, path, "a desktop left it there");
                continue;
            }
            let detail = "it is not a regular file with a name that a package may have";
            self.fault(FaultCode::NotAFile, path, detail);
        }
        for (path, why) in &listing.unread {
            self.fault(FaultCode::FileUnread, path, why.clone());
        }
        if listing.cut {
            self.fault(FaultCode::NotLookedAt, "", "there are more files than are looked at");
        }
        self.listing = listing;
        let payload = self.found.iter().filter(|(path, _)| path.starts_with("data/"));
        let (files, bytes) = payload.fold((0, 0_u64), |(files, bytes), (_, (_, length))| {
            (files + 1, bytes.saturating_add(*length))
        });
        (self.to.files, self.to.bytes) = (files, bytes);
    }

    fn declaration(&mut self, payload: &Manifest) {
        match self.tree.read(BAGIT, PACKAGE_DOCUMENT) {
            Ok(bytes) if bytes == DECLARATION.as_bytes() => {}
            Ok(_) => self.fault(FaultCode::TagMalformed, BAGIT, "it does not declare BagIt 1.0"),
            // The tag manifest reports the file as missing; without one, this does.
            Err(error) => {
                if !self.to.names(BAGIT) {
                    self.unread(BAGIT, &error);
                }
            }
        }
        let Ok(bytes) = self.tree.read(INFO, PACKAGE_DOCUMENT) else { return };
        let text = String::from_utf8_lossy(&bytes);
        let oxum = format!("{}.{}", self.to.bytes, self.to.files);
        // Files that are gone are reported one by one.
        let complete = payload.sums.keys().all(|path| self.found.contains_key(path));
        if complete && field(&text, "Payload-Oxum") != Some(&oxum) {
            let detail = format!("its `Payload-Oxum` is not {oxum}");
            self.fault(FaultCode::TagMalformed, INFO, detail);
        }
    }

    fn document(&mut self, payload: &Manifest) -> Option<PackageDocument> {
        let bytes = match self.tree.read(DOCUMENT, PACKAGE_DOCUMENT) {
            Ok(bytes) => bytes,
            Err(error) => {
                if !payload.sums.contains_key(DOCUMENT) {
                    self.unread(DOCUMENT, &error);
                }
                return None;
            }
        };
        match parse(&bytes) {
            Ok(document) => {
                self.to.describe(&document);
                Some(document)
            }
            Err(why) => {
                self.fault(FaultCode::DocumentUnknown, DOCUMENT, why);
                None
            }
        }
    }

    /// Makes again what was made, and compares it with what is there.
    fn made(&mut self, document: &PackageDocument, payload: &Manifest) -> Option<Derived> {
        let named = document.files.iter().map(|file| file.path.as_str()).chain(FROM_DOCUMENT);
        let named: BTreeSet<&str> = named.collect();
        for path in payload.sums.keys().filter(|path| !named.contains(path.as_str())) {
            self.fault(FaultCode::FileAdded, path, "the document of the package does not name it");
        }
        for file in &document.files {
            let found = self.found.get(&file.path).map(|(hash, bytes)| (hex::encode(hash), *bytes));
            if !payload.sums.contains_key(&file.path) {
                let detail = "the document names it, and the manifest does not";
                self.fault(FaultCode::FileMissing, &file.path, detail);
            } else if found.is_some_and(|found| found != (file.sha256.clone(), file.bytes))
                && !self.to.names(&file.path)
            {
                let detail = "it is not the file that the document names";
                self.fault(FaultCode::FileChanged, &file.path, detail);
            }
        }
        let inputs = document.declared.inputs.iter().map(|input| input.path.as_str());
        for path in inputs.clone() {
            if !self.to.names(path) && !self.found.contains_key(path) {
                self.fault(FaultCode::InputUnusable, path, "no manifest names it");
            }
        }
        // What was changed or is gone is reported; nothing can be made from it.
        if inputs.clone().any(|path| self.to.names(path)) {
            return None;
        }
        let derived = match derive(&self.tree, document.declared.clone(), &self.found) {
            Ok(derived) => derived,
            Err(why) => {
                self.fault(FaultCode::InputUnusable, DOCUMENT, why);
                return None;
            }
        };
        if document.made_by != this_program() {
            let verdict = "/result/verdict";
            if derived.document.run_text(verdict) != document.run_text(verdict) {
                let detail = "the verdict in it is not that of the record";
                self.fault(FaultCode::MadeFileDiffers, DOCUMENT, detail);
            }
            return Some(derived);
        }
        self.to.made_again = true;
        for (path, hash) in sums(&derived.files) {
            let found = self.found.get(&path).map(|(hash, _)| *hash);
            if found != Some(hash) && !self.to.names(&path) {
                let detail = "it is not what the record and the results give";
                self.fault(FaultCode::MadeFileDiffers, &path, detail);
            }
        }
        let copied = inputs.filter_map(|path| self.found.get(path)).map(|(_, bytes)| *bytes);
        let made = derived.files.values().map(|it| u64::try_from(it.len()).unwrap_or(u64::MAX));
        let lengths: Vec<u64> = copied.chain(made).collect();
        let bytes = lengths.iter().fold(0_u64, |sum, length| sum.saturating_add(*length));
        let expected = bag_info(document, bytes, u64::try_from(lengths.len()).unwrap_or(u64::MAX));
        let is = self.tree.read(INFO, PACKAGE_DOCUMENT);
        if is.is_ok_and(|bytes| bytes != expected) && !self.to.names(INFO) {
            let detail = "it is not what the document gives";
            self.fault(FaultCode::MadeFileDiffers, INFO, detail);
        }
        Some(derived)
    }

    /// Reports that a page may say anything, if nobody vouches for it.
    fn made_elsewhere(&mut self, document: &PackageDocument) {
        let vouched = matches!(self.to.signature, SignatureState::MadeBy(_));
        if document.made_by != this_program() && !vouched {
            let detail =
                "a different version made it; a signature that is checked would vouch for it";
            self.fault(FaultCode::NotMadeAgain, "data/index.html", detail);
        }
    }

    fn envelope(&mut self, path: &str) -> Option<Envelope> {
        let bytes = self.tree.read(path, ATTESTATION).ok()?;
        match Envelope::parse(&bytes) {
            Ok((envelope, _)) => Some(envelope),
            Err(why) => {
                self.fault(FaultCode::StatementDiffers, path, why);
                None
            }
        }
    }

    fn signature(&mut self, document: &PackageDocument, key: Option<&VerifyingKey>) {
        if !self.listing.files.contains(SIGNATURE) {
            self.to.signature = SignatureState::Unsigned;
            if key.is_some() {
                let detail = "the package is not signed, and a key was given";
                self.fault(FaultCode::SignatureMissing, SIGNATURE, detail);
            }
            return;
        }
        let Some(envelope) = self.envelope(SIGNATURE) else { return };
        self.to.signature = match key {
            None => SignatureState::NotChecked,
            Some(key) if envelope.signed_by(key).is_some() => SignatureState::MadeBy(key.id()),
            Some(key) => {
                let detail = format!("it is not a signature of the key {}", key.id());
                self.fault(FaultCode::SignatureForeign, SIGNATURE, detail);
                SignatureState::Foreign
            }
        };
        let mut tags = Sums::new();
        for name in [MANIFEST, BAGIT, INFO, CIRCUMSTANCES] {
            if let Ok((hash, _)) = self.tree.hash(name) {
                tags.insert(name.to_owned(), hash);
            }
        }
        for why in statement::compare(&envelope, &tags, document).err().into_iter().flatten() {
            self.fault(FaultCode::StatementDiffers, SIGNATURE, why);
        }
    }

    fn attestation(
        &mut self,
        document: &PackageDocument,
        derived: Option<&Derived>,
        keys: &ExpectedKeys,
    ) {
        let input = document.declared.inputs.iter().find(|input| input.role == Role::Attestation);
        let Some(input) = input else {
            self.to.attestation = SignatureState::Unsigned;
            if keys.attestation.is_some() {
                let detail = "the record is not attested, and a key was given";
                self.fault(FaultCode::SignatureMissing, &document.declared.id, detail);
            }
            return;
        };
        if let Some(attestation) = derived.and_then(|made| made.document.attestation.as_ref()) {
            if !attestation.names_record {
                let detail = "it is not about the record of the package";
                self.fault(FaultCode::AttestationDiffers, &input.path, detail);
            }
            for name in &attestation.differs {
                let detail = format!("`{}` differs from the record", escape(name));
                self.fault(FaultCode::AttestationDiffers, &input.path, detail);
            }
        }
        let Some(envelope) = self.envelope(&input.path) else { return };
        let made_by = |key: &VerifyingKey| envelope.signed_by(key).map(|_| key.id());
        let state = match (&keys.attestation, &keys.package) {
            (Some(key), _) => match made_by(key) {
                Some(id) => SignatureState::MadeBy(id),
                None => {
                    let detail = format!("it is not signed by the key {}", key.id());
                    self.fault(FaultCode::SignatureForeign, &input.path, detail);
                    SignatureState::Foreign
                }
            },
            // One key often signs both. That it did not sign this one says nothing.
            (None, Some(key)) => {
                made_by(key).map_or(SignatureState::NotChecked, SignatureState::MadeBy)
            }
            (None, None) => SignatureState::NotChecked,
        };
        self.to.attestation = state;
    }
}
