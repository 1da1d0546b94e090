//! Generated documents, rewritten without change of meaning and changed in exactly one point.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::json::Json;

const AWS: [&str; 8] = [
    "111111111111",
    "222222222222",
    "arn:aws:iam::333333333333:root",
    "arn:aws:iam::111111111111:user/ann",
    "arn:aws:iam::111111111111:role/team/ci",
    "arn:aws:sts::111111111111:assumed-role/ci/session",
    "AROADBQP57FF2AEXAMPLE",
    "*",
];
const SERVICES: [&str; 2] = ["ec2.amazonaws.com", "pods.eks.amazonaws.com"];
const FEDERATED: [&str; 2] = [
    "cognito-identity.amazonaws.com",
    "arn:aws:iam::111111111111:saml-provider/okta",
];
const TRUST_ACTIONS: [&str; 4] = [
    "sts:AssumeRole",
    "sts:TagSession",
    "sts:SetSourceIdentity",
    "sts:AssumeRoleWith*",
];
const ACTIONS: [&str; 6] = [
    "s3:GetObject",
    "s3:List*",
    "ec2:*",
    "iam:PassRole",
    "dynamodb:Get?tem",
    "*",
];
const RESOURCES: [&str; 5] = [
    "*",
    "arn:aws:s3:::bucket/*",
    "arn:aws:s3:::bucket/${aws:username}",
    "arn:aws:iam::*:role/crossrole/*",
    "arn:aws:dynamodb:eu-west-1:111111111111:table/T",
];
const KEYS: [&str; 4] = [
    "aws:PrincipalOrgID",
    "sts:ExternalId",
    "aws:RequestTag/Team",
    "token.actions.githubusercontent.com:sub",
];

fn some(pool: &'static [&'static str], least: usize) -> impl Strategy<Value = Vec<String>> {
    subsequence(pool.to_vec(), least..=pool.len().min(least + 2))
        .prop_shuffle()
        .prop_map(|chosen| chosen.into_iter().map(str::to_owned).collect())
}

fn principals() -> impl Strategy<Value = Principals> {
    (some(&AWS, 1), some(&SERVICES, 0), some(&FEDERATED, 0)).prop_map(|(aws, service, federated)| Principals {
        anyone: aws.iter().any(|principal| principal == "*"),
        aws: aws.into_iter().filter(|principal| principal != "*").collect(),
        service,
        federated,
        canonical_user: vec![],
    })
}

fn operator() -> impl Strategy<Value = Operator> {
    (
        select(OperatorName::ALL.to_vec()),
        select(vec![
            None,
            None,
            Some(Qualifier::ForAllValues),
            Some(Qualifier::ForAnyValue),
        ]),
        any::<bool>(),
    )
        .prop_map(|(base, qualifier, if_exists)| Operator {
            qualifier,
            base,
            if_exists: if_exists && base != OperatorName::Null,
        })
}

/// Values that this operator can compare, all of different meaning.
fn values_for(operator: &Operator) -> Vec<String> {
    let values: &[&str] = match operator.base.family() {
        OperatorFamily::String => &["o-a1b2c3d4e5", "repo:acme/*", "${aws:username}"],
        OperatorFamily::Arn => &["arn:aws:iam::*:role/a", "arn:aws:iam::*:role/A"],
        OperatorFamily::Numeric => &["3600", "1.5", "-2"],
        OperatorFamily::Date => &["2026-11-22T10:00:00Z", "2027-01-01", "1795341601"],
        OperatorFamily::Bool | OperatorFamily::Null => &["true", "false"],
        OperatorFamily::Binary => &["QmluYXJ5", "QQ=="],
        OperatorFamily::IpAddress => &["203.0.113.0/24", "10.0.0.1", "2001:db8::/32"],
    };
    values.iter().map(|value| (*value).to_owned()).collect()
}

fn condition() -> impl Strategy<Value = Condition> {
    (operator(), select(KEYS.to_vec())).prop_flat_map(|(operator, key)| {
        let values = values_for(&operator);
        let most = values.len();
        subsequence(values, 0..=most).prop_map(move |values| Condition::new(operator, key, values))
    })
}

fn conditions() -> impl Strategy<Value = Vec<Condition>> {
    proptest::collection::vec(condition(), 0..4).prop_map(|conditions| {
        let different: BTreeMap<(Operator, String), Condition> = conditions
            .into_iter()
            .map(|condition| ((condition.operator.canonical(), condition.key.clone()), condition))
            .collect();
        different.into_values().collect()
    })
}

fn statement(kind: DocumentKind) -> impl Strategy<Value = Statement> {
    let actions = match kind {
        DocumentKind::Trust => some(&TRUST_ACTIONS, 1).boxed(),
        DocumentKind::Permission | DocumentKind::Managed => some(&ACTIONS, 1).boxed(),
    };
    (
        select(vec![Effect::Allow, Effect::Deny]),
        principals(),
        actions,
        some(&RESOURCES, 1),
        any::<(bool, bool, bool)>(),
        conditions(),
    )
        .prop_map(move |(effect, principals, actions, resources, not, conditions)| {
            let trust = kind == DocumentKind::Trust;
            Statement {
                sid: None,
                effect,
                principal: trust.then(|| match not.0 && effect == Effect::Deny {
                    true => PrincipalElement::NotPrincipal(principals),
                    false => PrincipalElement::Principal(principals),
                }),
                action: match not.1 && !trust {
                    true => ActionElement::NotAction(actions),
                    false => ActionElement::Action(actions),
                },
                resource: (!trust).then_some(match not.2 {
                    true => ResourceElement::NotResource(resources),
                    false => ResourceElement::Resource(resources),
                }),
                conditions,
            }
        })
}

/// A document of this kind that IAM takes.
pub(super) fn document(kind: DocumentKind) -> impl Strategy<Value = Document> {
    proptest::collection::vec(statement(kind), 1..4).prop_map(Document::new)
}

/// Choices that follow from one number, so that a failure can be repeated.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    /// A number below the bound.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            let other = self.below(at + 1);
            items.swap(at, other);
        }
    }

    fn other_case(&mut self, text: &str) -> String {
        text.chars()
            .map(|character| match self.below(3) {
                0 => character.to_ascii_uppercase(),
                1 => character.to_ascii_lowercase(),
                _ => character,
            })
            .collect()
    }
}

/// The document as JSON in another order, other case and other shape, as IAM and people write it, of the same
/// meaning.
pub(super) fn rewritten(document: &Document, dice: &mut Dice) -> String {
    let Json::Object(mut members) = write::document(document) else {
        panic!("a document is an object");
    };
    if dice.one_in(2) {
        members.push(("Id".to_owned(), Json::String("another id".to_owned())));
    }
    for (key, value) in &mut members {
        let Json::Array(statements) = value else {
            continue;
        };
        assert_eq!(key, "Statement");
        if dice.one_in(4) {
            statements.push(statements[0].clone());
        }
        for (index, statement) in statements.iter_mut().enumerate() {
            rewrite_statement(statement, index, dice);
        }
        dice.shuffle(statements);
        if statements.len() == 1 && dice.one_in(2) {
            *value = statements.remove(0);
        }
    }
    dice.shuffle(&mut members);
    let document = Json::Object(members);
    match dice.below(2) {
        0 => write::pretty(&document),
        _ => write::compact(&document),
    }
}

fn rewrite_statement(statement: &mut Json, index: usize, dice: &mut Dice) {
    let Json::Object(members) = statement else {
        panic!("a statement is an object");
    };
    for (key, value) in members.iter_mut() {
        match key.as_str() {
            "Action" | "NotAction" => rewrite_list(value, dice, |text, dice| dice.other_case(text)),
            "Resource" | "NotResource" => rewrite_list(value, dice, |text, _| text.to_owned()),
            "Principal" | "NotPrincipal" => rewrite_principals(value, dice),
            "Condition" => rewrite_conditions(value, dice),
            _ => {}
        }
    }
    if dice.one_in(2) {
        members.push(("Sid".to_owned(), Json::String(format!("Sid{index}"))));
    }
    if !members.iter().any(|(key, _)| key == "Condition") && dice.one_in(3) {
        members.push(("Condition".to_owned(), Json::Object(vec![])));
    }
    dice.shuffle(members);
}

fn rewrite_principals(value: &mut Json, dice: &mut Dice) {
    let Json::Object(kinds) = value else { return };
    for (kind, value) in kinds.iter_mut() {
        let aws = kind == "AWS";
        rewrite_list(value, dice, |text, dice| {
            let account = principals::account_of_root_arn(text).unwrap_or(text);
            if aws && crate::account_id::is_account_id(account) && dice.one_in(2) {
                format!("arn:aws:iam::{account}:root")
            } else if aws {
                account.to_owned()
            } else {
                text.to_owned()
            }
        });
    }
    dice.shuffle(kinds);
    let everybody = vec![("AWS".to_owned(), Json::String("*".to_owned()))];
    if *kinds == everybody && dice.one_in(2) {
        *value = Json::String("*".to_owned());
    }
}

fn rewrite_conditions(value: &mut Json, dice: &mut Dice) {
    let Json::Object(operators) = value else {
        return;
    };
    for (operator, keys) in operators.iter_mut() {
        let known: Operator = operator.parse().unwrap();
        *operator = dice.other_case(operator);
        let Json::Object(keys) = keys else { continue };
        for (key, values) in keys.iter_mut() {
            *key = dice.other_case(key);
            rewrite_list(values, dice, |text, dice| match known.base.family() {
                OperatorFamily::Bool | OperatorFamily::Null => dice.other_case(text),
                OperatorFamily::IpAddress if !text.contains('/') => format!("{text}/32"),
                OperatorFamily::Numeric if text.contains('.') => format!("{text}0"),
                OperatorFamily::Date if text.ends_with('Z') => text.replace('Z', "+00:00"),
                _ => text.to_owned(),
            });
            unquote(values, &known, dice);
        }
        dice.shuffle(keys);
    }
    dice.shuffle(operators);
}

fn unquote(value: &mut Json, operator: &Operator, dice: &mut Dice) {
    match value {
        Json::Array(items) => items.iter_mut().for_each(|item| unquote(item, operator, dice)),
        Json::String(text) if dice.one_in(2) => match operator.base.family() {
            OperatorFamily::Bool | OperatorFamily::Null => {
                *value = Json::Bool(text.eq_ignore_ascii_case("true"));
            }
            OperatorFamily::Numeric => *value = Json::Number(text.clone()),
            _ => {}
        },
        _ => {}
    }
}

/// Rewrites every text of a string or list; then order, shape and repetition change.
fn rewrite_list(value: &mut Json, dice: &mut Dice, mut rewrite: impl FnMut(&str, &mut Dice) -> String) {
    let mut items = match value {
        Json::Array(items) => items.clone(),
        ref single => vec![(*single).clone()],
    };
    for item in &mut items {
        if let Json::String(text) = item {
            *text = rewrite(text, dice);
        }
    }
    if !items.is_empty() && dice.one_in(4) {
        items.push(items[0].clone());
    }
    dice.shuffle(&mut items);
    *value = match items.as_slice() {
        [only] if dice.one_in(2) => only.clone(),
        _ => Json::Array(items),
    };
}
