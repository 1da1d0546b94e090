use std::collections::BTreeSet;

use crossrole_api::names::{CLUSTER_TAG, OWNER_TAG};
use crossrole_iam::document::{Document, DocumentKind};
use serde_json::json;

use super::*;
use crate::testing::{account, check_table, held, role, rules};

fn source() -> Source {
    Source {
        account: account(),
        rules: None,
        namespace: "security".into(),
    }
}

/// The role that a spec declares, as somebody else made it.
fn found(spec: &str) -> ObservedRole {
    let mut role = held(spec);
    role.tags.retain(|key, _| key != CLUSTER_TAG && key != OWNER_TAG);
    role
}

fn with_trust(statements: &str) -> ObservedRole {
    let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#);
    let document = Document::parse(&text, DocumentKind::Trust).unwrap_or_else(|error| panic!("{text}: {error}"));
    ObservedRole {
        trust: ObservedDocument::of(document),
        ..found("")
    }
}

/// What is refused, or how many statements became entries and how many stayed raw.
fn said(role: &ObservedRole, source: &Source) -> String {
    match import(role, "audit", source) {
        Ok(object) => format!(
            "{} entries, {} raw",
            object.spec.trust.len(),
            object.spec.extra_trust_statements.len()
        ),
        Err(not) => not.reasons.join("; "),
    }
}

#[test]
fn every_kind_of_trust_comes_back_as_it_was_declared() {
    let entries = [
        "{from: {accounts: ['111111111111']}}",
        "{from: {accounts: ['111111111111', '333333333333'], kind: Roles}}",
        "{from: {accounts: ['111111111111'], kind: Users}}",
        "{from: {accounts: ['111111111111'], kind: Users}, require: {mfa: {maxAge: 1h}}}",
        "{from: {accounts: ['444444444444']}, require: {externalIds: [first-id, second-id], organization: o-a1b2c3d4e5}}",
        "{from: {principals: ['arn:aws:iam::111111111111:user/ann', 'arn:aws:iam::111111111111:role/ci']}, require: {sourceCidrs: [203.0.113.0/24], sessionName: ['ops-*']}}",
        "{from: {principals: ['arn:aws:iam::111111111111:user/ann']}, require: {mfa: {maxAge: 30m}}}",
        "{from: {principalPatterns: ['arn:aws:iam::111111111111:role/team/*']}}",
        "{from: {principalPatterns: ['arn:aws:iam::*:role/team/*']}, require: {organization: o-a1b2c3d4e5}}",
        "{from: {organization: o-a1b2c3d4e5}}",
        "{from: {organization: o-a1b2c3d4e5}, require: {mfa: {maxAge: 1h}}}",
        "{from: {identityCenter: {account: '111111111111', permissionSet: Admin}}}",
        "{from: {services: [ec2.amazonaws.com, lambda.amazonaws.com]}, require: {sourceAccounts: ['111111111111'], sourceArns: ['arn:aws:s3:::x']}}",
        "{from: {oidc: {issuer: token.actions.githubusercontent.com, audiences: [sts.amazonaws.com], subjects: ['repo:acme/*']}}}",
        "{from: {oidc: {issuer: accounts.google.com, audiences: [a.apps.googleusercontent.com], subjects: ['1']}}}",
        "{from: {saml: {provider: okta}}}",
        "{from: {podIdentity: {clusters: ['arn:aws:eks:eu-west-1:222222222222:cluster/main'], namespace: apps, serviceAccount: web}}}",
        "{from: {rolesAnywhere: {trustAnchors: ['arn:aws:rolesanywhere:eu-west-1:222222222222:trust-anchor/a1b2c3d4'], commonNames: ['*.acme.example']}}}",
        "{from: {rolesAnywhere: {trustAnchors: ['arn:aws:rolesanywhere:eu-west-1:222222222222:trust-anchor/a1b2c3d4']}}, require: {sessionName: ['m-*']}}",
        "{from: {accounts: ['111111111111'], kind: Roles}, allow: {sessionTags: [env, team], sourceIdentity: true}}",
        "{from: {accounts: ['111111111111'], kind: Roles}, require: {sourceIdentity: ['a*']}, allow: {sourceIdentity: true}}",
        "{from: {accounts: ['111111111111']}, require: {conditions: {StringNotEquals: {'aws:PrincipalTag/team': [a, b]}, Bool: {'aws:SecureTransport': ['true']}}}}",
        "{from: {accounts: ['111111111111']}, require: {externalIds: [first-id]}}, {from: {accounts: ['555555555555']}, allow: {sessionTags: [team]}}",
    ];
    let mut wrong = Vec::new();
    for entry in entries {
        let spec = format!("trust: [{entry}]");
        let imported = import(&found(&spec), "audit", &source());
        let expected = role(&spec).spec.trust;
        match imported {
            Ok(object) if object.spec.trust == expected && object.spec.extra_trust_statements.is_empty() => {}
            other => wrong.push(format!("{entry}\n  {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_no_entry_says_stays_a_raw_statement() {
    let allow = |condition: &str| {
        format!(
            r#"{{"Effect": "Allow", "Principal": {{"AWS": "111111111111"}}, "Action": "sts:AssumeRole", "Condition": {{{condition}}}}}"#
        )
    };
    for (sentence, statements, expected) in [
        ("an account", allow(""), "1 entries, 0 raw"),
        (
            "MFA without an age",
            allow(r#""Bool": {"aws:MultiFactorAuthPresent": "true"}"#),
            "0 entries, 1 raw",
        ),
        (
            "MFA of those who may be roles",
            allow(r#""Bool": {"aws:MultiFactorAuthPresent": "true"}, "NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}"#),
            "0 entries, 1 raw",
        ),
        (
            "three external ids",
            allow(r#""StringEquals": {"sts:ExternalId": ["aa", "bb", "cc"]}"#),
            "0 entries, 1 raw",
        ),
        (
            "a Deny beside an entry",
            format!(
                r#"{}, {{"Sid": "Bob", "Effect": "Deny", "Principal": {{"AWS": "arn:aws:iam::111111111111:user/bob"}}, "Action": "sts:AssumeRole"}}"#,
                allow("")
            ),
            "1 entries, 1 raw",
        ),
        (
            "a pattern of actions",
            r#"{"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "sts:*"}"#.to_string(),
            "0 entries, 1 raw",
        ),
        (
            "two actions in one statement",
            r#"{"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}"#.to_string(),
            "0 entries, 1 raw",
        ),
        (
            "dates",
            allow(r#""DateLessThan": {"aws:CurrentTime": "2027-01-01T00:00:00Z"}"#),
            "0 entries, 1 raw",
        ),
        (
            "the same twice",
            format!("{}, {}", allow(""), allow("")),
            "1 entries, 0 raw",
        ),
    ] {
        assert_eq!(said(&with_trust(&statements), &source()), expected, "{sentence}");
    }
}

#[test]
fn everything_else_of_a_role_is_declared_too() {
    let spec = "
description: Read-only audit access
path: /ops/
maxSessionDuration: 1h30m
permissions:
  awsManaged: [SecurityAudit, job-function/ViewOnlyAccess]
  customerManaged: [team/read-logs]
  inline: [{name: a, document: {Version: '2012-10-17', Statement: [{Effect: Allow, Action: 's3:GetObject', Resource: 'arn:aws:s3:::x/${aws:username}/*'}]}}]
tags: {team: security}
permissionsBoundary: team/limit";
    let mut existing = found(spec);
    existing
        .tags
        .insert("aws:cloudformation:stack-name".into(), "old".into());
    let object = import(&existing, "audit", &source()).unwrap();
    assert_eq!(object.spec.role_name.as_deref(), Some("audit"));
    assert_eq!(object.spec.path.as_deref(), Some("/ops/"));
    assert_eq!(object.spec.description.as_deref(), Some("Read-only audit access"));
    assert_eq!(object.spec.max_session_duration, "1h30m");
    assert_eq!(
        object.spec.tags,
        litemap::LiteMap::from_iter([("team".to_string(), "security".to_string())])
    );
    assert_eq!(object.spec.permissions_boundary.as_deref(), Some("team/limit"));
    let permissions = object.spec.permissions.unwrap();
    assert_eq!(BTreeSet::from_iter(permissions.aws_managed).len(), 2);
    assert_eq!(permissions.customer_managed, ["team/read-logs"]);
    assert_eq!(permissions.inline.len(), 1);
    assert_eq!(object.spec.adoption_policy, AdoptionPolicy::Adopt);
}

#[test]
fn what_cannot_be_declared_is_refused_with_the_reason() {
    let changed = |change: &dyn Fn(&mut ObservedRole)| {
        let mut role = found("");
        change(&mut role);
        role
    };
    let inline = |name: &str, document: ObservedDocument| {
        changed(&|role| drop(role.inline.insert(name.parse().unwrap(), document.clone())))
    };
    let policy = |text: &str| ObservedDocument::of(Document::parse(text, DocumentKind::Permission).unwrap());
    let unreadable = || ObservedDocument::unreadable("x", "is not JSON");
    let deny = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2026-01-01T00:00:00Z"}}}]}"#;
    let allow = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}"#;
    check_table(
        &[
            (
                "trust that cannot be read",
                changed(&|role| role.trust = unreadable()),
                "its trust policy cannot be read: is not JSON",
            ),
            (
                "trust in somebody who was deleted",
                with_trust(
                    r#"{"Effect": "Allow", "Principal": {"AWS": ["AROADEADDEADDEADDEADD", "111111111111"]}, "Action": "sts:AssumeRole"}"#,
                ),
                "its trust policy names AROADEADDEADDEADDEADD, a user or role that was deleted: take it out first",
            ),
            (
                "an inline policy that cannot be read",
                inline("a", unreadable()),
                "its inline policy a cannot be read: is not JSON",
            ),
            (
                "a policy of another account",
                changed(&|role| {
                    role.attached = BTreeSet::from(["arn:aws:iam::999999999999:policy/x".parse().unwrap()])
                }),
                "the managed policy arn:aws:iam::999999999999:policy/x is neither AWS's nor of account 222222222222",
            ),
            (
                "a role of a crossrole",
                changed(&|role| drop(role.tags.insert(CLUSTER_TAG.into(), "c9".into()))),
                "a crossrole holds it already: crossrole.dev/cluster = c9",
            ),
            (
                "a role that AWS made",
                changed(&|role| role.path = "/aws-service-role/x.amazonaws.com/".into()),
                "crossrole never touches it: roles of AWS's own paths, OrganizationAccountAccessRole and AWSControlTowerExecution are left alone",
            ),
            (
                "a name that is ours",
                inline("crossrole-x", policy(allow)),
                "spec.permissions.inline[0].name: crossrole-x is a name that crossrole keeps for its own policies: choose another",
            ),
            (
                "sessions that the console ended",
                inline("AWSRevokeOlderSessions", policy(deny)),
                "1 entries, 0 raw",
            ),
            (
                "the same name, and it allows",
                inline("AWSRevokeOlderSessions", policy(allow)),
                "to take it over would delete inline policy AWSRevokeOlderSessions",
            ),
            (
                "too many tags",
                changed(&|role| role.tags = (0..49).map(|number| (format!("key{number}"), String::new())).collect()),
                "spec.tags: a role has at most 50 tags, and 2 of them are crossrole's own",
            ),
        ],
        |role| said(role, &source()),
    );
}

#[test]
fn the_class_s_boundary_is_left_to_the_class_and_another_is_refused() {
    let rules = rules(&[("permissionsBoundary: None", "permissionsBoundary: limit")]).unwrap();
    let source = Source {
        rules: Some(rules),
        ..source()
    };
    let mut role = found("");
    assert_eq!(
        said(&role, &source),
        "AccountClass production forces the permissions boundary arn:aws:iam::222222222222:policy/limit, and the role has none: give the role that boundary first"
    );
    role.boundary = Some("arn:aws:iam::222222222222:policy/limit".parse().unwrap());
    let object = import(&role, "audit", &source).unwrap();
    assert_eq!(object.spec.permissions_boundary, None);
}

#[test]
fn objects_get_names_that_kubernetes_takes_each_its_own() {
    let mut taken = BTreeSet::new();
    let mut prod = account();
    prod.name = "prod".into();
    let names =
        ["Audit", "audit", "AWSReserved_x+y", "+", "a.b@c", "-x-"].map(|role| object_name(role, &prod, &mut taken));
    assert_eq!(
        names,
        [
            "audit.prod",
            "audit-2.prod",
            "awsreserved-x-y.prod",
            "role.prod",
            "a-b-c.prod",
            "x.prod"
        ]
    );
}

#[test]
fn what_is_imported_from_two_accounts_has_no_name_in_common() {
    let mut prod = account();
    let mut names = BTreeSet::new();
    // The second account's name ends as the first one's object does.
    for (account, roles) in [
        ("prod", ["deploy", "deploy-eu"]),
        ("eu-prod", ["deploy", "deploy-eu"]),
        ("eu.prod", ["deploy", "x"]),
    ] {
        prod.name = account.into();
        let mut taken = BTreeSet::new();
        names.extend(roles.map(|role| object_name(role, &prod, &mut taken)));
    }
    assert_eq!(names.len(), 6, "{names:?}");
    prod.name = "a".repeat(253);
    assert_eq!(
        object_name("deploy", &prod, &mut BTreeSet::new()),
        "deploy.222222222222"
    );
}

fn ack(spec: serde_json::Value) -> serde_json::Value {
    json!({"apiVersion": ack::API_VERSION, "kind": "Role", "metadata": {"name": "audit"}, "spec": spec})
}

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"sts:AssumeRole"}]}"#;

#[test]
fn a_role_of_ack_is_declared_as_ack_made_it() {
    let object = ack(json!({
        "name": "Audit", "path": "/ops/", "description": "an audit", "maxSessionDuration": 7200, "assumeRolePolicyDocument": TRUST,
        "policies": ["arn:aws:iam::aws:policy/SecurityAudit"], "permissionsBoundary": "arn:aws:iam::222222222222:policy/limit",
        "inlinePolicies": {"a": r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::x/50%25"}]}"#},
        "tags": [{"key": "team", "value": "security"}],
    }));
    let role = ack::observed(&object, &account()).unwrap();
    assert_eq!(role.arn, "arn:aws:iam::222222222222:role/ops/Audit");
    let declared = import(&role, "audit", &source()).unwrap();
    assert_eq!(declared.spec.trust.len(), 1);
    assert_eq!(declared.spec.max_session_duration, "2h");
    assert_eq!(declared.spec.permissions_boundary.as_deref(), Some("limit"));
    let inline = &declared.spec.permissions.unwrap().inline[0];
    assert!(inline.document.as_str().contains("x/50%25"), "{inline:?}");
    let least = ack::observed(
        &ack(json!({"name": "x", "assumeRolePolicyDocument": TRUST})),
        &account(),
    )
    .unwrap();
    assert_eq!((least.path.as_str(), least.max_session), ("/", 3600));
}

#[test]
fn what_of_an_ack_role_is_not_known_is_refused() {
    for (spec, expected) in [
        (
            json!({"name": "x", "assumeRolePolicyDocument": TRUST, "policyRefs": []}),
            "spec.policyRefs names another object, whose ARN only the cluster knows: write the ARN, or import from the account",
        ),
        (
            json!({"name": "x", "assumeRolePolicyDocument": TRUST, "tags": [{"key": "n", "value": 5}]}),
            "spec.tags[0].value is no string: quote it",
        ),
        (
            json!({"name": "x", "assumeRolePolicyDocument": TRUST, "tags": [{"value": "n"}]}),
            "spec.tags[0].key is no string: quote it",
        ),
        (
            json!({"name": "x", "assumeRolePolicyDocument": TRUST, "description": 5}),
            "spec.description is no string: quote it",
        ),
        (
            json!({"name": "x", "assumeRolePolicyDocument": TRUST, "path": 5}),
            "spec.path is no string: quote it",
        ),
        (
            json!({"name": "x", "assumeRolePolicyDocument": TRUST, "inlinePolicies": {"a": {"Version": "2012-10-17"}}}),
            "spec.inlinePolicies.a is no string: quote it",
        ),
        (
            json!({"name": "x", "assumeRolePolicyDocument": TRUST, "colour": 1}),
            "spec.colour is a field that is not known here",
        ),
        (
            json!({"name": "x", "assumeRolePolicyDocument": TRUST, "maxSessionDuration": "1h"}),
            "spec.maxSessionDuration is no number of seconds",
        ),
        (
            json!({"name": "x", "assumeRolePolicyDocument": TRUST, "tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]}),
            "spec.tags has a twice",
        ),
    ] {
        let reasons = ack::observed(&ack(spec), &account()).unwrap_err().reasons;
        assert_eq!(reasons, [expected]);
    }
    let role = ack::observed(&ack(json!({"name": "x"})), &account()).unwrap();
    assert!(
        said(&role, &source()).starts_with("its trust policy cannot be read"),
        "{}",
        said(&role, &source())
    );
}
