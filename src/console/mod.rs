//! What the program prints about itself: exit status, refusals, lines on stderr and stdout.
pub(crate) mod exit;
pub(crate) mod refusal;
pub(crate) mod stream;
