//! Raw statements.

use std::collections::BTreeMap;

use crossrole_api::names::CLOSED_SID;
use crossrole_api::selector::StatementText;
use crossrole_iam::document::{CanonicalStatement, DocumentKind, Statement};

use super::{conditions, invalid};
use crate::refusal::Refusal;

pub(super) fn parse(texts: &[StatementText]) -> Result<Vec<Statement>, Refusal> {
    let mut statements: Vec<Statement> = Vec::new();
    let mut meanings: BTreeMap<CanonicalStatement, usize> = BTreeMap::new();
    for (index, text) in texts.iter().enumerate() {
        let field = format!("extraTrustStatements[{index}]");
        let statement =
            Statement::parse(text.as_str(), DocumentKind::Trust).map_err(|error| invalid(&field, error.to_string()))?;
        if let Some(problem) = conditions::variable_problem(&statement.conditions) {
            return Err(invalid(&field, format!("Condition.{problem}")));
        }
        if let Some(problem) = conditions::arn_problem(&statement.conditions) {
            return Err(invalid(&field, format!("Condition.{problem}")));
        }
        let sid = statement.sid.as_deref().filter(|sid| !sid.is_empty());
        if sid == Some(CLOSED_SID) {
            return Err(invalid(
                &field,
                format!("Sid: {CLOSED_SID} is crossrole's own: choose another"),
            ));
        }
        for (earlier, other) in statements.iter().enumerate() {
            if sid.is_some() && other.sid.as_deref() == sid {
                return Err(invalid(
                    &field,
                    format!("Sid: extraTrustStatements[{earlier}] has the same: every Sid stands once in a policy"),
                ));
            }
        }
        if let Some(earlier) = meanings.insert(statement.canonical(), index) {
            return Err(invalid(
                &field,
                format!("says the same as extraTrustStatements[{earlier}]: remove one of them"),
            ));
        }
        statements.push(statement);
    }
    Ok(statements)
}
