//! Flags about events of the use and the changes of roles.

use clap::Args;
use crossrole_iam::AccountId;

/// Flags of `crossrole bootstrap` about events.
#[derive(Debug, Args)]
pub struct FeedFlags {
    /// Print what sends CloudTrail's events about roles to one queue, instead of the bootstrap role: rules for the accounts of
    /// all classes and for those that they trust, and the central bus with its queue.
    #[arg(long, requires = "region")]
    pub events: bool,
    /// With --events: the Regions that are enabled in the accounts. A role that is assumed in another one is not told of.
    #[arg(long, num_args = 1.., value_name = "REGION", value_parser = region, requires = "events")]
    pub region: Vec<String>,
    /// With --events: the account of the central bus and its queue. Default: that of --operator-role.
    #[arg(long, value_name = "ID", requires = "events")]
    pub events_account: Option<AccountId>,
    /// With --events: the Region of the central bus and its queue. Default: the one in which IAM's events are, such as
    /// us-east-1.
    #[arg(long, value_name = "REGION", value_parser = region, requires = "events")]
    pub events_region: Option<String>,
}

// `eu-central-1`: AWS General Reference, "Regions and endpoints".
fn region(text: &str) -> Result<String, String> {
    let fits = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    if text.len() <= 32 && text.split('-').count() >= 3 && text.split('-').all(fits) {
        Ok(text.to_string())
    } else {
        Err("write a Region such as eu-central-1".to_string())
    }
}
