//! The `crossrole` program.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};
use crossrole::aws::Hub;
use crossrole::cli::{
    AccessFlags, Cli, Command, DoctorFlags, ImportFlags, OrphansFlags, PlanFlags, ProfilesFlags, RunFlags,
};
use crossrole::fence::Fence;
use crossrole::health::{Health, Phase};
use crossrole::lease::Candidate;
use crossrole::metrics::Metrics;
use crossrole::{
    access_command, api, bootstrap_command, controller, doctor_command, import_command, orphans_command, output,
    plan_command, profiles_command, server, telemetry,
};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinError;

/// What takes memory from the system, and gives it back.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = match parsed() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            // Not 2, which clap would choose: `crossrole plan` says by it that something would change.
            return if error.use_stderr() {
                ExitCode::FAILURE
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let result = match cli.command {
        Command::Run(flags) => run(&flags).map(|()| ExitCode::SUCCESS),
        Command::Plan(flags) => plan(&flags),
        Command::Orphans(flags) => orphans(&flags),
        Command::Doctor(flags) => doctor(&flags),
        Command::Bootstrap(flags) => bootstrap_command::run(&flags).map(|()| ExitCode::SUCCESS),
        Command::Access(flags) => access(&flags).map(|()| ExitCode::SUCCESS),
        Command::Profiles(flags) => profiles(&flags).map(|()| ExitCode::SUCCESS),
        Command::Import(flags) => import(&flags),
        Command::Completion { shell } => print_completion(shell).map(|()| ExitCode::SUCCESS),
        Command::Crd { output_dir } => print_crds(output_dir.as_deref()).map(|()| ExitCode::SUCCESS),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("crossrole: {}", telemetry::told(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// What was typed. Run by kubectl, as `kubectl crossrole`, the program is called so in its own texts too.
fn parsed() -> Result<Cli, clap::Error> {
    let mut arguments = std::env::args_os();
    let own = arguments.next().map(PathBuf::from);
    let is_plugin = own.is_some_and(|own| own.file_stem().is_some_and(|name| name == "kubectl-crossrole"));
    let mut command = Cli::command();
    if is_plugin {
        command = command.bin_name("kubectl crossrole");
    }
    let name = std::ffi::OsString::from("crossrole");
    Cli::from_arg_matches(&command.try_get_matches_from(std::iter::once(name).chain(arguments))?)
}

#[tokio::main]
async fn access(flags: &AccessFlags) -> Result<(), Box<dyn Error>> {
    access_command::run(flags).await
}

#[tokio::main]
async fn profiles(flags: &ProfilesFlags) -> Result<(), Box<dyn Error>> {
    profiles_command::run(flags).await
}

#[tokio::main]
async fn import(flags: &ImportFlags) -> Result<ExitCode, Box<dyn Error>> {
    import_command::run(flags).await
}

#[tokio::main]
async fn run(flags: &RunFlags) -> Result<(), Box<dyn Error>> {
    let filter = telemetry::start(&flags.log, flags.log_format)?;
    if let Some(file) = &flags.log_filter_file {
        tokio::spawn(filter.follow(file.clone()));
    }
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let times = flags.lease_times()?;
    let config = kube::Config::infer().await?;
    let fence = if times.is_some() {
        Fence::closed()
    } else {
        Fence::open()
    };
    let (health, metrics) = (Health::new(fence.clone()), Metrics::default());
    if let Some(address) = flags.metrics_address.0 {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| format!("--metrics-address: cannot listen at {address}: {error}"))?;
        let address = listener.local_addr()?;
        tracing::info!(%address, "health and figures are told");
        let server = tokio::spawn(server::serve(listener, health.clone(), metrics.clone()));
        health.must_go_on("the server of health and figures", &server);
    }
    let candidate = match times {
        None => None,
        Some(times) => {
            let settings = flags.lease(times, &config.default_namespace);
            let client = kube::Client::try_from(config.clone())?;
            Some(Candidate::new(client, settings, fence.clone(), health.clone()))
        }
    };
    let client = controller::client::fenced(config, fence.clone(), metrics.clone())?;
    let settings = flags.settings();
    let instruments = (health.clone(), metrics);
    let beats = health.clone();
    let mut running = tokio::spawn(async move {
        let work = async {
            let hub = Hub::load(fence).await?;
            controller::run(settings, client, hub, candidate, instruments, stopping).await?;
            Ok::<_, Box<dyn Error + Send + Sync>>(())
        };
        beats.beating(work).await
    });
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        // It ends by itself only where it could not start, or lost the lease.
        result = &mut running => return ended(result),
    }
    tracing::info!("stopping: what is under way ends at its next step");
    health.enters(Phase::Stopping);
    let _ = stop.send(true);
    ended(running.await)
}

/// What came of the task that does everything.
fn ended(result: Result<Result<(), Box<dyn Error + Send + Sync>>, JoinError>) -> Result<(), Box<dyn Error>> {
    result?.map_err(|error| -> Box<dyn Error> { error })
}

#[tokio::main]
async fn plan(flags: &PlanFlags) -> Result<ExitCode, Box<dyn Error>> {
    plan_command::run(flags).await
}

#[tokio::main]
async fn orphans(flags: &OrphansFlags) -> Result<ExitCode, Box<dyn Error>> {
    orphans_command::run(flags).await
}

#[tokio::main]
async fn doctor(flags: &DoctorFlags) -> Result<ExitCode, Box<dyn Error>> {
    doctor_command::run(flags).await
}

fn print_completion(shell: clap_complete::Shell) -> Result<(), Box<dyn Error>> {
    let mut command = Cli::command();
    let name = command.get_name().to_string();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    Ok(output::print(&String::from_utf8(script)?)?)
}

fn print_crds(output_dir: Option<&std::path::Path>) -> Result<(), Box<dyn Error>> {
    for (file, crd) in api::crd::all()? {
        let text = serde_saphyr::to_string(&crd)?;
        match output_dir {
            Some(folder) => std::fs::write(folder.join(file), text)?,
            None => output::print(&format!("---\n{text}"))?,
        }
    }
    Ok(())
}
