//! What was done with a role of ours, until it is told: counted, in a notice, in figures.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crossrole_api::{LastAssumed, Mfa};
use crossrole_plan::feed::record::{Change, Outcome, Use};
use crossrole_plan::feed::series::Told;
use crossrole_plan::outcome::backoff;
use futures::{StreamExt, stream};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use tokio::time::timeout;

use super::count::{self, Counted, Series, Trouble};
use super::find::Found;
use super::{Feed, Round, ago};
use crate::controller::context::Context;
use crate::controller::events::cut;
use crate::controller::notifying;
use crate::notices::{Notice, NoticeKind};

/// Events that are written at the same time.
const WRITTEN_AT_ONCE: usize = 8;

/// What could not be counted so often, although Kubernetes answers, is told without an Event.
const MOST_FAILURES: u32 = 6;

/// Whether Kubernetes answers at all is known within so long.
const ANSWERS_WITHIN: Duration = Duration::from_secs(4);

/// Who assumed a role stands in status in so many bytes at most.
const PRINCIPAL_SIZE: usize = 64;

/// What was done with a role of ours, and what is to be told of it.
pub(super) struct Doing {
    found: Found,
    pub(super) told: Told,
    what: What,
    /// The messages that spoke of it.
    messages: Vec<String>,
    /// Those that came again meanwhile. A message is deleted by what it came with last.
    pub(super) again: Vec<String>,
    /// How often it could not be counted, although Kubernetes answers.
    failures: u32,
    /// When it is tried again.
    pub(super) due: Instant,
}

pub(super) enum What {
    Use(Box<Use>, Mfa),
    Change(Box<Change>),
}

impl Doing {
    pub(super) fn new(found: Found, told: Told, what: What, messages: Vec<String>) -> Self {
        Self {
            found,
            told,
            what,
            messages,
            again: Vec::new(),
            failures: 0,
            due: Instant::now(),
        }
    }
}

impl Feed<'_> {
    /// Counts what was done, series by series, and tells what was new. What cannot be counted is held.
    pub(super) async fn tell(&mut self, round: &mut Round) {
        let now = Instant::now();
        let mut by_series: BTreeMap<String, Vec<Doing>> = BTreeMap::new();
        let due = self.held.extract_if(.., |doing| doing.due <= now);
        for doing in due.chain(round.doings.drain(..)) {
            by_series.entry(doing.told.series.clone()).or_default().push(doing);
        }
        let context = self.context;
        let series: Vec<_> = by_series
            .into_iter()
            .map(|(name, doings)| (self.counts.take(&name), name, doings))
            .collect();
        let counted = stream::iter(series).map(|(known, name, doings)| count_all(context, known, name, doings));
        let mut counted = counted.buffer_unordered(WRITTEN_AT_ONCE);
        let (mut failed, mut answers) = (Vec::new(), false);
        while let Some((known, name, doings, counted)) = counted.next().await {
            self.counts.keep(name, known);
            match counted {
                Ok(is_new) => {
                    answers = true;
                    for (doing, is_new) in doings.into_iter().zip(is_new) {
                        self.ended(doing, is_new, round);
                    }
                }
                Err(trouble) => {
                    answers |= trouble.is_answer();
                    tracing::warn!(error = %trouble, "what was done with a role could not be counted; it is tried again");
                    context.metrics.kubernetes_failed("Event", &trouble.code());
                    failed.extend(doings);
                }
            }
        }
        drop(counted);
        // Where only one namespace is asked, that it does not answer says nothing of the others.
        self.is_stuck = !failed.is_empty() && !answers && !kubernetes_answers(context).await;
        for mut doing in failed {
            doing.due = Instant::now() + backoff(doing.failures, fastrand::f64());
            doing.failures += u32::from(!self.is_stuck);
            if doing.failures < MOST_FAILURES {
                self.held.push(doing);
                continue;
            }
            let told = [&doing.told];
            let series = Series::of(&doing.told.series, &doing.found, &told);
            count::tell(&series, true);
            tracing::warn!("it is told without an Event");
            self.ended(doing, true, round);
        }
    }

    /// A doing was counted, now or by somebody before, who may not have told anybody; or it is told without.
    fn ended(&self, doing: Doing, is_new: bool, round: &mut Round) {
        let Doing {
            found,
            told,
            what,
            messages,
            again,
            ..
        } = doing;
        let (kind, outcome) = match &what {
            What::Use(used, _) if used.outcome == Outcome::Denied => (NoticeKind::Denied, "Use"),
            What::Use(..) => (NoticeKind::Assumed, "Use"),
            What::Change(_) => (NoticeKind::ChangedOutside, "Change"),
        };
        let outcome = if is_new { outcome } else { "Known" };
        messages
            .into_iter()
            .for_each(|message| self.done(message, outcome, round));
        round.done.extend(again);
        let data = match &what {
            What::Use(used, mfa) => used.details.data(&used.principal, Some(*mfa)),
            What::Change(change) => change.details.data(&change.principal, None),
        };
        let notice = Notice {
            id: told.id.clone(),
            kind,
            time: told.time,
            object: found.object.clone(),
            account_id: found.account_id.clone(),
            role_arn: found.role_arn.clone(),
            data,
        };
        if let Some(class) = &found.class {
            notifying::tell(self.context, class, notice);
        }
        if let What::Use(used, mfa) = &what
            && used.outcome == Outcome::Granted
        {
            let last = LastAssumed {
                time: Time(used.time),
                principal: cut(used.principal.short(), PRINCIPAL_SIZE),
                mfa: *mfa,
            };
            self.context.uses.note(&found.object, &found.account, last);
        }
        if is_new {
            self.count(&found, &told, &what);
        }
    }

    fn count(&self, found: &Found, told: &Told, what: &What) {
        let metrics = &self.context.metrics;
        let ago = ago(told.time, self.context.now());
        match what {
            What::Use(used, mfa) => {
                let labels = [used.principal.kind.as_str(), mfa.as_str(), used.outcome.as_str()];
                metrics.used_role(&found.account_id, labels, ago);
            }
            What::Change(_) => metrics.changed_outside(&found.account_id, ago),
        }
    }
}

/// Counts what is of one series. Says of each whether it was not counted before.
async fn count_all(
    context: &Context,
    mut known: Counted,
    name: String,
    doings: Vec<Doing>,
) -> (Counted, String, Vec<Doing>, Result<Vec<bool>, Trouble>) {
    let counted = match doings.first() {
        None => Ok(Vec::new()),
        Some(first) => {
            let told: Vec<&Told> = doings.iter().map(|doing| &doing.told).collect();
            let series = Series::of(&name, &first.found, &told);
            count::count(&context.events, &series, &mut known).await
        }
    };
    (known, name, doings, counted)
}

/// Whether Kubernetes answers anything.
async fn kubernetes_answers(context: &Context) -> bool {
    let asked = timeout(ANSWERS_WITHIN, context.client.apiserver_version()).await;
    asked.is_ok_and(|answer| answer.is_ok())
}
