//! What is known of Kubernetes at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossrole_api::{AWSAccount, AccountClass, AccountState, CrossAccountRole, Reason};
use crossrole_plan::account::Account;
use crossrole_plan::refusal::Refusal;
use crossrole_plan::rules::Rules;
use crossrole_plan::select::{Labels, Selection};
use kube::ResourceExt;

use crate::aws::Hub;

/// What is known of Kubernetes at one moment.
pub struct World {
    accounts: BTreeMap<String, Arc<AWSAccount>>,
    classes: BTreeMap<String, Arc<AccountClass>>,
    namespaces: BTreeMap<String, Labels>,
}

impl World {
    /// Reads the caches.
    pub fn of(caches: &super::watch::Caches) -> Self {
        Self {
            accounts: caches
                .accounts
                .state()
                .into_iter()
                .map(|account| (account.name_any(), account))
                .collect(),
            classes: caches
                .classes
                .state()
                .into_iter()
                .map(|class| (class.name_any(), class))
                .collect(),
            namespaces: caches
                .namespaces
                .state()
                .into_iter()
                .map(|namespace| (namespace.name_any(), namespace.labels().clone()))
                .collect(),
        }
    }

    /// The accounts that an object selects.
    pub fn selection(&self, role: &CrossAccountRole) -> Selection {
        let accounts = self
            .accounts
            .iter()
            .map(|(name, account)| (name.as_str(), account.labels()));
        Selection::of(&role.spec.accounts, accounts)
    }

    /// The state of an AWSAccount, where there is one.
    pub fn account_state(&self, name: &str) -> Option<AccountState> {
        self.accounts.get(name).map(|account| account.spec.state)
    }

    /// An AWSAccount of this name, or, for an entry whose AWSAccount is gone, another one of the same id.
    pub(super) fn account(&self, name: &str, id: Option<&str>) -> Option<&Arc<AWSAccount>> {
        self.accounts.get(name).or_else(|| {
            self.accounts
                .values()
                .find(|account| Some(account.spec.account_id.as_str()) == id)
        })
    }

    /// The older AWSAccount of the same id and partition, where there is one.
    fn duplicate_of(&self, account: &AWSAccount) -> Option<String> {
        let age = |account: &AWSAccount| (account.creation_timestamp(), account.name_any());
        self.accounts
            .values()
            .filter(|other| {
                other.spec.account_id == account.spec.account_id && other.spec.partition == account.spec.partition
            })
            .map(|other| age(other))
            .min()
            .filter(|first| *first != age(account))
            .map(|(_, name)| name)
    }

    /// An AWSAccount and the rules of its class, where both can be used.
    ///
    /// # Errors
    /// Why they cannot.
    pub fn usable(&self, account: &AWSAccount, hub: &Hub) -> Result<(Account, Rules), Refusal> {
        if let Some(older) = self.duplicate_of(account) {
            return Err(Refusal::of_field(
                Reason::DuplicateAccount,
                "AWSAccount spec.accountId",
                format!("the older AWSAccount {older} has the same id: remove one of the two"),
            ));
        }
        let parsed = Account::parse(account)?;
        if parsed.partition != hub.partition {
            return Err(Refusal::of_field(
                Reason::PartitionMismatch,
                "AWSAccount spec.partition",
                format!(
                    "the account is in {}, and this operator serves {} alone",
                    parsed.partition, hub.partition
                ),
            ));
        }
        let class = self.classes.get(&parsed.class).ok_or_else(|| {
            Refusal::of_field(
                Reason::ClassNotFound,
                "AWSAccount spec.class",
                format!("there is no AccountClass {}: make it, or name another", parsed.class),
            )
        })?;
        let rules = Rules::parse(class)?;
        Ok((parsed, rules))
    }

    /// The labels of a namespace; none where it is not known.
    pub(super) fn labels(&self, namespace: &str) -> Labels {
        self.namespaces.get(namespace).cloned().unwrap_or_default()
    }
}
