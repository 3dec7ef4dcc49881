//! The trail builder.
