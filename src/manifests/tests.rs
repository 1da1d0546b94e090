use super::*;

const ROLE: &str = "
apiVersion: crossrole.dev/v1alpha1
kind: CrossAccountRole
metadata: {name: audit}
spec:
  accounts: {names: [prod]}
  trust: [{from: {accounts: ['111111111111'], kind: Roles}}]
";

fn added(texts: &[&str]) -> Result<Manifests, ManifestError> {
    let mut all = Manifests::default();
    for (index, text) in texts.iter().enumerate() {
        all.add(text, &format!("{index}.yaml"), "team")?;
    }
    Ok(all)
}

#[test]
fn what_the_api_server_would_drop_or_refuse_is_refused_with_its_place() {
    let with = |before: &str, after: &str| ROLE.replace(before, after);
    let account = "{apiVersion: crossrole.dev/v1alpha1, kind: AWSAccount, metadata: {name: prod}, spec: {accountId: 222222222222, class: c}}";
    let rows: Vec<(&str, String, &str)> = vec![
        (
            "a key that stands twice",
            with("spec:", "spec:\n  roleName: a\n  roleName: b"),
            "roleName",
        ),
        (
            "a member that nobody knows, deep inside",
            with("kind: Roles}", "kind: Roles}, require: {mfaa: {maxAge: 1h}}"),
            "0.yaml: CrossAccountRole audit: spec.trust[0].require.mfaa: unknown field `mfaa`",
        ),
        (
            "a member beside spec",
            with("spec:", "specs: {}\nspec:"),
            "0.yaml: CrossAccountRole audit: specs: unknown field",
        ),
        (
            "a member of metadata",
            with("{name: audit}", "{name: audit, label: {}}"),
            "0.yaml: CrossAccountRole audit: metadata.label: unknown field",
        ),
        (
            "an account id without quotes",
            account.to_string(),
            "0.yaml: AWSAccount prod: spec.accountId: invalid type: integer `222222222222`, expected a string",
        ),
        (
            "a kind of ours that is not there",
            with("kind: CrossAccountRole", "kind: CrossAcountRole"),
            "0.yaml: CrossAcountRole audit: crossrole.dev/v1alpha1 has no kind CrossAcountRole, but AccountClass, AWSAccount, CrossAccountRole and AssumeRoleGrant",
        ),
        (
            "another version",
            with("v1alpha1", "v1"),
            "0.yaml: CrossAccountRole audit: crossrole.dev/v1 is not known: write crossrole.dev/v1alpha1",
        ),
        (
            "no name",
            with("{name: audit}", "{}"),
            "0.yaml: CrossAccountRole : metadata.name is missing",
        ),
        (
            "no kind",
            with("kind: CrossAccountRole", ""),
            "0.yaml: an object has no apiVersion or no kind",
        ),
        (
            "the same object twice",
            format!("{ROLE}---{ROLE}"),
            "0.yaml: CrossAccountRole audit: stands twice: 0.yaml has it too",
        ),
        (
            "a text that is no object",
            "- a".to_string(),
            "0.yaml: a manifest is an object with apiVersion, kind and metadata",
        ),
    ];
    for (sentence, text, expected) in rows {
        let said = added(&[&text]).unwrap_err().to_string();
        assert!(
            said.contains(expected),
            "{sentence}\n  expected: {expected}\n  said:     {said}"
        );
    }
}

#[test]
fn yaml_json_and_lists_of_several_documents_are_read() {
    let list = r#"{"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team", "labels": {"tier": "platform"}}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}]}"#;
    let all = added(&[&format!("---\n---{ROLE}---\n"), list]).unwrap();
    assert_eq!(all.roles[0].metadata.namespace.as_deref(), Some("team"));
    assert_eq!(all.namespaces["team"]["tier"], "platform");
    assert_eq!(
        all.notes,
        ["skipped Deployment web in 1.yaml: it is not of crossrole.dev"]
    );
}

#[test]
fn what_a_cluster_added_to_an_object_counts_for_nothing_but_its_age() {
    let text = ROLE.replace(
        "{name: audit}",
        "{name: audit, namespace: security, creationTimestamp: '2026-01-01T00:00:00Z', deletionTimestamp: '2026-01-02T00:00:00Z', finalizers: [crossrole.dev/roles], uid: u, managedFields: []}",
    ) + "status: {observedGeneration: 1}\n";
    let all = added(&[&text]).unwrap();
    let role = &all.roles[0];
    assert!(role.status.is_none() && role.metadata.deletion_timestamp.is_none());
    assert!(role.metadata.creation_timestamp.is_some());
    assert_eq!(role.metadata.namespace.as_deref(), Some("security"));
}

#[test]
fn what_the_schema_of_the_crds_refuses_is_refused_with_its_place() {
    let with = |before: &str, after: &str| ROLE.replace(before, after);
    for (text, expected) in [
        (
            with("spec:", "spec:\n  roleName: a role"),
            r#"0.yaml: CrossAccountRole audit: spec.roleName: "a role" does not match ^[A-Za-z0-9_+=,.@-]+$"#,
        ),
        (
            with("kind: Roles}", "kind: Roles}, require: {}"),
            "0.yaml: CrossAccountRole audit: spec.trust[0].require: has 0 members; at least 1 must be there",
        ),
        (
            with("{name: audit}", "{name: Audit}"),
            "0.yaml: CrossAccountRole Audit: metadata.name: lower-case letters, digits, - and . are allowed, and a letter or digit at both ends of each part",
        ),
        (
            "{apiVersion: crossrole.dev/v1alpha1, kind: AWSAccount, metadata: {name: prod}, spec: {accountId: '2222', class: c}}".to_string(),
            "0.yaml: AWSAccount prod: spec.accountId: has 4 characters; at least 12 must be there",
        ),
    ] {
        assert_eq!(added(&[&text]).unwrap_err().to_string(), expected);
    }
}
