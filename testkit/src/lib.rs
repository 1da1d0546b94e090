//! Starts and stops what black-box tests and the demo need: a control plane, simulated AWS, the operator.
//!
//! | module | gives |
//! |---|---|
//! | [`control_plane`] | a real kube-apiserver with etcd, for one test; kubectl, helm, ServiceAccount tokens |
//! | [`api_proxy`] | what stands between the operator and the API server, and holds writes |
//! | [`watch_proxy`] | what stands between the operator and the API server, and keeps back what watches tell |
//! | [`chart`] | the Helm chart: rendered, installed, and how it runs the operator |
//! | [`chart_values`] | the chart's values, and the table of them in its README |
//! | [`operator`] | the operator as a process: started, killed, stopped |
//! | [`figures`] | what an operator tells of itself: health and figures |
//! | [`simulator`] | simulated AWS, and its admin interface |
//! | [`person`] | somebody with AWS credentials who assumes a role |
//! | [`scene`] | all of it together: accounts, bootstrap roles, the operator |
//! | [`process`] | any child process: its log, waiting for it, its sure end |
//! | [`mod@reference`] | pages of the book that are made: fields, commands |
//! | [`mod@wait`] | waiting until something becomes true |
//! | [`tools`] | where kube-apiserver, etcd, kubectl and helm are |

// A test may panic; the library may not.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod api_proxy;
mod behind;
pub mod chart;
pub mod chart_values;
pub mod control_plane;
pub mod figures;
pub mod operator;
pub mod person;
pub mod process;
pub mod reference;
pub mod scene;
pub mod simulator;
pub mod tools;
pub mod wait;
pub mod watch_proxy;

mod certificates;
mod cli;
mod error;

pub use api_proxy::ApiProxy;
pub use chart::Chart;
pub use cli::Output;
pub use control_plane::{ControlPlane, ControlPlaneOptions};
pub use error::Error;
pub use figures::Figures;
pub use operator::Operator;
pub use process::Process;
pub use scene::Scene;
pub use simulator::Simulator;
pub use wait::eventually;
pub use watch_proxy::WatchProxy;
