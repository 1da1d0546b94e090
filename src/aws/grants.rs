//! The policies of grants in an account, read and written as the grant role.

mod read;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;

use crossrole_iam::{Arn, RoleName};
use crossrole_plan::declaration::ObjectName;
use crossrole_plan::doctor::{GrantFacts, OwnRights};
use crossrole_plan::grant::{GrantChange, GrantPlan, ObservedGrant};

use super::account::AccountHandle;
use super::error::CallError;
use super::examination;
use super::session::Sessions;

/// What became of the plan of a grant.
#[derive(Clone, Debug, Default)]
pub struct AppliedGrant {
    /// The changes that were carried out, in order.
    pub done: Vec<GrantChange>,
    /// Whether every change was tried.
    pub is_whole: bool,
    /// What the account holds since; absent where that is not clear.
    pub holds: Option<ObservedGrant>,
    /// What it held before the change that failed; absent where that is not clear.
    pub reached: Option<ObservedGrant>,
    /// Who could not be given a policy, for there is nobody of that name. It stops nothing: what the others get does not depend
    /// on it.
    pub lacking: Option<CallError>,
    /// What stopped it. The change may have taken effect all the same.
    pub failure: Option<CallError>,
}

impl AppliedGrant {
    /// Of a plan that changes nothing.
    pub fn nothing(observed: &ObservedGrant) -> Self {
        Self {
            is_whole: true,
            holds: Some(observed.clone()),
            ..Self::default()
        }
    }
}

impl AccountHandle {
    /// The policies that the account holds for a grant, read as the grant role. Where roles are is not read.
    ///
    /// # Errors
    /// When the grant role cannot be assumed, or the first call that failed.
    pub async fn observe_grant(&self, grant_role: &Arn, object: &ObjectName) -> Result<ObservedGrant, CallError> {
        let sessions = self.grant_sessions(grant_role).await;
        let session = sessions.get(&self.gate).await?;
        let answer = read::observe(self.door(&session), object).await;
        sessions.noticing(&session, answer).await
    }

    /// The paths of these roles, read now as the grant role, by their names in lower case. They are asked for as they are
    /// written, as a policy is attached to them. One that is not there has none.
    ///
    /// # Errors
    /// As [`AccountHandle::observe_grant`].
    pub async fn grantee_paths(&self, grant_role: &Arn, roles: &[&str]) -> Result<BTreeMap<String, String>, CallError> {
        if roles.is_empty() {
            return Ok(BTreeMap::new());
        }
        let sessions = self.grant_sessions(grant_role).await;
        let session = sessions.get(&self.gate).await?;
        let answer = read::paths(self.door(&session), roles).await;
        sessions.noticing(&session, answer).await
    }

    /// Carries out the plan of a grant as the grant role, in order, up to the first failure, or until `go_on` says no.
    pub async fn apply_grant(
        &self,
        grant_role: &Arn,
        plan: &GrantPlan,
        observed: &ObservedGrant,
        go_on: &(dyn Fn() -> bool + Send + Sync),
    ) -> AppliedGrant {
        let sessions = self.grant_sessions(grant_role).await;
        match sessions.get(&self.gate).await {
            Ok(session) => {
                let applied = write::carry_out(self.door(&session), plan, observed, go_on).await;
                if let Some(error) = &applied.failure {
                    sessions.forget_if_stale(&session, error).await;
                }
                applied
            }
            // Nothing was sent.
            Err(error) => AppliedGrant {
                is_whole: false,
                reached: Some(observed.clone()),
                failure: Some(error),
                ..AppliedGrant::nothing(observed)
            },
        }
    }

    /// Enters as the grant role, and reads what tells whether it is as it must be. What it may do is read as the bootstrap role,
    /// which may read every role.
    ///
    /// # Errors
    /// When the grant role cannot be assumed, or another account answers. What fails later is in the facts.
    pub async fn examine_grants(&self, grant_role: &Arn, name: &RoleName) -> Result<GrantFacts, CallError> {
        let session = self.grant_sessions(grant_role).await.get(&self.gate).await?;
        let rights = match self.sessions.get(&self.gate).await {
            Ok(session) => examination::rights(self.door(&session), name).await,
            Err(error) => OwnRights::not_read(&error.to_string()),
        };
        Ok(examination::grant_facts(self.door(&session), name, rights).await)
    }

    pub(super) async fn grant_sessions(&self, grant_role: &Arn) -> Arc<Sessions> {
        let mut cached = self.grant_sessions.lock().await;
        match cached.as_ref().filter(|sessions| sessions.role() == grant_role) {
            Some(sessions) => sessions.clone(),
            None => {
                let sessions = Arc::new(self.sessions.of_grant_role(grant_role));
                *cached = Some(sessions.clone());
                sessions
            }
        }
    }
}

/// The number of a version of a policy: `v3`. It only grows. Source: what IAM answers.
fn number_of_version(version: &str) -> u64 {
    version.trim_start_matches('v').parse().unwrap_or_default()
}
