//! The `crossrole` program.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use crossrole::aws::Hub;
use crossrole::cli::{Cli, Command, RunFlags};
use crossrole::{api, controller, telemetry};
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(flags) => run(&flags),
        Command::Crd { output_dir } => print_crds(output_dir.as_deref()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
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
    let client = kube::Client::try_default().await?;
    let hub = Hub::load().await?;
    let mut running = tokio::spawn(controller::run(flags.settings(), client, hub, stopping));
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        // It ends by itself only where it could not start.
        ended = &mut running => return Ok(ended??),
    }
    tracing::info!("stopping: what is under way is finished");
    let _ = stop.send(true);
    running.await??;
    Ok(())
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
