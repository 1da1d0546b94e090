//! What users write: the kinds of the `crossrole.dev` API group, their conditions and reasons, and the
//! names of the tags, labels, annotations and finalizers that crossrole puts on things.
//!
//! | module | holds |
//! |---|---|
//! | [`account`] | `AWSAccount`: one AWS account, a fact |
//! | [`class`] | `AccountClass`: the platform team's rules about accounts, a policy |
//! | [`role`] | `CrossAccountRole`: a role in many accounts, a wish |
//! | [`grant`] | `AssumeRoleGrant`: leave to assume roles, on the trusted side |
//! | [`trust`] | who may assume a role, and what is required of them |
//! | [`permissions`] | what a role may do |
//! | [`notify`] | who is told what happens to roles |
//! | [`selector`] | label selectors and policy documents as they are written |
//! | [`status`] | what crossrole writes back |
//! | [`reason`] | the closed list of reasons that a condition or an entry can give |
//! | [`names`] | tags, annotations, finalizers |
//! | [`crd`] | the `CustomResourceDefinition`s |
//!
//! There is no logic here: only shapes, their bounds, and the rules that the API server itself checks.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
// Several `printcolumn`s are several columns.
#![allow(clippy::duplicated_attributes)]

pub mod account;
pub mod class;
pub mod crd;
pub mod grant;
pub mod names;
pub mod notify;
pub mod permissions;
pub mod reason;
pub mod role;
pub mod selector;
pub mod status;
pub mod trust;

pub use account::{AWSAccount, AWSAccountSpec, AWSAccountStatus, AccountQuotas, AccountState, Orphans, PartitionName};
pub use class::{AccountClass, AccountClassSpec, AccountClassStatus};
pub use grant::{AssumeRoleGrant, AssumeRoleGrantSpec, AssumeRoleGrantStatus, GrantedRole, Trusted};
pub use notify::{NoticeKind, Notifier, Notify};
pub use reason::Reason;
pub use role::{CrossAccountRole, CrossAccountRoleSpec};
pub use status::{AccountEntry, CrossAccountRoleStatus, EntryState, LastAssumed, Mfa};
