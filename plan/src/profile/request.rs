//! What a profile makes the AWS CLI send, and which conditions that meets.
//!
//! Source of the keys: IAM User Guide, "AWS global condition context keys" and "IAM and AWS STS condition context keys".

use crossrole_iam::document::{Condition, Operator, OperatorFamily, OperatorName, Qualifier, moment};
use crossrole_iam::{AccountId, IamPrincipal, PrincipalArn, pattern};
use jiff::Timestamp;

use crate::access::matches_arn;
use crate::declaration::OrganizationId;

/// A call of `sts:AssumeRole`, as far as it is known.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) principal: Option<&'a PrincipalArn>,
    pub(super) account: &'a AccountId,
    pub(super) kind: Option<IamPrincipal>,
    pub(super) organization: Option<&'a OrganizationId>,
    pub(super) mfa: bool,
    pub(super) external_id: Option<&'a str>,
    /// Absent where the CLI makes one up.
    pub(super) session_name: Option<&'a str>,
    pub(super) now: Timestamp,
}

/// Whether conditions are met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Yes,
    No,
    Unknown,
}

impl Verdict {
    fn of(answer: bool) -> Self {
        if answer { Self::Yes } else { Self::No }
    }
}

/// A value of the request, or that the key is not in it.
type Value = Option<String>;

impl Request<'_> {
    /// Whether all of the conditions are met.
    pub(super) fn meets(&self, conditions: &[Condition]) -> Verdict {
        let verdicts: Vec<Verdict> = conditions.iter().map(|condition| self.meets_one(condition)).collect();
        if verdicts.contains(&Verdict::No) {
            Verdict::No
        } else if verdicts.contains(&Verdict::Unknown) {
            Verdict::Unknown
        } else {
            Verdict::Yes
        }
    }

    fn meets_one(&self, condition: &Condition) -> Verdict {
        let Some(possible) = self.possible(&condition.key.to_ascii_lowercase()) else {
            return Verdict::Unknown;
        };
        let mut verdicts = possible.iter().map(|value| self.compare(condition, value.as_deref()));
        let first = verdicts.next().unwrap_or(Verdict::Unknown);
        if verdicts.all(|other| other == first) {
            first
        } else {
            Verdict::Unknown
        }
    }

    /// What may stand under a key, in lower case; `None` where nobody knows.
    fn possible(&self, key: &str) -> Option<Vec<Value>> {
        let value = |text: &str| Some(vec![Some(text.to_string())]);
        let absent = || Some(vec![None]);
        match key {
            "aws:principalarn" => value(&self.principal?.to_string()),
            "aws:principalaccount" => value(self.account.as_str()),
            "aws:principaltype" => match self.kind? {
                IamPrincipal::User => value("User"),
                IamPrincipal::Role => value("AssumedRole"),
            },
            "aws:username" => match (self.kind?, self.principal) {
                (IamPrincipal::User, principal) => value(principal?.name()),
                (IamPrincipal::Role, _) => absent(),
            },
            "aws:principalorgid" => value(self.organization?.as_str()),
            "aws:multifactorauthpresent" if self.mfa => value("true"),
            // Long-term keys do not say it at all, sessions say no.
            "aws:multifactorauthpresent" => Some(vec![None, Some("false".into())]),
            "aws:multifactorauthage" if self.mfa => value("0"),
            "aws:multifactorauthage" => absent(),
            "sts:externalid" => Some(vec![self.external_id.map(str::to_string)]),
            "sts:rolesessionname" => value(self.session_name?),
            "sts:sourceidentity" | "aws:sourceaccount" | "aws:sourcearn" | "aws:federatedprovider" => absent(),
            "aws:currenttime" => value(&self.now.as_second().to_string()),
            "aws:epochtime" => value(&self.now.as_second().to_string()),
            "aws:securetransport" => value("true"),
            "aws:principalisawsservice" | "aws:viaawsservice" => value("false"),
            key if key == "aws:tagkeys" || key == "sts:transitivetagkeys" || key.starts_with("aws:requesttag/") => {
                // Tags of a role's session can go along by themselves.
                (self.kind? == IamPrincipal::User).then(|| vec![None])
            }
            _ => None,
        }
    }

    fn compare(&self, condition: &Condition, value: Option<&str>) -> Verdict {
        let Operator {
            qualifier,
            base,
            if_exists,
        } = condition.operator;
        let wanted = |text: &str| condition.values.iter().any(|one| one.eq_ignore_ascii_case(text));
        if base == OperatorName::Null {
            return Verdict::of(wanted(if value.is_none() { "true" } else { "false" }));
        }
        let Some(value) = value else {
            // Of no value at all everything holds.
            return Verdict::of(if_exists || base.is_negated() || qualifier == Some(Qualifier::ForAllValues));
        };
        let mut unknown = false;
        let matches = condition.values.iter().any(|one| match self.filled_pattern(one, base) {
            Some(one) => match equals(base, &one, value) {
                Some(answer) => answer,
                None => {
                    unknown = true;
                    false
                }
            },
            None => {
                unknown = true;
                false
            }
        });
        match (matches, unknown) {
            (true, _) => Verdict::of(!base.is_negated()),
            (false, true) => Verdict::Unknown,
            (false, false) => Verdict::of(base.is_negated()),
        }
    }

    /// A value without policy variables, where all are known.
    fn filled_pattern(&self, text: &str, operator: OperatorName) -> Option<String> {
        let replaces = matches!(operator.family(), OperatorFamily::String | OperatorFamily::Arn);
        if !replaces || !text.contains("${") {
            return Some(text.to_string());
        }
        let (before, rest) = text.split_once("${")?;
        let (variable, after) = rest.split_once('}')?;
        let known = variable.eq_ignore_ascii_case("aws:username");
        let user = self
            .principal
            .filter(|principal| principal.kind() == IamPrincipal::User)?;
        known.then(|| self.filled_pattern(&format!("{before}{}{after}", user.name()), operator))?
    }

    /// A value that means itself: without variables and without wildcards.
    pub(super) fn filled(&self, text: &str) -> Option<String> {
        self.filled_pattern(text, OperatorName::StringLike)
            .filter(|text| !text.contains(['*', '?']))
    }
}

/// Whether a value of the request is one that a value of the condition means; for a negated operator, whether it is the one
/// that is shut out. `None` where it cannot be decided.
fn equals(operator: OperatorName, wanted: &str, value: &str) -> Option<bool> {
    use OperatorName as Name;
    Some(match operator {
        Name::StringEquals | Name::StringNotEquals => wanted == value,
        Name::StringEqualsIgnoreCase | Name::StringNotEqualsIgnoreCase => wanted.eq_ignore_ascii_case(value),
        Name::StringLike | Name::StringNotLike => pattern::matches(wanted, value),
        Name::ArnEquals | Name::ArnLike | Name::ArnNotEquals | Name::ArnNotLike => matches_arn(wanted, value),
        Name::Bool => wanted.eq_ignore_ascii_case(value),
        _ => match operator.family() {
            OperatorFamily::Numeric => {
                let (wanted, value): (f64, f64) = (wanted.parse().ok()?, value.parse().ok()?);
                ordered(operator, value.partial_cmp(&wanted)?)?
            }
            OperatorFamily::Date => ordered(operator, time(value)?.cmp(&time(wanted)?))?,
            _ => return None,
        },
    })
}

fn ordered(operator: OperatorName, order: std::cmp::Ordering) -> Option<bool> {
    use OperatorName as Name;
    Some(match operator {
        Name::NumericEquals | Name::NumericNotEquals | Name::DateEquals | Name::DateNotEquals => order.is_eq(),
        Name::NumericLessThan | Name::DateLessThan => order.is_lt(),
        Name::NumericLessThanEquals | Name::DateLessThanEquals => order.is_le(),
        Name::NumericGreaterThan | Name::DateGreaterThan => order.is_gt(),
        Name::NumericGreaterThanEquals | Name::DateGreaterThanEquals => order.is_ge(),
        _ => return None,
    })
}

/// As a number that orders times.
fn time(text: &str) -> Option<(i64, bool)> {
    moment(text).map(|moment| (moment.seconds, !moment.is_whole))
}
