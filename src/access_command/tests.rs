mod status;

use super::*;
use crate::cli::ObjectFlags;

const FILES: &str = "
{apiVersion: crossrole.dev/v1alpha1, kind: AccountClass, metadata: {name: c}, spec: {bootstrapRole: {name: crossrole-bootstrap}, allowedNamespaces: {names: [team]}, guardrails: {permissionsBoundary: None, trust: {accounts: ['111111111111'], thirdParties: ['444444444444'], requireMfa: Never}, maxSessionDuration: 1h}}}
---
{apiVersion: crossrole.dev/v1alpha1, kind: AWSAccount, metadata: {name: prod}, spec: {accountId: '222222222222', class: c}}
---
{apiVersion: crossrole.dev/v1alpha1, kind: AWSAccount, metadata: {name: stage}, spec: {accountId: '333333333333', class: c, state: Paused}}
---
{apiVersion: crossrole.dev/v1alpha1, kind: CrossAccountRole, metadata: {name: partner, namespace: team}, spec: {accounts: {names: [prod]}, trust: [{from: {accounts: ['444444444444']}, require: {externalIds: [first-id]}}]}}
---
{apiVersion: crossrole.dev/v1alpha1, kind: CrossAccountRole, metadata: {name: audit, namespace: team}, spec: {accounts: {names: [prod, stage]}, trust: [{from: {accounts: ['111111111111'], kind: Users}, require: {mfa: {maxAge: 1h}}}]}}
---
{apiVersion: crossrole.dev/v1alpha1, kind: CrossAccountRole, metadata: {name: long, namespace: team}, spec: {accounts: {names: [prod]}, trust: [{from: {accounts: ['111111111111']}}], maxSessionDuration: 12h}}
---
{apiVersion: crossrole.dev/v1alpha1, kind: CrossAccountRole, metadata: {name: asleep, namespace: team}, spec: {accounts: {names: [prod]}, trust: [{from: {principals: ['arn:aws:iam::111111111111:role/ci']}, require: {conditions: {StringEquals: {'aws:PrincipalTag/x': \"<b>&'\"}}}}], suspend: true}}
";

fn manifests() -> Manifests {
    let mut manifests = Manifests::default();
    manifests.add(FILES, "all.yaml", "team").unwrap();
    manifests
}

fn flags(account: &[&str], namespace: Option<&str>) -> ObjectFlags {
    ObjectFlags {
        filename: vec!["all.yaml".into()],
        account: account.iter().map(ToString::to_string).collect(),
        namespace: namespace.map(str::to_string),
    }
}

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn told(flags: &ObjectFlags, principal: Option<&str>, format: TableFormat) -> String {
    let question = Question {
        principal,
        unused: None,
    };
    written(&rows::asked(&manifests(), flags, question, now()), format, now())
}

#[test]
fn the_text_says_who_gets_in_where_and_who_does_not() {
    let said = told(&flags(&[], None), None, TableFormat::Text);
    let squeezed: Vec<String> = said
        .lines()
        .map(|line| {
            line.split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .collect::<Vec<_>>()
                .join(" | ")
        })
        .collect();
    assert_eq!(
        squeezed,
        [
            "ACCOUNT | ROLE | WHO | STATE | UNTIL | LAST USED | HOW",
            "prod (222222222222) | team/asleep | arn:aws:iam::111111111111:role/ci | unsettled | - | - | StringEquals aws:PrincipalTag/x [\"<b>&'\"] [Suspended: spec.suspend is true: the object is left alone]",
            "prod (222222222222) | team/audit | users of account 111111111111 | open | - | - | MFA, MFA less than 1h old",
            "prod (222222222222) | team/long | account 111111111111 | refused | - | - | nothing more is required [SessionTooLong: spec.maxSessionDuration: 12h is longer than the 1h that AccountClass c allows]",
            "prod (222222222222) | team/partner | account 444444444444 | open | - | - | external id first-id",
            "stage (333333333333) | team/audit | users of account 111111111111 | unsettled | - | - | MFA, MFA less than 1h old [AccountPaused: AWSAccount stage is Paused: no call is made]",
        ]
    );
}

#[test]
fn only_what_was_asked_for_is_told() {
    let lines = |account: &[&str], namespace: Option<&str>, principal: Option<&str>| {
        told(&flags(account, namespace), principal, TableFormat::Text)
            .lines()
            .count()
            - 1
    };
    assert_eq!(lines(&["stage"], None, None), 1);
    assert_eq!(lines(&["222222222222"], Some("team"), None), 4);
    assert_eq!(lines(&[], Some("other"), None), 0);
    assert_eq!(lines(&[], None, Some("444444444444")), 1);
    assert_eq!(lines(&[], None, Some("arn:aws:iam::111111111111:user/ann")), 3);
    assert_eq!(told(&flags(&["nowhere"], None), None, TableFormat::Text), "nobody\n");
}

#[test]
fn csv_is_quoted_and_no_formula() {
    let text = told(
        &flags(&[], None),
        Some("arn:aws:iam::111111111111:role/ci"),
        TableFormat::Csv,
    );
    let lines: Vec<&str> = text.split("\r\n").collect();
    assert!(lines[0].starts_with("\"account\",\"accountId\","), "{text}");
    assert!(lines[1].contains("StringEquals aws:PrincipalTag/x [\"\"<b>"), "{text}");
    assert_eq!(lines.len(), 4, "{text}");
    let question = Question {
        principal: Some("444444444444"),
        unused: None,
    };
    let mut rows = rows::asked(&manifests(), &flags(&[], None), question, now());
    rows[0].place.account = "=1+1".into();
    assert!(written(&rows, TableFormat::Csv, now()).contains("\r\n\"'=1+1\","));
}

#[test]
fn json_holds_every_condition() {
    let text = told(&flags(&[], None), Some("444444444444"), TableFormat::Json);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let row = &value["rows"][0];
    assert_eq!(row["externalIds"], serde_json::json!(["first-id"]));
    assert_eq!(
        row["ways"][0]["conditions"],
        serde_json::json!([{"operator": "StringEquals", "key": "sts:ExternalId", "values": ["first-id"]}])
    );
}

#[test]
fn the_page_is_one_file_and_nothing_of_an_object_becomes_html() {
    let page = told(&flags(&[], None), None, TableFormat::Html);
    assert!(page.contains("&lt;b&gt;&amp;&#39;"), "{page}");
    assert!(
        !page.contains("<b>") && !page.contains("http://") && !page.contains("https://"),
        "{page}"
    );
    assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("url("));
    assert!(
        page.contains("<title>account 111111111111 → prod (222222222222): team/asleep, team/audit, team/long</title>")
    );
    assert_eq!(page.matches("<tr>").count(), 6);
    let nobody = told(&flags(&["nowhere"], None), None, TableFormat::Html);
    assert!(!nobody.contains("<svg") && nobody.ends_with("</html>\n"));
}

#[test]
fn files_are_open_only_where_a_plan_would_be_carried_out() {
    let twin = "---\n{apiVersion: crossrole.dev/v1alpha1, kind: CrossAccountRole, metadata: {name: twin, namespace: team}, spec: {accounts: {names: [prod]}, roleName: partner, trust: [{from: {accounts: ['444444444444']}, require: {externalIds: [first-id]}}]}}\n";
    let dated = "---\n{apiVersion: crossrole.dev/v1alpha1, kind: CrossAccountRole, metadata: {name: dated, namespace: team}, spec: {accounts: {names: [prod]}, validity: {notAfter: '2027-01-01T00:00:00Z'}, extraTrustStatements: [{Effect: Allow, Principal: {AWS: '111111111111'}, Action: 'sts:AssumeRole', Condition: {DateLessThan: {'aws:CurrentTime': '2026-12-01T00:00:00Z'}}}]}}\n";
    let mut manifests = manifests();
    manifests.add(&format!("{twin}{dated}"), "more.yaml", "team").unwrap();
    let rows = rows::asked(&manifests, &flags(&["prod"], None), Question::default(), now());
    let state = |name: &str| {
        let row = rows.iter().find(|row| row.place.object.name == name).unwrap();
        format!("{} {}", row.state.word(), row.state.detail())
    };
    let both = [state("partner"), state("twin")];
    assert_eq!(both.iter().filter(|state| *state == "open ").count(), 1, "{both:?}");
    assert!(
        both.iter().any(|state| state.starts_with("refused HeldByAnother")),
        "{both:?}"
    );
    assert!(state("dated").starts_with("refused"), "{}", state("dated"));
}

#[test]
fn json_says_of_no_deny_that_it_is_open() {
    let text = "---\n{apiVersion: crossrole.dev/v1alpha1, kind: CrossAccountRole, metadata: {name: denied, namespace: team}, spec: {accounts: {names: [prod]}, trust: [{from: {principals: ['arn:aws:iam::111111111111:role/d']}}], extraTrustStatements: [{Effect: Deny, Principal: {AWS: 'arn:aws:iam::111111111111:role/d'}, Action: 'sts:AssumeRole'}]}}\n";
    let mut manifests = manifests();
    manifests.add(text, "more.yaml", "team").unwrap();
    let rows = rows::asked(&manifests, &flags(&["prod"], None), Question::default(), now());
    let rows: Vec<_> = rows
        .into_iter()
        .filter(|row| row.place.object.name == "denied")
        .collect();
    assert_eq!(rows.len(), 2);
    let json = written(&rows, TableFormat::Json, now());
    assert_eq!(json.matches(r#""state": "kept out""#).count(), 2, "{json}");
    let page = written(&rows, TableFormat::Html, now());
    assert!(
        page.contains("0 of them open") && page.contains(r#"<path class="shut""#),
        "{page}"
    );
}
