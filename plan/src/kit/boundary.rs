//! The ceiling of every role, where nobody has a better one: everything but identities.

use crossrole_iam::document::{ActionElement, Document, Effect, ResourceElement, Statement};

/// Services by which somebody could get other rights than the role's own: they make identities, give them rights, or
/// become them.
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
