//! Tests of the host from outside.

mod descriptor;
