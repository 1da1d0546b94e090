//! Bad input gets a clear answer, at the earliest place that can know.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod apply;
mod condition;
mod contested;
mod notifiers;
mod said;
#[path = "../support/mod.rs"]
mod support;
