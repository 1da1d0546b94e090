//! What a Prometheus sees of the operators, and whether the chart's alerts tell of it.
//!
//! Every operator is scraped once a second. Where a scene has made a cause, it says which alerts must come of it. In the
//! end promtool is given what was scraped up to each such moment, and an hour in which it stays like that: a gauge keeps
//! its value, and a counter grows as it grew since the cause was made. So only promtool's own clock has to wait for alerts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossrole_testkit::Figures;
use crossrole_testkit::figures::Scrape;
use crossrole_testkit::tools::workspace;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::promtool::{ALERTS, alerts, promtool, satisfied};

/// Of every ten seconds promtool gets the last scrape: it takes its time for each value.
const STEP: u64 = 10;

/// For so many steps it stays as it was seen: 65 minutes, longer than any alert waits.
const GOES_ON: u64 = 65 * 60 / STEP;

/// One scrape of one Pod. Nothing: it did not answer.
struct Sample {
    at: f64,
    pod: &'static str,
    scrape: Option<Scrape>,
}

/// A moment at which a cause was seen.
struct Moment {
    cause: &'static str,
    /// When making the cause began, and when it was seen, in seconds.
    from: f64,
    to: f64,
    /// The alerts that come of it, by name and their labels.
    expected: Vec<(&'static str, String)>,
}

/// All that was scraped.
pub struct Recording {
    begun: Instant,
    /// The same in seconds since 1970.
    begun_at: f64,
    samples: Arc<Mutex<Vec<Sample>>>,
    pods: Vec<(&'static str, Figures, JoinHandle<()>)>,
    moments: Vec<Moment>,
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.pods.iter().for_each(|(.., scraping)| scraping.abort());
    }
}

/// What was told of a series, and when; `None`: that it was not told.
type History = Vec<(f64, Option<f64>)>;

impl Recording {
    pub fn start() -> Self {
        Self {
            begun: Instant::now(),
            begun_at: SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64(),
            samples: Arc::default(),
            pods: Vec::new(),
            moments: Vec::new(),
        }
    }

    /// From now on an operator is scraped.
    pub fn scrape(&mut self, pod: &'static str, figures: &Figures) {
        let (begun, samples, target) = (self.begun, self.samples.clone(), figures.clone());
        let scraping = tokio::spawn(async move {
            let mut seconds = tokio::time::interval(Duration::from_secs(1));
            loop {
                seconds.tick().await;
                take(begun, &samples, pod, &target).await;
            }
        });
        self.pods.push((pod, figures.clone(), scraping));
    }

    /// The time, in seconds since it begun.
    pub fn elapsed(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// The time before a cause is made.
    pub async fn now(&self) -> f64 {
        let now = self.elapsed();
        for (pod, figures, _) in &self.pods {
            take(self.begun, &self.samples, pod, figures).await;
        }
        now
    }

    /// A cause was made since then, and these alerts must come of it, each with its labels beside `alertname`: no other
    /// one whose cause was not made before.
    pub async fn seen(&mut self, cause: &'static str, from: f64, expected: &[(&'static str, &str)]) {
        self.now().await;
        let to = self.elapsed();
        let expected = expected.iter().map(|(name, labels)| (*name, (*labels).to_owned()));
        self.moments.push(Moment {
            cause,
            from,
            to,
            expected: expected.collect(),
        });
    }

    /// Has promtool judge all moments, if there is one. Every alert must have had its cause.
    pub fn judge(self) {
        let rules: BTreeSet<String> = alerts().into_iter().map(|(name, _)| name).collect();
        let names = |moment: &Moment| moment.expected.iter().map(|(name, _)| (*name).to_owned()).collect();
        let caused: BTreeSet<String> = self.moments.iter().flat_map(names).collect();
        assert_eq!(caused, rules, "each alert has a cause here");

        let mut before = BTreeSet::new();
        let mut tests = Vec::new();
        for moment in &self.moments {
            let now: BTreeSet<String> = names(moment);
            let passed_over: Vec<String> = before.difference(&now).cloned().collect();
            tests.push(self.test(moment, &passed_over.join("|")));
            before.extend(now);
        }
        let Some(promtool) = promtool() else { return };
        let rules = workspace().join(ALERTS);
        let document = json!({"rule_files": [rules], "evaluation_interval": "1m", "tests": tests});
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("recorded.yaml");
        // JSON is YAML.
        fs::write(&file, document.to_string()).unwrap();
        satisfied(
            &Command::new(promtool)
                .args(["test", "rules"])
                .arg(file)
                .output()
                .unwrap(),
        );
    }

    fn test(&self, moment: &Moment, passed_over: &str) -> Value {
        let series = self.series(moment);
        let series = series
            .into_iter()
            .map(|(series, values)| json!({"series": series, "values": values}));
        let expected = moment.expected.iter().map(|(name, labels)| {
            let comma = if labels.is_empty() { "" } else { ", " };
            json!({"labels": format!("{{alertname=\"{name}\"{comma}{labels}}}"), "value": 1})
        });
        let firing = format!("ALERTS{{alertstate=\"firing\",alertname!~\"{passed_over}\"}}");
        json!({
            "name": moment.cause,
            "interval": format!("{STEP}s"),
            "input_series": series.collect::<Vec<_>>(),
            "promql_expr_test": [{
                "expr": format!("group by (alertname, account_id, kind, code) ({firing})"),
                "eval_time": format!("{}s", (step(moment.to) + GOES_ON) * STEP),
                "exp_samples": expected.collect::<Vec<_>>(),
            }],
        })
    }

    /// The figures that alerts ask for, up to a moment and on from there, in promtool's notation.
    fn series(&self, moment: &Moment) -> BTreeMap<String, String> {
        let asked: String = alerts().iter().map(|(_, rule)| rule["expr"].to_string()).collect();
        let is_asked = |series: &str| asked.contains(series.split('{').next().unwrap());
        let samples = self.samples.lock().unwrap();
        let mut histories: BTreeMap<(&str, &str), History> = BTreeMap::new();
        for sample in samples.iter().filter(|sample| sample.at <= moment.to) {
            let told = sample.scrape.iter().flatten();
            for (series, value) in told.filter(|(series, _)| is_asked(series)) {
                // Both clocks begin with the recording.
                let value = match series.contains("_timestamp_seconds") {
                    true => value - self.begun_at,
                    false => *value,
                };
                let history = histories.entry((sample.pod, series)).or_default();
                history.push((sample.at, Some(value)));
            }
            for ((_, series), history) in histories.iter_mut().filter(|((pod, _), _)| *pod == sample.pod) {
                let is_told = sample
                    .scrape
                    .as_ref()
                    .is_some_and(|scrape| scrape.contains_key(*series));
                if !is_told {
                    history.push((sample.at, None));
                }
            }
        }
        let text = |((pod, series), history): ((&str, &str), Vec<_>)| {
            let mut since = samples.iter().filter(|sample| sample.at >= moment.from);
            let begin = since
                .find(|sample| sample.pod == pod)
                .map_or(moment.from, |sample| sample.at);
            (of_pod(series, pod), values(series, &history, begin, moment))
        };
        histories.into_iter().map(text).collect()
    }
}

async fn take(begun: Instant, samples: &Mutex<Vec<Sample>>, pod: &'static str, figures: &Figures) {
    let scrape = figures.scrape().await.ok();
    // Under the lock: later samples stand behind.
    let mut samples = samples.lock().unwrap();
    let at = begun.elapsed().as_secs_f64();
    samples.push(Sample { at, pod, scrape });
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn step(at: f64) -> u64 {
    at as u64 / STEP
}

/// A series as Prometheus keeps it, with the Pod that it is from.
fn of_pod(series: &str, pod: &str) -> String {
    match series.split_once('{') {
        Some((name, labels)) => format!("{name}{{pod=\"{pod}\",{labels}"),
        None => format!("{series}{{pod=\"{pod}\"}}"),
    }
}

/// One value for each step: `_` where none was scraped, `stale` where the series was no longer told. Making the cause began
/// with the scrape of that time.
#[allow(clippy::float_cmp)]
fn values(series: &str, history: &[(f64, Option<f64>)], begin: f64, moment: &Moment) -> String {
    let by_step: BTreeMap<u64, Option<f64>> = history.iter().map(|(at, value)| (step(*at), *value)).collect();
    let steps = (0..=step(moment.to)).map(|step| match by_step.get(&step) {
        None => "_".to_owned(),
        Some(None) => "stale".to_owned(),
        Some(Some(value)) => value.to_string(),
    });
    let mut values: Vec<String> = steps.collect();
    if let Some((to, Some(last))) = history.last() {
        let growth = if series.split('{').next().unwrap().ends_with("_total") {
            // What was not told then had counted nothing.
            let first = history.iter().find(|(at, _)| *at == begin);
            let first = first.and_then(|(_, value)| *value).unwrap_or_default();
            (last - first) / (to - begin).max(1.0)
        } else {
            0.0
        };
        #[allow(clippy::cast_precision_loss)]
        let growth = growth * STEP as f64;
        values.push(format!("{}+{growth}x{GOES_ON}", last + growth));
    }
    values.join(" ")
}
