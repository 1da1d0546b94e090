//! A receiver of notices that behaves in a certain manner.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

/// What it does once it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Takes it.
    Takes,
    /// Answers so, without a body.
    Answers(&'static str),
    /// Breaks twice, and takes it then.
    FailsTwice,
    /// Answers so, and names another address.
    SendsElsewhere(&'static str),
    /// Says nothing.
    Hangs,
    /// Closes the connection.
    HangsUp,
    /// Says a byte at a time, and never all of its head.
    SpeaksSlowly,
    /// Has a head without an end.
    HasEndlessHeads,
    /// Has a thousand headers.
    HasManyHeaders,
    /// Speaks no HTTP.
    SpeaksNonsense,
    /// Takes it, promises a hundred bytes, says three and closes.
    SaysTooLittle,
    /// Takes it, promises more than there is in the world, and goes on and on.
    NeverEnds,
    /// Takes it, and says a byte at a time after that.
    Drips,
    /// Takes it, and goes on and on in chunks.
    NeverEndsInChunks,
}

/// What it was asked.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The first line.
    pub line: String,
    headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Heard {
    /// A header's value.
    pub fn header(&self, name: &str) -> &str {
        let mut headers = self.headers.iter();
        let found = headers.find(|(header, _)| header == name);
        &found.unwrap_or_else(|| panic!("no {name}: {self:?}")).1
    }
}

/// A server at loopback. It ends when it is dropped.
pub struct Receiver {
    /// Where it is.
    pub address: SocketAddr,
    seen: Arc<Seen>,
    _serving: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Seen {
    connections: Mutex<usize>,
    heard: Mutex<Vec<Heard>>,
}

impl Receiver {
    /// Starts one.
    pub async fn start(manner: Manner) -> Self {
        Self::serve(manner, None).await
    }

    /// Starts one over TLS, with a certificate of its own for a name; and what trusts it, also as PEM.
    pub async fn start_with_tls(name: &str, manner: Manner) -> (Self, RootCertStore, String) {
        let own = rcgen::generate_simple_self_signed([name.to_string()]).unwrap();
        let certificate: CertificateDer<'static> = own.cert.der().clone();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        (Self::serve(manner, Some(acceptor)).await, roots, own.cert.pem())
    }

    async fn serve(manner: Manner, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let all = seen.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = {
                    let mut connections = all.connections.lock().unwrap();
                    *connections += 1;
                    *connections
                };
                let (seen, tls) = (all.clone(), tls.clone());
                tokio::spawn(async move {
                    // Whoever asked may have gone: that is no trouble of this one.
                    let _ = match tls {
                        None => answer(stream, manner, number, &seen).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => answer(stream, manner, number, &seen).await,
                            Err(error) => Err(error),
                        },
                    };
                });
            }
        });
        Self {
            address,
            seen,
            _serving: AbortOnDropHandle::new(serving),
        }
    }

    /// Its URL, without TLS.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How often somebody connected.
    pub fn connections(&self) -> usize {
        *self.seen.connections.lock().unwrap()
    }

    /// What it was asked.
    pub fn requests(&self) -> Vec<Heard> {
        self.seen.heard.lock().unwrap().clone()
    }
}

async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    manner: Manner,
    number: usize,
    seen: &Seen,
) -> std::io::Result<()> {
    let heard = hear(&mut stream).await?;
    seen.heard.lock().unwrap().push(heard);
    let ok = "HTTP/1.1 200 OK\r\n";
    let plain = |status: &str| format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
    match manner {
        Manner::Takes => stream.write_all(plain("200 OK").as_bytes()).await?,
        Manner::Answers(status) => stream.write_all(plain(status).as_bytes()).await?,
        Manner::FailsTwice if number < 3 => stream.write_all(plain("500 Broken").as_bytes()).await?,
        Manner::FailsTwice => stream.write_all(plain("200 OK").as_bytes()).await?,
        Manner::SendsElsewhere(status) => {
            let text = format!("HTTP/1.1 {status}\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(text.as_bytes()).await?;
        }
        Manner::Hangs => std::future::pending().await,
        Manner::HangsUp => {}
        Manner::SpeaksSlowly => {
            stream.write_all(ok.as_bytes()).await?;
            loop {
                stream.write_all(b"x").await?;
                stream.flush().await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Manner::HasEndlessHeads => {
            stream.write_all(format!("{ok}x: ").as_bytes()).await?;
            loop {
                stream.write_all(&[b'x'; 4096]).await?;
            }
        }
        Manner::HasManyHeaders => {
            let headers: String = (0..1000).map(|number| format!("x-{number}: y\r\n")).collect();
            let text = format!("{ok}{headers}content-length: 0\r\n\r\n");
            stream.write_all(text.as_bytes()).await?;
        }
        Manner::SpeaksNonsense => stream.write_all(b"\x16\x03\x01 what do you want\r\n\r\n").await?,
        Manner::SaysTooLittle => {
            let text = format!("{ok}content-length: 100\r\n\r\nabc");
            stream.write_all(text.as_bytes()).await?;
        }
        Manner::NeverEnds => {
            let text = format!("{ok}content-length: {}\r\n\r\n", 1_u64 << 60);
            stream.write_all(text.as_bytes()).await?;
            loop {
                stream.write_all(&[b'x'; 4096]).await?;
            }
        }
        Manner::Drips => {
            stream
                .write_all(format!("{ok}content-length: 1000000\r\n\r\n").as_bytes())
                .await?;
            loop {
                stream.write_all(b"x").await?;
                stream.flush().await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Manner::NeverEndsInChunks => {
            stream
                .write_all(format!("{ok}transfer-encoding: chunked\r\n\r\n").as_bytes())
                .await?;
            loop {
                stream.write_all(b"1\r\nx\r\n").await?;
            }
        }
    }
    stream.shutdown().await
}

/// Reads one request.
async fn hear(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Heard> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let mut lines = text.split("\r\n");
    let line = lines.next().unwrap().to_string();
    let headers: Vec<(String, String)> = lines
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_string())
        })
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.unwrap().1.parse().unwrap();
    let mut body = bytes.split_off(head + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(Heard { line, headers, body })
}
