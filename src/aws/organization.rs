//! The organisation: its units, its accounts and their tags.
//!
//! It is read from the root down, unit by unit: whoever lists the accounts of a unit knows where each is, and would otherwise
//! ask once more for each. Tags are read account by account, so they are remembered, and read anew in time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::str::FromStr;
use std::time::{Duration, Instant};

use aws_sdk_organizations::Client;
use aws_sdk_organizations::config::IdentityCache;
use aws_sdk_organizations::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_organizations::types::Account;
use crossrole_iam::{AccountId, Arn};
use crossrole_plan::discovery::listing::{Listed, Listing, Standing, Unit};
use crossrole_plan::outcome::Failure;
use tokio::sync::Mutex;
use tokio::sync::mpsc::unbounded_channel;

use super::action::Side;
use super::error::CallError;
use super::fenced::Fenced;
use super::gate::Gate;
use super::session::{Session, Sessions};
use super::{Action, Hub};
use crate::metrics::Metrics;

/// Tags are read anew after so long, or after half of it: not those of all accounts at once.
const TAGS_LAST: Duration = Duration::from_secs(6 * 3600);

/// The role that reads the organisation: its ARN, with the account that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationRole {
    arn: Arn,
    account: AccountId,
}

impl FromStr for OrganizationRole {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let arn: Arn = text.parse().map_err(|error| format!("{error}"))?;
        match arn.account_id() {
            Some(account) if arn.service() == "iam" && arn.resource().starts_with("role/") => Ok(Self { arn, account }),
            _ => Err(format!("{text} is not the ARN of a role")),
        }
    }
}

/// The organisation that the operator reads.
#[derive(Debug)]
pub struct Organization {
    hub: Hub,
    /// Absent: it is read with the operator's own identity.
    sessions: Option<Sessions>,
    gate: Gate,
    tags: Mutex<HashMap<AccountId, Tags>>,
}

/// The tags of an account, when they were read, and what else was known of it then.
#[derive(Clone, Debug)]
struct Tags {
    tags: BTreeMap<String, String>,
    read: Instant,
    of: u64,
}

impl Tags {
    fn hold(&self, listed: &Listed, now: Instant) -> bool {
        let spread = hash(&listed.id) % TAGS_LAST.as_secs() / 2;
        let last = TAGS_LAST.saturating_sub(Duration::from_secs(spread));
        self.of == beside_tags(listed) && now.duration_since(self.read) < last
    }
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// What is known of an account without its tags, as a number: who changes that may have changed the tags, too.
fn beside_tags(listed: &Listed) -> u64 {
    let units: Vec<&str> = listed.units.iter().map(|unit| unit.id.as_str()).collect();
    hash((&listed.name, listed.standing, units))
}

/// What is being put together.
struct Reading {
    listing: Listing,
    seen: BTreeSet<AccountId>,
}

impl Organization {
    pub(super) fn new(hub: Hub, role: Option<&OrganizationRole>, session_name: String, metrics: Metrics) -> Self {
        // Nobody waits for it to answer again: it is read at the usual interval.
        let (recovered, _) = unbounded_channel();
        let account = role.map_or(&hub.identity.account, |role| &role.account).clone();
        let sessions = role.map(|role| {
            Sessions::of_organization_role(hub.clone(), role.arn.clone(), role.account.clone(), session_name)
        });
        Self {
            hub,
            sessions,
            gate: Gate::new(account, recovered, metrics),
            tags: Mutex::default(),
        }
    }

    /// All accounts as the organisation lists them now. Tags are read of those that `needs_tags` says so of, given the
    /// root's id, and are a few hours old at most.
    ///
    /// # Errors
    /// The first call that failed: of a listing that is not whole nothing can be concluded.
    pub async fn list(&self, needs_tags: impl Fn(&str, &Listed) -> bool) -> Result<Listing, CallError> {
        let (client, session) = self.client().await?;
        let listed = self.read(&client, needs_tags).await;
        match (&self.sessions, session) {
            (Some(sessions), Some(session)) => sessions.noticing(&session, listed).await,
            _ => listed,
        }
    }

    async fn read(&self, client: &Client, needs_tags: impl Fn(&str, &Listed) -> bool) -> Result<Listing, CallError> {
        let mut reading = self.root(client).await?;
        let mut parents = vec![(reading.listing.root.clone(), Vec::new())];
        while let Some((parent, units)) = parents.pop() {
            self.accounts(client, &parent, &units, &mut reading).await?;
            for unit in self.units(client, &parent).await? {
                let below: Vec<Unit> = units.iter().chain([&unit]).cloned().collect();
                parents.push((unit.id, below));
            }
        }
        let mut listing = reading.listing;
        let unsettled = listing.unsettled.clone();
        listing.accounts.retain(|listed| !unsettled.contains(&listed.id));
        listing.accounts.sort_by(|one, other| one.id.cmp(&other.id));
        self.read_tags(client, &mut listing, needs_tags).await?;
        Ok(listing)
    }

    /// Whether an account that no unit listed is in the organisation all the same: it was moved meanwhile.
    ///
    /// # Errors
    /// A call that failed for another reason than that it is not.
    pub async fn has(&self, id: &AccountId) -> Result<bool, CallError> {
        let (client, _) = self.client().await?;
        let describe = || client.describe_account().account_id(id.as_str()).send();
        found(self.gate.call(Action::DescribeAccount, describe).await.map(drop)).map(|found| found.is_some())
    }

    /// Forgets all tags: they are read anew.
    pub async fn forget_tags(&self) {
        self.tags.lock().await.clear();
    }

    async fn client(&self) -> Result<(Client, Option<Session>), CallError> {
        let builder = aws_sdk_organizations::config::Builder::from(&self.hub.config)
            .interceptor(Fenced(self.hub.fence.clone(), Side::Organization));
        let Some(sessions) = &self.sessions else {
            return Ok((Client::from_conf(builder.build()), None));
        };
        let session = sessions.get(&self.gate).await?;
        let builder = builder
            .credentials_provider(session.credentials.clone())
            .identity_cache(IdentityCache::no_cache());
        Ok((Client::from_conf(builder.build()), Some(session)))
    }

    async fn root(&self, client: &Client) -> Result<Reading, CallError> {
        let roots = self
            .pages(Action::ListRoots, |token| {
                let page = client.list_roots().set_next_token(token).send();
                async { page.await.map(|page| (page.next_token, page.roots.unwrap_or_default())) }
            })
            .await?;
        let root = roots.into_iter().next();
        let parsed = root.and_then(|root| listing(&root.id?, &root.arn?));
        let listing = parsed.ok_or_else(|| CallError::empty(Action::ListRoots, "root with an id and an ARN"))?;
        Ok(Reading {
            listing,
            seen: BTreeSet::new(),
        })
    }

    async fn accounts(
        &self,
        client: &Client,
        parent: &str,
        units: &[Unit],
        reading: &mut Reading,
    ) -> Result<(), CallError> {
        let accounts = self
            .pages(Action::ListAccountsForParent, |token| {
                let page = client
                    .list_accounts_for_parent()
                    .parent_id(parent)
                    .set_next_token(token)
                    .send();
                async {
                    page.await
                        .map(|page| (page.next_token, page.accounts.unwrap_or_default()))
                }
            })
            .await?;
        for account in accounts {
            let listed = listed(account, units)
                .ok_or_else(|| CallError::empty(Action::ListAccountsForParent, "id of an account"))?;
            if listed.id == reading.listing.management_account {
                continue;
            }
            // It was moved while the organisation was read.
            if !reading.seen.insert(listed.id.clone()) {
                reading.listing.unsettled.insert(listed.id.clone());
            }
            reading.listing.accounts.push(listed);
        }
        Ok(())
    }

    async fn units(&self, client: &Client, parent: &str) -> Result<Vec<Unit>, CallError> {
        let action = Action::ListOrganizationalUnitsForParent;
        let units = self
            .pages(action, |token| {
                let page = client
                    .list_organizational_units_for_parent()
                    .parent_id(parent)
                    .set_next_token(token)
                    .send();
                async {
                    page.await
                        .map(|page| (page.next_token, page.organizational_units.unwrap_or_default()))
                }
            })
            .await?;
        let units = units.into_iter().map(|unit| {
            let id = unit.id.ok_or_else(|| CallError::empty(action, "id of a unit"))?;
            let name = unit.name.unwrap_or_default();
            Ok(Unit { id, name })
        });
        units.collect()
    }

    async fn read_tags(
        &self,
        client: &Client,
        listing: &mut Listing,
        needs_tags: impl Fn(&str, &Listed) -> bool,
    ) -> Result<(), CallError> {
        let mut known = self.tags.lock().await;
        let mut accounts = std::mem::take(&mut listing.accounts);
        let ids: BTreeSet<&AccountId> = accounts.iter().map(|listed| &listed.id).collect();
        known.retain(|id, _| ids.contains(id));
        for listed in &mut accounts {
            if !needs_tags(&listing.root, listed) {
                known.remove(&listed.id);
                continue;
            }
            let now = Instant::now();
            if let Some(tags) = known.get(&listed.id).filter(|tags| tags.hold(listed, now)) {
                listed.tags = tags.tags.clone();
                continue;
            }
            let of = beside_tags(listed);
            match found(self.tags_of(client, &listed.id).await)? {
                Some(tags) => {
                    listed.tags = tags.clone();
                    known.insert(listed.id.clone(), Tags { tags, read: now, of });
                }
                // It left while the organisation was read.
                None => {
                    listing.unsettled.insert(listed.id.clone());
                }
            }
        }
        accounts.retain(|listed| !listing.unsettled.contains(&listed.id));
        listing.accounts = accounts;
        Ok(())
    }

    async fn tags_of(&self, client: &Client, id: &AccountId) -> Result<BTreeMap<String, String>, CallError> {
        let tags = self
            .pages(Action::ListTagsForResource, |token| {
                let page = client
                    .list_tags_for_resource()
                    .resource_id(id.as_str())
                    .set_next_token(token)
                    .send();
                async { page.await.map(|page| (page.next_token, page.tags.unwrap_or_default())) }
            })
            .await?;
        Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
    }

    /// All pages of a list: the last is the one without a token, however many there are in it. Source: AWS Organizations API
    /// Reference, `ListAccountsForParent` (`NextToken`).
    async fn pages<Item, E, R, F>(
        &self,
        action: Action,
        page: impl Fn(Option<String>) -> F,
    ) -> Result<Vec<Item>, CallError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: fmt::Debug,
        F: Future<Output = Result<(Option<String>, Vec<Item>), SdkError<E, R>>>,
    {
        let mut all = Vec::new();
        let mut token = None;
        loop {
            let (next, items) = self.gate.call(action, || page(token.clone())).await?;
            all.extend(items);
            match next.filter(|next| !next.is_empty()) {
                // Whoever gives the same token again would never end.
                Some(next) if Some(&next) == token.as_ref() => {
                    return Err(CallError::new(
                        action,
                        Failure::Unexpected,
                        "the same page was given twice",
                    ));
                }
                Some(next) => token = Some(next),
                None => return Ok(all),
            }
        }
    }
}

/// `None` where AWS says that the account is not in the organisation. Source: AWS Organizations API Reference,
/// `DescribeAccount` and `ListTagsForResource` (errors).
fn found<T>(answer: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if ["AccountNotFoundException", "TargetNotFoundException"].contains(&error.code.as_str()) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// A listing without accounts, of the organisation whose root this is. Its ARN is
/// `arn:aws:organizations::MANAGEMENT-ACCOUNT:root/ORGANIZATION/ROOT`. Source: Service Authorization Reference, "Actions,
/// resources, and condition keys for AWS Organizations".
fn listing(root: &str, arn: &str) -> Option<Listing> {
    let arn: Arn = arn.parse().ok()?;
    let organization = arn.resource().strip_prefix("root/")?.split('/').next()?;
    Some(Listing {
        organization: organization.parse().ok()?,
        management_account: arn.account_id()?,
        partition: arn.partition().parse().ok()?,
        root: root.to_string(),
        accounts: Vec::new(),
        unsettled: BTreeSet::new(),
    })
}

fn listed(account: Account, units: &[Unit]) -> Option<Listed> {
    // What AWS no longer gives since September 2026, and what others who speak its language still do.
    let state = account.state.as_ref().map(|state| state.as_str());
    let state = state.or(account.status.as_ref().map(|status| status.as_str()));
    Some(Listed {
        id: account.id?.parse().ok()?,
        name: account.name.unwrap_or_default(),
        standing: state.map_or(Standing::Unknown, Standing::of),
        units: units.to_vec(),
        tags: BTreeMap::new(),
    })
}

#[cfg(test)]
mod tests;
