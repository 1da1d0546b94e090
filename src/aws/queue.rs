//! The queue of the feed: Amazon SQS, as the operator itself.
//!
//! What was received stays in the queue, unseen by others for as long as the queue says, until it is deleted: whoever dies
//! between the two loses nothing. Source: Amazon SQS Developer Guide, "Amazon SQS visibility timeout".

use std::collections::HashMap;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use aws_config::Region;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::types::DeleteMessageBatchRequestEntry;
use crossrole_iam::AccountId;
use crossrole_plan::outcome::Failure;
use tokio::sync::mpsc::unbounded_channel;

use super::action::Side;
use super::error::CallError;
use super::fenced::Fenced;
use super::gate::Gate;
use super::{Action, Hub};
use crate::metrics::Metrics;

/// Messages that one call receives or deletes at most. Source: Amazon SQS API Reference, `ReceiveMessage` and
/// `DeleteMessageBatch`.
const BATCH: i32 = 10;

/// The longest that SQS waits for a message. Source: Amazon SQS Developer Guide, "Amazon SQS short and long polling".
pub const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// The URL of a queue: `https://sqs.eu-central-1.amazonaws.com/111111111111/crossrole-events`. Without TLS only on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueUrl {
    url: String,
    /// The queue's Region, where the URL says it.
    region: Option<String>,
}

impl FromStr for QueueUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = |problem: &str| Err(format!("{problem}: write the URL of a queue of Amazon SQS"));
        let (scheme, rest) = text.split_once("://").unwrap_or_default();
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, _)) => address,
            None => authority.split(':').next().unwrap_or_default(),
        };
        let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_.:[]/".contains(character);
        if host.is_empty() || !rest.chars().all(is_plain) {
            return refused("it is no URL");
        }
        let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if scheme != "https" && !(scheme == "http" && is_here) {
            return refused("it is not https");
        }
        let is_account = |part: &str| part.parse::<AccountId>().is_ok();
        match path.split('/').collect::<Vec<_>>().as_slice() {
            [account, name] if is_account(account) && !name.is_empty() => {}
            _ => return refused("it does not end in an account id and a name"),
        }
        // `sqs.REGION.amazonaws.com`. Source: AWS General Reference, "Amazon Simple Queue Service endpoints and quotas".
        let region = match host.split('.').collect::<Vec<_>>().as_slice() {
            ["sqs" | "sqs-fips", region, "amazonaws", ..] => Some((*region).to_string()),
            _ => None,
        };
        Ok(Self {
            url: text.to_string(),
            region,
        })
    }
}

/// A message that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it says.
    pub body: String,
    /// What it is deleted by.
    pub receipt: String,
}

/// The queue of the feed.
#[derive(Debug)]
pub struct EventQueue {
    client: Client,
    url: String,
    gate: Gate,
}

impl EventQueue {
    pub(super) fn new(hub: &Hub, url: &QueueUrl, metrics: Metrics) -> Self {
        // Nobody waits for it to answer again: it is asked all the time.
        let (recovered, _) = unbounded_channel();
        // A call that waits for a message takes longer than others.
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .operation_attempt_timeout(LONGEST_WAIT + Duration::from_secs(10))
            .operation_timeout(LONGEST_WAIT + Duration::from_secs(10))
            .build();
        let mut config = aws_sdk_sqs::config::Builder::from(&hub.config)
            .timeout_config(timeouts)
            .interceptor(Fenced(hub.fence.clone(), Side::Events));
        if let Some(region) = &url.region {
            config = config.region(Region::new(region.clone()));
        }
        Self {
            client: Client::from_conf(config.build()),
            url: url.url.clone(),
            gate: Gate::new(hub.identity.account.clone(), recovered, metrics),
        }
    }

    /// Up to ten messages, of which there is at least one, or which were waited for so long: at most 20 seconds.
    ///
    /// # Errors
    /// When SQS does not give any.
    pub async fn receive(&self, wait: Duration) -> Result<Vec<Message>, CallError> {
        let seconds = wait.min(LONGEST_WAIT).as_secs();
        let receive = || {
            self.client
                .receive_message()
                .queue_url(&self.url)
                .max_number_of_messages(BATCH)
                .wait_time_seconds(i32::try_from(seconds).unwrap_or_default())
                .send()
        };
        let answer = self.gate.call(Action::ReceiveMessage, receive).await?;
        let messages = answer.messages.unwrap_or_default().into_iter();
        let messages = messages.map(|message| {
            Ok(Message {
                receipt: message
                    .receipt_handle
                    .ok_or_else(|| CallError::empty(Action::ReceiveMessage, "receipt of a message"))?,
                body: message.body.unwrap_or_default(),
            })
        });
        messages.collect()
    }

    /// Deletes messages by their receipts.
    ///
    /// # Errors
    /// When SQS does not delete all. Those that stay come again.
    pub async fn delete(&self, receipts: &[String]) -> Result<(), CallError> {
        let mut outcome = Ok(());
        for receipts in receipts.chunks(usize::try_from(BATCH).unwrap_or(1)) {
            let deleted = self.delete_batch(receipts).await;
            outcome = outcome.and(deleted);
        }
        outcome
    }

    async fn delete_batch(&self, receipts: &[String]) -> Result<(), CallError> {
        let entries = receipts.iter().enumerate().map(|(number, receipt)| {
            let entry = DeleteMessageBatchRequestEntry::builder().id(number.to_string());
            entry.receipt_handle(receipt).build()
        });
        let entries: Result<Vec<_>, _> = entries.collect();
        let entries =
            entries.map_err(|error| CallError::new(Action::DeleteMessage, Failure::Unexpected, error.to_string()))?;
        let delete = || {
            let call = self.client.delete_message_batch().queue_url(&self.url);
            call.set_entries(Some(entries.clone())).send()
        };
        let answer = self.gate.call(Action::DeleteMessage, delete).await?;
        let mut codes: HashMap<String, usize> = HashMap::new();
        for failed in answer.failed {
            *codes.entry(failed.code).or_default() += 1;
        }
        match codes.into_iter().max_by_key(|(_, count)| *count) {
            None => Ok(()),
            Some((code, count)) => Err(CallError::new(
                Action::DeleteMessage,
                Failure::Unavailable,
                format!("{count} of {} messages stay in the queue: {code}", receipts.len()),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_named_by_a_url_that_is_safe_to_ask() {
        for (url, region) in [
            (
                "https://sqs.eu-central-1.amazonaws.com/111111111111/crossrole-events",
                Some("eu-central-1"),
            ),
            (
                "https://sqs.cn-north-1.amazonaws.com.cn/111111111111/crossrole-events",
                Some("cn-north-1"),
            ),
            (
                "https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com/111111111111/events.fifo",
                None,
            ),
            ("http://127.0.0.1:5000/111111111111/events", None),
            ("http://[::1]:5000/111111111111/events", None),
            ("http://localhost:5000/111111111111/events", None),
        ] {
            let parsed: QueueUrl = url.parse().unwrap();
            assert_eq!((parsed.url.as_str(), parsed.region.as_deref()), (url, region));
        }
        for (url, problem) in [
            ("http://sqs.eu-central-1.amazonaws.com/111111111111/events", "not https"),
            ("http://127.0.0.1.example.com/111111111111/events", "not https"),
            ("http://10.0.0.1/111111111111/events", "not https"),
            ("https://user@example.com/111111111111/events", "no URL"),
            ("https:///111111111111/events", "no URL"),
            ("arn:aws:sqs:eu-central-1:111111111111:events", "no URL"),
            ("https://sqs.eu-central-1.amazonaws.com/events", "account id"),
            ("https://sqs.eu-central-1.amazonaws.com/111111111111/", "account id"),
            ("", "no URL"),
        ] {
            let refused = url.parse::<QueueUrl>().unwrap_err();
            assert!(refused.contains(problem), "{url}: {refused}");
        }
    }
}
