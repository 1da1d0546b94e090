//! What sends CloudTrail's events about roles to one queue: rules in the accounts, a bus in one account of them, a queue behind it.
//!
//! CloudTrail gives management events to EventBridge where a trail logs them (EventBridge User Guide, "AWS service events
//! delivered via AWS CloudTrail"). A rule in the account's own Region matches them, and sends them to the central bus; a rule
//! there sends them on to the queue.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_iam::document::{
    ActionElement, Condition, Document, Effect, Operator, OperatorName, PrincipalElement, Principals, Qualifier,
    ResourceElement, Statement,
};
use crossrole_iam::{AccountId, Partition, PrincipalArn};
use serde_json::{Value, json};

use super::{Call, KitError, check};
use crate::declaration::OrganizationId;
use crate::rules::Rules;

/// The name of the bus, of the rule behind it, and what the names of all other resources begin with.
pub const NAME: &str = "crossrole";

/// The name of the role by which EventBridge puts events onto the central bus, and of the queue.
pub const EVENTS_NAME: &str = "crossrole-events";

/// The queue of what the operator could not handle in [`TRIES`] tries.
pub const DEAD_LETTERS_NAME: &str = "crossrole-events-dead-letters";

/// The names of the rules in the accounts.
pub const USE_RULE: &str = "crossrole-use";
/// As above.
pub const CHANGE_RULE: &str = "crossrole-change";

/// Receives after which a message is put aside.
pub const TRIES: u32 = 5;

/// How long a message is kept, in seconds: 14 days, the most. Source: Amazon SQS API Reference, `CreateQueue`.
pub const RETENTION: u32 = 1_209_600;

/// How long a message is kept from others after it was received, in seconds. A record without a name waits 20 s for its other,
/// and Kubernetes may take as long again; what a killed operator had in hand comes after it. At most 12 hours. Source: Amazon
/// SQS API Reference, `CreateQueue`.
pub const VISIBILITY: u32 = 120;

/// The state in which a rule also sees read-only management events; `AssumeRole` is one (`readOnly: true`). Source: EventBridge
/// User Guide, "Receiving read-only management events from AWS services", whose example is `AssumeRole`.
pub const STATE_WITH_READS: &str = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS";

/// What every call looks like in EventBridge. Source: EventBridge User Guide, "AWS service events delivered via AWS
/// CloudTrail".
const DETAIL_TYPE: &str = "AWS API Call via CloudTrail";

/// The ways to assume a role. Source: IAM User Guide, "Logging IAM and AWS STS API calls with AWS CloudTrail".
const USES: [&str; 3] = ["AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"];

/// The calls that change a role. Source: IAM API Reference, Actions.
const CHANGES: [&str; 13] = [
    "AttachRolePolicy",
    "CreateRole",
    "DeleteRole",
    "DeleteRolePermissionsBoundary",
    "DeleteRolePolicy",
    "DetachRolePolicy",
    "PutRolePermissionsBoundary",
    "PutRolePolicy",
    "TagRole",
    "UntagRole",
    "UpdateAssumeRolePolicy",
    "UpdateRole",
    "UpdateRoleDescription",
];

/// An event pattern has at most so many characters. Source: Amazon EventBridge quotas, "Event pattern size".
const PATTERN_SIZE: usize = 2_048;

/// A bus's policy has at most so many bytes. Source: EventBridge API Reference, `PutPermission`: 10 KB.
const BUS_POLICY_SIZE: usize = 10_000;

/// Where everything comes together, and who reads it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Center {
    /// The account of the bus and the queue.
    pub account: AccountId,
    /// Their Region.
    pub region: String,
    /// The operator's own identity.
    pub operator: PrincipalArn,
    /// The organisation whose accounts may send; `None`: the accounts that are listed.
    pub organization: Option<OrganizationId>,
    /// What the operator does with the queue.
    pub calls: &'static [Call],
}

/// The feed of an organisation's accounts.
#[derive(Clone, Debug, PartialEq)]
pub struct Feed {
    /// Where everything comes together.
    pub center: Center,
    /// The accounts that hold roles, by their id, each with the name of its AWSAccount.
    pub targets: BTreeMap<AccountId, String>,
    /// The other accounts that roles trust, as far as they are ours: only there CloudTrail names the user and the MFA.
    pub trusted: BTreeSet<AccountId>,
    /// Organisations that roles trust as a whole. Which accounts they have, nobody says here.
    pub organizations: BTreeSet<String>,
    /// Patterns of the ARNs of all roles that crossrole keeps.
    roles: BTreeSet<String>,
}

impl Feed {
    /// What these classes, and their accounts, need.
    ///
    /// # Errors
    /// So many accounts that the bus's policy would be too long; a document that IAM would not take.
    pub fn new<'a>(
        center: Center,
        classes: impl IntoIterator<Item = &'a Rules>,
        targets: BTreeMap<AccountId, String>,
    ) -> Result<Self, KitError> {
        let mut feed = Self {
            center,
            targets,
            trusted: BTreeSet::new(),
            organizations: BTreeSet::new(),
            roles: BTreeSet::new(),
        };
        let partition = feed.partition();
        for rules in classes {
            let trusted = rules.trusted_accounts.iter();
            feed.trusted
                .extend(trusted.filter(|id| !feed.targets.contains_key(id)).cloned());
            feed.organizations.extend(rules.organizations.iter().cloned());
            let adopted = rules.adoptable().iter().map(|adopted| one_wildcard(adopted));
            let roles = std::iter::once(rules.roles_pattern()).chain(adopted);
            feed.roles
                .extend(roles.map(|role| one_wildcard(&format!("arn:{partition}:iam::*:role{role}"))));
        }
        feed.check()?;
        Ok(feed)
    }

    fn check(&self) -> Result<(), KitError> {
        check("the sending role's rights", &self.sender())?;
        check("the operator's rights to the queue", &self.reader())?;
        let size = self.uses().to_string().len();
        if size > PATTERN_SIZE {
            return Err(KitError::TooManyRoles { size });
        }
        match self.bus_policy().to_json().len() {
            size if size > BUS_POLICY_SIZE => Err(KitError::TooManySenders { size }),
            _ => Ok(()),
        }
    }

    /// The partition of all of it.
    pub fn partition(&self) -> Partition {
        self.center.operator.partition()
    }

    /// The Region in which IAM's own events are.
    pub fn iam_region(&self) -> &'static str {
        iam_region(self.partition())
    }

    fn arn(&self, service: &str, resource: &str) -> String {
        let Center { account, region, .. } = &self.center;
        format!("arn:{}:{service}:{region}:{account}:{resource}", self.partition())
    }

    /// The ARN of the central bus.
    pub fn bus(&self) -> String {
        self.arn("events", &format!("event-bus/{NAME}"))
    }

    /// The ARN of the queue.
    pub fn queue(&self) -> String {
        self.arn("sqs", EVENTS_NAME)
    }

    /// The ARN of the queue of what could not be handled.
    pub fn dead_letters(&self) -> String {
        self.arn("sqs", DEAD_LETTERS_NAME)
    }

    /// The URL of the queue. Source: Amazon SQS Developer Guide, "Queue and message identifiers".
    pub fn queue_url(&self) -> String {
        let Center { account, region, .. } = &self.center;
        let suffix = self.partition().dns_suffix();
        format!("https://sqs.{region}.{suffix}/{account}/{EVENTS_NAME}")
    }

    /// What the rule on the use of roles matches. A call that was denied may have no parameters: its message names the role.
    pub fn uses(&self) -> Value {
        let wildcards = |before: &str| -> Vec<Value> {
            let roles = self.roles.iter();
            roles
                .map(|role| json!({"wildcard": one_wildcard(&format!("{before}{role}{before}"))}))
                .collect()
        };
        json!({
            "source": ["aws.sts"],
            "detail-type": [DETAIL_TYPE],
            "detail": {
                "eventSource": ["sts.amazonaws.com"],
                "eventName": USES,
                "$or": [
                    {"requestParameters": {"roleArn": wildcards("")}},
                    {"errorMessage": wildcards("*")},
                ],
            },
        })
    }

    /// What the rule on changes of roles matches: calls that changed something. They name the role, and not its path.
    pub fn changes(&self) -> Value {
        json!({
            "source": ["aws.iam"],
            "detail-type": [DETAIL_TYPE],
            "detail": {
                "eventSource": ["iam.amazonaws.com"],
                "eventName": CHANGES,
                "errorCode": [{"exists": false}],
            },
        })
    }

    /// What the central rule matches: what those two send.
    pub fn all(&self) -> Value {
        json!({"source": ["aws.sts", "aws.iam"], "detail-type": [DETAIL_TYPE]})
    }

    /// Who may put events onto the bus: EventBridge, as the sending role of an account of ours. With the conditions on what it
    /// is, nobody puts there what only AWS can say: no caller of `PutEvents` may name a source that begins with `aws.`. Sources:
    /// EventBridge User Guide, "Permissions for event buses" and "Using IAM policy conditions in Amazon EventBridge";
    /// EventBridge API Reference, `PutEventsRequestEntry`.
    pub fn bus_policy(&self) -> Document {
        let partition = self.partition();
        let mut conditions = vec![
            condition(
                OperatorName::ArnLike,
                "aws:PrincipalArn",
                [format!("arn:{partition}:iam::*:role/{EVENTS_NAME}")],
            ),
            for_all(OperatorName::StringEquals, "events:source", ["aws.sts", "aws.iam"]),
            for_all(OperatorName::StringEquals, "events:detail-type", [DETAIL_TYPE]),
        ];
        let principal = match &self.center.organization {
            Some(organization) => {
                conditions.push(condition(
                    OperatorName::StringEquals,
                    "aws:PrincipalOrgID",
                    [organization.to_string()],
                ));
                PrincipalElement::Principal(Principals::aws(["*"]))
            }
            None => {
                let accounts: BTreeSet<&AccountId> = self.targets.keys().chain(&self.trusted).collect();
                let accounts = accounts.into_iter().map(ToString::to_string);
                PrincipalElement::Principal(Principals::aws(accounts))
            }
        };
        let bus = vec![self.bus()];
        Document::new(vec![statement(
            "SendersOfOurAccounts",
            Some(principal),
            &["events:PutEvents"],
            bus,
            conditions,
        )])
    }

    /// Who may send to the queue: EventBridge for the central rule alone; and where the operator is of another account, who
    /// may read it. Source: EventBridge User Guide, "Permissions for Amazon SQS".
    pub fn queue_policy(&self) -> Document {
        let queue = || vec![self.queue()];
        let rule = self.arn("events", &format!("rule/{NAME}/{NAME}"));
        let service = PrincipalElement::Principal(Principals::services(["events.amazonaws.com"]));
        let from_the_rule = vec![condition(OperatorName::ArnEquals, "aws:SourceArn", [rule])];
        let mut statements = vec![statement(
            "TheCentralRule",
            Some(service),
            &["sqs:SendMessage"],
            queue(),
            from_the_rule,
        )];
        let operator = &self.center.operator;
        if *operator.account() != self.center.account {
            let principal = PrincipalElement::Principal(Principals::aws([operator.to_string()]));
            statements.push(statement(
                "Operator",
                Some(principal),
                &self.queue_actions(),
                queue(),
                Vec::new(),
            ));
        }
        Document::new(statements)
    }

    fn queue_actions(&self) -> Vec<&'static str> {
        let mut actions: Vec<_> = self.center.calls.iter().map(|call| call.action).collect();
        actions.sort_unstable();
        actions
    }

    /// What the operator may do: read the queue, and take out of it what was handled.
    pub fn reader(&self) -> Document {
        let queue = vec![self.queue()];
        Document::new(vec![statement(
            "ReadTheEvents",
            None,
            &self.queue_actions(),
            queue,
            Vec::new(),
        )])
    }

    /// What the sending role of an account may do: put events onto the central bus.
    pub fn sender(&self) -> Document {
        let bus = vec![self.bus()];
        Document::new(vec![statement(
            "SendToTheCentralBus",
            None,
            &["events:PutEvents"],
            bus,
            Vec::new(),
        )])
    }

    /// Who may be the sending role of `account`, which may be a variable of whoever makes it: EventBridge, for these rules
    /// of that account. Source: EventBridge User Guide, "Using IAM policy conditions in Amazon EventBridge"
    /// (`aws:SourceAccount`, `aws:SourceArn`).
    pub fn sender_trust(&self, account: &str) -> Document {
        let rules =
            [USE_RULE, CHANGE_RULE].map(|rule| format!("arn:{}:events:*:{account}:rule/{rule}", self.partition()));
        let conditions = vec![
            condition(OperatorName::StringEquals, "aws:SourceAccount", [account.to_string()]),
            condition(OperatorName::ArnLike, "aws:SourceArn", rules),
        ];
        let service = PrincipalElement::Principal(Principals::services(["events.amazonaws.com"]));
        let trust = Statement {
            sid: Some("RulesOfThisAccount".to_string()),
            effect: Effect::Allow,
            principal: Some(service),
            action: ActionElement::Action(vec!["sts:AssumeRole".to_string()]),
            resource: None,
            conditions,
        };
        Document::new(vec![trust])
    }
}

/// The Region in which a partition's IAM has its events. Source: IAM User Guide, "Resilience in AWS Identity and Access
/// Management" (where the control plane is); CloudTrail User Guide, "Global service events".
pub fn iam_region(partition: Partition) -> &'static str {
    partition.home_region()
}

/// A pattern of `*` and `?` as EventBridge takes it: it knows `*` alone, and not two in a row. Source: EventBridge User
/// Guide, "Comparison operators for use in event patterns", wildcards.
fn one_wildcard(pattern: &str) -> String {
    let mut text = String::with_capacity(pattern.len());
    for letter in pattern.chars() {
        let letter = if letter == '?' { '*' } else { letter };
        if letter != '*' || !text.ends_with('*') {
            text.push(letter);
        }
    }
    text
}

fn condition<Text: Into<String>>(
    operator: OperatorName,
    key: &str,
    values: impl IntoIterator<Item = Text>,
) -> Condition {
    Condition::new(operator, key, values)
}

/// A condition on every value of a key that has several.
fn for_all<const N: usize>(operator: OperatorName, key: &str, values: [&str; N]) -> Condition {
    let operator = Operator {
        qualifier: Some(Qualifier::ForAllValues),
        ..Operator::new(operator)
    };
    Condition::new(operator, key, values)
}

fn statement(
    sid: &str,
    principal: Option<PrincipalElement>,
    actions: &[&str],
    resources: Vec<String>,
    conditions: Vec<Condition>,
) -> Statement {
    Statement {
        sid: Some(sid.to_string()),
        effect: Effect::Allow,
        principal,
        action: ActionElement::Action(actions.iter().map(ToString::to_string).collect()),
        resource: Some(ResourceElement::Resource(resources)),
        conditions,
    }
}

#[cfg(test)]
mod tests;
