use crossrole_iam::document::{DocumentKind, PrincipalElement, Principals};

use super::*;
use crate::declaration::listed_policies;
use crate::observed::ObservedDocument;
use crate::testing::{CLUSTER, account, declaration, desired, held, role, rules};

mod revoking;

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
            rules: rules(replaced).unwrap().into(),
            namespace_labels: Default::default(),
            declared_policies: None,
        }),
        never_closed: vec!["crossrole-bootstrap".parse().unwrap(), "operator".parse().unwrap()],
        is_refused: true,
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
        ObservedDocument::of(lifecycle::closing()),
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
fn a_role_that_is_never_touched_is_not_closed_whatever_forbids_it_or_asks_for_it() {
    const REVOKES: &str = "sessions: {revokeIssuedBefore: '2026-11-23T11:00:00Z'}";
    let elsewhere: &[(&str, &str)] = &[("names: [security]", "names: [other]")];
    let mut unreadable = with_attached(&["arn:aws:iam::aws:policy/AdministratorAccess"]);
    unreadable.trust = ObservedDocument::unreadable("{", "ends too soon");
    for (spec, class) in [("", Some(elsewhere)), ("access: Closed", None), (REVOKES, None)] {
        let mut ending = ending(spec, class);
        assert!(!planned(&ending, held("")).is_empty(), "{spec}");
        for name in ["crossrole-bootstrap", "Operator", "OrganizationAccountAccessRole"] {
            ending.role = name.parse().unwrap();
            assert!(planned(&ending, held("")).is_empty(), "{spec} of {name}");
            assert!(planned(&ending, unreadable.clone()).is_empty(), "{spec} of {name}");
        }
        ending.role = "audit".parse().unwrap();
        let mut of_aws = held("");
        of_aws.path = "/aws-service-role/ec2.amazonaws.com/".into();
        assert!(planned(&ending, of_aws).is_empty(), "{spec}");
    }
}

/// What is still to be done after each number of changes, from the first on.
fn interrupted(ending: &Ending, held: ObservedRole) -> Vec<Vec<String>> {
    let known = Known {
        now: NOW.parse().unwrap(),
        ..Known::default()
    };
    let mut state = Observed::Present(Box::new(held));
    let plan = ending.plan(None, &state, &known);
    let mut rests = Vec::new();
    for change in &plan.changes {
        state = effect::apply(change, &plan.role, &state, &Quotas::default()).unwrap();
        let rest = ending.plan(None, &state, &known);
        rests.push(rest.changes.iter().map(Change::summary).collect());
    }
    rests
}

#[test]
fn a_role_whose_trust_alone_was_closed_is_closed_for_good() {
    let narrow: &[(&str, &str)] = &[("accounts: ['111111111111'], ", "")];
    assert_eq!(
        interrupted(&ending("", Some(narrow)), held("")),
        [vec!["put inline policy crossrole-closed".to_string()], vec![]]
    );
}

#[test]
fn what_cannot_be_read_may_be_anything_and_our_own_denials_are_never_a_violation() {
    let class: &[(&str, &str)] = &[("  inlinePolicies: {denyActions: ['iam:*']}\n", "")];
    let ending = ending("", Some(class));
    let mut denied = held("");
    denied
        .inline
        .insert("deny-all".parse().unwrap(), ObservedDocument::of(lifecycle::closing()));
    assert!(planned(&ending, denied).is_empty());
    let mut unreadable = held("");
    unreadable
        .inline
        .insert("x".parse().unwrap(), ObservedDocument::unreadable("{", "ends too soon"));
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
    let mut trust = drifted.trust.document().unwrap().clone();
    let mut dead = trust.statements[0].clone();
    dead.principal = Some(PrincipalElement::Principal(Principals::aws([DEAD])));
    trust.statements.push(dead);
    drifted.trust = ObservedDocument::of(trust);
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
fn an_object_that_cannot_be_read_is_asked_for_the_accounts_policies_all_the_same() {
    const KEPT: &str = "arn:aws:iam::222222222222:policy/team/admin";
    let class: &[(&str, &str)] = &[("account: ['*']", "account: []")];
    let closed = &["set the trust policy", "put inline policy crossrole-closed"][..];
    let list = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let account = account();
        listed_policies(&names, account.partition, &account.id)
    };
    for (what, declared_policies, expected) in [
        ("it names the policy", list(&["team/admin"]), closed),
        ("it names another", list(&["team/audit"]), &[][..]),
        ("it names none, and another field is wrong", list(&[]), &[][..]),
        ("the list itself is wrong", list(&["team/audit", "team//"]), closed),
    ] {
        let mut ending = ending("", Some(class));
        ending.judge.as_mut().unwrap().declared_policies = declared_policies;
        assert_eq!(planned(&ending, with_attached(&[KEPT])), expected, "{what}");
    }
}

#[test]
fn a_policy_that_the_class_denies_closes_a_role_whoever_attached_it_and_one_that_it_does_not_list_is_named() {
    const ADMIN: &str = "arn:aws:iam::222222222222:policy/team/admin";
    let unlisted = |ending: &Ending, role: ObservedRole, declared: &str| -> Vec<String> {
        let known = Known {
            now: NOW.parse().unwrap(),
            ..Known::default()
        };
        let kept = ending.unlisted(Some(&desired(declared)), &Observed::Present(Box::new(role)), &known);
        kept.iter().map(ToString::to_string).collect()
    };
    let no_longer_listed = ending("", Some(&[("account: ['*']", "account: [team/audit]")]));
    let denied = ending("", Some(&[("account: ['*']", "account: ['*'], deny: [Admin]")]));
    let (role, other) = (with_attached(&[ADMIN]), desired(""));
    assert!(planned_where(&no_longer_listed, role.clone(), Some(&other)).is_empty());
    assert_eq!(unlisted(&no_longer_listed, role.clone(), ""), [ADMIN]);
    let closed = ["set the trust policy", "put inline policy crossrole-closed"];
    assert_eq!(planned_where(&denied, role.clone(), Some(&other)), closed);

    // Not where the class allows it, the object declares it, or the role is closed.
    assert!(unlisted(&ending("", Some(&[])), role.clone(), "").is_empty());
    assert!(unlisted(&ending("", None), role.clone(), "").is_empty());
    let declares = "permissions: {customerManaged: [team/admin]}";
    assert!(unlisted(&no_longer_listed, role.clone(), declares).is_empty());
    let mut shut = role;
    shut.trust = ObservedDocument::of(trust::closed());
    assert!(unlisted(&no_longer_listed, shut, "").is_empty());
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
