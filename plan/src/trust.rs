//! The trust policy that a declaration means.
//!
//! | file | holds |
//! | --- | --- |
//! | `trust` | the whole document, and the one that trusts nobody |
//! | `way_in` | what every kind has in common: the statement that assumes the role and those beside it |
//! | `aws` | users and roles of AWS accounts |
//! | `federated` | OIDC and SAML providers |
//! | `services` | services, EKS Pod Identity, Roles Anywhere |

mod aws;
mod federated;
mod services;
mod way_in;

use crossrole_api::Reason;
use crossrole_iam::document::{
    ActionElement, Condition, Document, DocumentError, DocumentKind, Effect, Operator, OperatorName, PrincipalElement,
    Principals, Statement,
};
use crossrole_iam::{AccountId, Partition};

use crate::declaration::{Trust, TrustStatement};
use crate::refusal::Refusal;

pub(crate) use federated::{is_known_everywhere, is_sign_in_address, saml_audiences};

/// The service principal of EKS Pod Identity, the same in every partition.
///
/// Source: Amazon EKS User Guide, "Create IAM role with trust policy required by EKS Pod Identity".
pub const POD_IDENTITY: &str = "pods.eks.amazonaws.com";

/// The service principal of IAM Roles Anywhere, the same in every partition.
///
/// Source: IAM Roles Anywhere User Guide, "The IAM Roles Anywhere trust model".
pub const ROLES_ANYWHERE: &str = "rolesanywhere.amazonaws.com";

/// A trust policy, and which field each of its statements comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedTrust {
    /// The trust policy.
    pub document: Document,
    /// For each statement of the document the field that it comes from: `spec.trust[0]`,
    /// `spec.extraTrustStatements[1]`. One entry can become several statements.
    pub fields: Vec<String>,
}

/// The account that holds the role.
#[derive(Clone, Copy)]
struct Target<'account> {
    partition: Partition,
    account: &'account AccountId,
}

/// The trust policy of a declaration in one account.
///
/// # Errors
/// What cannot be in this account, such as an ARN of another partition.
pub fn rendered(trust: &Trust, partition: Partition, target: &AccountId) -> Result<RenderedTrust, Refusal> {
    let target = Target {
        partition,
        account: target,
    };
    let mut fields = Vec::new();
    let mut statements = Vec::new();
    for (index, entry) in trust.entries.iter().enumerate() {
        let field = format!("spec.trust[{index}]");
        for statement in render(entry, target, &field)? {
            statements.push(statement);
            fields.push(field.clone());
        }
    }
    for (index, statement) in trust.extra.iter().enumerate() {
        let field = format!("spec.extraTrustStatements[{index}]");
        target.check_statement(statement, &field)?;
        statements.push(statement.clone());
        fields.push(field);
    }
    let document = Document::new(statements);
    document
        .check(DocumentKind::Trust)
        .map_err(|error| refusal_of(&error, &fields))?;
    Ok(RenderedTrust { document, fields })
}

/// The one document that trusts nobody.
pub fn closed() -> Document {
    let assume = [
        "sts:AssumeRole",
        "sts:AssumeRoleWithSAML",
        "sts:AssumeRoleWithWebIdentity",
    ];
    Document {
        id: None,
        statements: vec![Statement {
            sid: Some(crossrole_api::names::CLOSED_SID.into()),
            effect: Effect::Deny,
            principal: Some(PrincipalElement::Principal(Principals::aws(["*"]))),
            action: ActionElement::Action(assume.map(String::from).to_vec()),
            resource: None,
            conditions: Vec::new(),
        }],
    }
}

fn render(entry: &TrustStatement, target: Target<'_>, field: &str) -> Result<Vec<Statement>, Refusal> {
    match entry {
        TrustStatement::Aws(trust) => aws::render(trust, target, field),
        TrustStatement::Oidc(trust) => Ok(federated::render_oidc(trust, target)),
        TrustStatement::Saml(trust) => Ok(federated::render_saml(trust, target)),
        TrustStatement::Services(trust) => services::render_services(trust, target, field),
        TrustStatement::PodIdentity(trust) => services::render_pods(trust, target, field),
        TrustStatement::RolesAnywhere(trust) => services::render_machines(trust, target, field),
    }
}

impl Target<'_> {
    /// Refuses an ARN of another partition: partitions share neither accounts nor identities, so that it could never be
    /// anybody's.
    fn check_partition(self, arn: impl std::fmt::Display, partition: &str, field: String) -> Result<(), Refusal> {
        let own = self.partition.as_str();
        if partition.contains(['*', '?']) || partition == own {
            return Ok(());
        }
        Err(Refusal::of_field(
            Reason::InvalidSpec,
            field,
            format!(
                "{arn} is of partition {partition}, but account {} is in {own}, and no partition knows another's identities",
                self.account
            ),
        ))
    }
}

impl Target<'_> {
    /// The same of a raw statement: its principals, and what its conditions hold them to.
    fn check_statement(self, statement: &Statement, field: &str) -> Result<(), Refusal> {
        let principals = statement.principal.as_ref().map(PrincipalElement::principals);
        let named = principals
            .into_iter()
            .flat_map(|principals| principals.aws.iter().chain(&principals.federated));
        let held_to = statement
            .conditions
            .iter()
            .filter(|condition| {
                let is_of_arns = condition.is_about("aws:PrincipalArn") || condition.is_about("aws:SourceArn");
                is_of_arns && !condition.operator.base.is_negated()
            })
            .flat_map(|condition| &condition.values);
        for arn in named.chain(held_to) {
            let partition = arn.strip_prefix("arn:").and_then(|rest| rest.split(':').next());
            if let Some(partition) = partition.filter(|partition| !partition.contains('$')) {
                self.check_partition(arn, partition, field.to_string())?;
            }
        }
        Ok(())
    }
}

fn refusal_of(error: &DocumentError, fields: &[String]) -> Refusal {
    let index = error
        .path
        .strip_prefix("Statement[")
        .and_then(|rest| rest.split(']').next())
        .and_then(|digits| digits.parse::<usize>().ok());
    let field = index.and_then(|index| fields.get(index)).cloned();
    Refusal::of_field(
        Reason::InvalidSpec,
        field.unwrap_or_else(|| "spec.trust".into()),
        format!("IAM would not take what this becomes: {error}"),
    )
}

fn allow(principals: Principals, actions: &[&str], conditions: Vec<Condition>) -> Statement {
    Statement {
        sid: None,
        effect: Effect::Allow,
        principal: Some(PrincipalElement::Principal(principals)),
        action: ActionElement::Action(actions.iter().map(ToString::to_string).collect()),
        resource: None,
        conditions,
    }
}

fn condition(
    operator: OperatorName,
    key: impl Into<String>,
    values: impl IntoIterator<Item = impl ToString>,
) -> Condition {
    Condition {
        operator: Operator::new(operator),
        key: key.into(),
        values: values.into_iter().map(|value| value.to_string()).collect(),
    }
}

/// `StringEquals`, or `StringLike` where any of the values is a pattern.
fn matching<'text>(
    key: impl Into<String>,
    values: impl IntoIterator<Item = &'text String, IntoIter: Clone>,
) -> Condition {
    let values = values.into_iter();
    let operator = if values.clone().any(|value| value.contains(['*', '?'])) {
        OperatorName::StringLike
    } else {
        OperatorName::StringEquals
    };
    condition(operator, key, values)
}

#[cfg(test)]
mod tests;
