//! What to do: pure decisions. No client, no clock, no async runtime; whatever varies is passed in.
//!
//! ```text
//! resolve ─► observe ─► decide ─► guard ─► apply ─► report
//! select                desired   guard    change    outcome
//! claim                 diff
//! brake                 teardown
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`access`] | who can get in where: a trust policy, principal by principal |
//! | [`account`] | an AWS account, as its object states it |
//! | [`bootstrap`] | how crossrole gets into an account |
//! | [`doctor`] | what is wrong with the way into an account |
//! | [`kit`] | what an account needs for it: trust, rights, the boundary |
//! | [`rules`] | an AccountClass, parsed |
//! | [`declaration`] | a CrossAccountRole, parsed: what cannot be is refused here |
//! | [`substitute`] | what an account says of itself, put into inline policy documents |
//! | [`select`] | which accounts an object selects, which it leaves |
//! | [`claim`] | which of several objects may have a role of one name |
//! | [`feed`] | what CloudTrail tells: who used a role, and who changed one |
//! | [`discovery`] | the accounts of an organisation as AWSAccounts |
//! | [`brake`] | the limit on removals that nobody asked for by name |
//! | [`trust`] | the trust policy that a declaration means |
//! | [`desired`] | the role that an account shall hold |
//! | [`import`] | an existing role as an object that declares exactly it |
//! | [`lifecycle`] | when a role can be used, and by which sessions |
//! | `revocation` | the policy that ends older sessions |
//! | `window` | the dates in a trust policy |
//! | [`grant`] | the trusted side: leave to assume roles, by the same steps and laws |
//! | [`guard`] | the class's guardrails |
//! | [`ending`] | what ends access to a role although its object is refused |
//! | [`quota`] | IAM's quotas, before the first write |
//! | [`observed`] | the role that an account holds |
//! | [`owner`] | whose a role is |
//! | [`change`] | one IAM call; [`change::Plan`] is an ordered list of them |
//! | [`effect`] | what an account holds after a change |
//! | `admission` | whom one trust policy lets in and another does not |
//! | [`diff`] | the changes from what is observed to what is desired, in an order of which every prefix is safe |
//! | `order` | that order, as far as it bears on what a session can do |
//! | `policy_change` | one inline policy in that order |
//! | [`teardown`] | the changes that remove a role, or let go of it |
//! | [`decide`] | all of the above for one role in one account |
//! | [`outcome`] | what a failure means for the entry in status, and when to look again |
//! | [`notify`] | who is told of what happens to roles |
//! | [`profile`] | what a trusted principal needs to assume a role from the command line or the console |
//! | [`text`] | what of somebody's text can be shown |
//! | [`refusal`] | a reason, a field and a way out |
//!
//! A security reviewer who reads this package and `iam` knows everything that the operator can do to an account.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod access;
pub mod account;
mod admission;
pub mod bootstrap;
pub mod brake;
pub mod change;
pub mod claim;
pub mod decide;
pub mod declaration;
pub mod desired;
pub mod diff;
pub mod discovery;
pub mod doctor;
pub mod duration;
pub mod effect;
pub mod ending;
pub mod feed;
pub mod grant;
pub mod guard;
pub mod import;
pub mod kit;
#[cfg(test)]
mod laws;
pub mod lifecycle;
pub mod notify;
pub mod observed;
mod order;
pub mod outcome;
pub mod owner;
mod policy_change;
pub mod profile;
pub mod quota;
pub mod refusal;
mod revocation;
pub mod rules;
pub mod select;
pub mod substitute;
mod tags;
pub mod teardown;
#[cfg(test)]
mod testing;
pub mod text;
pub mod trust;
mod window;
