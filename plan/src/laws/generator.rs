//! Declared roles, and what an account may hold of them.
//!
//! Everything comes from small pools, so that old and new often share statements, policies, tags and dates.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_iam::document::{Document, Effect, Statement};
use crossrole_iam::{Arn, PolicyName, quota};
use proptest::prelude::*;

use super::declared;
use super::evaluator;
use super::found::{self, Strange};
use super::moments::{DATES, REVOCABLE, beginning, later, whole_second_down, whole_second_up};
use super::pools::{permission_pool, trust_pool};
use super::requests::MANAGED;
use crate::declaration::ObjectName;
use crate::desired::Desired;
use crate::lifecycle::Lifecycle;
use crate::observed::{Observed, ObservedRole};
use crate::owner::Owner;

/// Characters that stay free for `AWSRevokeOlderSessions` and `crossrole-closed`. More than quotas keep free, for what
/// others have added to the former.
const INLINE_RESERVE: usize = 400;
const SESSIONS: [u32; 4] = [3600, 7200, 14_400, 43_200];
pub(super) const INLINE_NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// What a role is made of, whether declared or observed.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) trust: Vec<Statement>,
    pub(super) description: &'static str,
    pub(super) max_session: u32,
    pub(super) boundary: Option<Arn>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) attached: BTreeSet<Arn>,
    pub(super) inline: BTreeMap<PolicyName, Document>,
    pub(super) lifecycle: Lifecycle,
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

fn lifecycle() -> BoxedStrategy<Lifecycle> {
    let date = |most: usize| {
        let dates = DATES[..most].to_vec();
        prop::option::weighted(0.4, prop::sample::select(dates))
            .prop_map(|date| date.map(|milliseconds| later(beginning(), milliseconds)))
    };
    let some = (
        date(DATES.len()),
        date(DATES.len()),
        date(REVOCABLE),
        any::<bool>(),
        prop::bool::weighted(0.25),
    )
        .prop_map(
            |(not_before, not_after, revoke_issued_before, revoke_on_tighten, closed)| Lifecycle {
                not_before: not_before
                    .filter(|start| not_after.is_none_or(|end| whole_second_up(*start) < whole_second_down(end))),
                not_after,
                revoke_issued_before,
                revoke_on_tighten,
                closed,
            },
        );
    prop_oneof![2 => Just(Lifecycle::default()), 3 => some].boxed()
}

fn parts(denies_at_most: usize) -> BoxedStrategy<Parts> {
    let trust = (
        prop::sample::subsequence(trust_pool(Effect::Allow), 1..=4),
        prop::sample::subsequence(trust_pool(Effect::Deny), 0..=denies_at_most),
    );
    let boundary = prop::option::weighted(0.7, (0..evaluator::BOUNDARIES).prop_map(evaluator::boundary));
    let managed: Vec<Arn> = (0..MANAGED).map(evaluator::managed_policy).collect();
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
        lifecycle(),
    )
        .prop_map(
            |((allows, denies), description, max_session, boundary, tags, attached, inline, lifecycle)| Parts {
                trust: allows.into_iter().chain(denies).collect(),
                description,
                max_session,
                boundary,
                tags,
                attached: attached.into_iter().collect(),
                inline,
                lifecycle,
            },
        )
        .boxed()
}

/// A declaration of these parts that IAM's quotas have room for.
pub(super) fn desired_of(parts: Parts) -> Desired {
    let mut desired = Desired {
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
        lifecycle: Lifecycle {
            closed: false,
            ..parts.lifecycle.clone()
        },
        adopts: false,
        below_role_path: true,
    };
    let long_ago = later(beginning(), -1_000 * 86_400_000);
    while declared::trust(&desired, long_ago).size() > quota::TRUST_POLICY_SIZE {
        desired.trust.statements.pop();
    }
    let size = |desired: &Desired| {
        declared::inline(desired, long_ago)
            .values()
            .map(Document::size)
            .sum::<usize>()
    };
    while size(&desired) > quota::ROLE_INLINE_POLICIES_SIZE - INLINE_RESERVE {
        desired.inline.pop_last();
    }
    desired.lifecycle = parts.lifecycle;
    desired
}

pub(super) fn desired() -> BoxedStrategy<Desired> {
    prop_oneof![3 => parts(0), 1 => parts(2)].prop_map(desired_of).boxed()
}

/// A declared role, and a role of ours that an account holds.
pub(super) fn desired_and_present() -> BoxedStrategy<(Desired, ObservedRole)> {
    (desired(), parts(3), Strange::any())
        .prop_map(|(desired, other, strange)| {
            let role = found::observe(&desired, other, &strange);
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
