//! How Kubernetes is: but for the lease and the commands, the only place that names `kube::Client`.
//!
//! ```text
//! watch ─► queue ─► reconcile: resolve ─► (intent) ─► looks ─► report
//!                                                   └─► work: observe ─► decide ─► apply
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`settings`] | what the flags mean |
//! | [`run`](mod@run) | the start, the lease, the four controllers |
//! | [`client`] | the client of Kubernetes |
//! | [`deadline`] | a request that nobody answers is given up |
//! | [`fenced`] | nothing is written to Kubernetes while the fence is closed |
//! | [`freshness`] | whether the caches are as new as Kubernetes itself |
//! | [`queues`] | where to ask for a look at something |
//! | `intake` | what is to be looked at waits here, and not in kube's queue |
//! | [`watch`] | the caches, and which change of theirs asks for a look at what |
//! | [`index`] | what is asked of all CrossAccountRoles together |
//! | [`context`] | what every reconcile shares |
//! | [`standing`], [`tally`] | how things stand, as `/metrics` tells it |
//! | [`memory`] | what this process saw |
//! | [`rooms`] | who is about to have a new role |
//! | [`reconcile`] | a CrossAccountRole: one screen |
//! | [`world`] | what is known of Kubernetes at one moment |
//! | [`looks`] | which role is being worked on, what came of it, when it is looked at again |
//! | [`task`] | what is to be done in one account |
//! | [`resolve`] | which accounts, which class, is this namespace allowed: from the caches alone |
//! | [`holding`] | what is to be done in an account that an object selects |
//! | `waiting` | looks that wait for their turn |
//! | [`work`] | one role in one account: observe, decide, apply |
//! | `telling` | Events on what was done |
//! | `recognising` | whether what an account shows is the role that this process knows |
//! | `ending` | ending access to the role of an object that is refused |
//! | `leaving` | leaving an account |
//! | [`verdict`] | what came of it |
//! | [`report`] | the status, computed once from all verdicts |
//! | [`removals`] | the brake, asked of all objects |
//! | [`write_back`] | patches of status and finalizers |
//! | [`events`] | Kubernetes Events |
//! | [`account`] | an AWSAccount: can it be entered, what does it show, is it in use |
//! | [`grants`] | an AssumeRoleGrant: the same steps, in one account |
//! | `orphans` | roles that carry our tags and that no object wants |
//! | [`feed`] | who used a role and who changed one, as CloudTrail tells |
//! | [`notifying`] | who is told of what happens to roles |
//! | [`discovery`] | AWSAccounts for the accounts of the organisation |
//! | [`class`] | an AccountClass: which accounts are of it |

pub mod account;
pub mod claims;
pub mod class;
pub mod client;
pub mod context;
pub mod deadline;
pub mod discovery;
mod ending;
pub mod events;
pub mod feed;
pub mod fenced;
pub mod freshness;
mod gather;
pub mod grants;
pub mod holding;
pub mod index;
mod intake;
mod leaving;
pub mod looks;
pub mod memory;
pub mod notifying;
pub mod orphans;
pub mod queues;
mod recognising;
pub mod reconcile;
pub mod removals;
pub mod report;
pub mod resolve;
pub mod rooms;
pub mod run;
pub mod settings;
pub mod standing;
pub mod tally;
pub mod task;
mod telling;
mod unreadable;
pub mod verdict;
mod waiting;
pub mod watch;
pub mod work;
pub mod world;
pub mod write_back;

pub use run::{cluster_id, run};
pub use settings::{Discovery, Settings};
