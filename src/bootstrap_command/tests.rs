use crossrole_iam::Partition;

use super::*;
use accounts::AccountsError;

const FILES: &str = "
{apiVersion: crossrole.dev/v1alpha1, kind: AccountClass, metadata: {name: c}, spec: {bootstrapRole: {name: platform/door}, guardrails: {permissionsBoundary: team/ceiling}}}
---
{apiVersion: crossrole.dev/v1alpha1, kind: AWSAccount, metadata: {name: prod, labels: {env: prod}}, spec: {accountId: '222222222222', class: c, externalId: known-already}}
---
{apiVersion: crossrole.dev/v1alpha1, kind: AWSAccount, metadata: {name: stage, labels: {env: stage}}, spec: {accountId: '333333333333', class: c}}
---
{apiVersion: crossrole.dev/v1alpha1, kind: AWSAccount, metadata: {name: old}, spec: {accountId: '444444444444', class: c, state: Abandoned}}
---
{apiVersion: crossrole.dev/v1alpha1, kind: AWSAccount, metadata: {name: other}, spec: {accountId: '555555555555', class: another}}
";

const CALLS: [&[crossrole_plan::kit::Call]; 2] = [Action::CALLS, Action::ORGANIZATION_CALLS];

fn manifests(text: &str) -> Manifests {
    let mut manifests = Manifests::default();
    manifests.add(text, "all.yaml", "default").unwrap();
    manifests
}

/// The ids of tests are not random.
fn new_id() -> impl FnMut() -> Result<String, AccountsError> {
    let mut made = 0;
    move || {
        made += 1;
        Ok(format!("made-{made}"))
    }
}

fn entries(only: &[&str]) -> Vec<Entry> {
    let only: Vec<String> = only.iter().map(ToString::to_string).collect();
    let found = ClassAccounts::of(&manifests(FILES), "c", &only).unwrap();
    found.entries(Partition::Aws, &mut new_id()).unwrap()
}

fn texts(format: Format, only: &[&str]) -> Vec<(String, String)> {
    texts_for(format, only, Reader::Nobody)
}

fn texts_for(format: Format, only: &[&str], discovery: Reader) -> Vec<(String, String)> {
    let found = ClassAccounts::of(&manifests(FILES), "c", &[]).unwrap();
    let order = Order {
        operator: "arn:aws:iam::111111111111:role/crossrole-operator".parse().unwrap(),
        organization: None,
        pod_identity: true,
        discovery,
    };
    let kit = Kit::new(&found.rules, order, &CALLS.concat(), Some(Kit::usual_boundary())).unwrap();
    let files = files(format, &kit, &entries(only));
    files.into_iter().map(|file| (file.name, file.text)).collect()
}

#[test]
fn the_accounts_of_a_class_each_get_an_external_id_that_they_keep() {
    let all = entries(&[]);
    let ids: Vec<_> = all
        .iter()
        .map(|entry| (entry.name.as_str(), entry.external_id.as_str()))
        .collect();
    assert_eq!(ids, [("prod", "known-already"), ("stage", "made-1")]);
    assert_eq!(all[0].changed, None);
    let changed = all[1].changed.as_ref().unwrap();
    assert_eq!(changed.spec.external_id.as_deref(), Some("made-1"));
    assert_eq!(entries(&["prod"]).len(), 1);
}

#[test]
fn what_is_not_in_the_files_is_named() {
    let of = |class: &str, only: &[String]| {
        let error = ClassAccounts::of(&manifests(FILES), class, only).map(drop).unwrap_err();
        error.to_string()
    };
    assert_eq!(of("d", &[]), "there is no AccountClass d in these files");
    for name in ["old", "other", "nobody"] {
        let told = of("c", &[name.to_string()]);
        assert!(
            told.starts_with(&format!("AWSAccount {name} is not in these files")),
            "{told}"
        );
    }
}

#[test]
fn accounts_that_the_operator_cannot_serve_are_refused() {
    let found = ClassAccounts::of(&manifests(FILES), "c", &[]).unwrap();
    let error = found.entries(Partition::AwsUsGov, &mut new_id()).unwrap_err();
    assert!(matches!(error, AccountsError::OtherPartition { .. }), "{error}");
    let twice = FILES.replace("333333333333", "222222222222");
    let found = ClassAccounts::of(&manifests(&twice), "c", &[]).unwrap();
    let error = found.entries(Partition::Aws, &mut new_id()).unwrap_err();
    assert!(
        error.to_string().contains("prod and stage are the same account"),
        "{error}"
    );
}

#[test]
fn each_format_has_its_files_and_says_which_accounts_to_apply() {
    for (format, expected) in [
        (Format::Cloudformation, "bootstrap.yaml"),
        (Format::Stackset, "stackset.yaml"),
        (Format::Terraform, "main.tf"),
        (Format::Cli, "bootstrap.sh"),
    ] {
        let files = texts(format, &[]);
        let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, [expected, "operator-permissions.json", "awsaccounts.yaml"]);
        let text = &files[0].1;
        for part in ["known-already", "made-1", "sts:TagSession", "# ---\n"] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        let again = manifests(&files[2].1);
        assert_eq!(again.accounts.len(), 1);
        assert_eq!(again.accounts[0], entries(&[])[1].changed.clone().unwrap());
        assert_eq!(texts(format, &["prod"]).len(), 2);
    }
    let files = texts(Format::Files, &[]);
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "permissions.json",
            "boundary.json",
            "trust-prod.json",
            "trust-stage.json",
            "operator-permissions.json",
            "awsaccounts.yaml"
        ]
    );
}

#[test]
fn whoever_reads_the_organization_gets_the_calls_that_are_made_and_no_others() {
    let text = |discovery: Reader, name: &str| {
        let mut files = texts_for(Format::Cli, &[], discovery).into_iter();
        files.find(|(file, _)| file == name).map(|(_, text)| text)
    };
    let reads = Action::OF_ORGANIZATION
        .iter()
        .filter(|action| action.as_str().starts_with("organizations:"));
    let reads: Vec<&str> = reads.map(|action| action.as_str()).collect();
    assert_eq!(reads.len(), 5);
    let role = || Reader::Role("arn:aws:iam::999999999999:role/reader".parse().unwrap());
    for (discovery, name, expected) in [
        (Reader::Operator, "operator-permissions.json", true),
        (Reader::Nobody, "operator-permissions.json", false),
        (role(), "operator-permissions.json", false),
        (role(), "organization-permissions.json", true),
    ] {
        let text = text(discovery.clone(), name).unwrap();
        let has = |action: &&str| text.contains(&format!("\"{action}\""));
        assert_eq!(
            reads.iter().filter(|action| has(action)).count(),
            if expected { 5 } else { 0 },
            "{discovery:?}"
        );
    }
    assert!(
        text(role(), "operator-permissions.json")
            .unwrap()
            .contains("arn:aws:iam::999999999999:role/reader")
    );
    assert!(
        text(role(), "organization-trust.json")
            .unwrap()
            .contains("sts:TagSession")
    );
    assert_eq!(text(Reader::Operator, "organization-trust.json"), None);
}

#[test]
fn a_template_has_an_external_id_of_its_own_only_for_one_account() {
    let default = |format, only: &[&str]| {
        let text = texts(format, only).remove(0).1;
        let line = text.lines().map(str::trim).find(|line| line.starts_with("Default: \""));
        line.unwrap().to_string()
    };
    assert_eq!(default(Format::Cloudformation, &["prod"]), "Default: \"known-already\"");
    assert_eq!(default(Format::Cloudformation, &[]), "Default: \"\"");
    assert_eq!(default(Format::Stackset, &["prod"]), "Default: \"\"");
}

#[test]
fn variables_of_iam_are_none_of_terraform() {
    let text = texts(Format::Terraform, &[]).remove(0).1;
    assert!(text.contains("policy/team/ceiling"), "{text}");
    let variables: Vec<_> = text.match_indices("${").map(|(at, _)| &text[at - 1..at + 8]).collect();
    for variable in variables {
        assert!(variable.starts_with("$$") || variable == "\"${local.", "{variable}");
    }
}
