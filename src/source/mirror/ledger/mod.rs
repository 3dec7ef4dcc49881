//! What a mirror knows of the bucket: what was listed, copied, refused and absent.
//!
//! Lines of JSON in ascending order, so that a million objects need no room in memory. While a
//! mirror is being made they lie in several files, of which a later one says what changed; at the
//! end they are one, the manifest.
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
