//! The trust policy that a declaration means.

use crossrole_api::trust::PrincipalKind;
use crossrole_iam::document::{
    ActionElement, Condition, Document, Effect, Operator, OperatorName, PrincipalElement, Principals, Statement,
};
use crossrole_iam::{AccountId, Partition, root_arn};

use crate::declaration::{TrustFrom, TrustStatement};

/// The trust policy document of a declaration in a partition.
pub fn document(statements: &[TrustStatement], partition: Partition) -> Document {
    Document {
        id: None,
        statements: statements
            .iter()
            .map(|statement| render(statement, partition))
            .collect(),
    }
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

fn render(statement: &TrustStatement, partition: Partition) -> Statement {
    let mut conditions = Vec::new();
    let principals: Vec<String> = match &statement.from {
        TrustFrom::Accounts { ids, kind } => {
            // MFA shuts roles out: a session of a role never carries it.
            let kind = kind.or(statement.mfa_max_age.map(|_| PrincipalKind::Users));
            if let Some(kind) = kind {
                let patterns = ids.iter().map(|id| principal_pattern(partition, id, kind)).collect();
                conditions.push(condition(OperatorName::ArnLike, "aws:PrincipalArn", patterns));
            }
            ids.iter().map(|id| root_arn(partition, id).to_string()).collect()
        }
        TrustFrom::Principals(arns) => arns.iter().map(ToString::to_string).collect(),
    };
    if let Some(age) = statement.mfa_max_age {
        // Never `…IfExists`, which lets plain access keys in: IAM User Guide, "Configuring MFA-protected API access".
        conditions.push(condition(
            OperatorName::Bool,
            "aws:MultiFactorAuthPresent",
            vec!["true".into()],
        ));
        conditions.push(condition(
            OperatorName::NumericLessThan,
            "aws:MultiFactorAuthAge",
            vec![age.to_string()],
        ));
    }
    if !statement.external_ids.is_empty() {
        let values = statement.external_ids.iter().map(ToString::to_string).collect();
        conditions.push(condition(OperatorName::StringEquals, "sts:ExternalId", values));
    }
    Statement {
        sid: None,
        effect: Effect::Allow,
        principal: Some(PrincipalElement::Principal(Principals::aws(principals))),
        action: ActionElement::Action(vec!["sts:AssumeRole".into()]),
        resource: None,
        conditions,
    }
}

// An account's root as principal admits its users and its roles alike; the pattern tells them apart. For a session,
// `aws:PrincipalArn` is the role's ARN: IAM User Guide, "AWS global condition context keys".
fn principal_pattern(partition: Partition, account: &AccountId, kind: PrincipalKind) -> String {
    let resource = match kind {
        PrincipalKind::Users => "user",
        PrincipalKind::Roles => "role",
    };
    format!("arn:{partition}:iam::{account}:{resource}/*")
}

fn condition(operator: OperatorName, key: &str, values: Vec<String>) -> Condition {
    Condition {
        operator: Operator::new(operator),
        key: key.into(),
        values,
    }
}

#[cfg(test)]
mod tests;
