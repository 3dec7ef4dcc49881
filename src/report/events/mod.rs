//! The events that a search found, in every format. Hits are written as they come.
mod formats;
mod searched;

pub(crate) use self::formats::{EventFormat, EventWriter, guarded, left_out, summary};
pub(crate) use self::searched::{EventHit, EventRates, EventsSearched, NotConfirmed};
