//! Listens without a grant, by TCP and by UDP, on every kind of address.

use std::net::{TcpListener, UdpSocket};

use hostile::refused;
use thalweg_guest::{Result, program};

program!(run);

const ADDRESSES: [&str; 5] =
    ["0.0.0.0:0", "127.0.0.1:0", "[::]:0", "[::1]:0", "[::ffff:127.0.0.1]:0"];

fn run() -> Result {
    for address in ADDRESSES {
        refused(format!("tcp {address}"), TcpListener::bind(address))?;
        refused(format!("udp {address}"), hears(address))?;
    }
    Ok(())
}

/// A socket that may send has a port; it must not hear strangers, and does not wait for them here.
fn hears(address: &str) -> std::io::Result<()> {
    let socket = UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    socket.recv_from(&mut [0; 1]).map(drop)
}
