//! Whether a statement says nothing that others do not say.
//!
//! A statement speaks of requests: of a principal, for an action, under conditions. It lies within others when each
//! request that it speaks of is one that they speak of too. That is judged for each principal and each action by itself,
//! so that one of the others may cover one and another the next. But one of them must cover all that the conditions leave
//! of it: values under one key are never shared out.
//!
//! `true` is certain. `false` means no, or that it could not be decided:
//!
//! - A principal is covered by itself alone. A role of an account is not covered by the account: where that account holds
//!   the role to be assumed, being named needs no permission and belonging to the account needs one (IAM User Guide,
//!   "How permissions and policies provide access management", cross-account access).
//! - Patterns of actions are compared only so long: of hundreds that are full of wildcards, not all are.
//! - Everybody but some, and every action but some, are covered by the same words alone.
//! - A condition is met wherever one with the same operator, set qualifier and `IfExists` on the same key is met whose
//!   values are fewer (with a negated operator: more), narrower patterns or nearer bounds. `StringEquals` is also met
//!   where a pattern of `StringLike` matches its values.

use std::collections::BTreeSet;

use super::canonical::{CanonicalCondition, CanonicalPrincipals, CanonicalStatement};
use super::{Operator, OperatorFamily, OperatorName};
use crate::pattern::{self, Patience};

/// One principal of a statement, or all that cannot be told apart.
#[derive(PartialEq)]
enum Who<'a> {
    /// No principal is written.
    Whoever,
    Anyone,
    AllBut(&'a CanonicalPrincipals),
    /// The member under which it stands, and its name.
    Named(&'static str, &'a str),
}

/// One pattern of actions, or all that cannot be told apart.
#[derive(PartialEq)]
enum What<'a> {
    AllBut(&'a BTreeSet<String>),
    Pattern(&'a str),
}

fn is_covered(what: &What<'_>, patterns: &[What<'_>], patience: &mut Patience) -> bool {
    patterns.contains(what) || patterns.iter().any(|outer| outer.covers(what, patience))
}

impl What<'_> {
    fn covers(&self, inner: &What<'_>, patience: &mut Patience) -> bool {
        match (self, inner) {
            (What::Pattern(outer), What::Pattern(inner)) => pattern::contains_soon(outer, inner, patience),
            (outer, inner) => outer == inner,
        }
    }
}

impl CanonicalStatement {
    /// Whether each request that this statement speaks of is one that these others, of the same effect, speak of too.
    /// `true` is certain; `false` means no, or that it could not be decided.
    #[must_use]
    pub fn is_within<'a>(&self, others: impl IntoIterator<Item = &'a CanonicalStatement>) -> bool {
        let others: Vec<_> = others
            .into_iter()
            .filter(|other| other.effect == self.effect && other.resource == self.resource)
            .filter(|other| self.is_narrowed_like(other))
            .map(|other| (other.principals(), other.actions()))
            .collect();
        // Each principal and each action is looked up once: there may be thousands of both.
        let principals: Vec<Vec<bool>> = self
            .principals()
            .iter()
            .map(|who| others.iter().map(|(names, _)| names.contains(who)).collect())
            .collect();
        let mut patience = Patience::for_a_statement();
        let mut is_covered = |what: &What<'_>, patterns: &[What<'_>]| is_covered(what, patterns, &mut patience);
        let actions: Vec<Vec<bool>> = self
            .actions()
            .iter()
            .map(|what| others.iter().map(|(_, patterns)| is_covered(what, patterns)).collect())
            .collect();
        let share = |who: &Vec<bool>, what: &Vec<bool>| who.iter().zip(what).any(|(who, what)| *who && *what);
        principals.iter().all(|who| actions.iter().all(|what| share(who, what)))
    }

    fn is_narrowed_like(&self, other: &CanonicalStatement) -> bool {
        let is_met = |wanted: &CanonicalCondition| self.conditions.iter().any(|given| given.is_within(wanted));
        other.conditions.iter().all(is_met)
    }

    fn principals(&self) -> Vec<Who<'_>> {
        match &self.principal {
            None => vec![Who::Whoever],
            Some((true, principals)) => vec![Who::AllBut(principals)],
            Some((false, principals)) => {
                let names = [
                    ("AWS", &principals.aws),
                    ("Service", &principals.service),
                    ("Federated", &principals.federated),
                    ("CanonicalUser", &principals.canonical_user),
                ];
                let anyone = principals.anyone.then_some(Who::Anyone);
                let named = names
                    .into_iter()
                    .flat_map(|(member, names)| names.iter().map(move |name| Who::Named(member, name)));
                anyone.into_iter().chain(named).collect()
            }
        }
    }

    fn actions(&self) -> Vec<What<'_>> {
        match &self.action {
            (true, patterns) => vec![What::AllBut(patterns)],
            (false, patterns) => patterns.iter().map(|pattern| What::Pattern(pattern)).collect(),
        }
    }
}

impl CanonicalCondition {
    /// Whether this condition is met by no request that does not meet the other. `true` is certain.
    fn is_within(&self, other: &CanonicalCondition) -> bool {
        if self.key != other.key || !is_comparable(self.operator, other.operator) {
            return false;
        }
        let operator = other.operator.base;
        if !operator.is_negated() {
            let is_covered = |inner: &String| other.values.iter().any(|outer| covers(operator, outer, inner));
            return self.values.iter().all(is_covered);
        }
        // What the other shuts out this one must shut out too. Of several values in a request, AWS does not say which
        // the qualifiers then ask for.
        let is_shut_out = |outer: &String| self.values.iter().any(|inner| covers(operator, inner, outer));
        self.values == other.values || (other.operator.qualifier.is_none() && other.values.iter().all(is_shut_out))
    }
}

fn is_comparable(inner: Operator, outer: Operator) -> bool {
    let as_pattern = Operator {
        base: OperatorName::StringLike,
        ..inner
    };
    inner == outer || (inner.base == OperatorName::StringEquals && as_pattern == outer)
}

/// Whether every value of a request that the inner value stands for is one that the outer value stands for. A policy
/// variable can be absent from a request, and what a condition then does is another matter.
fn covers(operator: OperatorName, outer: &str, inner: &str) -> bool {
    use OperatorName as Name;
    let family = operator.family();
    let covers_other = || match operator {
        Name::StringLike | Name::StringNotLike => pattern::contains(outer, inner),
        Name::ArnLike | Name::ArnNotLike => covers_arn(outer, inner),
        Name::NumericLessThan | Name::NumericLessThanEquals | Name::DateLessThan | Name::DateLessThanEquals => {
            is_ordered(family, inner, outer)
        }
        Name::NumericGreaterThan
        | Name::NumericGreaterThanEquals
        | Name::DateGreaterThan
        | Name::DateGreaterThanEquals => is_ordered(family, outer, inner),
        _ => false,
    };
    outer == inner || (!inner.contains("${") && covers_other())
}

// Each of the six parts of an ARN is matched by itself: IAM User Guide, "IAM JSON policy elements: Condition operators"
// (ARN condition operators).
fn covers_arn(outer: &str, inner: &str) -> bool {
    let parts = |text| -> Vec<&str> { str::splitn(text, 6, ':').collect() };
    let (outer, inner) = (parts(outer), parts(inner));
    let is_whole = outer.len() == 6 && inner.len() == 6;
    is_whole
        && outer
            .iter()
            .zip(inner)
            .all(|(outer, inner)| pattern::contains(outer, inner))
}

/// Whether the first is a whole number, or a date in whole seconds, that is not greater than the second.
fn is_ordered(family: OperatorFamily, less: &str, more: &str) -> bool {
    let whole = |text: &str| -> Option<i64> {
        let digits = match family {
            OperatorFamily::Date => text.strip_prefix('@')?,
            _ => text,
        };
        digits.parse().ok()
    };
    matches!((whole(less), whole(more)), (Some(less), Some(more)) if less <= more)
}
