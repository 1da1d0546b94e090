//! Which calls a fault is for.

use serde::Deserialize;

use crate::call::Request;
use crate::world::history::History;

/// Which calls a fault is for. What is left out matches everything.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Match {
    /// The account acted in.
    pub(super) account: Option<String>,
    /// `iam` or `sts`.
    service: Option<String>,
    action: Option<String>,
    kind: Option<Kind>,
    /// The name of the role that the call is about.
    role: Option<String>,
}

/// Which kind of call a fault is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Write,
    Read,
    Any,
}

/// A call as faults see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// The account acted in.
    pub(crate) account: &'a str,
    /// The ARN of the caller, or what is known of it.
    pub(crate) caller: &'a str,
    pub(crate) request: &'a Request,
    /// The simulated time, in milliseconds since 1970.
    pub(crate) now_ms: i64,
    /// What the account was like before, where a fault needs that.
    pub(crate) history: Option<&'a History>,
}

impl<'a> Subject<'a> {
    /// As throttles see it: STS counts who assumes a role for the account of whoever asks.
    pub(super) fn as_counted(self) -> Self {
        let of_caller = self.caller.split(':').nth(4).filter(|_| self.request.assumes_role());
        Self {
            account: of_caller.unwrap_or(self.account),
            ..self
        }
    }
}

impl Match {
    pub(super) fn fits(&self, subject: &Subject<'_>) -> bool {
        let request = subject.request;
        let same = |wanted: &Option<String>, actual: &str| wanted.as_deref().is_none_or(|wanted| wanted == actual);
        let kind = match self.kind {
            None | Some(Kind::Any) => true,
            Some(Kind::Write) => request.is_write(),
            Some(Kind::Read) => !request.is_write(),
        };
        kind && same(&self.account, subject.account)
            && same(&self.service, request.signer.service.name())
            && same(&self.action, &request.action)
            && same(&self.role, request.role().unwrap_or_default())
    }
}
