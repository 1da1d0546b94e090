//! A CloudFormation template for the accounts of an organisation: one StackSet, in which each account has its own external
//! id. Sources: CloudFormation Template Reference, `AWS::CloudFormation::StackSet`; CloudFormation User Guide, "Create
//! CloudFormation StackSets with service-managed permissions".

use std::fmt::Write as _;

use crossrole_plan::kit::Kit;
use crossrole_plan::kit::feed::iam_region;

use super::accounts::Entry;
use super::cloudformation::template;
use super::kit_file::{KitFile, header, indented};

const HOW: &str = "\
In the organisation's management account, or in one that administers StackSets for it (with CallAs=DELEGATED_ADMIN), where
FILE is this file and trusted access is on:

  aws cloudformation deploy --stack-name crossrole-bootstrap --template-file FILE --capabilities CAPABILITY_NAMED_IAM \\
    --parameter-overrides OrganizationalUnit=\"$(aws organizations list-roots --query 'Roots[0].Id' --output text)\"

A file of more than 51,200 bytes needs --s3-bucket as well. Print it again when accounts come or go, and deploy that: an
account that is no longer in it loses the bootstrap role. A StackSet never reaches the management account itself; for that
one there is --format cloudformation.";

pub(super) fn file(kit: &Kit, entries: &[Entry]) -> KitFile {
    // IAM is the same in all Regions, and CloudFormation is there as well.
    let region = iam_region(kit.partition);
    let mut instances = String::new();
    for entry in entries {
        let _ = write!(
            instances,
            "
        # {}
        - DeploymentTargets:
            OrganizationalUnitIds: [!Ref OrganizationalUnit]
            Accounts: [\"{}\"]
            AccountFilterType: INTERSECTION
          Regions: [{region}]
          ParameterOverrides:
            - ParameterKey: ExternalId
              ParameterValue: {:?}",
            entry.name, entry.id, entry.external_id
        );
    }
    let text = format!(
        "AWSTemplateFormatVersion: \"2010-09-09\"
Description: {description:?}
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
      StackSetName: {stack_set:?}
      Description: {description:?}
      PermissionModel: SERVICE_MANAGED
      CallAs: !Ref CallAs
      AutoDeployment:
        Enabled: false
      ManagedExecution:
        Active: true
      Capabilities: [CAPABILITY_NAMED_IAM]
      StackInstancesGroup:{instances}
      TemplateBody: |
        {template}",
        description = format!("What crossrole needs in the accounts of AccountClass {}", kit.class),
        stack_set = stack_set_name(&kit.class),
        template = indented(template(kit, "").trim_end(), 8),
    );
    KitFile {
        name: "stackset.yaml".to_string(),
        text: header(kit, entries, HOW) + &text + "\n",
    }
}

/// Letters, digits and hyphens, at most 128. Source: CloudFormation API Reference, `CreateStackSet`.
fn stack_set_name(class: &str) -> String {
    let class: String = class
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
        .collect();
    format!("crossrole-bootstrap-{class}").chars().take(128).collect()
}
