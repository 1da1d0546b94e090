//! Which session tags a statement lets be set, and which actions of STS a trust policy may hold at all.

use crossrole_api::Reason;
use crossrole_iam::document::{ActionElement, Condition, OperatorName, Qualifier, Statement};
use crossrole_iam::pattern;

use super::Fault;
use super::actors::{allows, principals};
use crate::rules::Rules;

/// The actions that guardrails judge. `sts:SetSourceIdentity` names who stands behind a session and grants nothing, so no
/// list speaks of it. `sts:SetContext` passes on identities that no guardrail knows, and is refused.
/// Source: AWS STS API Reference; IAM User Guide, "Monitor and control actions taken with assumed roles".
const JUDGED: [&str; 5] = [
    "sts:assumerole",
    "sts:assumerolewithsaml",
    "sts:assumerolewithwebidentity",
    "sts:setsourceidentity",
    "sts:tagsession",
];

const TAG_SESSION: &str = "sts:tagsession";
const SET_CONTEXT: &str = "sts:setcontext";

pub(super) fn allows_only_judged_actions(statement: &Statement) -> Result<(), Fault> {
    let ActionElement::Action(patterns) = &statement.action else {
        return Err((
            Reason::TrustNotAllowed,
            "the statement says NotAction, so no guardrail can judge what it allows".into(),
        ));
    };
    for action in patterns {
        let folded = action.to_ascii_lowercase();
        if !JUDGED.iter().any(|judged| pattern::matches(&folded, judged)) {
            return Err((
                Reason::TrustNotAllowed,
                format!("no guardrail judges {action}, so it may not stand in a trust policy here"),
            ));
        }
        if pattern::intersects(&folded, SET_CONTEXT) {
            return Err((
                Reason::TrustNotAllowed,
                format!(
                    "{action} can match sts:SetContext, which no guardrail judges: name the actions that are meant"
                ),
            ));
        }
    }
    Ok(())
}

/// Everybody's `"*"` also stands for callers that have not signed their request, as those of
/// `AssumeRoleWithWebIdentity` and `AssumeRoleWithSAML` have not.
pub(super) fn anyone_may_only_assume(statement: &Statement) -> Result<(), Fault> {
    let unsigned = ["sts:assumerolewithsaml", "sts:assumerolewithwebidentity"];
    if !allows(statement, &unsigned) {
        return Ok(());
    }
    Err((
        Reason::TrustNotAllowed,
        "the principal is \"*\", so the actions must not match AssumeRoleWithSAML or AssumeRoleWithWebIdentity: name the provider".into(),
    ))
}

/// Whether the class lets every session tag that a statement lets be set be set.
///
/// Here, and only here, `ForAllValues` is right: each key of the request must be one of the values, and a request
/// without any tag does no harm. `ForAnyValue`, or no qualifier, asks for one listed key and lets others pass beside it.
/// Source: IAM User Guide, "Pass session tags in AWS STS" and "Set operators for multivalued context keys".
pub(super) fn judge(statement: &Statement, rules: &Rules) -> Result<(), Fault> {
    if !allows(statement, &[TAG_SESSION]) || sets_fixed_keys(statement)? {
        return Ok(());
    }
    let fold = |text: &str| text.to_ascii_lowercase();
    // IAM does not tell tag keys apart by case.
    let listed = |key: &String| {
        rules
            .session_tag_keys
            .iter()
            .any(|pattern| pattern::contains(&fold(pattern), &fold(key)))
    };
    let limits: Vec<&Condition> = statement
        .conditions
        .iter()
        .filter(|condition| limits_keys(condition))
        .collect();
    // Nothing is a limit that names nothing.
    if limits
        .iter()
        .any(|condition| !condition.values.is_empty() && condition.values.iter().all(listed))
    {
        return Ok(());
    }
    let unlisted = limits
        .iter()
        .flat_map(|condition| &condition.values)
        .find(|key| !listed(key));
    Err((
        Reason::TagNotAllowed,
        match unlisted {
            Some(key) => format!(
                "session tag {key} is not in guardrails.sessionTagKeys of AccountClass {}",
                rules.class
            ),
            None => format!(
                "this lets any session tag be set: name the keys by ForAllValues:StringEquals on aws:TagKeys, each in guardrails.sessionTagKeys of AccountClass {}",
                rules.class
            ),
        },
    ))
}

fn limits_keys(condition: &Condition) -> bool {
    condition.is_about("aws:TagKeys")
        && condition.operator.qualifier == Some(Qualifier::ForAllValues)
        && matches!(
            condition.operator.base,
            OperatorName::StringEquals | OperatorName::StringEqualsIgnoreCase | OperatorName::StringLike
        )
}

/// Whether AWS alone chooses the tags' keys. EKS Pod Identity sets `eks-cluster-arn`, `eks-cluster-name`,
/// `kubernetes-namespace`, `kubernetes-service-account`, `kubernetes-pod-name` and `kubernetes-pod-uid`; IAM Roles Anywhere
/// sets keys that begin with `x509`. A class that lists these services has agreed to them.
///
/// Sources: Amazon EKS User Guide, "Grant Pods access to AWS resources based on tags"; IAM Roles Anywhere User Guide, "The
/// IAM Roles Anywhere trust model".
fn sets_fixed_keys(statement: &Statement) -> Result<bool, Fault> {
    let principals = principals(statement)?;
    let has_fixed_keys = |service: &String| {
        let folded = service.to_ascii_lowercase();
        folded.starts_with("pods.eks.amazonaws.") || folded.starts_with("rolesanywhere.amazonaws.")
    };
    Ok(!principals.anyone
        && principals.aws.is_empty()
        && principals.federated.is_empty()
        && principals.service.iter().all(has_fixed_keys))
}
