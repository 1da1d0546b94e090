//! Whether a Deny concerns those whom an Allow lets in.

use crossrole_iam::pattern;

use super::who::resource;
use super::{ASSUME, Kind, Way, Who, matches_arn};

/// How many of some whom a statement names another one names too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All of them.
    All,
    /// Some, or it hangs on more than is known.
    Some,
    /// Nobody.
    None,
}

/// The Denies of a trust policy that may concern those whom an Allow lets in.
pub(super) struct Denial<'a> {
    who: &'a Who,
    concerning: Vec<(Reach, &'a Way)>,
}

impl<'a> Denial<'a> {
    /// `who`: those of the Allow.
    pub(super) fn of(denied: &'a [(Who, Vec<Way>)], who: &'a Who) -> Self {
        let concerning = denied
            .iter()
            .map(|(denied, ways)| (reach(denied, who), ways))
            .filter(|(reach, _)| *reach != Reach::None)
            .flat_map(|(reach, ways)| ways.iter().map(move |way| (reach, way)))
            .filter(|(_, way)| !way.actions.is_empty());
        Self {
            who,
            concerning: concerning.collect(),
        }
    }

    /// Whether one may keep some of them out, at some time, or from something.
    pub(super) fn is_possible(&self) -> bool {
        !self.concerning.is_empty()
    }

    /// Whether all of them are kept out for certain, as far as they come this way.
    pub(super) fn shuts(&self, way: &Way) -> bool {
        // The other two are for users of identity providers, who belong to no account. Source: AWS STS API Reference.
        let is_theirs = |action: &&&str| match self.who.account() {
            Some(_) => **action == "sts:AssumeRole",
            None => ASSUME.contains(*action),
        };
        let theirs: Vec<&&str> = way.actions.iter().filter(is_theirs).collect();
        !theirs.is_empty() && theirs.into_iter().all(|action| self.is_denied(action))
    }

    fn is_denied(&self, action: &str) -> bool {
        let mut concerning = self.concerning.iter();
        concerning
            .any(|(reach, way)| *reach == Reach::All && way.conditions.is_empty() && way.actions.contains(&action))
    }
}

/// How many of `who` are among `denied`.
///
/// A denied account is everybody in it, and a denied role all of its sessions. Sources: IAM User Guide, "AWS JSON policy elements:
/// Principal" and "AWS JSON policy elements: NotPrincipal".
pub(crate) fn reach(denied: &Who, who: &Who) -> Reach {
    if denied == who {
        return Reach::All;
    }
    match denied {
        Who::Anyone if is_of_aws(who) => Reach::All,
        Who::Anyone => Reach::Some,
        Who::AllBut(names) => all_but(names, who),
        Who::Account { id, kind } => match who.account() {
            Some(account) if account != id => Reach::None,
            Some(_) if *kind == Kind::Any => Reach::All,
            Some(_) => of_kind(*kind, who),
            None => some_if(matches!(who, Who::AllBut(_)) || (is_of_aws(who) && who.may_be(id))),
        },
        Who::Principal(arn) => match who {
            Who::Principal(_) | Who::Account { .. } | Who::Pattern(_) | Who::PermissionSet { .. } => {
                some_if(who.may_be(arn))
            }
            Who::AllBut(_) | Who::Anyone => Reach::Some,
            _ => Reach::None,
        },
        Who::Pattern(_) | Who::PermissionSet { .. } => match who {
            Who::Principal(arn) if !denied.may_be(arn) => Reach::None,
            Who::Principal(arn) if matches!(denied, Who::Pattern(pattern) if matches_arn(pattern, arn)) => Reach::All,
            _ => some_if(is_of_aws(who) && can_meet(denied, who)),
        },
        Who::Deleted(_) | Who::Service(_) | Who::Provider(_) | Who::CanonicalUser(_) => {
            some_if(matches!(who, Who::Anyone | Who::AllBut(_)))
        }
    }
}

fn some_if(is_possible: bool) -> Reach {
    if is_possible { Reach::Some } else { Reach::None }
}

/// Whether they come with credentials of an AWS account.
fn is_of_aws(who: &Who) -> bool {
    match who {
        Who::Anyone
        | Who::AllBut(_)
        | Who::Account { .. }
        | Who::Principal(_)
        | Who::Pattern(_)
        | Who::PermissionSet { .. } => true,
        Who::Deleted(_) | Who::Service(_) | Who::Provider(_) | Who::CanonicalUser(_) => false,
    }
}

// That a user or role is named among the exceptions does not always except it: its account, and a role's session, must be named
// beside it.
fn all_but(names: &[String], who: &Who) -> Reach {
    let account_of = |name: &String| match name.split(':').nth(4) {
        Some(account) => account.to_string(),
        None => name.clone(),
    };
    match who {
        Who::Service(name) | Who::Provider(name) if names.contains(name) => Reach::None,
        who => match who.account() {
            Some(account) if !names.iter().any(|name| name == "*" || account_of(name) == account) => Reach::All,
            _ => Reach::Some,
        },
    }
}

/// How many of some of an account are users, or roles.
fn of_kind(kind: Kind, who: &Who) -> Reach {
    let theirs = match who {
        Who::Account { kind, .. } => Some(*kind),
        Who::PermissionSet { .. } => Some(Kind::Roles),
        Who::Principal(arn) | Who::Pattern(arn) => kind_of(resource(arn)),
        _ => None,
    };
    match theirs {
        Some(theirs) if theirs == kind => Reach::All,
        None | Some(Kind::Any) => Reach::Some,
        Some(_) => Reach::None,
    }
}

fn kind_of(resource: &str) -> Option<Kind> {
    match resource.split_once('/')?.0 {
        "user" => Some(Kind::Users),
        "role" | "assumed-role" => Some(Kind::Roles),
        _ => None,
    }
}

/// Whether somebody may be among both.
fn can_meet(one: &Who, other: &Who) -> bool {
    let kind = |who: &Who| match who {
        Who::Account { kind, .. } => (*kind != Kind::Any).then_some(*kind),
        Who::PermissionSet { .. } => Some(Kind::Roles),
        Who::Principal(arn) | Who::Pattern(arn) => kind_of(resource(arn)),
        _ => None,
    };
    let differ =
        |one: Option<Kind>, other: Option<Kind>| matches!((one, other), (Some(one), Some(other)) if one != other);
    if differ(kind(one), kind(other)) || matches!((one, other), (Who::PermissionSet { .. }, Who::PermissionSet { .. }))
    {
        return false;
    }
    match (one.account(), other.account()) {
        (Some(one), Some(other)) => one == other,
        (Some(id), None) => account_pattern(other).is_none_or(|written| pattern::matches(written, id)),
        (None, Some(id)) => account_pattern(one).is_none_or(|written| pattern::matches(written, id)),
        (None, None) => true,
    }
}

fn account_pattern(who: &Who) -> Option<&str> {
    match who {
        Who::Pattern(pattern) => pattern.split(':').nth(4),
        _ => None,
    }
}
