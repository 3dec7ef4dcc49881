//! The messages of a chain, which are reported when it is the chain's turn.
use crate::verify::schedule::ordered::Permit;
use crate::verify::unlisted::named_logs::Names;
use trailproof_core::record::{LogJudged, PublicKeyUsed, RunEvent};
use trailproof_core::trail_event::{Cause, KeyName};

/// A batch of messages, with the permit that it holds until it is reported.
#[derive(Debug)]
pub(crate) struct ChainBatch {
    pub(crate) messages: Vec<ChainMessage>,
    /// Permit, released when the batch is dropped.
    _permit: Permit,
}

/// A message of a chain: an event, or something that the run needs from the chain.
#[derive(Debug)]
pub(crate) enum ChainMessage {
    /// The next event.
    Event(Box<RunEvent>),
    /// The next log file. This is also an event, and by far the most frequent one.
    Log(LogJudged),
    /// A public key that proves digests of the chain, before the first of them.
    Key(Box<PublicKeyUsed>),
    /// Log files that a proven digest names, for the search for unlisted log files.
    Names(Names),
    /// Events of a verified log file that may explain a gap.
    Explains(Vec<Cause>),
    /// A KMS key with which a log file of the chain is encrypted.
    EncryptedWith(KeyName),
}

impl ChainBatch {
    /// Returns a batch of these messages with this permit.
    pub(crate) fn new(messages: Vec<ChainMessage>, permit: Permit) -> Self {
        Self { messages, _permit: permit }
    }

    /// Returns a batch of one event without a permit.
    pub(crate) fn of(event: RunEvent) -> Self {
        Self { messages: vec![ChainMessage::Event(Box::new(event))], _permit: None }
    }
}
