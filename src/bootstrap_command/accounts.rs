//! The accounts of a class, as the files hold them.

use std::collections::BTreeMap;

use crossrole_api::{AWSAccount, AccountState};
use crossrole_iam::{AccountId, Partition};
use crossrole_plan::account::Account;
use crossrole_plan::refusal::Refusal;
use crossrole_plan::rules::Rules;

use crate::manifests::Manifests;

/// A class, and its accounts.
#[derive(Debug)]
pub struct ClassAccounts {
    /// The class's rules.
    pub rules: Rules,
    /// Its AWSAccounts, in the order of the files. None is `Abandoned`.
    accounts: Vec<(Account, AWSAccount)>,
}

/// One account, and the external id that lets crossrole in.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The AWSAccount's name.
    pub name: String,
    /// The account's id.
    pub id: AccountId,
    /// The external id.
    pub external_id: String,
    /// The AWSAccount with the external id, where it had none before.
    pub changed: Option<AWSAccount>,
}

/// Why the accounts of a class cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// No such class.
    #[error("there is no AccountClass {class} in these files")]
    NoClass {
        /// The class that was asked for.
        class: String,
    },
    /// A class or an account that cannot be what it is.
    #[error("{name}: {refusal}")]
    Refused {
        /// The object.
        name: String,
        /// What is wrong.
        refusal: Refusal,
    },
    /// Nothing to make a kit for.
    #[error("there is no AWSAccount of class {class} in these files")]
    NoAccounts {
        /// The class that was asked for.
        class: String,
    },
    /// An account that was asked for.
    #[error("AWSAccount {name} is not in these files, or not of class {class}, or Abandoned")]
    NoAccount {
        /// The account that was asked for.
        name: String,
        /// The class that was asked for.
        class: String,
    },
    /// An operator works in its own partition alone.
    #[error(
        "AWSAccount {name} is in partition {partition}, and the operator's role in {own}: one operator serves one partition"
    )]
    OtherPartition {
        /// The AWSAccount.
        name: String,
        /// Its partition.
        partition: Partition,
        /// The operator's.
        own: Partition,
    },
    /// Two AWSAccounts of one account.
    #[error("AWSAccounts {first} and {second} are the same account {id}")]
    Twice {
        /// One.
        first: String,
        /// The other.
        second: String,
        /// The account's id.
        id: AccountId,
    },
    /// No external id could be made.
    #[error("the system gives no random bits: {problem}")]
    NoRandom {
        /// What it said.
        problem: String,
    },
}

impl ClassAccounts {
    /// Finds a class and its accounts; where `only` names any, these alone.
    ///
    /// # Errors
    /// A class or an account that is not there, or that cannot be what it is.
    pub fn of(manifests: &Manifests, class: &str, only: &[String]) -> Result<Self, AccountsError> {
        let is_class = |name: &Option<String>| name.as_deref() == Some(class);
        let object = manifests.classes.iter().find(|object| is_class(&object.metadata.name));
        let object = object.ok_or_else(|| AccountsError::NoClass {
            class: class.to_string(),
        })?;
        let refused = |name: String| |refusal| AccountsError::Refused { name, refusal };
        let rules = Rules::parse(object).map_err(refused(format!("AccountClass {class}")))?;
        let mut accounts = Vec::new();
        for object in manifests.accounts.iter().filter(|object| object.spec.class == class) {
            let name = object.metadata.name.clone().unwrap_or_default();
            let account = Account::parse(object).map_err(refused(format!("AWSAccount {name}")))?;
            let wanted = only.is_empty() || only.contains(&name);
            if wanted && account.state != AccountState::Abandoned {
                accounts.push((account, object.clone()));
            }
        }
        let missing = only
            .iter()
            .find(|name| !accounts.iter().any(|(account, _)| account.name == **name));
        if let Some(name) = missing {
            return Err(AccountsError::NoAccount {
                name: name.clone(),
                class: class.to_string(),
            });
        }
        if accounts.is_empty() {
            return Err(AccountsError::NoAccounts {
                class: class.to_string(),
            });
        }
        Ok(Self { rules, accounts })
    }

    /// The accounts as their objects state them.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter().map(|(account, _)| account)
    }

    /// The accounts' ids, each with the name of its AWSAccount.
    ///
    /// # Errors
    /// An account of another partition than the operator's, or two objects of one account.
    pub fn ids(&self, own: Partition) -> Result<BTreeMap<AccountId, String>, AccountsError> {
        let mut ids: BTreeMap<AccountId, String> = BTreeMap::new();
        for (account, _) in &self.accounts {
            let name = account.name.clone();
            if account.partition != own {
                let partition = account.partition;
                return Err(AccountsError::OtherPartition { name, partition, own });
            }
            if let Some(first) = ids.insert(account.id.clone(), name.clone()) {
                return Err(AccountsError::Twice {
                    first,
                    second: name,
                    id: account.id.clone(),
                });
            }
        }
        Ok(ids)
    }

    /// The accounts, each with an external id. `new_id` makes one where there is none yet.
    ///
    /// # Errors
    /// An account of another partition than the operator's, two objects of one account, or no id.
    pub fn entries(
        &self,
        own: Partition,
        new_id: &mut dyn FnMut() -> Result<String, AccountsError>,
    ) -> Result<Vec<Entry>, AccountsError> {
        self.ids(own)?;
        let mut entries = Vec::new();
        for (account, object) in &self.accounts {
            let name = account.name.clone();
            let (external_id, changed) = match &account.external_id {
                Some(id) => (id.to_string(), None),
                None => {
                    let id = new_id()?;
                    let mut changed = object.clone();
                    changed.spec.external_id = Some(id.clone());
                    (id, Some(changed))
                }
            };
            entries.push(Entry {
                name,
                id: account.id.clone(),
                external_id,
                changed,
            });
        }
        Ok(entries)
    }
}
