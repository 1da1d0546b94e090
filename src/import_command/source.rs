//! Where roles are read.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use crossrole_api::AccountState;
use crossrole_iam::{AccountId, Arn, Partition, Path, RoleName, pattern};
use crossrole_plan::account::Account;
use crossrole_plan::import::{NotDeclared, Source, ack};
use crossrole_plan::observed::{Observed, ObservedRole};
use crossrole_plan::rules::Rules;
use crossrole_plan::select::Labels;
use serde_json::Value;

use crate::aws::{AccountHandle, Accounts, Age, CallError, Depth, Entrance, Existing, Hub, OwnAccount};
use crate::cli::ImportFlags;
use crate::controller::resolve::entrance;
use crate::fence::Fence;
use crate::manifests::{Manifests, texts};
use crate::metrics::Metrics;

/// What was found.
pub(super) struct Found {
    pub(super) source: Source,
    /// The roles that were asked for, by ARN.
    pub(super) roles: Vec<ObservedRole>,
    /// What could not even be read.
    pub(super) refused: Vec<NotDeclared>,
    /// The labels of the objects' namespace, as far as the files say.
    pub(super) labels: Labels,
}

/// Reads the roles that were asked for.
///
/// # Errors
/// Files or an account that cannot be read; or nothing was asked for.
pub(super) async fn found(flags: &ImportFlags) -> Result<Found, Box<dyn Error>> {
    if let Some(id) = flags.account_id.as_ref().filter(|_| !flags.from_ack.is_empty()) {
        return of_ack(flags, id);
    }
    if flags.path_prefix.is_none() && flags.name.is_none() && flags.arn.is_empty() {
        return Err("say which roles: --path-prefix, --name or --arn".into());
    }
    let hub = Hub::load(Fence::open()).await?;
    if flags.filename.is_empty() {
        let identity = &hub.identity;
        let account = account(flags, &identity.account, identity.partition);
        let existing = asked(flags, &account, Reader::Own(&OwnAccount::of(&hub))).await?;
        return Ok(collected(flags, account, None, Labels::default(), existing));
    }
    let manifests = Manifests::read(&flags.filename, &flags.namespace)?;
    let named = |name: &Option<String>, wanted: &str| name.as_deref() == Some(wanted);
    let object = manifests
        .accounts
        .iter()
        .find(|one| named(&one.metadata.name, &flags.account));
    let object = object.ok_or_else(|| format!("these files do not hold AWSAccount {}", flags.account))?;
    let account = Account::parse(object)?;
    let class = manifests
        .classes
        .iter()
        .find(|one| named(&one.metadata.name, &account.class));
    let class = class.ok_or_else(|| format!("these files do not hold AccountClass {}", account.class))?;
    let rules = Rules::parse(class)?;
    // Nothing is written here, so nothing that is read is in doubt.
    let (accounts, _recoveries) = Accounts::new(hub, vec!["import".to_string()], Duration::ZERO, Metrics::default());
    let handle = accounts.account(&Entrance {
        read_only: true,
        ..entrance(&account, &rules.bootstrap)
    });
    let existing = asked(flags, &account, Reader::Through(&handle)).await?;
    let labels = manifests.namespaces.get(&flags.namespace).cloned().unwrap_or_default();
    Ok(collected(flags, account, Some(rules), labels, existing))
}

fn account(flags: &ImportFlags, id: &AccountId, partition: Partition) -> Account {
    Account {
        name: flags.account.clone(),
        id: id.clone(),
        partition,
        class: String::new(),
        external_id: None,
        parameters: BTreeMap::new(),
        state: AccountState::Active,
    }
}

/// By which way an account is read.
#[derive(Clone, Copy)]
enum Reader<'a> {
    Own(&'a OwnAccount),
    Through(&'a AccountHandle),
}

impl Reader<'_> {
    async fn below(self, path: &Path) -> Result<Vec<Existing>, CallError> {
        match self {
            Self::Own(account) => account.roles_below(path).await,
            Self::Through(handle) => handle.roles_below(path).await,
        }
    }

    async fn role(self, name: &RoleName) -> Result<Observed, CallError> {
        match self {
            Self::Own(account) => account.role(name).await,
            Self::Through(handle) => {
                let seen = handle.observe(name, Depth::Declared, Age::New).await?;
                Ok(seen.observed)
            }
        }
    }
}

async fn asked(flags: &ImportFlags, account: &Account, reader: Reader<'_>) -> Result<Vec<Existing>, Box<dyn Error>> {
    let mut existing = Vec::new();
    if flags.path_prefix.is_some() || flags.name.is_some() {
        let path = flags.path_prefix.clone().unwrap_or_else(Path::root);
        existing = reader.below(&path).await?;
    }
    for arn in &flags.arn {
        let name = named(arn, account)?;
        if !existing.iter().any(|(other, _)| *other == arn.to_string()) {
            match reader.role(&name).await? {
                Observed::Present(role) if role.arn == arn.to_string() => {
                    existing.push((arn.to_string(), Ok(Observed::Present(role))));
                }
                _ => return Err(format!("there is no role {arn}").into()),
            }
        }
    }
    Ok(existing)
}

fn named(arn: &Arn, account: &Account) -> Result<RoleName, Box<dyn Error>> {
    let name = arn.resource().strip_prefix("role/").filter(|_| arn.service() == "iam");
    let name = name.and_then(|rest| rest.rsplit('/').next());
    let name = name.ok_or_else(|| format!("{arn} is not the ARN of a role"))?;
    if arn.account() != account.id.as_str() {
        return Err(format!("{arn} is of another account than {} ({})", account.name, account.id).into());
    }
    Ok(name.parse()?)
}

fn collected(
    flags: &ImportFlags,
    account: Account,
    rules: Option<Rules>,
    labels: Labels,
    existing: Vec<Existing>,
) -> Found {
    let (mut roles, mut refused) = (Vec::new(), Vec::new());
    for (arn, observed) in existing.into_iter().filter(|(arn, _)| is_asked(flags, arn)) {
        match observed {
            Ok(Observed::Present(role)) => roles.push(*role),
            Ok(Observed::Absent) => {}
            Err(error) => refused.push(NotDeclared {
                role: arn,
                reasons: vec![error.to_string()],
            }),
        }
    }
    roles.sort_by(|left, right| left.arn.cmp(&right.arn));
    Found {
        source: Source {
            account,
            rules,
            namespace: flags.namespace.clone(),
        },
        roles,
        refused,
        labels,
    }
}

/// Whether a role was asked for. Of files, everything is where nothing is chosen.
// IAM tells names apart by no case, and paths by case.
fn is_asked(flags: &ImportFlags, arn: &str) -> bool {
    if flags.arn.iter().any(|one| one.to_string() == arn) {
        return true;
    }
    if flags.name.is_none() && flags.path_prefix.is_none() {
        return flags.arn.is_empty();
    }
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let path_and_name = resource.strip_prefix("role").unwrap_or_default();
    let name = path_and_name.rsplit('/').next().unwrap_or_default();
    let by_name = flags
        .name
        .as_ref()
        .is_none_or(|one| pattern::matches_ignoring_case(one, name));
    let by_path = flags
        .path_prefix
        .as_ref()
        .is_none_or(|path| path_and_name.starts_with(path.as_str()));
    by_name && by_path
}

fn of_ack(flags: &ImportFlags, id: &AccountId) -> Result<Found, Box<dyn Error>> {
    let account = account(flags, id, flags.partition);
    let (mut existing, mut refused) = (Vec::new(), Vec::new());
    for (source, text) in texts(&flags.from_ack)? {
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text).map_err(|error| format!("{source}: {error}"))?;
        for object in documents.into_iter().flat_map(items) {
            if object["kind"] != "Role" || object["apiVersion"] != ack::API_VERSION {
                eprintln!(
                    "note: skipped {} in {source}: it is no Role of {}",
                    object["kind"],
                    ack::API_VERSION
                );
                continue;
            }
            match ack::observed(&object, &account) {
                Ok(role) => existing.push((role.arn.clone(), Ok(Observed::Present(Box::new(role))))),
                Err(not) => refused.push(not),
            }
        }
    }
    let asked = flags.arn.iter().map(ToString::to_string);
    let missing = asked.filter(|arn| !existing.iter().any(|(other, _)| other == arn));
    refused.extend(missing.map(|role| NotDeclared {
        role,
        reasons: vec!["these files hold no such role that can be read".into()],
    }));
    let mut found = collected(flags, account, None, Labels::default(), existing);
    found.refused.extend(refused);
    Ok(found)
}

/// The objects of a list, or the object itself.
fn items(mut object: Value) -> Vec<Value> {
    match object.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => items,
        _ => vec![object],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(choice: &[&str]) -> ImportFlags {
        #[derive(clap::Parser)]
        struct Import {
            #[command(flatten)]
            flags: ImportFlags,
        }
        let all = [&["import", "--account", "prod"][..], choice].concat();
        <Import as clap::Parser>::try_parse_from(all).unwrap().flags
    }

    #[test]
    fn only_roles_that_were_asked_for_are_printed() {
        let arn = |rest: &str| format!("arn:aws:iam::222222222222:role/{rest}");
        let roles = [
            arn("ops/deploy"),
            arn("ops/db/backup"),
            arn("deploy-old"),
            arn("other/x"),
        ];
        for (choice, asked) in [
            (vec![], "ops/deploy ops/db/backup deploy-old other/x"),
            (vec!["--path-prefix", "/ops/"], "ops/deploy ops/db/backup"),
            (
                vec!["--path-prefix", "/"],
                "ops/deploy ops/db/backup deploy-old other/x",
            ),
            (vec!["--path-prefix", "/OPS/"], ""),
            (vec!["--name", "DEPLOY*"], "ops/deploy deploy-old"),
            (vec!["--path-prefix", "/ops/", "--name", "deploy*"], "ops/deploy"),
            (vec!["--arn", &roles[3]], "other/x"),
            (
                vec!["--arn", &roles[3], "--path-prefix", "/ops/db/"],
                "ops/db/backup other/x",
            ),
        ] {
            let flags = flags(&choice);
            let found = roles.iter().filter(|role| is_asked(&flags, role));
            let found: Vec<&str> = found
                .filter_map(|role| role.split_once('/'))
                .map(|(_, rest)| rest)
                .collect();
            assert_eq!(found.join(" "), asked, "{choice:?}");
        }
    }
}
