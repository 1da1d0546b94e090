//! CloudFormation templates. Source of the resources' properties: CloudFormation Template Reference, `AWS::Events::EventBus`,
//! `AWS::Events::EventBusPolicy`, `AWS::Events::Rule`, `AWS::SQS::Queue`, `AWS::SQS::QueuePolicy`, `AWS::IAM::Role`.

use crossrole_plan::kit::feed::{
    CHANGE_RULE, DEAD_LETTERS_NAME, EVENTS_NAME, Feed, NAME, RETENTION, STATE_WITH_READS, TRIES, USE_RULE, VISIBILITY,
};
use serde_json::Value;

use super::super::kit_file::{KitFile, indented};
use super::{ABOUT_ALL, ABOUT_CHANGE, ABOUT_SENDER, ABOUT_USE, HERE, header, lists, pretty};

/// Whether an account holds roles, or only people who assume some.
pub(super) const HOLDS_ROLES: &str = "HoldsRoles";

pub(super) fn central(feed: &Feed) -> KitFile {
    let (account, region) = (&feed.center.account, &feed.center.region);
    let how = format!(
        "Once, with credentials of account {account}, where FILE is this file:\n\n  aws cloudformation deploy --region {region} \
         --stack-name crossrole-events-central --template-file FILE"
    );
    let text = format!(
        "AWSTemplateFormatVersion: \"2010-09-09\"
Description: \"The bus and the queue to which events about roles of crossrole come\"
Resources:
  Bus:
    Type: AWS::Events::EventBus
    Properties:
      Name: {NAME}
  BusPolicy:
    Type: AWS::Events::EventBusPolicy
    Properties:
      EventBusName: !Ref Bus
      StatementId: SendersOfOurAccounts
      Statement:
        {bus_policy}
  Rule:
    Type: AWS::Events::Rule
    DependsOn: Bus
    Properties:
      Name: {NAME}
      Description: {ABOUT_ALL:?}
      EventBusName: {NAME}
      State: {STATE_WITH_READS}
      EventPattern:
        {pattern}
      Targets:
        - Id: queue
          Arn: !GetAtt Queue.Arn
  Queue:
    Type: AWS::SQS::Queue
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties:
      QueueName: {EVENTS_NAME}
      SqsManagedSseEnabled: true
      MessageRetentionPeriod: {RETENTION}
      VisibilityTimeout: {VISIBILITY}
      RedrivePolicy:
        deadLetterTargetArn: !GetAtt DeadLetters.Arn
        maxReceiveCount: {TRIES}
  DeadLetters:
    Type: AWS::SQS::Queue
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties:
      QueueName: {DEAD_LETTERS_NAME}
      SqsManagedSseEnabled: true
      MessageRetentionPeriod: {RETENTION}
      RedriveAllowPolicy:
        redrivePermission: byQueue
        sourceQueueArns: [{queue:?}]
  QueuePolicy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Queue]
      PolicyDocument:
        {queue_policy}
Outputs:
  QueueUrl:
    Description: What the operator is told with --event-queue-url.
    Value: !Ref Queue
",
        bus_policy = pretty(&only_statement(feed), 8),
        pattern = pretty(&feed.all(), 8),
        queue = feed.queue(),
        queue_policy = indented(&feed.queue_policy().to_pretty_json(), 8),
    );
    KitFile {
        name: "events-central.yaml".to_string(),
        text: header(
            feed,
            "The central bus of crossrole's events, and the queue behind it.",
            &how,
        ) + &text,
    }
}

/// CloudFormation takes a bus's policy statement by statement, and there is one.
fn only_statement(feed: &Feed) -> Value {
    let document: Value = serde_json::from_str(&feed.bus_policy().to_json()).unwrap_or_default();
    document["Statement"][0].clone()
}

pub(super) fn account(feed: &Feed, regions: &[String]) -> KitFile {
    let how = format!(
        "With credentials of each account, in each Region, in this order, where FILE is this file:\n\n  for region in {}; do\n    \
         aws cloudformation deploy --region \"$region\" --stack-name crossrole-events --template-file FILE \\\n      \
         --capabilities CAPABILITY_NAMED_IAM --parameter-overrides {HOLDS_ROLES}=true\n  done\n\nIn an account that is only \
         trusted: {HOLDS_ROLES}=false.\n\n{}",
        regions.join(" "),
        lists(feed),
    );
    KitFile {
        name: "events-account.yaml".to_string(),
        text: header(
            feed,
            "What sends events about roles of crossrole from an account to the central bus.",
            &how,
        ) + &template(feed),
    }
}

/// The template of an account and a Region.
pub(super) fn template(feed: &Feed) -> String {
    let trust = feed.sender_trust(HERE).to_pretty_json();
    // Strings in which the account's id stands are put together by CloudFormation, and there it knows the partition too.
    let own = format!("arn:{}:", feed.partition());
    let trust = trust.replace(&format!("{own}events:"), "arn:${AWS::Partition}:events:");
    let trust: Vec<String> = trust.lines().map(with_account).collect();
    format!(
        "AWSTemplateFormatVersion: \"2010-09-09\"
Description: \"What sends events about roles of crossrole to the central bus\"
Parameters:
  {HOLDS_ROLES}:
    Type: String
    Default: \"true\"
    AllowedValues: [\"true\", \"false\"]
    Description: Whether the account holds roles of crossrole, or only people who assume some.
Conditions:
  IsIamRegion: !Equals [!Ref AWS::Region, {iam_region:?}]
  SeesChanges: !And [{{Condition: IsIamRegion}}, !Equals [!Ref {HOLDS_ROLES}, \"true\"]]
Resources:
  # IAM is the same in all Regions: this one makes the role of all.
  Sender:
    Type: AWS::IAM::Role
    Condition: IsIamRegion
    Properties:
      RoleName: {EVENTS_NAME}
      Description: {ABOUT_SENDER:?}
      AssumeRolePolicyDocument:
        {trust}
      Policies:
        - PolicyName: {NAME}
          PolicyDocument:
            {rights}
  # AssumeRole only reads, for CloudTrail: a rule that is merely enabled would not see it.
  Use:
    Type: AWS::Events::Rule
    Properties:
      Name: {USE_RULE}
      Description: {ABOUT_USE:?}
      State: {STATE_WITH_READS}
      EventPattern:
        {uses}
      Targets:
        - Id: central-bus
          Arn: {bus:?}
          RoleArn: !If [IsIamRegion, !GetAtt Sender.Arn, !Sub \"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{EVENTS_NAME}\"]
  Change:
    Type: AWS::Events::Rule
    Condition: SeesChanges
    Properties:
      Name: {CHANGE_RULE}
      Description: {ABOUT_CHANGE:?}
      State: ENABLED
      EventPattern:
        {changes}
      Targets:
        - Id: central-bus
          Arn: {bus:?}
          RoleArn: !GetAtt Sender.Arn
",
        iam_region = feed.iam_region(),
        trust = trust.join(&format!("\n{}", " ".repeat(8))),
        rights = indented(&feed.sender().to_pretty_json(), 12),
        uses = pretty(&feed.uses(), 8),
        changes = pretty(&feed.changes(), 8),
        bus = feed.bus(),
    )
}

/// A line of JSON; a string in it that holds the account's id is one that CloudFormation puts together.
fn with_account(line: &str) -> String {
    let Some(at) = line.find(HERE) else {
        return line.to_string();
    };
    let start = line[..at].rfind('"').unwrap_or(0);
    let end = line[at..].find('"').map_or(line.len(), |end| at + end + 1);
    let text = line[start..end].replace(HERE, "${AWS::AccountId}");
    format!("{}{{\"Fn::Sub\": {text}}}{}", &line[..start], &line[end..])
}
