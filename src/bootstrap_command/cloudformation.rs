//! A CloudFormation template for one account. Source of the resources' properties: CloudFormation Template Reference,
//! `AWS::IAM::Role` and `AWS::IAM::ManagedPolicy`.

use std::fmt::Write as _;

use crossrole_plan::kit::{Boundary, Kit, POLICY_NAME};

use super::accounts::Entry;
use super::kit_file::{ABOUT_BOUNDARY, ABOUT_GRANTS, ABOUT_ROLE, KitFile, header, indented, trust};

/// A deployment cannot say "no external id" by leaving it out, for that is how a StackSet's other accounts stay without a
/// role; so an empty one makes none.
const EXTERNAL_ID: &str = "ExternalId";

pub(super) fn file(kit: &Kit, entries: &[Entry]) -> KitFile {
    let mut how = String::from("With credentials of the account, where FILE is this file:\n");
    for entry in entries {
        let _ = write!(
            how,
            "\n  {} ({}):\n  aws cloudformation deploy --stack-name crossrole-bootstrap --template-file FILE \\\n    \
             --capabilities CAPABILITY_NAMED_IAM --parameter-overrides {EXTERNAL_ID}={}",
            entry.name, entry.id, entry.external_id
        );
    }
    // Of several accounts none is meant more than the others.
    let only = match entries {
        [entry] => entry.external_id.as_str(),
        _ => "",
    };
    KitFile {
        name: "bootstrap.yaml".to_string(),
        text: header(kit, entries, &how) + &template(kit, only),
    }
}

/// The template. `external_id` is what the parameter is where nobody says otherwise; where it is empty, no role is made.
pub(super) fn template(kit: &Kit, external_id: &str) -> String {
    let boundary = match &kit.boundary {
        Boundary::Made { name, document } => {
            let (path, name) = split(name.as_str());
            format!(
                "
  # It stays when the stack goes: the roles that crossrole made still name it.
  Boundary:
    Type: AWS::IAM::ManagedPolicy
    DeletionPolicy: RetainExceptOnCreate
    UpdateReplacePolicy: Retain
    Properties:
      ManagedPolicyName: {name:?}
      Path: {path:?}
      Description: {ABOUT_BOUNDARY:?}
      PolicyDocument:
        {}",
                indented(&document.to_pretty_json(), 8)
            )
        }
        Boundary::None | Boundary::Elsewhere => String::new(),
    };
    let trust = indented(&trust(kit, &format!("{{\"Ref\": \"{EXTERNAL_ID}\"}}")), 8);
    let grants = kit.grants.as_ref().map_or_else(String::new, |(role, permissions)| {
        format!(
            "
  GrantRole:
    Type: AWS::IAM::Role
    Condition: HasExternalId
    Properties:
      RoleName: {name:?}
      Path: {path:?}
      Description: {ABOUT_GRANTS:?}
      AssumeRolePolicyDocument:
        {trust}
      Policies:
        - PolicyName: {POLICY_NAME}
          PolicyDocument:
            {permissions}",
            name = role.name.as_str(),
            path = role.path.as_str(),
            permissions = indented(&permissions.to_pretty_json(), 12),
        )
    });
    let after = if boundary.is_empty() {
        ""
    } else {
        "\n    DependsOn: Boundary"
    };
    format!(
        "AWSTemplateFormatVersion: \"2010-09-09\"
Description: {description:?}
Parameters:
  {EXTERNAL_ID}:
    Type: String
    Default: {external_id:?}
    AllowedPattern: \"([A-Za-z0-9_+=,.@:/-]{{2,1224}})?\"
    Description: The same as spec.externalId of the AWSAccount. Without it no role is made.
Conditions:
  HasExternalId: !Not [!Equals [!Ref {EXTERNAL_ID}, \"\"]]
Resources:{boundary}
  BootstrapRole:
    Type: AWS::IAM::Role
    Condition: HasExternalId{after}
    Properties:
      RoleName: {name:?}
      Path: {path:?}
      Description: {ABOUT_ROLE:?}
      AssumeRolePolicyDocument:
        {trust}
      Policies:
        - PolicyName: {POLICY_NAME}
          PolicyDocument:
            {permissions}{grants}
Outputs:
  BootstrapRoleArn:
    Condition: HasExternalId
    Description: The role that crossrole assumes.
    Value: !GetAtt BootstrapRole.Arn
",
        description = format!("What crossrole needs in an account of AccountClass {}", kit.class),
        name = kit.role.name.as_str(),
        path = kit.role.path.as_str(),
        permissions = indented(&kit.permissions.to_pretty_json(), 12),
    )
}

/// A policy's path and its name.
pub(super) fn split(name: &str) -> (String, &str) {
    match name.rsplit_once('/') {
        Some((path, name)) => (format!("/{path}/"), name),
        None => ("/".to_string(), name),
    }
}
