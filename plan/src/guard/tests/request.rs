//! Requests to assume a role, and a small evaluator that says whether one statement admits one. It shares nothing with
//! the guardrails, so that it can contradict them.

use std::collections::BTreeMap;

use crossrole_iam::document::{ActionElement, Condition, OperatorName, PrincipalElement, Qualifier, Statement};
use crossrole_iam::pattern;

/// Who asks.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Caller {
    /// A user or a role's session: its account, and the ARN as `aws:PrincipalArn` has it.
    Signed { account: &'static str, arn: String },
    /// An AWS service.
    Service(&'static str),
    /// An identity provider's token.
    Federated(&'static str),
}

/// A request: who asks for which action, with which keys.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) caller: Caller,
    pub(super) action: &'static str,
    /// Keys in lower case.
    pub(super) keys: BTreeMap<String, Vec<String>>,
}

impl Request {
    pub(super) fn key(&self, key: &str) -> &[String] {
        self.keys.get(&key.to_lowercase()).map_or(&[], Vec::as_slice)
    }

    pub(super) fn is_admitted_by(&self, statement: &Statement) -> bool {
        self.is_named_by(statement)
            && self.is_allowed_by(&statement.action)
            && statement.conditions.iter().all(|condition| self.satisfies(condition))
    }

    fn is_named_by(&self, statement: &Statement) -> bool {
        let Some(PrincipalElement::Principal(principals)) = &statement.principal else {
            return true;
        };
        let named = |list: &[String], name: &str| list.iter().any(|other| other == name);
        match &self.caller {
            Caller::Signed { account, arn } => {
                principals.anyone
                    || named(&principals.aws, account)
                    || named(&principals.aws, &format!("arn:aws:iam::{account}:root"))
                    || named(&principals.aws, arn)
            }
            Caller::Service(service) => principals.anyone || named(&principals.service, service),
            Caller::Federated(provider) => principals.anyone || named(&principals.federated, provider),
        }
    }

    fn is_allowed_by(&self, element: &ActionElement) -> bool {
        let matches = |patterns: &[String]| {
            patterns
                .iter()
                .any(|pattern| pattern::matches_ignoring_case(pattern, self.action))
        };
        match element {
            ActionElement::Action(patterns) => matches(patterns),
            ActionElement::NotAction(patterns) => !matches(patterns),
        }
    }

    fn satisfies(&self, condition: &Condition) -> bool {
        let found = self.key(&condition.key);
        let operator = condition.operator;
        if operator.base == OperatorName::Null {
            let absent = if found.is_empty() { "true" } else { "false" };
            return condition.values.iter().any(|value| value == absent);
        }
        if found.is_empty() && operator.if_exists {
            return true;
        }
        let one = |text: &String| {
            let matched = condition
                .values
                .iter()
                .any(|value| self.compares(operator.base, text, value));
            matched != operator.base.is_negated()
        };
        match operator.qualifier {
            Some(Qualifier::ForAllValues) => found.iter().all(one),
            Some(Qualifier::ForAnyValue) => found.iter().any(one),
            None if found.is_empty() => operator.base.is_negated(),
            None => found.iter().any(one),
        }
    }

    fn compares(&self, operator: OperatorName, text: &str, value: &str) -> bool {
        let value = self.resolved(value);
        match operator {
            OperatorName::StringEquals | OperatorName::StringNotEquals => text == value,
            OperatorName::StringEqualsIgnoreCase => text.eq_ignore_ascii_case(&value),
            OperatorName::StringLike | OperatorName::StringNotLike => pattern::matches(&value, text),
            OperatorName::ArnLike | OperatorName::ArnEquals | OperatorName::ArnNotLike => {
                let (texts, values): (Vec<_>, Vec<_>) = (text.splitn(6, ':').collect(), value.splitn(6, ':').collect());
                texts.len() == values.len()
                    && values
                        .iter()
                        .zip(&texts)
                        .all(|(value, text)| pattern::matches(value, text))
            }
            OperatorName::Bool => text.eq_ignore_ascii_case(&value),
            other => panic!("the generator writes no {other:?}"),
        }
    }

    fn resolved(&self, value: &str) -> String {
        let Some((before, rest)) = value.split_once("${") else {
            return value.to_string();
        };
        let (name, after) = rest.split_once('}').unwrap();
        let found = self.key(name).first().cloned().unwrap_or_default();
        format!("{before}{found}{}", self.resolved(after))
    }
}

/// Every caller with every mixture of the keys that guardrails rely on.
pub(super) fn all() -> Vec<Request> {
    let mut requests = Vec::new();
    let arns = [
        "role/ci",
        "user/ann",
        "user/x:role/ann",
        "user/x:iam::111111111111:role/ci",
    ];
    for (account, organization) in [
        ("111111111111", Some("o-a1b2c3d4e5")),
        ("444444444444", Some("o-vendorvendor")),
        ("555555555555", Some("o-a1b2c3d4e5")),
        ("999999999999", None),
    ] {
        for arn in arns {
            for mfa in [None, Some("true"), Some("false")] {
                for id in [None, Some("ab12"), Some("zz99")] {
                    let arn = format!("arn:aws:iam::{account}:{arn}");
                    let caller = Caller::Signed {
                        account,
                        arn: arn.clone(),
                    };
                    let keys = [
                        ("aws:principalarn", Some(arn.as_str())),
                        ("aws:principalaccount", Some(account)),
                        ("aws:principalorgid", organization),
                        ("aws:multifactorauthpresent", mfa),
                        ("sts:externalid", id),
                    ];
                    requests.extend(with_actions(&caller, &keys));
                }
            }
        }
    }
    for service in ["ec2.amazonaws.com", "lambda.amazonaws.com", "pods.eks.amazonaws.com"] {
        for account in [None, Some("222222222222")] {
            requests.extend(with_actions(
                &Caller::Service(service),
                &[("aws:sourceaccount", account)],
            ));
        }
    }
    for anchor in [
        None,
        Some(ANCHOR),
        Some("arn:aws:rolesanywhere:eu-west-1:999999999999:trust-anchor/1a2b"),
    ] {
        let caller = Caller::Service("rolesanywhere.amazonaws.com");
        requests.extend(with_actions(&caller, &[("aws:sourcearn", anchor)]));
    }
    for audience in ["sts.amazonaws.com", "other"] {
        for subject in ["repo:acme/app:x", "repo:acme-evil/app:x", "repo:evil/app:x"] {
            let keys = [
                ("token.actions.githubusercontent.com:aud", Some(audience)),
                ("token.actions.githubusercontent.com:sub", Some(subject)),
            ];
            requests.extend(with_actions(&Caller::Federated(GITHUB), &keys));
        }
    }
    let okta = Caller::Federated("arn:aws:iam::222222222222:saml-provider/okta");
    for audience in [None, Some("https://signin.aws.amazon.com/saml")] {
        requests.extend(with_actions(&okta, &[("saml:aud", audience)]));
    }
    requests
}

pub(super) const ANCHOR: &str = "arn:aws:rolesanywhere:eu-west-1:111111111111:trust-anchor/1a2b";
pub(super) const GITHUB: &str = "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com";

fn with_actions(caller: &Caller, keys: &[(&str, Option<&str>)]) -> Vec<Request> {
    let keys: BTreeMap<String, Vec<String>> = keys
        .iter()
        .filter_map(|(key, value)| Some(((*key).to_string(), vec![(*value)?.to_string()])))
        .collect();
    let assume = match caller {
        Caller::Signed { .. } | Caller::Service(_) => "sts:AssumeRole",
        Caller::Federated(provider) if provider.contains("saml") => "sts:AssumeRoleWithSAML",
        Caller::Federated(_) => "sts:AssumeRoleWithWebIdentity",
    };
    let request = |action: &'static str, tags: &[&str]| {
        let mut keys = keys.clone();
        if !tags.is_empty() {
            keys.insert("aws:tagkeys".into(), tags.iter().map(ToString::to_string).collect());
        }
        Request {
            caller: caller.clone(),
            action,
            keys,
        }
    };
    vec![
        request(assume, &[]),
        request(assume, &["team"]),
        request("sts:TagSession", &["team"]),
        request("sts:TagSession", &["team", "stage"]),
    ]
}
