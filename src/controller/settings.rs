//! What the flags mean.

use std::time::Duration;

use crate::aws::{OrganizationRole, QueueUrl};
use crate::notices;

/// IAM shows its own writes to most reads after so long.
const SHOWN_AFTER: Duration = Duration::from_secs(15);

/// How the operator behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How often an object is looked at although nothing asks for it. A look comes 5 to 15 % sooner.
    pub resync_interval: Duration,
    /// So many removals that nobody asked for by name are let through; or a tenth of all roles, if that is more.
    pub max_removals: usize,
    /// How long IAM may take until a role that was just made is seen everywhere. So long, its absence is not believed.
    pub propagation_delay: Duration,
    /// The id of a cluster that was rebuilt as this one: the roles of its objects are taken over by those of the same
    /// name.
    pub take_over_from: Option<String>,
    /// What the tag `crossrole.dev/cluster` says; the uid of the namespace `kube-system` where absent.
    pub cluster_id: Option<String>,
    /// Whose accounts get AWSAccounts by themselves; `None`: nobody's.
    pub discovery: Option<Discovery>,
    /// The queue of the feed of events; `None`: there is no feed.
    pub event_queue: Option<QueueUrl>,
    /// How people are told what happens to roles.
    pub notices: notices::Settings,
}

/// How the organisation is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// The role that reads it; `None`: the operator's own identity.
    pub role: Option<OrganizationRole>,
}

impl Settings {
    /// How long a read may show what was before our own write: 15 s, or the propagation delay if that is less.
    pub fn shown_after(&self) -> Duration {
        SHOWN_AFTER.min(self.propagation_delay)
    }
}
