//! Flags → settings: what was typed, and what is meant by it.

mod feed;
mod notices;
mod queue;
mod tools;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use crossrole_iam::{Arn, PrincipalArn};
use crossrole_plan::declaration::OrganizationId;
use crossrole_plan::duration;

use crate::aws::OrganizationRole;
use crate::bootstrap_command::Format;
use crate::controller::{Discovery, Settings};
use crate::lease;
use crate::plan_command::OutputFormat;
use crate::telemetry::LogFormat;

pub use feed::FeedFlags;
pub use notices::NoticeFlags;
pub use queue::QueueFlags;
pub use tools::{AccessFlags, ImportFlags, ObjectFlags, ProfilesFlags};

/// Keeps IAM roles true in many AWS accounts.
#[derive(Debug, Parser)]
#[command(name = "crossrole", version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the operator.
    #[command(args_override_self = true)]
    Run(RunFlags),
    /// Print what would happen to each role in each account. Writes nothing.
    ///
    /// Exit code 0: nothing to do (without --live: nothing is refused). 1: something is refused or failed. 2: with
    /// --live, something would change.
    Plan(PlanFlags),
    /// List the roles that carry this cluster's tags although no object wants them, and remove those that are named.
    ///
    /// Reads the cluster, and the accounts as the operator itself: run it where the operator runs, or with its identity.
    /// Exit code 0: no orphan is left of those that were asked for. 1: something failed or was refused. 2: there are
    /// orphans.
    Orphans(OrphansFlags),
    /// Look from the operator's identity into each account, and say what is missing, on which side, and what mends it.
    /// Writes nothing.
    ///
    /// Exit code 0: nothing is wrong. 1: there is a problem.
    Doctor(DoctorFlags),
    /// Print what AWS accounts need before crossrole can work there: the bootstrap role with its trust and its rights, and
    /// the boundary of every role. Calls neither AWS nor Kubernetes.
    Bootstrap(BootstrapFlags),
    /// Print who can get into which account's roles, and how: as text, JSON, CSV, or one page for a browser.
    ///
    /// Reads the cluster as kubectl does, or files. Calls no AWS, and writes nothing.
    Access(AccessFlags),
    /// Print profiles for the AWS CLI, and links for the console, for the roles that a principal or an account may assume.
    ///
    /// Reads the cluster as kubectl does, or files. A role that a profile cannot open is left out; why is said on standard
    /// error.
    Profiles(ProfilesFlags),
    /// Print the CrossAccountRoles that declare exactly what existing roles are, so that crossrole can take them over.
    ///
    /// Reads an account with the caller's own identity, or through a bootstrap role; writes nothing. Exit code 0: every role
    /// is declared. 1: some cannot be, for the reasons that are said on standard error.
    Import(ImportFlags),
    /// Print a script that completes what is typed.
    Completion {
        /// For this shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the CustomResourceDefinitions, or write them into files.
    Crd {
        /// Write one file for each kind into this folder.
        #[arg(long)]
        output_dir: Option<PathBuf>,
    },
}

/// Flags of `crossrole run`.
#[derive(Debug, Args)]
pub struct RunFlags {
    /// How often an object is looked at although nothing asks for it: from 1s to 24h.
    #[arg(long, env = "CROSSROLE_RESYNC_INTERVAL", default_value = "10m", value_parser = interval)]
    resync_interval: Duration,
    /// At most so many removals that nobody asked for by name (after a change of a label, a selector or an AWSAccount) run at
    /// once, or a tenth of all roles, if that is more. Where there are more, none runs until a person releases it.
    #[arg(long, env = "CROSSROLE_MAX_REMOVALS", default_value_t = 10)]
    max_removals: usize,
    /// How long IAM may take until a role that was just made is seen everywhere: from 1s to 1h. So long, the absence of
    /// a role that is to be removed is not believed.
    #[arg(long, env = "CROSSROLE_PROPAGATION_DELAY", default_value = "2m", value_parser = propagation)]
    propagation_delay: Duration,
    /// Names this cluster in the tags of its roles. Default: the uid of the namespace kube-system.
    #[arg(long, env = "CROSSROLE_CLUSTER_ID", value_parser = cluster_id)]
    cluster_id: Option<String>,
    /// The id of a cluster that was rebuilt as this one. The roles that it held are taken over by the objects of the
    /// same namespace and name: their tags are changed, nothing else.
    #[arg(long, env = "CROSSROLE_TAKE_OVER_FROM", value_name = "CLUSTER_ID", value_parser = cluster_id)]
    take_over_from: Option<String>,
    /// Keep AWSAccounts for the accounts of the organisation, as spec.discovery of the AccountClasses says. The operator's
    /// identity must be of the management account or of a delegated administrator.
    #[arg(long, env = "CROSSROLE_DISCOVER_ORGANIZATION", num_args = 0..=1, require_equals = true, default_value_t = false,
        default_missing_value = "true", action = clap::ArgAction::Set)]
    discover_organization: bool,
    /// Read the organisation as this role, instead of as the operator itself.
    #[arg(long, env = "CROSSROLE_ORGANIZATION_ROLE", value_name = "ARN")]
    organization_role: Option<OrganizationRole>,
    #[command(flatten)]
    queue: QueueFlags,
    #[command(flatten)]
    notices: NoticeFlags,
    /// Work only while holding a lease, so that of several operators one works and the others stand by.
    #[arg(long, env = "CROSSROLE_LEADER_ELECT", num_args = 0..=1, require_equals = true, default_value_t = false,
        default_missing_value = "true", action = clap::ArgAction::Set)]
    leader_elect: bool,
    /// So long after the last renewal, others leave its holder the lease.
    #[arg(long, env = "CROSSROLE_LEADER_ELECT_LEASE_DURATION", default_value = "15s", value_parser = lease_time)]
    leader_elect_lease_duration: Duration,
    /// So long after the last renewal, its holder still works. Shorter than the lease.
    #[arg(long, env = "CROSSROLE_LEADER_ELECT_RENEW_DEADLINE", default_value = "10s", value_parser = lease_time)]
    leader_elect_renew_deadline: Duration,
    /// How often the lease is renewed, and looked at by others.
    #[arg(long, env = "CROSSROLE_LEADER_ELECT_RETRY_PERIOD", default_value = "2s", value_parser = lease_time)]
    leader_elect_retry_period: Duration,
    /// The name of the lease. All operators of a cluster need the same one, or two would work at once.
    #[arg(long, env = "CROSSROLE_LEADER_ELECT_NAME", default_value = "crossrole")]
    leader_elect_name: String,
    /// The namespace of the lease. Default: the one that the operator runs in.
    #[arg(long, env = "POD_NAMESPACE")]
    leader_elect_namespace: Option<String>,
    /// Where health (/healthz, /readyz) and figures (/metrics) are told, as `0.0.0.0:8080`. Empty: nowhere.
    #[arg(long, env = "CROSSROLE_METRICS_ADDRESS", default_value = "0.0.0.0:8080", value_parser = listen)]
    pub metrics_address: Listen,
    /// Which parts log how much, as `info` or `warn,crossrole=debug`.
    #[arg(long, env = "CROSSROLE_LOG", default_value = "info")]
    pub log: String,
    /// A file in which that stands, and counts instead; a change of it counts within seconds, without a restart. While
    /// the file is empty or not there, --log counts.
    #[arg(long, env = "CROSSROLE_LOG_FILTER_FILE", value_name = "FILE")]
    pub log_filter_file: Option<PathBuf>,
    /// How the log is written.
    #[arg(long, env = "CROSSROLE_LOG_FORMAT", default_value = "text", value_enum)]
    pub log_format: LogFormat,
}

/// An address to listen at, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen(pub Option<SocketAddr>);

/// Flags of `crossrole plan`.
#[derive(Debug, Args)]
pub struct PlanFlags {
    /// Files, folders (their YAML and JSON files), or - for standard input: CrossAccountRoles, AWSAccounts,
    /// AccountClasses and Namespaces.
    #[arg(short, long, required = true, num_args = 1.., value_name = "FILES")]
    pub filename: Vec<PathBuf>,
    /// The namespace of objects that name none.
    #[arg(short, long, default_value = "default")]
    pub namespace: String,
    /// Compare with what the accounts hold. Needs the operator's identity; reads only.
    #[arg(long, requires = "cluster_id")]
    pub live: bool,
    /// Names the cluster in the tags of its roles: the uid of the namespace kube-system, unless the operator was told
    /// otherwise.
    #[arg(long, env = "CROSSROLE_CLUSTER_ID", value_parser = cluster_id)]
    pub cluster_id: Option<String>,
    /// How the outcome is written.
    #[arg(short, long, default_value = "text", value_enum)]
    pub output: OutputFormat,
}

/// Flags of `crossrole orphans`.
#[derive(Debug, Args)]
pub struct OrphansFlags {
    /// Look at these AWSAccounts alone. Default: all that are Active.
    #[arg(short, long, num_args = 1.., value_name = "NAMES", conflicts_with = "remove")]
    pub account: Vec<String>,
    /// Remove these roles, and no others. Each must be an orphan at this moment.
    #[arg(long, num_args = 1.., value_name = "ARNS", value_parser = arn)]
    pub remove: Vec<Arn>,
    /// Names the cluster in the tags of its roles. Default: the uid of the namespace kube-system.
    #[arg(long, env = "CROSSROLE_CLUSTER_ID", value_parser = cluster_id)]
    pub cluster_id: Option<String>,
    /// The id of a cluster that was rebuilt as this one, as the operator has it: its roles are orphans too.
    #[arg(long, env = "CROSSROLE_TAKE_OVER_FROM", value_name = "CLUSTER_ID", value_parser = cluster_id)]
    pub take_over_from: Option<String>,
    /// How the outcome is written.
    #[arg(short, long, default_value = "text", value_enum)]
    pub output: OutputFormat,
}

/// Flags of `crossrole doctor`.
#[derive(Debug, Args)]
pub struct DoctorFlags {
    /// Files, folders (their YAML and JSON files), or - for standard input: AWSAccounts and their AccountClasses.
    #[arg(short, long, required = true, num_args = 1.., value_name = "FILES")]
    pub filename: Vec<PathBuf>,
    /// Of the AWSAccounts only these, by name.
    #[arg(long, num_args = 1.., value_name = "NAME")]
    pub account: Vec<String>,
    /// The operator gets its role by EKS Pod Identity, so each account must let its sessions carry tags.
    #[arg(long)]
    pub pod_identity: bool,
    /// How the outcome is written.
    #[arg(short, long, default_value = "text", value_enum)]
    pub output: OutputFormat,
}

/// Flags of `crossrole bootstrap`.
#[derive(Debug, Args)]
pub struct BootstrapFlags {
    /// What is printed.
    #[arg(long, value_enum)]
    pub format: Format,
    /// The AccountClass whose accounts are meant. With --events, none means all.
    #[arg(long, required_unless_present = "events")]
    pub class: Option<String>,
    /// Files, folders (their YAML and JSON files), or - for standard input: the AccountClass and its AWSAccounts.
    #[arg(short, long, required = true, num_args = 1.., value_name = "FILES")]
    pub filename: Vec<PathBuf>,
    /// Of the class's AWSAccounts only these, by name.
    #[arg(long, num_args = 1.., value_name = "NAME")]
    pub account: Vec<String>,
    /// The role (or user) that the operator itself runs as.
    #[arg(long, value_name = "ARN")]
    pub operator_role: PrincipalArn,
    /// The organisation that the operator's role must belong to.
    #[arg(long, value_name = "ID", value_parser = organization)]
    pub organization: Option<OrganizationId>,
    /// The operator gets its role by EKS Pod Identity, which puts tags on its sessions.
    #[arg(long)]
    pub pod_identity: bool,
    /// The operator runs with --discover-organization: its own role may read the organisation.
    #[arg(long)]
    pub discover_organization: bool,
    /// It reads the organisation as this role, as with its own flag --organization-role: that role's documents are among
    /// the files, and the operator's own role may assume it.
    #[arg(long, requires = "discover_organization", value_name = "ARN")]
    pub organization_role: Option<PrincipalArn>,
    /// The policy document of the boundary, instead of the usual one, which allows everything but identities.
    #[arg(long, value_name = "FILE")]
    pub boundary_document: Option<PathBuf>,
    /// The boundary policy is there already: it is named, and not made.
    #[arg(long, conflicts_with = "boundary_document")]
    pub boundary_exists: bool,
    /// What sends events.
    #[command(flatten)]
    pub feed: FeedFlags,
    /// Write files into this folder instead of printing. With --events, and for the format files, it must be said.
    #[arg(
        long,
        required_if_eq("format", "files"),
        required_if_eq("events", "true"),
        value_name = "FOLDER"
    )]
    pub output_dir: Option<PathBuf>,
}

impl RunFlags {
    /// What is meant.
    pub fn settings(&self) -> Settings {
        Settings {
            resync_interval: self.resync_interval,
            max_removals: self.max_removals,
            propagation_delay: self.propagation_delay,
            cluster_id: self.cluster_id.clone(),
            take_over_from: self.take_over_from.clone(),
            discovery: self.discover_organization.then(|| Discovery {
                role: self.organization_role.clone(),
            }),
            event_queue: self.queue.url(),
            notices: self.notices.settings(),
        }
    }

    /// The times of the lease, where one is needed.
    ///
    /// # Errors
    /// Times that do not fit together.
    pub fn lease_times(&self) -> Result<Option<lease::Times>, String> {
        let times = || {
            lease::Times::new(
                self.leader_elect_lease_duration,
                self.leader_elect_renew_deadline,
                self.leader_elect_retry_period,
            )
        };
        self.leader_elect.then(times).transpose()
    }

    /// Which lease, and who we are. `default_namespace` is the one that the operator runs in, where nothing else was said.
    pub fn lease(&self, times: lease::Times, default_namespace: &str) -> lease::Settings {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let pod = variable("POD_NAME").or_else(|| variable("HOSTNAME"));
        let namespace = self.leader_elect_namespace.clone().filter(|name| !name.is_empty());
        lease::Settings {
            namespace: namespace.unwrap_or_else(|| default_namespace.to_string()),
            name: self.leader_elect_name.clone(),
            identity: lease::identity(&pod.unwrap_or_else(|| crossrole_api::names::CONTROLLER.into())),
            times,
        }
    }
}

fn organization(text: &str) -> Result<OrganizationId, String> {
    text.parse()
}

fn interval(text: &str) -> Result<Duration, String> {
    between(text, 86_400).ok_or_else(|| "write a duration from 1s to 24h, such as 10m".to_string())
}

fn lease_time(text: &str) -> Result<Duration, String> {
    between(text, 3_600).ok_or_else(|| "write a duration from 1s to 1h, such as 15s".to_string())
}

fn propagation(text: &str) -> Result<Duration, String> {
    between(text, 3_600).ok_or_else(|| "write a duration from 1s to 1h, such as 2m".to_string())
}

fn between(text: &str, most: u32) -> Option<Duration> {
    let seconds = duration::seconds(text).filter(|seconds| (1..=most).contains(seconds))?;
    Some(Duration::from_secs(u64::from(seconds)))
}

fn listen(text: &str) -> Result<Listen, String> {
    if text.is_empty() {
        return Ok(Listen(None));
    }
    let address = text.parse();
    address
        .map(|address| Listen(Some(address)))
        .map_err(|_| "write an IP address and a port, such as 0.0.0.0:8080 or [::]:8080, or nothing".to_string())
}

fn arn(text: &str) -> Result<Arn, String> {
    text.parse().map_err(|error| format!("{error}"))
}

// It becomes the value of a tag.
fn cluster_id(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("must not be empty: leave the flag out for the uid of kube-system".into());
    }
    crossrole_iam::check_tag_value(text).map_err(|error| error.to_string())?;
    Ok(text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(arguments: &[&str]) -> RunFlags {
        let all = ["crossrole", "run"].into_iter().chain(arguments.iter().copied());
        match Cli::try_parse_from(all).unwrap().command {
            Command::Run(flags) => flags,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_lease_is_wanted_only_where_it_was_asked_for() {
        assert_eq!(run(&[]).lease_times(), Ok(None));
        let second = Duration::from_secs(1);
        let default = lease::Times::new(15 * second, 10 * second, 2 * second);
        assert_eq!(run(&["--leader-elect"]).lease_times(), default.map(Some));
        // What comes later counts, as with every flag.
        assert_eq!(run(&["--leader-elect", "--leader-elect=false"]).lease_times(), Ok(None));
    }

    #[test]
    fn the_organization_is_read_only_where_that_was_asked_for() {
        let role = "--organization-role=arn:aws:iam::111111111111:role/reader";
        assert_eq!(run(&[role]).settings().discovery, None);
        let own = Some(Discovery { role: None });
        assert_eq!(run(&["--discover-organization"]).settings().discovery, own);
        let role = run(&["--discover-organization", role]).settings().discovery;
        assert!(role.is_some_and(|discovery| discovery.role.is_some()));
        assert!(Cli::try_parse_from(["crossrole", "run", "--organization-role=reader"]).is_err());
    }

    #[test]
    fn there_is_a_feed_only_where_a_queue_is_named() {
        let queue = |arguments: &[&str]| run(arguments).settings().event_queue;
        assert_eq!(queue(&[]), None);
        assert_eq!(queue(&["--event-queue-url="]), None);
        let url = "https://sqs.eu-central-1.amazonaws.com/111111111111/crossrole-events";
        assert_eq!(queue(&[&format!("--event-queue-url={url}")]), url.parse().ok());
        let unsafe_url = "--event-queue-url=http://sqs.eu-central-1.amazonaws.com/111111111111/crossrole-events";
        assert!(Cli::try_parse_from(["crossrole", "run", unsafe_url]).is_err());
    }

    #[test]
    fn notices_never_go_to_loopback_unless_a_test_says_so() {
        let settings = |arguments: &[&str]| run(arguments).settings().notices;
        assert_eq!(settings(&[]), crate::notices::Settings::default());
        assert!(!settings(&[]).allow_loopback);
        let told = settings(&["--notifier-secrets-dir=/etc/x", "--allow-loopback-notifiers"]);
        assert_eq!(told.secrets_dir.as_deref(), Some(std::path::Path::new("/etc/x")));
        assert!(told.allow_loopback);
    }

    #[test]
    fn figures_are_told_at_a_port_or_nowhere() {
        let at = |address: &str| Listen(Some(address.parse().unwrap()));
        assert_eq!(run(&[]).metrics_address, at("0.0.0.0:8080"));
        assert_eq!(run(&["--metrics-address=[::]:9090"]).metrics_address, at("[::]:9090"));
        assert_eq!(run(&["--metrics-address="]).metrics_address, Listen(None));
        assert!(Cli::try_parse_from(["crossrole", "run", "--metrics-address=:8080"]).is_err());
    }

    #[test]
    fn times_of_the_lease_that_do_not_fit_together_are_refused() {
        let flags = run(&["--leader-elect", "--leader-elect-lease-duration=5s"]);
        assert!(flags.lease_times().is_err_and(|error| error.contains("must be longer")));
        assert!(Cli::try_parse_from(["crossrole", "run", "--leader-elect-retry-period=0s"]).is_err());
    }

    #[test]
    fn the_lease_is_in_the_namespace_that_was_named() {
        let flags = run(&[
            "--leader-elect",
            "--leader-elect-namespace=east",
            "--leader-elect-name=one",
        ]);
        let times = flags.lease_times().unwrap().unwrap();
        let settings = flags.lease(times, "default");
        assert_eq!((settings.namespace.as_str(), settings.name.as_str()), ("east", "one"));
        let flags = run(&["--leader-elect", "--leader-elect-namespace="]);
        assert_eq!(flags.lease(times, "default").namespace, "default");
    }
}
