//! Declared and observed roles.
//!
//! Everything comes from small pools, so that old and new often share statements, policies and tags. An observed role
//! takes each part either from the declared one, rewritten as IAM rewrites it, or from another role altogether.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_api::names::{CLUSTER_TAG, OWNER_TAG, REVOKE_OLDER_SESSIONS_POLICY};
use crossrole_iam::document::{Document, DocumentKind, Effect, PrincipalElement, Statement};
use crossrole_iam::{Arn, Partition, PolicyName, quota};
use proptest::prelude::*;

use super::evaluator::{self, UNREADABLE_MARK};
use super::pools::{permission_pool, statement, trust_pool};
use crate::declaration::ObjectName;
use crate::desired::Desired;
use crate::observed::{Observed, ObservedDocument, ObservedRole};
use crate::owner::Owner;
use crate::trust;

/// The unique id of a role that is there already.
pub(super) const OLD_ID: &str = "AROAOLDOLDOLDOLDOLDOL";
/// Characters that stay free for `AWSRevokeOlderSessions` and its kin.
const INLINE_RESERVE: usize = 300;
const SESSIONS: [u32; 4] = [3600, 7200, 14_400, 43_200];
const INLINE_NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// What a role is made of, whether declared or observed.
#[derive(Clone, Debug)]
struct Parts {
    trust: Vec<Statement>,
    description: &'static str,
    max_session: u32,
    boundary: Option<Arn>,
    tags: BTreeMap<String, String>,
    attached: BTreeSet<Arn>,
    inline: BTreeMap<PolicyName, Document>,
}

/// How an observed role differs from its parts.
#[derive(Clone, Debug)]
struct Strange {
    /// Which parts come from the other role; one bit each, from the eighth on one for each inline policy.
    other: u16,
    /// Trust that the planner cannot read.
    unreadable_trust: bool,
    /// Inline policies that the planner cannot read; one bit each, the fifth for `AWSRevokeOlderSessions`.
    unreadable_inline: u8,
    /// IAM writes account ids as `:root` ARNs, and keeps no order.
    rewritten: bool,
    /// Trust names a principal that was deleted, in an Allow (1) or in a Deny (2).
    dead: u8,
    /// The two tags of ours: there, written in another case, one of them gone, both gone.
    our_tags: u8,
    revoked: bool,
    instance_profiles: usize,
}

pub(super) fn owner() -> Owner {
    Owner {
        cluster: "c1".into(),
        object: ObjectName {
            namespace: "security".into(),
            name: "audit".into(),
        },
        predecessor: None,
    }
}

fn document() -> BoxedStrategy<Document> {
    let pool = permission_pool();
    let short = pool.iter().take(9).cloned().collect::<Vec<_>>();
    prop_oneof![4 => prop::sample::subsequence(short, 1..=3), 1 => prop::sample::subsequence(pool, 1..=3)]
        .prop_map(Document::new)
        .boxed()
}

fn inline() -> impl Strategy<Value = BTreeMap<PolicyName, Document>> {
    prop::array::uniform4(prop::option::weighted(0.6, document())).prop_map(|documents| {
        let named = INLINE_NAMES
            .into_iter()
            .map(|name| name.parse::<PolicyName>().unwrap())
            .zip(documents);
        named.filter_map(|(name, document)| Some((name, document?))).collect()
    })
}

fn tags() -> impl Strategy<Value = BTreeMap<String, String>> {
    let one =
        |key: &'static str| prop::option::of(prop::sample::select(vec!["1", "2"])).prop_map(move |value| (key, value));
    let fillers = prop_oneof![8 => Just(0..0), 1 => Just(0..45), 1 => Just(45..90)];
    ([one("team"), one("env"), one("Stage")], fillers).prop_map(|(looked_at, fillers)| {
        let looked_at = looked_at
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_string(), value?.to_string())));
        looked_at
            .chain(fillers.map(|number| (format!("filler{number}"), String::new())))
            .collect()
    })
}

fn parts(denies_at_most: usize) -> BoxedStrategy<Parts> {
    let trust = (
        prop::sample::subsequence(trust_pool(Effect::Allow), 1..=4),
        prop::sample::subsequence(trust_pool(Effect::Deny), 0..=denies_at_most),
    );
    let boundary = prop::option::weighted(0.7, (0..evaluator::BOUNDARIES).prop_map(evaluator::boundary));
    let managed: Vec<Arn> = (0..evaluator::MANAGED).map(evaluator::managed_policy).collect();
    let attached = prop_oneof![
        4 => prop::sample::subsequence(managed.clone(), 0..=3),
        1 => prop::sample::subsequence(managed, quota::ROLE_MANAGED_POLICIES),
    ];
    let description = prop::sample::select(vec!["", "an audit", "another audit"]);
    (
        trust,
        description,
        prop::sample::select(SESSIONS.to_vec()),
        boundary,
        tags(),
        attached,
        inline(),
    )
        .prop_map(
            |((allows, denies), description, max_session, boundary, tags, attached, inline)| Parts {
                trust: allows.into_iter().chain(denies).collect(),
                description,
                max_session,
                boundary,
                tags,
                attached: attached.into_iter().collect(),
                inline,
            },
        )
        .boxed()
}

fn desired_of(mut parts: Parts) -> Desired {
    fit_inline(&mut parts.inline, quota::ROLE_INLINE_POLICIES_SIZE - INLINE_RESERVE);
    fit_trust(&mut parts.trust);
    Desired {
        name: "audit".parse().unwrap(),
        path: "/crossrole/".parse().unwrap(),
        arn: "arn:aws:iam::222222222222:role/crossrole/audit".parse().unwrap(),
        trust_fields: (0..parts.trust.len())
            .map(|index| format!("spec.trust[{index}]"))
            .collect(),
        trust: Document::new(parts.trust),
        description: parts.description.into(),
        max_session: parts.max_session,
        boundary: parts.boundary,
        tags: parts.tags,
        owner: owner(),
        attached: parts.attached,
        inline: parts.inline,
        lifecycle: crate::lifecycle::Lifecycle::default(),
        adopts: false,
        below_role_path: true,
    }
}

// A role that IAM would not hold is none to be observed, and none to be declared.
fn fit_inline(inline: &mut BTreeMap<PolicyName, Document>, most: usize) {
    while inline.values().map(Document::size).sum::<usize>() > most {
        inline.pop_last();
    }
}

fn fit_trust(statements: &mut Vec<Statement>) {
    while Document::new(statements.clone()).size() > quota::TRUST_POLICY_SIZE {
        statements.pop();
    }
}

pub(super) fn desired() -> BoxedStrategy<Desired> {
    prop_oneof![3 => parts(0), 1 => parts(2)].prop_map(desired_of).boxed()
}

fn strange() -> BoxedStrategy<Strange> {
    let rarely = || prop::bool::weighted(0.1);
    let unreadable_inline = prop_oneof![4 => Just(0), 1 => 0_u8..32];
    let dead = prop_oneof![6 => Just(0_u8), 1 => 1_u8..4];
    let our_tags = prop_oneof![3 => Just(0_u8), 2 => 1_u8..4];
    (
        any::<u16>(),
        rarely(),
        unreadable_inline,
        any::<bool>(),
        dead,
        our_tags,
        any::<bool>(),
        0_usize..3,
    )
        .prop_map(
            |(other, unreadable_trust, unreadable_inline, rewritten, dead, our_tags, revoked, instance_profiles)| {
                Strange {
                    other,
                    unreadable_trust,
                    unreadable_inline,
                    rewritten,
                    dead,
                    our_tags,
                    revoked,
                    instance_profiles,
                }
            },
        )
        .boxed()
}

/// A declared role, and a role of ours that an account holds.
pub(super) fn desired_and_present() -> BoxedStrategy<(Desired, ObservedRole)> {
    (desired(), parts(3), prop::bool::weighted(0.1), strange())
        .prop_map(|(desired, mut other, closed, strange)| {
            if closed {
                other.trust = trust::closed().statements;
            }
            let role = observe(&desired, other, &strange);
            (desired, role)
        })
        .boxed()
}

/// As [`desired_and_present`], with no role there one time in eight.
pub(super) fn desired_and_observed() -> BoxedStrategy<(Desired, Observed)> {
    (desired_and_present(), prop::bool::weighted(0.125))
        .prop_map(|((desired, role), absent)| {
            (
                desired,
                if absent {
                    Observed::Absent
                } else {
                    Observed::Present(Box::new(role))
                },
            )
        })
        .boxed()
}

fn observe(desired: &Desired, other: Parts, strange: &Strange) -> ObservedRole {
    let from_other = |bit: usize| strange.other >> bit & 1 == 1;
    let mut inline = BTreeMap::new();
    for (at, name) in INLINE_NAMES.into_iter().enumerate() {
        let name: PolicyName = name.parse().unwrap();
        let source = if from_other(8 + at) {
            &other.inline
        } else {
            &desired.inline
        };
        inline.extend(source.get(&name).map(|document| (name, document.clone())));
    }
    fit_inline(&mut inline, quota::ROLE_INLINE_POLICIES_SIZE - INLINE_RESERVE);
    let unreadable = |at: usize| strange.unreadable_inline >> at & 1 == 1;
    let mut inline: BTreeMap<PolicyName, ObservedDocument> = inline
        .into_iter()
        .enumerate()
        .map(|(at, (name, document))| {
            (
                name,
                if unreadable(at) {
                    unread(&document)
                } else {
                    rewrite(document, strange)
                },
            )
        })
        .collect();
    if strange.revoked {
        let revoked = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": ["managed:Use2"], "Resource": ["*"]}]}"#;
        let document = Document::parse(revoked, DocumentKind::Permission).unwrap();
        let revoked = if unreadable(4) {
            unread(&document)
        } else {
            ObservedDocument::Parsed(document)
        };
        inline.insert(REVOKE_OLDER_SESSIONS_POLICY.parse().unwrap(), revoked);
    }
    let trust = if from_other(0) {
        other.trust
    } else {
        desired.trust.statements.clone()
    };
    ObservedRole {
        arn: desired.arn.to_string(),
        id: OLD_ID.into(),
        path: desired.path.to_string(),
        trust: observe_trust(trust, strange),
        description: if from_other(1) {
            other.description.into()
        } else {
            desired.description.clone()
        },
        max_session: if from_other(2) {
            other.max_session
        } else {
            desired.max_session
        },
        boundary: if from_other(3) {
            other.boundary
        } else {
            desired.boundary.clone()
        },
        tags: observe_tags(
            if from_other(4) {
                other.tags
            } else {
                desired.tags.clone()
            },
            strange,
        ),
        attached: if from_other(5) {
            other.attached
        } else {
            desired.attached.clone()
        },
        inline,
        instance_profiles: (0..strange.instance_profiles)
            .map(|number| format!("profile{number}"))
            .collect(),
    }
}

fn observe_trust(mut statements: Vec<Statement>, strange: &Strange) -> ObservedDocument {
    for (bit, effect) in [(1, "Allow"), (2, "Deny")] {
        if strange.dead & bit != 0 {
            let text = format!(
                r#"{{"Effect": "{effect}", "Principal": {{"AWS": "AIDADEADDEADDEADDEADD"}}, "Action": "sts:AssumeRole"}}"#
            );
            statements.insert(0, statement(&text, DocumentKind::Trust));
        }
    }
    fit_trust(&mut statements);
    let document = Document::new(statements);
    if strange.unreadable_trust {
        unread(&document)
    } else {
        rewrite(document, strange)
    }
}

fn unread(document: &Document) -> ObservedDocument {
    ObservedDocument::Unreadable {
        text: format!("{UNREADABLE_MARK}{}", document.to_json()),
        problem: "line 1, column 1: is not JSON".into(),
    }
}

fn rewrite(mut document: Document, strange: &Strange) -> ObservedDocument {
    if strange.rewritten {
        document.statements.reverse();
        for statement in &mut document.statements {
            if let Some(PrincipalElement::Principal(principals)) = &mut statement.principal {
                for name in principals.aws.iter_mut().filter(|name| name.len() == 12) {
                    *name = crossrole_iam::root_arn(Partition::Aws, &name.parse().unwrap()).to_string();
                }
            }
        }
        if document.size() > quota::TRUST_POLICY_SIZE && document.statements.iter().any(|one| one.principal.is_some()) {
            document.statements.truncate(1);
        }
    }
    ObservedDocument::Parsed(document)
}

fn observe_tags(mut tags: BTreeMap<String, String>, strange: &Strange) -> BTreeMap<String, String> {
    if strange.rewritten {
        tags = tags
            .into_iter()
            .map(|(key, value)| (key.to_uppercase(), value))
            .collect();
        tags.insert("aws:cloudformation:stack-name".into(), "old".into());
    }
    let ours = owner().tags().into_iter();
    match strange.our_tags {
        0 => tags.extend(ours),
        1 => tags.extend(ours.map(|(key, value)| (key.to_uppercase(), value))),
        2 => tags.extend(ours.filter(|(key, _)| key == OWNER_TAG)),
        _ => {
            // Whoever took ours off has filled the place with others.
            if tags.len() > 40 {
                tags.extend(
                    (0..quota::ROLE_TAGS - tags.len()).map(|number| (format!("intruder{number}"), String::new())),
                );
            }
        }
    }
    debug_assert!(tags.keys().filter(|key| key.eq_ignore_ascii_case(CLUSTER_TAG)).count() <= 1);
    tags
}
