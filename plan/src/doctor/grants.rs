//! The grant role: it is entered apart, and the bootstrap role reads what it may do.

use std::collections::BTreeMap;

use crossrole_iam::document::Document;

use super::{Finding, Level, Operator, OwnRights, PRINT_AGAIN, Read, Side, rights, trust};
use crate::account::Account;
use crate::kit::Call;

/// What was read in an account, with a session of the grant role; and of its rights, with one of the bootstrap role, for it
/// may not read its own policies.
#[derive(Clone, Debug)]
pub struct GrantFacts {
    /// Its trust policy.
    pub trust: Read<Document>,
    /// What it may do.
    pub rights: OwnRights,
    /// What was tried, action by action: `None` where it worked.
    pub tried: BTreeMap<&'static str, Option<String>>,
}

/// What is wrong with a grant role that lets the operator in. `permissions`: what it shall be allowed; `calls`: what is done as
/// it.
pub fn examine_grants(
    facts: &GrantFacts,
    permissions: &Document,
    account: &Account,
    operator: Operator<'_>,
    is_for_pod_identity: bool,
    calls: &[Call],
) -> Vec<Finding> {
    let mut findings = trust::findings("grant", &facts.trust, account, operator, is_for_pod_identity);
    let refused = facts
        .tried
        .iter()
        .filter_map(|(action, error)| Some((action, error.as_ref()?)));
    findings.extend(refused.map(|(action, error)| {
        Finding::new(
            Level::Problem,
            Side::Account,
            format!("{action} does not work as the grant role, so nothing can be granted: {error}"),
            format!("allow {action} to the grant role: {PRINT_AGAIN}"),
        )
    }));
    findings.extend(rights::findings(
        "grant",
        &facts.rights,
        &facts.tried,
        permissions,
        account,
        calls,
    ));
    findings
}
