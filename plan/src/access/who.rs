//! Whom a statement of a trust policy speaks of, one by one.

use std::fmt;

use crossrole_iam::document::{Condition, OperatorName, PrincipalElement, Principals, Statement};
use crossrole_iam::pattern;

/// Somebody of whom a trust policy speaks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    /// Every principal of every AWS account.
    Anyone,
    /// Whomever an account allows.
    Account {
        /// Its id.
        id: String,
        /// Which of its principals.
        kind: Kind,
    },
    /// One user, role or session, by ARN.
    Principal(String),
    /// Users and roles whose ARNs match a pattern.
    Pattern(String),
    /// Whoever holds a permission set of IAM Identity Center.
    PermissionSet {
        /// The account in which it is held.
        account: String,
        /// Its name.
        name: String,
    },
    /// A user or role that was deleted, by its unique id. Nobody has it any more.
    Deleted(String),
    /// An AWS service.
    Service(String),
    /// Users of an identity provider, by the provider's ARN or domain.
    Provider(String),
    /// An account, by S3's name for it. Nobody assumes a role under it.
    CanonicalUser(String),
    /// Everybody but these.
    AllBut(Vec<String>),
}

/// Which principals of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Users and roles.
    Any,
    /// Users alone.
    Users,
    /// Roles alone.
    Roles,
}

/// The principals that a statement speaks of, each with the conditions that are left to say of it.
///
/// `aws:PrincipalArn` beside an account, or beside everybody, says who is meant; it becomes a part of [`Who`] where that
/// can be said, and stays a condition otherwise.
pub(super) fn of_statement(statement: &Statement) -> Vec<(Who, Vec<Condition>)> {
    let conditions = || statement.conditions.clone();
    let principals = match &statement.principal {
        Some(PrincipalElement::Principal(principals)) => principals,
        Some(PrincipalElement::NotPrincipal(principals)) => {
            return vec![(Who::AllBut(named(principals)), conditions())];
        }
        // A trust policy always has a principal.
        None => return vec![(Who::Anyone, conditions())],
    };
    let patterns = Patterns::of(statement);
    let mut found = Vec::new();
    if principals.anyone {
        found.extend(narrowed(None, patterns.as_ref(), statement));
    }
    for principal in &principals.aws {
        let account = match account_of(principal) {
            Some(account) => Some(account),
            None if principal == "*" => None,
            None => {
                let who = if is_unique_id(principal) {
                    Who::Deleted(principal.clone())
                } else {
                    Who::Principal(principal.clone())
                };
                found.push((who, conditions()));
                continue;
            }
        };
        found.extend(narrowed(account, patterns.as_ref(), statement));
    }
    let others = principals.service.iter().cloned().map(Who::Service);
    let others = others.chain(principals.federated.iter().cloned().map(Who::Provider));
    let others = others.chain(principals.canonical_user.iter().cloned().map(Who::CanonicalUser));
    found.extend(others.map(|who| (who, conditions())));
    found
}

/// An account, or everybody, narrowed by what `aws:PrincipalArn` must match.
fn narrowed(
    account: Option<&str>,
    patterns: Option<&Patterns<'_>>,
    statement: &Statement,
) -> Vec<(Who, Vec<Condition>)> {
    let matching: Vec<&str> = patterns.map_or_else(Vec::new, |patterns| patterns.of_account(account));
    if matching.is_empty() {
        let who = account.map_or(Who::Anyone, |id| Who::Account {
            id: id.to_string(),
            kind: Kind::Any,
        });
        return vec![(who, statement.conditions.clone())];
    }
    let rest = statement.conditions.iter().filter(|one| !one.is_about(PRINCIPAL_ARN));
    let rest: Vec<Condition> = rest.cloned().collect();
    let mut found: Vec<(Who, Vec<Condition>)> = Vec::new();
    for pattern in matching {
        let who = Who::of_pattern(pattern);
        if !found.iter().any(|(other, _)| *other == who) {
            found.push((who, rest.clone()));
        }
    }
    found
}

const PRINCIPAL_ARN: &str = "aws:PrincipalArn";

/// What the one condition on `aws:PrincipalArn` asks for.
struct Patterns<'a>(&'a Condition);

impl<'a> Patterns<'a> {
    /// Absent where there is no such condition, or one that does not say plainly who is meant.
    fn of(statement: &'a Statement) -> Option<Self> {
        let mut about = statement.conditions.iter().filter(|one| one.is_about(PRINCIPAL_ARN));
        let (Some(condition), None) = (about.next(), about.next()) else {
            return None;
        };
        let plain = condition.operator.proves() && condition.operator.qualifier.is_none();
        let is_pattern = |value: &String| is_plain_pattern(value, condition.operator.base);
        (plain && !condition.values.is_empty() && condition.values.iter().all(is_pattern)).then_some(Self(condition))
    }

    /// Those that principals of an account can match, or those of every account.
    fn of_account(&self, account: Option<&str>) -> Vec<&'a str> {
        let fits = |value: &&str| match (account, value.split(':').nth(4)) {
            (None, _) => true,
            (Some(id), Some(written)) => pattern::matches(written, id),
            (Some(_), None) => false,
        };
        self.0.values.iter().map(String::as_str).filter(fits).collect()
    }
}

/// Whether a value says by itself whose ARNs it matches: partition and service are literal, and so is the account for the
/// operators whose wildcards reach across colons.
fn is_plain_pattern(value: &str, operator: OperatorName) -> bool {
    let parts: Vec<&str> = value.splitn(6, ':').collect();
    let is_literal = |part: &str| !part.contains(['*', '?']);
    let [arn, partition, service, region, account, _] = parts.as_slice() else {
        return false;
    };
    let head = [arn, partition, service, region]
        .into_iter()
        .all(|part| is_literal(part));
    let fits = match operator {
        OperatorName::ArnLike | OperatorName::ArnEquals => true,
        OperatorName::StringLike => is_literal(account),
        OperatorName::StringEquals => is_literal(value),
        _ => false,
    };
    head && fits && *service == "iam" && !value.contains("${")
}

impl Who {
    fn of_pattern(pattern: &str) -> Self {
        if !pattern.contains(['*', '?']) {
            return Self::Principal(pattern.to_string());
        }
        let parts: Vec<&str> = pattern.splitn(6, ':').collect();
        let (account, resource) = match parts.as_slice() {
            [_, _, _, _, account, resource] if !account.contains(['*', '?']) => (*account, *resource),
            _ => return Self::Pattern(pattern.to_string()),
        };
        let of_account = |kind| Self::Account {
            id: account.to_string(),
            kind,
        };
        match (resource, permission_set(resource)) {
            ("user/*", _) => of_account(Kind::Users),
            ("role/*", _) => of_account(Kind::Roles),
            (_, Some(name)) => Self::PermissionSet {
                account: account.to_string(),
                name: name.to_string(),
            },
            _ => Self::Pattern(pattern.to_string()),
        }
    }

    /// The account that they belong to, where that is one.
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Account { id, .. } => Some(id),
            Self::PermissionSet { account, .. } => Some(account),
            Self::Principal(arn) | Self::Pattern(arn) => arn.split(':').nth(4).filter(|id| !id.contains(['*', '?'])),
            _ => None,
        }
    }

    /// Whether somebody who is asked for is among them: an account by its twelve digits, a user, role or session by its ARN,
    /// anybody else by the name that stands in the trust policy. Whoever may be among them is: of a session only the name of its
    /// role is known, and not the role's path.
    pub fn may_be(&self, asked: &str) -> bool {
        let asked_account = asked.split(':').nth(4);
        let is_arn = asked.starts_with("arn:");
        let is_id = asked.len() == 12 && asked.bytes().all(|byte| byte.is_ascii_digit());
        match self {
            Self::Anyone => is_arn || is_id,
            Self::AllBut(names) => (is_arn || is_id) && !names.iter().any(|name| name == asked),
            Self::Pattern(pattern) if is_id => {
                let written = pattern.split(':').nth(4).unwrap_or_default();
                pattern::matches(written, asked)
            }
            _ if is_id => self.account() == Some(asked),
            Self::Account { id, kind } => {
                let resource = resource(asked);
                asked_account == Some(id)
                    && match kind {
                        Kind::Any => true,
                        Kind::Users => resource.starts_with("user/"),
                        Kind::Roles => resource.starts_with("role/") || is_session(asked),
                    }
            }
            Self::PermissionSet { account, name } => {
                let start = format!("AWSReservedSSO_{name}_");
                let is_below = resource(asked).starts_with(PERMISSION_SETS) || is_session(asked);
                asked_account == Some(account)
                    && is_below
                    && role_name(asked).is_some_and(|role| role.starts_with(&start))
            }
            Self::Pattern(pattern) => matches_arn(pattern, asked) || may_match_session(pattern, asked),
            Self::Principal(name) => name == asked || is_session_of(name, asked) || is_session_of(asked, name),
            Self::Deleted(name) | Self::Service(name) | Self::Provider(name) | Self::CanonicalUser(name) => {
                name == asked
            }
        }
    }
}

/// What an ARN names in its account: `role/team/ci`.
pub(super) fn resource(arn: &str) -> &str {
    arn.splitn(6, ':').nth(5).unwrap_or_default()
}

/// The name of the role that an ARN is of, or of whose session it is. Source: IAM User Guide, "IAM identifiers": a session's ARN
/// holds the role's name, and not its path.
fn role_name(arn: &str) -> Option<&str> {
    match resource(arn).strip_prefix("assumed-role/") {
        Some(session) => session.split('/').next(),
        None => resource(arn).strip_prefix(ROLE)?.rsplit('/').next(),
    }
}

/// Whether an ARN is that of a role's session.
pub(crate) fn is_session(arn: &str) -> bool {
    resource(arn).starts_with("assumed-role/")
}

/// Whether one ARN can be that of a session of the role that another one is of.
fn is_session_of(session: &str, role: &str) -> bool {
    let of = |arn: &str| -> Option<(String, String)> {
        Some((arn.split(':').nth(4)?.to_string(), role_name(arn)?.to_string()))
    };
    is_session(session) && !is_session(role) && of(session).is_some_and(|one| of(role) == Some(one))
}

/// How what a role's ARN names begins.
const ROLE: &str = "role/";

/// Whether a pattern can match the role of a session, under some path.
fn may_match_session(pattern: &str, session: &str) -> bool {
    let parts = |arn: &str| arn.splitn(6, ':').map(str::to_string).collect::<Vec<String>>();
    let (written, asked) = (parts(pattern), parts(session));
    let ([_, partition, service, _, account, resource], [_, of, _, _, id, _]) = (written.as_slice(), asked.as_slice())
    else {
        return false;
    };
    let Some(name) = role_name(session).filter(|_| is_session(session)) else {
        return false;
    };
    let is_wild = |character: char| matches!(character, '*' | '?');
    let head = resource.split(is_wild).next().unwrap_or_default();
    let tail = resource.rsplit(is_wild).next().unwrap_or_default();
    // What stands before the first wildcard must begin as roles do, and what stands behind the last end as the name does.
    let begins = head.starts_with(ROLE) || ROLE.starts_with(head);
    let ends = match tail.rsplit_once('/') {
        Some((_, last)) => last == name,
        None => name.ends_with(tail),
    };
    pattern::matches(partition, of)
        && pattern::matches(service, "iam")
        && pattern::matches(account, id)
        && begins
        && ends
}

// Each of the six parts of an ARN is matched by itself: IAM User Guide, "IAM JSON policy elements: Condition operators"
// (ARN condition operators).
pub(crate) fn matches_arn(pattern: &str, arn: &str) -> bool {
    let (patterns, parts): (Vec<&str>, Vec<&str>) = (pattern.splitn(6, ':').collect(), arn.splitn(6, ':').collect());
    patterns.len() == 6
        && parts.len() == 6
        && patterns
            .iter()
            .zip(parts)
            .all(|(one, part)| pattern::matches(one, part))
}

/// Where IAM Identity Center puts its roles. Source: IAM Identity Center User Guide, "Referencing permission sets in
/// resource policies".
const PERMISSION_SETS: &str = "role/aws-reserved/sso.amazonaws.com/";

/// The name of the permission set whose roles a pattern matches, as [`crate::trust`] writes it.
pub(crate) fn permission_set(resource: &str) -> Option<&str> {
    let rest = resource.strip_prefix(PERMISSION_SETS)?;
    let rest = rest.strip_prefix("*/").unwrap_or(rest);
    let name = rest
        .strip_prefix("AWSReservedSSO_")?
        .strip_suffix("_????????????????")?;
    (!name.is_empty() && !name.contains(['*', '?', '/'])).then_some(name)
}

/// The account that a principal is: its id, or the ARN of its root.
pub(crate) fn account_of(principal: &str) -> Option<&str> {
    let is_id = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_id(principal) {
        return Some(principal);
    }
    let id = principal.strip_suffix(":root")?.rsplit(':').next()?;
    is_id(id).then_some(id)
}

fn is_unique_id(principal: &str) -> bool {
    !principal.contains(':') && (principal.starts_with("AIDA") || principal.starts_with("AROA"))
}

fn named(principals: &Principals) -> Vec<String> {
    let anyone = principals.anyone.then(|| "*".to_string());
    let lists = [
        &principals.aws,
        &principals.service,
        &principals.federated,
        &principals.canonical_user,
    ];
    anyone.into_iter().chain(lists.into_iter().flatten().cloned()).collect()
}

impl fmt::Display for Who {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anyone => formatter.write_str("everybody in AWS"),
            Self::Account { id, kind: Kind::Any } => write!(formatter, "account {id}"),
            Self::Account { id, kind: Kind::Users } => write!(formatter, "users of account {id}"),
            Self::Account { id, kind: Kind::Roles } => write!(formatter, "roles of account {id}"),
            Self::Principal(name) => formatter.write_str(name),
            Self::Pattern(pattern) => write!(formatter, "whoever matches {pattern}"),
            Self::PermissionSet { account, name } => write!(formatter, "permission set {name} in account {account}"),
            Self::Deleted(id) => write!(formatter, "{id}, which was deleted"),
            Self::Service(name) => write!(formatter, "service {name}"),
            Self::Provider(name) => write!(formatter, "identity provider {name}"),
            Self::CanonicalUser(id) => write!(formatter, "canonical user {id}"),
            Self::AllBut(names) => write!(formatter, "everybody but {}", names.join(", ")),
        }
    }
}
