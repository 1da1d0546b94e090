use insta::assert_snapshot;

use super::*;
use crate::testing::declaration;

fn rendered(entry: &str) -> String {
    document(&declaration(&format!("trust: [{entry}]")).trust, Partition::Aws).to_pretty_json()
}

#[test]
fn an_account_admits_its_users_and_roles() {
    assert_snapshot!(rendered("{from: {accounts: ['111111111111']}}"), @r#"
        {
          "Version": "2012-10-17",
          "Statement": [
            {
              "Effect": "Allow",
              "Principal": {
                "AWS": "arn:aws:iam::111111111111:root"
              },
              "Action": "sts:AssumeRole"
            }
          ]
        }
    "#);
}

#[test]
fn only_the_roles_of_accounts() {
    assert_snapshot!(rendered("{from: {accounts: ['333333333333', '111111111111'], kind: Roles}}"), @r#"
        {
          "Version": "2012-10-17",
          "Statement": [
            {
              "Effect": "Allow",
              "Principal": {
                "AWS": [
                  "arn:aws:iam::111111111111:root",
                  "arn:aws:iam::333333333333:root"
                ]
              },
              "Action": "sts:AssumeRole",
              "Condition": {
                "ArnLike": {
                  "aws:PrincipalArn": [
                    "arn:aws:iam::111111111111:role/*",
                    "arn:aws:iam::333333333333:role/*"
                  ]
                }
              }
            }
          ]
        }
    "#);
}

#[test]
fn only_users_with_a_second_factor_and_an_external_id() {
    assert_snapshot!(
        rendered("{from: {accounts: ['111111111111'], kind: Users}, require: {mfa: {maxAge: 1h}, externalIds: [new-id, old-id]}}"),
        @r#"
        {
          "Version": "2012-10-17",
          "Statement": [
            {
              "Effect": "Allow",
              "Principal": {
                "AWS": "arn:aws:iam::111111111111:root"
              },
              "Action": "sts:AssumeRole",
              "Condition": {
                "ArnLike": {
                  "aws:PrincipalArn": "arn:aws:iam::111111111111:user/*"
                },
                "Bool": {
                  "aws:MultiFactorAuthPresent": "true"
                },
                "NumericLessThan": {
                  "aws:MultiFactorAuthAge": "3600"
                },
                "StringEquals": {
                  "sts:ExternalId": [
                    "new-id",
                    "old-id"
                  ]
                }
              }
            }
          ]
        }
    "#
    );
}

#[test]
fn a_second_factor_shuts_roles_out() {
    let said = rendered("{from: {accounts: ['111111111111']}, require: {mfa: {maxAge: 1h}}}");
    assert_eq!(
        said,
        rendered("{from: {accounts: ['111111111111'], kind: Users}, require: {mfa: {maxAge: 1h}}}")
    );
}

#[test]
fn named_users_and_roles() {
    assert_snapshot!(
        rendered("{from: {principals: ['arn:aws:iam::111111111111:user/ann', 'arn:aws:iam::111111111111:role/team/ci']}}"),
        @r#"
        {
          "Version": "2012-10-17",
          "Statement": [
            {
              "Effect": "Allow",
              "Principal": {
                "AWS": [
                  "arn:aws:iam::111111111111:user/ann",
                  "arn:aws:iam::111111111111:role/team/ci"
                ]
              },
              "Action": "sts:AssumeRole"
            }
          ]
        }
    "#
    );
}

#[test]
fn closed_to_everybody() {
    assert_snapshot!(closed().to_pretty_json(), @r#"
        {
          "Version": "2012-10-17",
          "Statement": [
            {
              "Sid": "CrossroleClosed",
              "Effect": "Deny",
              "Principal": {
                "AWS": "*"
              },
              "Action": [
                "sts:AssumeRole",
                "sts:AssumeRoleWithSAML",
                "sts:AssumeRoleWithWebIdentity"
              ]
            }
          ]
        }
    "#);
}

#[test]
fn arns_are_of_the_accounts_partition() {
    let statements = declaration("trust: [{from: {accounts: ['111111111111'], kind: Roles}}]").trust;
    let said = document(&statements, Partition::AwsEusc).to_json();
    assert!(
        said.contains("arn:aws-eusc:iam::111111111111:root") && said.contains("arn:aws-eusc:iam::111111111111:role/*"),
        "{said}"
    );
}

#[test]
fn every_rendered_document_is_one_that_iam_takes() {
    use crossrole_iam::document::DocumentKind;
    assert_eq!(closed().check(DocumentKind::Trust), Ok(()));
    for entry in [
        "{from: {accounts: ['111111111111']}}",
        "{from: {accounts: ['111111111111'], kind: Users}, require: {mfa: {maxAge: 1h}, externalIds: [ab]}}",
        "{from: {principals: ['arn:aws:iam::111111111111:role/team/ci']}}",
    ] {
        let statements = declaration(&format!("trust: [{entry}]")).trust;
        assert_eq!(document(&statements, Partition::Aws).check(DocumentKind::Trust), Ok(()));
    }
}
