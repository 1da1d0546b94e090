//! The Event that counts: each doing once, whoever counts it and however often it is told.
//!
//! The Event's name follows from what is counted ([`crossrole_plan::feed::series`]), and an annotation remembers what was. Every
//! write carries the version that it was made from, so of two writers one finds what the other has counted. Kubernetes forgets
//! Events an hour after they were last written (kube-apiserver, `--event-ttl`); the queue gives a message again within minutes.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use crossrole_api::names::COUNTED_ANNOTATION;
use crossrole_plan::feed::series::{self, MOST, Mark, Told};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::{Event, EventSeries};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use super::find::Found;
use crate::controller::events::{Events, generate_name};

/// Nobody else writes these Events but an operator that was the leader a moment ago.
const ATTEMPTS: usize = 8;

/// A series is over when its ten minutes are, and what was told late was counted.
const REMEMBERED_FOR: Duration = Duration::from_secs(1200);

/// So many series are remembered. Others are read when they go on.
const REMEMBERED: usize = 2_000;

/// What is counted in one Event, or in several where one has no room for all.
pub(super) struct Series<'a> {
    name: &'a str,
    object: &'a ObjectReference,
    /// The AWSAccount's name.
    account: &'a str,
    told: &'a [&'a Told],
}

/// What was counted of a series.
#[derive(Clone, Debug, Default)]
pub(super) struct Counted {
    /// Which of its Events is written to.
    part: usize,
    /// That one's version; absent where it is not there, or nobody has looked.
    version: Option<String>,
    /// What that one has counted.
    marks: BTreeSet<Mark>,
    /// What others have counted before.
    before: BTreeSet<Mark>,
}

/// What was counted of the series of late.
#[derive(Default)]
pub(super) struct Counts(HashMap<String, (Instant, Counted)>);

impl Counts {
    /// What is known of a series.
    pub(super) fn take(&mut self, series: &str) -> Counted {
        self.0.remove(series).map(|(_, counted)| counted).unwrap_or_default()
    }

    /// Remembers what is known of a series.
    pub(super) fn keep(&mut self, series: String, counted: Counted) {
        if self.0.len() >= REMEMBERED {
            self.0.retain(|_, (at, _)| at.elapsed() < REMEMBERED_FOR);
        }
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        self.0.insert(series, (Instant::now(), counted));
    }
}

impl<'a> Series<'a> {
    pub(super) fn of(name: &'a str, found: &'a Found, told: &'a [&'a Told]) -> Self {
        Self {
            name,
            object: &found.reference,
            account: &found.account,
            told,
        }
    }

    /// The name of one of its Events.
    fn event_name(&self, part: usize) -> String {
        let name = format!("{}{}", generate_name(self.object), self.name);
        if part == 0 { name } else { format!("{name}-{part}") }
    }

    fn last(&self) -> Timestamp {
        let times = self.told.iter().map(|told| told.time);
        times.max().unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// An Event that has counted these.
    fn event(&self, events: &Events, part: usize, marks: &BTreeSet<Mark>) -> Event {
        let first = self.told.first();
        let type_ = if first.is_some_and(|told| told.is_warning) {
            "Warning"
        } else {
            "Normal"
        };
        let note = first.map_or("", |told| told.note.as_str());
        let reason = first.map_or("", |told| told.reason);
        let mut event = events.event(self.object, type_, reason, &format!("account {}: {note}", self.account));
        event.metadata.name = Some(self.event_name(part));
        event.metadata.annotations = Some([(COUNTED_ANNOTATION.to_string(), series::written(marks))].into());
        event.series = self.series(marks);
        event
    }

    /// A series is of two at least: Kubernetes API, `events.k8s.io/v1`.
    fn series(&self, marks: &BTreeSet<Mark>) -> Option<EventSeries> {
        (marks.len() > 1).then(|| EventSeries {
            count: i32::try_from(marks.len()).unwrap_or(i32::MAX),
            last_observed_time: MicroTime(self.last()),
        })
    }
}

impl Counted {
    fn read(&mut self, event: Option<Event>) {
        self.version = event.as_ref().and_then(ResourceExt::resource_version);
        let found = event
            .as_ref()
            .and_then(|event| event.annotations().get(COUNTED_ANNOTATION));
        // What we counted ourselves stays counted, whatever became of the Event.
        self.before.append(&mut self.marks);
        self.marks = found.map(|found| series::read(found)).unwrap_or_default();
    }

    fn has(&self, mark: &Mark) -> bool {
        self.marks.contains(mark) || self.before.contains(mark)
    }
}

/// Counts what is told of a series, as far as it was not counted before. Says of each, in their order, whether it was not.
///
/// # Errors
/// What Kubernetes answered. Nothing of it may be taken for counted then.
pub(super) async fn count(
    events: &Events,
    series: &Series<'_>,
    mut counted: Counted,
) -> kube::Result<(Counted, Vec<bool>)> {
    let api = events.api(series.object);
    let marks: Vec<Mark> = series.told.iter().map(|told| Mark::of(&told.id)).collect();
    let _place = events.place().await;
    for attempt in 1.. {
        let new: BTreeSet<Mark> = marks.iter().filter(|mark| !counted.has(mark)).copied().collect();
        if new.is_empty() {
            break;
        }
        if !counted.marks.is_empty() && counted.marks.len() + new.len() > MOST {
            counted.before.append(&mut counted.marks);
            counted.version = None;
            counted.part += 1;
            continue;
        }
        let all: BTreeSet<Mark> = counted.marks.union(&new).copied().collect();
        let name = series.event_name(counted.part);
        let written = match &counted.version {
            None => {
                let event = series.event(events, counted.part, &all);
                api.create(&PostParams::default(), &event).await
            }
            Some(version) => {
                let patch = json!({
                    "metadata": {"resourceVersion": version, "annotations": {COUNTED_ANNOTATION: series::written(&all)}},
                    "series": series.series(&all),
                });
                api.patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await
            }
        };
        match written {
            Ok(event) => {
                tell(series, counted.version.is_none());
                counted.version = event.resource_version();
                counted.marks = all;
                return Ok((counted, marks.iter().map(|mark| new.contains(mark)).collect()));
            }
            Err(error) if is_of_no_use(&error) => {
                counted.before.extend(&new);
                return Ok((counted, marks.iter().map(|mark| new.contains(mark)).collect()));
            }
            // Somebody else has made it, or written to it, or Kubernetes has forgotten it.
            Err(kube::Error::Api(status)) if [404, 409].contains(&status.code) && attempt < ATTEMPTS => {
                counted.read(api.get_opt(&name).await?);
            }
            Err(error) => return Err(error),
        }
    }
    Ok((counted, vec![false; marks.len()]))
}

/// What a series begins with is in the log for everybody; what goes on, for who wants to know.
fn tell(series: &Series<'_>, begins: bool) {
    let object = crate::controller::events::title(series.object);
    for (index, told) in series.told.iter().enumerate() {
        let (reason, account, note) = (told.reason, series.account, &told.note);
        match begins && index == 0 {
            true if told.is_warning => tracing::warn!(object, reason, account, "{note}"),
            true => tracing::info!(object, reason, account, "{note}"),
            false => tracing::debug!(object, reason, account, "{note}"),
        }
    }
}

/// Whether no Event can be kept, for the namespace goes. Source: Kubernetes, `NamespaceLifecycle`.
fn is_of_no_use(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 403 && status.message.contains("being terminated"))
}

/// The HTTP status of an error, as figures tell it.
pub(super) fn code(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.code.to_string(),
        _ => "NoAnswer".to_string(),
    }
}
