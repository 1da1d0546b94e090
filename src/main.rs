//! The `crossrole` program.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use crossrole::aws::Hub;
use crossrole::cli::{Cli, Command, DoctorFlags, OrphansFlags, PlanFlags, RunFlags};
use crossrole::fence::Fence;
use crossrole::lease::Candidate;
use crossrole::{api, bootstrap_command, controller, doctor_command, orphans_command, plan_command, telemetry};
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
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
