//! What an operator tells of itself: its health, its figures.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Error, Operator};

/// Where an operator tells its health and its figures.
#[derive(Clone, Debug)]
pub struct Figures {
    url: String,
    client: reqwest::Client,
}

/// Figures at one moment, by series: `crossrole_leader`, `crossrole_orphans{account_id="222222222222"}`.
pub type Scrape = BTreeMap<String, f64>;

impl Figures {
    /// Those of an operator. Where it listens stands in its log.
    ///
    /// # Errors
    /// When it does not say so in time.
    pub async fn of(operator: &mut Operator, patience: Duration) -> Result<Self, Error> {
        let line = operator.wait_for_line("health and figures are told", patience).await?;
        // In a log of either format.
        let words = line.split(|character: char| character.is_whitespace() || "=\",{}".contains(character));
        let mut addresses = words.filter_map(|word| word.parse::<std::net::SocketAddr>().ok());
        let address = addresses
            .next()
            .ok_or_else(|| Error::new(format!("no address stands in {line}")))?;
        Ok(Self {
            url: format!("http://{address}"),
            client: reqwest::Client::new(),
        })
    }

    /// What it answers at a path: the status and the text.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn get(&self, path: &str) -> Result<(u16, String), Error> {
        let failed = |error| Error::because(format!("no answer at {path}"), error);
        let answer = self.client.get(format!("{}{path}", self.url)).send().await;
        let answer = answer.map_err(failed)?;
        let status = answer.status().as_u16();
        Ok((status, answer.text().await.map_err(failed)?))
    }

    /// All figures.
    ///
    /// # Errors
    /// When it does not answer, or with another text than figures.
    pub async fn scrape(&self) -> Result<Scrape, Error> {
        let (status, text) = self.get("/metrics").await?;
        if status != 200 || !text.ends_with("# EOF\n") {
            return Err(Error::new(format!("{status}: no figures: {text}")));
        }
        let series = text.lines().filter(|line| !line.starts_with('#'));
        series
            .map(|line| {
                let (name, value) = line.rsplit_once(' ').unwrap_or((line, ""));
                let value = value.parse();
                let value = value.map_err(|error| Error::because(format!("no figure: {line}"), error))?;
                Ok((name.to_owned(), value))
            })
            .collect()
    }
}
