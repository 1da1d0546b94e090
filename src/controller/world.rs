//! What is known of Kubernetes at one moment.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crossrole_api::{AWSAccount, AccountState, CrossAccountRole, Reason};
use crossrole_iam::RoleName;
use crossrole_plan::account::Account;
use crossrole_plan::bootstrap::Bootstrap;
use crossrole_plan::grant::GrantRole;
use crossrole_plan::notify::Notifying;
use crossrole_plan::refusal::Refusal;
use crossrole_plan::rules::Rules;
use crossrole_plan::select::{Labels, Selection};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::watch::{CachedAccount, CachedClass, Caches};
use crate::aws::Identity;

/// What is known of Kubernetes at one moment.
pub struct World {
    accounts: BTreeMap<String, Arc<CachedAccount>>,
    /// Those that can be read, by their ids: the oldest first.
    by_id: HashMap<String, Vec<Arc<CachedAccount>>>,
    /// `Err` where this version cannot read a class.
    classes: BTreeMap<String, Result<Class, Refusal>>,
    namespaces: BTreeMap<String, Labels>,
    changes: u64,
    bearing: u64,
}

/// An AccountClass. It is parsed once, however many accounts and objects it concerns, and part by part: a fault in one stands
/// in the way of nothing that needs another.
struct Class {
    bootstrap: Result<Bootstrap, Refusal>,
    grant_role: Result<Option<GrantRole>, Refusal>,
    rules: Result<Arc<Rules>, Refusal>,
    /// Read beside the rules: what is wrong with one of them keeps nobody from being told.
    notifying: Option<Notifying>,
}

/// Where the account of an entry in status stands now.
pub enum Located<'a> {
    /// Here.
    At(&'a AWSAccount),
    /// No AWSAccount speaks of it any more.
    Nowhere,
    /// The AWSAccount of that name has another id now: this one.
    Elsewhere(&'a AWSAccount),
}

impl World {
    /// Reads the caches. What has changed since it asked how often anything has is in it, too.
    pub fn of(caches: &Caches) -> Self {
        let (changes, bearing) = (caches.changes(), caches.bearing());
        let namespaces = caches.namespaces.state().into_iter();
        let world = Self::of_objects(
            caches.accounts.state(),
            caches.classes.state(),
            namespaces.map(|namespace| (namespace.name_any(), namespace.labels().clone())),
        );
        Self {
            changes,
            bearing,
            ..world
        }
    }

    /// How often anything of it had changed.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// How often anything of it had changed that can matter to a CrossAccountRole that is there.
    pub fn bearing(&self) -> u64 {
        self.bearing
    }

    /// Takes these objects, and namespaces with their labels, for all that there are.
    pub fn of_objects(
        accounts: impl IntoIterator<Item = Arc<CachedAccount>>,
        classes: impl IntoIterator<Item = Arc<CachedClass>>,
        namespaces: impl IntoIterator<Item = (String, Labels)>,
    ) -> Self {
        let accounts = accounts.into_iter();
        let accounts: BTreeMap<_, _> = accounts.map(|account| (account.name_any(), account)).collect();
        let classes = classes.into_iter();
        Self {
            by_id: by_id(accounts.values()),
            accounts,
            classes: classes.map(|class| (class.name_any(), Class::of(&class))).collect(),
            namespaces: namespaces.into_iter().collect(),
            changes: 0,
            bearing: 0,
        }
    }

    /// The ids of all accounts; `None` where an AWSAccount cannot be read, so that nobody knows.
    pub fn account_ids(&self) -> Option<BTreeSet<&str>> {
        let accounts = self.accounts.values();
        accounts
            .map(|account| Some(account.0.as_ref().ok()?.spec.account_id.as_str()))
            .collect()
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
        self.readable(name).map(|account| account.spec.state)
    }

    fn readable(&self, name: &str) -> Option<&AWSAccount> {
        self.accounts.get(name).and_then(|account| account.0.as_ref().ok())
    }

    /// The AWSAccounts of an id, the oldest first.
    fn of_id(&self, id: &str) -> impl Iterator<Item = &AWSAccount> {
        let accounts = self.by_id.get(id).into_iter().flatten();
        accounts.filter_map(|account| account.0.as_ref().ok())
    }

    /// An AWSAccount by its name.
    ///
    /// # Errors
    /// There is none, or this version cannot read it.
    pub fn account(&self, name: &str) -> Result<&AWSAccount, Refusal> {
        match self.accounts.get(name).map(|account| &account.0) {
            Some(Ok(account)) => Ok(account),
            Some(Err(unreadable)) => Err(Refusal::new(
                Reason::InvalidSpec,
                format!(
                    "this version of crossrole cannot read AWSAccount {name}: {}",
                    unreadable.error
                ),
            )),
            None => Err(Refusal::of_field(
                Reason::AccountNotFound,
                "spec.accounts.names",
                format!("there is no AWSAccount {name}: make it, or take the name out"),
            )),
        }
    }

    /// The AWSAccount of an entry in status: the one of its name, if it still has the entry's id, else the oldest one of
    /// that id.
    pub fn locate(&self, name: &str, id: &str) -> Located<'_> {
        let named = self.readable(name);
        if let Some(account) = named.filter(|account| account.spec.account_id == id) {
            return Located::At(account);
        }
        match (self.of_id(id).next(), named) {
            (Some(account), _) => Located::At(account),
            (None, Some(account)) => Located::Elsewhere(account),
            (None, None) => Located::Nowhere,
        }
    }

    /// The older AWSAccount of the same id and partition, where there is one.
    fn duplicate_of(&self, account: &AWSAccount) -> Option<String> {
        let mut same = self.of_id(&account.spec.account_id);
        let first = same.find(|other| other.spec.partition == account.spec.partition)?;
        (first.name_any() != account.name_any()).then(|| first.name_any())
    }

    fn class(&self, name: &str) -> Result<&Class, Refusal> {
        match self.classes.get(name) {
            Some(class) => class.as_ref().map_err(Clone::clone),
            None => Err(Refusal::of_field(
                Reason::ClassNotFound,
                "AWSAccount spec.class",
                format!("there is no AccountClass {name}: make it, or name another"),
            )),
        }
    }

    /// An AWSAccount and the rules of its class, where roles can be held there. Where nobody knows who the operator is,
    /// every partition may be its own.
    ///
    /// # Errors
    /// Why they cannot.
    pub fn usable(&self, account: &AWSAccount, hub: Option<&Identity>) -> Result<(Account, Arc<Rules>), Refusal> {
        if let Some(older) = self.duplicate_of(account) {
            return Err(Refusal::of_field(
                Reason::DuplicateAccount,
                "AWSAccount spec.accountId",
                format!("the older AWSAccount {older} has the same id: remove one of the two"),
            ));
        }
        let parsed = served(account, hub)?;
        let rules = self.class(&parsed.class)?.rules.clone()?;
        Ok((parsed, rules))
    }

    /// An AWSAccount and its bootstrap role: all that is needed to take a role away, whatever else is wrong with the
    /// class.
    ///
    /// # Errors
    /// Why the account cannot be entered.
    pub fn enterable(&self, account: &AWSAccount, hub: Option<&Identity>) -> Result<(Account, Bootstrap), Refusal> {
        let parsed = served(account, hub)?;
        let bootstrap = self.class(&parsed.class)?.bootstrap.clone()?;
        Ok((parsed, bootstrap))
    }

    /// The grant role of an account's class; `None` where the class has no grants.
    ///
    /// # Errors
    /// There is no such class, or its grant role is none.
    pub fn grant_role(&self, account: &Account) -> Result<Option<GrantRole>, Refusal> {
        self.class(&account.class)?.grant_role.clone()
    }

    /// Whether any class has a bootstrap role or a grant role of this name.
    pub fn is_entered_as(&self, role: &RoleName) -> bool {
        let classes = self.classes.values().filter_map(|class| class.as_ref().ok());
        let mut names = classes.flat_map(|class| {
            let bootstrap = class.bootstrap.as_ref().ok().map(|bootstrap| &bootstrap.name);
            let grants = class.grant_role.as_ref().ok().and_then(Option::as_ref);
            [bootstrap, grants.map(|grants| &grants.name)].into_iter().flatten()
        });
        names.any(|name| name.folded() == role.folded())
    }

    /// The class of each account, by the AWSAccount's name.
    pub fn classes_of_accounts(&self) -> impl Iterator<Item = (&str, &str)> {
        let accounts = self.accounts.iter();
        accounts.filter_map(|(name, account)| Some((name.as_str(), account.0.as_ref().ok()?.spec.class.as_str())))
    }

    /// The class of an account.
    pub fn class_of(&self, account: &str) -> Option<&str> {
        Some(self.readable(account)?.spec.class.as_str())
    }

    /// Who is told of what happens to roles in accounts of a class; `None` where nobody knows, because that cannot be read.
    pub fn notifying(&self, class: &str) -> Option<&Notifying> {
        self.class(class).ok()?.notifying.as_ref()
    }

    /// The labels of a namespace; none where it is not known.
    pub(super) fn labels(&self, namespace: &str) -> Labels {
        self.namespaces.get(namespace).cloned().unwrap_or_default()
    }
}

impl Class {
    fn of(cached: &CachedClass) -> Result<Self, Refusal> {
        let class = cached.0.as_ref().map_err(|unreadable| {
            Refusal::new(
                Reason::InvalidClass,
                format!(
                    "this version of crossrole cannot read AccountClass {}: {}",
                    cached.name_any(),
                    unreadable.error
                ),
            )
        })?;
        Ok(Self {
            bootstrap: Bootstrap::parse(class),
            grant_role: GrantRole::parse(class),
            rules: Rules::parse(class).map(Arc::new),
            notifying: Notifying::parse(class).ok(),
        })
    }
}

fn by_id<'a>(accounts: impl Iterator<Item = &'a Arc<CachedAccount>>) -> HashMap<String, Vec<Arc<CachedAccount>>> {
    let mut by_id: HashMap<String, Vec<Arc<CachedAccount>>> = HashMap::new();
    for account in accounts {
        if let Ok(readable) = &account.0 {
            by_id
                .entry(readable.spec.account_id.clone())
                .or_default()
                .push(account.clone());
        }
    }
    for same in by_id.values_mut() {
        same.sort_by_cached_key(|account| account.0.as_ref().ok().map(age));
    }
    by_id
}

fn age(account: &AWSAccount) -> (Option<Time>, String) {
    (account.creation_timestamp(), account.name_any())
}

fn served(account: &AWSAccount, hub: Option<&Identity>) -> Result<Account, Refusal> {
    let parsed = Account::parse(account)?;
    if let Some(hub) = hub.filter(|hub| hub.partition != parsed.partition) {
        return Err(Refusal::of_field(
            Reason::PartitionMismatch,
            "AWSAccount spec.partition",
            format!(
                "the account is in {}, and this operator serves {} alone",
                parsed.partition, hub.partition
            ),
        ));
    }
    Ok(parsed)
}
