//! Tests of the host from outside.

mod descriptor;
mod graph;
mod schema;
