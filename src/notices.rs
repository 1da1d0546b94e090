//! What is told to notifiers: a role was assumed, or was not, or somebody else changed it.

use crossrole_plan::declaration::ObjectName;
use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::sync::mpsc::Sender;

/// One thing that a notifier tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// Names what happened, by CloudTrail's id: whoever is told it twice can see that it is the same.
    pub id: String,
    /// What kind of thing it is.
    pub kind: NoticeKind,
    /// When it happened, by AWS's clock.
    pub time: Timestamp,
    /// The CrossAccountRole.
    pub object: ObjectName,
    /// The account of the role.
    pub account_id: String,
    /// The role.
    pub role_arn: String,
    /// Who, from where, with MFA or not: as far as AWS tells.
    pub data: Map<String, Value>,
}

/// What kind of thing a notice tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeKind {
    /// Somebody assumed the role.
    Assumed,
    /// Somebody tried to, and was denied.
    Denied,
    /// Somebody else than this operator changed the role.
    ChangedOutside,
}

/// Where notices go. Without a receiver they go nowhere.
#[derive(Clone, Debug, Default)]
pub struct Notices(Option<Sender<(Option<String>, Notice)>>);

impl Notices {
    /// Notices that go to this receiver, each with the AccountClass of its account.
    pub fn to(receiver: Sender<(Option<String>, Notice)>) -> Self {
        Self(Some(receiver))
    }

    /// Tells a notice, of a role in an account of this class. Never waits: of a receiver that does not keep up, notices are
    /// left out.
    pub fn tell(&self, class: Option<&str>, notice: Notice) {
        if let Some(receiver) = &self.0 {
            let _ = receiver.try_send((class.map(str::to_string), notice));
        }
    }
}
