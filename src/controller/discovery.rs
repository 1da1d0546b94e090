//! AWSAccounts for the accounts of the organisation: one look after the other, by the leader alone.
//!
//! ```text
//! list ─► decide ─► ask again of those that are gone ─► apply ─► report
//!             ▲                      │
//!             └──────────────────────┘
//! ```

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossrole_api::names::{ALLOW_REMOVALS_ANNOTATION, DISCOVERY_MANAGER};
use crossrole_api::{AWSAccount, AccountClass, Reason};
use crossrole_plan::discovery::listing::Listing;
use crossrole_plan::discovery::{self, Application, Decision, Interest, Known};
use crossrole_plan::outcome;
use futures::{StreamExt, stream};
use kube::api::{Patch, PatchParams};
use kube::runtime::reflector::ObjectRef;
use kube::{Api, Resource, ResourceExt};
use tokio::sync::Notify;
use tokio::sync::watch::Receiver;

use super::context::{Context, key};
use super::queues::named;
use super::run::until_stop;
use super::watch::{CachedAccount, CachedClass};
use super::write_back::asked;
use crate::aws::{CallError, Organization};

/// Classes that change at once are one look.
const GATHERED_FOR: Duration = Duration::from_secs(1);

/// AWSAccounts that are written at the same time.
const WRITTEN_AT_ONCE: usize = 16;

/// What was taken away counts for the brake for so many intervals: it is still remembered at the next look.
const TAKEN_COUNT_FOR: u32 = 2;

/// What discovery came to.
#[derive(Default)]
pub struct Discovered {
    class_looked_at: Notify,
    known: Mutex<Last>,
}

/// What the last look came to.
#[derive(Default)]
struct Last {
    /// What is wrong, by AccountClass.
    problems: BTreeMap<String, (Reason, String)>,
    /// Why the organisation could not be read.
    failure: Option<(Reason, String)>,
    /// AWSAccounts that were taken away without a person's leave, and when.
    taken: HashMap<String, Instant>,
}

impl Discovered {
    fn last(&self) -> MutexGuard<'_, Last> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An AccountClass was looked at: it may ask for other accounts.
    pub fn class_was_looked_at(&self) {
        self.class_looked_at.notify_one();
    }
}

/// What is wrong with the accounts of a class.
pub(super) fn problem(context: &Context, class: &AccountClass) -> Option<(Reason, String)> {
    let wanted = class.spec.discovery.is_some();
    if context.settings.discovery.is_none() {
        let message = "the operator runs without --discover-organization: no AWSAccount is made";
        return wanted.then(|| (Reason::DiscoveryOff, message.to_string()));
    }
    let last = context.discovered.last();
    let failure = last.failure.clone().filter(|_| wanted);
    failure.or_else(|| last.problems.get(&class.name_any()).cloned())
}

/// Looks at the organisation at every interval, and where classes ask for something else, until told to stop.
pub async fn run(context: Arc<Context>, mut stop: Receiver<bool>) {
    let Some(settings) = &context.settings.discovery else {
        return;
    };
    let organization = context.aws.organization(settings.role.as_ref());
    let (mut failures, mut asked_again) = (0, 0);
    loop {
        let wants = wants(&context);
        if wants.asked_again != asked_again {
            asked_again = wants.asked_again;
            organization.forget_tags().await;
        }
        let interval = context.settings.resync_interval;
        let next = match look(&context, &organization, &stop).await {
            Ok(()) => {
                failures = 0;
                outcome::regular(interval, fastrand::f64())
            }
            Err(()) => {
                failures += 1;
                outcome::backoff(failures, fastrand::f64()).min(interval)
            }
        };
        tokio::select! {
            _ = tokio::time::timeout(next, until_classes_want_else(&context, &wants)) => {}
            () = until_stop(&mut stop) => return,
        }
    }
}

/// What the classes ask for, as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wants {
    accounts: u64,
    /// What the annotations say that ask for a look now.
    asked_again: u64,
}

fn wants(context: &Context) -> Wants {
    let mut classes = context.caches.classes.state();
    classes.sort_by_key(|class| class.name_any());
    let (mut accounts, mut again) = (DefaultHasher::new(), DefaultHasher::new());
    for class in classes {
        let annotations = class.annotations();
        let discovery = class.0.as_ref().ok().and_then(|class| class.spec.discovery.as_ref());
        (class.name_any(), annotations.get(ALLOW_REMOVALS_ANNOTATION)).hash(&mut accounts);
        if let Some(discovery) = discovery {
            (&discovery.organizational_units, &discovery.tags, &discovery.external_id).hash(&mut accounts);
            asked(class.as_ref()).hash(&mut again);
        }
    }
    Wants {
        accounts: accounts.finish(),
        asked_again: again.finish(),
    }
}

async fn until_classes_want_else(context: &Context, before: &Wants) {
    while wants(context) == *before {
        context.discovered.class_looked_at.notified().await;
    }
    tokio::time::sleep(GATHERED_FOR).await;
}

/// One look. Nothing is called where nobody asks for anything. When it is time to stop, what was sent to Kubernetes is waited
/// for, and nothing more is sent.
async fn look(context: &Arc<Context>, organization: &Organization, stop: &Receiver<bool>) -> Result<(), ()> {
    let cached = Cached::of(context);
    if !cached.is_wanted() {
        context.metrics.reads_no_organization();
        report(context, BTreeMap::new(), None);
        return Ok(());
    }
    let (mut stopping, mut ending) = (stop.clone(), stop.clone());
    let decided = tokio::select! {
        decided = decide(context, organization, &cached) => decided,
        () = until_stop(&mut stopping) => return Ok(()),
    };
    let (listing, mut decision) = match decided {
        Ok(decided) => decided,
        Err(error) => {
            tracing::warn!(%error, "the organisation could not be read; its AWSAccounts stay as they are");
            context.metrics.could_not_read_organization();
            let reason = error.failure.meaning(Duration::ZERO).reason;
            report(context, BTreeMap::new(), Some((reason, error.to_string())));
            return Err(());
        }
    };
    for problem in &decision.left_out {
        tracing::warn!("an account of the organisation is left out: {problem}");
    }
    let changed = decision.applications.len();
    let results = stream::iter(decision.applications)
        .take_until(Box::pin(until_stop(&mut ending)))
        .map(|application| apply(context, application))
        .buffer_unordered(WRITTEN_AT_ONCE);
    let results: Vec<Done> = results.collect().await;
    let failed = results.iter().filter(|done| !matches!(done, Done::Written)).count();
    for (class, problem) in results.into_iter().filter_map(Done::refused) {
        let problem = (Reason::NotWritten, problem);
        decision.problems.entry(class).or_insert(problem);
    }
    let accounts = listing.accounts.len();
    if changed > 0 {
        let organization = listing.organization.as_str();
        tracing::info!(
            organization,
            accounts,
            changed,
            failed,
            "the organisation's AWSAccounts were brought up to date"
        );
    }
    context.metrics.read_organization(context.now().as_second(), accounts);
    report(context, decision.problems, None);
    if failed == 0 { Ok(()) } else { Err(()) }
}

/// What is to be done, as Kubernetes is when the organisation has been read. What no unit lists any more is asked for once more
/// by its id: it may have been moved meanwhile.
async fn decide(
    context: &Context,
    organization: &Organization,
    before: &Cached,
) -> Result<(Listing, Decision), CallError> {
    let read_for = Interest::of(&before.known(context));
    let mut listing = organization.list(|root, listed| read_for.is_in(root, listed)).await?;
    let at_least = context.settings.max_removals;
    let mut asked = BTreeSet::new();
    loop {
        let now = Cached::of(context);
        let known = now.known(context);
        // Their tags were not read.
        let (root, interest) = (listing.root.clone(), Interest::of(&known));
        listing.set_aside(|listed| interest.is_in(&root, listed) && !read_for.is_in(&root, listed));
        let decision = discovery::decide(&listing, &known, at_least);
        let unasked = decision.to_be_asked_for(&asked, at_least);
        if unasked.is_empty() {
            return Ok((listing, decision));
        }
        for id in unasked {
            if organization.has(&id).await? {
                listing.unsettled.insert(id.clone());
            }
            asked.insert(id);
        }
    }
}

/// The caches at one moment.
struct Cached {
    classes: Vec<Arc<CachedClass>>,
    accounts: Vec<Arc<CachedAccount>>,
}

impl Cached {
    fn of(context: &Context) -> Self {
        Self {
            classes: context.caches.classes.state(),
            accounts: context.caches.accounts.state(),
        }
    }

    fn known(&self, context: &Context) -> Known<'_> {
        let mut last = context.discovered.last();
        let count_for = context.settings.resync_interval.saturating_mul(TAKEN_COUNT_FOR);
        last.taken.retain(|_, at| at.elapsed() <= count_for);
        let classes = self.classes.iter().filter_map(|class| class.0.as_ref().ok());
        let accounts = self.accounts.iter().filter_map(|account| account.0.as_ref().ok());
        Known {
            classes: classes.collect(),
            accounts: accounts.collect(),
            all_classes: self.classes.iter().all(|class| class.0.is_ok()),
            all_accounts: self.accounts.iter().all(|account| account.0.is_ok()),
            taken_lately: last.taken.keys().cloned().collect(),
        }
    }

    /// Whether there is a class that asks for accounts, or an AWSAccount that one did ask for.
    fn is_wanted(&self) -> bool {
        let mut classes = self.classes.iter().filter_map(|class| class.0.as_ref().ok());
        classes.any(|class| class.spec.discovery.is_some())
            || self
                .accounts
                .iter()
                .any(|account| discovery::is_discovered(account.labels()))
    }
}

/// What became of an application.
enum Done {
    Written,
    /// The object is not as it was looked at: it is looked at again.
    Changed,
    /// Kubernetes did not take it: the class, and why.
    Refused(String, String),
}

impl Done {
    fn refused(self) -> Option<(String, String)> {
        match self {
            Self::Refused(class, problem) => Some((class, problem)),
            Self::Written | Self::Changed => None,
        }
    }
}

/// Whether an object of this name, or of this account, is there.
fn is_there(accounts: &[Arc<CachedAccount>], name: &str, id: &str) -> bool {
    accounts.iter().any(|account| {
        let is_of_it = |account: &AWSAccount| account.spec.account_id == id;
        account.name_any() == name || account.0.as_ref().is_ok_and(is_of_it)
    })
}

/// Writes one AWSAccount.
async fn apply(context: &Context, application: Application) -> Done {
    let Application {
        name,
        seen,
        fields,
        news,
        takes,
        is_released,
    } = application;
    let cached = context.caches.accounts.get(&ObjectRef::new(&name));
    // The look was made from an older state than what we wrote.
    if cached.is_some_and(|cached| context.until_cached(cached.as_ref()).is_some()) {
        return Done::Changed;
    }
    // What is made has no version that could be asked for.
    if seen.is_none() && is_there(&context.caches.accounts.state(), &name, &fields.account_id) {
        return Done::Changed;
    }
    let api: Api<AWSAccount> = Api::all(context.client.clone());
    let params = PatchParams::apply(DISCOVERY_MANAGER);
    // Of an object that nobody has seen yet, nothing that somebody else wrote is taken from them.
    let params = if seen.is_some() { params.force() } else { params };
    let manifest = fields.manifest(&name, seen.as_ref());
    let written = match api.patch(&name, &params, &Patch::Apply(manifest)).await {
        Ok(written) => written,
        Err(kube::Error::Api(status)) if status.code == 409 => return Done::Changed,
        Err(error) => {
            let code = match &error {
                kube::Error::Api(status) => status.code.to_string(),
                _ => "NoAnswer".to_string(),
            };
            context.metrics.kubernetes_failed("AWSAccount", &code);
            tracing::warn!(account = name, %error, "Kubernetes did not take an AWSAccount of the organisation; it is tried again");
            return Done::Refused(fields.class, format!("AWSAccount {name}: {error}"));
        }
    };
    context
        .memory
        .wrote(&key(&written), written.resource_version().as_deref());
    if takes && !is_released {
        context.discovered.last().taken.insert(name, Instant::now());
    }
    if let Some(news) = news {
        let reference = written.object_ref(&());
        match news.is_warning {
            true => context.events.warn(&reference, news.reason, &news.note).await,
            false => context.events.done(&reference, news.reason, &news.note).await,
        }
    }
    Done::Written
}

/// Has the classes looked at of which something else is to be told now.
fn report(context: &Context, problems: BTreeMap<String, (Reason, String)>, failure: Option<(Reason, String)>) {
    let mut last = context.discovered.last();
    if last.problems == problems && last.failure == failure {
        return;
    }
    last.problems = problems;
    last.failure = failure;
    drop(last);
    for class in context.caches.classes.state() {
        let _ = context.queues.classes.send(named(class.as_ref()));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_there_by_name_or_by_account_is_not_made() {
        let cached = |name: &str, spec| -> Arc<CachedAccount> {
            let account = json!({
                "apiVersion": "crossrole.dev/v1alpha1",
                "kind": "AWSAccount",
                "metadata": {"name": name},
                "spec": spec,
            });
            Arc::new(serde_json::from_value(account).unwrap())
        };
        let accounts = [
            cached("mine", json!({"accountId": "222222222222", "class": "standard"})),
            cached("account-333333333333", json!({"class": 1})),
        ];
        assert!(is_there(&accounts, "account-222222222222", "222222222222"));
        assert!(is_there(&accounts, "account-333333333333", "333333333333"));
        assert!(!is_there(&accounts, "account-444444444444", "444444444444"));
    }
}
