//! What the book says is what the code does: `README.md`, `docs/`, `examples/` and the chart's README.
//!
//! | module | holds |
//! |---|---|
//! | `bootstrap` | the bootstrap role and its examples |
//! | `links` | the table of contents, links, anchors, tests that a page names |
//! | `reference` | every field, flag and reason |
//! | `release` | the version, wherever it stands |
//! | `telemetry` | every metric, every field of the log |
//! | `manifests` | every block of YAML is taken by the API server, or by the chart |
//! | `commands` | every block of commands runs, page after page, against a real API server and simulated AWS |
//!
//! A comment right above a block says what is special about it:
//!
//! | comment | means |
//! |---|---|
//! | `<!-- not run: needs a real AWS account -->` | commands that cannot run here; the other reasons are `builds for minutes`, `needs Pods`, `needs files of your own` and `needs the tools of a release` |
//! | `<!-- part of: AWSAccount -->` | a piece of that kind; a piece without it is of a CrossAccountRole |
//! | `<!-- values of the chart -->` | what `helm` is given with `--values` |
//!
//! Commands stand in blocks of `console`. Where lines begin with `$ `, the others are what the commands print, and that is
//! compared, but for ages and the width of columns.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bootstrap;
mod commands;
mod links;
mod manifests;
mod page;
mod reference;
mod release;
#[path = "../support/mod.rs"]
mod support;
mod telemetry;
