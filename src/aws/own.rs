//! The account of the caller's own identity, read with that identity and without a bootstrap role.

use crossrole_iam::{Path, RoleName};
use crossrole_plan::observed::Observed;
use tokio::sync::mpsc::unbounded_channel;

use super::account::Depth;
use super::action::Side;
use super::answer::RoleAnswer;
use super::error::CallError;
use super::fenced::Fenced;
use super::gate::Gate;
use super::places::Lanes;
use super::read::{self, Door, Found};
use super::{Existing, Hub};
use crate::metrics::Metrics;

/// The account of the caller's own identity.
#[derive(Debug)]
pub struct OwnAccount {
    iam: aws_sdk_iam::Client,
    gate: Gate,
    long_answers: Lanes,
}

impl OwnAccount {
    /// The account that an identity lives in.
    pub fn of(hub: &Hub) -> Self {
        let iam =
            aws_sdk_iam::config::Builder::from(&hub.config).interceptor(Fenced(hub.fence.clone(), Side::Bootstrap));
        // Nobody waits for the account to answer again.
        let (recovered, _) = unbounded_channel();
        Self {
            iam: aws_sdk_iam::Client::from_conf(iam.build()),
            gate: Gate::new(hub.identity.account.clone(), recovered, Metrics::default()),
            long_answers: Lanes::new(1, 1),
        }
    }

    fn door(&self) -> Door<'_> {
        Door {
            iam: &self.iam,
            gate: &self.gate,
            long_answers: &self.long_answers,
        }
    }

    /// All roles at or below a path, with everything that a declaration can hold.
    ///
    /// # Errors
    /// The first call that failed.
    pub async fn roles_below(&self, path: &Path) -> Result<Vec<Existing>, CallError> {
        existing(self.door(), path).await
    }

    /// What the account holds under a role's name.
    ///
    /// # Errors
    /// The first call that failed. A role that is not there is no error.
    pub async fn role(&self, name: &RoleName) -> Result<Observed, CallError> {
        let answer = read::role(self.door(), name, Depth::Declared).await?;
        answer.map_or(Ok(Observed::Absent), RoleAnswer::observed)
    }
}

/// All roles at or below a path, with everything that a declaration can hold.
///
/// # Errors
/// The first call that failed.
pub(super) async fn existing(door: Door<'_>, path: &Path) -> Result<Vec<Existing>, CallError> {
    let mut found = Vec::new();
    read::all_roles(door, path, |_, role| {
        if let Found::Whole(answer) = role {
            found.push((answer.arn.clone(), answer.observed()));
        }
    })
    .await?;
    Ok(found)
}
