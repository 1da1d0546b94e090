//! The ceiling of every role, where nobody has a better one: everything but identities.
//!
//! It is no ceiling for whoever can change what runs in the account (instances, functions, stacks): that has a role of its
//! own, and no list of the services by which it can be changed would be complete. docs/bootstrap.md says so.

use crossrole_iam::document::{ActionElement, Document, Effect, ResourceElement, Statement};

/// Services that make identities, give them rights, or let somebody become them by a call.
const IDENTITIES: [&str; 7] = [
    "account:*",
    "iam:*",
    "identitystore:*",
    "organizations:*",
    "sso:*",
    "sso-directory:*",
    "sts:*",
];

/// Of those services, what changes nothing.
const LOOKS: [&str; 9] = [
    "account:Get*",
    "account:List*",
    "iam:Generate*",
    "iam:Get*",
    "iam:List*",
    "iam:Simulate*",
    "organizations:Describe*",
    "organizations:List*",
    "sts:GetCallerIdentity",
];

pub(super) fn document() -> Document {
    let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    let allow = |sid: &str, action: ActionElement| Statement {
        sid: Some(sid.to_string()),
        effect: Effect::Allow,
        principal: None,
        action,
        resource: Some(ResourceElement::Resource(vec!["*".to_string()])),
        conditions: Vec::new(),
    };
    Document::new(vec![
        allow("EverythingButIdentities", ActionElement::NotAction(texts(&IDENTITIES))),
        allow("LookAtIdentities", ActionElement::Action(texts(&LOOKS))),
    ])
}
