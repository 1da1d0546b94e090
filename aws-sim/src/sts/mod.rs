//! The actions of STS.

pub(crate) mod assertion;
mod assume_role;
pub(crate) mod request;
pub(crate) mod saml;
mod session_token;
pub(crate) mod sign_in;
pub(crate) mod token;
mod web_identity;

use crate::call::{Call, Outside};
use crate::wire::error::{Answer, AwsError};
use crate::wire::xml::Xml;
use crate::world::account::Account;
use crate::world::credential::{Credential, RoleSession, session_arn};

/// Carries out one action.
pub(crate) fn dispatch(action: &str, call: &mut Call<'_>) -> Answer {
    match action {
        "GetCallerIdentity" => caller_identity(call),
        "AssumeRole" => assume_role::assume_role(call),
        "GetSessionToken" => session_token::session_token(call),
        other => Err(AwsError::new(
            400,
            "InvalidAction",
            format!("Could not find operation {other} for version 2011-06-15"),
        )),
    }
}

/// True for the actions that need no signature: what they bring along says who calls.
pub(crate) fn is_unsigned(action: &str) -> bool {
    matches!(action, "AssumeRoleWithWebIdentity" | "AssumeRoleWithSAML")
}

/// Carries out one of those.
pub(crate) fn dispatch_unsigned(action: &str, call: Outside<'_>) -> Answer {
    if action == "AssumeRoleWithSAML" {
        saml::assume_role_with_saml(call)
    } else {
        web_identity::assume_role_with_web_identity(call)
    }
}

/// Always allowed, whatever the policies say.
fn caller_identity(call: &Call<'_>) -> Answer {
    let mut xml = Xml::new();
    xml.leaf("Arn", &call.caller.arn)
        .leaf("UserId", &call.caller.user_id)
        .leaf("Account", &call.caller.account);
    xml.answer()
}

fn write_credentials(xml: &mut Xml, credential: &Credential) {
    xml.element("Credentials", |xml| {
        xml.leaf("AccessKeyId", &credential.access_key)
            .leaf("SecretAccessKey", &credential.secret);
        xml.optional("SessionToken", credential.token.as_deref());
        xml.time("Expiration", credential.expires.unwrap_or(credential.issued));
    });
}

/// The session of a role that a call has given, as every such call answers it.
fn write_session(xml: &mut Xml, account: &Account, session: &RoleSession, credential: &Credential) {
    let name = &session.session_name;
    let arn = session_arn(&account.partition, &account.id, &session.role_name, name);
    let id = format!("{}:{name}", session.role_id);
    xml.element("AssumedRoleUser", |xml| {
        xml.leaf("AssumedRoleId", &id).leaf("Arn", &arn);
    });
    write_credentials(xml, credential);
    if !session.policies.is_empty() {
        xml.number("PackedPolicySize", 6);
    }
    xml.optional("SourceIdentity", session.attributes.source_identity.as_deref());
}
