//! What ends access to a role although its object is refused.
//!
//! Guardrails, quotas and validation judge what a plan adds. Closing and revoking take away, so they run even where the
//! object, as it is, can mean no role at all; and a class can want roles closed that it no longer allows.

use crossrole_api::names::REVOKE_OLDER_SESSIONS_POLICY;
use crossrole_iam::document::Document;
use crossrole_iam::{Arn, PolicyName, RoleName};

use crate::change::{Change, Plan};
use crate::decide::Known;
use crate::diff;
use crate::guard::{self, Judge};
use crate::lifecycle::{self, Lifecycle};
use crate::observed::{Observed, ObservedDocument, ObservedRole};
use crate::owner::Owner;
use crate::revocation;

/// What may have to be ended of one role.
#[derive(Clone, Debug)]
pub struct Ending {
    /// The role.
    pub role: RoleName,
    /// Whose it must be.
    pub owner: Owner,
    /// The boundary that the class forces: without it the bootstrap role may write no denial.
    pub boundary: Option<Arn>,
    /// What the object says of closing and revoking, as far as it can be read.
    pub lifecycle: Lifecycle,
    /// Who judges whether the class would still allow the role that is there; absent where it is to stay either way.
    pub judge: Option<Judge>,
}

impl Ending {
    /// The changes that end what is to be ended, and nothing else. A role that is not ours is left alone.
    pub fn plan(&self, observed: &Observed, known: &Known<'_>) -> Plan {
        let ours = self.owner.own(observed, known.seen_id);
        Plan {
            role: self.role.clone(),
            changes: ours.map(|role| self.changes(role, known)).unwrap_or_default(),
        }
    }

    fn changes(&self, role: &ObservedRole, known: &Known<'_>) -> Vec<Change> {
        let mut changes = Vec::new();
        if self.lifecycle.is_closed(known.now) || self.is_forbidden(role, known) {
            changes = diff::close(role, &self.owner, self.boundary.as_ref());
        }
        let found = role
            .inline
            .iter()
            .find(|(name, _)| name.as_str() == REVOKE_OLDER_SESSIONS_POLICY)
            .map(|(_, document)| document);
        let wanted = self.lifecycle.revocation_due(known.now);
        let revoking = wanted.and_then(|wanted| revocation::policy(found, Some(wanted), known.now));
        changes.extend(revoking.and_then(|document| put_unless_there(found, document)));
        changes
    }

    /// Whether the class no longer allows the role. One that was closed for that stays closed.
    fn is_forbidden(&self, role: &ObservedRole, known: &Known<'_>) -> bool {
        self.judge.as_ref().is_some_and(|judge| {
            let refused = judge.allows(&self.role, &self.owner, role).err();
            let forbidden = refused.is_some_and(|refusal| guard::is_violation(refusal.reason));
            forbidden || lifecycle::looks_closed(role, known.now)
        })
    }
}

fn put_unless_there(found: Option<&ObservedDocument>, document: Document) -> Option<Change> {
    let name: PolicyName = REVOKE_OLDER_SESSIONS_POLICY.parse().ok()?;
    let is_there = found.is_some_and(|found| found.means(&document));
    (!is_there).then_some(Change::PutInline { name, document })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CLUSTER, account, declaration, held, role, rules};

    const NOW: &str = "2026-11-23T12:00:00Z";

    fn ending(spec: &str, class: Option<&[(&str, &str)]>) -> Ending {
        let declaration = declaration("");
        Ending {
            role: declaration.role_name,
            owner: Owner {
                cluster: CLUSTER.into(),
                object: declaration.object,
                predecessor: None,
            },
            boundary: None,
            lifecycle: Lifecycle::of_ending(&role(spec).spec),
            judge: class.map(|replaced| Judge {
                account: account(),
                rules: rules(replaced).unwrap(),
                namespace_labels: Default::default(),
                hub_role: None,
            }),
        }
    }

    fn planned(ending: &Ending, held: ObservedRole) -> Vec<String> {
        let known = Known {
            now: NOW.parse().unwrap(),
            ..Known::default()
        };
        let plan = ending.plan(&Observed::Present(Box::new(held)), &known);
        plan.changes.iter().map(Change::summary).collect()
    }

    #[test]
    fn what_ends_access_is_done_and_nothing_else() {
        let closed = ["set the trust policy", "put inline policy crossrole-closed"];
        let revoked = ["put inline policy AWSRevokeOlderSessions"];
        let narrow: &[(&str, &str)] = &[("accounts: ['111111111111'], ", "")];
        for (what, spec, class, expected) in [
            ("nothing of it is asked for", "", None, &[][..]),
            ("closed by declaration", "access: Closed", None, &closed[..]),
            (
                "closed although another field is none",
                "access: Closed\nvalidity: {notBefore: nonsense}",
                None,
                &closed[..],
            ),
            (
                "its time is over",
                "validity: {notAfter: '2026-11-23T11:59:59Z'}",
                None,
                &closed[..],
            ),
            (
                "its time is not over",
                "validity: {notAfter: '2026-11-23T12:00:01Z'}",
                None,
                &[][..],
            ),
            (
                "sessions are revoked",
                "sessions: {revokeIssuedBefore: '2026-11-23T11:00:00Z'}",
                None,
                &revoked[..],
            ),
            (
                "a revocation too far ahead is a slip",
                "sessions: {revokeIssuedBefore: '2026-11-23T13:00:00Z'}",
                None,
                &[][..],
            ),
            ("the class allows the role that is there", "", Some(&[][..]), &[][..]),
            ("the class no longer allows it", "", Some(narrow), &closed[..]),
        ] {
            assert_eq!(planned(&ending(spec, class), held("")), expected, "{what}");
        }
    }

    #[test]
    fn a_role_that_was_closed_stays_closed_and_one_of_somebody_else_is_left_alone() {
        let ending = ending("", Some(&[]));
        let mut opened = held("access: Closed");
        opened.inline.insert(
            lifecycle::CLOSED_POLICY.parse().unwrap(),
            ObservedDocument::Parsed(lifecycle::closing()),
        );
        assert_eq!(
            planned(&ending, opened.clone()),
            ["set the trust policy"],
            "opened by hand"
        );
        opened.tags.clear();
        assert!(planned(&ending, opened).is_empty());
    }

    #[test]
    fn a_role_that_is_never_touched_is_not_closed_whatever_else_forbids_it() {
        let elsewhere: &[(&str, &str)] = &[("names: [security]", "names: [other]")];
        let mut ending = ending("", Some(elsewhere));
        assert_eq!(
            planned(&ending, held("")),
            ["set the trust policy", "put inline policy crossrole-closed"]
        );
        ending.role = "crossrole-bootstrap".parse().unwrap();
        assert!(planned(&ending, held("")).is_empty());
    }

    #[test]
    fn what_cannot_be_read_may_be_anything_and_our_own_denials_are_never_a_violation() {
        let class: &[(&str, &str)] = &[("  inlinePolicies: {denyActions: ['iam:*']}\n", "")];
        let ending = ending("", Some(class));
        let mut denied = held("");
        denied.inline.insert(
            "deny-all".parse().unwrap(),
            ObservedDocument::Parsed(lifecycle::closing()),
        );
        assert!(planned(&ending, denied).is_empty());
        let mut unreadable = held("");
        unreadable.inline.insert(
            "x".parse().unwrap(),
            ObservedDocument::Unreadable {
                text: "{".into(),
                problem: "ends too soon".into(),
            },
        );
        assert!(!planned(&ending, unreadable).is_empty());
    }
}
