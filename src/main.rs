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
use crossrole::lease::Candidate;
use crossrole::{
    access_command, api, bootstrap_command, controller, doctor_command, import_command, orphans_command, plan_command,
    profiles_command, telemetry,
};
use tokio::signal::unix::{SignalKind, signal};

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
        Command::Completion { shell } => {
            let mut command = Cli::command();
            let name = command.get_name().to_string();
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command, name, &mut script);
            print!("{}", String::from_utf8_lossy(&script));
            Ok(ExitCode::SUCCESS)
        }
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
    telemetry::start(&flags.log, flags.log_format)?;
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let times = flags.lease_times()?;
    let config = kube::Config::infer().await?;
    let (fence, candidate) = match times {
        None => (Fence::open(), None),
        Some(times) => {
            let settings = flags.lease(times, &config.default_namespace);
            let fence = Fence::closed();
            let candidate = Candidate::new(kube::Client::try_from(config.clone())?, settings, fence.clone());
            (fence, Some(candidate))
        }
    };
    let client = controller::client::fenced(config, fence.clone())?;
    let hub = Hub::load(fence).await?;
    let mut running = tokio::spawn(controller::run(flags.settings(), client, hub, candidate, stopping));
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        // It ends by itself only where it could not start, or lost the lease.
        ended = &mut running => return Ok(ended??),
    }
    tracing::info!("stopping: what is under way is finished");
    let _ = stop.send(true);
    running.await??;
    Ok(())
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

fn print_crds(output_dir: Option<&std::path::Path>) -> Result<(), Box<dyn Error>> {
    for (file, crd) in api::crd::all()? {
        let text = serde_saphyr::to_string(&crd)?;
        match output_dir {
            Some(folder) => std::fs::write(folder.join(file), text)?,
            None => print!("---\n{text}"),
        }
    }
    Ok(())
}
