mod kinds;
mod situations;

use insta::assert_snapshot;

use super::*;
use crate::testing::{check_table, declaration, verdict};

fn trust_of(spec: &str, partition: Partition) -> Result<RenderedTrust, Refusal> {
    super::rendered(&declaration(spec).trust, partition, &"222222222222".parse().unwrap())
}

fn rendered_spec(spec: &str) -> String {
    trust_of(spec, Partition::Aws).unwrap().document.to_pretty_json()
}

fn document(entry: &str, partition: Partition) -> Document {
    trust_of(&format!("trust: [{entry}]"), partition).unwrap().document
}

fn rendered(entry: &str) -> String {
    document(entry, Partition::Aws).to_pretty_json()
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
    let said = document("{from: {accounts: ['111111111111'], kind: Roles}}", Partition::AwsEusc).to_json();
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
        assert_eq!(document(entry, Partition::Aws).check(DocumentKind::Trust), Ok(()));
    }
}

#[test]
fn every_statement_says_which_field_it_comes_from() {
    let said = trust_of(
        "trust:
- from: {accounts: ['111111111111']}
- from: {principals: ['arn:aws:iam::111111111111:role/ci']}
  allow: {sessionTags: [team], sourceIdentity: true}
extraTrustStatements:
- {Effect: Deny, Principal: {AWS: '*'}, Action: 'sts:AssumeRole', Condition: {StringLike: {'aws:PrincipalArn': '*:root'}}}
- {Effect: Allow, Principal: {AWS: '333333333333'}, Action: 'sts:AssumeRole'}",
        Partition::Aws,
    )
    .unwrap();
    assert_eq!(said.document.statements.len(), said.fields.len());
    assert_eq!(
        said.fields,
        [
            "spec.trust[0]",
            "spec.trust[1]",
            "spec.trust[1]",
            "spec.trust[1]",
            "spec.extraTrustStatements[0]",
            "spec.extraTrustStatements[1]",
        ]
    );
}

#[test]
fn an_arn_of_another_partition_is_refused_with_its_field() {
    const CHINA: &str =
        "is of partition aws-cn, but account 222222222222 is in aws, and no partition knows another's identities";
    let rows: &[(&str, &str, &str)] = &[
        (
            "a role",
            "from: {principals: ['arn:aws-cn:iam::111111111111:role/ci']}",
            "from.principals: arn:aws-cn:iam::111111111111:role/ci",
        ),
        (
            "a pattern",
            "from: {principalPatterns: ['arn:aws-cn:iam::111111111111:role/*']}",
            "from.principalPatterns: arn:aws-cn:iam::111111111111:role/*",
        ),
        (
            "a pattern of an organisation",
            "from: {principalPatterns: ['arn:aws-cn:iam::*:role/ci']}, require: {organization: o-a1b2c3d4e5}",
            "from.principalPatterns: arn:aws-cn:iam::*:role/ci",
        ),
        (
            "a service",
            "from: {services: [ec2.amazonaws.com.cn]}",
            "from.services: ec2.amazonaws.com.cn",
        ),
        (
            "a source",
            "from: {services: [s3.amazonaws.com]}, require: {sourceArns: ['arn:aws-cn:s3:::bucket']}",
            "require.sourceArns: arn:aws-cn:s3:::bucket",
        ),
        (
            "a cluster",
            "from: {podIdentity: {clusters: ['arn:aws-cn:eks:cn-north-1:222222222222:cluster/c']}}",
            "from.podIdentity.clusters: arn:aws-cn:eks:cn-north-1:222222222222:cluster/c",
        ),
        (
            "a trust anchor",
            "from: {rolesAnywhere: {trustAnchors: ['arn:aws-cn:rolesanywhere:cn-north-1:222222222222:trust-anchor/a']}}",
            "from.rolesAnywhere.trustAnchors: arn:aws-cn:rolesanywhere:cn-north-1:222222222222:trust-anchor/a",
        ),
    ];
    check_table(rows, |entry| {
        let spec = format!("trust: [{{{entry}}}]");
        assert_eq!(verdict(trust_of(&spec, Partition::AwsCn)), "passes", "{entry}");
        verdict(trust_of(&spec, Partition::Aws))
            .trim_start_matches("InvalidSpec, spec.trust[0].")
            .trim_end_matches(CHINA)
            .trim_end()
            .to_string()
    });
    let any = "trust: [{from: {services: [s3.amazonaws.com]}, require: {sourceArns: ['arn:*:s3:::bucket']}}]";
    assert_eq!(verdict(trust_of(any, Partition::AwsEusc)), "passes");
}

#[test]
fn what_iam_would_not_take_is_refused_with_the_field_that_it_comes_from() {
    let error = DocumentError {
        path: "Statement[1].Principal".into(),
        problem: "is wrong".into(),
    };
    let fields = ["spec.trust[0]".to_string(), "spec.extraTrustStatements[0]".to_string()];
    let said = |error: &DocumentError| refusal_of(error, &fields).to_string();
    assert_eq!(
        said(&error),
        "spec.extraTrustStatements[0]: IAM would not take what this becomes: Statement[1].Principal: is wrong"
    );
    let nowhere = DocumentError {
        path: String::new(),
        ..error
    };
    assert_eq!(
        said(&nowhere),
        "spec.trust: IAM would not take what this becomes: is wrong"
    );
}
