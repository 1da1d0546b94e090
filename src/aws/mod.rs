//! How AWS is touched: the only place that names `aws_*`.
//!
//! | module | holds |
//! |---|---|
//! | [`action`] | every AWS action that crossrole calls |
//! | [`error`] | what an answer means: the one place where error codes are read |
//! | [`hub`] | the identity that the operator itself runs with |
//! | [`account`] | one account: its credentials, its limits, its trouble |
//! | [`accounts`] | all accounts |
//! | `read` | observing a role |
//! | `write` | carrying out a plan |

pub mod account;
pub mod accounts;
pub mod action;
pub mod error;
pub mod hub;
mod read;
mod write;

pub use account::{AccountHandle, Depth, Entrance};
pub use accounts::Accounts;
pub use action::Action;
pub use error::CallError;
pub use hub::{Hub, Identity};
pub use write::Applied;
