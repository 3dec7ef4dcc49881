//! What the program says to whoever started it: exit status, refusal, lines on its own streams.
pub(crate) mod exit;
pub(crate) mod refusal;
pub(crate) mod stream;
