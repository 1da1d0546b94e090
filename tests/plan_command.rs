//! `crossrole plan`: golden plans, the command itself, and a look at accounts that writes nothing.
//!
//! A case is a file of manifests in `tests/cases`; beside it stands the plan as text. What an account holds is said by
//! an object of kind `Held`, which only this test knows (see `plan_command/held.rs`). `UPDATE_CASES=1` rewrites the
//! plans; read the difference before it is committed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "plan_command/cases.rs"]
mod cases;
#[path = "plan_command/command.rs"]
mod command;
#[path = "plan_command/held.rs"]
mod held;
#[path = "plan_command/live.rs"]
mod live;
