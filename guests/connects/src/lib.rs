//! Connects to the TCP `address` and sends `connected` or `denied: ` and why.
//! `tests/host/grants.rs` runs it.

use std::net::TcpStream;

use thalweg_guest::{Result, outputs, parameters, program};

program!(run);

fn run() -> Result {
    let address: String = parameters::require("address")?;
    let outcome = match TcpStream::connect(address) {
        Ok(_) => "connected".to_owned(),
        Err(error) => format!("denied: {error}"),
    };
    Ok(outputs::send("out", outcome)?)
}
