//! The server from outside: started, asked what it saw, altered, stopped.
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

/// A server on 127.0.0.1, with threads and a runtime of its own, so that synchronous tests can use it.
/// It stops when this is dropped.
#[derive(Debug)]
pub struct LoopbackServer {
    state: Arc<State>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl LoopbackServer {
    /// Starts a server that answers from `world`. Fails where the port is taken.
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
                            // Nobody waits for the address only where the starter is gone.
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
                // Requests that are held up by latency or a stall must not hold up the end of a test.
                runtime.shutdown_background();
            })?;
        let address = address.recv().map_err(io::Error::other)??;
        Ok(Self { state, address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where the server is, as `AWS_ENDPOINT_URL` wants it.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What was asked so far, counted.
    pub fn requests(&self) -> RequestCounts {
        self.state.counters.read()
    }

    /// What was asked so far, in the order in which answers were ready. Empty unless
    /// `ServerOptions::log_requests` is on.
    pub fn log(&self) -> Vec<LoggedRequest> {
        self.state.log().clone()
    }

    /// Forgets counts, log and attempts, so that the next run finds the server as new.
    pub fn forget(&self) {
        self.state.counters.reset();
        self.state.log().clear();
        self.state.forget_attempts();
    }

    /// The world as it is now.
    pub fn world(&self) -> Arc<World> {
        self.state.world()
    }

    /// Answers from another world from the next request on.
    pub fn replace_world(&self, world: impl Into<Arc<World>>) {
        self.state.replace_world(world.into());
    }

    /// Changes the world. Every request is answered from the world either before or after.
    pub fn alter_world(&self, alter: impl FnOnce(&mut World)) {
        self.state.alter_world(alter);
    }

    /// Replaces the plan of what goes wrong. Attempts go on being counted.
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
    // One thread without work stealing is the fastest for one core, and leaves the other to what is
    // measured.
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
        // An accept that fails, for want of file descriptors say, is tried again: the connections
        // that are open go on, and close in time.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            continue;
        };
        state.counters.connections.fetch_add(1, Ordering::Relaxed);
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            // A client that goes away is no failure of the server.
            let _ = connection::serve(stream, state).await;
        });
    }
}
