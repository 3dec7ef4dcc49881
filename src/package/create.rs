//! Creates a package: copies what was given, makes the rest, and writes the manifests. The folder gets
//! its name when it is complete.
use super::check::foreign_files;
use super::derive::{Copied, Derived, bag_info, derive, sums};
use super::description::{self, Attachment, Evidence, PackageRequest};
use super::manifest::{
    self, BAGIT, CIRCUMSTANCES, DECLARATION, DOCUMENT, INFO, MANIFEST, SIGNATURE, Sums,
    TAG_MANIFEST, copied_name,
};
use super::statement;
use super::tree::Tree;
use crate::attest::dsse::{Container, Envelope};
use crate::attest::key::VerifyingKey;
use crate::console::refusal::Refusal;
use crate::files::atomic;
use crate::files::folder::StagedFolder;
use crate::report::package::document::{Declared, Input, PackageDocument, Previous, Role, Slot};
use sha2::{Digest as _, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use trailproof_core::vocab::budget;
use trailproof_core::vocab::location::{escape, excerpt};

/// The first bytes of a file that zstd compressed.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Bytes that are copied at once.
const BLOCK: usize = 64 << 10;

/// A package that is complete but for circumstances, signature and name.
#[derive(Debug)]
pub(crate) struct UnnamedPackage {
    staged: StagedFolder,
    target: PathBuf,
    replace: bool,
    document: PackageDocument,
    /// The tag files.
    tags: Sums,
    files: u64,
}

fn shown(path: &Path) -> String {
    escape(&path.to_string_lossy()).into_owned()
}

fn lost(target: &Path, error: &io::Error) -> Refusal {
    Refusal::output_lost(format!("cannot write the package `{}`: {error}", shown(target)))
}

/// Refuses a folder that exists, unless it is a package and `force` allows to replace it.
///
/// # Errors
///
/// Something else has that name.
fn check_target(target: &Path, force: bool) -> Result<(), Refusal> {
    if std::fs::symlink_metadata(target).is_err() {
        return Ok(());
    }
    let is_package = std::fs::symlink_metadata(target).is_ok_and(|about| about.is_dir())
        && [BAGIT, DOCUMENT].iter().all(|name| target.join(name).is_file());
    match (is_package, force) {
        (true, true) => match foreign_files(target) {
            Ok(foreign) => match foreign.first() {
                None => Ok(()),
                Some(first) => Err(Refusal::usage(format!(
                    "`{}` has files that the package did not write, which `--force` would delete: \
                     `{}`{}\n\nhint: move them elsewhere",
                    shown(target),
                    excerpt(first, budget::SHOWN),
                    if foreign.len() > 1 { " and others" } else { "" },
                ))),
            },
            Err(error) => {
                Err(Refusal::not_started(format!("cannot read `{}`: {error}", shown(target))))
            }
        },
        (true, false) => Err(Refusal::usage(format!(
            "`{}` already exists\n\nhint: `--force` replaces the package",
            shown(target)
        ))),
        (false, _) => Err(Refusal::usage(format!(
            "`{}` already exists and is not a package: a package is written into a new folder",
            shown(target)
        ))),
    }
}

/// Refuses what would be refused only after the commands of the request ran.
///
/// # Errors
///
/// The folder exists, the package has no name, or a file that was given cannot be read.
pub(crate) fn check_before_runs(
    request: &PackageRequest,
    target: &Path,
    force: bool,
) -> Result<(), Refusal> {
    check_target(target, force)?;
    name(request.id.clone())?;
    let given = request.attachments.iter().map(|attachment| &attachment.file);
    let made = request.trail_config.iter().chain(&request.review_events);
    for path in given.chain(made.map(|result| &result.path)) {
        File::open(path).map_err(|error| unread(path, &error))?;
    }
    request.previous.as_deref().map(previous).transpose()?;
    Ok(())
}

fn name(id: Option<String>) -> Result<String, Refusal> {
    declared("id", id)?
        .ok_or_else(|| Refusal::usage("the package has no name: give `id` or `--id`"))
}

fn declared(name: &str, text: Option<String>) -> Result<Option<String>, Refusal> {
    let read = description::optional(name, text);
    read.map_err(|why| Refusal::usage(format!("invalid description: {why}")))
}

/// Makes the package, beside its place.
///
/// # Errors
///
/// A file that was given cannot be used, the attestation does not hold, or the package cannot be
/// written.
pub(crate) fn create(
    request: PackageRequest,
    attestation_key: Option<&VerifyingKey>,
    target: &Path,
    force: bool,
) -> Result<UnnamedPackage, Refusal> {
    check_target(target, force)?;
    let id = name(request.id)?;
    let Some(record) = &request.record else {
        let words = "there is no run record: give `record`, `run.verify` or `--record`";
        return Err(Refusal::usage(words));
    };
    let previous = request.previous.as_deref().map(previous).transpose()?;
    let staged = StagedFolder::create(target).map_err(|error| lost(target, &error))?;
    let mut copies = Copies { staged: &staged, target, inputs: Vec::new(), copied: Copied::new() };
    copies.record(record)?;
    let mut checked_with = None;
    if let Some(attestation) = &request.attestation {
        checked_with = copies.attestation(attestation, attestation_key)?;
    }
    for result in &request.trail_config {
        let origin = Origin::of(result);
        copies.add(&result.path, Role::TrailConfig, Slot::TrailConfiguration, origin)?;
    }
    if let Some(events) = &request.review_events {
        copies.add(&events.path, Role::ReviewEvents, Slot::Review, Origin::of(events))?;
    }
    for attachment in &request.attachments {
        let origin = Origin::attached(attachment);
        copies.add(&attachment.file, Role::Attachment, attachment.slot, origin)?;
    }
    let Copies { inputs, copied, .. } = copies;
    let declared = Declared {
        id,
        description: declared("description", request.description)?,
        organization: declared("organization", request.organization)?,
        contact: declared("contact", request.contact)?,
        previous,
        attestation_checked_with: checked_with,
        inputs,
        pointers: request.pointers,
    };
    let tree = Tree::open(staged.path()).map_err(|error| lost(target, &error))?;
    let originals: Vec<(String, String)> = declared
        .inputs
        .iter()
        .map(|input| (input.path.clone(), input.original_name.clone()))
        .collect();
    let derived = derive(&tree, declared, &copied).map_err(|why| {
        // The user knows the file by its own name.
        let known = originals.iter().find(|(path, _)| why.contains(path.as_str()));
        let why = known.map_or(why.clone(), |(path, name)| why.replace(path, &escape(name)));
        Refusal::not_started(format!("cannot make the package: {why}"))
    })?;
    refuse_other_attestation(&derived.document)?;
    write(staged, derived, &copied, target, force)
}

/// Refuses an attestation of something else.
fn refuse_other_attestation(document: &PackageDocument) -> Result<(), Refusal> {
    match &document.attestation {
        Some(attestation) if !attestation.names_record => Err(Refusal::contradicted(
            "the attestation is not about the record: its SHA-256 is not among those attested",
        )),
        Some(attestation) if !attestation.holds() => {
            let differs = attestation.differs.iter().map(|name| escape(name).into_owned());
            Err(Refusal::contradicted(format!(
                "the attestation differs from the record: {}",
                differs.collect::<Vec<_>>().join(", ")
            )))
        }
        _ => Ok(()),
    }
}

/// Writes what was made, and the manifests.
fn write(
    staged: StagedFolder,
    derived: Derived,
    copied: &Copied,
    target: &Path,
    force: bool,
) -> Result<UnnamedPackage, Refusal> {
    let mut payload = sums(&derived.files);
    payload.extend(copied.iter().map(|(path, (hash, _))| (path.clone(), *hash)));
    let made = derived.files.values().map(|bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    let bytes = made.chain(copied.values().map(|(_, bytes)| *bytes)).fold(0, u64::saturating_add);
    let files = u64::try_from(payload.len()).unwrap_or(u64::MAX);
    for (path, content) in &derived.files {
        put(&staged, target, path, content)?;
    }
    let document = derived.document;
    let mut package = UnnamedPackage {
        staged,
        target: target.to_owned(),
        replace: force,
        tags: Sums::new(),
        files,
        document,
    };
    package.tag(MANIFEST, &manifest::write(&payload))?;
    package.tag(BAGIT, DECLARATION.as_bytes())?;
    package.tag(INFO, &bag_info(&package.document, bytes, files))?;
    Ok(package)
}

fn put(staged: &StagedFolder, target: &Path, path: &str, content: &[u8]) -> Result<(), Refusal> {
    let at = staged.path().join(path);
    std::fs::create_dir_all(atomic::folder(&at)).map_err(|error| lost(target, &error))?;
    atomic::write(&at, content, false)
}

impl UnnamedPackage {
    /// Returns the document of the package.
    pub(crate) fn document(&self) -> &PackageDocument {
        &self.document
    }

    /// Returns the number of files below `data`.
    pub(crate) fn files(&self) -> u64 {
        self.files
    }

    /// Adds who made the package, when, where and with what.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub(crate) fn add_circumstances(&mut self, json: &[u8]) -> Result<(), Refusal> {
        self.tag(CIRCUMSTANCES, json)
    }

    /// Returns the statement to sign.
    pub(crate) fn statement(&self) -> Vec<u8> {
        statement::to_bytes(&self.tags, &self.document)
    }

    /// Adds the signed statement.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub(crate) fn add_signature(&mut self, envelope: &Envelope) -> Result<(), Refusal> {
        self.tag(SIGNATURE, format!("{}\n", envelope.to_json()).as_bytes())
    }

    /// Gives the package its name.
    ///
    /// # Errors
    ///
    /// It cannot be written, or something has got that name in the meantime.
    pub(crate) fn finish(self) -> Result<(), Refusal> {
        let tags = manifest::write(&self.tags);
        put(&self.staged, &self.target, TAG_MANIFEST, &tags)?;
        check_target(&self.target, self.replace)?;
        self.staged.keep(self.replace).map_err(|error| lost(&self.target, &error))
    }

    fn tag(&mut self, name: &str, content: &[u8]) -> Result<(), Refusal> {
        put(&self.staged, &self.target, name, content)?;
        self.tags.insert(name.to_owned(), Sha256::digest(content).into());
        Ok(())
    }
}

/// Returns name and hash of the package of the period before.
fn previous(path: &Path) -> Result<Previous, Refusal> {
    let refused = |why: &str| {
        Refusal::not_started(format!("cannot use the previous package `{}`: {why}", shown(path)))
    };
    let tree = Tree::open(path).map_err(|error| refused(&error.to_string()))?;
    let (document, manifest_sha256) =
        super::check::document_of(&tree).map_err(|why| refused(&why))?;
    Ok(Previous { id: document.declared.id, manifest_sha256 })
}

/// Where a file comes from.
#[derive(Default)]
struct Origin {
    title: Option<String>,
    given_by: Option<String>,
    source: Option<String>,
    note: Option<String>,
}

impl Origin {
    fn of(evidence: &Evidence) -> Self {
        Self { source: evidence.made_by.clone(), ..Self::default() }
    }

    fn attached(attachment: &Attachment) -> Self {
        Self {
            title: Some(attachment.title.clone()),
            given_by: Some(attachment.given_by.clone()),
            source: Some(attachment.source.clone()),
            note: attachment.note.clone(),
        }
    }
}

/// Copies files into the package.
struct Copies<'s> {
    staged: &'s StagedFolder,
    target: &'s Path,
    inputs: Vec<Input>,
    copied: Copied,
}

impl Copies<'_> {
    fn record(&mut self, record: &Evidence) -> Result<(), Refusal> {
        let path = &record.path;
        let mut first = [0; ZSTD.len()];
        let read = File::open(path).and_then(|mut file| file.read(&mut first));
        read.map_err(|error| unread(path, &error))?;
        let name = if first == ZSTD { "record.jsonl.zst" } else { "record.jsonl" };
        self.copy(path, name, Role::Record, Slot::Integrity, Origin::of(record))
    }

    /// Returns the id of the key with which the signature was checked.
    fn attestation(
        &mut self,
        attestation: &Evidence,
        key: Option<&VerifyingKey>,
    ) -> Result<Option<String>, Refusal> {
        let path = &attestation.path;
        let mut bytes = Vec::new();
        let opened = File::open(path);
        let read = opened.and_then(|file| file.take(budget::ATTESTATION).read_to_end(&mut bytes));
        read.map_err(|error| unread(path, &error))?;
        let (envelope, container) = Envelope::parse(&bytes).map_err(|why| {
            Refusal::not_started(format!("cannot use `{}` as an attestation: {why}", shown(path)))
        })?;
        if key.is_some_and(|key| envelope.signed_by(key).is_none()) {
            let words = "is not signed by the key of `attestation-key`";
            return Err(Refusal::contradicted(format!("`{}` {words}", shown(path))));
        }
        let name = match container {
            Container::Bare => "attestation.intoto.jsonl",
            Container::Bundle(_) => "attestation.sigstore.json",
        };
        self.copy(path, name, Role::Attestation, Slot::Integrity, Origin::of(attestation))?;
        Ok(key.map(VerifyingKey::id))
    }

    /// Copies a file under a name that no other has.
    fn add(&mut self, path: &Path, role: Role, slot: Slot, origin: Origin) -> Result<(), Refusal> {
        let number = self.inputs.iter().filter(|input| input.slot == slot).count() + 1;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.copy(path, &copied_name(number, &name), role, slot, origin)
    }

    fn copy(
        &mut self,
        path: &Path,
        name: &str,
        role: Role,
        slot: Slot,
        origin: Origin,
    ) -> Result<(), Refusal> {
        let at = format!("{}/{name}", slot.folder());
        let copied = copy(path, &self.staged.path().join(&at), self.target)?;
        self.copied.insert(at.clone(), copied);
        let own_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.inputs.push(Input {
            path: at,
            role,
            slot,
            original_name: own_name,
            title: origin.title,
            given_by: origin.given_by,
            source: origin.source,
            note: origin.note,
        });
        Ok(())
    }
}

fn unread(path: &Path, error: &io::Error) -> Refusal {
    Refusal::not_started(format!("cannot read `{}`: {error}", shown(path)))
}

/// Copies a file, and returns SHA-256 and length of what was copied.
fn copy(
    from: &Path,
    to: &Path,
    target: &Path,
) -> Result<(trailproof_core::bytes::content::Hash, u64), Refusal> {
    let mut read = File::open(from).map_err(|error| unread(from, &error))?;
    let regular = read.metadata().map_err(|error| unread(from, &error))?.is_file();
    if !regular {
        return Err(Refusal::usage(format!("`{}` is not a regular file", shown(from))));
    }
    let written = |error: io::Error| lost(target, &error);
    std::fs::create_dir_all(atomic::folder(to)).map_err(written)?;
    let mut write = OpenOptions::new().write(true).create_new(true).open(to).map_err(written)?;
    let (mut hasher, mut length) = (Sha256::new(), 0_u64);
    let mut block = vec![0; BLOCK];
    loop {
        let count = read.read(&mut block).map_err(|error| unread(from, &error))?;
        let Some(part) = block.get(..count).filter(|part| !part.is_empty()) else { break };
        hasher.update(part);
        write.write_all(part).map_err(written)?;
        length = length.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }
    write.sync_all().map_err(written)?;
    Ok((hasher.finalize().into(), length))
}
