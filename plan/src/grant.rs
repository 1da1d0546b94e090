//! A grant: leave to assume roles, on the trusted side. IAM needs both sides to say yes.
//!
//! In one account it is a customer managed policy (several where one would be too long) that is attached to groups and
//! roles. Only what grants need is here; whose a policy is ([`crate::owner`]), what a document means
//! ([`crate::observed`]), what a refusal and a failure are, is the same as for roles.
//!
//! | module | holds |
//! |---|---|
//! | `rules` | what a class lets grants do |
//! | `grantee` | a group or a role that is given leave |
//! | `desired` | the policies that an account shall hold |
//! | `observed` | those that it holds |
//! | `change` | one IAM call |
//! | `decide` | the changes, of which every prefix is safe |
//! | `order` | their order, in which nobody is shut out in between |
//! | `effect` | what an account holds after a change |
//! | `gives` | what an account's policies give now |
//! | `guard` | what the class does not allow |
//! | `trusted` | whether the other side admits who is given leave |

mod change;
mod decide;
mod desired;
mod effect;
mod gives;
mod grantee;
mod guard;
#[cfg(test)]
mod laws;
mod observed;
mod order;
mod rules;
#[cfg(test)]
mod tests;
mod trusted;

pub use change::{GrantChange, GrantPlan};
pub use decide::{Seen, converge, lacking, leave, narrow};
pub use desired::{Allows, DesiredGrant, Grant, Part, number_of, policies_path};
pub use effect::{Made, apply};
pub use gives::{Gives, gives};
pub use grantee::{Grantee, Holder, HolderKind};
pub use guard::{Request, judge, keeping, nobody_grants};
pub use observed::{ObservedGrant, ObservedPolicy};
pub use rules::{GrantRole, GrantRules};
pub use trusted::{admits, allows, names_account};
