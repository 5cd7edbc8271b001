//! Tests of the host from outside.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what is not there fails the test, in its functions and in what they share"
)]

#[path = "../hostile/mod.rs"]
mod suite;
#[path = "../support/mod.rs"]
mod support;

mod allocator;
mod budgets;
mod cancel;
mod components;
mod contract;
mod cycles;
mod delivery;
mod descriptor;
mod embed;
mod grants;
mod graph;
mod guests;
mod handler;
mod happening;
mod hostile;
mod life;
mod limits;
mod logging;
mod payloads;
mod peers;
mod process;
mod program;
mod quickstart;
mod restart;
mod rooms;
mod schema;
mod supervision;
mod swap;

// Where the hostile suite looks for it, in each binary that has the suite.
use support::wat;
