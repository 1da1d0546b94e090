//! What becomes of notices, against receivers that hang, fail, lie and send elsewhere. Each is a real server at loopback.

mod receiver;

use std::time::{Duration, Instant};

use crossrole_api::AccountClass;
use crossrole_testkit::eventually;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::signature::Secrets;
use super::*;
use receiver::{Manner, Receiver};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER_SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

/// A sender whose waits are short, and what it is told of.
struct Sender {
    notices: Notices,
    turns: UnboundedReceiver<Turn>,
    metrics: Metrics,
    folder: TempDir,
}

impl Sender {
    fn new(change: impl FnOnce(&mut Settings)) -> Self {
        Self::with(change, Connector::new(true))
    }

    fn with(change: impl FnOnce(&mut Settings), connector: Connector) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), SECRET).unwrap();
        let mut settings = Settings {
            secrets_dir: Some(folder.path().to_owned()),
            allow_loopback: true,
            schedule: Schedule {
                tries: 3,
                longest: Duration::from_secs(3),
                first_wait: Duration::from_millis(1),
                longest_wait: Duration::from_millis(2),
            },
            ..Settings::default()
        };
        change(&mut settings);
        let metrics = Metrics::default();
        let (notices, turns) = Notices::with(settings, "crossrole.dev/c1".into(), metrics.clone(), connector);
        Self {
            notices,
            turns,
            metrics,
            folder,
        }
    }

    fn count(&self, outcome: Outcome) -> u64 {
        let text = self.metrics.tell().unwrap();
        let series = format!(
            "crossrole_notices_total{{notifier=\"standard/chat\",outcome=\"{}\"}} ",
            outcome.as_str()
        );
        let line = text.lines().find_map(|line| line.strip_prefix(&series));
        line.map_or(0, |count| count.parse().unwrap())
    }

    /// Tells one notifier, and does not wait.
    fn tell(&self, notifier: &Arc<Notifier>, id: &str) {
        self.notices.0.take(Job {
            notifier: notifier.clone(),
            notice: Arc::new(notice(id)),
        });
    }

    /// Tells `chat`, and waits until all have ended.
    async fn tell_all(&self, url: &str, ids: impl IntoIterator<Item = String>) {
        let chat = notifier("chat", url);
        ids.into_iter().for_each(|id| self.tell(&chat, &id));
        self.notices.finish().await;
    }
}

/// A notifier of the class `standard`. Its rules are not asked: they would not let the URLs of these tests through.
fn notifier(name: &str, url: &str) -> Arc<Notifier> {
    Arc::new(Notifier {
        class: "standard".into(),
        name: name.into(),
        url: url.into(),
        secret_file: "secret".into(),
    })
}

fn notice(id: &str) -> Notice {
    Notice {
        id: id.into(),
        kind: NoticeKind::Assumed,
        time: "2026-11-22T10:00:00Z".parse().unwrap(),
        object: ObjectName {
            namespace: "security".into(),
            name: "audit".into(),
        },
        account_id: "222222222222".into(),
        role_arn: "arn:aws:iam::222222222222:role/crossrole/audit".into(),
        data: Map::from_iter([("mfa".to_string(), json!(true))]),
    }
}

fn ids(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("event-{number}"))
}

#[tokio::test]
async fn a_notice_is_delivered_once_signed_and_says_what_happened() {
    let receiver = Receiver::start(Manner::Takes).await;
    let sender = Sender::new(|_| {});
    sender.tell_all(&receiver.url("/x?team=a"), ids(20)).await;
    assert_eq!(sender.count(Outcome::Delivered), 20);
    let requests = receiver.requests();
    assert_eq!(requests.len(), 20);
    let secrets = Secrets::parse(SECRET).unwrap();
    let mut seen = Vec::new();
    for request in &requests {
        assert_eq!(request.line, "POST /x?team=a HTTP/1.1");
        assert_eq!(
            request.header("content-type"),
            "application/cloudevents+json; charset=utf-8"
        );
        assert_eq!(request.header("host"), receiver.address.to_string());
        let (id, timestamp) = (request.header("webhook-id"), request.header("webhook-timestamp"));
        let signed = secrets.sign(id, timestamp.parse().unwrap(), &request.body);
        assert_eq!(request.header("webhook-signature"), signed);
        let event: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(event["id"], json!(id));
        assert_eq!(event["type"], json!("dev.crossrole.role.assumed"));
        assert_eq!(event["source"], json!("crossrole.dev/c1"));
        assert_eq!(event["data"]["mfa"], json!(true));
        seen.push(id.to_string());
    }
    seen.sort();
    let mut expected: Vec<String> = ids(20).collect();
    expected.sort();
    assert_eq!(seen, expected);
}

/// Each manner, how often one notice is then tried, and what becomes of it.
const MANNERS: [(Manner, usize, Outcome); 20] = [
    (Manner::Takes, 1, Outcome::Delivered),
    (Manner::Answers("204 No Content"), 1, Outcome::Delivered),
    (Manner::FailsTwice, 3, Outcome::Delivered),
    // What it says after its head is not listened to.
    (Manner::SaysTooLittle, 1, Outcome::Delivered),
    (Manner::NeverEnds, 1, Outcome::Delivered),
    (Manner::Drips, 1, Outcome::Delivered),
    (Manner::NeverEndsInChunks, 1, Outcome::Delivered),
    (Manner::Answers("500 Broken"), 3, Outcome::Unanswered),
    (Manner::Answers("503 Busy"), 3, Outcome::Unanswered),
    (Manner::Answers("429 Slower"), 3, Outcome::Unanswered),
    (Manner::Hangs, 3, Outcome::Unanswered),
    (Manner::SpeaksSlowly, 3, Outcome::Unanswered),
    (Manner::HasEndlessHeads, 3, Outcome::Unanswered),
    (Manner::HasManyHeaders, 3, Outcome::Unanswered),
    (Manner::SpeaksNonsense, 3, Outcome::Unanswered),
    (Manner::HangsUp, 3, Outcome::Unanswered),
    (Manner::Answers("400 What"), 1, Outcome::Refused),
    (Manner::Answers("410 Gone"), 1, Outcome::Refused),
    (Manner::SendsElsewhere("301 Moved"), 1, Outcome::Refused),
    (Manner::SendsElsewhere("307 Moved"), 1, Outcome::Refused),
];

#[tokio::test]
async fn whatever_a_receiver_does_each_notice_is_delivered_or_parked() {
    let tried = MANNERS.map(|(manner, tries, outcome)| async move {
        let receiver = Receiver::start(manner).await;
        let sender = Sender::new(|_| {});
        let started = Instant::now();
        sender.tell_all(&receiver.url("/"), ids(1)).await;
        let took = started.elapsed();
        assert_eq!(
            sender.count(outcome),
            1,
            "{manner:?}: {}",
            sender.metrics.tell().unwrap()
        );
        assert_eq!(receiver.connections(), tries, "{manner:?}");
        // Elsewhere would be at the same server.
        assert!(
            receiver
                .requests()
                .iter()
                .all(|request| request.line.starts_with("POST / "))
        );
        // Three tries of 3 s, a second for what is said after an answer, and a slow machine.
        assert!(took < Duration::from_secs(60), "{manner:?}: {took:?}");
    });
    futures::future::join_all(tried).await;
}

#[tokio::test]
async fn whoever_tells_never_waits_and_what_is_too_much_is_parked_at_once() {
    let receiver = Receiver::start(Manner::Hangs).await;
    let mut sender = Sender::new(|settings| settings.waiting = 100);
    let chat = notifier("chat", &receiver.url("/"));
    // Nothing else runs meanwhile: there is one thread, and this does not wait.
    for id in ids(1_000) {
        sender.tell(&chat, &id);
    }
    assert_eq!(sender.notices.under_way(), 100);
    assert_eq!(sender.count(Outcome::QueueFull), 900);
    assert_eq!(receiver.connections(), 0);
    let turn = sender.turns.try_recv().unwrap();
    assert_eq!((turn.name.as_str(), turn.outcome), ("chat", Outcome::QueueFull));
    assert!(sender.turns.try_recv().is_err(), "it is told once");
    // One that hangs holds up no other.
    let other = Receiver::start(Manner::Takes).await;
    sender.tell(&notifier("pager", &other.url("/")), "other");
    let delivered = "crossrole_notices_total{notifier=\"standard/pager\",outcome=\"Delivered\"} 1";
    let told = async || {
        let told = sender.metrics.tell().unwrap();
        if told.contains(delivered) { Ok(()) } else { Err(told) }
    };
    eventually(Duration::from_secs(10), "the other notifier is told", told)
        .await
        .unwrap();
    assert!(sender.notices.under_way() > 0, "the first still hangs");
}

#[tokio::test]
async fn what_is_left_at_a_stop_is_parked_and_counted() {
    let receiver = Receiver::start(Manner::Hangs).await;
    let sender = Sender::new(|settings| settings.schedule.longest = Duration::from_secs(3600));
    let chat = notifier("chat", &receiver.url("/"));
    ids(20).for_each(|id| sender.tell(&chat, &id));
    sender.notices.give_up().await;
    sender.tell(&chat, "late");
    sender.notices.finish().await;
    assert_eq!(sender.count(Outcome::GivenUp), 21, "{}", sender.metrics.tell().unwrap());
}

#[test]
fn a_notifier_that_turns_with_each_notice_is_told_of_twice_in_five_minutes() {
    let (mut standing, begun) = (Standing::default(), Instant::now());
    let mut at = |second: u64, is_parked: bool| standing.turns(is_parked, begun + Duration::from_secs(second));
    assert!(!at(0, false), "nothing was wrong before");
    assert!(at(0, true) && at(1, false));
    for second in 2..300 {
        assert!(!at(second, second % 2 == 0));
    }
    assert!(at(300, true) && !at(301, true) && at(302, false));
}

#[tokio::test]
async fn a_thousand_uses_take_no_place_of_a_change() {
    let receiver = Receiver::start(Manner::Hangs).await;
    let sender = Sender::new(|settings| settings.waiting = 10);
    let chat = notifier("chat", &receiver.url("/"));
    ids(50).for_each(|id| sender.tell(&chat, &id));
    assert_eq!(sender.count(Outcome::QueueFull), 40);
    let changed = Notice {
        kind: NoticeKind::ChangedOutside,
        ..notice("changed")
    };
    sender.notices.0.take(Job {
        notifier: chat,
        notice: Arc::new(changed),
    });
    assert_eq!(sender.count(Outcome::QueueFull), 40);
}

#[tokio::test]
async fn it_is_told_when_notices_are_no_longer_taken_and_when_they_are_again() {
    let mut sender = Sender::new(|_| {});
    let (bad, good) = (
        Receiver::start(Manner::Answers("404 Not Found")).await,
        Receiver::start(Manner::Takes).await,
    );
    sender.tell_all(&good.url("/"), ids(3)).await;
    assert!(sender.turns.try_recv().is_err(), "that it goes well is no news");
    sender.tell_all(&bad.url("/"), ids(3)).await;
    let turn = |outcome| Turn {
        class: "standard".into(),
        name: "chat".into(),
        outcome,
    };
    assert_eq!(sender.turns.try_recv().unwrap(), turn(Outcome::Refused));
    assert!(sender.turns.try_recv().is_err(), "it is told once");
    sender.tell_all(&good.url("/"), ids(3)).await;
    assert_eq!(sender.turns.try_recv().unwrap(), turn(Outcome::Delivered));
    assert!(sender.turns.try_recv().is_err());
    assert_eq!(
        (sender.count(Outcome::Delivered), sender.count(Outcome::Refused)),
        (6, 3)
    );
}

#[tokio::test]
async fn of_a_notifier_that_is_taken_out_nothing_is_told_although_it_is_still_being_sent_to() {
    let mut sender = Sender::new(|settings| settings.schedule.longest = Duration::from_millis(50));
    let hung = Receiver::start(Manner::Hangs).await;
    let keep = |names: &[&str]| {
        sender.notices.keep_only("standard", &names.iter().copied().collect());
    };
    let parked = || sender.metrics.tell().unwrap().contains("crossrole_notifier_parked{");
    keep(&["chat"]);
    let chat = notifier("chat", &hung.url("/"));
    sender.tell(&chat, "first");
    sender.notices.finish().await;
    assert!(parked());
    sender.tell(&chat, "second");
    keep(&["other"]);
    assert!(!parked());
    sender.notices.finish().await;
    assert_eq!(sender.count(Outcome::Unanswered), 2, "it was sent all the same");
    assert!(!parked());
    assert!(sender.turns.try_recv().is_ok() && sender.turns.try_recv().is_err());
}

#[tokio::test]
async fn a_secret_that_changes_counts_for_the_next_notice() {
    let receiver = Receiver::start(Manner::Takes).await;
    let sender = Sender::new(|_| {});
    let file = sender.folder.path().join("secret");
    sender.tell_all(&receiver.url("/"), ["first".to_string()]).await;
    std::fs::write(&file, format!("{OTHER_SECRET}\n{SECRET}\n")).unwrap();
    sender.tell_all(&receiver.url("/"), ["both".to_string()]).await;
    std::fs::write(&file, OTHER_SECRET).unwrap();
    sender.tell_all(&receiver.url("/"), ["last".to_string()]).await;
    let requests = receiver.requests();
    let expected = [
        SECRET.to_string(),
        format!("{OTHER_SECRET}\n{SECRET}"),
        OTHER_SECRET.to_string(),
    ];
    assert_eq!(requests.len(), expected.len());
    for (request, text) in requests.iter().zip(&expected) {
        let (id, timestamp) = (request.header("webhook-id"), request.header("webhook-timestamp"));
        let signed = Secrets::parse(text)
            .unwrap()
            .sign(id, timestamp.parse().unwrap(), &request.body);
        assert_eq!(request.header("webhook-signature"), signed, "{id}");
    }
}

#[tokio::test]
async fn without_a_secret_nothing_is_sent() {
    let receiver = Receiver::start(Manner::Takes).await;
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("token"), SECRET).unwrap();
    let sender = Sender::new(|_| {});
    let file = sender.folder.path().join("secret");
    std::fs::remove_file(&file).unwrap();
    sender.tell_all(&receiver.url("/"), ids(1)).await;
    for text in ["", "no secret", "whsec_c2hvcnQ="] {
        std::fs::write(&file, text).unwrap();
        sender.tell_all(&receiver.url("/"), ids(1)).await;
    }
    // A link that leads out of the folder, as no Secret of Kubernetes has.
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink(outside.path().join("token"), &file).unwrap();
    sender.tell_all(&receiver.url("/"), ids(1)).await;
    assert_eq!(sender.count(Outcome::NoSecret), 5);
    // One that stays within, as each of them is.
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(sender.folder.path().join("..data")).unwrap();
    std::fs::write(sender.folder.path().join("..data/secret"), SECRET).unwrap();
    std::os::unix::fs::symlink("..data/secret", &file).unwrap();
    sender.tell_all(&receiver.url("/"), ids(1)).await;
    assert_eq!(sender.count(Outcome::Delivered), 1);
    let nowhere = Sender::new(|settings| settings.secrets_dir = None);
    nowhere.tell_all(&receiver.url("/"), ids(1)).await;
    assert_eq!(nowhere.count(Outcome::NoSecret), 1);
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn loopback_and_plain_http_are_for_tests_alone() {
    let receiver = Receiver::start(Manner::Takes).await;
    let sender = Sender::with(|settings| settings.allow_loopback = false, Connector::new(false));
    let secure = receiver.url("/").replace("http:", "https:");
    let by_name = format!("https://localhost:{}/", receiver.address.port());
    for url in [receiver.url("/"), secure, by_name] {
        sender.tell_all(&url, ids(1)).await;
    }
    assert_eq!(sender.count(Outcome::NotAllowed), 3);
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn over_tls_only_whoever_has_a_certificate_for_the_name_is_told() {
    let (receiver, roots, _) = Receiver::start_with_tls("localhost", Manner::Takes).await;
    let other = rustls::RootCertStore::empty();
    for (host, roots, outcome) in [
        ("localhost", &roots, Outcome::Delivered),
        // Another name than that of the certificate.
        ("127.0.0.1", &roots, Outcome::Unanswered),
        // A certificate of nobody whom we trust.
        ("localhost", &other, Outcome::Unanswered),
    ] {
        let sender = Sender::with(|_| {}, Connector::trusting(roots.clone()));
        let url = format!("https://{host}:{}/", receiver.address.port());
        let object = json!({
            "apiVersion": "crossrole.dev/v1alpha1", "kind": "AccountClass", "metadata": {"name": "standard"},
            "spec": {
                "bootstrapRole": {"name": "door"}, "guardrails": {"permissionsBoundary": "None"},
                "notifiers": [{"name": "chat", "url": url, "secretFile": "secret"}],
            },
        });
        let object: AccountClass = serde_json::from_value(object).unwrap();
        let class = Notifying::parse(&object).unwrap();
        let role = |kind| Notify {
            of: vec![kind],
            to: "chat".into(),
        };
        sender.notices.tell(&class, None, notice("nobody asked"));
        sender
            .notices
            .tell(&class, Some(&role(NoticeKind::Denied)), notice("not of this"));
        sender
            .notices
            .tell(&class, Some(&role(NoticeKind::Assumed)), notice("an id.with a dot"));
        sender.notices.finish().await;
        assert_eq!(sender.count(outcome), 1, "{host}: {}", sender.metrics.tell().unwrap());
    }
    let requests = receiver.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].header("webhook-id"), signature::safe_id("an id.with a dot"));
}
