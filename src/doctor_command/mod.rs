//! `crossrole doctor`: from the operator's identity into each account, and what is wrong on the way. It writes nothing: the
//! sessions that it opens may only read, whatever the bootstrap role may do.
//!
//! | module | holds |
//! |---|---|
//! | [`report`] | the outcome: text, JSON, exit code |
//!
//! What is judged from what was read is in [`crossrole_plan::doctor`].

pub mod report;

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use crossrole_api::{AWSAccount, AccountState};
use crossrole_iam::document::Document;
use crossrole_iam::{AccountId, PrincipalArn};
use crossrole_plan::account::Account;
use crossrole_plan::doctor::{self, Finding, Level, Operator, PATH_NOT_KNOWN, Side};
use crossrole_plan::grant::GrantRole;
use crossrole_plan::kit::{Kit, Order, Reader};
use crossrole_plan::outcome::Failure;
use crossrole_plan::rules::Rules;
use futures::{StreamExt, stream};

use crate::aws::{AccountHandle, Accounts, Action, CallError, Entrance, Hub, Identity};
use crate::cli::DoctorFlags;
use crate::controller::resolve::entrance;
use crate::fence::Fence;
use crate::manifests::Manifests;
use crate::metrics::Metrics;
use crate::output;
use crate::plan_command::OutputFormat;
use report::{Checked, Report};

/// Accounts that are looked at side by side.
const ACCOUNTS_AT_ONCE: usize = 16;

/// Looks into the accounts of the files, and prints what is wrong. The exit code is 1 where there is a problem.
///
/// # Errors
/// Files that cannot be read, or that hold no such account.
pub async fn run(flags: &DoctorFlags) -> Result<ExitCode, Box<dyn Error>> {
    let manifests = Manifests::read(&flags.filename, "default")?;
    let is_wanted = |account: &&AWSAccount| {
        let name = account.metadata.name.as_ref();
        flags.account.is_empty() || name.is_some_and(|name| flags.account.contains(name))
    };
    let wanted: Vec<&AWSAccount> = manifests.accounts.iter().filter(is_wanted).collect();
    if wanted.is_empty() || (!flags.account.is_empty() && wanted.len() < flags.account.len()) {
        return Err("these files do not hold such an AWSAccount".into());
    }
    let report = match Hub::load(Fence::open()).await {
        Ok(hub) => look(&manifests, &wanted, hub, flags.pod_identity).await,
        Err(error) => Report::without_identity(no_identity(&error)),
    };
    output::print(&match flags.output {
        OutputFormat::Text => report.to_string(),
        OutputFormat::Json => format!("{:#}\n", report.to_json()),
    })?;
    Ok(ExitCode::from(report.exit_code()))
}

fn no_identity(error: &CallError) -> Finding {
    let answered = !error.code.is_empty();
    Finding {
        level: Level::Problem,
        side: if answered { Side::Operator } else { Side::Network },
        what: format!("the operator's own identity is not known: {error}"),
        fix: "run this where the operator runs, or with its credentials: IRSA, EKS Pod Identity, environment or profile; and \
              make sure that STS can be reached"
            .to_string(),
    }
}

async fn look(manifests: &Manifests, wanted: &[&AWSAccount], hub: Hub, pod_identity: bool) -> Report {
    let identity = hub.identity.clone();
    // Nothing is written here, so nothing that is read is in doubt.
    let (accounts, _recoveries) = Accounts::new(hub, vec!["doctor".to_string()], Duration::ZERO, Metrics::default());
    let doctor = Doctor {
        manifests,
        accounts,
        identity: identity.clone(),
        pod_identity,
    };
    let looks: Vec<_> = wanted.iter().map(|object| doctor.check(object)).collect();
    let checked: Vec<Checked> = stream::iter(looks).buffered(ACCOUNTS_AT_ONCE).collect().await;
    let shut = checked.iter().filter(|one| one.is_shut_out).count();
    // One account alone may have its own reason.
    let closed = shut > 1 && checked.iter().all(|one| one.is_shut_out || one.was_not_asked);
    Report {
        operator: Some(identity.arn.clone()),
        findings: closed
            .then(|| doctor::none_let_in("the bootstrap roles"))
            .into_iter()
            .collect(),
        checked,
    }
}

struct Doctor<'a> {
    manifests: &'a Manifests,
    accounts: Accounts,
    identity: Identity,
    pod_identity: bool,
}

impl Doctor<'_> {
    async fn check(&self, object: &AWSAccount) -> Checked {
        let mut checked = Checked::of(object);
        let (account, rules, kit) = match self.read(object) {
            Ok(read) => read,
            Err(finding) => {
                checked.findings.extend(finding);
                return checked;
            }
        };
        checked.was_not_asked = false;
        let entrance = Entrance {
            read_only: true,
            ..entrance(&account, &rules.bootstrap)
        };
        let handle = self.accounts.account(&entrance);
        let facts = match handle.enter().await {
            Ok(caller) => {
                checked.caller = Some(caller);
                handle.examine(&rules.bootstrap.name).await
            }
            Err(error) => Err(error),
        };
        match facts {
            Ok(facts) => {
                checked.findings = doctor::examine(&facts, &rules, &kit, &account, self.operator(), Action::CALLS);
            }
            Err(error) => {
                checked.is_shut_out = error.failure == Failure::BootstrapDenied;
                let role = entrance.bootstrap_role.to_string();
                checked
                    .findings
                    .push(doctor::not_let_in(error.failure, &error.message, &role, &account));
            }
        }
        if let Some(grants) = kit.grants.as_ref().filter(|_| checked.is_answered()) {
            let findings = self.check_grants(&handle, grants, &account).await;
            checked.findings.extend(findings);
            checked.findings.sort_by_key(|one| (one.level, one.side));
        }
        checked
    }

    async fn check_grants(
        &self,
        handle: &AccountHandle,
        (role, permissions): &(GrantRole, Document),
        account: &Account,
    ) -> Vec<Finding> {
        let arn = role.arn(account.partition, &account.id);
        match handle.examine_grants(&arn, &role.name).await {
            Ok(facts) => doctor::examine_grants(
                &facts,
                permissions,
                account,
                self.operator(),
                self.pod_identity,
                Action::GRANT_CALLS,
            ),
            Err(error) => vec![doctor::not_let_in(
                error.failure,
                &error.message,
                &arn.to_string(),
                account,
            )],
        }
    }

    /// What the objects say; otherwise what is wrong with them, or nothing where no call is to be made.
    fn read(&self, object: &AWSAccount) -> Result<(Account, Rules, Kit), Option<Finding>> {
        let account =
            Account::parse(object).map_err(|error| Some(in_objects(error.to_string(), "change the AWSAccount")))?;
        if account.state != AccountState::Active {
            return Err(None);
        }
        let own = self.identity.partition;
        if account.partition != own {
            let what = format!(
                "the account is in partition {}, and the operator in {own}",
                account.partition
            );
            return Err(Some(in_objects(
                what,
                "one operator serves one partition: run another for this account",
            )));
        }
        if let Some(other) = self.same_account(&account) {
            let what = format!("AWSAccount {other} is the same account {}", account.id);
            return Err(Some(in_objects(what, "delete one of the two: the younger is not used")));
        }
        let class = self.manifests.classes.iter();
        let mut class = class.filter(|class| class.metadata.name.as_ref() == Some(&account.class));
        let Some(class) = class.next() else {
            let what = format!("there is no AccountClass {} in these files", account.class);
            return Err(Some(in_objects(
                what,
                "make it, or change spec.class of the AWSAccount",
            )));
        };
        let rules =
            Rules::parse(class).map_err(|error| Some(in_objects(error.to_string(), "change the AccountClass")))?;
        let kit = self.kit(&rules);
        let kit = kit.map_err(|problem| Some(in_objects(problem, "change the AccountClass")))?;
        Ok((account, rules, kit))
    }

    fn same_account(&self, account: &Account) -> Option<String> {
        let ids = self.manifests.accounts.iter().filter_map(|object| {
            let name = object.metadata.name.clone()?;
            let id: AccountId = object.spec.account_id.parse().ok()?;
            Some((name, id))
        });
        let ids: BTreeMap<String, AccountId> = ids.collect();
        let mut same = ids.into_iter().filter(|(_, id)| *id == account.id);
        same.find(|(name, _)| *name != account.name).map(|(name, _)| name)
    }

    /// The operator's account, and the name of its role or its user.
    fn operator(&self) -> Operator<'_> {
        let user = self.identity.arn.rsplit('/').next().unwrap_or_default();
        let (account, name) = self.identity.role().unwrap_or((self.identity.account.as_str(), user));
        Operator { account, name }
    }

    fn kit(&self, rules: &Rules) -> Result<Kit, String> {
        let Operator { account, name } = self.operator();
        let partition = self.identity.partition;
        let operator = format!("arn:{partition}:iam::{account}:role{PATH_NOT_KNOWN}{name}");
        let operator: PrincipalArn = operator.parse().map_err(|error| format!("{error}"))?;
        let order = Order {
            operator,
            organization: None,
            pod_identity: self.pod_identity,
            discovery: Reader::Nobody,
        };
        let calls = [Action::CALLS, Action::GRANT_CALLS].concat();
        Kit::new(rules, order, &calls, None).map_err(|error| error.to_string())
    }
}

fn in_objects(what: String, fix: &str) -> Finding {
    Finding {
        level: Level::Problem,
        side: Side::Objects,
        what,
        fix: fix.to_string(),
    }
}
