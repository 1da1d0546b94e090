//! Who may assume the bootstrap role, or the grant role.

use crossrole_iam::document::{Document, Effect, PrincipalElement, Statement};
use crossrole_iam::pattern;

use super::{Finding, Level, Operator, PRINT_AGAIN, Read, Side};
use crate::account::Account;

pub(super) fn findings(
    role: &str,
    trust: &Read<Document>,
    account: &Account,
    operator: Operator<'_>,
    pod_identity: bool,
) -> Vec<Finding> {
    let trust = match trust {
        Ok(trust) => trust,
        Err(error) => {
            return vec![Finding::new(
                Level::Unknown,
                Side::Account,
                format!("who may assume the {role} role: {error}"),
                format!("allow iam:GetRole on it to the {role} role, or read its trust policy yourself"),
            )];
        }
    };
    let allows = || {
        trust
            .statements
            .iter()
            .filter(|statement| statement.effect == Effect::Allow)
    };
    let mut findings = Vec::new();
    let others: Vec<String> = allows().flat_map(|statement| others(statement, operator)).collect();
    if !others.is_empty() {
        findings.push(Finding::new(
            Level::Warning,
            Side::Account,
            format!(
                "others than the operator's role may assume the {role} role: {}",
                others.join(", ")
            ),
            format!("let its trust policy name the operator's role alone: {PRINT_AGAIN}"),
        ));
    }
    let without_id = |statement: &&Statement| {
        speaks_of(statement, "sts:AssumeRole")
            && !statement
                .conditions
                .iter()
                .any(|condition| condition.is_about("sts:ExternalId"))
    };
    if account.external_id.is_some() && allows().any(|statement| without_id(&statement)) {
        findings.push(Finding::new(
            Level::Warning,
            Side::Account,
            format!("the trust policy of the {role} role requires no external id, although the AWSAccount has one"),
            format!("require it with StringEquals on sts:ExternalId: {PRINT_AGAIN}"),
        ));
    }
    if pod_identity && !allows().any(|statement| speaks_of(statement, "sts:TagSession")) {
        findings.push(Finding::new(
            Level::Problem,
            Side::Account,
            format!(
                "the trust policy of the {role} role does not allow sts:TagSession, without which a session of EKS Pod \
                 Identity does not get in"
            ),
            format!("allow sts:TagSession in a statement of its own: {PRINT_AGAIN} with --pod-identity"),
        ));
    }
    findings
}

fn speaks_of(statement: &Statement, action: &str) -> bool {
    let patterns = statement.action.patterns().iter();
    let matches = patterns
        .into_iter()
        .any(|pattern| pattern::matches_ignoring_case(pattern, action));
    matches != statement.action.is_not()
}

/// Whoever is not the operator's role or a session of it. A role that was deleted shows as its unique id.
fn others(statement: &Statement, operator: Operator<'_>) -> Vec<String> {
    let principals = match &statement.principal {
        Some(PrincipalElement::Principal(principals)) => principals,
        Some(PrincipalElement::NotPrincipal(_)) => return vec!["everybody but some".to_string()],
        None => return Vec::new(),
    };
    let is_operator = |principal: &&String| {
        let in_account = principal.contains(&format!("::{}:", operator.account));
        let last = principal.rsplit('/').next();
        in_account && (last == Some(operator.name) || principal.contains(&format!("assumed-role/{}/", operator.name)))
    };
    let mut others: Vec<String> = principals.anyone.then(|| "*".to_string()).into_iter().collect();
    others.extend(
        principals
            .aws
            .iter()
            .filter(|principal| !is_operator(principal))
            .cloned(),
    );
    others.extend(principals.service.iter().chain(&principals.federated).cloned());
    others
}
