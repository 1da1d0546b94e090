//! Identity providers of an account, and what they would hand out: tokens and assertions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Refused, Reply, known_account};
use crate::gateway::Shared;
use crate::sts::assertion::Assertion;
use crate::sts::saml::{FOR_AWS, sign_in_address};
use crate::sts::token;
use crate::wire::base64;
use crate::world::providers::{OidcProvider, SamlProvider, without_scheme};

type Shares = State<Arc<Shared>>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewOidc {
    url: String,
    #[serde(default)]
    audiences: BTreeSet<String>,
    #[serde(default)]
    rejected_subjects: BTreeSet<String>,
}

/// Makes an OIDC provider, or changes one that is there.
pub(crate) async fn create_oidc(State(shared): Shares, Path(account): Path<String>, Json(new): Json<NewOidc>) -> Reply {
    known_account(&shared, &account)?;
    let host = without_scheme(&new.url);
    if host.is_empty() || host.contains("://") || host.ends_with('/') {
        return Err(Refused::bad(format!(
            "{} is not an issuer: https, without a slash at the end",
            new.url
        )));
    }
    let mut world = shared.world();
    let held = world.account_mut(&account)?;
    let arn = held.arn("oidc-provider", "/", host);
    let provider = OidcProvider {
        audiences: new.audiences,
        rejected_subjects: new.rejected_subjects,
    };
    held.oidc_providers.insert(host.to_owned(), provider);
    Ok(Json(json!({"arn": arn})))
}

pub(crate) async fn delete_oidc(State(shared): Shares, Path((account, host)): Path<(String, String)>) -> Reply {
    known_account(&shared, &account)?;
    let mut world = shared.world();
    let gone = world.account_mut(&account)?.oidc_providers.remove(&host);
    gone.ok_or_else(|| Refused::not_found(&format!("OIDC provider {host}")))?;
    Ok(Json(json!({})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSaml {
    name: String,
    issuer: String,
}

/// Makes a SAML provider, or changes one that is there.
pub(crate) async fn create_saml(State(shared): Shares, Path(account): Path<String>, Json(new): Json<NewSaml>) -> Reply {
    known_account(&shared, &account)?;
    let mut world = shared.world();
    let held = world.account_mut(&account)?;
    let arn = held.arn("saml-provider", "/", &new.name);
    held.saml_providers
        .insert(new.name, SamlProvider { issuer: new.issuer });
    Ok(Json(json!({"arn": arn})))
}

pub(crate) async fn delete_saml(State(shared): Shares, Path((account, name)): Path<(String, String)>) -> Reply {
    known_account(&shared, &account)?;
    let mut world = shared.world();
    let gone = world.account_mut(&account)?.saml_providers.remove(&name);
    gone.ok_or_else(|| Refused::not_found(&format!("SAML provider {name}")))?;
    Ok(Json(json!({})))
}

fn five_minutes() -> i64 {
    300
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TokenOrder {
    issuer: String,
    /// One text, or a list.
    audience: Value,
    subject: String,
    #[serde(default)]
    claims: Map<String, Value>,
    #[serde(default = "five_minutes")]
    expires_in_seconds: i64,
}

/// A token as an OIDC provider would issue it. Other claims are added, and replace those of the same name.
pub(crate) async fn web_identity_token(State(shared): Shares, Json(order): Json<TokenOrder>) -> Reply {
    let now = shared.world().now();
    let mut claims = json!({
        "iss": order.issuer,
        "aud": order.audience,
        "sub": order.subject,
        "iat": now,
        "exp": now + order.expires_in_seconds,
    });
    for (name, value) in order.claims {
        claims[name] = value;
    }
    Ok(Json(json!({"token": token::write(&claims)})))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AssertionOrder {
    /// The ARN of the provider in the account.
    provider: String,
    /// ARNs of the roles that the identity provider offers.
    roles: Vec<String>,
    session_name: String,
    subject: String,
    #[serde(default = "persistent")]
    subject_type: String,
    /// Instead of the address where the partition's users sign in.
    recipient: Option<String>,
    audience: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    transitive: Vec<String>,
    source_identity: Option<String>,
    #[serde(default = "five_minutes")]
    expires_in_seconds: i64,
}

fn persistent() -> String {
    "persistent".to_owned()
}

/// An assertion as a SAML provider would send it, in Base64.
pub(crate) async fn saml_assertion(State(shared): Shares, Json(order): Json<AssertionOrder>) -> Reply {
    let world = shared.world();
    let found = world.accounts.values().find_map(|account| {
        let name = order.provider.rsplit('/').next()?;
        let provider = account.saml_providers.get(name)?;
        (account.arn("saml-provider", "/", name) == order.provider).then_some((account, provider))
    });
    let (account, provider) = found.ok_or_else(|| Refused::not_found(&format!("SAML provider {}", order.provider)))?;
    let address = sign_in_address(&account.partition);
    let mut attributes: Vec<_> = order.attributes.into_iter().collect();
    let mut add = |name: &str, values: Vec<String>| attributes.push((format!("{FOR_AWS}{name}"), values));
    let pair = |role: &String| format!("{role},{}", order.provider);
    add("Role", order.roles.iter().map(pair).collect());
    add("RoleSessionName", vec![order.session_name]);
    for (key, value) in order.tags {
        add(&format!("PrincipalTag:{key}"), vec![value]);
    }
    if !order.transitive.is_empty() {
        add("TransitiveTagKeys", order.transitive);
    }
    if let Some(text) = order.source_identity {
        add("SourceIdentity", vec![text]);
    }
    let assertion = Assertion {
        issuer: provider.issuer.clone(),
        issued: world.now(),
        expires: Some(world.now() + order.expires_in_seconds),
        subject: order.subject,
        subject_type: order.subject_type,
        recipient: order.recipient.unwrap_or_else(|| address.to_owned()),
        audiences: vec![order.audience.unwrap_or_else(|| address.to_owned())],
        attributes,
    };
    Ok(Json(json!({"assertion": base64::encode(assertion.write().as_bytes())})))
}
