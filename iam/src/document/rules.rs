//! What actions and policy variables may look like.

use super::DocumentKind;
use crate::pattern;

/// The actions that a trust policy may hold.
///
/// Source: IAM User Guide, "Update a role trust policy", "Pass session tags in AWS STS" and "Monitor and control
/// actions taken with assumed roles"; AWS STS API Reference, `AssumeRole` (`ProvidedContexts`) for `sts:SetContext`.
const TRUST_ACTIONS: [&str; 6] = [
    "sts:AssumeRole",
    "sts:AssumeRoleWithSAML",
    "sts:AssumeRoleWithWebIdentity",
    "sts:TagSession",
    "sts:SetSourceIdentity",
    "sts:SetContext",
];

/// What is wrong with an action pattern, if anything. Services and actions that do not exist are not told from
/// those that do; IAM does not tell them either.
///
/// Source: IAM User Guide, "IAM JSON policy elements: Action".
pub(crate) fn action_problem(text: &str, kind: DocumentKind) -> Option<String> {
    let problem = form_problem(text);
    if problem.is_some() || kind != DocumentKind::Trust {
        return problem;
    }
    let folded = text.to_ascii_lowercase();
    let known = folded.starts_with("sts:")
        && TRUST_ACTIONS
            .iter()
            .any(|action| pattern::matches(&folded, &action.to_ascii_lowercase()));
    (!known).then(|| {
        format!(
            "{text:?} may not stand in a trust policy; it takes only {}",
            TRUST_ACTIONS.join(", ")
        )
    })
}

fn form_problem(text: &str) -> Option<String> {
    if text == "*" {
        return None;
    }
    let mut parts = text.split(':');
    let service = parts.next().unwrap_or_default();
    let Some(name) = parts.next() else {
        return Some(format!(
            "{text:?} has no service before it; write service:action, such as s3:GetObject"
        ));
    };
    if parts.next().is_some() {
        return Some(format!("{text:?} has more than one colon; write service:action"));
    }
    if service.is_empty() {
        return Some(format!("{text:?} has no service before its colon"));
    }
    if name.is_empty() {
        return Some(format!(
            "{text:?} has no action after its colon; write {service}:* for all"
        ));
    }
    let fits = |character: char| character.is_ascii_alphanumeric() || "-.".contains(character);
    if service != "*" && !service.chars().all(fits) {
        return Some(format!(
            "{service:?} is not a service; it has only letters, digits, hyphens and points"
        ));
    }
    None
}

/// What is wrong with the policy variables in a text, if anything.
///
/// A variable is `${key}` or `${key, 'default'}`; `${*}`, `${?}` and `${$}` stand for the characters themselves.
/// Source: IAM User Guide, "IAM policy elements: Variables and tags".
pub(crate) fn variable_problem(text: &str) -> Option<String> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("${") {
        let Some((inside, after)) = after.split_once('}') else {
            return Some(format!("a policy variable in {text:?} is not closed; add }}"));
        };
        if inside.trim().is_empty() {
            return Some(format!("a policy variable in {text:?} is empty"));
        }
        if inside.contains("${") {
            return Some(format!("a policy variable in {text:?} holds another one"));
        }
        if let Some((key, default)) = inside.split_once(',') {
            let default = default.trim();
            let quoted = default.len() >= 2 && default.starts_with('\'') && default.ends_with('\'');
            if key.trim().is_empty() || !quoted {
                return Some(format!(
                    "the default of a policy variable in {text:?} must stand in single quotes: ${{key, 'default'}}"
                ));
            }
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_has_a_service_and_a_name() {
        for text in [
            "*",
            "*:*",
            "s3:GetObject",
            "S3:get*",
            "iam:*User*",
            "execute-api:Invoke",
            "a.b-c:D",
            "no-such-service:NoSuchAction",
        ] {
            assert_eq!(action_problem(text, DocumentKind::Permission), None, "{text}");
        }
        for (text, part) in [
            ("", "no service before it"),
            ("GetObject", "no service before it"),
            ("**", "no service before it"),
            ("s3:Get:Object", "more than one colon"),
            (":GetObject", "no service before its colon"),
            ("s3:", "no action after its colon"),
            ("s 3:GetObject", "is not a service"),
            ("s3*:GetObject", "is not a service"),
            ("arn:aws:s3", "more than one colon"),
            ("s3/x:GetObject", "is not a service"),
        ] {
            let message = action_problem(text, DocumentKind::Permission).unwrap_or_default();
            assert!(message.contains(part), "{text:?}: {message}");
        }
    }

    #[test]
    fn a_trust_policy_takes_only_the_actions_that_assume_a_role() {
        for text in [
            "sts:AssumeRole",
            "STS:assumerole",
            "sts:AssumeRoleWithSAML",
            "sts:AssumeRoleWithWebIdentity",
            "sts:TagSession",
            "sts:SetSourceIdentity",
            "sts:SetContext",
            "sts:*",
            "sts:AssumeRole*",
            "sts:Tag*",
        ] {
            assert_eq!(action_problem(text, DocumentKind::Trust), None, "{text}");
        }
        for text in [
            "*",
            "*:*",
            "s3:GetObject",
            "sts:GetCallerIdentity",
            "sts:Get*",
            "sts:AssumeRoles",
            "iam:PassRole",
        ] {
            let message = action_problem(text, DocumentKind::Trust).unwrap_or_default();
            assert!(message.contains("trust policy"), "{text:?}: {message}");
        }
    }

    #[test]
    fn policy_variables_are_closed_named_and_quoted() {
        for text in [
            "",
            "$",
            "a}b",
            "${aws:username}",
            "${aws:PrincipalTag/cost center}",
            "${aws:userid, 'anonymous'}",
            "${aws:userid,''}",
            "${*}${?}${$}",
        ] {
            assert_eq!(variable_problem(text), None, "{text}");
        }
        for (text, part) in [
            ("${aws:username", "is not closed"),
            ("${}", "is empty"),
            ("${ }", "is empty"),
            ("${a:${b:c}}", "holds another"),
            ("${aws:userid, anonymous}", "single quotes"),
            ("${aws:userid, 'anonymous}", "single quotes"),
            ("${aws:userid, '}", "single quotes"),
            ("${, 'x'}", "single quotes"),
        ] {
            let message = variable_problem(text).unwrap_or_default();
            assert!(message.contains(part), "{text:?}: {message}");
        }
    }
}
