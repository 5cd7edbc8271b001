//! The command, run as people run it.

mod bad_input;
mod interrupt;
mod readme;
mod run;
mod shown;
mod support;
