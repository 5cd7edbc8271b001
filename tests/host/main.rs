//! Tests of the host from outside.

#[path = "../support/mod.rs"]
mod support;

mod cancel;
mod components;
mod contract;
mod cycles;
mod delivery;
mod descriptor;
mod embed;
mod graph;
mod handler;
mod life;
mod limits;
mod program;
mod schema;
