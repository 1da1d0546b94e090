//! A few of the policies that AWS itself manages. Their documents are shortened: enough for evaluation to be plausible.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::policy::document::Document;
use crate::policy::grammar::{Use, permission_document};

/// Name with its path, and the actions that the policy allows on everything.
const POLICIES: &[(&str, &[&str])] = &[
    ("AdministratorAccess", &["*"]),
    (
        "PowerUserAccess",
        &[
            "ec2:*",
            "s3:*",
            "lambda:*",
            "logs:*",
            "cloudwatch:*",
            "dynamodb:*",
            "sqs:*",
            "sns:*",
            "iam:ListRoles",
            "organizations:DescribeOrganization",
        ],
    ),
    (
        "ReadOnlyAccess",
        &[
            "dynamodb:Get*",
            "ec2:Describe*",
            "s3:Get*",
            "s3:List*",
            "iam:Get*",
            "iam:List*",
            "logs:Get*",
            "cloudwatch:Get*",
            "cloudwatch:List*",
        ],
    ),
    (
        "SecurityAudit",
        &[
            "iam:Get*",
            "iam:List*",
            "iam:GenerateCredentialReport",
            "ec2:Describe*",
            "s3:GetBucket*",
            "cloudtrail:Describe*",
            "config:Describe*",
        ],
    ),
    (
        "IAMFullAccess",
        &["iam:*", "organizations:DescribeAccount", "organizations:ListPolicies"],
    ),
    (
        "IAMReadOnlyAccess",
        &["iam:Get*", "iam:List*", "iam:Generate*", "iam:Simulate*"],
    ),
    ("AmazonS3FullAccess", &["s3:*", "s3-object-lambda:*"]),
    ("AmazonS3ReadOnlyAccess", &["s3:Get*", "s3:List*", "s3:Describe*"]),
    (
        "AmazonEC2FullAccess",
        &["ec2:*", "elasticloadbalancing:*", "cloudwatch:*", "autoscaling:*"],
    ),
    (
        "AmazonEC2ReadOnlyAccess",
        &[
            "ec2:Describe*",
            "elasticloadbalancing:Describe*",
            "cloudwatch:Describe*",
            "autoscaling:Describe*",
        ],
    ),
    (
        "AmazonDynamoDBReadOnlyAccess",
        &["dynamodb:Get*", "dynamodb:List*", "dynamodb:Query", "dynamodb:Scan"],
    ),
    (
        "AmazonSSMManagedInstanceCore",
        &[
            "ssm:GetParameter",
            "ssm:UpdateInstanceInformation",
            "ssmmessages:*",
            "ec2messages:*",
        ],
    ),
    (
        "AWSCloudTrail_ReadOnlyAccess",
        &["cloudtrail:Get*", "cloudtrail:Describe*", "cloudtrail:List*"],
    ),
    ("CloudWatchFullAccess", &["cloudwatch:*", "logs:*", "sns:*"]),
    (
        "CloudWatchReadOnlyAccess",
        &[
            "cloudwatch:Describe*",
            "cloudwatch:Get*",
            "cloudwatch:List*",
            "logs:Get*",
        ],
    ),
    ("AWSBillingReadOnlyAccess", &["ce:Get*", "ce:List*", "billing:Get*"]),
    ("AWSSupportAccess", &["support:*"]),
    (
        "AWSOrganizationsReadOnlyAccess",
        &["organizations:Describe*", "organizations:List*"],
    ),
    ("AWSLambda_ReadOnlyAccess", &["lambda:Get*", "lambda:List*"]),
    ("job-function/Billing", &["aws-portal:*", "budgets:*", "ce:*", "cur:*"]),
    (
        "job-function/DatabaseAdministrator",
        &["rds:*", "dynamodb:*", "redshift:*"],
    ),
    (
        "job-function/DataScientist",
        &["athena:*", "elasticmapreduce:*", "s3:Get*"],
    ),
    (
        "job-function/NetworkAdministrator",
        &["ec2:*Vpc*", "route53:*", "directconnect:*"],
    ),
    ("job-function/SupportUser", &["support:*", "trustedadvisor:Describe*"]),
    ("job-function/SystemAdministrator", &["ec2:*", "cloudwatch:*", "ssm:*"]),
    (
        "job-function/ViewOnlyAccess",
        &[
            "ec2:Describe*",
            "s3:ListAllMyBuckets",
            "iam:List*",
            "iam:GetAccountSummary",
        ],
    ),
    (
        "service-role/AWSLambdaBasicExecutionRole",
        &["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
    ),
    ("service-role/AmazonEC2RoleforSSM", &["ssm:*", "ec2messages:*"]),
    ("service-role/AWSConfigRole", &["config:*", "s3:GetBucketAcl"]),
    (
        "service-role/AmazonECSTaskExecutionRolePolicy",
        &["ecr:GetAuthorizationToken", "ecr:BatchGetImage", "logs:PutLogEvents"],
    ),
];

fn all() -> &'static BTreeMap<&'static str, Document> {
    static DOCUMENTS: OnceLock<BTreeMap<&'static str, Document>> = OnceLock::new();
    DOCUMENTS.get_or_init(|| {
        POLICIES
            .iter()
            .filter_map(|(name, actions)| {
                let text = serde_json::json!({
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}],
                });
                Some((*name, permission_document(&text.to_string(), Use::Managed).ok()?))
            })
            .collect()
    })
}

/// The document of `arn:aws:iam::aws:policy/…`, in any partition.
pub(crate) fn document(arn: &str) -> Option<&'static Document> {
    let (head, name) = arn.split_once(":iam::aws:policy/")?;
    head.starts_with("arn:aws").then(|| all().get(name))?
}

/// The ARNs of all of them in a partition.
pub(crate) fn arns(partition: &str) -> impl Iterator<Item = String> {
    POLICIES
        .iter()
        .map(move |(name, _)| format!("arn:{partition}:iam::aws:policy/{name}"))
}

#[cfg(test)]
mod tests {
    use super::{POLICIES, all, document};

    #[test]
    fn every_built_in_policy_is_a_document_that_iam_takes() {
        assert_eq!(all().len(), POLICIES.len());
        assert!(document("arn:aws:iam::aws:policy/job-function/ViewOnlyAccess").is_some());
        assert!(document("arn:aws:iam::aws:policy/ViewOnlyAccess").is_none());
    }
}
