//! Looks up names without a grant.

use std::net::ToSocketAddrs;

use hostile::refused;
use thalweg_guest::{Result, program};

program!(run);

fn run() -> Result {
    for name in ["localhost", "127.0.0.1.", "secret-word.example.com"] {
        refused(name, (name, 80).to_socket_addrs())?;
    }
    Ok(())
}
