//! Event history: what LookupEvents returns of the last 90 days. Nobody signed it.
use super::failure::{senseless, service_error, setup_error};
use super::services::CloudTrail;
use crate::trust::{BoxFuture, EventHistory, HistoryPage, HistoryRequest, ServiceError};
use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_cloudtrail::types::{LookupAttribute, LookupAttributeKey};
use trailproof_core::vocab::budget;

const LOOKUP_EVENTS: &str = "LookupEvents";

/// The most events that one response has.
const PAGE: i32 = 50;

impl CloudTrail {
    async fn page(&self, request: &HistoryRequest) -> Result<HistoryPage, ServiceError> {
        let client = self
            .clients
            .trails(Some(&request.region))
            .map_err(|error| setup_error(LOOKUP_EVENTS, &error))?;
        let named = request.name.as_ref().map(|name| {
            let attribute = LookupAttribute::builder()
                .attribute_key(LookupAttributeKey::EventName)
                .attribute_value(name);
            attribute.build().map(|attribute| vec![attribute])
        });
        let named =
            named.transpose().map_err(|_| senseless(LOOKUP_EVENTS, "takes no such name"))?;
        let page = client
            .lookup_events()
            .set_lookup_attributes(named)
            .start_time(DateTime::from_secs(request.from.unix()))
            .end_time(DateTime::from_secs(request.to.unix()))
            .max_results(PAGE)
            .set_next_token(request.next.clone())
            .send()
            .await
            .map_err(|error| service_error(LOOKUP_EVENTS, &error))?;
        let events = page.events.unwrap_or_default().into_iter();
        let events = events.filter_map(|event| event.cloud_trail_event);
        Ok(HistoryPage {
            events: events.filter(|event| event.len() <= budget::HISTORY_EVENT).collect(),
            next: page.next_token.filter(|token| !token.is_empty()),
        })
    }
}

#[deny(clippy::missing_trait_methods)]
impl EventHistory for CloudTrail {
    fn events<'a>(
        &'a self,
        request: &'a HistoryRequest,
    ) -> BoxFuture<'a, Result<HistoryPage, ServiceError>> {
        Box::pin(self.page(request))
    }
}
