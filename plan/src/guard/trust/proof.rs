//! What the conditions of one statement prove.
//!
//! All conditions of a statement must hold, so one that proves is enough, and a further condition only narrows. The
//! values of one condition are alternatives, so each of them must be as asked.
//! Source: IAM User Guide, "Conditions with multiple context keys or values".

use crossrole_iam::document::{Condition, OperatorName, Statement};

/// The operators that compare a text with values.
pub(super) const TEXT: &[OperatorName] = &[OperatorName::StringEquals, OperatorName::StringLike];

/// The operators that compare an ARN with values.
pub(super) const ARN: &[OperatorName] = &[
    OperatorName::ArnLike,
    OperatorName::ArnEquals,
    OperatorName::StringLike,
    OperatorName::StringEquals,
];

/// The conditions of a statement that prove something about a key: a positive operator with neither `IfExists` nor
/// `ForAllValues`, both of which a request without the key satisfies, and at least one value.
pub(super) fn proofs<'a>(
    statement: &'a Statement,
    key: &'a str,
    operators: &'a [OperatorName],
) -> impl Iterator<Item = &'a Condition> {
    statement.conditions.iter().filter(move |condition| {
        condition.is_about(key)
            && operators.contains(&condition.operator.base)
            && condition.operator.proves()
            && !condition.values.is_empty()
    })
}

/// Whether some condition proves that the key has a value of which this holds.
pub(super) fn proves(
    statement: &Statement,
    key: &str,
    operators: &[OperatorName],
    holds: impl Fn(&Condition, &str) -> bool,
) -> bool {
    proofs(statement, key, operators).any(|condition| condition.values.iter().all(|value| holds(condition, value)))
}

/// Whether the operator reads `*` and `?` as wildcards. Source: IAM User Guide, "IAM JSON policy elements: Condition
/// operators": `ArnEquals` behaves as `ArnLike`.
pub(super) fn reads_wildcards(condition: &Condition) -> bool {
    matches!(
        condition.operator.base,
        OperatorName::StringLike | OperatorName::ArnLike | OperatorName::ArnEquals
    )
}

/// Whether a value of a condition stands for itself alone: no wildcard that is read as one, and no policy variable, which
/// only a request knows.
pub(super) fn is_literal(condition: &Condition, value: &str) -> bool {
    let has_wildcard = reads_wildcards(condition) && value.contains(['*', '?']);
    !has_wildcard && !value.contains("${")
}
