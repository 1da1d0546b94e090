//! What happens to a call that a fault hits.

use serde::Deserialize;
use tokio::sync::oneshot;

use super::catalogue;
use super::lag::Lag;
use super::matching::Subject;
use super::throttle::Rate;
use crate::call::Sight;
use crate::wire::error::AwsError;

/// What happens to a call that is hit.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) enum Effect {
    /// It waits until it is released.
    Hold(bool),
    /// It waits for ever and is never carried out.
    Hang(bool),
    Drop(DropWhen),
    Error(ErrorOrder),
    /// Something else than AWS's XML comes back, as from a proxy on the way.
    Body {
        status: u16,
        text: String,
    },
    DelayMs(u64),
    Throttle(Rate),
    Lag(Lag),
    /// Documents come back in another form, and pages in other sizes; the seed says in which.
    Reshape {
        seed: u64,
    },
    Pages {
        seed: u64,
    },
    /// The sessions of the caller's role end at this moment; the call itself goes on.
    ExpireSessions(bool),
}

/// An error by its short name, or written out.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum ErrorOrder {
    Named(String),
    Written(WrittenError),
}

/// An error in full. A status or message that is left out is the one of the code's short name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenError {
    code: String,
    status: Option<u16>,
    message: Option<String>,
}

/// When a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum DropWhen {
    /// Without the call being carried out.
    Before,
    /// After it was carried out, without an answer.
    After,
    /// After it was carried out, in the middle of the answer's body.
    MidBody,
}

/// What becomes of a held call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Release {
    /// Whether the call is carried out.
    pub(crate) carry_out: bool,
    /// Whether it is answered; a call that is not carried out never is.
    #[serde(default = "yes")]
    pub(crate) answer: bool,
}

fn yes() -> bool {
    true
}

/// What the gateway is to do with a call.
#[derive(Debug, Default)]
pub(crate) struct Decision {
    /// Milliseconds to wait before anything else.
    pub(crate) delay_ms: u64,
    /// Whether the sessions of the caller's role end first.
    pub(crate) expire_sessions: bool,
    /// How the call sees things, where that is not as they are.
    pub(crate) sight: Sight,
    pub(crate) outcome: Outcome,
}

/// How a call goes on.
#[derive(Debug, Default)]
pub(crate) enum Outcome {
    #[default]
    Proceed,
    Hold(oneshot::Receiver<Release>),
    Drop(DropWhen),
    Error(AwsError),
    Body {
        status: u16,
        text: String,
    },
}

impl Effect {
    /// Says what is wrong with it, if anything is.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Self::Error(ErrorOrder::Named(name)) => catalogue::check(name),
            Self::Error(ErrorOrder::Written(error)) if error.status.is_none() => catalogue::check(&error.code),
            Self::Throttle(rate) => rate.check(),
            Self::Lag(lag) => lag.check(),
            _ => Ok(()),
        }
    }

    /// True for what goes on until it is taken back, unless something else is asked for.
    pub(super) fn lasts(&self) -> bool {
        matches!(
            self,
            Self::Throttle(_) | Self::Lag(_) | Self::Reshape { .. } | Self::Pages { .. }
        )
    }
}

impl ErrorOrder {
    pub(super) fn error(&self, subject: &Subject<'_>) -> AwsError {
        match self {
            Self::Named(name) => catalogue::error(name, subject),
            Self::Written(WrittenError { code, status, message }) => {
                let known = catalogue::check(code).is_ok().then(|| catalogue::error(code, subject));
                let status = status.or(known.as_ref().map(|error| error.status)).unwrap_or(400);
                let message = message.clone().or(known.map(|error| error.message));
                AwsError::new(status, code, message.unwrap_or_else(|| format!("{code} (injected)")))
            }
        }
    }
}
