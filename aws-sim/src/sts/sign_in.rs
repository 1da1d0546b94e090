//! Sign-ins from outside of IAM: whoever an identity provider or a service of AWS vouches for, held against the trust
//! policy of a role.

use super::request;
use crate::policy::context::Context;
use crate::policy::document::Document;
use crate::policy::trust::{Welcome, evaluate_trust};
use crate::policy::visitor::Visitor;
use crate::wire::error::AwsError;
use crate::world::World;
use crate::world::credential::{Attributes, Credential, Identity, RoleSession};

/// Somebody at the door of a role.
#[derive(Debug)]
pub(crate) struct SignIn<'a> {
    pub(crate) role_arn: &'a str,
    pub(crate) session_name: &'a str,
    pub(crate) visitor: Visitor<'a>,
    /// What the trust policy must allow. Tags and a source identity need their own actions beside it.
    pub(crate) action: &'static str,
    /// The condition keys, but for those of the role and of the session that is wanted.
    pub(crate) context: Context,
    pub(crate) attributes: Attributes,
    pub(crate) policies: Vec<Document>,
    pub(crate) seconds: i64,
}

impl SignIn<'_> {
    /// Gives a session, or says which action is refused. Only the trust policy is asked: who comes from outside has no
    /// policies of its own.
    pub(crate) fn carry_out(mut self, world: &mut World) -> Result<(RoleSession, Credential), AwsError> {
        request::session_name(self.session_name)?;
        request::session_tags(&self.attributes.tags, &self.attributes.transitive)?;
        request::set_session_keys(&mut self.context, Some(self.session_name), &self.attributes);
        let Some((account, role)) = world.role_by_arn(self.role_arn) else {
            return Err(self.refused(self.action));
        };
        request::set_role_keys(&mut self.context, account, role);
        let tags = (!self.attributes.tags.is_empty()).then_some("sts:TagSession");
        let source = self
            .attributes
            .source_identity
            .as_ref()
            .map(|_| "sts:SetSourceIdentity");
        for action in [Some(self.action), tags, source].into_iter().flatten() {
            let welcome = evaluate_trust(&role.trust.policy, action, &self.visitor, &self.context);
            if !matches!(welcome, Welcome::Allowed(_)) {
                return Err(self.refused(action));
            }
        }
        request::within_role(self.seconds, role)?;
        let session = RoleSession {
            role_id: role.id.clone(),
            role_name: role.name.clone(),
            session_name: self.session_name.to_owned(),
            policies: self.policies,
            attributes: self.attributes,
        };
        let account = account.id.clone();
        let credential = world.issue_session(&account, Identity::Session(session.clone()), self.seconds, None);
        Ok((session, credential))
    }

    fn refused(&self, action: &str) -> AwsError {
        AwsError::access_denied(match self.visitor {
            Visitor::Service(service) => {
                let role = self.role_arn;
                format!("{service} is not authorized to perform: {action} on resource: {role}")
            }
            _ => format!("Not authorized to perform {action}"),
        })
    }
}
