//! Who is told what happens to roles.

use std::fmt;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Somebody who can be told of what happens to roles, over HTTPS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Notifier {
    /// Its name, as `notify.to` says it.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"))]
    pub name: String,
    /// Where notices are sent: an https URL without user, password or fragment. Whoever may read the class reads it, so no
    /// secret belongs into it.
    #[x_kube(validation = Rule::new("isURL(self) && url(self).getScheme() == 'https' && url(self).getHostname() != ''")
        .message("write an https URL with a host, such as https://hooks.example.com/crossrole"))]
    #[schemars(length(min = 9, max = 1024), regex(pattern = r##"^[!-"$-?A-~]+$"##))]
    pub url: String,
    /// The file with the secret that signs notices, below the folder that the operator's `--notifier-secrets-dir` names
    /// (in the chart: `SECRET/KEY`). It holds one secret as Standard Webhooks writes it (`whsec_…`), or two, each in a
    /// line, while it is rotated.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$")
    )]
    pub secret_file: String,
}

/// Of what somebody is told, and who.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Notify {
    /// Of what: `Assumed` (a role was assumed), `Denied` (somebody asked for it and was refused), `ChangedOutside` (somebody
    /// else than crossrole changed it).
    #[schemars(length(min = 1, max = 3), extend("x-kubernetes-list-type" = "set"))]
    pub of: Vec<NoticeKind>,
    /// The name of a notifier of the AccountClass.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"))]
    pub to: String,
}

/// What happened to a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum NoticeKind {
    /// It was assumed.
    Assumed,
    /// Somebody asked to assume it, and was refused.
    Denied,
    /// Somebody else than crossrole changed it.
    ChangedOutside,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [NoticeKind; 3] = [NoticeKind::Assumed, NoticeKind::Denied, NoticeKind::ChangedOutside];

    /// The kind as it stands in fields.
    pub fn as_str(self) -> &'static str {
        match self {
            NoticeKind::Assumed => "Assumed",
            NoticeKind::Denied => "Denied",
            NoticeKind::ChangedOutside => "ChangedOutside",
        }
    }
}

impl fmt::Display for NoticeKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
