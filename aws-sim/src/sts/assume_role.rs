//! `AssumeRole`: the trust policy, the caller's own policies, and the limits of sessions.

use std::sync::Arc;

use super::session_token::take_mfa_code;
use super::{duration, write_credentials};
use crate::authorize::Layers;
use crate::call::Call;
use crate::policy::context::Context;
use crate::policy::document::Document;
use crate::policy::grammar::{Use, permission_document};
use crate::policy::trust::{Named, Visitor, Welcome, evaluate_trust};
use crate::wire::error::{Answer, AwsError};
use crate::wire::xml::Xml;
use crate::world::account::Role;
use crate::world::credential::{CallerKind, Identity, RoleSession, session_arn};
use crate::world::principals::is_account_id;

/// Gives a session of a role.
pub(crate) fn assume_role(call: &mut Call<'_>) -> Answer {
    let role_arn = call.parameters.required("RoleArn")?.to_owned();
    let session_name = call.parameters.required("RoleSessionName")?.to_owned();
    let account_id = account_of(&role_arn)?;
    check_session_name(&session_name)?;
    let seconds = duration(call, 3600, 43_200)?;
    if matches!(call.caller.kind, CallerKind::Root) {
        return Err(AwsError::access_denied("Roles may not be assumed by root accounts."));
    }
    let mfa = take_mfa_code(call)?;
    let tags = call.parameters.pairs("Tags");
    let source_identity = call.parameters.get("SourceIdentity").map(str::to_owned);
    let context = trust_context(call, &session_name, mfa, &tags, source_identity.as_deref());

    let role = call
        .world
        .accounts
        .get(&account_id)
        .and_then(|account| account.roles.values().find(|role| role.arn == role_arn).cloned());
    let mut actions = vec!["sts:AssumeRole"];
    if !tags.is_empty() {
        actions.push("sts:TagSession");
    }
    if source_identity.is_some() {
        actions.push("sts:SetSourceIdentity");
    }
    let mut role_context = context;
    if let Some(role) = &role {
        let pairs = role.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        role_context.set_tags("aws:ResourceTag", pairs.clone());
        role_context.set_tags("iam:ResourceTag", pairs);
    }
    for action in actions {
        admit(call, role.as_deref(), &account_id, &role_arn, action, &role_context)?;
    }
    let Some(role) = role else {
        return Err(not_authorized(call, "sts:AssumeRole", &role_arn, ""));
    };

    let limit = i64::try_from(role.max_session_duration).unwrap_or(3600);
    if seconds > limit {
        return Err(AwsError::validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    if seconds > 3600 && matches!(call.caller.kind, CallerKind::Session { .. }) {
        return Err(AwsError::validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        ));
    }
    let policies = session_policies(call, &account_id)?;
    let limited = !policies.is_empty();
    let session = RoleSession {
        role_id: role.id.clone(),
        role_name: role.name.clone(),
        session_name: session_name.clone(),
        policies,
        tags,
        source_identity: source_identity.clone(),
    };
    answer(call, &role, &account_id, session, seconds, limited)
}

fn answer(
    call: &mut Call<'_>,
    role: &Arc<Role>,
    account_id: &str,
    session: RoleSession,
    seconds: i64,
    limited: bool,
) -> Answer {
    let partition = call.world.account(account_id)?.partition.clone();
    let arn = session_arn(&partition, account_id, &role.name, &session.session_name);
    let id = format!("{}:{}", role.id, session.session_name);
    let source_identity = session.source_identity.clone();
    // Sessions of a role do not carry the MFA that was given for them: only the trust policy sees it.
    let credential = call
        .world
        .issue_session(account_id, Identity::Session(session), seconds, None);
    let mut xml = Xml::new();
    xml.element("AssumedRoleUser", |xml| {
        xml.leaf("AssumedRoleId", &id).leaf("Arn", &arn);
    });
    write_credentials(&mut xml, &credential);
    if limited {
        xml.number("PackedPolicySize", 6);
    }
    xml.optional("SourceIdentity", source_identity.as_deref());
    xml.answer()
}

fn trust_context(
    call: &Call<'_>,
    session_name: &str,
    mfa: bool,
    tags: &[(String, String)],
    source_identity: Option<&str>,
) -> Context {
    let mut context = call.context.clone();
    context.set_optional("sts:ExternalId", call.parameters.get("ExternalId"));
    context.set("sts:RoleSessionName", session_name);
    context.set_optional("sts:SourceIdentity", source_identity);
    if mfa {
        context.set("aws:MultiFactorAuthPresent", "true");
        context.set("aws:MultiFactorAuthAge", "0");
    }
    if !tags.is_empty() {
        context.set_tags(
            "aws:RequestTag",
            tags.iter().map(|(key, value)| (key.as_str(), value.as_str())),
        );
        context.set_many("aws:TagKeys", tags.iter().map(|(key, _)| key.clone()).collect());
        context.set_many(
            "sts:TransitiveTagKeys",
            call.parameters
                .members("TransitiveTagKeys")
                .into_iter()
                .map(str::to_owned)
                .collect(),
        );
    }
    context
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
    let layers = Layers::of(caller, call.account()?);
    let refused = |end: &str| not_authorized(call, action, role_arn, end);
    layers
        .check_denials(action, role_arn, context)
        .map_err(|refusal| refused(&format!(" {}", refusal.reason(action))))?;
    let visitor = Visitor {
        account: &caller.account,
        partition: &caller.partition,
        arn: &caller.arn,
        role_arn: match &caller.kind {
            CallerKind::Session { role_arn, .. } => Some(role_arn),
            _ => None,
        },
        unique_id: &caller.unique_id,
    };
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

/// The account of a role ARN; what is no role ARN is invalid.
fn account_of(arn: &str) -> Result<String, AwsError> {
    if arn.len() < 20 {
        return Err(AwsError::constraint(
            Some(arn),
            "roleArn",
            "Member must have length greater than or equal to 20",
        ));
    }
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    match parts[..] {
        ["arn", partition, "iam", "", account, resource]
            if partition.starts_with("aws") && is_account_id(account) && resource.starts_with("role/") =>
        {
            Ok(account.to_owned())
        }
        _ => Err(AwsError::validation(format!("{arn} is invalid"))),
    }
}

fn check_session_name(name: &str) -> Result<(), AwsError> {
    let refused = |constraint: &str| AwsError::constraint(Some(name), "roleSessionName", constraint);
    if name.len() < 2 {
        return Err(refused("Member must have length greater than or equal to 2"));
    }
    if name.len() > 64 {
        return Err(refused("Member must have length less than or equal to 64"));
    }
    if !name
        .chars()
        .all(|character| character.is_ascii_alphanumeric() || "_+=,.@-".contains(character))
    {
        return Err(refused("Member must satisfy regular expression pattern: [\\w+=,.@-]*"));
    }
    Ok(())
}

fn session_policies(call: &Call<'_>, account_id: &str) -> Result<Vec<Document>, AwsError> {
    let mut policies = Vec::new();
    if let Some(text) = call.parameters.get("Policy") {
        if text.len() > 2048 {
            return Err(AwsError::constraint(
                Some(text),
                "policy",
                "Member must have length less than or equal to 2048",
            ));
        }
        policies.push(permission_document(text, Use::Inline)?);
    }
    for arn in (1..).map_while(|index| call.parameters.get(&format!("PolicyArns.member.{index}.arn"))) {
        let document = call.world.account(account_id)?.managed_document(arn).cloned();
        policies.push(document.ok_or_else(|| AwsError::malformed(format!("The policy {arn} does not exist")))?);
    }
    Ok(policies)
}
