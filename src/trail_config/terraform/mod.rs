//! Plans and states of Terraform, as `terraform show -json` prints them.
mod alerts;
mod document;
mod facts;
mod join;
mod node;
mod settings;

pub(crate) use self::document::{Document, Kind};
pub(crate) use self::facts::facts;
