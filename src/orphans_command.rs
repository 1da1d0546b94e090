//! `crossrole orphans`: roles that carry this cluster's tags although no object wants them; those that are named to it are
//! removed.
//!
//! It judges as the operator does, by the cluster's objects and by what the accounts show now. A role is removed only where
//! its own tags say once more that it is one, and no object has come meanwhile that wants it.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossrole_api::role::DeletionPolicy;
use crossrole_api::{AWSAccount, AccountState};
use crossrole_iam::{Arn, RoleName};
use crossrole_plan::decide::{self, Known};
use crossrole_plan::declaration::ObjectName;
use crossrole_plan::owner::Owner;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use serde_json::json;

use crate::aws::{AccountHandle, Accounts, Age, Depth, Hub, Survey, Tagged};
use crate::cli::OrphansFlags;
use crate::controller::context::object_name;
use crate::controller::watch::{CachedAccount, CachedClass, CachedRole};
use crate::controller::world::World;
use crate::controller::{client, cluster_id, orphans, resolve};
use crate::fence::Fence;
use crate::metrics::Metrics;
use crate::output;
use crate::plan_command::OutputFormat;

/// Accounts that are read at the same time.
const READS_AT_ONCE: usize = 16;

/// So long a role that was removed may still be seen.
const SEEN_FOR: Duration = Duration::from_secs(60);

/// A role that no object wants.
#[derive(Clone, Debug)]
struct Orphan {
    account: String,
    role: Tagged,
    why: &'static str,
}

/// What was found, and what became of it.
#[derive(Debug, Default)]
struct Findings {
    orphans: Vec<Orphan>,
    removed: Vec<String>,
    /// What failed or was refused: where, and why.
    failures: Vec<(String, String)>,
}

/// Everything that is known.
struct Cluster {
    client: Client,
    id: String,
    /// The cluster that was rebuilt as this one.
    predecessor: Option<String>,
    world: World,
    accounts: Vec<AWSAccount>,
    objects: BTreeMap<ObjectName, CachedRole>,
}

/// Lists the orphans, or removes those that are named.
///
/// # Errors
/// A cluster that cannot be read, or an identity that AWS does not know.
pub async fn run(flags: &OrphansFlags) -> Result<ExitCode, Box<dyn Error>> {
    let cluster = Cluster::read(&Client::try_default().await?, flags).await?;
    let hub = Hub::load(Fence::open()).await?;
    let identity = hub.identity.clone();
    let clusters = std::iter::once(&cluster.id).chain(&cluster.predecessor);
    let (accounts, _recoveries) = Accounts::new(hub, clusters.cloned().collect(), Duration::ZERO, Metrics::default());
    let mut findings = Findings::default();
    let asked = cluster.asked(flags, &mut findings);
    let looks: Vec<_> = asked
        .iter()
        .map(|account| cluster.look(account, &accounts, &identity))
        .collect();
    let looked: Vec<_> = stream::iter(looks).buffered(READS_AT_ONCE).collect().await;
    for (account, found) in asked.iter().zip(looked) {
        match found {
            Ok((handle, found)) => {
                let wanted = |orphan: &Orphan| flags.remove.iter().any(|arn| arn.to_string() == orphan.role.arn);
                for orphan in found {
                    if flags.remove.is_empty() {
                        findings.orphans.push(orphan);
                    } else if wanted(&orphan) {
                        match cluster.remove(account, &handle, &orphan.role).await {
                            Ok(()) => findings.removed.push(orphan.role.arn),
                            Err(problem) => findings.failures.push((orphan.role.arn, problem)),
                        }
                    }
                }
            }
            Err(problem) => findings
                .failures
                .push((format!("AWSAccount {}", account.name_any()), problem)),
        }
    }
    for arn in flags.remove.iter().map(ToString::to_string) {
        let told = findings.failures.iter().any(|(what, _)| *what == arn) || findings.removed.contains(&arn);
        if !told {
            let problem =
                "is no orphan: no account of this cluster shows such a role with its tags, or an object wants it";
            findings.failures.push((arn, problem.into()));
        }
    }
    let text = match flags.output {
        OutputFormat::Text => findings.text(),
        OutputFormat::Json => format!("{:#}\n", findings.json()),
    };
    for (what, problem) in &findings.failures {
        eprintln!("crossrole: {what}: {problem}");
    }
    output::print(&text)?;
    Ok(ExitCode::from(findings.exit_code()))
}

impl Cluster {
    async fn read(client: &Client, flags: &OrphansFlags) -> Result<Self, Box<dyn Error>> {
        let all = ListParams::default();
        let roles = Api::<CachedRole>::all(client.clone()).list(&all).await?;
        let accounts = Api::<CachedAccount>::all(client.clone()).list(&all).await?;
        let classes = Api::<CachedClass>::all(client.clone()).list(&all).await?;
        let id = match flags.cluster_id.clone() {
            Some(id) => id,
            None => cluster_id(client).await?,
        };
        let readable = accounts
            .items
            .iter()
            .filter_map(|account| account.0.as_ref().ok().cloned());
        Ok(Self {
            client: client.clone(),
            id,
            predecessor: flags.take_over_from.clone(),
            accounts: readable.collect(),
            world: World::of_objects(
                accounts.items.into_iter().map(Arc::new),
                classes.items.into_iter().map(Arc::new),
                [],
            ),
            objects: roles.items.into_iter().map(|role| (object_name(&role), role)).collect(),
        })
    }

    /// The accounts that are to be looked at.
    fn asked(&self, flags: &OrphansFlags, findings: &mut Findings) -> Vec<&AWSAccount> {
        let unknown = flags.account.iter().filter(|name| {
            let mut known = self.accounts.iter();
            !known.any(|account| account.name_any() == **name)
        });
        for name in unknown {
            let problem = "there is none of this name that can be read";
            findings.failures.push((format!("AWSAccount {name}"), problem.into()));
        }
        let is_asked = |account: &&AWSAccount| {
            let id = account.spec.account_id.as_str();
            (flags.account.is_empty() || flags.account.contains(&account.name_any()))
                && (flags.remove.is_empty() || flags.remove.iter().any(|arn| arn.account() == id))
                && account.spec.state == AccountState::Active
        };
        self.accounts.iter().filter(is_asked).collect()
    }

    async fn look(
        &self,
        account: &AWSAccount,
        accounts: &Accounts,
        identity: &crate::aws::Identity,
    ) -> Result<(Arc<AccountHandle>, Vec<Orphan>), String> {
        let entered = self.world.enterable(account, Some(identity));
        let (parsed, bootstrap) = entered.map_err(|refusal| refusal.to_string())?;
        let handle = accounts.account(&resolve::entrance(&parsed, &bootstrap));
        match handle.survey(Duration::ZERO).await {
            Ok(Some((Survey::Taken { tagged, .. }, _))) => {
                let orphans = tagged.iter().filter_map(|tagged| self.orphan(account, tagged));
                let mut orphans: Vec<Orphan> = orphans.collect();
                orphans.sort_by(|left, right| left.role.arn.cmp(&right.role.arn));
                Ok((handle, orphans))
            }
            Ok(Some((Survey::Denied(error), _))) | Err(error) => Err(error.to_string()),
            Ok(None) => Err("the account was not read".into()),
        }
    }

    fn orphan(&self, account: &AWSAccount, tagged: &Tagged) -> Option<Orphan> {
        let object = orphans::owner(tagged).and_then(|owner| self.objects.get(&owner));
        if orphans::is_wanted(object, &self.world, account, tagged) {
            return None;
        }
        Some(Orphan {
            account: account.name_any(),
            role: tagged.clone(),
            why: match object {
                None => "the object is gone",
                Some(_) => "the object has no role of that name there",
            },
        })
    }

    /// Whether an object wants a role that was an orphan when the cluster was read: to read the accounts takes a while.
    async fn is_wanted_by_now(&self, account: &AWSAccount, role: &Tagged) -> Result<bool, String> {
        let Some(owner) = orphans::owner(role) else {
            return Ok(false);
        };
        let api: Api<CachedRole> = Api::namespaced(self.client.clone(), &owner.namespace);
        let found = client::find(&api, &owner.name).await;
        let object = found.map_err(|error| format!("its object could not be looked for: {error}"))?;
        Ok(orphans::is_wanted(object.as_ref(), &self.world, account, role))
    }

    /// Removes an orphan, as its own tags allow, and waits until the account shows that it is gone.
    async fn remove(&self, account: &AWSAccount, handle: &AccountHandle, orphan: &Tagged) -> Result<(), String> {
        let arn: Arn = orphan.arn.parse().map_err(|error| format!("{error}"))?;
        let name = arn.resource().rsplit('/').next().unwrap_or_default();
        let name: RoleName = name.parse().map_err(|error| format!("{error}"))?;
        let (namespace, object) = orphan.owner.split_once('/').unwrap_or_default();
        let owner = Owner {
            cluster: self.id.clone(),
            object: ObjectName {
                namespace: namespace.into(),
                name: object.into(),
            },
            predecessor: self.predecessor.clone(),
        };
        let known = Known {
            seen_id: None,
            now: Timestamp::now(),
        };
        let read = async || {
            handle
                .observe(&name, Depth::Removal, Age::New)
                .await
                .map_err(|error| error.to_string())
        };
        let observed = read().await?.observed;
        let plan = decide::leave(&name, &owner, &observed, &known, DeletionPolicy::Delete);
        if plan.is_empty() {
            return Err("its tags no longer say that it is this cluster's".into());
        }
        if self.is_wanted_by_now(account, orphan).await? {
            return Err("an object wants it by now".into());
        }
        let applied = handle.apply(&plan, &observed, &|| true).await;
        if let Some(failure) = applied.failure {
            return Err(failure.to_string());
        }
        let began = Instant::now();
        while !decide::leave(&name, &owner, &read().await?.observed, &known, DeletionPolicy::Delete).is_empty() {
            if began.elapsed() > SEEN_FOR {
                return Err("it was removed, and is still seen: look again later".into());
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Ok(())
    }
}

impl Findings {
    fn exit_code(&self) -> u8 {
        match (self.failures.is_empty(), self.orphans.is_empty()) {
            (false, _) => 1,
            (true, false) => 2,
            (true, true) => 0,
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        if self.orphans.is_empty() && self.removed.is_empty() && self.failures.is_empty() {
            text.push_str("no orphans\n");
        }
        for Orphan { account, role, why } in &self.orphans {
            let Tagged { arn, owner, .. } = role;
            text.push_str(&format!("{arn}\n  account {account}, made for {owner}: {why}\n"));
        }
        for arn in &self.removed {
            text.push_str(&format!("{arn}\n  removed\n"));
        }
        text
    }

    fn json(&self) -> serde_json::Value {
        let orphans = self.orphans.iter().map(|orphan| {
            let Tagged { arn, owner, .. } = &orphan.role;
            json!({"account": orphan.account, "roleArn": arn, "owner": owner, "reason": orphan.why})
        });
        let failures = self
            .failures
            .iter()
            .map(|(what, problem)| json!({"what": what, "message": problem}));
        json!({
            "orphans": orphans.collect::<Vec<_>>(),
            "removed": self.removed,
            "failures": failures.collect::<Vec<_>>(),
        })
    }
}
