//! The messages of a chain, which are reported when it is the chain's turn.
use crate::verify::schedule::ordered::Place;
use crate::verify::unlisted::named_logs::Names;
use trailproof_core::record::{LogJudged, PublicKeyTold, RunEvent};
use trailproof_core::trail_event::{Cause, KeyName};

/// A batch of messages, with the permit that it holds until it is reported.
#[derive(Debug)]
pub(crate) struct Saying {
    pub(crate) says: Vec<ChainSays>,
    /// Permit, released when the batch is dropped.
    _place: Place,
}

/// A message of a chain: an event, or something that the run needs from the chain.
#[derive(Debug)]
pub(crate) enum ChainSays {
    /// The next event.
    Event(Box<RunEvent>),
    /// The next log file. This is also an event, and by far the most frequent one.
    Log(LogJudged),
    /// A public key that proves digests of the chain, before the first of them.
    Key(Box<PublicKeyTold>),
    /// Log files that a proven digest names, for the search for unlisted log files.
    Names(Names),
    /// Events of a verified log file that may explain a gap.
    Explains(Vec<Cause>),
    /// A KMS key with which a log file of the chain is encrypted.
    EncryptedWith(KeyName),
}

impl Saying {
    /// Returns a batch of these messages with this permit.
    pub(crate) fn new(says: Vec<ChainSays>, place: Place) -> Self {
        Self { says, _place: place }
    }

    /// Returns a batch of one event without a permit.
    pub(crate) fn of(event: RunEvent) -> Self {
        Self { says: vec![ChainSays::Event(Box::new(event))], _place: None }
    }
}
