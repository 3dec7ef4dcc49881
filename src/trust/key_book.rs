//! Public keys of all regions. Each span is requested once, by the first chain that needs it.
use crate::trust::{KeyService, ServiceError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::digest::signing::{KeyRing, PublicKey};
use trailproof_core::record::PublicKeyUsed;
use trailproof_core::vocab::ids::Region;
use trailproof_core::vocab::time::Timestamp;
use trailproof_core::walk::facts::{Fact, PartialKeys};

type Span = (Region, Timestamp, Timestamp);
type Answer = Arc<OnceCell<Result<KeyRing, ReadFailure>>>;

/// The responses of a key service, cached.
#[derive(Debug)]
pub(crate) struct KeyBook {
    service: Arc<dyn KeyService>,
    now: Timestamp,
    answers: Mutex<BTreeMap<Span, Answer>>,
}

impl KeyBook {
    /// Wraps a service; `now` is the time of the run.
    pub(crate) fn new(service: Arc<dyn KeyService>, now: Timestamp) -> Self {
        Self { service, now, answers: Mutex::default() }
    }

    /// Returns the keys of `region` that were valid at some time in the span, as the fact that a
    /// walk takes.
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
            "no key bundle has the key, and the bundles are not known to have every key of \
             {region} for that time"
        );
        let why = ReadFailure::new(ReadFailureKind::KeysUnavailable, why);
        Fact::PartialKeys(PartialKeys { ring, all_of, all_since, why })
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

/// The keys of one chain's region: those that its walks were given, and those already reported.
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

    /// Returns the keys that were valid at some time in the span, as the fact that a walk takes.
    pub(crate) async fn ask(&mut self, from: Timestamp, to: Timestamp) -> Fact {
        let fact = self.book.keys(&self.region, from, to).await;
        if let Fact::Keys(ring) | Fact::PartialKeys(PartialKeys { ring, .. }) = &fact {
            self.had.extend(ring);
        }
        fact
    }

    /// Returns the keys that were valid at some time since `from`.
    pub(crate) async fn ask_since(&mut self, from: Timestamp) -> Fact {
        let now = self.book.now.max(from);
        self.ask(from, now).await
    }

    /// Returns the key of this fingerprint, but only the first time.
    pub(crate) fn untold(&mut self, fingerprint: &str) -> Option<PublicKeyUsed> {
        let key = self.had.get(fingerprint).filter(|_| !self.told.contains(fingerprint))?;
        self.told.insert(fingerprint.to_owned());
        let (valid_from, valid_to) = key.validity();
        Some(PublicKeyUsed {
            region: self.region.clone(),
            fingerprint: fingerprint.to_owned(),
            der: key.der().to_vec(),
            valid_from,
            valid_to,
            source: self.book.service.source(),
        })
    }
}

/// Returns the keys of a region that were valid at some time in the span. Without a region, the
/// service's own region is used, which is the one that the caller of `validate-logs` named.
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
