//! What ends access to a role although its object is refused.
//!
//! Guardrails, quotas and validation judge what a plan adds. Closing and revoking take away, so they run even where the
//! object, as it is, can mean no role at all; and a class can want roles closed that it no longer allows.

use crossrole_api::names::REVOKE_OLDER_SESSIONS_POLICY;
use crossrole_iam::{Arn, RoleName};

use crate::change::{Change, Plan};
use crate::decide::Known;
use crate::desired::Desired;
use crate::diff;
use crate::effect;
use crate::guard::{Judge, Judgement};
use crate::lifecycle::{self, Lifecycle};
use crate::observed::{Observed, ObservedRole};
use crate::owner::Owner;
use crate::quota::Quotas;
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
    /// The changes that end what is to be ended, and nothing else. A role that is not ours is left alone. `declared` is what
    /// the object means in this account, where it can be read.
    pub fn plan(&self, declared: Option<&Desired>, observed: &Observed, known: &Known<'_>) -> Plan {
        self.plan_of(observed, known, |role| self.changes(declared, role, known))
    }

    /// The changes that close the role, whether that is asked for or not. A role that is not ours is left alone.
    pub fn closing(&self, observed: &Observed, known: &Known<'_>) -> Plan {
        self.plan_of(observed, known, |role| self.close(role))
    }

    /// Only what the object itself asks for.
    #[must_use]
    pub fn without_judge(&self) -> Self {
        Self {
            judge: None,
            ..self.clone()
        }
    }

    fn plan_of(
        &self,
        observed: &Observed,
        known: &Known<'_>,
        changes: impl FnOnce(&ObservedRole) -> Vec<Change>,
    ) -> Plan {
        let ours = self.owner.own(observed, known.seen_id);
        Plan {
            role: self.role.clone(),
            changes: ours.map(changes).unwrap_or_default(),
        }
    }

    fn close(&self, role: &ObservedRole) -> Vec<Change> {
        diff::close(role, &self.owner, self.boundary.as_ref())
    }

    fn changes(&self, declared: Option<&Desired>, role: &ObservedRole, known: &Known<'_>) -> Vec<Change> {
        let judgement = || match &self.judge {
            None => Judgement::Stays(Vec::new()),
            // One that was closed for what the class forbids stays closed.
            Some(_) if lifecycle::looks_closed(role, known.now) => Judgement::Forbidden,
            Some(judge) => judge.judge(&self.role, &self.owner, role, declared),
        };
        let (closes, mut changes) = match self.lifecycle.is_closed(known.now) {
            true => (true, self.close(role)),
            false => match judgement() {
                Judgement::Forbidden => (true, self.close(role)),
                Judgement::Stays(surplus) => (false, surplus),
            },
        };
        let before = Observed::Present(Box::new(role.clone()));
        let after = match effect::apply_all(&changes, &self.role, &before, &Quotas::raised()) {
            Ok(Observed::Present(after)) => *after,
            _ => role.clone(),
        };
        changes.extend(self.revoke(&after, closes, known));
        changes
    }

    fn revoke(&self, role: &ObservedRole, closes: bool, known: &Known<'_>) -> Vec<Change> {
        let wanted = self.lifecycle.revocation_due(known.now);
        let found = lifecycle::inline(role, REVOKE_OLDER_SESSIONS_POLICY);
        let document = wanted.and_then(|wanted| revocation::policy(found, Some(wanted), known.now));
        match (document, REVOKE_OLDER_SESSIONS_POLICY.parse()) {
            (Some(document), Ok(name)) => diff::deny(role, name, document, self.boundary.as_ref(), closes),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crossrole_iam::document::{DocumentKind, PrincipalElement, Principals};

    use super::*;
    use crate::observed::ObservedDocument;
    use crate::testing::{CLUSTER, account, declaration, desired, held, role, rules};

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
        planned_where(ending, held, None)
    }

    /// What is planned of a refused object that means this here.
    fn planned_where(ending: &Ending, held: ObservedRole, declared: Option<&Desired>) -> Vec<String> {
        let known = Known {
            now: NOW.parse().unwrap(),
            ..Known::default()
        };
        let plan = ending.plan(declared, &Observed::Present(Box::new(held)), &known);
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

    #[test]
    fn what_somebody_else_put_on_a_role_never_closes_it() {
        const DEAD: &str = "AIDADEADDEADDEADDEADD";
        let class: &[(&str, &str)] = &[
            ("aws: ['*'], account: ['*']", "aws: [SecurityAudit]"),
            ("tagKeys: ['*']", "tagKeys: [team]"),
        ];
        let ending = ending("", Some(class));
        let mut drifted = held("tags: {team: security}");
        let ObservedDocument::Parsed(trust) = &mut drifted.trust else {
            unreachable!()
        };
        let mut dead = trust.statements[0].clone();
        dead.principal = Some(PrincipalElement::Principal(Principals::aws([DEAD])));
        trust.statements.push(dead);
        assert!(planned(&ending, drifted.clone()).is_empty(), "a user was deleted");

        drifted.tags.insert("Boss".into(), "me".into());
        drifted
            .attached
            .insert("arn:aws:iam::aws:policy/AdministratorAccess".parse().unwrap());
        drifted
            .attached
            .insert("arn:aws:iam::aws:policy/SecurityAudit".parse().unwrap());
        let allow = |statements: &str| {
            let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#);
            ObservedDocument::parse_encoded(&text, DocumentKind::Permission)
        };
        let escalates = r#"{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}"#;
        drifted.inline.insert("mine".parse().unwrap(), allow(escalates));
        drifted.max_session = 43_200;
        let said = planned(&ending, drifted.clone());
        assert_eq!(
            said,
            [
                "detached AdministratorAccess",
                "deleted inline policy mine",
                "removed tags Boss",
                "set description and session duration"
            ]
        );
        assert_eq!(planned_where(&ending, drifted.clone(), Some(&desired(""))), said);

        // What the object itself asks for is a violation, and so is what cannot be taken off alone.
        let closed = ["set the trust policy", "put inline policy crossrole-closed"];
        for spec in [
            "permissions: {awsManaged: [AdministratorAccess]}",
            "tags: {boss: me}",
            "maxSessionDuration: 12h",
        ] {
            assert_eq!(
                planned_where(&ending, drifted.clone(), Some(&desired(spec))),
                closed,
                "{spec}"
            );
        }
        let mixed = format!(r#"{escalates}, {{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}}"#);
        drifted.inline.insert("mine".parse().unwrap(), allow(&mixed));
        assert_eq!(planned(&ending, drifted), closed);
    }

    #[test]
    fn a_revocation_brings_the_boundary_and_the_room_that_it_needs() {
        let mut ending = ending("sessions: {revokeIssuedBefore: '2026-11-23T11:00:00Z'}", None);
        ending.boundary = Some("arn:aws:iam::222222222222:policy/b".parse().unwrap());
        let mut full = held("");
        full.boundary = Some("arn:aws:iam::222222222222:policy/a".parse().unwrap());
        let of_size = |effect: &str, size: usize| {
            let text = format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":"s3:*","Resource":"arn:aws:s3:::{}"}}]}}"#,
                "x".repeat(size)
            );
            ObservedDocument::parse_encoded(&text, DocumentKind::Permission)
        };
        full.inline.insert("small".parse().unwrap(), of_size("Allow", 100));
        full.inline.insert("large".parse().unwrap(), of_size("Allow", 4_000));
        full.inline.insert("denial".parse().unwrap(), of_size("Deny", 5_700));
        assert_eq!(
            planned(&ending, full),
            [
                "set the permissions boundary b",
                "deleted inline policy large",
                "put inline policy AWSRevokeOlderSessions"
            ]
        );
    }
}
