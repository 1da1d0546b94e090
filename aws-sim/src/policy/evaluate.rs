//! What a set of identity policies says about one action.

use super::context::Context;
use super::document::Document;

/// What policies say: a Deny that applies always wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allowed,
    /// Nothing allows it.
    Silent,
    Denied,
}

/// Evaluates the policies of one layer (identity policies together, or one boundary, or one session policy).
pub(crate) fn evaluate(documents: &[Document], action: &str, resource: &str, context: &Context) -> Verdict {
    let mut verdict = Verdict::Silent;
    for statement in documents.iter().flat_map(|document| &document.policy.statements) {
        if verdict == Verdict::Allowed && statement.allow {
            continue;
        }
        if statement.covers_action(action)
            && statement.covers_resource(resource, context)
            && statement.conditions_hold(context)
        {
            if !statement.allow {
                return Verdict::Denied;
            }
            verdict = Verdict::Allowed;
        }
    }
    verdict
}
