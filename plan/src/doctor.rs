//! What is wrong with the way into an account, and what would mend it: judged from what was read there, without a write.
//!
//! | module | holds |
//! |---|---|
//! | `trust` | who may assume the bootstrap role, or the grant role |
//! | `rights` | what either role may do, and what it needs |
//! | `grants` | the grant role |
//!
//! Whether a right to write is there cannot be tried without writing, so it is read: the bootstrap role may read its own
//! policies, and the grant role's. What stands beside or above them (attached policies, a boundary of its own) is said to be
//! not known. Of an organisation's policies nothing can be seen from inside an account, and nothing is said.

mod grants;
mod rights;
mod trust;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crossrole_iam::document::Document;

use crate::account::Account;
use crate::kit::{Call, Kit, Right};
use crate::outcome::Failure;
use crate::rules::Rules;

pub use grants::{GrantFacts, examine_grants};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// crossrole cannot do its work, or could be made to do somebody else's.
    Problem,
    /// It works, but less well or less safely than it could.
    Warning,
    /// It cannot be told from here.
    Unknown,
}

impl Level {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
        }
    }
}

/// Where something is to be mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Where the operator's own identity is made.
    Operator,
    /// In the AWS account.
    Account,
    /// In the AccountClass or the AWSAccount.
    Objects,
    /// Between the two.
    Network,
}

impl Side {
    /// The words for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "the operator's own account",
            Self::Account => "the account",
            Self::Objects => "the objects",
            Self::Network => "the network",
        }
    }
}

/// One thing that is wrong, or not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// Where it is to be mended.
    pub side: Side,
    /// What it is.
    pub what: String,
    /// What mends it.
    pub fix: String,
}

impl Finding {
    pub(crate) fn new(level: Level, side: Side, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            level,
            side,
            what: what.into(),
            fix: fix.into(),
        }
    }
}

/// Something that was read, or why it was not.
pub type Read<T> = Result<T, String>;

/// Whose role the operator has: its account and its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operator<'a> {
    /// The account's id.
    pub account: &'a str,
    /// The name of its role, or its user, without the path: sessions do not tell it.
    pub name: &'a str,
}

/// What was read of a role's own rights, with a session of the bootstrap role.
#[derive(Clone, Debug)]
pub struct OwnRights {
    /// Its inline policies by name.
    pub inline: Read<BTreeMap<String, Read<Document>>>,
    /// The ARNs of its attached policies.
    pub attached: Read<BTreeSet<String>>,
    /// The ARN of its own boundary.
    pub boundary: Read<Option<String>>,
}

impl OwnRights {
    /// Nothing was read, for this reason.
    pub fn not_read(why: &str) -> Self {
        Self {
            inline: Err(why.to_string()),
            attached: Err(why.to_string()),
            boundary: Err(why.to_string()),
        }
    }
}

/// What was read in an account, with a session of the bootstrap role.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The trust policy of the bootstrap role.
    pub trust: Read<Document>,
    /// What it may do.
    pub rights: OwnRights,
    /// The ARNs of the account's own policies.
    pub policies: Read<BTreeSet<String>>,
    /// What was tried, action by action: `None` where it worked.
    pub tried: BTreeMap<&'static str, Option<String>>,
}

/// The path of the operator's role in a kit that is made to compare with: its sessions tell its name alone.
pub const PATH_NOT_KNOWN: &str = "/path-not-known/";

/// How to mend whatever the kit makes.
pub const PRINT_AGAIN: &str = "print the account's kit with `crossrole bootstrap`, and apply it there";

/// What is wrong in an account that lets the operator in. `kit`: what the account needs.
pub fn examine(
    facts: &Facts,
    rules: &Rules,
    kit: &Kit,
    account: &Account,
    operator: Operator<'_>,
    calls: &[Call],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(objects(account));
    findings.extend(trust::findings(
        "bootstrap",
        &facts.trust,
        account,
        operator,
        kit.is_for_pod_identity(),
    ));
    findings.extend(tried(facts, calls));
    findings.extend(rights::findings(
        "bootstrap",
        &facts.rights,
        &facts.tried,
        &kit.permissions,
        account,
        calls,
    ));
    findings.extend(boundary(facts, rules, account));
    findings.sort_by_key(|one| (one.level, one.side));
    findings
}

fn objects(account: &Account) -> Option<Finding> {
    account.external_id.is_none().then(|| {
        Finding::new(
            Level::Warning,
            Side::Objects,
            "the AWSAccount has no externalId, so none is presented",
            format!("set spec.externalId: {PRINT_AGAIN}; it prints one"),
        )
    })
}

/// Reads that did not work when they were tried.
fn tried(facts: &Facts, calls: &[Call]) -> Vec<Finding> {
    let refused = |call: &Call| {
        let error = facts.tried.get(call.action)?.as_ref()?;
        let (level, so) = match (call.right, call.action) {
            (Right::ReadAccount, "iam:GetAccountSummary") => (Level::Warning, "IAM's default quotas are assumed"),
            (Right::ReadAccount, _) => (Level::Warning, "each role is read alone, with some calls for each look"),
            _ => (Level::Problem, "roles cannot be read"),
        };
        let action = call.action;
        Some(Finding::new(
            level,
            Side::Account,
            format!("{action} does not work, so {so}: {error}"),
            format!("allow {action} to the bootstrap role: {PRINT_AGAIN}"),
        ))
    };
    calls.iter().filter_map(refused).collect()
}

/// Whether the boundary that every role must have is there.
fn boundary(facts: &Facts, rules: &Rules, account: &Account) -> Option<Finding> {
    let arn = rules
        .boundary
        .as_ref()?
        .resolve(account.partition, &account.id)
        .to_string();
    if !arn.contains(&format!("::{}:", account.id)) {
        return None;
    }
    match &facts.policies {
        Ok(policies) if policies.contains(&arn) => None,
        Ok(_) => Some(Finding::new(
            Level::Problem,
            Side::Account,
            format!("the boundary policy {arn} is not there, so no role can be made"),
            format!("make that policy: {PRINT_AGAIN}; or change guardrails.permissionsBoundary"),
        )),
        Err(error) => Some(Finding::new(
            Level::Unknown,
            Side::Account,
            format!("whether the boundary policy {arn} is there: {error}"),
            "allow iam:GetAccountAuthorizationDetails to the bootstrap role, or look for the policy yourself",
        )),
    }
}

/// What is wrong where the operator does not get in: what STS said, and what that can mean.
pub fn not_let_in(failure: Failure, message: &str, role: &str, account: &Account) -> Finding {
    let side_of_operator = |what: &str, fix: String| Finding::new(Level::Problem, Side::Operator, what, fix);
    let in_account = |what: String, fix: String| Finding::new(Level::Problem, Side::Account, what, fix);
    match failure {
        Failure::BootstrapDenied | Failure::GrantRoleDenied if message.contains("identity-based policy") => {
            side_of_operator(
                &format!("the operator's own role may not assume {role}: {message}"),
                format!("let the operator's role sts:AssumeRole (with EKS Pod Identity also sts:TagSession) on {role}"),
            )
        }
        Failure::BootstrapDenied | Failure::GrantRoleDenied if message.contains("sts:TagSession") => in_account(
            format!("the operator's session carries tags, as with EKS Pod Identity, and may not set them on {role}"),
            format!(
                "allow sts:TagSession in a statement of its own in the role's trust policy, and to the operator's role: \
                 {PRINT_AGAIN} with --pod-identity"
            ),
        ),
        Failure::BootstrapDenied | Failure::GrantRoleDenied if message.contains("resource-based policy") => in_account(
            format!("the trust policy of {role} denies the operator: {message}"),
            "take that Deny out of the trust policy".to_string(),
        ),
        Failure::BootstrapDenied | Failure::GrantRoleDenied => {
            let presented = match &account.external_id {
                Some(_) => "its trust policy requires the externalId of this AWSAccount",
                None => "its trust policy requires no external id, for this AWSAccount has none",
            };
            in_account(
                format!("{role} cannot be assumed: AWS does not say why ({message})"),
                format!(
                    "check that the role is there under this name and path, that its trust policy names the operator's role, \
                     that {presented}, and that the operator's own role may sts:AssumeRole on it; or {PRINT_AGAIN}"
                ),
            )
        }
        Failure::WrongAccount => Finding::new(
            Level::Problem,
            Side::Objects,
            message,
            "set spec.accountId to the account that is meant",
        ),
        Failure::Malformed => Finding::new(
            Level::Problem,
            Side::Objects,
            format!("AWS does not take the request for a session: {message}"),
            "check bootstrapRole.sessionDuration against the role's own maximum, and the externalId",
        ),
        Failure::Throttled | Failure::Unavailable => Finding::new(
            Level::Problem,
            Side::Network,
            format!("there was no usable answer: {message}"),
            "check that STS can be reached from here, and ask again",
        ),
        _ => Finding::new(
            Level::Problem,
            Side::Account,
            format!("an answer that crossrole does not know: {message}"),
            "ask again; if it stays, report it",
        ),
    }
}

/// What it means that not one of several accounts lets the operator in, for the same unknown reason.
pub fn none_let_in(role: &str) -> Finding {
    Finding::new(
        Level::Warning,
        Side::Operator,
        "no account lets the operator in: most likely its own role lacks the right to enter, or another identity is meant",
        format!(
            "let the operator's role sts:AssumeRole on {role}, and compare its ARN with the one in the trust policies"
        ),
    )
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}, in {}: {}\n  fix: {}",
            self.level.as_str(),
            self.side.as_str(),
            self.what,
            self.fix
        )
    }
}

#[cfg(test)]
mod tests;
