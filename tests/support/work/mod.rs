//! Pieces of work, and places to do them in: what the fault matrix and the crash matrix share.

#![allow(dead_code)]

pub mod claims;
pub mod ending;
pub mod grants;
pub mod place;
#[path = "../root.rs"]
pub mod root;
pub mod scenario;
