//! The work of `lookup`: which files to read, the forms in which their content may have been
//! delivered, what the search found, and the answer for each file.
pub(crate) mod answer;
pub(crate) mod files;
pub(crate) mod forms;
pub(crate) mod found;
mod layout;
pub(crate) mod names;
mod unpack;
