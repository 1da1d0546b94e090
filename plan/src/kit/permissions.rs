//! What the bootstrap role may do.

use crossrole_iam::document::{ActionElement, Condition, Document, Effect, OperatorName, Statement};
use crossrole_iam::{Partition, PrincipalArn};

use super::{Call, Right, THIS_ACCOUNT, actions, allow, any_account, never, statement, untouchable};
use crate::rules::{PolicyReference, Rules};

pub(super) fn document(rules: &Rules, operator: &PrincipalArn, calls: &[Call]) -> Document {
    let writer = Writer {
        rules,
        calls,
        partition: operator.partition(),
    };
    let statements = [
        writer.allow("ReadRoles", &[Right::ReadRole], vec![writer.arn("role/*")], Vec::new()),
        writer.allow("ReadTheAccount", &[Right::ReadAccount], vec!["*".into()], Vec::new()),
        writer.allow(
            "MakeOnlyWithinTheBoundary",
            &[Right::Make],
            vec![writer.made()],
            writer.bounded(),
        ),
        writer.allow(
            "WidenOnlyWithinTheBoundary",
            &[Right::Widen],
            writer.held(),
            writer.bounded(),
        ),
        writer.attach(),
        writer.allow("NarrowRepairAndRemove", writer.narrowing(), writer.held(), Vec::new()),
        writer.allow(
            "LeaveInstanceProfiles",
            &[Right::LeaveInstanceProfile],
            vec![writer.arn("instance-profile/*")],
            Vec::new(),
        ),
        writer.never_attach(),
        Some(writer.never_pass()),
        Some(writer.never_touch(operator)),
    ];
    Document::new(statements.into_iter().flatten().collect())
}

struct Writer<'a> {
    rules: &'a Rules,
    calls: &'a [Call],
    partition: Partition,
}

impl Writer<'_> {
    fn arn(&self, resource: &str) -> String {
        any_account(self.partition, resource)
    }

    /// The roles that are made here.
    fn made(&self) -> String {
        self.arn(&format!("role{}", self.rules.roles_pattern()))
    }

    /// The roles that are held here: those that are made, and those that may be taken over.
    fn held(&self) -> Vec<String> {
        let adopted = self.rules.adoptable().iter();
        let adopted = adopted.map(|pattern| self.arn(&format!("role{pattern}")));
        std::iter::once(self.made()).chain(adopted).collect()
    }

    /// Nothing where no call needs it.
    fn allow(
        &self,
        sid: &str,
        rights: &[Right],
        resources: Vec<String>,
        conditions: Vec<Condition>,
    ) -> Option<Statement> {
        allow(self.calls, sid, rights, resources, conditions)
    }

    fn boundary(&self) -> Option<String> {
        Some(match self.rules.boundary.as_ref()? {
            PolicyReference::Name(name) => format!("arn:{}:iam::{THIS_ACCOUNT}:policy/{name}", self.partition),
            PolicyReference::Arn(arn) => arn.to_string(),
        })
    }

    fn bounded(&self) -> Vec<Condition> {
        let boundary = self.boundary().into_iter();
        boundary
            .map(|arn| Condition::new(OperatorName::StringEquals, "iam:PermissionsBoundary", [arn]))
            .collect()
    }

    /// The policies of these patterns, of AWS and of the account.
    fn policies(&self, aws: &[String], account: &[String]) -> Condition {
        let partition = self.partition;
        let aws = aws.iter().map(|name| format!("arn:{partition}:iam::aws:policy/{name}"));
        let account = account.iter();
        let account = account.map(|name| format!("arn:{partition}:iam::{THIS_ACCOUNT}:policy/{name}"));
        Condition::new(OperatorName::ArnLike, "iam:PolicyARN", aws.chain(account))
    }

    fn attach(&self) -> Option<Statement> {
        let (aws, account) = (&self.rules.aws_policies, &self.rules.account_policies);
        if aws.is_empty() && account.is_empty() {
            return None;
        }
        let mut conditions = self.bounded();
        conditions.push(self.policies(aws, account));
        self.allow("AttachOnlyWithinTheBoundary", &[Right::Attach], self.held(), conditions)
    }

    fn narrowing(&self) -> &'static [Right] {
        match self.rules.boundary {
            Some(_) => &[Right::Narrow],
            None => &[Right::Narrow, Right::TakeBoundaryOff],
        }
    }

    fn never_attach(&self) -> Option<Statement> {
        let denied = &self.rules.denied_policies;
        let statement = self.allow(
            "NeverAttach",
            &[Right::Attach],
            vec!["*".into()],
            vec![self.policies(denied, denied)],
        )?;
        (!denied.is_empty()).then_some(Statement {
            effect: Effect::Deny,
            ..statement
        })
    }

    fn never_pass(&self) -> Statement {
        let mut actions = match self.rules.boundary {
            Some(_) => actions(self.calls, &[Right::TakeBoundaryOff]),
            None => Vec::new(),
        };
        actions.push("iam:PassRole".to_string());
        let sid = if actions.len() > 1 {
            "NeverLoseTheBoundaryOrPassRoles"
        } else {
            "NeverPassRoles"
        };
        let actions = ActionElement::Action(actions);
        statement(sid, Effect::Deny, actions, vec!["*".to_string()], Vec::new())
    }

    /// Itself, the grant role, the operator, the boundary, and what others depend on. None of it is allowed above but what an
    /// adoption list names; this holds whatever it names, and whatever else is ever attached to the role.
    fn never_touch(&self, operator: &PrincipalArn) -> Statement {
        let of_policy = match &self.rules.boundary {
            Some(PolicyReference::Name(name)) => Some(self.arn(&format!("policy/{name}"))),
            // AWS's own policies cannot be changed by anybody.
            Some(PolicyReference::Arn(arn)) if arn.account_id().is_some() => Some(arn.to_string()),
            _ => None,
        };
        let untouchable = untouchable(self.rules, operator, of_policy);
        never("NeverTouchItselfOrTheBoundary", &["iam:Get*", "iam:List*"], untouchable)
    }
}
