//! The state that all connections of a server share.
use super::counters::{Counters, LoggedRequest};
use super::faults::FaultPlan;
use super::options::ServerOptions;
use super::route::Call;
use super::throttle::TokenBucket;
use crate::world::World;
use bytes::Bytes;
use md5::{Digest, Md5};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// The state that all connections of a server share.
#[derive(Debug)]
pub(super) struct State {
    world: RwLock<Arc<World>>,
    faults: RwLock<Arc<FaultPlan>>,
    attempts: Mutex<HashMap<u64, u32>>,
    log: Mutex<Vec<LoggedRequest>>,
    pub(super) options: ServerOptions,
    pub(super) counters: Counters,
    pub(super) etags: Etags,
    pub(super) throttle: Option<TokenBucket>,
}

/// ETags by body.
///
/// A body is identified by the address of its bytes. The cache keeps each body alive, so that no
/// other body can occupy that address.
#[derive(Debug, Default)]
pub(super) struct Etags(RwLock<HashMap<Place, (Bytes, Arc<str>)>>);

/// Position of a body's bytes in memory: address and length.
type Place = (usize, usize);

impl Etags {
    /// Returns the ETag of `body` without quotes: its MD5, as for any object that was uploaded in
    /// one part.
    pub(super) fn of(&self, body: &Bytes) -> Arc<str> {
        let place = (body.as_ptr().addr(), body.len());
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, etag)) = known.get(&place) {
            return Arc::clone(etag);
        }
        drop(known);
        let etag: Arc<str> = hex::encode(Md5::digest(body)).into();
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(place, (body.clone(), Arc::clone(&etag)));
        etag
    }
}

impl State {
    pub(super) fn new(world: Arc<World>, mut options: ServerOptions) -> Self {
        Self {
            world: RwLock::new(world),
            faults: RwLock::new(Arc::new(std::mem::take(&mut options.faults))),
            attempts: Mutex::default(),
            log: Mutex::default(),
            counters: Counters::new(),
            etags: Etags::default(),
            throttle: options.throttling.map(TokenBucket::new),
            options,
        }
    }

    /// Returns the current world. A request is served from one state of it throughout.
    pub(super) fn world(&self) -> Arc<World> {
        Arc::clone(&self.world.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn replace_world(&self, world: Arc<World>) {
        *self.world.write().unwrap_or_else(PoisonError::into_inner) = world;
    }

    pub(super) fn alter_world(&self, alter: impl FnOnce(&mut World)) {
        alter(Arc::make_mut(&mut self.world.write().unwrap_or_else(PoisonError::into_inner)));
    }

    pub(super) fn faults(&self) -> Arc<FaultPlan> {
        Arc::clone(&self.faults.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn replace_faults(&self, plan: FaultPlan) {
        *self.faults.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(plan);
    }

    /// Counts an attempt at `call` and returns its number.
    pub(super) fn next_attempt(&self, call: &Call) -> u32 {
        let identity = call.identity();
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let attempt = attempts.entry(identity).or_insert(0);
        *attempt = attempt.saturating_add(1);
        *attempt
    }

    pub(super) fn forget_attempts(&self) {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(super) fn log(&self) -> MutexGuard<'_, Vec<LoggedRequest>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
