//! WASI 0.2 for one component: nothing, but for what the descriptor grants.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use wasmtime::error::Context as _;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};
use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder};

use super::meter::Usage;
use crate::dataflow::{Address, Component, Grants};
use crate::log::{LogStream, NodeLog};

/// Bytes of randomness for one call.
const MAX_RANDOM_BYTES: u64 = 1024 * 1024;
/// Bytes that a component may write to a standard stream at once.
const MAX_WRITE_BYTES: usize = 64 * 1024;

/// # Errors
///
/// When a granted folder cannot be opened.
pub(crate) fn context(
    component: &Component,
    log: &NodeLog,
    usage: &Arc<Usage>,
) -> wasmtime::Result<WasiCtx> {
    let mut builder = WasiCtxBuilder::new();
    builder.max_random_size(MAX_RANDOM_BYTES);
    builder.arg(log.node().as_str()).args(&component.args);
    for (name, value) in &component.env {
        builder.env(name, value);
    }
    if component.grants.stdio {
        builder.inherit_stdio();
    } else {
        let writer = |stream| LogWriter { log: log.clone(), stream, usage: Arc::clone(usage) };
        builder.stdout(writer(LogStream::Stdout)).stderr(writer(LogStream::Stderr));
    }
    for folder in &component.grants.folders {
        let perms = if folder.writable { FsPerms::ReadWrite } else { FsPerms::ReadOnly };
        let opened = builder.preopened_dir(&folder.host, &folder.guest, perms);
        let path = folder.host.display();
        opened.with_context(|| format!("cannot open the granted folder `{path}`"))?;
    }
    network(&mut builder, &component.grants);
    Ok(builder.build())
}

fn network(builder: &mut WasiCtxBuilder, grants: &Grants) {
    let any = !grants.connect.is_empty() || !grants.listen.is_empty();
    builder.allow_tcp(any).allow_udp(any).allow_ip_name_lookup(grants.name_lookup);
    let (connect, listen) = (grants.connect.clone(), grants.listen.clone());
    builder.socket_addr_check(move |address, usage| {
        let granted = may_use(&connect, &listen, address, usage);
        Box::pin(async move { granted })
    });
}

fn may_use(
    connect: &[Address],
    listen: &[Address],
    address: SocketAddr,
    usage: SocketAddrUse,
) -> bool {
    let covered = |grants: &[Address]| grants.iter().any(|grant| covers(grant, address));
    match usage {
        SocketAddrUse::TcpConnect | SocketAddrUse::UdpSend => covered(connect),
        SocketAddrUse::TcpListen => covered(listen),
        // Connecting binds to any free port first; to listen there needs a grant of its own.
        SocketAddrUse::TcpBind | SocketAddrUse::UdpBind => {
            let free_port = address.ip().is_unspecified() && address.port() == 0;
            covered(listen) || (free_port && !connect.is_empty())
        }
        // Whoever may listen may hear anyone.
        SocketAddrUse::TcpAccept => !listen.is_empty(),
        SocketAddrUse::UdpReceive => !listen.is_empty() || covered(connect),
    }
}

/// An IPv4 address that is written as IPv6 is the IPv4 address: otherwise it would be a second name for
/// what is not granted, or none for what is.
fn covers(grant: &Address, address: SocketAddr) -> bool {
    grant.ip.is_none_or(|ip| ip.to_canonical() == address.ip().to_canonical())
        && grant.port.is_none_or(|port| port == address.port())
}

/// A standard stream whose lines go to the log, at the pace that is allowed.
#[derive(Clone)]
struct LogWriter {
    log: NodeLog,
    stream: LogStream,
    usage: Arc<Usage>,
}

impl IsTerminal for LogWriter {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogWriter {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only WASI 0.3 asks for this form, and no component of that kind is linked.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LogWriter {
    async fn ready(&mut self) {
        self.usage.log_wait().await;
        self.log.drain(self.stream).await;
    }
}

#[wasmtime_wasi::async_trait]
impl OutputStream for LogWriter {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.usage.note_log(bytes.len());
        self.log.append(self.stream, &bytes);
        self.log.try_drain(self.stream);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.log.try_drain(self.stream);
        let waits = self.usage.log.as_ref().is_some_and(|log| log.due().is_some());
        Ok(if waits || self.log.has_line(self.stream) { 0 } else { MAX_WRITE_BYTES })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(ip: Option<&str>, port: Option<u16>) -> Address {
        Address { ip: ip.map(|ip| ip.parse().unwrap()), port }
    }

    #[test]
    fn a_grant_covers_its_address_only() {
        let grant = address(Some("127.0.0.1"), Some(80));
        assert!(covers(&grant, "127.0.0.1:80".parse().unwrap()));
        assert!(covers(&grant, "[::ffff:127.0.0.1]:80".parse().unwrap()));
        assert!(!covers(&grant, "127.0.0.1:81".parse().unwrap()));
        assert!(!covers(&grant, "127.0.0.2:80".parse().unwrap()));
    }

    #[test]
    fn connecting_needs_no_grant_to_listen_and_gives_none() {
        let connect = [address(Some("10.0.0.1"), Some(80))];
        let any: SocketAddr = "0.0.0.0:0".parse().unwrap();
        assert!(may_use(&connect, &[], any, SocketAddrUse::TcpBind));
        assert!(!may_use(&connect, &[], "0.0.0.0:80".parse().unwrap(), SocketAddrUse::TcpBind));
        assert!(!may_use(&connect, &[], any, SocketAddrUse::TcpListen));
        assert!(!may_use(&[], &[], any, SocketAddrUse::UdpBind));
    }

    #[test]
    fn a_part_that_is_missing_is_any() {
        assert!(covers(&address(None, Some(80)), "[::1]:80".parse().unwrap()));
        assert!(covers(&address(Some("::1"), None), "[::1]:9".parse().unwrap()));
    }
}
