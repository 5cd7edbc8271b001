//! Tests of the host from outside.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by a panic, in what it calls as well"
)]

#[path = "../support/mod.rs"]
mod support;

mod descriptor;
mod graph;
mod handler;
mod rooms;
mod schema;
