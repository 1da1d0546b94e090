//! `AssumeRoleWithWebIdentity`: a session for a token of an OIDC provider.

use super::request;
use super::sign_in::SignIn;
use super::token::{Token, invalid, rejected};
use super::write_session;
use crate::call::Outside;
use crate::policy::visitor::Visitor;
use crate::wire::error::Answer;
use crate::wire::xml::Xml;

/// Gives a session of a role to whoever the token is about.
pub(crate) fn assume_role_with_web_identity(call: Outside<'_>) -> Answer {
    let Outside {
        world,
        parameters,
        mut context,
        now,
    } = call;
    let role_arn = parameters.required("RoleArn")?;
    let session_name = parameters.required("RoleSessionName")?;
    let text = parameters.required("WebIdentityToken")?;
    let account_id = request::account_of(role_arn)?;
    let seconds = request::duration(parameters, 3600, 43_200)?;
    let token = Token::read(text)?;
    let (provider, held) = world
        .accounts
        .get(&account_id)
        .and_then(|account| account.oidc_principal(&token.issuer))
        .ok_or_else(|| {
            invalid(format!(
                "No OpenIDConnect provider found in your account for {}",
                token.issuer
            ))
        })?;
    token.check_time(now)?;
    let audience = token.audience()?.to_owned();
    if let Some(held) = held {
        if !held.audiences.contains(&audience) {
            return Err(invalid("Incorrect token audience"));
        }
        if held.rejected_subjects.contains(&token.subject) {
            return Err(rejected(
                "The identity provider (IdP) reported that authentication failed.",
            ));
        }
    }
    let (keys, kept) = token.condition_keys()?;
    for (key, values) in keys {
        context.set_many(&key, values);
    }
    let mut attributes = token.attributes();
    attributes
        .source_identity
        .as_deref()
        .map_or(Ok(()), request::source_identity)?;
    attributes.provider_keys = kept;
    attributes
        .provider_keys
        .push(("aws:FederatedProvider".to_owned(), vec![provider.clone()]));
    let sign_in = SignIn {
        role_arn,
        session_name,
        visitor: Visitor::Federated(&provider),
        action: "sts:AssumeRoleWithWebIdentity",
        context,
        attributes,
        policies: request::session_policies(parameters, world, &account_id)?,
        seconds,
    };
    let (session, credential) = sign_in.carry_out(world)?;
    let mut xml = Xml::new();
    xml.leaf("Provider", &provider)
        .leaf("Audience", &audience)
        .leaf("SubjectFromWebIdentityToken", &token.subject);
    write_session(&mut xml, world.account(&account_id)?, &session, &credential);
    xml.answer()
}
