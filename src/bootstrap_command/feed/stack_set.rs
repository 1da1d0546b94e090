//! A CloudFormation template for the accounts of an organisation: one StackSet, which goes through the Regions one after
//! another, for the role that all of them need is made in the first. Source: CloudFormation Template Reference,
//! `AWS::CloudFormation::StackSet`.

use std::fmt::Write as _;

use crossrole_plan::kit::feed::Feed;

use super::super::kit_file::{KitFile, indented};
use super::cloudformation::{HOLDS_ROLES, template};
use super::{header, lists};

const HOW: &str = "\
In the organisation's management account, or in one that administers StackSets for it (with CallAs=DELEGATED_ADMIN), where
FILE is this file and trusted access is on:

  aws cloudformation deploy --stack-name crossrole-events --template-file FILE --capabilities CAPABILITY_NAMED_IAM \\
    --parameter-overrides OrganizationalUnit=\"$(aws organizations list-roots --query 'Roots[0].Id' --output text)\"

Print it again when accounts or Regions come or go, and deploy that. A StackSet never reaches the management account itself,
nor accounts of others: for those there is --format cloudformation.";

pub(super) fn file(feed: &Feed, regions: &[String]) -> KitFile {
    let targets: Vec<&str> = feed.targets.keys().map(|id| id.as_str()).collect();
    let trusted: Vec<&str> = feed.trusted.iter().map(|id| id.as_str()).collect();
    let regions = regions.join(", ");
    let mut instances = String::new();
    for (accounts, holds_roles) in [(targets, true), (trusted, false)] {
        if !accounts.is_empty() {
            let _ = write!(
                instances,
                "
        - DeploymentTargets:
            OrganizationalUnitIds: [!Ref OrganizationalUnit]
            Accounts: {accounts:?}
            AccountFilterType: INTERSECTION
          Regions: [{regions}]
          ParameterOverrides:
            - ParameterKey: {HOLDS_ROLES}
              ParameterValue: \"{holds_roles}\""
            );
        }
    }
    let text = format!(
        "AWSTemplateFormatVersion: \"2010-09-09\"
Description: \"What sends events about roles of crossrole to the central bus\"
Parameters:
  OrganizationalUnit:
    Type: String
    AllowedPattern: \"r-[0-9a-z]{{4,32}}|ou-[0-9a-z]{{4,32}}-[0-9a-z]{{8,32}}\"
    Description: The root of the organisation, or a unit that holds all of the accounts, directly or not.
  CallAs:
    Type: String
    Default: SELF
    AllowedValues: [SELF, DELEGATED_ADMIN]
    Description: SELF in the management account.
Resources:
  Accounts:
    Type: AWS::CloudFormation::StackSet
    Properties:
      StackSetName: crossrole-events
      Description: \"What sends events about roles of crossrole to the central bus\"
      PermissionModel: SERVICE_MANAGED
      CallAs: !Ref CallAs
      AutoDeployment:
        Enabled: false
      ManagedExecution:
        Active: true
      OperationPreferences:
        RegionConcurrencyType: SEQUENTIAL
        RegionOrder: [{regions}]
      Capabilities: [CAPABILITY_NAMED_IAM]
      StackInstancesGroup:{instances}
      TemplateBody: |
        {template}
",
        template = indented(template(feed).trim_end(), 8),
    );
    let how = format!("{HOW}\n\n{}", lists(feed));
    KitFile {
        name: "events-stackset.yaml".to_string(),
        text: header(
            feed,
            "What sends events about roles of crossrole from the accounts to the central bus.",
            &how,
        ) + &text,
    }
}
