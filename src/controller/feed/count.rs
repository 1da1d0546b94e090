//! The Event that counts: each doing once, whoever counts it and however often it is told.
//!
//! The Event's name follows from what is counted ([`crossrole_plan::feed::series`]), and an annotation remembers what was. Every
//! write carries the version that it was made from, so of two writers one finds what the other has counted. Kubernetes forgets
//! Events an hour after they were last written (kube-apiserver, `--event-ttl`); the queue gives a message again within minutes.
//!
//! Whoever may write Events in the namespace can make or change one of these, to keep a use from being counted: one that takes
//! no more is passed over, and after some tries the server chooses a name that nobody knows before. So it is told in any case.
//! Of an Event that is there nothing is read but its metadata: what others wrote beside it need not be readable.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use crossrole_api::names::COUNTED_ANNOTATION;
use crossrole_plan::feed::series::{self, MOST, Mark, Told};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::{Event, EventSeries};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use kube::core::PartialObjectMeta;
use serde_json::json;

use super::find::Found;
use crate::controller::events::{Events, generate_name, title};
use crate::controller::write_back;

/// So often an Event of a known name is tried, and then one of an unknown name. Nobody else has reason to write these Events
/// but an operator that was the leader a moment ago.
const ATTEMPTS: usize = 8;

/// An Event that is not written within so long is tried again. Kubernetes' own pauses are longer, and others wait meanwhile.
const LONGEST: Duration = Duration::from_secs(4);

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

/// One of the Events of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
enum At {
    /// Its name follows from the series and this number.
    Part(usize),
    /// The server chooses its name; absent: it is not there yet.
    Chosen(Option<String>),
}

impl Default for At {
    fn default() -> Self {
        Self::Part(0)
    }
}

/// What was counted of a series.
#[derive(Clone, Debug, Default)]
pub(super) struct Counted {
    /// Which of its Events is written to.
    at: At,
    /// That one's version; absent where it is not there, or nobody has looked.
    version: Option<String>,
    /// What that one has counted.
    marks: BTreeSet<Mark>,
    /// What others have counted before.
    before: BTreeSet<Mark>,
    /// What this process wrote and had no answer of: it may have been counted, and nobody has told so.
    unanswered: BTreeSet<Mark>,
    /// The newest of what was counted.
    last: Option<Timestamp>,
    /// Whether this process has told what the series began with.
    is_told: bool,
}

/// Why something could not be counted.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// Kubernetes said so.
    #[error(transparent)]
    Kubernetes(#[from] kube::Error),
    /// No answer came in time.
    #[error("Kubernetes did not answer within {} s", LONGEST.as_secs())]
    NoAnswer,
}

impl Trouble {
    /// Whether an answer came, though not the one that was wanted.
    pub(super) fn is_answer(&self) -> bool {
        matches!(self, Self::Kubernetes(kube::Error::Api(_) | kube::Error::SerdeError(_)))
    }

    /// The HTTP status, as figures tell it.
    pub(super) fn code(&self) -> String {
        match self {
            Self::Kubernetes(error) => code(error),
            Self::NoAnswer => "NoAnswer".to_string(),
        }
    }
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

    /// The name of one of its Events; `None` where the server is to choose.
    fn event_name(&self, at: &At) -> Option<String> {
        let name = || format!("{}{}", generate_name(self.object), self.name);
        match at {
            At::Part(0) => Some(name()),
            At::Part(part) => Some(format!("{}-{part}", name())),
            At::Chosen(chosen) => chosen.clone(),
        }
    }

    /// The newest of them and of what was counted before.
    fn last(&self, before: Option<Timestamp>) -> Timestamp {
        let times = self.told.iter().map(|told| told.time).chain(before);
        times.max().unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// An Event that has counted these.
    fn event(&self, events: &Events, name: Option<String>, marks: &BTreeSet<Mark>, last: Timestamp) -> Event {
        let first = self.told.first();
        let type_ = if first.is_some_and(|told| told.is_warning) {
            "Warning"
        } else {
            "Normal"
        };
        let note = first.map_or("", |told| told.note.as_str());
        let reason = first.map_or("", |told| told.reason);
        let mut event = events.event(self.object, type_, reason, &format!("account {}: {note}", self.account));
        if name.is_none() {
            event.metadata.generate_name = Some(format!("{}{}-", generate_name(self.object), self.name));
        }
        event.metadata.name = name;
        event.metadata.annotations = Some([(COUNTED_ANNOTATION.to_string(), series::written(marks))].into());
        event.series = folded(marks, last);
        event
    }
}

/// A series is of two at least: Kubernetes API, `events.k8s.io/v1`.
fn folded(marks: &BTreeSet<Mark>, last: Timestamp) -> Option<EventSeries> {
    (marks.len() > 1).then(|| EventSeries {
        count: i32::try_from(marks.len()).unwrap_or(i32::MAX),
        last_observed_time: MicroTime(last),
    })
}

impl Counted {
    fn read(&mut self, event: Option<PartialObjectMeta<Event>>) {
        self.version = event.as_ref().and_then(ResourceExt::resource_version);
        let found = event
            .as_ref()
            .and_then(|event| event.annotations().get(COUNTED_ANNOTATION));
        // What we counted ourselves stays counted, whatever became of the Event.
        self.before.append(&mut self.marks);
        self.marks = found.map(|found| series::read(found)).unwrap_or_default();
    }

    /// What is new goes into another Event: the next, or one whose name nobody knows before.
    fn go_on(&mut self, to: At) {
        self.before.append(&mut self.marks);
        self.version = None;
        self.at = to;
    }

    fn next(&self) -> At {
        match self.at {
            At::Part(part) => At::Part(part + 1),
            At::Chosen(_) => At::Chosen(None),
        }
    }

    fn has(&self, mark: &Mark) -> bool {
        self.marks.contains(mark) || self.before.contains(mark)
    }
}

/// Counts what is told of a series, as far as it was not counted before. Says of each, in their order, whether it was not.
///
/// # Errors
/// What Kubernetes answered. Nothing of it may be taken for counted then.
pub(super) async fn count(events: &Events, series: &Series<'_>, counted: &mut Counted) -> Result<Vec<bool>, Trouble> {
    let new = match tokio::time::timeout(LONGEST, write(events, series, counted)).await {
        Ok(written) => written?,
        Err(_) => return Err(Trouble::NoAnswer),
    };
    tell(series, !counted.is_told);
    counted.is_told = true;
    Ok(new)
}

async fn write(events: &Events, series: &Series<'_>, counted: &mut Counted) -> kube::Result<Vec<bool>> {
    let api = events.api(series.object);
    let marks: Vec<Mark> = series.told.iter().map(|told| Mark::of(&told.id)).collect();
    let _place = events.place().await;
    let mut attempts = 0;
    while attempts < 2 * ATTEMPTS {
        let new: BTreeSet<Mark> = marks.iter().filter(|mark| !counted.has(mark)).copied().collect();
        if new.is_empty() {
            return Ok(marks.iter().map(|mark| counted.unanswered.remove(mark)).collect());
        }
        if !counted.marks.is_empty() && counted.marks.len() + new.len() > MOST {
            counted.go_on(counted.next());
        }
        let all: BTreeSet<Mark> = counted.marks.union(&new).copied().collect();
        let (name, last) = (series.event_name(&counted.at), series.last(counted.last));
        let before = counted.unanswered.clone();
        // Until an answer comes, and where none does.
        counted.unanswered.extend(&new);
        let written = match (&counted.version, &name) {
            (Some(version), Some(name)) => {
                let patch = json!({
                    "metadata": {"resourceVersion": version, "annotations": {COUNTED_ANNOTATION: series::written(&all)}},
                    "series": folded(&all, last),
                });
                api.patch_metadata(name, &PatchParams::default(), &Patch::Merge(patch))
                    .await
            }
            _ => {
                let event = series.event(events, name.clone(), &all, last);
                write_back::create(&api, &event).await
            }
        };
        if matches!(&written, Err(kube::Error::Api(status)) if status.code < 500) {
            counted.unanswered = before;
        }
        match written {
            Ok(event) => {
                counted.version = event.resource_version();
                counted.marks = all;
                counted.last = Some(last);
                if matches!(counted.at, At::Chosen(_)) {
                    counted.at = At::Chosen(event.metadata.name);
                }
                let unanswered = &mut counted.unanswered;
                return Ok(marks.iter().map(|mark| unanswered.remove(mark)).collect());
            }
            Err(error) if is_of_no_use(&error) => break,
            // Somebody else has made it, or written to it, or Kubernetes has forgotten it.
            Err(kube::Error::Api(status)) if [404, 409].contains(&status.code) => match &name {
                Some(name) => counted.read(api.get_metadata_opt(name).await?),
                None => counted.go_on(At::Chosen(None)),
            },
            // It is not as we write it, and takes no more.
            Err(error) if takes_no_more(&error) => counted.go_on(counted.next()),
            Err(error) => return Err(error),
        }
        attempts += 1;
        if attempts == ATTEMPTS {
            counted.go_on(At::Chosen(None));
        }
    }
    // Nothing that somebody does with Events keeps others from being told.
    let new: Vec<bool> = marks
        .iter()
        .map(|mark| counted.unanswered.remove(mark) || !counted.has(mark))
        .collect();
    counted.before.extend(&marks);
    Ok(new)
}

/// What a series begins with is in the log for everybody; what goes on, for who wants to know.
pub(super) fn tell(series: &Series<'_>, begins: bool) {
    let object = title(series.object);
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

/// Whether an Event that is there cannot be written to: somebody made it such that it is no longer valid, or too large.
fn takes_no_more(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => {
            [413, 422].contains(&status.code) || status.message.contains("request is too large")
        }
        _ => false,
    }
}

/// The HTTP status of an error, as figures tell it.
pub(super) fn code(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.code.to_string(),
        _ => "NoAnswer".to_string(),
    }
}

#[cfg(test)]
mod tests;
