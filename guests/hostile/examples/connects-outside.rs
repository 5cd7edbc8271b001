//! Reaches for an address that it was not granted, `by` `tcp` or `udp`.

use std::net::{TcpStream, UdpSocket};

use hostile::refused;
use thalweg_guest::{Result, parameters, program};

program!(run);

fn run() -> Result {
    let address: String = parameters::require("address")?;
    let by: String = parameters::require("by")?;
    match by.as_str() {
        "udp" => refused(&address, send(&address)),
        _ => refused(&address, TcpStream::connect(&address)),
    }
}

/// By whatever socket there is.
fn send(address: &str) -> std::io::Result<usize> {
    let any = if address.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
    UdpSocket::bind(any)?.send_to(b"hello", address)
}
