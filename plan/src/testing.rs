//! Objects for tests, written as people write them: in YAML.

use crossrole_api::{AWSAccount, AccountClass, CrossAccountRole};
use crossrole_iam::document::{Document, DocumentKind};
use proptest::test_runner::Config;
use serde::de::DeserializeOwned;

use crate::account::Account;
use crate::change::Plan;
use crate::claim::Claim;
use crate::decide::{self, Known};
use crate::declaration::{Declaration, ObjectName};
use crate::desired::Desired;
use crate::ending::Ending;
use crate::lifecycle::Lifecycle;
use crate::observed::{Observed, ObservedDocument, ObservedRole};
use crate::refusal::Refusal;
use crate::rules::Rules;

pub(crate) const CLUSTER: &str = "c1";
/// The unique id of the role in [`held`].
pub(crate) const ROLE_ID: &str = "AROAHELDHELDHELDHELDH";

/// What every role here has, unless a test says otherwise.
pub(crate) const TRUST: &str = "trust: [{from: {accounts: ['111111111111'], kind: Roles}}]";

/// A class that allows much, so that a test can take one thing away.
pub(crate) const CLASS: &str = "
bootstrapRole: {name: crossrole-bootstrap}
allowedNamespaces: {names: [security]}
guardrails:
  permissionsBoundary: None
  trust: {accounts: ['111111111111'], thirdParties: ['444444444444']}
  maxSessionDuration: 4h
  managedPolicies: {aws: ['*'], account: ['*']}
  inlinePolicies: {denyActions: ['iam:*']}
  tagKeys: ['*']
";

/// A third of so many cases of one law, other ones each time; all of them, and ten times as many, with `CROSSROLE_LAWS=all`, as
/// in `make laws`.
pub(crate) fn cases(number: u32) -> Config {
    let all = std::env::var_os("CROSSROLE_LAWS").is_some_and(|wanted| wanted == "all");
    Config {
        cases: if all { number * 10 } else { number / 3 },
        failure_persistence: None,
        ..Config::default()
    }
}

/// YAML to an object, by way of JSON as the API server hands it out.
fn object<Object: DeserializeOwned>(text: &str) -> Object {
    let value: serde_json::Value = serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{text}\n{error}"));
    serde_json::from_value(value).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

/// The CrossAccountRole `security/audit` with this spec; accounts and, where it has none, trust are filled in.
pub(crate) fn role(spec: &str) -> CrossAccountRole {
    let trust = if spec.lines().any(|line| line.starts_with("trust:")) {
        ""
    } else {
        TRUST
    };
    object(&format!(
        "apiVersion: crossrole.dev/v1alpha1\nkind: CrossAccountRole\nmetadata: {{name: audit, namespace: security}}\nspec:\n  accounts: {{names: [prod]}}\n{}{}",
        indented(trust),
        indented(spec)
    ))
}

pub(crate) fn declaration(spec: &str) -> Declaration {
    Declaration::parse(&role(spec)).unwrap()
}

pub(crate) fn class(spec: &str) -> AccountClass {
    object(&format!(
        "apiVersion: crossrole.dev/v1alpha1\nkind: AccountClass\nmetadata: {{name: production}}\nspec:\n{}",
        indented(spec)
    ))
}

/// The rules of [`CLASS`], with pieces of it replaced.
pub(crate) fn rules(replaced: &[(&str, &str)]) -> Result<Rules, Refusal> {
    let mut text = CLASS.to_string();
    for (before, after) in replaced {
        assert!(text.contains(before), "{before} is not in the class");
        text = text.replace(before, after);
    }
    Rules::parse(&class(&text))
}

pub(crate) fn account() -> Account {
    let account: AWSAccount = object(
        "{apiVersion: crossrole.dev/v1alpha1, kind: AWSAccount, metadata: {name: prod}, spec: {accountId: '222222222222', class: production}}",
    );
    Account::parse(&account).unwrap()
}

pub(crate) fn desired(spec: &str) -> Desired {
    Desired::of(&declaration(spec), &account(), &rules(&[]).unwrap(), CLUSTER).unwrap()
}

/// A role of ours that holds what a spec declares.
pub(crate) fn held(spec: &str) -> ObservedRole {
    let desired = desired(spec);
    ObservedRole {
        tags: desired.all_tags(),
        arn: desired.arn.to_string(),
        id: ROLE_ID.into(),
        dates: Default::default(),
        path: desired.path.to_string(),
        trust: ObservedDocument::of(desired.trust),
        description: desired.description,
        max_session: desired.max_session,
        boundary: desired.boundary,
        attached: desired.attached,
        inline: desired
            .inline
            .into_iter()
            .map(|(name, document)| (name, ObservedDocument::of(document)))
            .collect(),
        instance_profiles: Default::default(),
    }
}

/// An inline policy of so many characters. It denies.
pub(crate) fn policy_of_size(size: usize) -> Document {
    let of = |length: usize| {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::{}"}}]}}"#,
            "x".repeat(length)
        );
        Document::parse(&text, DocumentKind::Permission).unwrap()
    };
    of(1 + size - of(1).size())
}

pub(crate) fn claim(created: i64, object: &str) -> Claim {
    let (namespace, name) = object.split_once('/').unwrap();
    Claim {
        created,
        object: ObjectName {
            namespace: namespace.into(),
            name: name.into(),
        },
    }
}

/// The plan from one declaration to another, as a person reads it.
pub(crate) fn plan_text(before: Option<&str>, after: &str) -> String {
    let observed = before.map_or(Observed::Absent, |spec| Observed::Present(Box::new(held(spec))));
    plan_from(&observed, after)
}

pub(crate) fn plan_from(observed: &Observed, after: &str) -> String {
    let ours = claim(0, "security/audit");
    let known = Known {
        seen_id: Some(ROLE_ID),
        ..Known::default()
    };
    decide::converge(&desired(after), observed, &known, &ours, &[])
        .unwrap()
        .to_string()
}

/// Compares what is said with what shall be said, for every row of a table, and reports all that differ.
#[track_caller]
pub(crate) fn check_table<'a, Input: 'a>(
    rows: impl IntoIterator<Item = &'a (&'static str, Input, &'static str)>,
    say: impl Fn(&Input) -> String,
) {
    let wrong: Vec<String> = rows
        .into_iter()
        .map(|(sentence, input, expected)| (sentence, say(input), expected))
        .filter(|(_, said, expected)| said != *expected)
        .map(|(sentence, said, expected)| format!("{sentence}\n  expected: {expected}\n  said:     {said}"))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// What a judge says: its refusal, or that it lets pass.
pub(crate) fn verdict<Anything>(result: Result<Anything, Refusal>) -> String {
    match result {
        Ok(_) => "passes".into(),
        Err(refusal) => format!("{}, {refusal}", refusal.reason),
    }
}

/// The changes that close a role which the class no longer allows.
pub(crate) fn close(desired: &Desired, observed: &Observed, known: &Known<'_>) -> Plan {
    let ending = Ending {
        role: desired.name.clone(),
        owner: desired.owner.clone(),
        boundary: desired.boundary.clone(),
        lifecycle: Lifecycle::default(),
        never_closed: Vec::new(),
        is_refused: true,
        judge: None,
    };
    ending.closing(observed, known)
}
