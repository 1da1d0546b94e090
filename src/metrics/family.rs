//! Families of series, and how each is told to people.

use std::fmt::Debug;

use prometheus_client::encoding::EncodeMetric;
use prometheus_client::metrics::counter::{self, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::{MetricType, TypedMetric};
use prometheus_client::registry::{Registry, Unit};

/// What every metric's name begins with.
const PREFIX: &str = "crossrole";

/// The values of a family's labels, each with its name.
type Labels<const N: usize> = [(&'static str, String); N];

/// A metric as `docs/metrics.md` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its name in a query. A histogram's series end in `_bucket`, `_sum` and `_count` besides.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// The names of its labels.
    pub labels: Vec<&'static str>,
    /// Its unit; empty where it is a number of things.
    pub unit: &'static str,
    /// What it says.
    pub meaning: &'static str,
}

/// The registry while it is being filled: what is registered is described.
pub(super) struct Catalogue {
    pub(super) registry: Registry,
    pub(super) described: Vec<Description>,
}

/// The series of one metric, one for each set of label values.
#[derive(Debug)]
pub(super) struct Series<const N: usize, M> {
    names: [&'static str; N],
    family: Family<Labels<N>, M>,
}

impl Catalogue {
    pub(super) fn new() -> Self {
        Self {
            registry: Registry::with_prefix(PREFIX),
            described: Vec::new(),
        }
    }

    pub(super) fn counter<const N: usize>(
        &mut self,
        name: &'static str,
        labels: [&'static str; N],
        meaning: &'static str,
    ) -> Series<N, Counter> {
        self.add(name, None, labels, meaning, Family::default())
    }

    pub(super) fn seconds_counter<const N: usize>(
        &mut self,
        name: &'static str,
        labels: [&'static str; N],
        meaning: &'static str,
    ) -> Series<N, Counter<f64, std::sync::atomic::AtomicU64>> {
        self.add(name, Some(Unit::Seconds), labels, meaning, Family::default())
    }

    pub(super) fn gauge<const N: usize>(
        &mut self,
        name: &'static str,
        labels: [&'static str; N],
        meaning: &'static str,
    ) -> Series<N, Gauge> {
        self.add(name, None, labels, meaning, Family::default())
    }

    pub(super) fn seconds_gauge<const N: usize>(
        &mut self,
        name: &'static str,
        labels: [&'static str; N],
        meaning: &'static str,
    ) -> Series<N, Gauge> {
        self.add(name, Some(Unit::Seconds), labels, meaning, Family::default())
    }

    pub(super) fn seconds_histogram<const N: usize>(
        &mut self,
        name: &'static str,
        labels: [&'static str; N],
        meaning: &'static str,
        constructor: fn() -> Histogram,
    ) -> Series<N, Histogram> {
        let family = Family::new_with_constructor(constructor);
        self.add(name, Some(Unit::Seconds), labels, meaning, family)
    }

    fn add<const N: usize, M>(
        &mut self,
        name: &'static str,
        unit: Option<Unit>,
        labels: [&'static str; N],
        meaning: &'static str,
        family: Family<Labels<N>, M>,
    ) -> Series<N, M>
    where
        M: EncodeMetric + TypedMetric + Clone + Debug + Send + Sync + 'static,
    {
        let seconds = if unit.is_some() { "_seconds" } else { "" };
        let (kind, total) = match M::TYPE {
            MetricType::Counter => ("counter", "_total"),
            MetricType::Histogram => ("histogram", ""),
            _ => ("gauge", ""),
        };
        self.described.push(Description {
            name: format!("{PREFIX}_{name}{seconds}{total}"),
            kind,
            labels: labels.to_vec(),
            unit: seconds.trim_start_matches('_'),
            meaning,
        });
        match unit {
            Some(unit) => self.registry.register_with_unit(name, meaning, unit, family.clone()),
            None => self.registry.register(name, meaning, family.clone()),
        }
        Series { names: labels, family }
    }
}

impl<const N: usize, M: Clone> Series<N, M> {
    fn labels(&self, values: [&str; N]) -> Labels<N> {
        let mut values = values.into_iter();
        self.names
            .map(|name| (name, values.next().unwrap_or_default().to_string()))
    }

    /// Takes one series away.
    pub(super) fn remove(&self, values: [&str; N]) {
        self.family.remove(&self.labels(values));
    }

    /// Takes all series away.
    pub(super) fn clear(&self) {
        self.family.clear();
    }
}

impl<const N: usize, C, A> Series<N, Counter<C, A>>
where
    A: counter::Atomic<C>,
    Counter<C, A>: Clone + Default,
{
    pub(super) fn add(&self, values: [&str; N], count: C) {
        self.family.get_or_create(&self.labels(values)).inc_by(count);
    }
}

impl<const N: usize> Series<N, Gauge> {
    pub(super) fn set(&self, values: [&str; N], value: i64) {
        self.family.get_or_create(&self.labels(values)).set(value);
    }
}

impl<const N: usize> Series<N, Histogram> {
    pub(super) fn observe(&self, values: [&str; N], seconds: f64) {
        self.family.get_or_create(&self.labels(values)).observe(seconds);
    }
}
