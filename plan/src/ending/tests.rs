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
    let mut unreadable = with_attached(&["arn:aws:iam::aws:policy/AdministratorAccess"]);
    unreadable.trust = ObservedDocument::Unreadable {
        text: "{".into(),
        problem: "ends too soon".into(),
    };
    assert!(planned(&ending, unreadable).is_empty());
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

/// A role that somebody else has put these policies on.
fn with_attached(policies: &[&str]) -> ObservedRole {
    let mut role = held("");
    role.attached.extend(policies.iter().map(|arn| arn.parse().unwrap()));
    role
}

#[test]
fn what_may_only_take_away_is_not_taken_off_and_closes_nothing() {
    const DENIES: [&str; 2] = [
        "arn:aws:iam::aws:policy/AWSDenyAll",
        "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV2",
    ];
    const UNKNOWN: &str = "arn:aws:iam::222222222222:policy/quarantine";
    let class: &[(&str, &str)] = &[
        ("aws: ['*'], account: ['*']", "aws: [SecurityAudit]"),
        ("tagKeys: ['*']", "tagKeys: [team]"),
    ];
    let ending = ending("", Some(class));
    let mut shut_in = with_attached(&DENIES);
    shut_in.tags.insert("quarantine".into(), "yes".into());
    assert!(planned(&ending, shut_in).is_empty());
    let unknown = with_attached(&[DENIES[0], UNKNOWN]);
    assert!(planned_where(&ending, unknown.clone(), Some(&desired(""))).is_empty());

    // The object asks for it, or may have asked for it.
    let closed = ["set the trust policy", "put inline policy crossrole-closed"];
    let declared = desired("permissions: {customerManaged: [quarantine]}");
    assert_eq!(planned_where(&ending, unknown.clone(), Some(&declared)), closed);
    assert_eq!(planned(&ending, unknown), closed);
}

#[test]
fn a_policy_that_was_edited_by_hand_is_not_the_declared_one_of_its_name() {
    let document = |action: &str| {
        format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": "{action}", "Resource": "*"}}]}}"#
        )
    };
    let spec = |action: &str| format!("permissions: {{inline: [{{name: p, document: {}}}]}}", document(action));
    let ending = ending("", Some(&[]));
    let mut edited = held(&spec("s3:GetObject"));
    edited.inline.insert(
        "p".parse().unwrap(),
        ObservedDocument::parse_encoded(&document("iam:*"), DocumentKind::Permission),
    );
    assert_eq!(
        planned_where(&ending, edited.clone(), Some(&desired(&spec("s3:GetObject")))),
        ["deleted inline policy p"]
    );
    assert_eq!(
        planned_where(&ending, edited, Some(&desired(&spec("IAM:*")))),
        ["set the trust policy", "put inline policy crossrole-closed"],
        "declared in other words"
    );
}

#[test]
fn a_mistake_in_the_class_hides_no_violation_and_is_none() {
    let mistake = ("Boundary: None", "Boundary: 'arn:aws:iam::999999999999:policy/b'");
    assert!(planned(&ending("", Some(&[mistake])), held("")).is_empty());
    let narrow = ("accounts: ['111111111111'], ", "");
    assert_eq!(
        planned(&ending("", Some(&[mistake, narrow])), held("")),
        ["set the trust policy", "put inline policy crossrole-closed"]
    );
}

/// A role of ours whose inline policies leave no room, under this boundary.
fn full(boundary: Option<&str>) -> ObservedRole {
    let mut full = held("");
    full.boundary = boundary.map(|arn| arn.parse().unwrap());
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
    full
}

fn revoking_under(boundary: &str) -> Ending {
    Ending {
        boundary: Some(boundary.parse().unwrap()),
        ..ending("sessions: {revokeIssuedBefore: '2026-11-23T11:00:00Z'}", None)
    }
}

#[test]
fn a_revocation_brings_the_boundary_and_the_room_that_it_needs() {
    let ending = revoking_under("arn:aws:iam::222222222222:policy/b");
    assert_eq!(
        planned(&ending, full(None)),
        [
            "set the permissions boundary b",
            "deleted inline policy large",
            "put inline policy AWSRevokeOlderSessions"
        ]
    );
}

#[test]
fn a_revocation_that_needs_another_boundary_closes_the_role_first() {
    let ending = revoking_under("arn:aws:iam::222222222222:policy/b");
    let open = full(Some("arn:aws:iam::222222222222:policy/a"));
    assert_eq!(
        planned(&ending, open.clone()),
        [
            "set the trust policy",
            "set the permissions boundary b",
            "put inline policy crossrole-closed",
            "deleted inline policy large",
            "put inline policy AWSRevokeOlderSessions"
        ]
    );
    // What it closed stays closed, and a second plan has nothing to do.
    let known = Known {
        now: NOW.parse().unwrap(),
        ..Known::default()
    };
    let observed = Observed::Present(Box::new(open.clone()));
    let plan = ending.plan(None, &observed, &known);
    let closed = effect::apply_all(&plan.changes, &plan.role, &observed, &Quotas::default()).unwrap();
    assert!(ending.plan(None, &closed, &known).is_empty());

    // Where sessions were revoked already, no boundary is needed, and none is swapped.
    let mut revoked = open;
    revoked.inline.remove(&"large".parse().unwrap());
    revoked.inline.insert(
        REVOKE_OLDER_SESSIONS_POLICY.parse().unwrap(),
        ObservedDocument::Parsed(revocation::policy(None, Some(known.now), known.now).unwrap()),
    );
    assert!(planned(&ending, revoked).is_empty());
}
