//! The simulator without its ports, for the fuzzer: a line in, an answer out.

use std::net::Ipv4Addr;

use axum::http::{HeaderMap, HeaderValue};

use crate::call::Sight;
use crate::gateway;
use crate::iam::roles::NewRole;
use crate::iam::users::make_user;
use crate::policy::grammar::{Use, permission_document};
use crate::sts::assertion::Assertion;
use crate::sts::token::Token;
use crate::wire::base64;
use crate::wire::xml::{Service, failure, success};
use crate::world::World;
use crate::world::account::Account;
use crate::world::credential::Identity;
use crate::world::providers::{OidcProvider, SamlProvider};
use crate::world::time;

/// The account that there is.
const ACCOUNT: &str = "222222222222";
/// Lets everybody in, in every way.
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*",
    "Federated":["arn:aws:iam::222222222222:oidc-provider/idp.example.com","arn:aws:iam::222222222222:saml-provider/okta"]},
    "Action":["sts:AssumeRole","sts:AssumeRoleWithSAML","sts:AssumeRoleWithWebIdentity","sts:TagSession",
    "sts:SetSourceIdentity"]}]}"#;
const EVERYTHING: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

/// A world with the account, a user `ann`, a role `role`, and a provider of each kind: `idp.example.com`, `okta`.
#[derive(Debug)]
pub struct Simulator {
    world: World,
    root: String,
    ann: String,
}

impl Simulator {
    /// A fresh world.
    ///
    /// # Panics
    /// If the simulator refuses what it is set up with.
    #[must_use]
    #[allow(clippy::new_without_default, clippy::expect_used)]
    pub fn new() -> Self {
        let mut world = World::default();
        let mut account = Account::new(ACCOUNT, "aws");
        let provider = OidcProvider {
            audiences: ["sts.amazonaws.com".to_owned()].into(),
            ..OidcProvider::default()
        };
        account.oidc_providers.insert("idp.example.com".to_owned(), provider);
        let issuer = "https://okta.example.com".to_owned();
        account
            .saml_providers
            .insert("okta".to_owned(), SamlProvider { issuer });
        world.accounts.insert(ACCOUNT.to_owned(), account);
        let mut ann = make_user(&mut world, ACCOUNT, "/", "ann", 0).expect("a user");
        let id = ann.id.clone();
        let everything = permission_document(EVERYTHING, Use::Inline).expect("a document");
        ann.inline.insert("everything".to_owned(), everything);
        let held = world.account_mut(ACCOUNT).expect("the account");
        held.users.insert("ann".to_owned(), ann);
        let role = NewRole {
            name: "role",
            path: "/",
            description: None,
            max_session_duration: 3600,
            trust: TRUST,
            boundary: None,
            tags: Vec::new(),
        };
        role.make(&mut world, ACCOUNT, 0).expect("a role");
        let root = world.issue_access_key(ACCOUNT, Identity::Root).access_key;
        let ann = world.issue_access_key(ACCOUNT, Identity::User { id }).access_key;
        Self { world, root, ann }
    }

    /// Answers a line: who calls, a space, and what. `iam` and `sts` are calls of `ann`, `root` of the account's root,
    /// each with a form; `token` has the claims and `saml` the XML of a sign-in. Everything else is an `Authorization` header,
    /// up to a tab, with a form.
    pub fn answer(&mut self, line: &str) -> String {
        let (who, what) = line.split_once(' ').unwrap_or((line, ""));
        let signed = |key: &str, service: &str| format!("Credential={key}/20261122/us-east-1/{service}/aws4_request");
        let coded = |text: &str| base64::encode_for_url(text.as_bytes());
        let sign_in = |rest: String| format!("RoleArn=arn:aws:iam::{ACCOUNT}:role/role&{rest}");
        let (header, form) = match who {
            "iam" | "sts" => (Some(signed(&self.ann, who)), what.to_owned()),
            "root" => (Some(signed(&self.root, "iam")), what.to_owned()),
            "token" => {
                let token = format!("{}.{}.e", coded("{}"), coded(what));
                let rest = format!("Action=AssumeRoleWithWebIdentity&RoleSessionName=fuzz&WebIdentityToken={token}");
                (None, sign_in(rest))
            }
            "saml" => {
                let provider = format!("arn:aws:iam::{ACCOUNT}:saml-provider/okta");
                let rest = format!(
                    "Action=AssumeRoleWithSAML&PrincipalArn={provider}&SAMLAssertion={}",
                    coded(what)
                );
                (None, sign_in(rest))
            }
            _ => {
                let (header, form) = line.split_once('\t').unwrap_or((line, ""));
                (Some(header.to_owned()), form.to_owned())
            }
        };
        let mut headers = HeaderMap::new();
        if let Some(header) = header.and_then(|header| HeaderValue::from_str(&header).ok()) {
            headers.insert("authorization", header);
        }
        let request = match gateway::read(&headers, &form.into(), Ipv4Addr::LOCALHOST.into()) {
            Ok(request) => request,
            Err(error) => return failure(Service::Sts, &error, "1"),
        };
        let sight = Sight {
            reshape: Some(1),
            ..Sight::default()
        };
        match request.carry_out(&mut self.world, sight) {
            Ok(result) => success(request.signer.service, &request.action, &result, "1"),
            Err(error) => failure(request.signer.service, &error, "1"),
        }
    }
}

/// Reads a text in every way in which the simulator reads texts.
///
/// # Panics
/// If what was read does not survive being written and read again.
pub fn check_readers(text: &str) {
    let _ = Token::read(text);
    assert_eq!(
        base64::decode(&base64::encode(text.as_bytes())).as_deref(),
        Some(text.as_bytes())
    );
    let _ = base64::decode(text);
    if let Some(at) = time::parse(text) {
        let written = time::iso(at);
        // Years of five digits are never read.
        assert!(
            written.len() != 20 || time::parse(&written) == Some(at),
            "{text:?} {written}"
        );
    }
    if let Some(assertion) = Assertion::read(text)
        && assertion.expires.is_some()
        && time::iso(assertion.issued.max(assertion.expires.unwrap_or_default())).len() == 20
    {
        assert_eq!(Assertion::read(&assertion.write()), Some(assertion), "{text:?}");
    }
}
