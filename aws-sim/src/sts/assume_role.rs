//! `AssumeRole`: the trust policy, the caller's own policies, and the limits of sessions.

use std::sync::Arc;

use super::session_token::take_mfa_code;
use super::{request, write_session};
use crate::call::Call;
use crate::policy::context::Context;
use crate::policy::trust::{Welcome, evaluate_trust};
use crate::policy::visitor::{Named, Principal, Visitor};
use crate::wire::error::{Answer, AwsError};
use crate::wire::xml::Xml;
use crate::world::account::Role;
use crate::world::credential::{Attributes, CallerKind, Identity, RoleSession};

/// Gives a session of a role.
pub(crate) fn assume_role(call: &mut Call<'_>) -> Answer {
    let role_arn = call.parameters.required("RoleArn")?.to_owned();
    let session_name = call.parameters.required("RoleSessionName")?.to_owned();
    let account_id = request::account_of(&role_arn)?;
    request::session_name(&session_name)?;
    let seconds = request::duration(call.parameters, 3600, 43_200)?;
    if matches!(call.caller.kind, CallerKind::Root) {
        return Err(AwsError::access_denied("Roles may not be assumed by root accounts."));
    }
    let mfa = take_mfa_code(call)?;
    let asked = asked(call)?;
    let attributes = with_inherited(call, &asked, &role_arn)?;
    let mut context = call.context.clone();
    context.set_optional("sts:ExternalId", call.parameters.get("ExternalId"));
    // Tags that the calling session hands on count as tags of the request: the trust policy in the Amazon EKS User Guide,
    // "Access AWS resources using EKS Pod Identity target IAM roles", tests aws:RequestTag of a session that sends none.
    let in_request = Attributes {
        tags: attributes.tags.clone(),
        ..asked
    };
    request::set_session_keys(&mut context, Some(&session_name), &in_request);
    if mfa {
        context.set("aws:MultiFactorAuthPresent", "true");
        context.set("aws:MultiFactorAuthAge", "0");
    }
    let role = call.world.role_by_arn(&role_arn).map(|(account, role)| {
        request::set_role_keys(&mut context, account, role);
        Arc::clone(role)
    });

    let mut actions = vec!["sts:AssumeRole"];
    if !attributes.tags.is_empty() {
        actions.push("sts:TagSession");
    }
    if attributes.source_identity.is_some() {
        actions.push("sts:SetSourceIdentity");
    }
    for action in actions {
        admit(call, role.as_deref(), &account_id, &role_arn, action, &context)?;
    }
    let Some(role) = role else {
        return Err(not_authorized(call, "sts:AssumeRole", &role_arn, ""));
    };

    request::within_role(seconds, &role)?;
    if seconds > 3600 && matches!(call.caller.kind, CallerKind::Session { .. }) {
        return Err(AwsError::validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        ));
    }
    let session = RoleSession {
        role_id: role.id.clone(),
        role_name: role.name.clone(),
        session_name,
        policies: request::session_policies(call.parameters, call.world, &account_id)?,
        attributes,
    };
    // Sessions of a role do not carry the MFA that was given for them: only the trust policy sees it.
    let identity = Identity::Session(session.clone());
    let credential = call.world.issue_session(&account_id, identity, seconds, None);
    let mut xml = Xml::new();
    write_session(&mut xml, call.world.account(&account_id)?, &session, &credential);
    xml.answer()
}

/// The tags and the source identity that the request asks for.
fn asked(call: &Call<'_>) -> Result<Attributes, AwsError> {
    let asked = Attributes {
        tags: call.parameters.pairs("Tags"),
        transitive: call.parameters.texts("TransitiveTagKeys"),
        source_identity: call.parameters.get("SourceIdentity").map(str::to_owned),
        ..Attributes::default()
    };
    request::session_tags(&asked.tags, &asked.transitive)?;
    asked
        .source_identity
        .as_deref()
        .map_or(Ok(()), request::source_identity)?;
    Ok(asked)
}

/// The same, with what a session that calls hands on: transitive tags and its source identity. Neither can be changed
/// on the way, and both need their own word from the next role.
fn with_inherited(call: &Call<'_>, asked: &Attributes, role_arn: &str) -> Result<Attributes, AwsError> {
    let mut attributes = asked.clone();
    let Some(session) = call.caller.session() else {
        return Ok(attributes);
    };
    for (key, value) in session.attributes.transitive_tags() {
        if asked.tags.iter().any(|(sent, _)| sent.eq_ignore_ascii_case(key)) {
            return Err(AwsError::new(
                400,
                "InvalidParameterValue",
                "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key \
                 from the calling session.",
            ));
        }
        attributes.tags.push((key.clone(), value.clone()));
        attributes.transitive.push(key.clone());
    }
    if let Some(held) = &session.attributes.source_identity {
        if asked.source_identity.as_ref().is_some_and(|asked| asked != held) {
            return Err(not_authorized(call, "sts:SetSourceIdentity", role_arn, ""));
        }
        attributes.source_identity = Some(held.clone());
    }
    Ok(attributes)
}

/// Both sides must say yes. The trust policy always; the caller's own policies unless the trust policy is in the same
/// account and names the caller itself.
fn admit(
    call: &Call<'_>,
    role: Option<&Role>,
    account_id: &str,
    role_arn: &str,
    action: &str,
    context: &Context,
) -> Result<(), AwsError> {
    let caller = &call.caller;
    let layers = &call.layers;
    let refused = |end: &str| not_authorized(call, action, role_arn, end);
    layers
        .check_denials(action, role_arn, context)
        .map_err(|refusal| refused(&format!(" {}", refusal.reason(action))))?;
    let visitor = Visitor::Principal(Principal {
        account: &caller.account,
        partition: &caller.partition,
        arn: &caller.arn,
        role_arn: match &caller.kind {
            CallerKind::Session { role_arn, .. } => Some(role_arn),
            _ => None,
        },
        unique_id: &caller.unique_id,
    });
    let Some(role) = role else { return Err(refused("")) };
    let named = match evaluate_trust(&role.trust.policy, action, &visitor, context) {
        Welcome::Denied => return Err(refused(" with an explicit deny in a resource-based policy")),
        Welcome::Silent => return Err(refused("")),
        Welcome::Allowed(named) => named,
    };
    let needed: &[&str] = match named {
        Named::Directly if caller.account == account_id => &[],
        Named::ByRole if caller.account == account_id => &["permissions boundary", "session policy"],
        _ => &["identity-based policy", "permissions boundary", "session policy"],
    };
    layers
        .check_allows(action, role_arn, context, needed)
        .map_err(|_| refused(""))
}

fn not_authorized(call: &Call<'_>, action: &str, role_arn: &str, end: &str) -> AwsError {
    AwsError::access_denied(format!(
        "User: {} is not authorized to perform: {action} on resource: {role_arn}{end}",
        call.caller.arn
    ))
}
