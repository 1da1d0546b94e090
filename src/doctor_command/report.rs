//! The outcome: text, JSON, exit code.

use std::fmt;

use crossrole_api::AWSAccount;
use crossrole_plan::doctor::{Finding, Level};
use serde_json::{Value, json};

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The operator's own ARN, where it has one.
    pub operator: Option<String>,
    /// What is wrong with the operator's own identity.
    pub findings: Vec<Finding>,
    /// The accounts, in the order of the files.
    pub checked: Vec<Checked>,
}

/// What was found in one account.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The AWSAccount's name.
    pub name: String,
    /// The account's id, as it is written.
    pub id: String,
    /// Who the operator is there, where it gets in.
    pub caller: Option<String>,
    /// Whether AWS refused to let it in.
    pub is_shut_out: bool,
    /// Whether no call was made.
    pub was_not_asked: bool,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

impl Checked {
    /// Nothing known yet.
    pub fn of(object: &AWSAccount) -> Self {
        Self {
            name: object.metadata.name.clone().unwrap_or_default(),
            id: object.spec.account_id.clone(),
            caller: None,
            is_shut_out: false,
            was_not_asked: true,
            findings: Vec::new(),
        }
    }

    /// Whether the account said of the bootstrap role that it may come in, or that it may not.
    pub fn is_answered(&self) -> bool {
        self.caller.is_some() || self.is_shut_out
    }
}

impl Report {
    /// The operator has no identity, so no account was asked.
    pub fn without_identity(finding: Finding) -> Self {
        Self {
            findings: vec![finding],
            ..Self::default()
        }
    }

    fn count(&self, level: Level) -> usize {
        let of_accounts = self.checked.iter().flat_map(|one| &one.findings);
        let all = self.findings.iter().chain(of_accounts);
        all.filter(|finding| finding.level == level).count()
    }

    /// 1 where there is a problem; 0 otherwise.
    pub fn exit_code(&self) -> u8 {
        u8::from(self.count(Level::Problem) > 0)
    }

    /// The outcome as JSON: `operator`, `accounts`, `summary`.
    pub fn to_json(&self) -> Value {
        let accounts = self.checked.iter().map(|one| {
            json!({
                "name": one.name,
                "accountId": one.id,
                "callerArn": one.caller,
                "findings": findings(&one.findings),
            })
        });
        json!({
            "operator": {"arn": self.operator, "findings": findings(&self.findings)},
            "accounts": accounts.collect::<Vec<_>>(),
            "summary": {
                "problems": self.count(Level::Problem),
                "warnings": self.count(Level::Warning),
                "unknown": self.count(Level::Unknown),
            },
        })
    }
}

fn findings(findings: &[Finding]) -> Vec<Value> {
    let finding = |one: &Finding| json!({"level": one.level.as_str(), "side": one.side.as_str(), "what": one.what, "fix": one.fix});
    findings.iter().map(finding).collect()
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let write = |formatter: &mut fmt::Formatter<'_>, findings: &[Finding]| {
            let mut lines = findings.iter().map(ToString::to_string);
            lines.try_for_each(|text| writeln!(formatter, "  {}", text.replace('\n', "\n  ")))
        };
        match &self.operator {
            Some(arn) => writeln!(formatter, "operator: {arn}")?,
            None => writeln!(formatter, "operator: nobody")?,
        }
        write(formatter, &self.findings)?;
        for one in &self.checked {
            let state = match (one.findings.is_empty(), &one.caller) {
                (true, Some(_)) => ": nothing is wrong",
                (true, None) => ": not looked at",
                (false, _) => "",
            };
            writeln!(formatter, "{} ({}){state}", one.name, one.id)?;
            write(formatter, &one.findings)?;
        }
        let plural = |count: usize, one: &str, many: &str| match count {
            1 => format!("1 {one}"),
            count => format!("{count} {many}"),
        };
        writeln!(
            formatter,
            "{}, {}, {} not known.",
            plural(self.count(Level::Problem), "problem", "problems"),
            plural(self.count(Level::Warning), "warning", "warnings"),
            self.count(Level::Unknown),
        )
    }
}
