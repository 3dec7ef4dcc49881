//! The stream of a run: its results, in canonical order. Every output is made from it, and the same
//! evidence gives the same stream at any concurrency.
mod acceptance;
mod asked;
mod chain_tally;
pub mod document;
mod event;
mod exception;
mod place;
mod place_doubt;
mod proven_log;
mod run_tally;
mod storage_tally;
mod stored_as;
mod summary;
pub mod wire;

pub use self::acceptance::{AcceptanceTally, Objections, SeeObjection};
pub use self::asked::{Asked, Evidence};
pub use self::chain_tally::ChainTally;
pub use self::event::{
    BuildIdentity, DigestJudged, DigestLink, DigestProof, Follows, KEYS_OF_MIRROR, LogJudged,
    LogNamed, ObjectFacts, PublicKeyUsed, RunEvent, RunEventName, RunStart, SeamJudged, SourceTree,
    Tool,
};
pub use self::exception::{
    AcceptedException, AcceptedExceptions, ExceptionIndex, ExceptionSubject, ExceptionsJudged,
    Objection, ObjectionCode, SubjectForm,
};
pub use self::place::{DeliveredTo, EvidencePlace, ReadKind, ReadPlace, ReadVersions};
pub use self::place_doubt::{PlaceDoubt, PlaceInDoubt, PlacesAnswered};
pub use self::proven_log::{CarryingDigest, ProvenLog, ProvenLogFinder};
pub use self::run_tally::RunTally;
pub use self::storage_tally::{EncryptedWith, Group, LATE, StorageTallies, StorageTally, Values};
pub use self::stored_as::{Encryption, LockMode, Replication, StorageClass, StoredAs};
pub use self::summary::{ChainSummary, Counts, CoverageTotals, Presence, RunSummary};
