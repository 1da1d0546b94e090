//! Who is told of what happens to roles, as far as Kubernetes has something to say of it.

use std::collections::BTreeSet;

use crossrole_api::status::condition::NOTIFIER_MISSING;
use crossrole_api::{CrossAccountRole, Reason};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;
use kube::runtime::reflector::ObjectRef;
use tokio::sync::mpsc::UnboundedReceiver;

use super::context::Context;
use super::events::{Events, MESSAGE_SIZE, cut};
use super::report;
use super::watch::Caches;
use super::world::World;
use crate::notices::{Notice, Outcome, Turn};

/// Tells whoever is to be told of what happened to a role in an account of this class. Never waits.
pub fn tell(context: &Context, class: &str, notice: Notice) {
    let world = context.world();
    let Some(notifying) = world.notifying(class) else {
        return;
    };
    let name = ObjectRef::new(&notice.object.name).within(&notice.object.namespace);
    let role = context.caches.roles.get(&name);
    let role = role.as_ref().and_then(|role| role.0.as_ref().ok());
    let notify = role.and_then(|role| role.spec.notify.as_deref());
    context.notices.tell(notifying, notify, notice);
}

/// The condition that an object asks for a notifier which the class of one of its accounts has not. Its roles are made and
/// kept true all the same: what is wrong with a name must not leave drift where it is.
pub fn missing(
    world: &World,
    role: &CrossAccountRole,
    previous: &[Condition],
    generation: Option<i64>,
    now: Timestamp,
) -> Option<Condition> {
    let to = &role.spec.notify.as_ref()?.to;
    let selection = world.selection(role);
    let classes: BTreeSet<&str> = selection
        .all()
        .into_iter()
        .filter_map(|account| world.class_of(account))
        .filter(|class| world.notifying(class).is_some_and(|notifying| !notifying.knows(to)))
        .collect();
    let first = classes.first()?;
    let others = match classes.len() {
        1 => String::new(),
        more => format!(" (and {} more)", more - 1),
    };
    let message = format!(
        "spec.notify.to: AccountClass {first}{others} has no notifier {to}, so nobody is told of its roles: name another, or have \
         the class's owner add it to spec.notifiers"
    );
    let reason = Reason::NotifierNotFound.as_str();
    Some(report::condition(
        previous,
        NOTIFIER_MISSING,
        "True",
        reason,
        cut(&message, MESSAGE_SIZE),
        generation,
        now,
    ))
}

/// Writes an Event where that is so since now.
pub async fn warn_if_new(events: &Events, object: &ObjectReference, before: &[Condition], after: &[Condition]) {
    let of = |conditions: &[Condition]| {
        let mut conditions = conditions.iter();
        conditions
            .find(|condition| condition.type_ == NOTIFIER_MISSING)
            .cloned()
    };
    if let (None, Some(missing)) = (of(before), of(after)) {
        events.warn(object, &missing.reason, &missing.message).await;
    }
}

/// Writes Events on classes whose notifiers no longer take notices, or take them again.
pub async fn tell_of_turns(mut turns: UnboundedReceiver<Turn>, caches: Caches, events: Events) {
    while let Some(turn) = turns.recv().await {
        let Some(class) = caches.classes.get(&ObjectRef::new(&turn.class)) else {
            continue;
        };
        let object = class.object_ref(&());
        let name = &turn.name;
        if turn.outcome == Outcome::Delivered {
            let note = format!("notifier {name} takes notices again");
            events.done(&object, "NoticesDelivered", &note).await;
        } else {
            let note = format!("notifier {name}: a notice was parked: {}", why(turn.outcome));
            events.warn(&object, "NoticesParked", &note).await;
        }
    }
}

fn why(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered => "it was delivered",
        Outcome::Refused => "the receiver does not take it (4xx, or a redirection, which is not followed)",
        Outcome::Unanswered => "the receiver did not answer, or only with 5xx or 429",
        Outcome::QueueFull => "too many were waiting for it already",
        Outcome::NoSecret => "its secretFile cannot be read, or holds no secret (the log at debug says more)",
        Outcome::GivenUp => "the operator stopped before it was delivered",
        Outcome::NotAllowed => "its URL leads to an address at which nobody is told",
    }
}
