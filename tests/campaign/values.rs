//! Useful values: what exists in the simulated AWS, and what fits together. A schema alone would make declarations that
//! are almost all refused.
//!
//! A word in « » stands for something of the chain that the declaration belongs to: `«a»` and `«b»` its AWSAccounts,
//! `«name»` its own name, `«person»` a role that now and then is deleted and made again.

use fastrand::Rng;
use serde_json::{Value, json};

/// How a property is made and changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// By its schema.
    Any,
    /// Exactly one of its members; the named one goes with another.
    OneOf(&'static str),
    /// A whole from the table: its parts say nothing by themselves.
    Whole,
    /// In its parts only: some of them never change.
    Parts,
}

/// How the value at a path is made and changed.
pub fn shape(path: &str) -> Shape {
    match path {
        "role.trust[].from" => Shape::OneOf("kind"),
        "role.accounts" | "role.validity" => Shape::Whole,
        "class.guardrails.trust" | "class.guardrails.managedPolicies" | "class.guardrails.inlinePolicies" => {
            Shape::Whole
        }
        "class" | "class.guardrails" | "account" => Shape::Parts,
        _ => Shape::Any,
    }
}

/// How often a property is the one that changes; 0 for what cannot be changed, or has a test of its own.
pub fn weight(path: &str) -> usize {
    match path {
        "role.roleName" | "role.path" | "role.suspend" => 0,
        "class.bootstrapRole" | "class.guardrails.rolePath" | "class.adoption" | "class.allowedNamespaces" => 0,
        "class.guardrails.permissionsBoundary" | "class.guardrails.maxRolesPerNamespace" => 0,
        "account.accountId" | "account.partition" | "account.class" | "account.externalId" | "account.state" => 0,
        "role.trust" | "role.permissions" => 6,
        "role.tags" | "role.accounts" => 3,
        "role.extraTrustStatements" | "role.sessions" => 2,
        _ => 1,
    }
}

/// A key of a map.
pub fn key(path: &str, rng: &mut Rng) -> String {
    let keys = match path {
        "role.tags" => ["team", "stage", "Owner", "cost center"],
        "account.parameters" => ["logBucket", "queue", "unused", "logBucket"],
        _ => ["env", "tier", "a", "b"],
    };
    keys[rng.usize(..keys.len())].to_string()
}

/// One of the useful values for a path; none where the table has none, and now and then where it has some.
pub fn useful(path: &str, rng: &mut Rng) -> Option<Value> {
    let known = known(path);
    let by_schema = shape(path) == Shape::Any && rng.u8(..100) < share_by_schema(path);
    (!known.is_empty() && !by_schema).then(|| known[rng.usize(..known.len())].clone())
}

/// Of a hundred values, so many are made by the schema although there are useful ones.
fn share_by_schema(path: &str) -> u8 {
    match path {
        "role.trust[]" | "role.trust[].require" => 25,
        "role.description" => 60,
        _ => 3,
    }
}

fn words(words: &[&str]) -> Vec<Value> {
    words.iter().map(|word| json!(word)).collect()
}

fn known(path: &str) -> Vec<Value> {
    match path {
        "role.accounts" => vec![
            json!({"names": ["«a»"]}),
            json!({"names": ["«b»"]}),
            json!({"names": ["«a»", "«b»"]}),
            json!({"names": ["«b»", "«a»"]}),
            json!({"selector": {"matchLabels": {"chain": "«name»"}}}),
            json!({"names": ["«a»"], "selector": {"matchLabels": {"chain": "«name»", "side": "b"}}}),
            json!({"selector": {"matchExpressions": [{"key": "chain", "operator": "In", "values": ["«name»"]}]}}),
            json!({"names": ["«a»", "nobody"]}),
        ],
        "role.description" => words(&["", "Reads logs", "  two  spaces ", "Prüft §7 & <mehr>", "a\tb\nc"]),
        "role.maxSessionDuration" => words(&["1h", "2h", "4h", "90m", "5400s", "3h30m", "12h"]),
        "role.mode" => words(&["Enforce", "Enforce", "Enforce", "Observe"]),
        "role.permissionsBoundary" => words(&["crossrole-boundary", "other-boundary"]),
        "role.tags{}" => words(&["security", "", "eu-west-1", "a b+c@d"]),
        "role.validity" => vec![
            json!({"notBefore": "2020-01-01T00:00:00Z"}),
            json!({"notAfter": "2099-12-31T23:59:59Z"}),
            json!({"notBefore": "2025-06-01T12:00:00+02:00", "notAfter": "2090-01-01T00:00:00Z"}),
            json!({"notBefore": "2098-01-01T00:00:00Z", "notAfter": "2099-01-01T00:00:00Z"}),
            json!({"notAfter": "2021-01-01T00:00:00Z"}),
        ],
        "role.sessions.revokeIssuedBefore" => words(&["2024-05-01T00:00:00Z", "2025-02-03T04:05:06Z"]),
        path if path.starts_with("role.trust") => trust(path.trim_start_matches("role.trust")),
        "role.extraTrustStatements[]" => raw_statements(),
        "role.permissions.awsManaged[]" => words(&[
            "SecurityAudit",
            "ReadOnlyAccess",
            "job-function/ViewOnlyAccess",
            "job-function/SupportUser",
            "arn:aws:iam::aws:policy/AWSBillingReadOnlyAccess",
            "AdministratorAccess",
        ]),
        "role.permissions.customerManaged[]" => words(&["team/read-logs", "team/read-queues", "team/audit"]),
        "role.permissions.inline[].name" => words(&["read-logs", "read-queues", "deny-some", "Read-Logs-2"]),
        "role.permissions.inline[].document" => documents(),
        "account.parameters{}" => words(&["acme-logs", "acme-other-logs", "x"]),
        "class.guardrails.maxSessionDuration" => words(&["12h", "4h", "1h"]),
        "class.guardrails.trust" => vec![
            class_trust(),
            without(class_trust(), "thirdParties"),
            without(class_trust(), "services"),
        ],
        "class.guardrails.managedPolicies" => vec![
            class_policies(),
            json!({"aws": ["SecurityAudit", "job-function/*"], "account": ["team/*"]}),
        ],
        "class.guardrails.inlinePolicies" => vec![
            json!({"denyActions": ["iam:*"]}),
            json!({"denyActions": ["iam:*", "sqs:*"]}),
        ],
        "class.guardrails.tagKeys" => vec![json!(["*"]), json!(["team", "stage"])],
        _ => Vec::new(),
    }
}

fn without(mut value: Value, member: &str) -> Value {
    value.as_object_mut().unwrap().remove(member);
    value
}

/// What a class lets be trusted.
pub fn class_trust() -> Value {
    json!({
        "accounts": ["111111111111", "555555555555"], "thirdParties": ["444444444444"],
        "organizations": ["o-a1b2c3d4e5"],
        "services": ["ec2.amazonaws.com", "lambda.amazonaws.com", "pods.eks.amazonaws.com", "rolesanywhere.amazonaws.com"],
        "federation": [
            {"issuer": "token.actions.githubusercontent.com", "audiences": ["sts.amazonaws.com"], "subjects": ["repo:acme/*"]},
            {"samlProviders": ["okta"]}
        ],
        "trustAnchors": ["arn:aws:rolesanywhere:eu-west-1:111111111111:trust-anchor/7c1f4e3a"]
    })
}

/// The managed policies that a class lets be attached.
pub fn class_policies() -> Value {
    json!({"aws": ["SecurityAudit", "*ReadOnlyAccess", "job-function/*"], "account": ["team/*"], "deny": ["AdministratorAccess"]})
}

fn trust(rest: &str) -> Vec<Value> {
    match rest {
        "[]" => vec![
            json!({"from": {"accounts": ["111111111111"]}, "require": {"mfa": {"maxAge": "1h"}}}),
            json!({"from": {"accounts": ["111111111111"], "kind": "Users"}, "require": {"mfa": {"maxAge": "30m"}, "externalIds": ["ours-1", "ours-2"]}}),
            json!({"from": {"accounts": ["111111111111", "555555555555"], "kind": "Roles"}}),
            json!({"from": {"accounts": ["444444444444"], "kind": "Roles"}, "require": {"externalIds": ["vendor-1"]}}),
            json!({"from": {"principals": ["arn:aws:iam::111111111111:role/ci"]}, "allow": {"sessionTags": ["team"], "sourceIdentity": true}}),
            json!({"from": {"principals": ["arn:aws:iam::111111111111:role/«person»", "arn:aws:iam::111111111111:role/ci"]}}),
            json!({"from": {"principals": ["arn:aws:iam::111111111111:user/ada", "arn:aws:iam::111111111111:user/bob"]}, "require": {"mfa": {"maxAge": "2h"}}}),
            json!({"from": {"principalPatterns": ["arn:aws:iam::111111111111:role/deploy-*"]}, "require": {"sourceCidrs": ["203.0.113.0/24"]}}),
            json!({"from": {"organization": "o-a1b2c3d4e5"}, "require": {"mfa": {"maxAge": "1h"}}}),
            json!({"from": {"identityCenter": {"account": "111111111111", "permissionSet": "Auditors"}}}),
            json!({"from": {"services": ["ec2.amazonaws.com"]}}),
            json!({"from": {"services": ["lambda.amazonaws.com"]}, "require": {"sourceAccounts": ["111111111111"]}}),
            json!({"from": {"oidc": {"issuer": "token.actions.githubusercontent.com", "audiences": ["sts.amazonaws.com"], "subjects": ["repo:acme/app:*"]}}}),
            json!({"from": {"saml": {"provider": "okta"}}}),
            json!({"from": {"podIdentity": {"clusters": ["arn:aws:eks:eu-west-1:111111111111:cluster/hub"], "namespace": "security"}}}),
            json!({"from": {"rolesAnywhere": {"trustAnchors": ["arn:aws:rolesanywhere:eu-west-1:111111111111:trust-anchor/7c1f4e3a"], "commonNames": ["build-*"]}}}),
            json!({"from": {"accounts": ["999999999999"]}, "require": {"mfa": {"maxAge": "1h"}}}),
        ],
        "[].require" => vec![
            json!({"externalIds": ["vendor-1"]}),
            json!({"externalIds": ["vendor-1", "vendor-2"]}),
            json!({"mfa": {"maxAge": "1h"}}),
            json!({"sourceCidrs": ["203.0.113.0/24", "198.51.100.7/32"]}),
            json!({"sessionName": ["${aws:username}"]}),
            json!({"sourceIdentity": ["ada", "b*"]}),
            json!({"conditions": {"StringEquals": {"aws:RequestedRegion": ["eu-west-1", "eu-central-1"]}}}),
        ],
        "[].from.accounts[]" => words(&["111111111111", "111111111111", "555555555555", "444444444444"]),
        "[].from.principals[]" => words(&[
            "arn:aws:iam::111111111111:role/ci",
            "arn:aws:iam::111111111111:role/«person»",
            "arn:aws:iam::555555555555:role/path/deploy",
            "arn:aws:iam::444444444444:role/vendor",
        ]),
        "[].from.principalPatterns[]" => words(&[
            "arn:aws:iam::111111111111:role/deploy-*",
            "arn:aws:iam::555555555555:role/team/*",
        ]),
        "[].from.organization" | "[].require.organization" => words(&["o-a1b2c3d4e5"]),
        "[].from.identityCenter.account" => words(&["111111111111"]),
        "[].from.services[]" => words(&["ec2.amazonaws.com", "lambda.amazonaws.com"]),
        "[].from.oidc.issuer" => words(&["token.actions.githubusercontent.com"]),
        "[].from.oidc.audiences[]" => words(&["sts.amazonaws.com"]),
        "[].from.oidc.subjects[]" => words(&["repo:acme/app:*", "repo:acme/infra:ref:refs/heads/main"]),
        "[].from.saml.provider" => words(&["okta"]),
        "[].from.podIdentity.clusters[]" => words(&[
            "arn:aws:eks:eu-west-1:111111111111:cluster/hub",
            "arn:aws:eks:eu-west-1:111111111111:cluster/edge",
        ]),
        "[].from.rolesAnywhere.trustAnchors[]" => {
            words(&["arn:aws:rolesanywhere:eu-west-1:111111111111:trust-anchor/7c1f4e3a"])
        }
        "[].require.mfa.maxAge" => words(&["1h", "30m", "3600s", "36h"]),
        "[].require.externalIds[]" => words(&["vendor-1", "vendor-2", "a/b:c=d"]),
        "[].require.sourceAccounts[]" => words(&["111111111111", "222222222222"]),
        "[].require.sourceArns[]" => words(&["arn:aws:lambda:eu-west-1:111111111111:function:*"]),
        "[].require.sourceCidrs[]" => words(&["203.0.113.0/24", "198.51.100.7/32", "2001:db8::/32"]),
        "[].require.sourceIdentity[]" => words(&["ada", "b*"]),
        "[].require.sessionName[]" => words(&["${aws:username}", "ci-*"]),
        "[].require.conditions" => vec![
            json!({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}),
            json!({"StringLike": {"aws:PrincipalTag/team": ["red", "blue"]}, "Bool": {"aws:SecureTransport": "true"}}),
        ],
        "[].allow.sessionTags[]" => words(&["team", "cost"]),
        _ => Vec::new(),
    }
}

fn raw_statements() -> Vec<Value> {
    vec![
        json!({"Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::111111111111:user/bob"}, "Action": "sts:AssumeRole"}),
        json!({"Sid": "Late", "Effect": "Deny", "Principal": "*", "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {"DateGreaterThan": {"aws:CurrentTime": "2099-01-01T00:00:00Z"}}}),
        json!({"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::111111111111:role/ci", "arn:aws:iam::111111111111:role/«person»"]},
            "Action": "sts:AssumeRole"}),
        json!({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}),
    ]
}

fn documents() -> Vec<Value> {
    let document = |statements: Value| json!({"Version": "2012-10-17", "Statement": statements});
    vec![
        document(
            json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:${AWS::Partition}:s3:::${parameter.logBucket}/*"}]),
        ),
        document(json!({"Effect": "Allow", "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage"], "Resource": "*"})),
        document(json!([
            {"Sid": "Read", "Effect": "Allow", "Action": ["logs:Get*", "logs:Describe*"], "Resource": ["*"]},
            {"Sid": "NotThere", "Effect": "Deny", "NotAction": "logs:*", "Resource": "*", "Condition": {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}}
        ])),
        document(json!([{"Effect": "Deny", "Action": ["s3:DeleteBucket", "s3:DeleteObject"], "Resource": "*"}])),
        document(
            json!([{"Effect": "Allow", "Action": "dynamodb:Query", "Resource": "*", "Condition": {"NumericLessThan": {"s3:max-keys": "10"}}}]),
        ),
        document(json!([{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}])),
    ]
}
