//! Lists and the texts in them.

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::str::FromStr;

use crossrole_iam::document::address_range;

use super::Entry;
use crate::refusal::Refusal;
use crate::substitute::problem_without_ours;

/// The id of an organisation of AWS Organizations: `o-` and 10 to 32 lower-case letters and digits.
///
/// Source: AWS Organizations API Reference, `Organization` (`Id`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrganizationId(String);

impl OrganizationId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for OrganizationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for OrganizationId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = text.strip_prefix("o-").is_some_and(|rest| {
            (10..=32).contains(&rest.len())
                && rest
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
        if fits {
            Ok(Self(text.to_string()))
        } else {
            Err(format!(
                "organisation id {text:?} must be o- and 10 to 32 lower-case letters and digits, such as o-a1b2c3d4e5"
            ))
        }
    }
}

/// Reads every text of a list, none of them twice.
pub(super) fn list<Item: Ord, Problem: Display>(
    entry: &Entry<'_>,
    field: &str,
    texts: &[String],
    parse: impl Fn(&str) -> Result<Item, Problem>,
) -> Result<BTreeSet<Item>, Refusal> {
    let mut items = BTreeSet::new();
    for text in texts {
        match parse(text) {
            Err(problem) => return entry.refuse(field, problem.to_string()),
            Ok(item) => {
                if !items.insert(item) {
                    return entry.refuse(field, format!("{text:?} is there twice"));
                }
            }
        }
    }
    Ok(items)
}

/// Whether a text holds one of IAM's wildcards, or a policy variable.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?']) || text.contains("${")
}

/// A pattern of session names or source identities: what AWS STS takes as such, wildcards, and policy variables.
///
/// Source: AWS STS API Reference, `AssumeRole` (`RoleSessionName`, `SourceIdentity`: 2 to 64 characters).
pub(super) fn name_pattern(text: &str, what: &str) -> Result<String, String> {
    if let Some(problem) = problem_without_ours(text) {
        return Err(problem);
    }
    let mut literal = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        literal.push_str(before);
        rest = after
            .split_once('}')
            .map(|(_, after)| after)
            .ok_or_else(|| format!("the policy variable in {text:?} is not closed; add }}"))?;
    }
    literal.push_str(rest);
    let fits = |character: char| character.is_ascii_alphanumeric() || "_+=,.@-*?".contains(character);
    if let Some(character) = literal.chars().find(|character| !fits(*character)) {
        return Err(format!(
            "{what} {text:?} has the character {character:?}; AWS takes letters, digits and _+=,.@-, and * and ? stand for others"
        ));
    }
    if !is_pattern(text) && !(2..=64).contains(&text.len()) {
        return Err(format!("{what} {text:?} can never be: it has 2 to 64 characters"));
    }
    Ok(text.to_string())
}

/// An address range: `203.0.113.0/24`, `2001:db8::/32`, or one address.
///
/// One that is wider than any network is refused: two halves of all addresses require as little as the whole. Nobody holds
/// more than a /8 of IPv4, or than a /16 of IPv6. Sources: IANA IPv4 Address Space Registry; RFC 6177.
pub(super) fn cidr(text: &str) -> Result<String, String> {
    let (address, length) = address_range(text).ok_or_else(|| {
        format!("{text:?} is not an address range: write one such as 203.0.113.0/24 or 2001:db8::/32")
    })?;
    let widest = if address.is_ipv4() { 8 } else { 16 };
    if length == 0 {
        return Err(format!("{text:?} is every address, so it requires nothing: remove it"));
    }
    if length < widest {
        return Err(format!(
            "{text:?} is wider than any network: write a /{widest} or narrower"
        ));
    }
    Ok(format!("{address}/{length}"))
}
