//! Pieces of work, and places to do them in: what the fault matrix and the crash matrix share.

#![allow(dead_code)]

pub mod claims;
pub mod ending;
pub mod place;
pub mod scenario;
