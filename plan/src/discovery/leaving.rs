//! Which accounts may be taken away at once: the brake.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_api::names::ALLOW_REMOVALS_ANNOTATION;
use crossrole_api::{AWSAccount, AccountClass, Reason};
use crossrole_iam::AccountId;

use super::applied::Applied;
use super::{Decision, Known};
use crate::brake::{self, Load};

/// AWSAccounts that are not to be worked in any more, by the class that they have: those that are to be taken away, and those
/// that were already, each with what becomes of it. So the digest that releases the brake stays the same while they are, and
/// who released a pause has not released that roles are forgotten.
#[derive(Default)]
pub(super) struct Leaving<'a>(BTreeMap<&'a str, BTreeMap<&'a str, String>>);

impl<'a> Leaving<'a> {
    pub(super) fn note(&mut self, account: &'a AWSAccount, fields: &Applied) {
        if fields.leaves()
            && let Some(name) = &account.metadata.name
        {
            let becomes = fields.state.unwrap_or(account.spec.state);
            let leaving = self.0.entry(&account.spec.class).or_default();
            leaving.insert(name, format!("{name}={becomes:?}"));
        }
    }
}

impl Decision {
    /// Takes no account away where there are too many at once, unless somebody has said so.
    pub(super) fn hold_back(&mut self, known: &Known<'_>, leaving: &Leaving<'_>, kept: usize, at_least: usize) {
        let object = |name: &str| {
            let mut classes = known.classes.iter();
            classes.find(|class: &&&AccountClass| class.metadata.name.as_deref() == Some(name))
        };
        let mut held = BTreeMap::new();
        for (class, leaving) in &leaving.0 {
            let object = object(class).map(|object| &object.metadata);
            let uid = object.and_then(|object| object.uid.as_deref()).unwrap_or_default();
            let digest = brake::digest(uid, leaving.values().map(String::as_str));
            let annotations = object.and_then(|object| object.annotations.as_ref());
            if annotations.and_then(|annotations| annotations.get(ALLOW_REMOVALS_ANNOTATION)) == Some(&digest) {
                for application in &mut self.applications {
                    application.is_released |= application.takes && leaving.contains_key(application.name.as_str());
                }
            } else {
                held.insert(*class, (digest, 0));
            }
        }
        let unreleased = |application: &&super::Application| application.takes && !application.is_released;
        let now = self.applications.iter().filter(unreleased);
        let now: BTreeSet<String> = now.map(|application| application.name.clone()).collect();
        let load = Load {
            derived_removals: now.union(&known.taken_lately).count(),
            roles: kept,
        };
        if brake::lets_through(at_least, load) {
            return;
        }
        let applications = std::mem::take(&mut self.applications);
        (self.held, self.applications) = applications.into_iter().partition(|one| unreleased(&one));
        for (class, (digest, count)) in &mut held {
            let going = leaving.0.get(class).into_iter().flat_map(BTreeMap::keys);
            *count = going.filter(|name| now.contains(**name)).count();
            if *count == 0 {
                continue;
            }
            let message = format!(
                "{count} accounts of the class would be paused or forgotten, of {} at once, more than {}, because the \
                 organisation no longer lists them or no class names them: none is. Mend that, or release it: annotate the \
                 AccountClass {ALLOW_REMOVALS_ANNOTATION}={digest}",
                load.derived_removals,
                brake::limit(at_least, load)
            );
            if object(class).is_none() {
                self.left_out
                    .push(format!("there is no AccountClass {class}, and {message}"));
            }
            self.problems
                .insert((*class).to_string(), (Reason::TooManyRemovals, message));
        }
    }

    /// The accounts that the organisation shall be asked for by their id before they count as gone, but those that it was
    /// `asked` for: each that is taken away now; and of those that the brake holds, so many that it is known to hold rightly.
    pub fn to_be_asked_for(&self, asked: &BTreeSet<AccountId>, at_least: usize) -> Vec<AccountId> {
        let gone = |applications: &[super::Application]| -> Vec<AccountId> {
            let gone = applications.iter().filter(|application| application.is_gone());
            gone.filter_map(|application| application.fields.account_id.parse().ok())
                .collect()
        };
        let is_asked = |id: &AccountId| asked.contains(id);
        let (mut ids, held) = (gone(&self.applications), gone(&self.held));
        let known = ids.iter().chain(&held).filter(|id| is_asked(id)).count();
        ids.retain(|id| !is_asked(id));
        let more = held.into_iter().filter(|id| !is_asked(id));
        ids.extend(more.take(at_least.saturating_add(1).saturating_sub(known)));
        ids
    }
}
