//! Flags about notices.

use std::path::PathBuf;

use clap::Args;

use crate::notices::Settings;

/// Flags of `crossrole run` about notices.
#[derive(Debug, Args)]
pub struct NoticeFlags {
    /// The folder with the secrets that sign notices, one in each file: `secretFile` of a class's notifiers is a path below
    /// it. A secret that changes counts at once. Without it, no notice is sent.
    #[arg(long, env = "CROSSROLE_NOTIFIER_SECRETS_DIR", value_name = "FOLDER")]
    notifier_secrets_dir: Option<PathBuf>,
    /// For tests: send notices to loopback addresses too.
    #[arg(long, env = "CROSSROLE_ALLOW_LOOPBACK_NOTIFIERS", num_args = 0..=1, require_equals = true,
        default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set)]
    allow_loopback_notifiers: bool,
}

impl NoticeFlags {
    /// What is meant.
    pub(super) fn settings(&self) -> Settings {
        Settings {
            secrets_dir: self.notifier_secrets_dir.clone(),
            allow_loopback: self.allow_loopback_notifiers,
            ..Settings::default()
        }
    }
}
