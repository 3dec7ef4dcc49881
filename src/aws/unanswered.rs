//! Requests that got no answer, in plain words. Every client of every service uses the connector that
//! makes them, so that this is the one place where a failed connection becomes text.
use super::error_chain::causes;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::result::ConnectorError;
use rustls::CertificateError;
use std::error::Error;
use std::{env, fmt, io};
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::location::excerpt;

/// The variables that name a proxy, as the SDK reads them.
const PROXIES: [&str; 6] =
    ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];

/// A request that got no answer: to which host, and why.
#[derive(Debug)]
pub(super) struct Unanswered {
    host: String,
    how: How,
    /// A variable that names a proxy, if one is set.
    proxy: Option<&'static str>,
    cause: BoxError,
}

/// Why there was no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
enum How {
    NameUnknown,
    Refused,
    Unreachable,
    /// No connection in time.
    NotConnected,
    /// A connection, and no answer in time.
    Silent,
    /// The connection ended.
    Broken,
    Certificate(CertificateFault),
    /// The host does not answer in TLS.
    Plain,
    ProxyLogin,
    ProxyRefused,
    Other(String),
}

/// Why the certificate of a host is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
enum CertificateFault {
    UnknownIssuer,
    Expired,
    NotYetValid,
    OtherName,
    Unusable,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = excerpt(&self.host, SHOWN);
        match &self.how {
            How::NameUnknown => {
                write!(f, "cannot reach `{host}`: its name cannot be resolved")?;
            }
            How::Refused => write!(f, "cannot reach `{host}`: the connection was refused")?,
            How::Unreachable => write!(f, "cannot reach `{host}`: no route leads to it")?,
            How::NotConnected => write!(f, "cannot reach `{host}`: no connection in time")?,
            How::Silent => write!(f, "`{host}` did not answer in time")?,
            How::Broken => write!(f, "`{host}` ended the connection without an answer")?,
            How::Certificate(fault) => {
                write!(f, "cannot trust `{host}`: ")?;
                match fault {
                    CertificateFault::UnknownIssuer => f.write_str(
                        "no authority that this machine trusts signed its certificate \
                         (`--ca-bundle` or `AWS_CA_BUNDLE` names others)",
                    )?,
                    CertificateFault::Expired => f.write_str(
                        "its certificate has expired, or this machine's clock is wrong",
                    )?,
                    CertificateFault::NotYetValid => f.write_str(
                        "its certificate is not valid yet, or this machine's clock is wrong",
                    )?,
                    CertificateFault::OtherName => {
                        f.write_str("its certificate is for a different name")?;
                    }
                    CertificateFault::Unusable => f.write_str(
                        "its certificate is not one of a server that this machine accepts",
                    )?,
                }
            }
            How::Plain => write!(f, "cannot reach `{host}`: it does not answer in TLS")?,
            How::ProxyLogin => write!(f, "cannot reach `{host}`: the proxy requires a login")?,
            How::ProxyRefused => write!(f, "cannot reach `{host}`: the proxy refused it")?,
            How::Other(why) => {
                write!(f, "the request to `{host}` failed: {}", excerpt(why, SHOWN))?;
            }
        }
        match self.proxy {
            Some(variable) => write!(f, " (the variable `{variable}` names a proxy)"),
            None => Ok(()),
        }
    }
}

impl Error for Unanswered {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.cause.as_ref())
    }
}

/// Returns `error` in plain words and of the same kind, by which the SDK decides about retries.
pub(super) fn worded(error: ConnectorError, host: String) -> ConnectorError {
    let (is_timeout, is_io, is_user) = (error.is_timeout(), error.is_io(), error.is_user());
    let other = error.as_other();
    let connection = error.connection_metadata().cloned();
    let cause = error.into_source();
    let how = how(cause.as_ref(), is_timeout);
    let set = |name: &&&str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let proxy = PROXIES.iter().find(set).copied();
    let source: BoxError = Box::new(Unanswered { host, how, proxy, cause });
    let worded = if is_timeout {
        ConnectorError::timeout(source)
    } else if is_io {
        ConnectorError::io(source)
    } else if is_user {
        ConnectorError::user(source)
    } else {
        ConnectorError::other(source, other)
    };
    match connection {
        Some(connection) => worded.with_connection(connection),
        None => worded,
    }
}

/// Returns the host, and the port if there is one, that an address names.
pub(super) fn host(uri: &str) -> &str {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

fn how(error: &(dyn Error + 'static), is_timeout: bool) -> How {
    // The innermost cause knows most.
    let mut found = None;
    let mut last = String::new();
    for cause in causes(error) {
        last = cause.to_string();
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return of_tls(tls);
        }
        // Neither the resolver nor tunnels have a type of error that can be named here.
        if last.contains("dns error") {
            return How::NameUnknown;
        }
        if last.contains("proxy authorization required") {
            return How::ProxyLogin;
        }
        if last.contains("tunnel error") {
            found = Some(How::ProxyRefused);
        }
        if is_timeout && last.contains("connect timeout") {
            return How::NotConnected;
        }
        let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        found = kind.and_then(of_kind).or(found);
        // Hyper's words for a connection that ends before its answer has begun, which is no error of
        // the system.
        let ended = ["connection closed before message completed", "operation was canceled"];
        if ended.iter().any(|words| last.contains(words)) {
            found = found.or(Some(How::Broken));
        }
    }
    match found {
        Some(how) => how,
        None if is_timeout => How::Silent,
        None => How::Other(last),
    }
}

fn of_kind(kind: io::ErrorKind) -> Option<How> {
    use io::ErrorKind as Kind;
    Some(match kind {
        Kind::ConnectionRefused => How::Refused,
        Kind::HostUnreachable
        | Kind::NetworkUnreachable
        | Kind::NetworkDown
        | Kind::AddrNotAvailable => How::Unreachable,
        Kind::TimedOut => How::NotConnected,
        Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::BrokenPipe
        | Kind::UnexpectedEof => How::Broken,
        _ => return None,
    })
}

fn of_tls(error: &rustls::Error) -> How {
    use CertificateError as Fault;
    let fault = match error {
        rustls::Error::InvalidCertificate(fault) => fault,
        rustls::Error::InvalidMessage(_) => return How::Plain,
        other => return How::Other(other.to_string()),
    };
    How::Certificate(match fault {
        Fault::UnknownIssuer => CertificateFault::UnknownIssuer,
        Fault::Expired | Fault::ExpiredContext { .. } => CertificateFault::Expired,
        Fault::NotValidYet | Fault::NotValidYetContext { .. } => CertificateFault::NotYetValid,
        Fault::NotValidForName | Fault::NotValidForNameContext { .. } => {
            CertificateFault::OtherName
        }
        // Their words are made for developers.
        _ => CertificateFault::Unusable,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::InvalidMessage;

    /// An error of the kind that hyper wraps others in.
    #[derive(Debug)]
    struct Wrapped(&'static str, Option<BoxError>);

    impl fmt::Display for Wrapped {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Wrapped {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            let cause = self.1.as_deref()?;
            Some(cause)
        }
    }

    fn system(kind: io::ErrorKind) -> BoxError {
        Box::new(Wrapped("client error (Connect)", Some(Box::new(io::Error::from(kind)))))
    }

    fn tls(error: rustls::Error) -> BoxError {
        let broken = io::Error::new(io::ErrorKind::InvalidData, error);
        Box::new(Wrapped("client error (Connect)", Some(Box::new(broken))))
    }

    fn certificate(error: CertificateError) -> BoxError {
        tls(rustls::Error::InvalidCertificate(error))
    }

    /// One row for each way in which a connection fails.
    #[test]
    fn every_failure_has_words() {
        use io::ErrorKind as Kind;
        let plain = |text: &'static str| -> BoxError { Box::new(Wrapped(text, None)) };
        let nested = |text: &'static str| -> BoxError {
            Box::new(Wrapped("client error (Connect)", Some(Box::new(Wrapped(text, None)))))
        };
        for (error, is_timeout, words) in [
            (nested("dns error"), false, "cannot reach `h:1`: its name cannot be resolved"),
            (
                system(Kind::ConnectionRefused),
                false,
                "cannot reach `h:1`: the connection was refused",
            ),
            (system(Kind::NetworkUnreachable), false, "cannot reach `h:1`: no route leads to it"),
            (system(Kind::HostUnreachable), false, "cannot reach `h:1`: no route leads to it"),
            (system(Kind::ConnectionReset), false, "`h:1` ended the connection without an answer"),
            (
                plain("connection closed before message completed"),
                false,
                "`h:1` ended the connection without an answer",
            ),
            (
                plain("HTTP connect timeout occurred after 3.1s"),
                true,
                "cannot reach `h:1`: no connection in time",
            ),
            (plain("HTTP read timeout occurred after 30s"), true, "`h:1` did not answer in time"),
            (
                certificate(CertificateError::UnknownIssuer),
                false,
                "cannot trust `h:1`: no authority that this machine trusts signed its certificate \
                 (`--ca-bundle` or `AWS_CA_BUNDLE` names others)",
            ),
            (
                certificate(CertificateError::Expired),
                false,
                "cannot trust `h:1`: its certificate has expired, or this machine's clock is wrong",
            ),
            (
                certificate(CertificateError::NotValidYet),
                false,
                "cannot trust `h:1`: its certificate is not valid yet, or this machine's clock is \
                 wrong",
            ),
            (
                certificate(CertificateError::NotValidForName),
                false,
                "cannot trust `h:1`: its certificate is for a different name",
            ),
            (
                tls(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)),
                false,
                "cannot reach `h:1`: it does not answer in TLS",
            ),
            (
                nested("tunnel error: proxy authorization required"),
                false,
                "cannot reach `h:1`: the proxy requires a login",
            ),
            (
                nested("tunnel error: unsuccessful"),
                false,
                "cannot reach `h:1`: the proxy refused it",
            ),
            (
                nested("something\u{1b}[2J else"),
                false,
                "the request to `h:1` failed: something\\u{1b}[2J else",
            ),
        ] {
            let how = how(error.as_ref(), is_timeout);
            let shown = Unanswered { host: "h:1".to_owned(), how, proxy: None, cause: "x".into() };
            assert_eq!(shown.to_string(), words);
        }
    }

    #[test]
    fn the_kind_of_the_error_is_kept_and_the_proxy_named() {
        let worded = |error: ConnectorError| worded(error, "h".to_owned());
        assert!(worded(ConnectorError::io("x".into())).is_io());
        assert!(worded(ConnectorError::timeout("x".into())).is_timeout());
        assert!(worded(ConnectorError::user("x".into())).is_user());
        assert!(worded(ConnectorError::other("x".into(), None)).is_other());
        let (host, proxy) = ("h".to_owned(), Some("HTTPS_PROXY"));
        let refused = Unanswered { host, how: How::Refused, proxy, cause: "x".into() };
        assert!(refused.to_string().ends_with(" (the variable `HTTPS_PROXY` names a proxy)"));
    }

    #[test]
    fn a_host_is_read_without_its_secrets() {
        for (uri, expected) in [
            (
                "https://b.s3.eu-west-1.amazonaws.com/k?x-id=GetObject",
                "b.s3.eu-west-1.amazonaws.com",
            ),
            ("http://127.0.0.1:9", "127.0.0.1:9"),
            ("https://user:pass@h:1/x@y", "h:1"),
            ("https://[::1]:9000?x", "[::1]:9000"),
            ("", ""),
        ] {
            assert_eq!(host(uri), expected);
        }
    }
}
