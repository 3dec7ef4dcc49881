//! How a response marks the end of its body.
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Records whether the response to one request marks the end of its body: by a length, or by
/// chunks, of which the last is marked. Without either, the body ends with the connection, and a
/// body that was cut off looks complete. The operation's output does not contain these headers.
#[derive(Clone, Debug, Default)]
pub(super) struct Framing(Arc<AtomicBool>);

impl Framing {
    /// Returns whether the response did not mark its end.
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
        let markers = ["content-length", "transfer-encoding"];
        self.0.store(markers.into_iter().any(|name| headers.contains_key(name)), Ordering::Relaxed);
        Ok(())
    }
}
