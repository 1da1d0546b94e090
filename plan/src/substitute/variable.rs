//! One variable: whether it is ours, and what it stands for.

use std::fmt;

use crate::account::Account;

/// A part of a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Text, IAM's own variables among it.
    Text(&'a str),
    /// A variable of ours.
    Ours(Variable),
}

/// A variable of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Variable {
    AccountId,
    Partition,
    AccountName,
    Parameter(String),
}

impl fmt::Display for Variable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AccountId => formatter.write_str("${AWS::AccountId}"),
            Self::Partition => formatter.write_str("${AWS::Partition}"),
            Self::AccountName => formatter.write_str("${account.name}"),
            Self::Parameter(name) => write!(formatter, "${{parameter.{name}}}"),
        }
    }
}

impl Variable {
    /// What the variable stands for in an account, where `before` stands before it in its string.
    pub(super) fn value_in(&self, account: &Account, before: &str) -> Result<String, String> {
        match self {
            Self::AccountId => Ok(account.id.to_string()),
            Self::Partition => Ok(account.partition.to_string()),
            Self::AccountName => Ok(account.name.clone()),
            Self::Parameter(name) => {
                let value = account.parameters.get(name).ok_or_else(|| {
                    format!(
                        "AWSAccount {} has no parameter {name:?}: add it to its spec.parameters",
                        account.name
                    )
                })?;
                match value_problem(value).or_else(|| place_problem(value, before)) {
                    None => Ok(value.clone()),
                    Some(problem) => Err(format!(
                        "{self}, which is {value:?} in spec.parameters of AWSAccount {}, {problem}",
                        account.name
                    )),
                }
            }
        }
    }
}

/// What is wrong with a parameter's value wherever it stands.
fn value_problem(value: &str) -> Option<&'static str> {
    if value.is_empty() {
        return Some("is empty: what stands around it would mean more than it says");
    }
    if value.contains(['*', '?']) {
        return Some("holds a wildcard: write wildcards into the document, around the variable");
    }
    if value.contains(['$', '{', '}']) {
        return Some("holds $, { or }, which could make a policy variable: write those into the document");
    }
    if value.trim() != value || value.chars().any(char::is_control) {
        return Some("begins or ends with white space, or holds a control character");
    }
    None
}

/// What is wrong with a value after this text. Inside an ARN it must not begin another part: neither another field, nor
/// the resource before it is its turn.
fn place_problem(value: &str, before: &str) -> Option<&'static str> {
    if !before.starts_with("arn:") {
        return None;
    }
    if value.contains(':') {
        return Some("holds a colon, which would begin another part of the ARN");
    }
    let in_resource = before.matches(':').count() >= 5;
    if !in_resource && value.contains('/') {
        return Some("holds a slash, which this part of the ARN has not");
    }
    None
}

/// The parts of a string.
///
/// # Errors
/// A variable that is neither ours nor IAM's, with the nearest that is.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some(begin) = text.get(at..).and_then(|rest| rest.find("${")).map(|found| at + found) {
        let Some(length) = text.get(begin + 2..).and_then(|rest| rest.find('}')) else {
            break;
        };
        let inside = text.get(begin + 2..begin + 2 + length).unwrap_or_default();
        at = begin + length + 3;
        if let Some(variable) = variable(inside)? {
            pieces.push(Piece::Text(text.get(start..begin).unwrap_or_default()));
            pieces.push(Piece::Ours(variable));
            start = at;
        }
    }
    pieces.push(Piece::Text(text.get(start..).unwrap_or_default()));
    pieces.retain(|piece| *piece != Piece::Text(""));
    Ok(pieces)
}

/// What is wrong with the variables of a text that may hold IAM's own alone, as those of a trust policy, if anything.
pub(crate) fn problem_without_ours(text: &str) -> Option<String> {
    match pieces(text) {
        Ok(pieces) => pieces.iter().find_map(|piece| match piece {
            Piece::Ours(variable) => Some(format!(
                "{variable} may stand in inline policies only, and IAM would read it as its own: write what it stands for"
            )),
            Piece::Text(_) => None,
        }),
        Err(_) => Some(format!(
            "{text:?} has a variable that IAM does not know: its own have a colon, as ${{aws:username}}"
        )),
    }
}

/// A variable of ours, or none where it is IAM's own.
fn variable(inside: &str) -> Result<Option<Variable>, String> {
    match inside {
        "AWS::AccountId" => return Ok(Some(Variable::AccountId)),
        "AWS::Partition" => return Ok(Some(Variable::Partition)),
        "account.name" => return Ok(Some(Variable::AccountName)),
        _ => {}
    }
    if let Some(name) = inside.strip_prefix("parameter.").filter(|name| is_name(name)) {
        return Ok(Some(Variable::Parameter(name.to_string())));
    }
    if is_of_iam(inside) {
        return Ok(None);
    }
    Err(unknown(inside))
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "_.-".contains(character))
}

/// IAM's own variables are condition keys, `service:key`, with or without a default, and three characters that stand
/// for themselves. Source: IAM User Guide, "IAM policy elements: Variables and tags". What is no variable at all is left
/// to the reader of documents, which says so.
fn is_of_iam(inside: &str) -> bool {
    let key = inside.split(',').next().unwrap_or_default().trim();
    if key.is_empty() || matches!(key, "*" | "?" | "$") || inside.contains("${") {
        return true;
    }
    let Some((service, name)) = key.split_once(':') else {
        return false;
    };
    // No service has such keys: they are ours, misspelt.
    let ours = matches!(
        (
            service.to_ascii_lowercase().as_str(),
            name.to_ascii_lowercase().as_str()
        ),
        ("aws", "accountid" | "partition" | "region") | ("account", "name" | "id") | ("parameter" | "parameters", _)
    );
    !name.starts_with(':') && !ours
}

fn unknown(inside: &str) -> String {
    let folded: String = inside
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase();
    let way_out = if folded.contains("region") {
        "a role is the same in every Region: write *, the Region itself, or a parameter".to_string()
    } else if folded.starts_with("param") || folded.starts_with("spec") {
        let name = inside.rsplit(['.', ':', ',']).next().unwrap_or_default().trim();
        let name = if is_name(name) { name } else { "NAME" };
        format!("write ${{parameter.{name}}}")
    } else if folded.contains("partition") {
        format!("write {}", Variable::Partition)
    } else if folded.contains("name") || folded.contains("alias") {
        format!("write {}", Variable::AccountName)
    } else if folded.contains("account") || folded.ends_with("id") {
        format!("write {}", Variable::AccountId)
    } else {
        format!(
            "crossrole has {}, {}, {} and ${{parameter.NAME}}; IAM's own have a colon, as ${{aws:username}}",
            Variable::AccountId,
            Variable::Partition,
            Variable::AccountName
        )
    };
    format!("${{{inside}}} is not known: {way_out}")
}
