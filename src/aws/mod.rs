//! How AWS is touched: the only place that names `aws_*`.
//!
//! | module | holds |
//! |---|---|
//! | [`action`] | every AWS action that crossrole calls |
//! | [`error`] | what an answer means: the one place where error codes are read |
//! | [`hub`] | the identity that the operator itself runs with |
//! | [`account`] | one account: what it holds, its limits, its trouble |
//! | [`accounts`] | all accounts |
//! | `session` | getting into an account |
//! | `fenced` | no call is sent without the lease, and none that the table does not have |
//! | `examination` | what the bootstrap role can tell of itself |
//! | `gate`, `pace`, `rate` | what every call passes: how fast, whether again, whether at all |
//! | `places` | how much is done at the same time |
//! | `organization` | the organisation: its units, accounts and their tags |
//! | `queue` | the queue of the feed of events |
//! | `own` | the account of the caller's own identity, read with that identity |
//! | `read` | reading roles: one alone, or all of an account |
//! | `answer` | a role as IAM answered it |
//! | `snapshot` | what an account showed when all of its roles were last read at once |
//! | `write` | carrying out a plan |
//! | `grants` | reading and writing the policies of grants, as the grant role |
//! | `recent` | what was written lately, until IAM shows it everywhere |

pub mod account;
pub mod accounts;
pub mod action;
mod answer;
pub mod error;
mod examination;
mod fenced;
mod gate;
mod grants;
pub mod hub;
mod organization;
mod own;
mod pace;
mod places;
mod queue;
mod rate;
mod read;
mod recent;
mod session;
mod snapshot;
mod write;

pub use account::{AccountHandle, Age, Depth, Entrance, Seen, Survey};
pub use accounts::{Accounts, Known};
pub use action::{Action, Side};
pub use error::CallError;
pub use gate::Recovery;
pub use grants::AppliedGrant;
pub use hub::{Hub, Identity};
pub use organization::{Organization, OrganizationRole};
pub use own::OwnAccount;
pub use places::{Turn, Urgency};
pub use queue::{EventQueue, Message, QueueUrl};
pub use snapshot::{Judged, Reading, Tagged};
pub use write::Applied;

/// A role's ARN, and what the account holds there, where the answer can be understood.
pub type Existing = (String, Result<crossrole_plan::observed::Observed, CallError>);
