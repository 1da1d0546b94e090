use crossrole_api::names::{CLUSTER_TAG, OWNER_TAG};

use super::*;
use crate::change::Change;
use crate::testing::{ROLE_ID, check_table, claim, close, desired, held};

/// What converging on a role with this cluster and owner tag says.
fn said_of(tags: &[(&str, &str)], seen: Option<&str>) -> String {
    let mut role = held("");
    role.tags = tags
        .iter()
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .collect();
    let observed = Observed::Present(Box::new(role));
    let (wanted, known) = (
        desired(""),
        Known {
            seen_id: seen,
            ..Known::default()
        },
    );
    let left = leave(&wanted.name, &wanted.owner, &observed, &known, DeletionPolicy::Delete);
    match converge(&wanted, &observed, &known, &claim(0, "security/audit"), &[]) {
        Ok(plan) => {
            assert!(!left.is_empty(), "what may be changed may be removed");
            let summaries: Vec<String> = plan.changes.iter().map(Change::summary).collect();
            if summaries.is_empty() {
                "nothing to do".into()
            } else {
                summaries.join(", ")
            }
        }
        Err(refusal) => {
            assert!(left.is_empty(), "what is not ours is not removed: {left}");
            format!("{}, {refusal}", refusal.reason)
        }
    }
}

#[test]
fn a_role_is_changed_only_if_it_is_ours() {
    const FOREIGN: &str = "ForeignRole, arn:aws:iam::222222222222:role/crossrole/audit was not made by crossrole and was not touched: take it over with spec.adoptionPolicy, or make an object with another roleName";
    type Input = (&'static [(&'static str, &'static str)], Option<&'static str>);
    let rows: &[(&str, Input, &str)] = &[
        (
            "ours",
            (&[(CLUSTER_TAG, "c1"), (OWNER_TAG, "security/audit")], None),
            "nothing to do",
        ),
        ("nobody's", (&[], None), FOREIGN),
        (
            "only the owner tag is there",
            (&[(OWNER_TAG, "security/audit")], None),
            FOREIGN,
        ),
        (
            "stripped, but its id was seen with our tags",
            (&[], Some(ROLE_ID)),
            "set tags crossrole.dev/cluster, crossrole.dev/owner",
        ),
        ("stripped, and its id is another", (&[], Some("AROAOTHER")), FOREIGN),
        (
            "another object's of this cluster, although its id was seen",
            (&[(CLUSTER_TAG, "c1"), (OWNER_TAG, "other/audit")], Some(ROLE_ID)),
            "HeldByAnother, role audit is held by CrossAccountRole other/audit here: make an object with another roleName, or delete one of the two",
        ),
        (
            "another cluster's",
            (&[(CLUSTER_TAG, "c2"), (OWNER_TAG, "security/audit")], Some(ROLE_ID)),
            "ForeignRole, arn:aws:iam::222222222222:role/crossrole/audit belongs to security/audit of the cluster c2; it was not touched: make an object with another roleName",
        ),
        (
            "another cluster's without an owner tag",
            (&[(CLUSTER_TAG, "c2")], None),
            "ForeignRole, arn:aws:iam::222222222222:role/crossrole/audit belongs to the cluster c2; it was not touched: make an object with another roleName",
        ),
    ];
    check_table(rows, |(tags, seen)| said_of(tags, *seen));
}

#[test]
fn a_path_cannot_be_changed() {
    let observed = Observed::Present(Box::new(held("path: /crossrole/old/")));
    let ours = claim(0, "security/audit");
    let refusal = converge(
        &desired("path: /crossrole/new/"),
        &observed,
        &Known::default(),
        &ours,
        &[],
    )
    .unwrap_err();
    assert_eq!(refusal.reason, Reason::PathIsImmutable);
    assert_eq!(
        refusal.to_string(),
        "spec.path: the role is at /crossrole/old/ and IAM cannot move it to /crossrole/new/: write the old path, or make another CrossAccountRole"
    );
}

#[test]
fn the_older_object_makes_the_role_and_whoever_has_it_keeps_it() {
    let (wanted, ours, older) = (desired(""), claim(10, "security/audit"), [claim(9, "other/audit")]);
    let refusal = converge(&wanted, &Observed::Absent, &Known::default(), &ours, &older).unwrap_err();
    assert_eq!(refusal.reason, Reason::HeldByAnother);
    assert_eq!(
        refusal.to_string(),
        "role audit is held by CrossAccountRole other/audit here: make an object with another roleName, or delete one of the two"
    );
    let younger = [claim(11, "other/audit")];
    assert!(converge(&wanted, &Observed::Absent, &Known::default(), &ours, &younger).is_ok());
    let held = Observed::Present(Box::new(held("")));
    assert!(
        converge(&wanted, &held, &Known::default(), &ours, &older)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn what_is_not_there_is_left_without_a_call() {
    let wanted = desired("");
    assert!(
        leave(
            &wanted.name,
            &wanted.owner,
            &Observed::Absent,
            &Known::default(),
            DeletionPolicy::Delete
        )
        .is_empty()
    );
}

#[test]
fn a_role_that_is_retained_loses_only_our_tags() {
    let wanted = desired("tags: {team: a}");
    let observed = Observed::Present(Box::new(held("tags: {team: a}")));
    let plan = leave(
        &wanted.name,
        &wanted.owner,
        &observed,
        &Known::default(),
        DeletionPolicy::Retain,
    );
    assert_eq!(
        plan.to_string(),
        "  1. remove tags crossrole.dev/cluster, crossrole.dev/owner\n"
    );
}

fn closing_of(spec: &str, edit: impl FnOnce(&mut ObservedRole)) -> Vec<String> {
    let mut role = held(spec);
    edit(&mut role);
    let plan = close(&desired(spec), &Observed::Present(Box::new(role)), &Known::default());
    plan.changes.iter().map(Change::summary).collect()
}

#[test]
fn a_role_that_the_class_forbids_is_closed_and_otherwise_left_as_it_is() {
    let spec = "permissions: {awsManaged: [SecurityAudit]}";
    assert_eq!(
        closing_of(spec, |role| role.description = "by hand".into()),
        ["set the trust policy", "put inline policy crossrole-closed"]
    );
    assert_eq!(
        closing_of("permissionsBoundary: limits", |role| role.boundary = None),
        [
            "set the trust policy",
            "set the permissions boundary limits",
            "put inline policy crossrole-closed"
        ],
        "the bootstrap role may write policies only within the boundary"
    );
}

#[test]
fn what_denies_goes_last_where_a_closing_needs_room() {
    let document = |effect: &str, size: usize| {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":"s3:*","Resource":"arn:aws:s3:::{}"}}]}}"#,
            "x".repeat(size)
        );
        crate::observed::ObservedDocument::parse_encoded(&text, crossrole_iam::DocumentKind::Permission)
    };
    let steps = closing_of("", |role| {
        role.inline.insert("denies".parse().unwrap(), document("Deny", 5000));
        role.inline.insert("large".parse().unwrap(), document("Allow", 4500));
        role.inline.insert("small".parse().unwrap(), document("Allow", 410));
    });
    assert_eq!(
        steps,
        [
            "set the trust policy",
            "deleted inline policy large",
            "put inline policy crossrole-closed"
        ]
    );
}

#[test]
fn what_the_class_forbids_takes_nothing_over() {
    let mut role = held("");
    role.tags.clear();
    let mut wanted = desired("");
    wanted.adopts = true;
    let observed = Observed::Present(Box::new(role));
    assert!(close(&wanted, &observed, &Known::default()).is_empty());
    assert!(close(&wanted, &Observed::Absent, &Known::default()).is_empty());
}
