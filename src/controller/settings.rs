//! What the flags mean.

use std::time::Duration;

/// How the operator behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How often an object is looked at although nothing asks for it. Each look comes up to a tenth earlier or later.
    pub resync_interval: Duration,
    /// So many removals that nobody asked for by name are let through; or a tenth of all roles, if that is more.
    pub max_removals: usize,
    /// How long IAM may take until a role that was just made is seen everywhere. So long, its absence is not believed.
    pub propagation_delay: Duration,
    /// What the tag `crossrole.dev/cluster` says; the uid of the namespace `kube-system` where absent.
    pub cluster_id: Option<String>,
}
