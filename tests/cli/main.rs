//! The command, run as people run it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may panic")]

mod bad_input;
mod door;
mod grants;
mod interrupt;
mod lock;
mod process;
mod run;
mod running;
mod shown;
mod support;
mod swap;
