//! What a chain hands over to be told in its turn.
use crate::verify::schedule::ordered::Place;
use crate::verify::unlisted::named_logs::Names;
use trailproof_core::record::{LogJudged, PublicKeyTold, RunEvent};
use trailproof_core::trail_event::{Cause, KeyName};

/// What a chain says at once, and the place that this takes until it is told.
#[derive(Debug)]
pub(crate) struct Saying {
    pub(crate) says: Vec<ChainSays>,
    /// Given back when it is dropped.
    _place: Place,
}

/// What a run makes of a chain beside its events.
#[derive(Debug)]
pub(crate) enum ChainSays {
    /// The next event.
    Event(Box<RunEvent>),
    /// The next log file: an event too, and by far the most of them.
    Log(LogJudged),
    /// A public key by which the chain's digests are believed, before the first of them.
    Key(Box<PublicKeyTold>),
    /// Log files that a proven digest names: for the search for those that none names.
    Names(Names),
    /// Events of a verified log file that may explain a gap.
    Explains(Vec<Cause>),
    /// A key of KMS with which a log file of the chain is encrypted.
    EncryptedWith(KeyName),
}

impl Saying {
    /// These, in this place.
    pub(crate) fn new(says: Vec<ChainSays>, place: Place) -> Self {
        Self { says, _place: place }
    }

    /// An event that takes no place.
    pub(crate) fn of(event: RunEvent) -> Self {
        Self { says: vec![ChainSays::Event(Box::new(event))], _place: None }
    }
}
