//! The flag that names the queue of events.

use clap::Args;

use crate::aws::QueueUrl;

/// Flags of `crossrole run` about the feed of events.
#[derive(Debug, Args)]
pub struct QueueFlags {
    /// Take events of CloudTrail from this queue of Amazon SQS: who assumes roles, and who changes them by hand. The operator's
    /// identity must be allowed to receive and delete its messages.
    #[arg(long, env = "CROSSROLE_EVENT_QUEUE_URL", value_name = "URL", value_parser = event_queue)]
    event_queue_url: Option<EventQueue>,
}

impl QueueFlags {
    /// The queue; `None`: there is no feed.
    pub(super) fn url(&self) -> Option<QueueUrl> {
        self.event_queue_url.clone().and_then(|queue| queue.0)
    }
}

/// The queue of the feed of events, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventQueue(pub Option<QueueUrl>);

fn event_queue(text: &str) -> Result<EventQueue, String> {
    match text {
        "" => Ok(EventQueue(None)),
        url => url.parse().map(|url| EventQueue(Some(url))),
    }
}
