use crossrole_iam::Document;

use super::*;
use crate::testing::check_table;
use crate::trust;

fn statement(principal: &str, conditions: &str) -> Document {
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Principal": {principal}, "Action": "sts:AssumeRole", "Condition": {{{conditions}}}}}]}}"#
    );
    Document::parse(&text, DocumentKind::Trust).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A trust policy that admits the account, and a Deny.
fn denied(principal: &str, conditions: &str) -> Document {
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": [
            {{"Effect": "Allow", "Principal": {{"AWS": "111111111111"}}, "Action": "sts:AssumeRole"}},
            {{"Effect": "Deny", {principal}, "Action": "sts:*", "Condition": {{{conditions}}}}}
        ]}}"#
    );
    Document::parse(&text, DocumentKind::Trust).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Whether a trust policy admits the users of a group, a role, and names their account.
fn said(trust: &Document) -> String {
    let (partition, identity) = (Partition::Aws, identity());
    let all = |to: &str| grant(to).grantees.into_iter().next().unwrap();
    let (group, role) = (all("{groups: [SecAuditors]}"), all("{roles: [ci/deployer]}"));
    let word = |yes: bool, word: &'static str| if yes { word } else { "-" };
    [
        word(admits(trust, &group, partition, &identity), "users"),
        word(admits(trust, &role, partition, &identity), "role"),
        word(names_account(trust, &group, partition, &identity), "named"),
    ]
    .join(" ")
}

#[test]
fn the_other_side_admits_whom_its_trust_policy_speaks_of() {
    let account = r#"{"AWS": "111111111111"}"#;
    let users = r#""ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/*"}"#;
    let mfa = r#""Bool": {"aws:MultiFactorAuthPresent": "true"}"#;
    let organization = r#""StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}"#;
    check_table(
        &[
            ("the account", statement(account, ""), "users role named"),
            (
                "its root",
                statement(r#"{"AWS": "arn:aws:iam::111111111111:root"}"#, ""),
                "users role named",
            ),
            ("its users", statement(account, users), "users - named"),
            (
                "with MFA, which a role has not",
                statement(account, mfa),
                "users - named",
            ),
            ("another account", statement(r#"{"AWS": "999999999999"}"#, ""), "- - -"),
            (
                "an external id is theirs to bring",
                statement(account, r#""StringEquals": {"sts:ExternalId": "abc"}"#),
                "users role named",
            ),
            (
                "the organisation",
                statement(r#"{"AWS": "*"}"#, organization),
                "users role -",
            ),
            (
                "a role",
                statement(r#"{"AWS": "arn:aws:iam::111111111111:role/ci/deployer"}"#, ""),
                "- role -",
            ),
            (
                "another role",
                statement(r#"{"AWS": "arn:aws:iam::111111111111:role/deployer"}"#, ""),
                "- - -",
            ),
            (
                "a user, who may be in the group",
                statement(r#"{"AWS": "arn:aws:iam::111111111111:user/ada"}"#, ""),
                "users - named",
            ),
            ("nobody", trust::closed(), "- - -"),
        ],
        said,
    );
}

#[test]
fn who_is_denied_whatever_they_ask_is_not_admitted() {
    let everybody = r#""Principal": {"AWS": "*"}"#;
    check_table(
        &[
            ("everybody", denied(everybody, ""), "- - -"),
            (
                "the account",
                denied(r#""Principal": {"AWS": "111111111111"}"#, ""),
                "- - -",
            ),
            (
                "another account",
                denied(r#""Principal": {"AWS": "999999999999"}"#, ""),
                "users role named",
            ),
            (
                "the role",
                denied(
                    r#""Principal": {"AWS": "arn:aws:iam::111111111111:role/ci/deployer"}"#,
                    "",
                ),
                "users - named",
            ),
            (
                "one user, and others may be in the group",
                denied(r#""Principal": {"AWS": "arn:aws:iam::111111111111:user/mallory"}"#, ""),
                "users role named",
            ),
            (
                "all but one user",
                denied(r#""NotPrincipal": {"AWS": "arn:aws:iam::111111111111:user/ada"}"#, ""),
                "users - named",
            ),
            (
                "all but another account",
                denied(r#""NotPrincipal": {"AWS": "999999999999"}"#, ""),
                "- - -",
            ),
            (
                "users",
                denied(everybody, r#""ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/*"}"#),
                "- role -",
            ),
            (
                "all but some users",
                denied(
                    everybody,
                    r#""ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/audit/*"}"#,
                ),
                "users - named",
            ),
            (
                "all but another role",
                denied(
                    everybody,
                    r#""StringNotEquals": {"aws:PrincipalArn": "arn:aws:iam::111111111111:role/other"}"#,
                ),
                "- - -",
            ),
            (
                "all but another account's",
                denied(
                    everybody,
                    r#""StringNotEquals": {"aws:PrincipalAccount": "999999999999"}"#,
                ),
                "- - -",
            ),
            (
                "all but the account's",
                denied(
                    everybody,
                    r#""StringNotEquals": {"aws:PrincipalAccount": "111111111111"}"#,
                ),
                "users role named",
            ),
            (
                "whoever lacks MFA, which users can have",
                denied(everybody, r#""BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}"#),
                "users - named",
            ),
            (
                "whose MFA is old",
                denied(everybody, r#""NumericGreaterThan": {"aws:MultiFactorAuthAge": "3600"}"#),
                "users role named",
            ),
            (
                "who lacks an external id, which is theirs to bring",
                denied(everybody, r#""StringNotEquals": {"sts:ExternalId": "abc"}"#),
                "users role named",
            ),
        ],
        said,
    );
}
