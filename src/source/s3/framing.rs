//! How an answer tells where its body ends.
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Notes of one request whether its answer tells where the body ends: by a length, or in chunks, of
/// which the last says so. Without either the body ends with the connection, and one that was cut off
/// looks whole. The operation's output does not hold these headers.
#[derive(Clone, Debug, Default)]
pub(super) struct Framing(Arc<AtomicBool>);

impl Framing {
    /// Whether the answer told no end.
    pub(super) fn is_none(&self) -> bool {
        !self.0.load(Ordering::Relaxed)
    }
}

#[dyn_dispatch_hint]
impl Intercept for Framing {
    fn name(&self) -> &'static str {
        "Framing"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.response().headers();
        let told = ["content-length", "transfer-encoding"];
        self.0.store(told.into_iter().any(|name| headers.contains_key(name)), Ordering::Relaxed);
        Ok(())
    }
}
