//! Public keys of all regions, each span asked for once whoever needs it first.
use crate::trust::{KeyService, ServiceError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::digest::signing::{KeyRing, PublicKey};
use trailproof_core::record::PublicKeyTold;
use trailproof_core::vocab::ids::Region;
use trailproof_core::vocab::time::Timestamp;
use trailproof_core::walk::facts::{Fact, KeysInPart};

type Span = (Region, Timestamp, Timestamp);
type Answer = Arc<OnceCell<Result<KeyRing, ReadFailure>>>;

/// Answers of a key service, kept.
#[derive(Debug)]
pub(crate) struct KeyBook {
    service: Arc<dyn KeyService>,
    now: Timestamp,
    answers: Mutex<BTreeMap<Span, Answer>>,
}

impl KeyBook {
    /// Over what this service answers; `now` is the time of the run.
    pub(crate) fn new(service: Arc<dyn KeyService>, now: Timestamp) -> Self {
        Self { service, now, answers: Mutex::default() }
    }

    /// The keys of `region` that were valid at some time in the span, as the fact that a walk takes.
    pub(crate) async fn keys(&self, region: &Region, from: Timestamp, to: Timestamp) -> Fact {
        let answer = {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(answers.entry((region.clone(), from, to)).or_default())
        };
        match answer.get_or_init(|| self.ask(region, from, to)).await.clone() {
            Ok(ring) => self.in_part(region, from, to, ring),
            Err(why) => Fact::KeysFailed(why),
        }
    }

    fn in_part(&self, region: &Region, from: Timestamp, to: Timestamp, ring: KeyRing) -> Fact {
        let Some(all_of) = self.service.covered(Some(region)) else { return Fact::Keys(ring) };
        if all_of.iter().any(|(first, last)| *first <= from && to <= *last) {
            return Fact::Keys(ring);
        }
        let all_since = self.service.all_since(Some(region));
        let why = format!(
            "the key is in no bundle, and these are not known to have all keys of {region} for \
             that time"
        );
        let why = ReadFailure::new(ReadFailureKind::KeysUnavailable, why);
        Fact::KeysInPart(KeysInPart { ring, all_of, all_since, why })
    }

    async fn ask(
        &self,
        region: &Region,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<KeyRing, ReadFailure> {
        ask_keys(self.service.as_ref(), Some(region), from, to)
            .await
            .map_err(|error| ReadFailure::new(ReadFailureKind::KeysUnavailable, error.to_string()))
    }
}

/// The keys of one chain's region: what its walks were given, and which of it was told.
#[derive(Debug)]
pub(crate) struct ChainKeys {
    region: Region,
    book: Arc<KeyBook>,
    had: KeyRing,
    told: BTreeSet<String>,
}

impl ChainKeys {
    pub(crate) fn new(region: &Region, book: Arc<KeyBook>) -> Self {
        let region = region.clone();
        Self { region, book, had: KeyRing::default(), told: BTreeSet::new() }
    }

    /// The keys that were valid at some time in the span, as the fact that a walk takes.
    pub(crate) async fn ask(&mut self, from: Timestamp, to: Timestamp) -> Fact {
        let fact = self.book.keys(&self.region, from, to).await;
        if let Fact::Keys(ring) | Fact::KeysInPart(KeysInPart { ring, .. }) = &fact {
            self.had.extend(ring);
        }
        fact
    }

    /// The keys that were valid at some time since then.
    pub(crate) async fn ask_since(&mut self, from: Timestamp) -> Fact {
        let now = self.book.now.max(from);
        self.ask(from, now).await
    }

    /// The key of this fingerprint, the first time that it is asked for.
    pub(crate) fn untold(&mut self, fingerprint: &str) -> Option<PublicKeyTold> {
        let key = self.had.get(fingerprint).filter(|_| !self.told.contains(fingerprint))?;
        self.told.insert(fingerprint.to_owned());
        let (valid_from, valid_to) = key.validity();
        Some(PublicKeyTold {
            region: self.region.clone(),
            fingerprint: fingerprint.to_owned(),
            der: key.der().to_vec(),
            valid_from,
            valid_to,
            source: self.book.service.source(),
        })
    }
}

/// The keys of a region that were valid at some time in the span; without a region, of the
/// service's own, which is the one that the caller of `validate-logs` named.
pub(crate) async fn ask_keys(
    service: &dyn KeyService,
    region: Option<&Region>,
    from: Timestamp,
    to: Timestamp,
) -> Result<KeyRing, ServiceError> {
    let mut ring = KeyRing::default();
    for record in service.keys(region, from, to).await? {
        let key = PublicKey::new(record.fingerprint, &record.der);
        ring.add(key.valid_between(record.valid_from, record.valid_to));
    }
    Ok(ring)
}
