//! What a mirror knows about the bucket: which objects were listed, copied, refused and absent.
//!
//! The records are lines of JSON in ascending order, so that a million objects need no memory.
//! While a mirror is being made, they are in several files, of which the later ones contain
//! changes. At the end they are joined into one file, the manifest.
mod entry;
mod journal;
mod layers;
mod lines;
mod merged;
pub(crate) mod page;
mod ranges;
mod record;
mod remarks;
mod salvage;
mod sorted;

pub(super) use self::journal::{Journal, forget};
pub(super) use self::layers::{Layers, MANIFEST};
pub(super) use self::ranges::{Range, known};
pub(super) use self::record::{Copied, Earlier, FailedAs, FolderAs, ListedAs, Order, Record};
pub(super) use self::remarks::Said;
pub(super) use self::salvage::salvage;
