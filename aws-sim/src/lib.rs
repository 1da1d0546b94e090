//! A simulated AWS IAM and STS over the real wire protocol, for demos, tests and benchmarks.
//!
//! | module | what it knows |
//! |---|---|
//! | `server`, `connection`, `gateway` | two ports; connections that can be cut; one call from request to answer |
//! | `wire` | query parameters in, XML out, errors, pages |
//! | `call`, `authorize` | who calls, and what the caller's own policies allow |
//! | `iam`, `sts` | the actions |
//! | `policy` | documents: grammar, conditions, evaluation, trust |
//! | `world` | accounts, roles, users, credentials, the clock |
//! | `calls`, `faults`, `chance` | the record of calls; what goes wrong on demand, and the seeds of it |
//! | `admin` | the JSON interface that sets all this up and looks into it |
//! | `fuzzing` | one call without a port, for `make fuzz` |
//!
//! It shares no code with the operator on purpose: two programs that read the same rules from the same code agree even
//! where both are wrong.

mod admin;
mod authorize;
mod call;
mod calls;
mod chance;
mod connection;
mod faults;
#[cfg(fuzzing)]
pub mod fuzzing;
mod gateway;
mod iam;
mod policy;
mod server;
mod sts;
mod wire;
mod world;

pub use server::{Server, Settings};
