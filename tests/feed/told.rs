//! Whoever is told by notices: one that takes them, and one that takes the connection and says nothing.

use std::path::Path;

use crossrole_testkit::scene::PATIENCE;
use crossrole_testkit::{Figures, Scene, eventually};
use serde_json::{Value, json};

use super::receiver::{Manner, Receiver};
use super::support::{class, with};

/// A secret of 32 bytes, as Standard Webhooks writes it.
const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// Those who are told.
pub struct Told {
    pager: Receiver,
    hung: Receiver,
}

impl Told {
    /// Starts them, and has the scene's operator trust their certificates. Gives the operator's arguments.
    pub async fn start(scene: &mut Scene, folder: &Path) -> (Self, [String; 2]) {
        let (pager, _, one) = Receiver::start_with_tls("localhost", Manner::Takes).await;
        let (hung, _, other) = Receiver::start_with_tls("localhost", Manner::Hangs).await;
        let (trusted, secrets) = (folder.join("receivers.crt"), folder.join("secrets"));
        std::fs::write(&trusted, one + &other).unwrap();
        std::fs::create_dir_all(&secrets).unwrap();
        std::fs::write(secrets.join("secret"), SECRET).unwrap();
        let trusts = ("SSL_CERT_FILE".to_owned(), trusted.display().to_string());
        scene.container.env.push(trusts);
        let arguments = [
            "--allow-loopback-notifiers".to_owned(),
            format!("--notifier-secrets-dir={}", secrets.display()),
        ];
        (Self { pager, hung }, arguments)
    }

    /// The class `standard`, which tells `pager` of everything.
    pub fn class(&self) -> Value {
        let notifier = |name: &str, receiver: &Receiver| {
            let url = format!("https://localhost:{}/", receiver.address.port());
            json!({"name": name, "url": url, "secretFile": "secret"})
        };
        let notifiers = json!([notifier("pager", &self.pager), notifier("hung", &self.hung)]);
        let telling = with(class("standard"), "/spec/notifiers", notifiers);
        with(telling, "/spec/notify", Self::of_everything("pager"))
    }

    /// `spec.notify` that tells one of them of everything.
    pub fn of_everything(to: &str) -> Value {
        json!({"of": ["Assumed", "Denied", "ChangedOutside"], "to": to})
    }

    /// `pager` was told of these, each once, by type and id; `hung` holds up nobody.
    pub async fn told(&self, figures: &Figures, expected: &[(&str, &str, Value)]) {
        let delivered = "crossrole_notices_total{notifier=\"standard/pager\",outcome=\"Delivered\"}";
        let count = u32::try_from(expected.len()).unwrap();
        eventually(PATIENCE, "the pager is told", async || {
            let scrape = figures.scrape().await.map_err(|error| error.to_string())?;
            match scrape.get(delivered) {
                Some(found) if *found >= f64::from(count) => Ok(()),
                found => Err(format!("{found:?}")),
            }
        })
        .await
        .unwrap();
        let mut found: Vec<Value> = self
            .pager
            .requests()
            .iter()
            .map(|request| serde_json::from_slice(&request.body).unwrap())
            .collect();
        found.sort_by_key(|event| event["id"].to_string());
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (event, (id, type_, data)) in found.iter().zip(expected) {
            assert_eq!(
                (event["id"].as_str(), event["type"].as_str()),
                (Some(*id), Some(*type_)),
                "{event:#}"
            );
            for (field, value) in data.as_object().unwrap() {
                assert_eq!(&event["data"][field], value, "{event:#}");
            }
        }
        assert!(self.hung.connections() > 0, "it was asked");
    }
}
