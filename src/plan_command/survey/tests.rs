use super::*;

const FILES: &str = "
{apiVersion: crossrole.dev/v1alpha1, kind: AccountClass, metadata: {name: c}, spec: {bootstrapRole: {name: crossrole-bootstrap}, allowedNamespaces: {names: [team]}, guardrails: {permissionsBoundary: None, trust: {accounts: ['111111111111']}, maxRolesPerNamespace: 1}}}
---
{apiVersion: crossrole.dev/v1alpha1, kind: AWSAccount, metadata: {name: prod}, spec: {accountId: '222222222222', class: c}}
---
{apiVersion: crossrole.dev/v1alpha1, kind: CrossAccountRole, metadata: {name: a, namespace: team}, spec: {accounts: {names: [prod]}, trust: [{from: {accounts: ['111111111111'], kind: Roles}}]}}
---
{apiVersion: crossrole.dev/v1alpha1, kind: CrossAccountRole, metadata: {name: b, namespace: team}, spec: {accounts: {names: [prod]}, trust: [{from: {accounts: ['111111111111'], kind: Roles}}]}}
";

#[test]
fn roles_that_are_there_take_their_room_before_new_ones() {
    let mut manifests = Manifests::default();
    manifests.add(FILES, "all.yaml", "team").unwrap();
    let held = |items: Vec<Item>| -> Vec<String> {
        let held = items
            .into_iter()
            .filter(|item| matches!(item.wanted(), Some(Wanted::Hold(_))));
        held.map(|item| item.claim.object.name).collect()
    };
    let survey = || Survey::of(&manifests, None, "cluster-1", Timestamp::UNIX_EPOCH);
    assert_eq!(held(survey().items()), ["a"]);
    assert_eq!(held(survey().items_without_limit()), ["a", "b"]);
    let b = ObjectName {
        namespace: "team".into(),
        name: "b".into(),
    };
    let there = Own::from([(b, "prod".to_string())]);
    assert_eq!(held(survey().items_beside(&there)), ["b"]);
    let items = survey().items_without_limit();
    assert_eq!(items[1].own(Some(&Observed::Absent)), None);
    assert_eq!(
        items[1].own(None).as_ref(),
        there.first(),
        "it may be there where nobody could look"
    );
}

#[test]
fn whoever_makes_no_role_takes_no_room() {
    for idle in ["suspend: true", "mode: Observe"] {
        let mut manifests = Manifests::default();
        let files = FILES.replacen("spec: {accounts:", &format!("spec: {{{idle}, accounts:"), 1);
        assert_ne!(files, FILES);
        manifests.add(&files, "all.yaml", "team").unwrap();
        let survey = Survey::of(&manifests, None, "cluster-1", Timestamp::UNIX_EPOCH);
        let items = survey.items();
        let b = items.iter().find(|item| item.claim.object.name == "b");
        assert!(matches!(b.unwrap().wanted(), Some(Wanted::Hold(_))), "{idle}");
    }
}
