//! What an account holds after a [`Change`]: the laws are judged by it, and the operator takes it for true until IAM
//! shows its own writes everywhere. What IAM refuses is refused here; quotas are the account's, so they are passed in.
//!
//! Sources: IAM API Reference, the page of each call; IAM User Guide, "IAM and AWS STS quotas".

use std::collections::{BTreeMap, BTreeSet};

use crossrole_iam::RoleName;
use crossrole_iam::document::{Document, DocumentKind};
use crossrole_iam::quota::is_max_session_duration;

use crate::change::{Change, NewRole};
use crate::observed::{Dates, Observed, ObservedDocument, ObservedRole};
use crate::quota::Quotas;

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
    quotas: &Quotas,
) -> Result<Observed, Refused> {
    changes
        .into_iter()
        .try_fold(observed.clone(), |state, change| apply(change, name, &state, quotas))
}

/// What an account holds after one call. A role that is made has no ARN and no unique id yet: those are IAM's to give.
///
/// # Errors
/// When IAM would refuse the call.
pub fn apply(change: &Change, name: &RoleName, observed: &Observed, quotas: &Quotas) -> Result<Observed, Refused> {
    match (change, observed) {
        (Change::CreateRole(new), Observed::Absent) => create(new, quotas),
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
            write(change, &mut role, quotas)?;
            Ok(Observed::Present(role))
        }
    }
}

fn create(new: &NewRole, quotas: &Quotas) -> Result<Observed, Refused> {
    check_trust(&new.trust, quotas)?;
    check_session(new.max_session)?;
    let mut role = ObservedRole {
        arn: String::new(),
        id: String::new(),
        dates: Dates::default(),
        path: new.path.to_string(),
        trust: ObservedDocument::of(new.trust.clone()),
        description: new.description.clone(),
        max_session: new.max_session,
        boundary: new.boundary.clone(),
        tags: BTreeMap::new(),
        attached: BTreeSet::new(),
        inline: BTreeMap::new(),
        instance_profiles: BTreeSet::new(),
    };
    tag(&mut role, &new.tags, quotas)?;
    Ok(Observed::Present(Box::new(role)))
}

fn write(change: &Change, role: &mut ObservedRole, quotas: &Quotas) -> Result<(), Refused> {
    match change {
        // Not writes to a role that is there.
        Change::CreateRole(_) | Change::DeleteRole => {}
        Change::UpdateTrust { document, .. } => {
            check_trust(document, quotas)?;
            role.trust = ObservedDocument::of(document.clone());
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
            if role.attached.len() > quotas.attached_policies {
                return refuse("LimitExceeded", format!("{} attached policies", role.attached.len()));
            }
        }
        Change::Detach(arn) => {
            if !role.attached.remove(arn) {
                return refuse("NoSuchEntity", format!("{arn} is not attached"));
            }
        }
        Change::PutInline { name, document } => {
            role.inline.insert(name.clone(), ObservedDocument::of(document.clone()));
            let total: usize = role.inline.values().map(ObservedDocument::size).sum();
            if total > quotas.inline_total {
                return refuse("LimitExceeded", format!("{total} characters of inline policies"));
            }
        }
        Change::DeleteInline(name) => {
            if role.inline.remove(name).is_none() {
                return refuse("NoSuchEntity", format!("no inline policy {name}"));
            }
        }
        Change::Tag(tags) => tag(role, tags, quotas)?,
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
fn tag(role: &mut ObservedRole, tags: &BTreeMap<String, String>, quotas: &Quotas) -> Result<(), Refused> {
    if tags.is_empty() {
        return refuse("ValidationError", "no tags");
    }
    role.tags
        .retain(|key, _| !tags.keys().any(|new| new.eq_ignore_ascii_case(key)));
    role.tags.extend(tags.clone());
    // Tags that AWS itself puts on do not count.
    let count = role.tags.keys().filter(|key| !key.starts_with("aws:")).count();
    if count > quotas.tags {
        refuse("LimitExceeded", format!("{count} tags"))
    } else {
        Ok(())
    }
}

fn check_session(seconds: u32) -> Result<(), Refused> {
    if is_max_session_duration(seconds) {
        Ok(())
    } else {
        refuse("ValidationError", format!("{seconds} s"))
    }
}

fn check_trust(document: &Document, quotas: &Quotas) -> Result<(), Refused> {
    // IAM shows the unique id of a principal that was deleted, and takes no document that names one.
    if let Some(id) = document.dead_principals().first() {
        return refuse("MalformedPolicyDocument", format!("Invalid principal in policy: {id}"));
    }
    if let Err(error) = document.check(DocumentKind::Trust) {
        return refuse("MalformedPolicyDocument", error.to_string());
    }
    if document.size() > quotas.trust_policy_size {
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
        apply_all(changes, &name, &Observed::Present(Box::new(role)), &Quotas::default())
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

    #[test]
    fn what_a_raised_quota_lets_an_account_hold_is_held() {
        let name = "audit".parse().unwrap();
        let observed = Observed::Present(Box::new(held("")));
        let long = (0..30).map(|number| format!("arn:aws:iam::111111111111:role/{number}-{}", "x".repeat(60)));
        let principal = long.map(|arn| format!("{arn:?}")).collect::<Vec<_>>().join(",");
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":[{principal}]}},"Action":"sts:AssumeRole"}}]}}"#
        );
        let document = Document::parse(&text, DocumentKind::Trust).unwrap();
        assert!((2_049..4_096).contains(&document.size()), "{}", document.size());
        let step = crate::change::TrustStep::Declared;
        let change = [Change::UpdateTrust { document, step }];
        let with = |quotas| apply_all(&change, &name, &observed, &quotas).is_ok();
        assert!(with(Quotas::raised()));
        assert!(!with(Quotas::default()));
    }
}
