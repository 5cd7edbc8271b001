//! Listens at the `address` by `tcp` or `udp`, sends where, and gives back what its first peer sends; or
//! sends `denied: ` and why.
//! `tests/host/grants.rs` runs it.

use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};

use thalweg_guest::{Result, outputs, parameters, program};

program!(run);

fn run() -> Result {
    let address: String = parameters::require("address")?;
    let by: String = parameters::require("by")?;
    let served = if by == "udp" { serve_udp(&address) } else { serve_tcp(&address) };
    Ok(served.or_else(|error| outputs::send("out", format!("denied: {error}")))?)
}

fn serve_tcp(address: &str) -> std::io::Result<()> {
    let listener = TcpListener::bind(address)?;
    tell(listener.local_addr()?);
    let (mut peer, _) = listener.accept()?;
    let mut bytes = [0; 5];
    peer.read_exact(&mut bytes)?;
    peer.write_all(&bytes)
}

fn serve_udp(address: &str) -> std::io::Result<()> {
    let socket = UdpSocket::bind(address)?;
    tell(socket.local_addr()?);
    let mut bytes = [0; 5];
    let (_, peer) = socket.recv_from(&mut bytes)?;
    socket.send_to(&bytes, peer).map(drop)
}

fn tell(address: std::net::SocketAddr) {
    // Whoever reads it has ended where this fails: nobody will come.
    let _ = outputs::send("out", address.to_string());
}
