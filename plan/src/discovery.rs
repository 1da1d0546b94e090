//! The accounts of an organisation as AWSAccounts: which there shall be, and what discovery says of each.
//!
//! | module | holds |
//! |---|---|
//! | [`listing`] | the organisation as it was read |
//! | `rule` | which accounts are of which class |
//! | `labels` | what an account's labels say |
//! | `leaving` | which accounts may be taken away at once |
//! | [`applied`] | the fields of an AWSAccount that discovery owns |
//!
//! Only objects that carry the label `crossrole.dev/organization` of this very organisation are ever changed, and of those only
//! the fields that discovery owns. None is deleted.

pub mod applied;
mod labels;
mod leaving;
pub mod listing;
mod rule;

use std::collections::{BTreeMap, BTreeSet};

use crossrole_api::names::{ORGANIZATION_LABEL, ORGANIZATION_STATE_ANNOTATION};
use crossrole_api::{AWSAccount, AccountClass, AccountState, Reason};
use crossrole_iam::AccountId;

use crate::select::Labels;
use applied::{Applied, Owned, Seen};
use leaving::Leaving;
use listing::{Listed, Listing, Standing};
use rule::{Choice, choose};
pub use rule::{Interest, Rule};

/// What an account's state says that no class names.
const NO_CLASS: &str = "NoClass";

/// What an account's state says that the organisation no longer lists.
const NOT_IN_ORGANIZATION: &str = "NotInOrganization";

/// What is known of Kubernetes.
#[derive(Clone, Debug, Default)]
pub struct Known<'a> {
    /// The AccountClasses.
    pub classes: Vec<&'a AccountClass>,
    /// The AWSAccounts.
    pub accounts: Vec<&'a AWSAccount>,
    /// Whether those are all: nothing is concluded from the absence of one that cannot be read.
    pub all_classes: bool,
    /// Whether those are all.
    pub all_accounts: bool,
    /// AWSAccounts that were paused or abandoned lately: for the brake, they count.
    pub taken_lately: BTreeSet<String>,
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// What to apply, in the order of account ids.
    pub applications: Vec<Application>,
    /// What is wrong, by AccountClass.
    pub problems: BTreeMap<String, (Reason, String)>,
    /// What stands in the way of an account, for the log.
    pub left_out: Vec<String>,
    /// What the brake holds back.
    pub held: Vec<Application>,
}

/// What is applied to one AWSAccount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Its name.
    pub name: String,
    /// The object that was looked at. `None`: it is made.
    pub seen: Option<Seen>,
    /// The fields.
    pub fields: Applied,
    /// What a person would want to know of it.
    pub news: Option<News>,
    /// Whether it takes an account away from the objects that have roles there.
    pub takes: bool,
    /// Whether a person has said that it may.
    pub is_released: bool,
}

/// What a person would want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Whether somebody should look at it.
    pub is_warning: bool,
    /// The reason of the Event.
    pub reason: &'static str,
    /// Its text.
    pub note: String,
}

impl Application {
    /// Whether it says that the organisation no longer lists the account.
    pub fn is_gone(&self) -> bool {
        self.fields.organization_state.as_deref() == Some(NOT_IN_ORGANIZATION)
    }
}

/// The name of the AWSAccount of an account. Names of accounts change, and need not differ.
pub fn object_name(id: &AccountId) -> String {
    format!("account-{id}")
}

/// What is to be done so that the AWSAccounts of a listing are as it says. `at_least` accounts, or a tenth of all if that is
/// more, may be taken away at once.
pub fn decide(listing: &Listing, known: &Known<'_>, at_least: usize) -> Decision {
    let mut decision = Decision::default();
    let (rules, all_rules) = rules(known);
    let kept: Vec<(&AWSAccount, Owned)> = known
        .accounts
        .iter()
        .filter(|account| is_kept(account, listing))
        .map(|account| (*account, Owned::of(account)))
        .collect();
    let of_id: BTreeMap<&str, &(&AWSAccount, Owned)> =
        kept.iter().map(|one| (one.0.spec.account_id.as_str(), one)).collect();
    let all_ids: BTreeSet<&str> = known
        .accounts
        .iter()
        .map(|account| account.spec.account_id.as_str())
        .collect();
    let mut leaving = Leaving::default();
    for listed in &listing.accounts {
        let choice = match all_rules {
            true => choose(&rules, listed, &listing.root),
            false => Choice::Unsure,
        };
        if let Choice::Ambiguous(classes) = &choice {
            for class in classes {
                let others: Vec<&str> = classes.iter().filter(|other| *other != class).copied().collect();
                let problem = format!(
                    "account {} is named equally well by AccountClass {}: let one name a unit nearer to it, or one more tag",
                    listed.id,
                    others.join(", ")
                );
                let problem = (Reason::AmbiguousClass, problem);
                decision.problems.entry((*class).to_string()).or_insert(problem);
            }
        }
        match of_id.get(listed.id.as_str()) {
            Some((account, owned)) => {
                // As an account that has no object, one that has goes into no class that is being deleted.
                let choice = match choice {
                    Choice::Class(rule) if rule.is_ending && rule.class != account.spec.class => Choice::Unsure,
                    choice => choice,
                };
                let fields = Applied::to_listed(listing, listed, &choice, account, owned);
                leaving.note(account, &fields);
                decision.applications.extend(change(account, owned, fields));
            }
            // A person's.
            None if all_ids.contains(listed.id.as_str()) => {}
            None => decision.make(listing, listed, &choice, known),
        }
    }
    let listed = listing.accounts.iter().map(|listed| &listed.id);
    let listed: BTreeSet<&str> = listed.chain(&listing.unsettled).map(AccountId::as_str).collect();
    for (account, owned) in &kept {
        if !listed.contains(account.spec.account_id.as_str()) {
            let fields = Applied::to_gone(account, owned);
            leaving.note(account, &fields);
            decision.applications.extend(change(account, owned, fields));
        }
    }
    decision.hold_back(known, &leaving, kept.len(), at_least);
    decision.tell_what_stands_still(known, all_rules);
    decision
}

/// The rules of the classes, and whether those are all.
fn rules(known: &Known<'_>) -> (Vec<Rule>, bool) {
    let parsed: Vec<_> = known.classes.iter().map(|class| Rule::parse(class)).collect();
    let all = known.all_classes && parsed.iter().all(Result::is_ok);
    (parsed.into_iter().flatten().flatten().collect(), all)
}

/// Whether an object with these labels is one that discovery keeps, of whichever organisation.
pub fn is_discovered(labels: &Labels) -> bool {
    labels.contains_key(ORGANIZATION_LABEL)
}

/// Whether discovery keeps an AWSAccount. What is being deleted stays as it is.
fn is_kept(account: &AWSAccount, listing: &Listing) -> bool {
    let label = account
        .metadata
        .labels
        .as_ref()
        .and_then(|labels| labels.get(ORGANIZATION_LABEL));
    label.map(String::as_str) == Some(listing.organization.as_str())
        && account.spec.account_id != listing.management_account.as_str()
        && account.metadata.deletion_timestamp.is_none()
}

/// What brings an object to these fields; nothing where it has them.
fn change(account: &AWSAccount, owned: &Owned, fields: Applied) -> Option<Application> {
    if fields.stands(account, owned) {
        return None;
    }
    let state = account.spec.state;
    let takes = match fields.state {
        Some(AccountState::Abandoned) => state != AccountState::Abandoned,
        // That AWS says itself of an account that it lists; no role is forgotten for it.
        Some(AccountState::Paused) => state == AccountState::Active && !fields.is_said_by_aws(),
        _ => false,
    };
    Some(Application {
        name: account.metadata.name.clone().unwrap_or_default(),
        seen: Some(Seen::of(account)),
        news: news(account, &fields),
        takes,
        is_released: false,
        fields,
    })
}

fn news(account: &AWSAccount, fields: &Applied) -> Option<News> {
    let annotations = account.metadata.annotations.as_ref();
    let before = annotations.and_then(|annotations| annotations.get(ORGANIZATION_STATE_ANNOTATION));
    let state = fields.organization_state.as_deref();
    if before.map(String::as_str) != state {
        let id = &fields.account_id;
        let note = match state {
            None => format!("the organisation says again that account {id} is active"),
            Some(NOT_IN_ORGANIZATION) if fields.state == Some(AccountState::Abandoned) => {
                format!("the organisation no longer lists account {id}, which was closed: its roles are forgotten")
            }
            Some(NOT_IN_ORGANIZATION) => format!(
                "the organisation no longer lists account {id}: paused; its roles stay as they are. To have them kept \
                 again, take the label {ORGANIZATION_LABEL} off the AWSAccount and set spec.state: Active; to have them \
                 forgotten, set Abandoned"
            ),
            Some(NO_CLASS) => format!("account {id} has left what every class names in spec.discovery: paused"),
            Some(said) => format!("the organisation says of account {id}: {said}"),
        };
        return Some(News {
            is_warning: state.is_some(),
            reason: "OrganizationState",
            note,
        });
    }
    (fields.class != account.spec.class).then(|| News {
        is_warning: false,
        reason: "ClassChanged",
        note: format!("class {} instead of {}", fields.class, account.spec.class),
    })
}

impl Decision {
    /// The object of an account that has none.
    fn make(&mut self, listing: &Listing, listed: &Listed, choice: &Choice<'_>, known: &Known<'_>) {
        let Choice::Class(rule) = choice else { return };
        if rule.is_ending {
            return;
        }
        // Of what cannot be read nobody knows the id.
        if listed.standing != Standing::Active || !known.all_accounts {
            return;
        }
        let name = object_name(&listed.id);
        let is_taken = |account: &&AWSAccount| account.metadata.name.as_ref() == Some(&name);
        if known.accounts.iter().any(is_taken) {
            let problem = format!(
                "account {}: AWSAccount {name} is there, and of another account",
                listed.id
            );
            self.left_out.push(problem);
            return;
        }
        let fields = Applied::to_new(listing, listed, rule);
        let note = format!(
            "account {} ({}) of the organisation: class {}",
            listed.id, listed.name, rule.class
        );
        self.applications.push(Application {
            name,
            seen: None,
            fields,
            news: Some(News {
                is_warning: false,
                reason: "Discovered",
                note,
            }),
            takes: false,
            is_released: false,
        });
    }

    /// Where something cannot be read, the classes say what waits for it.
    fn tell_what_stands_still(&mut self, known: &Known<'_>, all_rules: bool) {
        let unreadable = match (all_rules, known.all_accounts) {
            (true, true) => return,
            (false, _) => "an AccountClass cannot be read: no account changes its class until it can,",
            (true, false) => "an AWSAccount cannot be read: it may be of any account,",
        };
        for class in known.classes.iter().filter(|class| class.spec.discovery.is_some()) {
            let problem = format!("{unreadable} and no AWSAccount is made; its status says why");
            let name = class.metadata.name.clone().unwrap_or_default();
            self.problems.entry(name).or_insert((Reason::InvalidSpec, problem));
        }
    }
}

#[cfg(test)]
mod tests;
