//! The single HTTP client that all AWS clients share.
//!
//! It is the SDK's own stack (hyper 1, rustls on aws-lc-rs), built here for three reasons: one
//! connection pool for the clients of all regions, proxies from the environment, and the
//! certificates of `AWS_CA_BUNDLE`, which the AWS CLI honours and the SDK does not.
use super::bounded::BoundedClient;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::shared::IntoShared as _;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::time::Duration;

/// How long an idle connection is kept. S3 and the load balancers of other stores close idle
/// connections themselves; the shortest limit in common use is about 20 seconds. With a shorter
/// time, a request rarely gets a connection that is being closed.
const IDLE: Duration = Duration::from_secs(15);

/// Idle connections kept for each host: the largest number of requests ever in flight (512,
/// HOTPATH: 5,000 objects a second at 100 ms), so that a lull does not discard TLS sessions that
/// are needed again a moment later.
const IDLE_PER_HOST: usize = 512;

/// Certificates to trust instead of the system's. There is at least one, and each is usable.
#[derive(Clone, Debug)]
pub struct Roots(TlsContext);

impl Roots {
    /// Parses certificates in PEM.
    ///
    /// # Errors
    ///
    /// There is no certificate, or one is unusable. The SDK would panic over it at the first
    /// connection.
    pub fn from_pem(pem: &[u8]) -> Result<Self, String> {
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| error.to_string())?;
            store.add(certificate).map_err(|error| error.to_string())?;
        }
        if store.is_empty() {
            return Err("it contains no certificate".to_owned());
        }
        let trusted = TrustStore::empty().with_native_roots(false).with_pem_certificate(pem);
        let context = TlsContext::builder().with_trust_store(trusted).build();
        context.map(Self).map_err(|error| error.to_string())
    }

    /// Returns an empty set: TLS connections fail, and others work.
    ///
    /// # Errors
    ///
    /// No known case.
    pub fn none() -> Result<Self, String> {
        let trusted = TrustStore::empty().with_native_roots(false);
        let context = TlsContext::builder().with_trust_store(trusted).build();
        context.map(Self).map_err(|error| error.to_string())
    }
}

/// Returns whether the system has any usable root certificate.
pub fn system_has_roots() -> bool {
    let mut store = RootCertStore::empty();
    let (usable, _) =
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    usable > 0
}

/// Returns the client. It trusts `roots`, or the system's certificates if `roots` is `None`.
pub fn client(roots: Option<Roots>) -> SharedHttpClient {
    // The outer builder passes pool settings to connectors only in its own build methods, so each
    // connector is configured directly.
    let client = Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder()
            .enable_tcp_nodelay(true)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        let connector = connector.tls_provider(Provider::Rustls(CryptoMode::AwsLc));
        match &roots {
            Some(roots) => connector.tls_context(roots.0.clone()).build(),
            None => connector.build(),
        }
    });
    BoundedClient(client).into_shared()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_no_usable_certificate_is_refused() {
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for pem in ["", "no certificate", garbage, "-----BEGIN CERTIFICATE-----\n"] {
            assert!(Roots::from_pem(pem.as_bytes()).is_err(), "{pem}");
        }
    }
}
