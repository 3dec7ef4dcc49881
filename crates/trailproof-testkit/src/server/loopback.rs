//! The server's interface for tests: start it, query its counters, change it, stop it.
use super::connection;
use super::counters::{LoggedRequest, RequestCounts};
use super::faults::FaultPlan;
use super::options::ServerOptions;
use super::state::State;
use crate::world::World;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime;
use tokio::sync::oneshot;

/// Connections that may wait to be accepted: load tests open hundreds at once.
const BACKLOG: u32 = 4096;

/// A server on 127.0.0.1, with its own threads and runtime, so that synchronous tests can use it.
/// It stops when this is dropped.
#[derive(Debug)]
pub struct LoopbackServer {
    state: Arc<State>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl LoopbackServer {
    /// Starts a server for `world`. Returns an error if the port is in use.
    pub fn start(world: impl Into<Arc<World>>, options: ServerOptions) -> io::Result<Self> {
        let state = Arc::new(State::new(world.into(), options));
        let runtime = build_runtime(state.options.threads)?;
        let (stop, stopped) = oneshot::channel();
        let (report_address, address) = mpsc::channel();
        let shared = Arc::clone(&state);
        let thread =
            std::thread::Builder::new().name("loopback-aws".to_owned()).spawn(move || {
                runtime.block_on(async {
                    let bound = bind(shared.options.port);
                    let listener = match bound.and_then(|it| Ok((it.local_addr()?, it))) {
                        Ok((address, listener)) => {
                            // This fails only if the thread that started the server no longer waits
                            // for the address.
                            let _ = report_address.send(Ok(address));
                            listener
                        }
                        Err(error) => {
                            let _ = report_address.send(Err(error));
                            return;
                        }
                    };
                    tokio::select! {
                        () = accept(listener, shared) => {}
                        _ = stopped => {}
                    }
                });
                // Requests that are delayed by latency or a stall must not delay the end of a test.
                runtime.shutdown_background();
            })?;
        let address = address.recv().map_err(io::Error::other)??;
        Ok(Self { state, address, stop: Some(stop), thread: Some(thread) })
    }

    /// Returns the server's address in the form of `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns the request counts so far.
    pub fn requests(&self) -> RequestCounts {
        self.state.counters.read()
    }

    /// Returns the requests so far, in the order in which responses were ready. Empty unless
    /// `ServerOptions::log_requests` is on.
    pub fn log(&self) -> Vec<LoggedRequest> {
        self.state.log().clone()
    }

    /// Resets counts, log and attempts, so that the next run starts from zero.
    pub fn forget(&self) {
        self.state.counters.reset();
        self.state.log().clear();
        self.state.forget_attempts();
    }

    /// Returns the current world.
    pub fn world(&self) -> Arc<World> {
        self.state.world()
    }

    /// Serves a different world from the next request on.
    pub fn replace_world(&self, world: impl Into<Arc<World>>) {
        self.state.replace_world(world.into());
    }

    /// Changes the world. Every request is served from the world either before or after the change.
    pub fn alter_world(&self, alter: impl FnOnce(&mut World)) {
        self.state.alter_world(alter);
    }

    /// Replaces the plan of faults. The counts of attempts continue.
    pub fn replace_faults(&self, plan: FaultPlan) {
        self.state.replace_faults(plan);
    }
}

impl Drop for LoopbackServer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn build_runtime(threads: usize) -> io::Result<runtime::Runtime> {
    // One thread without work stealing is the fastest for one core, and leaves the other core to
    // the measured program.
    if threads <= 1 {
        runtime::Builder::new_current_thread().enable_all().build()
    } else {
        runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()
    }
}

fn bind(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    socket.listen(BACKLOG)
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    loop {
        // A failed accept, for example for lack of file descriptors, is retried: open connections
        // continue, and eventually close.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            continue;
        };
        state.counters.connections.fetch_add(1, Ordering::Relaxed);
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            // A client that disconnects is not a failure of the server.
            let _ = connection::serve(stream, state).await;
        });
    }
}
