//! The two ports: AWS on one, the admin interface on the other.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use tokio::net::TcpListener;

use crate::admin;
use crate::connection::{CuttableListener, Peer};
use crate::gateway::{self, Shared};

/// How to start the simulator.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// Port of the AWS endpoint; 0 takes a free one.
    pub port: u16,
    /// Port of the admin interface; 0 takes a free one.
    pub admin_port: u16,
    /// Milliseconds that every AWS call takes at least.
    pub latency_ms: u64,
}

/// A simulator that is bound to its ports and ready to run.
#[derive(Debug)]
pub struct Server {
    endpoint: CuttableListener,
    admin: TcpListener,
    shared: Arc<Shared>,
}

impl Server {
    /// Takes both ports on 127.0.0.1.
    ///
    /// # Errors
    /// If a port cannot be taken.
    pub async fn bind(settings: Settings) -> io::Result<Self> {
        let endpoint = TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port)).await?;
        let admin = TcpListener::bind((Ipv4Addr::LOCALHOST, settings.admin_port)).await?;
        let shared = Arc::new(Shared::default());
        shared.latency_ms.store(settings.latency_ms, Ordering::Relaxed);
        Ok(Self {
            endpoint: CuttableListener(endpoint),
            admin,
            shared,
        })
    }

    /// Where AWS calls go.
    ///
    /// # Errors
    /// If the system does not tell the address.
    pub fn endpoint(&self) -> io::Result<SocketAddr> {
        self.endpoint.0.local_addr()
    }

    /// Where the admin interface is.
    ///
    /// # Errors
    /// If the system does not tell the address.
    pub fn admin(&self) -> io::Result<SocketAddr> {
        self.admin.local_addr()
    }

    /// Serves until `shutdown` ends. Calls that are under way are given up.
    ///
    /// # Errors
    /// If a listener fails for good.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let aws = Router::new()
            .fallback(gateway::serve)
            .with_state(Arc::clone(&self.shared));
        let aws = axum::serve(self.endpoint, aws.into_make_service_with_connect_info::<Peer>());
        let admin = axum::serve(self.admin, admin::router(self.shared));
        tokio::select! {
            served = aws.into_future() => served,
            served = admin.into_future() => served,
            () = shutdown => Ok(()),
        }
    }
}
