//! Who can assume which role, asked of the simulator and of MiniStack, an emulator that others wrote.
//!
//! | file | holds |
//! | --- | --- |
//! | `world.yaml` | who asks; what MiniStack cannot be asked, and where it says the opposite of AWS |
//! | `documents.yaml`, `documents` | trust policies as text, and what the two make of them |
//! | `roles/`, `manifests.yaml`, `roles` | roles that the operator made from objects, one for each kind of trust |
//! | `table` | the YAML's types |
//! | `access` | what `crossrole access` says of many roles, and whom MiniStack lets in |
//! | `judge`, `callers` | somewhere that speaks IAM's and STS's protocol, and the callers in it |
//! | `ministack` | MiniStack as a process |
//! | `report` | what became of each question, and the counts |
//!
//! A difference that no row explains fails the tests, and so does an explanation that no longer fits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod callers;
mod documents;
#[path = "../support/emulators.rs"]
mod emulators;
mod judge;
mod ministack;
#[path = "../support/python.rs"]
mod python;
mod report;
mod roles;
mod table;
