//! The loopback AWS server.
