//! The outcome: what would happen to each role in each account.

use std::fmt;

use crossrole_api::Reason;
use crossrole_plan::change::{Change, Plan};
use crossrole_plan::declaration::ObjectName;
use crossrole_plan::desired::Desired;
use crossrole_plan::observed::Observed;
use crossrole_plan::{duration, lifecycle};
use jiff::Timestamp;

/// The outcome for all roles in all accounts.
pub struct Report {
    /// One line for each role in each account.
    pub lines: Vec<Line>,
    /// What was left out of the files, and why.
    pub notes: Vec<String>,
    /// Whether the accounts were read.
    pub live: bool,
}

/// The outcome for one role in one account.
pub struct Line {
    /// The object.
    pub object: ObjectName,
    /// The AWSAccount's name; `None` where the object selects none.
    pub account: Option<String>,
    /// The account's id, where an AWSAccount says it.
    pub account_id: Option<String>,
    /// What would happen.
    pub finding: Finding,
}

/// What would happen to one role in one account.
pub enum Finding {
    /// These changes; none where the account holds what is declared.
    Plan {
        /// The role's ARN.
        arn: String,
        /// Whether the role is there.
        exists: bool,
        /// Whether `mode: Observe` keeps the changes from being made.
        observe: bool,
        /// The changes, in order.
        plan: Plan,
        /// What may not fit: a quota that the account may have had raised.
        warning: Option<String>,
        /// How long whoever is taken out of the trust policy can go on in a session from before; absent where nobody is, or
        /// such sessions end.
        older_sessions: Option<String>,
    },
    /// Nothing of what is declared, before a person acts.
    Refused {
        /// Why.
        reason: Reason,
        /// What is wrong, and the way out.
        message: String,
        /// What would be done all the same, for it ends access to the role; absent where nobody may write anything.
        ends: Option<Plan>,
    },
    /// Nothing, as somebody wanted.
    LeftAlone {
        /// Why, where status would say it.
        reason: Option<Reason>,
        /// Who wanted it so.
        message: String,
    },
    /// Nobody knows: the account could not be read.
    Failed {
        /// What went wrong.
        message: String,
    },
}

impl Finding {
    /// What would happen, in one word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Plan { plan, .. } if plan.is_empty() => "unchanged",
            Self::Plan { observe: true, .. } => "observed",
            Self::Plan { exists: true, .. } => "change",
            Self::Plan { exists: false, .. } => "create",
            Self::Refused { .. } => "refused",
            Self::LeftAlone { .. } => "left alone",
            Self::Failed { .. } => "failed",
        }
    }
}

impl Report {
    pub(super) fn new(lines: Vec<Line>, notes: Vec<String>, live: bool) -> Self {
        Self { lines, notes, live }
    }

    /// How many lines say this word.
    pub fn count(&self, word: &str) -> usize {
        self.lines.iter().filter(|line| line.finding.word() == word).count()
    }

    /// 1 where something is refused or failed; 2 where the accounts were read and something would change; otherwise 0.
    /// The same as `terraform plan -detailed-exitcode`.
    pub fn exit_code(&self) -> u8 {
        if self.count("refused") + self.count("failed") > 0 {
            1
        } else if self.live && self.count("create") + self.count("change") > 0 {
            2
        } else {
            0
        }
    }

    /// The words that are counted, each with what it is called in the summary.
    pub(super) fn summary(&self) -> Vec<(&'static str, usize)> {
        let words = [
            "create",
            "change",
            "unchanged",
            "observed",
            "left alone",
            "refused",
            "failed",
        ];
        words.into_iter().map(|word| (word, self.count(word))).collect()
    }
}

impl fmt::Display for Line {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.object)?;
        if let Some(account) = &self.account {
            write!(formatter, " in {account}")?;
        }
        if let Some(id) = &self.account_id {
            write!(formatter, " ({id})")?;
        }
        write!(formatter, ": {}", self.finding.word())?;
        match &self.finding {
            Finding::Plan {
                arn,
                plan,
                observe,
                warning,
                older_sessions,
                ..
            } => {
                writeln!(formatter, " {arn}")?;
                if *observe && !plan.is_empty() {
                    writeln!(formatter, "     mode is Observe: none of this is written to AWS")?;
                }
                if let Some(warning) = warning {
                    writeln!(formatter, "     warning: {warning}")?;
                }
                if let Some(longest) = older_sessions {
                    writeln!(
                        formatter,
                        "     whoever this takes out of the trust policy keeps sessions from before for {longest} at most: sessions.onTighten Revoke would end them"
                    )?;
                }
                write!(formatter, "{plan}")
            }
            Finding::Refused { reason, message, ends } => {
                writeln!(formatter, ", {reason}\n     {message}")?;
                match ends {
                    Some(plan) if !plan.is_empty() => {
                        writeln!(formatter, "     access ends all the same:")?;
                        write!(formatter, "{plan}")
                    }
                    _ => Ok(()),
                }
            }
            Finding::LeftAlone {
                reason: Some(reason),
                message,
            } => writeln!(formatter, ", {reason}\n     {message}"),
            Finding::LeftAlone { reason: None, message } | Finding::Failed { message } => {
                writeln!(formatter, "\n     {message}")
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(formatter, "{line}")?;
        }
        let named = |word: &str| match word {
            "create" => "to create",
            "change" => "to change",
            "observed" => "only observed",
            "left alone" => "left alone",
            "refused" => "refused",
            "failed" => "failed",
            _ => "unchanged",
        };
        // What is usual is always said; the rest where there is any.
        let shown = self.summary().into_iter().filter(|(word, count)| match *word {
            "create" | "refused" => true,
            "change" | "unchanged" => self.live || *count > 0,
            _ => *count > 0,
        });
        let parts: Vec<String> = shown.map(|(word, count)| format!("{count} {}", named(word))).collect();
        writeln!(formatter, "Plan: {}.", parts.join(", "))
    }
}

/// How long, at most, whoever a plan takes out of the trust policy can go on in a session from before.
pub(super) fn older_sessions(desired: &Desired, observed: &Observed, plan: &Plan, now: Timestamp) -> Option<String> {
    let Observed::Present(role) = observed else { return None };
    let may_take_out = plan.changes.iter().any(Change::bears_on_admission);
    lifecycle::older_sessions_last_until(desired, role, now)
        .filter(|_| may_take_out)
        .map(|_| duration::written(role.max_session))
}
