//! crossrole: a Kubernetes operator that keeps IAM roles true in many AWS accounts.
//!
//! ```text
//! api, iam ─► plan ─► aws, controller ─► cli
//! ```
//!
//! | where | what |
//! |---|---|
//! | [`api`] | what users write |
//! | [`iam`] | what IAM means |
//! | [`plan`] | what to do: pure decisions |
//! | [`aws`] | how AWS is touched |
//! | [`controller`] | how Kubernetes is |
//! | [`notices`] | somebody is told what happened to a role |
//! | [`metrics`], [`health`], [`server`] | figures, and whether the process is alive and ready |
//! | [`telemetry`] | the log |
//! | [`notices`] | what notifiers are told |
//! | [`lease`], [`fence`] | of several operators, one works; no call is sent without the lease |
//! | [`manifests`] | files → objects, for the commands |
//! | [`access_command`] | `crossrole access`: who can get in where |
//! | [`bootstrap_command`] | `crossrole bootstrap`: what an account needs before crossrole can get in |
//! | [`doctor_command`] | `crossrole doctor`: what is wrong with the way into the accounts |
//! | [`import_command`] | `crossrole import`: existing roles as objects |
//! | [`plan_command`] | `crossrole plan`: what would happen, before anything does |
//! | [`profiles_command`] | `crossrole profiles`: profiles and links for those who are trusted |
//! | [`orphans_command`] | `crossrole orphans`: roles of ours that no object wants |
//! | `output` | what commands print |
//! | [`cli`] | flags → settings |
//!
//! The first three are packages of their own, so that nothing in them can name a client. Start with
//! [`controller::reconcile`]: it reads like the whole.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub use {crossrole_api as api, crossrole_iam as iam, crossrole_plan as plan};

pub mod access_command;
pub mod aws;
pub mod bootstrap_command;
pub mod cli;
pub mod controller;
pub mod doctor_command;
pub mod fence;
pub mod health;
pub mod import_command;
pub mod lease;
pub mod manifests;
pub mod metrics;
pub mod notices;
pub mod orphans_command;
pub mod output;
pub mod plan_command;
pub mod profiles_command;
pub mod server;
pub mod telemetry;
