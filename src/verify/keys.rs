//! Public keys of all regions, each span asked for once whoever needs it first.
use crate::core::failure::{ReadFailure, ReadFailureKind};
use crate::core::ids::Region;
use crate::core::signing::{KeyRing, PublicKey};
use crate::core::time::Timestamp;
use crate::trust::KeyService;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

type Span = (Region, Timestamp, Timestamp);
type Answer = Arc<OnceCell<Result<KeyRing, ReadFailure>>>;

/// Answers of a key service, kept.
#[derive(Debug)]
pub(super) struct KeyBook {
    service: Arc<dyn KeyService>,
    answers: Mutex<BTreeMap<Span, Answer>>,
}

impl KeyBook {
    pub(super) fn new(service: Arc<dyn KeyService>) -> Self {
        Self { service, answers: Mutex::default() }
    }

    /// The keys of `region` that were valid at some time in the span.
    pub(super) async fn keys(
        &self,
        region: &Region,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<KeyRing, ReadFailure> {
        let answer = {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(answers.entry((region.clone(), from, to)).or_default())
        };
        answer.get_or_init(|| self.ask(region, from, to)).await.clone()
    }

    async fn ask(
        &self,
        region: &Region,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<KeyRing, ReadFailure> {
        let records = self.service.keys(Some(region), from, to).await.map_err(|error| {
            ReadFailure::new(ReadFailureKind::KeysUnavailable, error.to_string())
        })?;
        let mut ring = KeyRing::default();
        for record in records {
            let key = PublicKey::new(record.fingerprint, &record.der);
            ring.add(key.valid_between(record.valid_from, record.valid_to));
        }
        Ok(ring)
    }
}
