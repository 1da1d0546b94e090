//! A connection to an address that was looked at first.
//!
//! A name is resolved once, each address is judged, and a judged address is connected to: no second answer of a name server
//! can lead elsewhere. Proxies of the environment are not used: a proxy would resolve the name itself.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::{PathAndQuery, Scheme};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::address::forbidden;

/// One address of several has so long to answer.
const ADDRESS_ANSWERS_WITHIN: Duration = Duration::from_secs(3);

/// Where a notice is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether it is spoken to over TLS. Only loopback may be without.
    secure: bool,
    /// The host, as it is resolved.
    host: String,
    port: u16,
    /// The value of the header `host`.
    pub authority: String,
    /// What is asked for.
    pub path: PathAndQuery,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The URL is none that is spoken to.
    #[error("the URL is not one of https")]
    NotHttps,
    /// All addresses of the name are such that nobody is told there.
    #[error("{address} {why}")]
    Forbidden {
        /// One of them.
        address: IpAddr,
        /// Why.
        why: &'static str,
    },
    /// The name has no address.
    #[error("the name has no address")]
    NoAddress,
    /// Nobody answered.
    #[error("no connection")]
    Io(#[from] io::Error),
    /// TLS cannot be spoken at all here.
    #[error("TLS cannot be used")]
    Tls(#[from] rustls::Error),
}

impl Endpoint {
    /// Reads a URL: of https, or where loopback is allowed also of http to a loopback address.
    ///
    /// # Errors
    /// Any other.
    pub fn parse(url: &str, allow_loopback: bool) -> Result<Self, ConnectionError> {
        let uri: Uri = url.parse().map_err(|_| ConnectionError::NotHttps)?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(ConnectionError::NotHttps);
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let secure = *scheme == Scheme::HTTPS;
        let is_loopback = || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        let is_plain = *scheme == Scheme::HTTP && allow_loopback && is_loopback();
        if authority.as_str().contains('@') || host.is_empty() || !(secure || is_plain) {
            return Err(ConnectionError::NotHttps);
        }
        Ok(Self {
            secure,
            host: host.to_string(),
            port: authority.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            authority: authority.to_string(),
            path: uri
                .path_and_query()
                .cloned()
                .unwrap_or_else(|| PathAndQuery::from_static("/")),
        })
    }
}

/// Opens connections.
#[derive(Debug, Default)]
pub struct Connector {
    /// Whether loopback addresses may be spoken to: for tests.
    allow_loopback: bool,
    /// Read when the first notice is sent: who tells nobody needs no certificates in memory.
    tls: OnceCell<Arc<ClientConfig>>,
}

impl Connector {
    /// Refuses what must not be spoken to; with `allow_loopback`, not loopback.
    pub fn new(allow_loopback: bool) -> Self {
        Self {
            allow_loopback,
            tls: OnceCell::new(),
        }
    }

    /// One that trusts these certificates alone.
    #[cfg(test)]
    pub fn trusting(roots: RootCertStore) -> Self {
        Self {
            allow_loopback: true,
            tls: OnceCell::new_with(Some(Arc::new(config(roots).unwrap()))),
        }
    }

    /// A connection to one of an endpoint's addresses.
    ///
    /// # Errors
    /// None of them may be spoken to, or none answers as it should.
    pub async fn open(&self, endpoint: &Endpoint) -> Result<Connection, ConnectionError> {
        let mut failed = ConnectionError::NoAddress;
        for address in tokio::net::lookup_host((endpoint.host.as_str(), endpoint.port)).await? {
            if let Some(why) = forbidden(address.ip(), self.allow_loopback) {
                let address = address.ip();
                failed = ConnectionError::Forbidden { address, why };
                continue;
            }
            match timeout(ADDRESS_ANSWERS_WITHIN, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return self.secured(endpoint, stream).await,
                Ok(Err(error)) => failed = error.into(),
                Err(_) => failed = io::Error::from(io::ErrorKind::TimedOut).into(),
            }
        }
        Err(failed)
    }

    async fn secured(&self, endpoint: &Endpoint, stream: TcpStream) -> Result<Connection, ConnectionError> {
        if !endpoint.secure {
            return Ok(Connection::Plain(stream));
        }
        let config = self.tls.get_or_try_init(system_config).await?.clone();
        let name = ServerName::try_from(endpoint.host.clone()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(config).connect(name, stream).await?;
        Ok(Connection::Tls(Box::new(stream)))
    }
}

/// The certificates that the system trusts, as for AWS: `SSL_CERT_FILE` names others.
async fn system_config() -> Result<Arc<ClientConfig>, rustls::Error> {
    let roots = tokio::task::spawn_blocking(|| {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "certificates of the system could not be read");
        }
        roots.add_parsable_certificates(found.certs);
        roots
    });
    let roots = roots
        .await
        .map_err(|_| rustls::Error::General("no certificates".into()))?;
    config(roots).map(Arc::new)
}

fn config(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// A connection, over TLS or (to loopback, in tests) without.
#[derive(Debug)]
pub enum Connection {
    /// Without.
    Plain(TcpStream),
    /// Over TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, into),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, into),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_https_and_without_it_only_loopback_in_tests() {
        let parse = |url: &str, loopback| {
            let parsed = Endpoint::parse(url, loopback).ok();
            parsed.map(|to| format!("{} {} {} {}", to.secure, to.host, to.port, to.path))
        };
        for (url, expected, in_tests) in [
            ("https://example.com", Some("true example.com 443 /"), None),
            (
                "https://example.com:8443/a?b=c",
                Some("true example.com 8443 /a?b=c"),
                None,
            ),
            ("https://[2001:db8::1]/", Some("true 2001:db8::1 443 /"), None),
            ("https://169.254.169.254/", Some("true 169.254.169.254 443 /"), None),
            ("http://example.com/", None, None),
            ("http://127.0.0.1:81/x", None, Some("false 127.0.0.1 81 /x")),
            ("http://[::1]/", None, Some("false ::1 80 /")),
            ("http://localhost/", None, None),
            ("http://10.0.0.1/", None, None),
            ("https://user@example.com/", None, None),
            ("ftp://example.com/", None, None),
            ("example.com", None, None),
            ("/x", None, None),
        ] {
            assert_eq!(parse(url, false).as_deref(), expected, "{url}");
            assert_eq!(parse(url, true).as_deref(), in_tests.or(expected), "{url}, in tests");
        }
    }

    #[tokio::test]
    async fn nobody_is_connected_to_whose_every_address_is_forbidden() {
        let connector = Connector::new(false);
        for url in [
            "https://127.0.0.1/",
            "https://localhost/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://169.254.169.254/",
            "https://[fe80::1]/",
            "https://0.0.0.0/",
        ] {
            let endpoint = Endpoint::parse(url, false).unwrap();
            let error = connector.open(&endpoint).await.unwrap_err();
            assert!(matches!(error, ConnectionError::Forbidden { .. }), "{url}: {error:?}");
        }
        // Not by the names that numbers have besides: whoever resolves them, the address is what counts.
        for url in ["https://2130706433/", "https://0x7f.1/", "https://0177.0.0.1/"] {
            let endpoint = Endpoint::parse(url, false).unwrap();
            assert!(connector.open(&endpoint).await.is_err(), "{url}");
        }
    }
}
