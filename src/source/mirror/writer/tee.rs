//! An object that is being read and kept.
use super::commit::{Body, Whole};
use super::copier::Copier;
use super::store::Part;
use crate::source::mirror::ledger::Copied;
use crate::source::{BoxFuture, ObjectMetadata, ObjectReader};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Write as _};
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::vocab::location::ObjectLocation;

/// Bytes of an object that are kept in memory until it is complete. Real log files have 1 to 52 KB.
const HELD: usize = 64 << 10;

/// What has been read so far.
#[derive(Debug, Default)]
struct Taking {
    hash: Sha256,
    size: u64,
    held: Vec<u8>,
    part: Option<(Part, File)>,
}

/// Reads an object from its first byte to its last, and passes it on when it is complete.
pub(super) struct Tee {
    below: Box<dyn ObjectReader>,
    at: ObjectLocation,
    copier: Copier,
    taking: Option<Taking>,
}

impl Tee {
    pub(super) fn new(below: Box<dyn ObjectReader>, at: ObjectLocation, copier: Copier) -> Self {
        Self { below, at, copier, taking: Some(Taking::default()) }
    }

    fn take(&mut self, bytes: &Bytes) {
        let Some(taking) = &mut self.taking else { return };
        taking.hash.update(bytes);
        taking.size = taking.size.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if let Err(error) = taking.write(bytes, &self.copier) {
            // Verification continues without the copy.
            self.copier.shared.lose(&error, 1);
            self.taking = None;
        }
    }

    async fn hand_over(&mut self) {
        let Some(taking) = self.taking.take() else { return };
        let about = self.below.metadata();
        let copied = Copied {
            size: taking.size,
            sha256: hex::encode(taking.hash.finalize()),
            etag: about.etag.clone(),
            version_id: about.version_id.clone(),
            stored_as: about.stored_as.clone(),
            metadata: about.user.clone(),
            end_unknown: about.end_unknown,
            file: None,
        };
        let body = match taking.part {
            Some((part, file)) => Body::Written(part, file),
            None => Body::Held(taking.held),
        };
        self.copier.hand_over(Whole { at: self.at.clone(), body, copied }).await;
    }
}

impl Taking {
    fn write(&mut self, bytes: &Bytes, copier: &Copier) -> io::Result<()> {
        if self.part.is_none() && self.held.len() + bytes.len() > HELD {
            let (part, mut file) = copier.shared.store.part()?;
            file.write_all(&std::mem::take(&mut self.held))?;
            self.part = Some((part, file));
        }
        match &mut self.part {
            Some((_, file)) => file.write_all(bytes),
            None => {
                self.held.extend_from_slice(bytes);
                Ok(())
            }
        }
    }
}

#[deny(clippy::missing_trait_methods)]
impl ObjectReader for Tee {
    fn metadata(&self) -> &ObjectMetadata {
        self.below.metadata()
    }

    fn chunk(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, ReadFailure>> {
        Box::pin(async move {
            let came = self.below.chunk().await;
            match &came {
                Ok(Some(bytes)) => self.take(bytes),
                Ok(None) => self.hand_over().await,
                Err(why) => {
                    self.taking = None;
                    self.copier.failed(&self.at, why);
                }
            }
            came
        })
    }
}

impl Drop for Tee {
    fn drop(&mut self) {
        // The verification needed no more bytes, but the copy does.
        if self.taking.is_some() {
            self.copier.unfinished(&self.at);
        }
    }
}
