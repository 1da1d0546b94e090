//! An AWSAccount: can it be entered, what does it show, and is it in use.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossrole_api::names::{IN_USE_FINALIZER, ORGANIZATION_STATE_ANNOTATION};
use crossrole_api::status::condition::{READY, RECONCILING, ROLES_READ_ALONE, STALLED};
use crossrole_api::{AWSAccount, AWSAccountStatus, AccountQuotas, AccountState, Orphans, Reason};
use crossrole_plan::declaration::ObjectName;
use crossrole_plan::outcome::NextLook;
use crossrole_plan::quota::{Quotas, Source};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, Resource, ResourceExt};

use super::context::{Context, Marked, key};
use super::events::{MESSAGE_SIZE, cut};
use super::index::Usage;
use super::watch::CachedAccount;
use super::world::World;
use super::{grants, looks, orphans, report, resolve, standing, unreadable, write_back};
use crate::aws::{AccountHandle, CallError, Reading, Survey};

/// Looks at one AWSAccount.
///
/// # Errors
/// Only what Kubernetes answered to our own patches.
pub async fn reconcile(cached: Arc<CachedAccount>, context: Arc<Context>) -> Result<Action, kube::Error> {
    let api: Api<AWSAccount> = Api::all(context.client.clone());
    if let Some(later) = context.until_cached(cached.as_ref()) {
        return Ok(later);
    }
    let key = key(cached.as_ref());
    let account = match &cached.0 {
        Ok(account) => account,
        Err(error) => return unreadable::tell(&context, cached.as_ref(), &error.error).await,
    };
    let name = account.name_any();
    let deleting = account.metadata.deletion_timestamp.is_some();
    let mark = context.mark_of(&key);
    let mut marked = mark.lock().await;
    let Usage {
        mut users,
        roles,
        mut unsure,
    } = context.caches.index.usage(&name);
    let (granting, unreadable) = grants::users_of(&context.caches, &name);
    users.extend(granting);
    unsure |= unreadable;
    let mark_holds = marked.holds();
    let used = !users.is_empty() || unsure || mark_holds.is_some();
    let mut version = account.resource_version();
    if used != write_back::has_finalizer(account, IN_USE_FINALIZER) && (!used || !deleting) {
        *marked = if used { Marked::AsCached } else { Marked::TakenOff };
        version = write_back::set_finalizer(&api, account, IN_USE_FINALIZER, used).await?;
        context.memory.wrote(&key, version.as_deref());
        if !used && deleting {
            return Ok(Action::await_change());
        }
    }
    drop(marked);
    let mut found = look(&context, account).await;
    if deleting && let Some(first) = users.first() {
        found.message = format!(
            "being deleted; waits for {} objects that have entries here, first {first}: take the account out of them, or delete them",
            users.len()
        );
    }
    let previous = account.status.clone().unwrap_or_default();
    let generation = account.metadata.generation;
    let mut conditions = standing_of(&previous.conditions, &found, generation, context.now());
    let (orphans, read_alone) = match found.shown {
        Some(Shown::Roles(orphans)) => {
            orphans::tell(&context, account, previous.orphans.as_ref(), orphans.as_ref()).await;
            (orphans, None)
        }
        Some(Shown::Denied(error)) => {
            let alone = read_alone(&previous.conditions, &error, generation, context.now());
            (previous.orphans.clone(), Some(alone))
        }
        None => {
            let mut known = previous.conditions.iter();
            let alone = known.find(|condition| condition.type_ == ROLES_READ_ALONE);
            (previous.orphans.clone(), alone.cloned())
        }
    };
    conditions.extend(read_alone);
    let status = AWSAccountStatus {
        observed_generation: generation,
        caller_arn: found.caller_arn.or(previous.caller_arn.clone()),
        roles: Some(roles),
        quotas: found.quotas.or(previous.quotas),
        orphans,
        conditions,
    };
    if status != previous {
        if let Some(error) = &found.error
            && previous
                .conditions
                .first()
                .is_none_or(|before| before.reason != found.reason)
        {
            let reference = account.object_ref(&());
            context.events.warn(&reference, &found.reason, &error.to_string()).await;
        }
        let version = write_back::set_status(&api, &name, version.as_deref(), &previous, &status).await?;
        context.memory.wrote(&key, version.as_deref());
    }
    standing::count(&context.metrics, "AWSAccount", &status.conditions);
    if let Some((handle, reading)) = found.told {
        handle.is_told(reading);
    }
    Ok(match (found.next, mark_holds) {
        (NextLook::Backoff, _) => context.after_backoff(&key),
        // If no entry comes, the finalizer goes; nobody else would ask for that look.
        (NextLook::Interval, Some(rest)) if users.is_empty() => Action::requeue(rest),
        (NextLook::Interval, _) => context.at_interval_since(&key, found.age),
    })
}

/// Puts the finalizer on AWSAccounts before the first role is made there, so that none is deleted while a role of ours
/// can be in it.
///
/// # Errors
/// What Kubernetes answered.
pub async fn mark_in_use(context: &Context, names: &[&str]) -> Result<(), kube::Error> {
    let marks: Vec<_> = names.iter().map(|name| mark_one_in_use(context, name)).collect();
    let marks = stream::iter(marks).buffer_unordered(MARKED_AT_ONCE);
    marks.try_collect().await
}

async fn mark_one_in_use(context: &Context, name: &str) -> Result<(), kube::Error> {
    let reference = ObjectRef::new(name);
    let mark = context.mark_of(&reference.to_string());
    let mut marked = mark.lock().await;
    // Read now that nobody takes the finalizer off.
    let Some(cached) = context.caches.accounts.get(&reference) else {
        return Ok(());
    };
    let Ok(account) = &cached.0 else { return Ok(()) };
    // The cache may be from before we took it off; then Kubernetes refuses the patch, and the object is looked at again.
    let shown = write_back::has_finalizer(account, IN_USE_FINALIZER) && !matches!(*marked, Marked::TakenOff);
    if shown || marked.holds().is_some() {
        return Ok(());
    }
    let key = key(cached.as_ref());
    let api: Api<AWSAccount> = Api::all(context.client.clone());
    // Boxed: of a thousand accounts that are to be marked, few are written at the same time.
    let version = Box::pin(write_back::set_finalizer(&api, account, IN_USE_FINALIZER, true)).await?;
    context.memory.wrote(&key, version.as_deref());
    *marked = Marked::PutOn(Instant::now());
    Ok(())
}

/// AWSAccounts that are marked at the same time for one object.
const MARKED_AT_ONCE: usize = 64;

/// A finalizer that was just put on stays for so long, whatever the cache says of entries: they are about to be written.
const MARK_HOLDS: Duration = Duration::from_secs(60);

impl Marked {
    /// How long a finalizer that was just put on stays still.
    fn holds(self) -> Option<Duration> {
        match self {
            Self::PutOn(at) => MARK_HOLDS.checked_sub(at.elapsed()),
            Self::AsCached | Self::TakenOff => None,
        }
    }
}

struct Found {
    caller_arn: Option<String>,
    quotas: Option<AccountQuotas>,
    /// Absent where the roles were not read.
    shown: Option<Shown>,
    /// Whom to say that this was told.
    told: Option<(Arc<AccountHandle>, Reading)>,
    reason: String,
    message: String,
    /// The condition that is there beside a `Ready` that is not true.
    other: Option<&'static str>,
    error: Option<CallError>,
    next: NextLook,
    /// How long ago the account was read.
    age: Duration,
}

/// What came of reading all roles of an account.
enum Shown {
    /// The orphans among them.
    Roles(Option<Orphans>),
    /// Why they could not be read at once.
    Denied(CallError),
}

async fn look(context: &Context, account: &AWSAccount) -> Found {
    let found = |reason: Reason, message: String| Found {
        caller_arn: None,
        quotas: None,
        shown: None,
        told: None,
        reason: reason.as_str().into(),
        message,
        other: None,
        error: None,
        next: NextLook::Interval,
        age: Duration::ZERO,
    };
    if account.spec.state != AccountState::Active {
        let said = account.annotations().get(ORGANIZATION_STATE_ANNOTATION);
        let said = said
            .map(|said| format!(" (in the organisation: {said})"))
            .unwrap_or_default();
        return found(
            Reason::AccountPaused,
            format!("spec.state is {:?}: no call is made{said}", account.spec.state),
        );
    }
    let world = context.world();
    let (parsed, rules) = match world.usable(account, Some(&context.aws.hub.identity)) {
        Ok(usable) => usable,
        Err(refusal) => {
            let other = Some(STALLED);
            return Found {
                other,
                ..found(refusal.reason, refusal.to_string())
            };
        }
    };
    let handle = context.aws.account(&resolve::entrance(&parsed, &rules.bootstrap));
    let _turn = context.aws.survey_turn(&handle).await;
    let lately = context.settings.resync_interval.mul_f64(LATELY);
    let entered = async {
        let caller_arn = handle.enter().await?;
        let quotas = handle.quotas().await.ok().and_then(told);
        let shown = shown(context, &world, account, &handle, lately).await?;
        Ok::<_, CallError>((caller_arn, quotas, shown))
    };
    match entered.await {
        Ok((caller_arn, quotas, shown)) => Found {
            // Others read it too: the next look counts from then.
            age: handle.survey_age().unwrap_or_default().min(lately),
            caller_arn: Some(caller_arn),
            quotas,
            told: shown.as_ref().map(|(_, reading)| (handle.clone(), *reading)),
            shown: shown.map(|(shown, _)| shown),
            ..found(
                Reason::InSync,
                "the bootstrap role was assumed, and the account answered with its id".into(),
            )
        },
        Err(error) => {
            if handle.is_closed() {
                look_at_all(context, account);
            }
            let meaning = error.failure.meaning(Duration::ZERO);
            Found {
                other: Some(match meaning.next {
                    NextLook::Backoff => RECONCILING,
                    NextLook::Interval => STALLED,
                }),
                // Whoever mends the way in tells nobody, and one try costs little.
                next: NextLook::Backoff,
                error: Some(error.clone()),
                ..found(meaning.reason, error.to_string())
            }
        }
    }
}

/// An account that was read so lately, in intervals, is not read again: a look that comes a little early is the
/// interval's all the same. Less than the least of [`outcome::regular`](crossrole_plan::outcome::regular), or every second
/// look would read nothing.
const LATELY: f64 = 0.8;

/// Reads all roles of the account when it is time, and has those looked at that are not as they were.
async fn shown(
    context: &Context,
    world: &World,
    account: &AWSAccount,
    handle: &AccountHandle,
    lately: Duration,
) -> Result<Option<(Shown, Reading)>, CallError> {
    let Some((survey, reading)) = handle.survey(lately).await? else {
        return Ok(None);
    };
    let shown = match survey {
        Survey::Taken { changed, tagged } => {
            handle.keep_only(|name| context.caches.index.has_role_name(name));
            let objects = changed.iter().flat_map(|name| context.caches.index.of_role_name(name));
            look_at(context, account, objects);
            Shown::Roles(orphans::of(context, world, account, tagged))
        }
        // Each role is read alone when it is due.
        Survey::Denied(error) => Shown::Denied(error),
    };
    Ok(Some((shown, reading)))
}

fn look_at_all(context: &Context, account: &AWSAccount) {
    look_at(context, account, context.caches.index.usage(&account.name_any()).users);
}

/// Has these objects' roles in an account looked at, where what they were found to be stays while the account shows the same.
fn look_at(context: &Context, account: &AWSAccount, objects: impl IntoIterator<Item = ObjectName>) {
    for object in context.looks.expire_found(&account.name_any(), objects) {
        let _ = context.queues.roles.send(looks::reference(&object));
    }
}

/// An account's own quotas, as its status tells them.
fn told(quotas: Quotas) -> Option<AccountQuotas> {
    let figure = |figure| i64::try_from(figure).unwrap_or(i64::MAX);
    (quotas.source == Source::Account).then(|| AccountQuotas {
        roles: figure(quotas.roles),
        attached_policies_per_role: figure(quotas.attached_policies),
        trust_policy_size: figure(quotas.trust_policy_size),
    })
}

/// `Ready`, and what is beside it.
fn standing_of(previous: &[Condition], found: &Found, generation: Option<i64>, now: Timestamp) -> Vec<Condition> {
    let ready = if found.reason == Reason::InSync.as_str() {
        "True"
    } else {
        "False"
    };
    let message = cut(&found.message, MESSAGE_SIZE);
    let conditions = [(READY, ready)]
        .into_iter()
        .chain(found.other.map(|type_| (type_, "True")));
    conditions
        .map(|(type_, status)| {
            report::condition(previous, type_, status, &found.reason, message.clone(), generation, now)
        })
        .collect()
}

fn read_alone(previous: &[Condition], error: &CallError, generation: Option<i64>, now: Timestamp) -> Condition {
    let message = format!("each role is read alone, with some calls for each look: {error}");
    let reason = Reason::PermissionDenied.as_str();
    report::condition(
        previous,
        ROLES_READ_ALONE,
        "True",
        reason,
        cut(&message, MESSAGE_SIZE),
        generation,
        now,
    )
}
