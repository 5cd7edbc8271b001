//! Tests of the host from outside.

#[path = "../support/mod.rs"]
mod support;

mod cancel;
mod contract;
mod delivery;
mod descriptor;
mod graph;
mod handler;
mod schema;
