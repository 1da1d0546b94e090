//! The `aws-sim` command: starts the simulator and says where it listens.

use std::io::{self, Write as _};
use std::process::ExitCode;

use aws_sim::{Server, Settings};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// A simulated AWS IAM and STS. Listens on 127.0.0.1 only.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Port of the AWS endpoint; 0 takes a free one.
    #[arg(long, env = "AWS_SIM_PORT", default_value_t = 0)]
    port: u16,
    /// Port of the admin interface; 0 takes a free one.
    #[arg(long, env = "AWS_SIM_ADMIN_PORT", default_value_t = 0)]
    admin_port: u16,
    /// Milliseconds that every AWS call takes at least.
    #[arg(long, env = "AWS_SIM_LATENCY_MS", default_value_t = 0)]
    latency_ms: u64,
    /// End when standard input is closed, so that nothing stays behind when the process that started it dies.
    #[arg(long)]
    exit_with_parent: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("aws-sim: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> io::Result<()> {
    let Arguments {
        port,
        admin_port,
        latency_ms,
        exit_with_parent,
    } = arguments;
    let server = Server::bind(Settings {
        port,
        admin_port,
        latency_ms,
    })
    .await?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    println!(
        "aws-sim listening endpoint=http://{} admin=http://{}",
        server.endpoint()?,
        server.admin()?
    );
    io::stdout().flush()?;
    let shutdown = async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
            () = parent_gone(), if exit_with_parent => {}
        }
    };
    server.run(shutdown).await
}

/// Ends when standard input does. A thread of its own waits for it, for a blocking read cannot be called off.
async fn parent_gone() {
    let (gone, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ = gone.send(());
    });
    let _ = told.await;
}
