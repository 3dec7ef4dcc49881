//! Limits what one answer of a service takes: whoever runs the endpoint decides how long it is, and
//! the SDK holds all of it in memory. Requests without an answer fail in plain words.
use super::unanswered;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::{Error, SdkBody};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use trailproof_core::vocab::budget;

/// The parameter by which the SDK marks the one request whose answer is read as it arrives, within
/// budgets of its own.
const STREAMED: &str = "x-id=GetObject";

/// A client whose answers have limits.
#[derive(Clone, Debug)]
pub(super) struct BoundedClient(pub(super) SharedHttpClient);

impl HttpClient for BoundedClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(BoundedConnector(self.0.http_connector(settings, components)))
    }
}

#[derive(Debug)]
struct BoundedConnector(SharedHttpConnector);

impl HttpConnector for BoundedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let query = request.uri().split_once('?').map_or("", |(_, query)| query);
        let streamed = query.split('&').any(|parameter| parameter == STREAMED);
        let host = unanswered::host(request.uri()).to_owned();
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            match answer.await {
                Ok(answer) => Ok(bounded(answer, streamed)),
                Err(error) => Err(unanswered::worded(error, host)),
            }
        })
    }
}

fn bounded(answer: HttpResponse, streamed: bool) -> HttpResponse {
    let limit = match answer.status().is_success() {
        true if streamed => return answer,
        true => Limit { bytes: budget::ANSWER, cuts: false },
        // Only the beginning of an error is of interest, and its status is known already.
        false => Limit { bytes: budget::ERROR_ANSWER, cuts: true },
    };
    answer.map(|inner| SdkBody::from_body_1_x(BoundedBody { inner, limit }))
}

/// What is left of a body's budget.
#[derive(Clone, Copy, Debug)]
struct Limit {
    bytes: usize,
    /// Whether a longer body ends here, instead of failing.
    cuts: bool,
}

#[derive(Debug)]
struct BoundedBody {
    inner: SdkBody,
    limit: Limit,
}

impl Body for BoundedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.limit.bytes == 0 && self.limit.cuts {
            return Poll::Ready(None);
        }
        let frame = match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
            Some(Ok(frame)) => frame,
            ended => return Poll::Ready(ended),
        };
        Poll::Ready(match frame.into_data() {
            Ok(mut data) => match self.limit.bytes.checked_sub(data.len()) {
                Some(left) => {
                    self.limit.bytes = left;
                    Some(Ok(Frame::data(data)))
                }
                None if self.limit.cuts => {
                    data.truncate(self.limit.bytes);
                    self.limit.bytes = 0;
                    Some(Ok(Frame::data(data)))
                }
                None => Some(Err("the answer is longer than the limit of trailproof".into())),
            },
            Err(trailers) => Some(Ok(trailers)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let hint = Body::size_hint(&self.inner);
        let bytes = u64::try_from(self.limit.bytes).unwrap_or(u64::MAX);
        match hint.upper() {
            Some(upper) if upper <= bytes => hint,
            _ => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_runtime_api::http::StatusCode;

    async fn read(status: u16, length: usize, streamed: bool) -> Result<usize, Error> {
        let status = StatusCode::try_from(status).unwrap();
        let answer = HttpResponse::new(status, SdkBody::from(vec![b'x'; length]));
        let mut body = bounded(answer, streamed).into_body();
        let mut read = 0;
        while let Some(frame) =
            std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await
        {
            read += frame?.into_data().map_or(0, |data| data.len());
        }
        Ok(read)
    }

    #[tokio::test]
    async fn errors_are_cut_long_answers_fail_and_objects_have_no_limit_here() {
        let (answer, error) = (budget::ANSWER, budget::ERROR_ANSWER);
        assert_eq!(read(200, answer, false).await.unwrap(), answer);
        assert!(read(200, answer + 1, false).await.is_err());
        assert_eq!(read(200, answer + 1, true).await.unwrap(), answer + 1);
        for streamed in [false, true] {
            assert_eq!(read(403, error, streamed).await.unwrap(), error);
            assert_eq!(read(403, error + 1, streamed).await.unwrap(), error);
        }
    }
}
