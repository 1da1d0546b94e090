//! What an account holds after a [`Change`]: the laws are judged by it, and the operator takes it for true until IAM
//! shows its own writes everywhere. What IAM refuses is refused here.
//!
//! Sources: IAM API Reference, the page of each call; IAM User Guide, "IAM and AWS STS quotas".

use std::collections::{BTreeMap, BTreeSet};

use crossrole_iam::RoleName;
use crossrole_iam::document::{Document, DocumentKind};
use crossrole_iam::quota;

use crate::change::{Change, NewRole};
use crate::observed::{Observed, ObservedDocument, ObservedRole};

/// The unique id of a role that is made here; IAM gives another.
pub const NEW_ID: &str = "AROANEWNEWNEWNEWNEWNE";

/// How IAM refuses a call: its error code, and what about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused(pub &'static str, pub String);

fn refuse(code: &'static str, what: impl Into<String>) -> Result<(), Refused> {
    Err(Refused(code, what.into()))
}

/// What an account holds after these calls.
///
/// # Errors
/// The first call that IAM would refuse.
pub fn apply_all<'a>(
    changes: impl IntoIterator<Item = &'a Change>,
    name: &RoleName,
    observed: &Observed,
) -> Result<Observed, Refused> {
    changes
        .into_iter()
        .try_fold(observed.clone(), |state, change| apply(change, name, &state))
}

/// What an account holds after one call.
///
/// # Errors
/// When IAM would refuse the call.
pub fn apply(change: &Change, name: &RoleName, observed: &Observed) -> Result<Observed, Refused> {
    match (change, observed) {
        (Change::CreateRole(new), Observed::Absent) => create(new, name),
        (Change::CreateRole(_), Observed::Present(_)) => Err(Refused("EntityAlreadyExists", name.to_string())),
        (_, Observed::Absent) => Err(Refused("NoSuchEntity", format!("no role {name}"))),
        (Change::DeleteRole, Observed::Present(role)) => {
            let free = role.attached.is_empty() && role.inline.is_empty() && role.instance_profiles.is_empty();
            if free {
                Ok(Observed::Absent)
            } else {
                Err(Refused("DeleteConflict", name.to_string()))
            }
        }
        (change, Observed::Present(role)) => {
            let mut role = role.clone();
            write(change, &mut role)?;
            Ok(Observed::Present(role))
        }
    }
}

fn create(new: &NewRole, name: &RoleName) -> Result<Observed, Refused> {
    check_trust(&new.trust)?;
    check_session(new.max_session)?;
    let mut role = ObservedRole {
        arn: format!("arn:aws:iam::222222222222:role{}{name}", new.path),
        id: NEW_ID.into(),
        path: new.path.to_string(),
        trust: ObservedDocument::Parsed(new.trust.clone()),
        description: new.description.clone(),
        max_session: new.max_session,
        boundary: new.boundary.clone(),
        tags: BTreeMap::new(),
        attached: BTreeSet::new(),
        inline: BTreeMap::new(),
        instance_profiles: BTreeSet::new(),
    };
    tag(&mut role, &new.tags)?;
    Ok(Observed::Present(Box::new(role)))
}

fn write(change: &Change, role: &mut ObservedRole) -> Result<(), Refused> {
    match change {
        // Not writes to a role that is there.
        Change::CreateRole(_) | Change::DeleteRole => {}
        Change::UpdateTrust { document, .. } => {
            check_trust(document)?;
            role.trust = ObservedDocument::Parsed(document.clone());
        }
        Change::UpdateRole {
            description,
            max_session,
        } => {
            check_session(*max_session)?;
            role.description.clone_from(description);
            role.max_session = *max_session;
        }
        Change::PutBoundary(arn) => role.boundary = Some(arn.clone()),
        Change::DeleteBoundary => {
            if role.boundary.take().is_none() {
                return refuse("NoSuchEntity", "no boundary");
            }
        }
        Change::Attach(arn) => {
            role.attached.insert(arn.clone());
            if role.attached.len() > quota::ROLE_MANAGED_POLICIES {
                return refuse("LimitExceeded", format!("{} attached policies", role.attached.len()));
            }
        }
        Change::Detach(arn) => {
            if !role.attached.remove(arn) {
                return refuse("NoSuchEntity", format!("{arn} is not attached"));
            }
        }
        Change::PutInline { name, document } => {
            role.inline
                .insert(name.clone(), ObservedDocument::Parsed(document.clone()));
            let total: usize = role.inline.values().map(ObservedDocument::size).sum();
            if total > quota::ROLE_INLINE_POLICIES_SIZE {
                return refuse("LimitExceeded", format!("{total} characters of inline policies"));
            }
        }
        Change::DeleteInline(name) => {
            if role.inline.remove(name).is_none() {
                return refuse("NoSuchEntity", format!("no inline policy {name}"));
            }
        }
        Change::Tag(tags) => tag(role, tags)?,
        Change::Untag(keys) => {
            if keys.is_empty() {
                return refuse("ValidationError", "no tag keys");
            }
            role.tags
                .retain(|key, _| !keys.iter().any(|gone| gone.eq_ignore_ascii_case(key)));
        }
        Change::LeaveInstanceProfile(name) => {
            if !role.instance_profiles.remove(name) {
                return refuse("NoSuchEntity", format!("not in instance profile {name}"));
            }
        }
    }
    Ok(())
}

// IAM does not tell tag keys apart by case: a key that is there in another case is replaced.
fn tag(role: &mut ObservedRole, tags: &BTreeMap<String, String>) -> Result<(), Refused> {
    if tags.is_empty() {
        return refuse("ValidationError", "no tags");
    }
    role.tags
        .retain(|key, _| !tags.keys().any(|new| new.eq_ignore_ascii_case(key)));
    role.tags.extend(tags.clone());
    // Tags that AWS itself puts on do not count.
    let count = role.tags.keys().filter(|key| !key.starts_with("aws:")).count();
    if count > quota::ROLE_TAGS {
        refuse("LimitExceeded", format!("{count} tags"))
    } else {
        Ok(())
    }
}

fn check_session(seconds: u32) -> Result<(), Refused> {
    if quota::is_max_session_duration(seconds) {
        Ok(())
    } else {
        refuse("ValidationError", format!("{seconds} s"))
    }
}

fn check_trust(document: &Document) -> Result<(), Refused> {
    // IAM shows the unique id of a principal that was deleted, and takes no document that names one.
    if let Some(id) = document.dead_principals().first() {
        return refuse("MalformedPolicyDocument", format!("Invalid principal in policy: {id}"));
    }
    if let Err(error) = document.check(DocumentKind::Trust) {
        return refuse("MalformedPolicyDocument", error.to_string());
    }
    if document.size() > quota::TRUST_POLICY_SIZE {
        return refuse(
            "LimitExceeded",
            format!("{} characters of trust policy", document.size()),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::TrustStep;
    use crate::testing::{held, policy_of_size};

    fn after(changes: &[Change], role: ObservedRole) -> Result<Observed, Refused> {
        let name = "audit".parse().unwrap();
        apply_all(changes, &name, &Observed::Present(Box::new(role)))
    }

    #[test]
    fn a_quota_is_what_a_role_may_have_and_not_one_more() {
        let limited = |what: &str| Err(Refused("LimitExceeded", what.into()));
        let put = |size: usize| Change::PutInline {
            name: "a".parse().unwrap(),
            document: policy_of_size(size),
        };
        assert!(after(&[put(10_240)], held("")).is_ok());
        assert_eq!(
            after(&[put(10_241)], held("")),
            limited("10241 characters of inline policies")
        );
        let trust = |size: usize| {
            let of = |length: usize| {
                let text = format!(
                    r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"111111111111"}},"Action":"sts:AssumeRole","Condition":{{"StringEquals":{{"sts:ExternalId":"{}"}}}}}}]}}"#,
                    "x".repeat(length)
                );
                Document::parse(&text, DocumentKind::Trust).unwrap()
            };
            Change::UpdateTrust {
                document: of(2 + size - of(2).size()),
                step: TrustStep::Declared,
            }
        };
        assert!(after(&[trust(2_048)], held("")).is_ok());
        assert_eq!(
            after(&[trust(2_049)], held("")),
            limited("2049 characters of trust policy")
        );
        let attach = |count: usize| -> Vec<Change> {
            let arn = |number| format!("arn:aws:iam::aws:policy/P{number}").parse().unwrap();
            (0..count).map(|number| Change::Attach(arn(number))).collect()
        };
        assert!(after(&attach(10), held("")).is_ok());
        assert_eq!(after(&attach(11), held("")), limited("11 attached policies"));
        let ours = held("").tags.len();
        let tag = |count: usize| {
            let tags = (ours..count).map(|number| (format!("t{number}"), String::new()));
            Change::Tag(tags.collect())
        };
        assert!(after(&[tag(50)], held("")).is_ok());
        assert_eq!(after(&[tag(51)], held("")), limited("51 tags"));
    }
}
