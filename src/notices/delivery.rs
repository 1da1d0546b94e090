//! One try to deliver a notice.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::connection::{ConnectionError, Connector, Endpoint};
use super::envelope;
use super::signature::{SecretError, Secrets};
use super::{Job, Outcome};

/// A file of secrets is no larger.
const SECRET_FILE_SIZE: u64 = 4096;

/// An answer's head is no larger, and has no more headers.
const HEAD_SIZE: usize = 16 * 1024;
const HEADERS: usize = 64;

/// So much of an answer's body is read, so that whoever answers is not cut off in mid-sentence, and for so long.
const BODY_SIZE: usize = 4096;
const BODY_TAKES: Duration = Duration::from_secs(1);

/// What moves the bytes of a connection, until it is dropped.
type Driven = AbortOnDropHandle<Result<(), hyper::Error>>;

/// How one try is made.
#[derive(Debug)]
pub(super) struct Courier {
    /// The folder of the secrets; absent: there are none.
    pub(super) secrets_dir: Option<PathBuf>,
    /// Whether loopback addresses may be spoken to: for tests.
    pub(super) allow_loopback: bool,
    /// `source` of every event.
    pub(super) source: String,
    pub(super) connector: Connector,
}

/// Why a try failed. Nothing of what the receiver answered is in it, and nothing of a secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("there is no folder of secrets: the operator runs without --notifier-secrets-dir")]
    NoFolder,
    #[error("the file of the secret cannot be read")]
    NoFile(#[source] std::io::Error),
    #[error("the file of the secret leads out of its folder")]
    Outside,
    #[error(transparent)]
    NoSecret(#[from] SecretError),
    #[error(transparent)]
    NoConnection(#[from] ConnectionError),
    #[error("the receiver did not speak HTTP")]
    NotHttp(#[from] hyper::Error),
    #[error("the notice makes no request")]
    NoRequest(#[from] http::Error),
    #[error("the receiver did not answer in time")]
    TimedOut,
    #[error("the receiver answered {0}")]
    Status(StatusCode),
}

impl Trouble {
    /// What becomes of the notice; `None` where the next try may succeed.
    pub(super) fn ends_as(&self) -> Option<Outcome> {
        match self {
            Self::NoFolder | Self::NoFile(_) | Self::Outside | Self::NoSecret(_) => Some(Outcome::NoSecret),
            Self::NoConnection(ConnectionError::Forbidden { .. } | ConnectionError::NotHttps) => {
                Some(Outcome::NotAllowed)
            }
            Self::NoConnection(_) | Self::NotHttp(_) | Self::TimedOut => None,
            Self::NoRequest(_) => Some(Outcome::Refused),
            Self::Status(status) => {
                let may_pass = status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS;
                (!may_pass).then_some(Outcome::Refused)
            }
        }
    }
}

impl Courier {
    /// Sends a notice once; the receiver's answer must begin within so long.
    pub(super) async fn attempt(&self, job: &Job, longest: Duration) -> Result<(), Trouble> {
        let answer = timeout(longest, self.ask(job)).await;
        // The connection ends with this try: nothing of a receiver is kept.
        let (answer, _driven) = answer.unwrap_or(Err(Trouble::TimedOut))?;
        let status = answer.status();
        let _ = timeout(BODY_TAKES, read_some(answer.into_body())).await;
        // A redirection is an answer like any other that is no success: a class names where notices go, and nobody else.
        if status.is_success() {
            Ok(())
        } else {
            Err(Trouble::Status(status))
        }
    }

    /// The secret is read each time, so that a new one counts at once; so is the name resolved.
    async fn ask(&self, job: &Job) -> Result<(Response<Incoming>, Driven), Trouble> {
        let endpoint = Endpoint::parse(&job.notifier.url, self.allow_loopback)?;
        let secrets = self.secrets(&job.notifier.secret_file).await?;
        let body = envelope::body(&job.notice, &self.source);
        let (id, timestamp) = (&job.notice.id, Timestamp::now().as_second());
        let request = Request::post(endpoint.path.clone())
            .header(HOST, &endpoint.authority)
            .header(USER_AGENT, concat!("crossrole/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, envelope::CONTENT_TYPE)
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", secrets.sign(id, timestamp, &body))
            .body(Full::<Bytes>::new(body))?;
        let connection = TokioIo::new(self.connector.open(&endpoint).await?);
        let mut builder = http1::Builder::new();
        builder
            .max_buf_size(HEAD_SIZE)
            .max_header_size(HEAD_SIZE)
            .max_headers(HEADERS);
        let (mut sender, connection) = builder.handshake(connection).await?;
        let driven = AbortOnDropHandle::new(tokio::spawn(connection));
        Ok((sender.send_request(request).await?, driven))
    }

    async fn secrets(&self, file: &str) -> Result<Secrets, Trouble> {
        let folder = self.secrets_dir.clone().ok_or(Trouble::NoFolder)?;
        let file = folder.join(file);
        let text = tokio::task::spawn_blocking(move || read_below(&folder, &file)).await;
        let text = text.unwrap_or_else(|error| Err(Trouble::NoFile(std::io::Error::other(error))))?;
        Ok(Secrets::parse(&text)?)
    }
}

/// The text of a file in a folder. Links lead there and back again where Kubernetes mounts a Secret, but never out of it.
fn read_below(folder: &Path, file: &Path) -> Result<String, Trouble> {
    let folder = folder.canonicalize().map_err(Trouble::NoFile)?;
    let file = file.canonicalize().map_err(Trouble::NoFile)?;
    if !file.starts_with(&folder) {
        return Err(Trouble::Outside);
    }
    let mut text = String::new();
    let opened = std::fs::File::open(file).map_err(Trouble::NoFile)?;
    opened
        .take(SECRET_FILE_SIZE)
        .read_to_string(&mut text)
        .map_err(Trouble::NoFile)?;
    Ok(text)
}

/// Reads a body, up to a size, and forgets it.
async fn read_some(mut body: Incoming) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read >= BODY_SIZE {
            return;
        }
    }
}
