use super::*;
use crate::testing::{check_table, declaration, role, verdict};

type Row = (&'static str, &'static str, &'static str);

fn check(rows: &[Row]) {
    check_table(rows, |spec| verdict(Declaration::parse(&role(spec))));
}

#[test]
fn a_role_needs_a_name_that_iam_takes() {
    check(&[
        (
            "the longest name",
            "roleName: abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+",
            "passes",
        ),
        (
            "a space",
            "roleName: My Role",
            r#"InvalidSpec, spec.roleName: role name "My Role" has the character ' '; allowed are letters, digits and _+=,.@-"#,
        ),
        (
            "an empty name",
            "roleName: ''",
            r#"InvalidSpec, spec.roleName: role name "" is empty"#,
        ),
        (
            "65 characters",
            "roleName: abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=",
            r#"InvalidSpec, spec.roleName: role name "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=" has 65 characters; at most 64 are allowed"#,
        ),
        (
            "a path in the name",
            "roleName: team/audit",
            r#"InvalidSpec, spec.roleName: role name "team/audit" has the character '/'; allowed are letters, digits and _+=,.@-"#,
        ),
    ]);
}

#[test]
fn the_objects_name_is_the_roles_unless_it_says_otherwise() {
    assert_eq!(declaration("").role_name.as_str(), "audit");
    assert_eq!(declaration("roleName: Audit").role_name.as_str(), "Audit");
}

#[test]
fn a_path_begins_and_ends_with_a_slash() {
    check(&[
        ("a path", "path: /crossrole/team/", "passes"),
        (
            "no last slash",
            "path: /crossrole",
            r#"InvalidSpec, spec.path: path "/crossrole" must begin and end with a slash, such as /team/"#,
        ),
        (
            "a variable that was replaced by nothing",
            "path: /crossrole//",
            r#"InvalidSpec, spec.path: path "/crossrole//" has an empty segment; was a variable replaced by nothing?"#,
        ),
    ]);
}

#[test]
fn a_description_has_only_characters_that_iam_takes() {
    check(&[
        ("Latin letters", "description: Prüfung", "passes"),
        (
            "a euro sign",
            "description: costs 5 €",
            r#"InvalidSpec, spec.description: description "costs 5 €" has the character '€'; IAM takes printable ASCII and U+00A1 to U+00FF"#,
        ),
    ]);
    let long = format!("description: {}", "a".repeat(1001));
    let said = verdict(Declaration::parse(&role(&long)));
    assert!(
        said.starts_with("InvalidSpec, spec.description: ")
            && said.ends_with("has 1001 characters; at most 1000 are allowed"),
        "{said}"
    );
}

#[test]
fn a_session_lasts_from_one_hour_to_twelve() {
    check(&[
        ("1h", "maxSessionDuration: 1h", "passes"),
        ("12h", "maxSessionDuration: 12h", "passes"),
        ("in seconds", "maxSessionDuration: 3600s", "passes"),
        (
            "13h",
            "maxSessionDuration: 13h",
            "InvalidSpec, spec.maxSessionDuration: write a duration from 1h to 12h",
        ),
        (
            "59m",
            "maxSessionDuration: 59m",
            "InvalidSpec, spec.maxSessionDuration: write a duration from 1h to 12h",
        ),
        (
            "days",
            "maxSessionDuration: 1d",
            "InvalidSpec, spec.maxSessionDuration: write a duration from 1h to 12h",
        ),
    ]);
}

#[test]
fn managed_policies_are_named_where_they_belong() {
    check(&[
        (
            "an AWS managed policy by name",
            "permissions: {awsManaged: [job-function/ViewOnlyAccess]}",
            "passes",
        ),
        (
            "by ARN",
            "permissions: {awsManaged: ['arn:aws:iam::aws:policy/SecurityAudit']}",
            "passes",
        ),
        (
            "a customer managed policy",
            "permissions: {customerManaged: [team/read-logs]}",
            "passes",
        ),
        (
            "an account's policy among AWS's",
            "permissions: {awsManaged: [SecurityAudit, 'arn:aws:iam::222222222222:policy/mine']}",
            "InvalidSpec, spec.permissions.awsManaged[1]: arn:aws:iam::222222222222:policy/mine is not an AWS managed policy: a policy of an account goes into customerManaged, by name",
        ),
        (
            "an ARN among the account's",
            "permissions: {customerManaged: ['arn:aws:iam::222222222222:policy/mine']}",
            r#"InvalidSpec, spec.permissions.customerManaged[0]: managed policy "arn:aws:iam::222222222222:policy/mine" is an ARN where a name is expected"#,
        ),
        (
            "a leading slash",
            "permissions: {awsManaged: [/SecurityAudit]}",
            r#"InvalidSpec, spec.permissions.awsManaged[0]: managed policy "/SecurityAudit" must not begin with a slash: write the path and the name, such as team/read-logs"#,
        ),
        (
            "an empty segment",
            "permissions: {customerManaged: [team//read-logs]}",
            r#"InvalidSpec, spec.permissions.customerManaged[0]: managed policy "team//read-logs" has an empty segment; was a variable replaced by nothing?"#,
        ),
        ("a boundary by name", "permissionsBoundary: team/boundary", "passes"),
        (
            "a boundary by ARN",
            "permissionsBoundary: 'arn:aws:iam::222222222222:policy/boundary'",
            "passes",
        ),
        (
            "a boundary that is a role",
            "permissionsBoundary: 'arn:aws:iam::222222222222:role/boundary'",
            "InvalidSpec, spec.permissionsBoundary: arn:aws:iam::222222222222:role/boundary is not the ARN of a managed policy",
        ),
    ]);
}

#[test]
fn inline_documents_are_refused_with_their_json_path() {
    let with = |name: &str, document: &str| {
        verdict(Declaration::parse(&role(&format!(
            "permissions: {{inline: [{{name: '{name}', document: {document}}}]}}"
        ))))
    };
    let good = "{Version: '2012-10-17', Statement: [{Effect: Allow, Action: 's3:GetObject', Resource: '*'}]}";
    for (name, document, expected) in [
        ("read", good, "passes"),
        (
            "read",
            "{Version: '2012-10-17'}",
            ".document: Statement: is missing; a policy document needs at least one statement",
        ),
        (
            "read",
            "{Version: '2012-10-17', Statement: [{Effect: Allow, Action: 's3:GetObject'}]}",
            ".document: Statement[0].Resource: is missing; a statement of a permission policy needs a Resource or a NotResource",
        ),
        (
            "read",
            "{Version: '2012-10-17', Statement: [{Effect: Allow, Actions: 's3:GetObject', Resource: '*'}]}",
            ".document: Statement[0].Actions: is not a member of a statement, which has Sid, Effect, Principal, NotPrincipal, Action, NotAction, Resource, NotResource, Condition",
        ),
        (
            "read",
            "{Version: '2012-10-17', Statement: [{Effect: allow, Action: 's3:GetObject', Resource: '*'}]}",
            r#".document: Statement[0].Effect: "allow" has the wrong case; write "Allow""#,
        ),
        (
            "read",
            "{Version: '2012-10-17', Statement: [{Effect: Allow, Action: ['s3:GetObject', GetObject], Resource: '*'}]}",
            r#".document: Statement[0].Action[1]: "GetObject" has no service before it; write service:action, such as s3:GetObject"#,
        ),
        (
            "read",
            "{Version: '2012-10-17', Statement: [{Effect: Allow, Principal: '*', Action: 's3:GetObject', Resource: '*'}]}",
            ".document: Statement[0].Principal: may not stand in a permission policy; it speaks of the role it is attached to",
        ),
        (
            "read me",
            good,
            r#".name: policy name "read me" has the character ' '; allowed are letters, digits and _+=,.@-"#,
        ),
        (
            "AWSRevokeOlderSessions",
            good,
            ".name: AWSRevokeOlderSessions is a name that crossrole keeps for its own policies: choose another",
        ),
        (
            "crossrole-closed",
            good,
            ".name: crossrole-closed is a name that crossrole keeps for its own policies: choose another",
        ),
    ] {
        let expected = if expected == "passes" {
            expected.into()
        } else {
            format!("InvalidSpec, spec.permissions.inline[0]{expected}")
        };
        assert_eq!(with(name, document), expected);
    }
    let twice = format!(
        "permissions: {{inline: [{{name: b, document: {good}}}, {{name: a, document: {good}}}, {{name: b, document: {good}}}]}}"
    );
    assert_eq!(
        verdict(Declaration::parse(&role(&twice))),
        "InvalidSpec, spec.permissions.inline[2].name: is also that of inline[0], for IAM does not tell names apart by case: choose another"
    );
    assert_eq!(
        verdict(Declaration::parse(&role(&twice.replacen("name: b", "name: B", 1)))),
        "InvalidSpec, spec.permissions.inline[2].name: is also that of inline[0], for IAM does not tell names apart by case: choose another"
    );
}

#[test]
fn names_of_our_own_policies_are_ours_in_every_case() {
    for name in [
        "crossrole-closed",
        "Crossrole-closed",
        "CROSSROLE-VALIDITY",
        "crossrole-x",
        "AWSRevokeOlderSessions",
        "awsrevokeoldersessions",
    ] {
        let document = "{Version: '2012-10-17', Statement: {Effect: Allow, Action: 's3:*', Resource: '*'}}";
        let spec = format!("permissions: {{inline: [{{name: {name}, document: {document}}}]}}");
        assert_eq!(
            verdict(Declaration::parse(&role(&spec))),
            format!(
                "InvalidSpec, spec.permissions.inline[0].name: {name} is a name that crossrole keeps for its own policies: choose another"
            )
        );
    }
}

#[test]
fn tags_are_ones_that_iam_takes_and_not_ours() {
    check(&[
        ("a tag", "tags: {team: security, 'cost center': '12'}", "passes"),
        (
            "keys that differ only by case",
            "tags: {Team: a, team: b}",
            "InvalidSpec, spec.tags[team]: IAM does not tell keys apart by case: another key is the same but for its case",
        ),
        (
            "a key of ours",
            "tags: {crossrole.dev/owner: me}",
            "InvalidSpec, spec.tags[crossrole.dev/owner]: keys that begin with crossrole.dev/ are crossrole's own: choose another",
        ),
        (
            "a key of ours in another case",
            "tags: {Crossrole.Dev/Owner: me}",
            "InvalidSpec, spec.tags[Crossrole.Dev/Owner]: keys that begin with crossrole.dev/ are crossrole's own: choose another",
        ),
        (
            "a key of AWS",
            "tags: {'aws:team': a}",
            r#"InvalidSpec, spec.tags[aws:team]: tag key "aws:team" begins with aws:, which AWS keeps for itself"#,
        ),
        (
            "a character that IAM does not take",
            "tags: {team: 'a;b'}",
            r#"InvalidSpec, spec.tags[team]: tag value "a;b" has the character ';'; allowed are letters, digits, spaces and _.:/=+-@"#,
        ),
    ]);
    let tags = |count: usize| {
        (0..count)
            .map(|number| format!("k{number}: v"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let said = |count| verdict(Declaration::parse(&role(&format!("tags: {{{}}}", tags(count)))));
    assert_eq!(said(48), "passes");
    assert_eq!(
        said(49),
        "InvalidSpec, spec.tags: a role has at most 50 tags, and 2 of them are crossrole's own"
    );
}

#[test]
fn what_is_far_longer_than_iam_takes_is_refused_unread() {
    let long = "a".repeat(5_000);
    let inline: Vec<String> = (0..10)
        .map(|number| format!("{{name: p{number}, document: {{A: {long}}}}}"))
        .collect();
    let said = |spec: String| verdict(Declaration::parse(&role(&spec)));
    assert_eq!(
        said(format!("permissions: {{inline: [{}]}}", inline.join(", "))),
        "InvalidSpec, spec.permissions.inline: has 50080 characters, and all inline policies of a role together have at most 10240"
    );
    assert_eq!(
        said(format!(
            "extraTrustStatements: [{}]",
            vec![format!("{{A: {long}}}"); 10].join(", ")
        )),
        "InvalidSpec, spec.extraTrustStatements: has 50091 characters, and a trust policy has at most 4096"
    );
    let entry = format!("{{from: {{services: [ec2.amazonaws.com]}}, require: {{conditions: {{A: {long}}}}}}}");
    assert_eq!(
        said(format!("trust: [{}]", vec![entry; 10].join(", "))),
        "InvalidSpec, spec.trust: has 50781 characters, and a trust policy has at most 4096"
    );
}

#[test]
fn a_number_in_a_document_is_never_changed_without_a_word() {
    let document = |condition: &str| {
        format!(
            "permissions: {{inline: [{{name: p, document: {{Version: '2012-10-17', Statement: {{Effect: Deny, Action: 's3:*', Resource: '*', Condition: {condition}}}}}}}]}}"
        )
    };
    let said = |spec: String| verdict(Declaration::parse(&role(&spec)));
    for (condition, start) in [
        (
            "{StringEquals: {'aws:PrincipalAccount': 012345678901}}",
            ": StringEquals compares text",
        ),
        (
            "{StringEquals: {'aws:PrincipalAccount': 1.10}}",
            ": StringEquals compares text",
        ),
        (
            "{NumericEquals: {'aws:PrincipalAccount': 123456789012345678901234}}",
            ": the number 1.234567890123456",
        ),
    ] {
        let said = said(document(condition));
        assert!(
            said.contains(":PrincipalAccount") && said.contains(start),
            "{condition}: {said}"
        );
    }
    assert_eq!(said(document("{NumericLessThan: {'s3:max-keys': 1.10}}")), "passes");
    let raw = |condition: &str| {
        format!("trust: [{{from: {{accounts: ['111111111111']}}, require: {{conditions: {condition}}}}}]")
    };
    assert_eq!(
        said(raw("{StringEquals: {'aws:PrincipalTag/unit': 10}}")),
        "InvalidSpec, spec.trust[0].require.conditions: StringEquals.aws:PrincipalTag/unit: StringEquals compares text, and a number does not always keep its form (a 0 in front is lost): put 10 in quotes"
    );
}
