//! Tests of the host from outside.

#[path = "../support/mod.rs"]
mod support;

mod cancel;
mod contract;
mod cycles;
mod delivery;
mod descriptor;
mod graph;
mod handler;
mod life;
mod limits;
mod schema;
