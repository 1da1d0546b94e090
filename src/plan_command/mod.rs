//! `crossrole plan`: what will happen, as text or JSON, before anything does.
//!
//! It goes the operator's own way: [`resolve`](crate::controller::resolve) with its guardrails, the quotas, and the
//! plan of changes. Offline it shows what would be made where nothing is; with `--live` it reads the accounts through
//! the same bootstrap roles and shows what would change. It writes nothing.
//!
//! | module | holds |
//! |---|---|
//! | [`survey`] | objects → what is to be done, role by role and account by account |
//! | [`report`] | the outcome: text, exit code |
//! | `json` | the outcome as JSON |

mod json;
pub mod report;
pub mod survey;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use crossrole_plan::observed::Observed;
use crossrole_plan::quota::Quotas;
use futures::{StreamExt, stream};

use jiff::Timestamp;

use crate::aws::{Accounts, Age, CallError, Depth, Entrance, Hub};
use crate::cli::PlanFlags;
use crate::fence::Fence;
use crate::manifests::Manifests;
use crate::metrics::Metrics;
use crate::output;
use report::{Finding, Line, Report};
use survey::{Item, Survey, Wanted};

/// Roles that are read at the same time.
const READS_AT_ONCE: usize = 32;

/// Stands in the tag `crossrole.dev/cluster` where nobody says which cluster it is.
const SOME_CLUSTER: &str = "<cluster id>";

/// How the outcome is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// As a person reads it.
    Text,
    /// As a program does.
    Json,
}

/// Reads the files, finds out what would happen, and prints it.
///
/// The exit code is 1 where something is refused or failed, with `--live` 2 where something would change, and 0
/// otherwise.
///
/// # Errors
/// Files that cannot be read, or an identity that AWS does not know.
pub async fn run(flags: &PlanFlags) -> Result<ExitCode, Box<dyn Error>> {
    let manifests = Manifests::read_roles(&flags.filename, &flags.namespace)?;
    let cluster = flags.cluster_id.as_deref().unwrap_or(SOME_CLUSTER);
    let report = if flags.live {
        live(&manifests, cluster).await?
    } else {
        offline(&manifests, cluster)
    };
    let text = match flags.output {
        OutputFormat::Text => {
            for note in &report.notes {
                eprintln!("note: {note}");
            }
            report.to_string()
        }
        OutputFormat::Json => format!("{:#}\n", report.to_json()),
    };
    output::print(&text)?;
    Ok(ExitCode::from(report.exit_code()))
}

/// What would be made where nothing is.
pub fn offline(manifests: &Manifests, cluster: &str) -> Report {
    let survey = Survey::of(manifests, None, cluster, Timestamp::now());
    let found = survey.items().into_iter();
    let lines = found.map(|item| item.line(|item, wanted| item.decide(wanted, &Observed::Absent, &Quotas::default())));
    Report::new(lines.collect(), manifests.notes.clone(), false)
}

async fn live(manifests: &Manifests, cluster: &str) -> Result<Report, CallError> {
    let hub = Hub::load(Fence::open()).await?;
    let survey = Survey::of(manifests, Some(&hub.identity), cluster, Timestamp::now());
    // Nothing is written here, so nothing that is read is in doubt.
    let (accounts, _recoveries) = Accounts::new(
        hub.clone(),
        vec![cluster.to_string()],
        Duration::ZERO,
        Metrics::default(),
    );
    // Which roles are new is known once the accounts were read.
    let wanted = survey.items_without_limit();
    let looks: Vec<_> = wanted.iter().map(|item| look(&accounts, item)).collect();
    let found: Vec<Option<Found>> = stream::iter(looks).buffered(READS_AT_ONCE).collect().await;
    let own = |(item, found): (&Item, &Option<Found>)| match found {
        Some(Ok((observed, _))) => item.own(Some(observed)),
        Some(Err(_)) => item.own(None),
        None => None,
    };
    let there = wanted.iter().zip(&found).filter_map(own).collect();
    let items = survey.items_beside(&there).into_iter();
    let lines = items.zip(&found).map(|(item, found)| line(&item, found.as_ref()));
    Ok(Report::new(lines.collect(), manifests.notes.clone(), true))
}

/// What an account holds and has room for.
type Found = Result<(Observed, Quotas), CallError>;

async fn look(accounts: &Accounts, item: &Item) -> Option<Found> {
    match item.wanted() {
        Some(wanted) => Some(read(accounts, wanted).await),
        None => None,
    }
}

fn line(item: &Item, found: Option<&Found>) -> Line {
    item.line(|item, wanted| match found {
        Some(Ok((observed, quotas))) => item.decide(wanted, observed, quotas),
        Some(Err(error)) => Finding::Failed {
            message: error.to_string(),
        },
        None => Finding::Failed {
            message: "the account was not read".to_string(),
        },
    })
}

async fn read(accounts: &Accounts, wanted: Wanted<'_>) -> Result<(Observed, Quotas), CallError> {
    let handle = accounts.account(&Entrance {
        read_only: true,
        ..wanted.entrance().clone()
    });
    let seen = handle.observe(wanted.role(), Depth::Declared, Age::New).await?;
    Ok((seen.observed, handle.quotas().await?))
}
