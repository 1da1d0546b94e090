//! What an account holds: each part either the declared one, rewritten as IAM rewrites it, or of another role
//! altogether, made true some time ago, and then edited by others.

use std::collections::BTreeMap;

use crossrole_api::names::{CLUSTER_TAG, OWNER_TAG, REVOKE_OLDER_SESSIONS_POLICY};
use crossrole_iam::document::{Document, DocumentKind, PrincipalElement, Statement};
use crossrole_iam::{Partition, PolicyName, quota};
use proptest::prelude::*;

use super::declared::{self, CLOSED, VALIDITY, denial, name, revoking};
use super::evaluator::UNREADABLE_MARK;
use super::generator::{INLINE_NAMES, Parts, desired_of, owner};
use super::moments::{DATES, beginning, later};
use super::pools::statement;
use crate::desired::Desired;
use crate::observed::{ObservedDocument, ObservedRole};

/// The unique id of a role that is there already.
pub(super) const OLD_ID: &str = "AROAOLDOLDOLDOLDOLDOL";

/// How an observed role differs from its parts.
#[derive(Clone, Debug)]
pub(super) struct Strange {
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
    /// When the role was last made true, in milliseconds from the beginning.
    made: i64,
    /// What somebody did to the policies of ours that end sessions.
    tampered: Tampered,
    /// What stands in `AWSRevokeOlderSessions`, and which date it names.
    revoked: (Revoked, i64),
    /// Trust is closed, as by a plan that stopped.
    closed: bool,
    instance_profiles: usize,
}

/// What somebody did to `crossrole-closed` and `crossrole-validity`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Tampered {
    No,
    Gone,
    Allowing,
    OnlySome,
    AnotherDate,
    Unreadable,
}

/// What stands in `AWSRevokeOlderSessions`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Revoked {
    No,
    ByUs,
    ByTheConsole,
    OtherDeny,
    WithOtherDeny,
    WithAllow,
    OnlySome,
}

impl Strange {
    pub(super) fn any() -> BoxedStrategy<Self> {
        let rarely = || prop::bool::weighted(0.1);
        let unreadable_inline = prop_oneof![4 => Just(0), 1 => 0_u8..32];
        let dead = prop_oneof![6 => Just(0_u8), 1 => 1_u8..4];
        let our_tags = prop_oneof![3 => Just(0_u8), 2 => 1_u8..4];
        let made = prop_oneof![Just(0), prop::sample::select(vec![-3 * 86_400_000, -5_400_000, -5_000])];
        let tampered = prop_oneof![
            5 => Just(Tampered::No),
            1 => prop::sample::select(vec![
                Tampered::Gone, Tampered::Allowing, Tampered::OnlySome, Tampered::AnotherDate, Tampered::Unreadable,
            ]),
        ];
        let revoked = prop_oneof![
            3 => Just(Revoked::No),
            2 => prop::sample::select(vec![Revoked::ByUs, Revoked::ByTheConsole]),
            1 => prop::sample::select(vec![
                Revoked::OtherDeny, Revoked::WithOtherDeny, Revoked::WithAllow, Revoked::OnlySome,
            ]),
        ];
        (
            (any::<u16>(), rarely(), unreadable_inline, any::<bool>(), dead, our_tags),
            made,
            tampered,
            (revoked, prop::sample::select(DATES.to_vec())),
            rarely(),
            0_usize..3,
        )
            .prop_map(
                |(
                    (other, unreadable_trust, unreadable_inline, rewritten, dead, our_tags),
                    made,
                    tampered,
                    revoked,
                    closed,
                    instance_profiles,
                )| Strange {
                    other,
                    unreadable_trust,
                    unreadable_inline,
                    rewritten,
                    dead,
                    our_tags,
                    made,
                    tampered,
                    revoked,
                    closed,
                    instance_profiles,
                },
            )
            .boxed()
    }

    fn takes_from_other(&self, bit: usize) -> bool {
        self.other >> bit & 1 == 1
    }

    fn unreadable(&self, bit: usize) -> bool {
        self.unreadable_inline >> bit & 1 == 1
    }
}

/// The role that an account holds.
pub(super) fn observe(desired: &Desired, other: Parts, strange: &Strange) -> ObservedRole {
    let from_other = |bit: usize| strange.takes_from_other(bit);
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
    let pick = |bit: usize, theirs: &Desired| {
        if from_other(bit) {
            theirs.clone()
        } else {
            desired.clone()
        }
    };
    let theirs = desired_of(Parts { inline, ..other });
    let was = Desired {
        trust: pick(0, &theirs).trust,
        lifecycle: pick(6, &theirs).lifecycle,
        ..theirs.clone()
    };
    let made = later(beginning(), strange.made);
    let trust = if strange.closed {
        declared::closed_trust()
    } else {
        declared::trust(&was, made)
    };
    let mut role = ObservedRole {
        arn: desired.arn.to_string(),
        id: OLD_ID.into(),
        dates: Default::default(),
        path: desired.path.to_string(),
        trust: observe_trust(trust.statements, strange),
        description: pick(1, &theirs).description,
        max_session: pick(2, &theirs).max_session,
        boundary: pick(3, &theirs).boundary,
        tags: observe_tags(pick(4, &theirs).tags, strange),
        attached: pick(5, &theirs).attached,
        inline: observe_inline(declared::inline(&was, made), strange),
        instance_profiles: (0..strange.instance_profiles)
            .map(|number| format!("profile{number}"))
            .collect(),
    };
    role.inline.extend(observe_revocation(strange));
    // A role that IAM would not hold is none to be observed.
    while role.inline.values().map(ObservedDocument::size).sum::<usize>() > quota::ROLE_INLINE_POLICIES_SIZE {
        role.inline.pop_last();
    }
    role
}

fn observe_inline(inline: BTreeMap<PolicyName, Document>, strange: &Strange) -> BTreeMap<PolicyName, ObservedDocument> {
    let is_ours = |name: &PolicyName| [CLOSED, VALIDITY].contains(&name.as_str());
    let (ours, others): (BTreeMap<_, _>, BTreeMap<_, _>) = inline.into_iter().partition(|(name, _)| is_ours(name));
    let others = others.into_iter().enumerate().map(|(at, (name, document))| {
        let document = if strange.unreadable(at) {
            unread(&document)
        } else {
            rewrite(document, strange)
        };
        (name, document)
    });
    let ours = ours
        .into_iter()
        .filter_map(|(name, document)| Some((name, tamper(document, strange)?)));
    others.chain(ours).collect()
}

fn tamper(document: Document, strange: &Strange) -> Option<ObservedDocument> {
    let statement = |text: &str| Document::new(vec![statement(text, DocumentKind::Permission)]);
    let tampered = match strange.tampered {
        Tampered::No => document,
        Tampered::Gone => return None,
        Tampered::Unreadable => return Some(unread(&document)),
        Tampered::Allowing => statement(r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#),
        Tampered::OnlySome => statement(r#"{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}"#),
        Tampered::AnotherDate => {
            let date = later(beginning(), strange.revoked.1);
            denial(&format!(r#""DateGreaterThanEquals": {{"aws:CurrentTime": "{date}"}}"#))
        }
    };
    Some(rewrite(tampered, strange))
}

/// `AWSRevokeOlderSessions`, as the console writes it, as we do, or as somebody else did by hand.
fn observe_revocation(strange: &Strange) -> Option<(PolicyName, ObservedDocument)> {
    let (what, date) = strange.revoked;
    let date = later(beginning(), date);
    let other = |effect: &str| {
        let text = format!(r#"{{"Effect": "{effect}", "Action": "managed:Use2", "Resource": "*"}}"#);
        statement(&text, DocumentKind::Permission)
    };
    let mut document = revoking(date);
    match what {
        Revoked::No => return None,
        Revoked::ByUs => {}
        Revoked::ByTheConsole => {
            let text = format!(
                r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Deny", "Action": ["*"], "Resource": ["*"], "Condition": {{"DateLessThan": {{"aws:TokenIssueTime": "{date:.3}"}}}}}}]}}"#
            );
            document = Document::parse(&text, DocumentKind::Permission).unwrap();
        }
        Revoked::OtherDeny => document.statements = vec![other("Deny")],
        Revoked::WithOtherDeny => document.statements.push(other("Deny")),
        Revoked::WithAllow => document.statements.push(other("Allow")),
        Revoked::OnlySome => document.statements[0].action = other("Deny").action,
    }
    let document = if strange.unreadable(4) {
        unread(&document)
    } else {
        ObservedDocument::of(document)
    };
    Some((name(REVOKE_OLDER_SESSIONS_POLICY), document))
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
    while Document::new(statements.clone()).size() > quota::TRUST_POLICY_SIZE {
        statements.pop();
    }
    let document = Document::new(statements);
    if strange.unreadable_trust {
        unread(&document)
    } else {
        rewrite(document, strange)
    }
}

fn unread(document: &Document) -> ObservedDocument {
    ObservedDocument::unreadable(
        format!("{UNREADABLE_MARK}{}", document.to_json()),
        "line 1, column 1: is not JSON",
    )
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
    ObservedDocument::of(document)
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
