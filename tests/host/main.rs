//! Tests of the host from outside.

#[path = "../support/mod.rs"]
mod support;

mod descriptor;
mod graph;
mod handler;
mod schema;
